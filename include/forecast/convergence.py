"""Mean and P95 after ever more iterations: whether enough were run."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from include.forecast.accuracy import clusters
from include.forecast.sampling import Sampling
from include.forecast.summary import mean_and_error, quantile

#: Checkpoints of a simulation, at equal distances; fewer where there are fewer independent units.
CHECKPOINTS = 20
_PERCENT = 95


@dataclass(frozen=True)
class Checkpoint:
    """Statistics of the first `iterations` iterations, as those of the whole simulation are defined."""

    iterations: int
    mean: Decimal
    se_mean: Decimal | None
    p95: Decimal


def convergence(cents: np.ndarray, sampling: Sampling) -> list[Checkpoint]:
    """Checkpoints at whole pairs or replications; the last one is the simulation's own figures."""
    n = len(cents)
    units, width = clusters(n, sampling), sampling.cluster(n)
    count = min(CHECKPOINTS, units)
    ends = sorted({min(n, -(-units * step // count) * width) for step in range(1, count + 1)})
    return [_checkpoint(cents[:end], sampling) for end in ends]


def _checkpoint(cents: np.ndarray, sampling: Sampling) -> Checkpoint:
    # A partition is a sorted array where the quantile looks, and costs a tenth of one.
    low = (len(cents) - 1) * _PERCENT // 100
    placed = np.partition(cents, (low, min(low + 1, len(cents) - 1)))
    mean, error = mean_and_error(cents, sampling)
    return Checkpoint(len(cents), mean, error, quantile(placed, _PERCENT))
