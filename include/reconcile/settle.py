"""How much of a claim is settled: the cumulative tolerance rule (G-33) and splits over promotions (G-43)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import combinations

import numpy as np

from include.money import ZERO

_WIDE = 1 << 62


@dataclass(frozen=True)
class Share:
    """What the tolerance rule makes of a claim: the settled and disputed parts sum to it."""

    settled: Decimal
    disputed: Decimal
    is_over_authorised: bool


def within_tolerance(
    claim: Decimal, *, authorised: Decimal, settled_before: Decimal, tolerance: Decimal
) -> Share:
    """Settle `claim` (>= 0) against what is authorised, cumulatively over all claims of the promotion.

    All of it while settled_before + claim <= authorised x (1 + tolerance), inclusive; else what is left of
    the authorised amount, and the rest is disputed. Golden G-33.
    """
    if settled_before + claim <= authorised * (1 + tolerance):
        return Share(claim, ZERO, settled_before + claim > authorised)
    settled = min(claim, max(ZERO, authorised - settled_before))
    return Share(settled, claim - settled, False)


@dataclass(frozen=True)
class Split:
    """A claim spread over promotions: (position in the given order, amount) pairs and the unmatched rest.

    `is_exact` when the open amounts of the chosen promotions sum to the claim; `is_unique` when no other
    combination of at most `size` does.
    """

    parts: tuple[tuple[int, Decimal], ...]
    rest: Decimal
    is_exact: bool
    is_unique: bool


def split(claim: Decimal, open_amounts: Sequence[Decimal], *, size: int = 4, among: int = 12) -> Split:
    """Spread `claim` over promotions given in order of score (golden G-43).

    The smallest exact subset of the open amounts of the first `among` promotions comes first (sizes 1 to
    `size`, the best-scored first within a size); without one, promotions are filled in order and the rest
    stays unmatched.
    """
    exact = exact_subsets(claim, open_amounts, size=size, among=among, limit=2)
    if exact:
        chosen = exact[0]
        return Split(tuple((i, open_amounts[i]) for i in chosen), ZERO, True, len(exact) == 1)
    parts = []
    rest = claim
    for i, available in enumerate(open_amounts):
        take = min(rest, available)
        if take > 0:
            parts.append((i, take))
            rest -= take
    return Split(tuple(parts), rest, False, False)


def exact_subsets(
    claim: Decimal, open_amounts: Sequence[Decimal], *, size: int, among: int, limit: int
) -> list[tuple[int, ...]]:
    """Up to `limit` combinations of at most `size` positive open amounts that sum to `claim`, smallest first."""
    # Whole ten-thousandths: sums of integers are exact, and ten times quicker than those of decimals.
    target = int(claim.scaleb(4))
    usable = [
        (i, int(amount.scaleb(4))) for i, amount in enumerate(open_amounts[:among]) if 0 < amount <= claim
    ]
    found = []
    # Sums of at most `size` amounts below the target stay far inside 64 bits, or are added as Python's integers.
    kind = np.int64 if target < _WIDE // max(size, 1) else object
    amounts = np.array([amount for _, amount in usable], dtype=kind)
    for count in range(1, min(size, len(usable)) + 1):
        groups = _groups(len(usable), count)
        for row in np.flatnonzero(amounts[groups].sum(axis=1) == target).tolist():
            found.append(tuple(usable[i][0] for i in groups[row].tolist()))
            if len(found) == limit:
                return found
    return found


@lru_cache(maxsize=256)
def _groups(count: int, size: int) -> np.ndarray:
    """Every combination of `size` positions among `count`, in order, one a row."""
    return np.array(list(combinations(range(count), size)), dtype=np.intp)
