"""Cost of the simulation per rep-draw, as a ratio to drawing the normals alone: `python -m tests.bench.bench_forecast`.

Floor and subjects are measured in turn inside one process; the figure is the least ratio of all rounds. No
test is gated on time. The floor is default_rng().standard_normal(out=) of the same number of draws.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.random import default_rng

from include.forecast.draws import Streams
from include.forecast.engine import simulate_block
from include.forecast.inputs import SimulationInputs
from include.forecast.marginal import Marginal
from tests.forecast_cases import line, rep, simulation

REPS, ITERATIONS, ROUNDS = 500, 8192, 7
GOAL = 1.65


def portfolio(marginals: list[Marginal]) -> SimulationInputs:
    """500 reps in 8 regions, the marginals in turn."""
    return simulation(
        rep(f"R{i:04d}", region=str(i % 8), lines=[line(marginal=marginals[i % len(marginals)])])
        for i in range(REPS)
    )


def full_matrix(inputs: SimulationInputs) -> np.ndarray:
    """The textbook way: every draw in memory, interpolation for the tiers."""
    rng = default_rng(1)
    n = len(inputs.reps)
    z = np.sqrt(0.7) * rng.standard_normal((ITERATIONS, n)) + np.sqrt(0.1) * rng.standard_normal(
        (ITERATIONS, 1)
    )
    regions = rng.standard_normal((ITERATIONS, 8))
    z += np.sqrt(0.2) * regions[:, [int(r.region) for r in inputs.reps]]
    a = np.exp(-0.1125 + 0.35 * z)
    paid = np.interp(a, [0, 1, 1.2, 1.8, 9], [0, 1, 1.3, 2.5, 2.5]) * 50_000 * (a >= 0.5)
    return paid.sum(axis=1)


def streams_only(inputs: SimulationInputs) -> None:
    """What the streams alone cost: the normals of every rep, without pay."""
    streams = Streams(1, "base")
    for entry in inputs.reps:
        streams.normals(f"rep:{entry.rep_key}", 0, ITERATIONS)


def measure() -> dict[str, tuple[float, float]]:
    """Subject -> (least ratio to the floor, least ns per rep-draw)."""
    lognormal = portfolio([Marginal("lognormal", -0.1125, 0.35)])
    gamma = portfolio([Marginal("gamma", 8.0, 0.12)])
    hurdle = portfolio([Marginal("lognormal", -0.1, 0.35, p0=0.05)])
    rng, buffer = default_rng(1), np.empty(ITERATIONS)

    def floor() -> None:
        for _ in range(REPS):
            rng.standard_normal(out=buffer)

    subjects: dict[str, Callable[[], object]] = {
        "lognormal": lambda: simulate_block(lognormal, 1, 0, ITERATIONS),
        "gamma (table)": lambda: simulate_block(gamma, 1, 0, ITERATIONS),
        "lognormal with hurdle": lambda: simulate_block(hurdle, 1, 0, ITERATIONS),
        "its streams alone": lambda: streams_only(lognormal),
        "peer: NumPy full matrix": lambda: full_matrix(lognormal),
    }
    ratios: dict[str, list[float]] = {name: [] for name in subjects}
    nanoseconds: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(ROUNDS):
        for name, subject in subjects.items():
            base, spent = _seconds(floor), _seconds(subject)
            ratios[name].append(spent / base)
            nanoseconds[name].append(spent / (REPS * ITERATIONS) * 1e9)
    return {name: (min(ratios[name]), min(nanoseconds[name])) for name in subjects}


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _simd() -> str:
    from numpy._core._multiarray_umath import __cpu_features__ as features

    return next((name for name in ("AVX512F", "AVX512_SKX", "AVX2", "SSE42") if features.get(name)), "none")


def main() -> None:
    """Print every subject with its ratio."""
    print(
        f"{REPS} reps x {ITERATIONS} iterations, {ROUNDS} rounds, SIMD {_simd()}; floor = default_rng normals"
    )
    for name, (ratio, ns) in measure().items():
        goal = f"  goal A1 <= {GOAL}" if name == "lognormal" else ""
        print(f"{name:36s} {ratio:6.2f} x floor  {ns:7.1f} ns per rep-draw{goal}")


if __name__ == "__main__":
    main()
