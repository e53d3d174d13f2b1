"""Open deals of a line, drawn: won or lost, in time or late, for more or less than stated (semantics 5a, G-05).

One normal per deal decides both whether it is won and when it closes. Its upper tail is cut into consecutive
pieces: won and closed before the line begins, won and closed inside it, the rest. So a deal counts once at most over
the legs of a year, a deal that two reps share is won by both or neither, and the normal may carry the factors that
all reps and a region have in common, as a Gaussian copula, without changing any deal's own chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from scipy.special import ndtri

from include.errors import TradewindError
from include.forecast.draws import Streams, deal_entity

_SLACK = 1e-9


@dataclass(frozen=True)
class Deal:
    """An open deal of one line: won with `probability`; a deal that is won closes inside the line with `chance`.

    `earlier`: chance that a won deal closes before the line begins. `spread`: standard deviation of the amount won
    over `amount` (lognormal, mean 1). `path`: what `chance` is up to each month end of the line's path.
    """

    opportunity_key: str
    amount: Decimal
    probability: float
    chance: float = 1.0
    earlier: float = 0.0
    spread: float = 0.0
    is_correlated: bool = True
    path: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        shares = (self.probability, self.chance, self.earlier, *self.path)
        if not all(math.isfinite(s) and 0.0 <= s <= 1.0 for s in shares):
            raise _refuse(self, "probability and chances from 0 to 1", str(shares[:3]))
        if self.earlier + self.chance > 1.0 + _SLACK:
            raise _refuse(self, "chances of together 1 at most", f"{self.earlier} + {self.chance}")
        if not self.amount.is_finite() or not 0.0 <= self.spread < math.inf:
            raise _refuse(self, "a finite amount, a spread of 0 or more", f"{self.amount}, {self.spread}")

    @property
    def expected(self) -> Decimal:
        """Mean revenue inside the line, in currency."""
        return self.amount * Decimal(repr(self.probability)) * Decimal(repr(self.chance))

    @property
    def bounds(self) -> tuple[float, float]:
        """The deal counts where its normal is above the first and not above the second."""
        before = self.probability * self.earlier
        until = min(1.0, before + self.probability * self.chance)
        return float(-ndtri(until)), float(-ndtri(before))


def deal_revenue(
    deals: Sequence[Deal], streams: Streams, own_share: float, common: np.ndarray, start: int, stop: int
) -> np.ndarray:
    """Revenue of a line's open deals in iterations start..stop-1, float64 currency.

    `common`: the factors' part of every normal of the region, `own_share` the weight of a deal's own.
    """
    revenue = np.zeros(stop - start)
    for deal in deals:
        low, high = deal.bounds
        if low == np.inf:
            continue
        entity = deal_entity(deal.opportunity_key)
        z = streams.normals(entity, start, stop)
        if deal.is_correlated:
            z = z * own_share + common
        is_inside = z > low
        if high < np.inf:
            is_inside &= z <= high
        amount = float(deal.amount)
        if deal.spread == 0.0:
            revenue += is_inside * amount
            continue
        sigma = math.sqrt(math.log1p(deal.spread**2))
        size = streams.normals(f"{entity}:amount", start, stop) * sigma
        revenue += is_inside * (amount * np.exp(size - sigma**2 / 2))
    return revenue


def _refuse(deal: Deal, expected: str, got: str) -> TradewindError:
    return TradewindError(
        where=f"deal {deal.opportunity_key}",
        expected=expected,
        got=got,
        remedy="correct the deal's row in planning.opportunities, or the win rates",
    )
