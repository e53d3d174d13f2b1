"""Statistics of the totals: quantiles, tail, exceedance, intervals (semantics 5a, G-06, G-07).

Totals are integer cents. Quantiles interpolate linearly between order statistics, as numpy and Postgres'
percentile_cont do, here in exact arithmetic: whole percentiles of cents end at the fourth decimal place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
from scipy.stats import binom

from include.errors import TradewindError
from include.forecast.accuracy import (
    clusters,
    deviation,
    effective_share_size,
    effective_size,
    standard_error,
)
from include.forecast.sampling import PLAIN, Sampling
from include.money import QUANTUM, allocate, round_half_up

#: Two-sided 95 %.
_Z95 = 1.959963984540054
PERCENTILES = tuple(range(1, 100))
#: Cents that are worked on at once where all of them would need a copy.
_PIECE = 2**18


@dataclass(frozen=True)
class Exceedance:
    """How often totals exceed a budget: share with its Wilson interval, and the mean excess."""

    budget_amount: Decimal
    count: int
    share: float
    low: float
    high: float
    expected_overshoot: Decimal


@dataclass(frozen=True)
class Summary:
    """One simulation's statistics. Money in currency with four places; `percentiles` has 1..99.

    `var_95` is P95 of the total cost, `var_95_excess` what it lies above the mean (C10), `es95` the mean of
    totals at or above P95, `reserve` P90 - P50. With one iteration there is no sd and no interval. Errors come from the
    spread of `independent_units`: iterations, antithetic pairs or Sobol replications; `ess`, the effective sample size, is
    the number of plain iterations that would leave the same error of the mean.
    """

    iterations: int
    mean: Decimal
    sd: Decimal | None
    se_mean: Decimal | None
    minimum: Decimal
    maximum: Decimal
    percentiles: Mapping[int, Decimal]
    es95: Decimal
    p95_low: Decimal | None
    p95_high: Decimal | None
    exceedance: Exceedance | None
    sampling: Sampling
    independent_units: int
    ess: float | None

    @property
    def var_95(self) -> Decimal:
        """P95 of the total cost."""
        return self.percentiles[95]

    @property
    def var_95_excess(self) -> Decimal:
        """P95 above the mean."""
        return self.percentiles[95] - self.mean

    @property
    def reserve(self) -> Decimal:
        """P90 - P50: what to hold above the median."""
        return self.percentiles[90] - self.percentiles[50]


def summarise(cents: np.ndarray, budget_amount: Decimal | None = None, sampling: Sampling = PLAIN) -> Summary:
    """Statistics of `cents` (int64, one total per iteration from 0 on). Raises TradewindError when there are none."""
    n = len(cents)
    if n == 0:
        raise TradewindError(
            where="summary of a simulation",
            expected="at least one total",
            got="none",
            remedy="run at least one iteration",
        )
    ordered = np.sort(cents)
    percentiles = {k: quantile(ordered, k) for k in PERCENTILES}
    tail = cents[tail_mask(cents, percentiles[95])]
    spread = deviation(cents) if n > 1 else None
    mean, error = mean_and_error(cents, sampling)
    low, high = _p95_ranks(ordered, cents, sampling)
    return Summary(
        iterations=n,
        mean=mean,
        sd=None if spread is None else _currency(spread),
        se_mean=error,
        minimum=_exact(int(ordered[0])),
        maximum=_exact(int(ordered[-1])),
        percentiles=percentiles,
        es95=_mean(tail),
        p95_low=_exact(int(ordered[low - 1])) if low >= 1 else None,
        p95_high=_exact(int(ordered[high - 1])) if high <= n else None,
        exceedance=None if budget_amount is None else exceedance(cents, budget_amount, sampling),
        sampling=sampling,
        independent_units=clusters(n, sampling),
        ess=effective_size(cents, sampling),
    )


def mean_and_error(cents: np.ndarray, sampling: Sampling) -> tuple[Decimal, Decimal | None]:
    """Mean and its standard error, in currency; no error with fewer than two independent units."""
    error = standard_error(cents, sampling)
    return _mean(cents), None if error is None else _currency(error)


def quantile(ordered: np.ndarray, percent: int) -> Decimal:
    """The `percent`-th percentile of ascending cents, in currency, exact to the fourth place."""
    whole, part = divmod((len(ordered) - 1) * percent, 100)
    low = int(ordered[whole])
    high = int(ordered[min(whole + 1, len(ordered) - 1)])
    return (Decimal(low * 100 + (high - low) * part) / 10000).quantize(QUANTUM)


def quantile_ranks(n: int, probability: float) -> tuple[int, int]:
    """Ranks (from 1) of the order statistics whose interval holds the quantile with at least 95 %.

    A rank of 0 or n + 1 means that the sample is too small for a bound on that side.
    """
    low = int(binom.ppf(0.025, n, probability))
    high = int(binom.ppf(0.975, n, probability)) + 1
    return low, high


def _p95_ranks(ordered: np.ndarray, cents: np.ndarray, sampling: Sampling) -> tuple[int, int]:
    """Ranks around P95: the binomial's, or with dependent iterations those of the share up to P95 (Woodruff 1952)."""
    n = len(ordered)
    if sampling.method == "plain":
        return quantile_ranks(n, 0.95)
    size = effective_share_size(cents <= ordered[(n - 1) * 95 // 100], sampling)
    half = _Z95 * np.sqrt(0.95 * 0.05 / size)
    return max(0, int(np.floor(n * (0.95 - half)))), min(n, int(np.ceil(n * (0.95 + half)))) + 1


def wilson(count: float, n: float) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    share, z2 = count / n, _Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # At the ends the formula is exact; in floating point it misses them by 1e-20.
    low = 0.0 if count == 0 else float(centre - half)
    high = 1.0 if count == n else float(centre + half)
    return low, high


def exceedance(cents: np.ndarray, budget_amount: Decimal, sampling: Sampling = PLAIN) -> Exceedance:
    """How often `cents` exceed `budget_amount` (strictly), and by how much on average over all iterations."""
    limit = budget_amount * 100
    # Totals are whole cents: above the budget means above its whole part.
    is_over = cents > int(limit.to_integral_value(rounding="ROUND_FLOOR"))
    over = cents[is_over]
    size = effective_share_size(is_over, sampling)
    low, high = wilson(len(over) * size / len(cents), size)
    excess = (_sum(over) - Fraction(limit) * len(over)) / (100 * len(cents))
    return Exceedance(budget_amount, len(over), len(over) / len(cents), low, high, _decimal(excess))


def tail_mask(cents: np.ndarray, p95: Decimal) -> np.ndarray:
    """Iterations whose total is at or above P95: those ES95 is the mean of."""
    return cents >= int((p95 * 100).to_integral_value(rounding="ROUND_CEILING"))


def group_means(sums: Sequence[int], whole: Decimal) -> list[Decimal]:
    """Mean of each group in currency, in proportion to its cents over all iterations, adding up to `whole` exactly.

    Each differs from its own rounding by less than 0.0001: the remainders go to the largest (C50, DESIGN 4.1).
    """
    if sum(sums) == 0:
        return [Decimal("0.0000") for _ in sums]
    return allocate(whole, list(sums), unit=QUANTUM)


def _mean(cents: np.ndarray) -> Decimal:
    return _decimal(_sum(cents) / (100 * len(cents)))


def _sum(cents: np.ndarray) -> Fraction:
    # int64 sums overflow from 9.2e18 cents on; halves of the words do not.
    total = 0
    for first in range(0, len(cents), _PIECE):
        high, low = np.divmod(cents[first : first + _PIECE], 2**32)
        total += int(high.sum()) * 2**32 + int(low.sum())
    return Fraction(total)


def _decimal(value: Fraction) -> Decimal:
    return round_half_up(Decimal(value.numerator) / Decimal(value.denominator), QUANTUM)


def _currency(cents: float) -> Decimal:
    return round_half_up(Decimal(repr(float(cents))) / 100, QUANTUM)


def _exact(cents: int) -> Decimal:
    return (Decimal(cents) / 100).quantize(QUANTUM)
