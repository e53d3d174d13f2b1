"""What a sampling gains and costs at 65,536 iterations of 500 reps: `python -m tests.bench.bench_sampling`.

Gain: error of mean and P95 over the same seeds, as a ratio to plain. The mean is compared with its closed form, P95 with
the mean of all Sobol runs. Cost: the least seconds of the whole simulation, the samplings in turn.
Errors over 16 seeds are themselves known to some 20 %.
"""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal

import numpy as np

from include.forecast.engine import simulate_block
from include.forecast.marginal import Marginal
from include.forecast.sampling import METHODS, sampling_of
from include.forecast.summary import Summary, summarise
from tests.forecast_cases import G04_MU, G04_SIGMA, line, rep, simulation
from tests.reference.forecast_reference import Hinges

REPS, ITERATIONS, SEEDS = 500, 65_536, 16
GOALS = {"mean": 1 / 4, "P95": 1 / 1.8, "time": 1.1}


def measure() -> tuple[dict[str, list[Summary]], dict[str, list[float]]]:
    """Method -> summaries by seed, and seconds by seed."""
    marginal = Marginal("lognormal", G04_MU, G04_SIGMA)
    inputs = simulation(
        rep(f"R{i:04d}", region=str(i % 8), lines=[line(marginal=marginal)]) for i in range(REPS)
    )
    found: dict[str, list[Summary]] = {method: [] for method in METHODS}
    seconds: dict[str, list[float]] = {method: [] for method in METHODS}
    for seed in range(SEEDS):
        for method in METHODS:
            sampling = sampling_of(method, ITERATIONS)
            start = time.perf_counter()
            block = simulate_block(replace(inputs, sampling=sampling), seed, 0, ITERATIONS)
            seconds[method].append(time.perf_counter() - start)
            found[method].append(summarise(block.groups[("total", "")], Decimal(0), sampling))
    return found, seconds


def main() -> None:
    """Print every sampling with its errors and its time."""
    print(f"{REPS} reps x {ITERATIONS:,} iterations, {SEEDS} seeds; errors and time as ratios to plain")
    print(f"goals A6, sobol: mean <= {GOALS['mean']:.2f}, P95 <= {GOALS['P95']:.2f}, time <= {GOALS['time']}")
    found, seconds = measure()
    exact = REPS * 50_000 * Hinges(G04_MU, G04_SIGMA).expected([(0, 1), (1, 1.5), (1.2, 2)], 0.5, 2.5)
    p95 = np.mean([float(s.var_95) for s in found["sobol"]])

    def error(values: list[float], truth: float) -> float:
        return float(np.sqrt(np.mean((np.array(values) - truth) ** 2)))

    means = {m: error([float(s.mean) for s in runs], exact) for m, runs in found.items()}
    tails = {m: error([float(s.var_95) for s in runs], p95) for m, runs in found.items()}
    for method in METHODS:
        cost = min(seconds[method]) / min(seconds["plain"])
        said = np.sqrt(np.mean([float(s.se_mean) ** 2 for s in found[method]]))
        print(
            f"{method:12s} mean {means[method] / means['plain']:6.3f}   P95 {tails[method] / tails['plain']:6.3f}"
            f"   time {cost:5.2f}   standard error said / seen {said / means[method]:5.2f}"
            f"   median ess {np.median([s.ess for s in found[method]]):,.0f}"
        )


if __name__ == "__main__":
    main()
