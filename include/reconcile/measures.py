"""Figures finance asks of the trade ledger: fund consumption (G-38)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from include.money import ZERO


@dataclass(frozen=True)
class Commitment:
    """One promotion as its fund sees it; `planned_amount` None = unknown, then only what is settled counts."""

    status: str
    planned_amount: Decimal | None
    settled_amount: Decimal
    is_accrual_failed: bool = False

    @property
    def consumed(self) -> Decimal:
        """Settled once closed, the larger of plan and settled while live, nothing before approval."""
        if self.is_accrual_failed or self.status not in {"Approved", "Live", "Closed", "Settled"}:
            return ZERO
        if self.status in {"Closed", "Settled"}:
            return self.settled_amount
        return max(self.planned_amount or ZERO, self.settled_amount)


@dataclass(frozen=True)
class FundPosition:
    """A fund's checkbook; shares are fractions of the budget."""

    budget: Decimal
    consumed: Decimal
    spent: Decimal

    @property
    def remaining(self) -> Decimal:
        """Budget that is neither settled nor committed."""
        return self.budget - self.consumed

    @property
    def burn_rate(self) -> Decimal:
        """Settled share of the budget."""
        return self.spent / self.budget

    @property
    def committed_rate(self) -> Decimal:
        """Consumed share of the budget."""
        return self.consumed / self.budget

    def short_by(self, amount: Decimal, overdraw_pct: Decimal = ZERO) -> Decimal:
        """What is missing to approve `amount` more, inside an overdraw of `overdraw_pct` percent (C53)."""
        return max(ZERO, amount - self.remaining - self.budget * overdraw_pct / 100)


def fund_position(budget: Decimal, commitments: Iterable[Commitment]) -> FundPosition:
    """The checkbook of one fund."""
    held = list(commitments)
    return FundPosition(
        budget, sum((c.consumed for c in held), ZERO), sum((c.settled_amount for c in held), ZERO)
    )
