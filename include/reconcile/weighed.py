"""A candidate with its score: what deciding and explaining have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Scored:
    """A promotion considered for a claim. Scores and evidence in millionths; `fits` in the order of score.PARTS, NaN = unknown.

    `plain_score` leaves the amount out: how plausible the promotion is whatever was claimed. `open_amount`
    None = the promotion's authorised amount is unknown. `relation` is the claim's customer to the promotion's;
    `refusal` says why nobody may claim on it, None when one may.
    """

    promotion: int
    promotion_key: str
    score: int
    evidence: int
    plain_score: int
    open_amount: Decimal | None
    authorised: Decimal | None
    settled_before: Decimal
    fits: tuple[float, float, float, float, float]
    relation: str
    refusal: str | None = None

    @property
    def product_fit(self) -> float:
        """Overlap of the product lines, NaN when either side has none."""
        return self.fits[4]


def ranked(candidates: Iterable[Scored]) -> list[Scored]:
    """Best first; ties by promotion key, so that the order never depends on the input's."""
    return sorted(candidates, key=lambda c: (-c.score, c.promotion_key))
