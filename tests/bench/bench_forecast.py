"""The simulation beside its peers, in one run: `python -m tests.bench.bench_forecast`.

The floor is default_rng().standard_normal(out=) of as many draws. Floor and subjects are measured in turn inside one
process, at least seven rounds; a figure is the least time of all rounds over the floor's least, with the median of the
rounds' own ratios beside it, in processor time, which other programs on the machine disturb less. Peers are told by how many times slower they are than ours of the same width. Two
processes are judged by the clock on the wall, memory in a process for each variant. No test is gated on time.
`python -m tests.bench.bench_forecast memory exact 5000 400000` measures one variant's memory alone.
"""

from __future__ import annotations

import importlib
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.random import default_rng

from include.forecast.draws import SEGMENT
from include.forecast.engine import simulate_block
from include.forecast.inputs import SimulationInputs
from include.forecast.marginal import Marginal
from tests.forecast_cases import line, rep, simulation

REPS, ROUNDS = 500, 7
ITERATIONS = 4 * SEGMENT
LOGNORMAL = Marginal("lognormal", -0.1125, 0.35)
FAMILIES = {
    "gamma": Marginal("gamma", 8.0, 0.12),
    "weibull": Marginal("weibull", 3.0, 1.05),
    "lognormal with hurdle": Marginal("lognormal", -0.1, 0.35, p0=0.05),
}
#: Least share of ours that a peer may take: A3.
PEER_GOALS = {"full matrix": (5.5, 12), "numba": (6, None), "JAX": (None, 1.8), "pandas loop": (100, None),
              "pure Python": (160, None), "norm.cdf to gamma.ppf": (None, None)}  # fmt: skip
MEMORY_GOAL = 80


def portfolio(marginal: Marginal, profile: str = "exact", reps: int = REPS) -> SimulationInputs:
    """Reps in 8 regions on plan P1."""
    entries = (rep(f"R{i:04d}", region=str(i % 8), lines=[line(marginal=marginal)]) for i in range(reps))
    return simulation(entries, profile=profile)


def subjects() -> Iterator[tuple[str, SimulationInputs, str, float]]:
    """(name, inputs, goal, its bound)."""
    yield "exact, lognormal", portfolio(LOGNORMAL), "A1", 1.65
    yield "fast, lognormal", portfolio(LOGNORMAL, "fast"), "A2", 0.85 if _simd() == "AVX512" else 1.0
    for name, marginal in FAMILIES.items():
        yield f"exact, {name}", portfolio(marginal), "", 0.0
        yield f"fast, {name}", portfolio(marginal, "fast"), "A4", 1.15


def full_matrix(iterations: int = 4 * SEGMENT, kind: type = np.float64) -> np.ndarray:
    """The textbook way: every draw in memory, interpolation for the tiers."""
    rng = default_rng(1)
    z = np.sqrt(0.7) * rng.standard_normal((iterations, REPS), kind)
    z += np.sqrt(0.1) * rng.standard_normal((iterations, 1), kind)
    z += (np.sqrt(0.2) * rng.standard_normal((iterations, 8), kind))[:, np.arange(REPS) % 8]
    a = np.exp(-0.1125 + 0.35 * z)
    paid = np.interp(a, [0, 1, 1.2, 1.8, 9], [0, 1, 1.3, 2.5, 2.5]) * 50_000 * (a >= 0.5)
    return paid.sum(axis=1)


def inverse_of_inverse(iterations: int = 64) -> np.ndarray:
    """Any distribution the textbook way: the normal's probability, and back by the family's own quantile."""
    from scipy.stats import gamma, norm

    a = gamma.ppf(norm.cdf(default_rng(1).standard_normal((iterations, REPS))), 8.0, scale=0.12)
    paid = np.interp(a, [0, 1, 1.2, 1.8, 9], [0, 1, 1.3, 2.5, 2.5]) * 50_000 * (a >= 0.5)
    return paid.sum(axis=1)


def _pay(a: float) -> float:
    if a < 0.5:
        return 0.0
    return 50_000 * min(2.5, a + 0.5 * max(0.0, a - 1.0) + 0.5 * max(0.0, a - 1.2))


