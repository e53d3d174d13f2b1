"""Statistics of roles, regions, segments and reps whose means and tail shares add up to the total's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from include.forecast.engine import rep_cents
from include.forecast.inputs import SimulationInputs
from include.forecast.summary import Exceedance, Summary, exceedance, group_means, quantile, tail_mask

#: Percentiles of single reps come from this many iterations at most; their means from all.
REP_ITERATIONS = 100_000


@dataclass(frozen=True)
class GroupStatistics:
    """One group: money in currency. `es95_contribution` is its mean over the iterations ES95 is the mean of."""

    group_key: str
    rep_count: int
    mean: Decimal
    p10: Decimal
    p50: Decimal
    p90: Decimal
    es95_contribution: Decimal | None = None
    exceedance: Exceedance | None = None


def group_statistics(
    vectors: Iterable[tuple[str, np.ndarray]],
    total: np.ndarray,
    summary: Summary,
    *,
    rep_counts: Mapping[str, int],
    budgets: Mapping[str, Decimal],
) -> list[GroupStatistics]:
    """Statistics of the groups of one kind. `vectors`: (key, cents per iteration); they sum to `total`."""
    is_tail = tail_mask(total, summary.var_95)
    keys, sums, tails, rest = [], [], [], []
    for key, cents in vectors:
        ordered = np.sort(cents)
        keys.append(key)
        sums.append(int(cents.sum()))
        tails.append(int(cents[is_tail].sum()))
        over = exceedance(cents, budgets[key], summary.sampling) if key in budgets else None
        rest.append(([quantile(ordered, p) for p in (10, 50, 90)], over))
        # Before the next group is read: two of them are never in memory.
        del cents, ordered
    means = group_means(sums, summary.mean)
    shares = group_means(tails, summary.es95)
    return [
        GroupStatistics(key, rep_counts[key], mean, *percentiles, share, over)
        for key, mean, share, (percentiles, over) in zip(keys, means, shares, rest, strict=True)
    ]


def rep_statistics(
    inputs: SimulationInputs, seed: int, iterations: int, sums: np.ndarray, mean: Decimal
) -> list[GroupStatistics]:
    """Statistics of single reps. `sums`: cents per rep over all iterations, in the order of the inputs.

    Percentiles are drawn again from the reps' own streams, so no iteration of a rep is ever stored.
    """
    means = group_means([int(s) for s in sums], mean)
    rows = []
    for (rep, cents), rep_mean in zip(
        rep_cents(inputs, seed, 0, min(iterations, REP_ITERATIONS)), means, strict=True
    ):
        cents.sort()
        rows.append(GroupStatistics(rep.rep_key, 1, rep_mean, *(quantile(cents, p) for p in (10, 50, 90))))
    return rows