def pandas_loop(iterations: int = 2) -> float:
    """A frame of reps per iteration, the tier function applied row by row."""
    import pandas as pd

    rng, total = default_rng(1), 0.0
    for _ in range(iterations):
        reps = pd.DataFrame({"region": np.arange(REPS) % 8, "own": rng.standard_normal(REPS)})
        common = 0.3162 * rng.standard_normal() + 0.4472 * rng.standard_normal(8)
        a = np.exp(-0.1125 + 0.35 * (common[reps.region] + 0.8367 * reps.own))
        total += reps.assign(a=a).apply(lambda row: _pay(row.a), axis=1).groupby(reps.region).sum().sum()
    return total


def pure_python(iterations: int = 20) -> float:
    """Loops over iterations and reps."""
    import math
    import random

    rng, total = random.Random(1), 0.0
    for _ in range(iterations):
        shared = 0.3162 * rng.gauss(0, 1)
        common = [shared + 0.4472 * rng.gauss(0, 1) for _ in range(8)]
        for i in range(REPS):
            total += _pay(math.exp(-0.1125 + 0.35 * (common[i % 8] + 0.8367 * rng.gauss(0, 1))))
    return total


def numba_loop() -> Callable[[], object]:
    """The loops compiled, NumPy's generator inside. Raises ImportError where numba is not installed."""
    numba = importlib.import_module("numba")

    @numba.njit
    def run(iterations: int) -> float:
        total = 0.0
        for _ in range(iterations):
            shared = 0.3162 * np.random.standard_normal()
            common = shared + 0.4472 * np.random.standard_normal(8)
            for i in range(500):
                a = np.exp(-0.1125 + 0.35 * (common[i % 8] + 0.8367 * np.random.standard_normal()))
                if a >= 0.5:
                    total += 50_000 * min(2.5, a + 0.5 * max(0.0, a - 1.0) + 0.5 * max(0.0, a - 1.2))
        return total

    run(1)
    return lambda: run(SEGMENT)


def jax_matrix() -> Callable[[], object]:
    """The full matrix compiled in float32. Raises ImportError where JAX is not installed."""
    jax = importlib.import_module("jax")
    jnp = jax.numpy

    @jax.jit
    def run(key):
        own, region, shared = (
            jax.random.normal(k, (SEGMENT, n))
            for k, n in zip(jax.random.split(key, 3), (REPS, 8, 1), strict=True)
        )
        a = jnp.exp(
            -0.1125 + 0.35 * (0.8367 * own + 0.4472 * region[:, jnp.arange(REPS) % 8] + 0.3162 * shared)
        )
        paid = jnp.minimum(2.5, a + 0.5 * jnp.maximum(0, a - 1) + 0.5 * jnp.maximum(0, a - 1.2)) * (a >= 0.5)
        return paid.sum(axis=1)

    run(jax.random.key(1)).block_until_ready()
    return lambda: run(jax.random.key(2)).block_until_ready()


def peers() -> Iterator[tuple[str, Callable[[], object], int]]:
    """(name, work, rep-draws of it); what is not installed is told and left out."""
    yield "full matrix", full_matrix, 4 * SEGMENT * REPS
    yield "norm.cdf to gamma.ppf", inverse_of_inverse, 64 * REPS
    yield "pandas loop", pandas_loop, 2 * REPS
    yield "pure Python", pure_python, 20 * REPS
    for name, make in (("numba", numba_loop), ("JAX", jax_matrix)):
        try:
            yield name, make(), SEGMENT * REPS
        except ImportError:
            print(f"{name} is not installed: not compared")


def measure(
    work: dict[str, tuple[Callable[[], object], int]],
    rounds: int = ROUNDS,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, tuple[float, float]]:
    """Name -> (least ns per rep-draw over the floor's least, median of the rounds' ratios)."""
    rng, buffer = default_rng(1), np.empty(SEGMENT)

    def floor() -> None:
        for _ in range(REPS):
            rng.standard_normal(out=buffer)

    floors: list[float] = []
    spent: dict[str, list[float]] = {name: [] for name in work}
    ratios: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, (subject, draws) in work.items():
            floors.append(_seconds(floor, clock) / (REPS * SEGMENT))
            spent[name].append(_seconds(subject, clock) / draws)
            ratios[name].append(spent[name][-1] / floors[-1])
    print(f"floor {min(floors) * 1e9:.2f} ns per draw")
    return {name: (min(spent[name]) / min(floors), statistics.median(ratios[name])) for name in work}


_shared: dict[str, SimulationInputs] = {}


def _begin() -> None:
    _shared.update({profile: portfolio(LOGNORMAL, profile) for profile in ("exact", "fast")})


def _block(profile: str, start: int) -> int:
    totals = simulate_block(_shared[profile], 1, start, start + ITERATIONS)
    return int(totals.groups[("total", "")].sum())


def two_processes() -> None:
    """Wall time of two processes, each with half of the blocks, over the floor of all draws in one."""
    blocks = [n * ITERATIONS for n in range(4)]
    with ProcessPoolExecutor(2, get_context("spawn"), _begin) as pool:
        for profile, goal in (("exact", ""), ("fast", "  goal A2 <= 0.45")):
            found: dict[str, tuple[Callable[[], object], int]] = {
                profile: (
                    lambda profile=profile: list(pool.map(_block, [profile] * len(blocks), blocks)),
                    len(blocks) * ITERATIONS * REPS,
                )
            }
            ((least, median),) = measure(found, 7, time.perf_counter).values()
            print(f"{profile + ', two processes':32s} {least:6.2f} x floor (median {median:.2f}){goal}")


def memory(profile: str, reps: int, iterations: int) -> None:
    """Peak of this process less the totals it keeps: all groups of all iterations."""
    inputs = portfolio(LOGNORMAL, profile, reps)
    kept: dict[tuple[str, str], np.ndarray] = {}
    for start in range(0, iterations, 8 * SEGMENT):
        stop = min(start + 8 * SEGMENT, iterations)
        for key, cents in simulate_block(inputs, 1, start, stop).groups.items():
            kept.setdefault(key, np.zeros(iterations, np.int64))[start:stop] = cents
    results = sum(vector.nbytes for vector in kept.values()) / 2**20
    # Not getrusage: its peak of a new process begins with that of the one that started it.
    status = Path("/proc/self/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024
    print(
        f"{profile}, {reps:,} reps x {iterations:,}: peak {peak:.0f} MB, results {results:.0f} MB,"
        f" the rest {peak - results:.0f} MB (goal A5 <= {MEMORY_GOAL})"
    )


def _seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    work()
    return clock() - start


def _simd() -> str:
    from numpy._core._multiarray_umath import __cpu_features__ as features

    levels = (("AVX512", "AVX512_SKX"), ("AVX2", "AVX2"), ("SSE42", "SSE42"))
    return next((name for name, feature in levels if features.get(feature)), "none")


def main() -> None:
    """Print every subject and peer with its ratio and goal."""
    print(f"{REPS} reps x {ITERATIONS:,} iterations, {ROUNDS} rounds, NumPy {np.__version__}, SIMD {_simd()}")
    chosen = list(subjects())
    found = measure(
        {
            name: (lambda inputs=inputs: simulate_block(inputs, 1, 0, ITERATIONS), ITERATIONS * REPS)
            for name, inputs, _, _ in chosen
        }
    )
    for name, _, goal, bound in chosen:
        least, median = found[name]
        told = f"  goal {goal} <= {bound}" if goal else ""
        print(f"{name:32s} {least:6.2f} x floor (median {median:.2f}){told}")
    ours = [found["exact, lognormal"][0], found["fast, lognormal"][0]]
    for name, (least, _) in measure({name: work for name, *work in peers()}, 7).items():
        goals = [f"goal A3 >= {g}" if g else "" for g in PEER_GOALS[name]]
        exact, fast = (
            f"{least / own:,.1f} x ours {goal}".rstrip() for own, goal in zip(ours, goals, strict=True)
        )
        print(f"{name:32s} {least:10.2f} x floor; exact: {exact}; fast: {fast}")
    two_processes()
    for profile in ("exact", "fast"):
        for reps, iterations in ((500, 10 * SEGMENT), (5000, 10 * SEGMENT)):
            command = [sys.executable, "-m", "tests.bench.bench_forecast", "memory", profile]
            subprocess.run([*command, str(reps), str(iterations)], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        memory(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
