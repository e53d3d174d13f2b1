"""A small company for trade-spend tests: short ways to say promotion, deduction, decided claim.

Customers: grocer (banner) with the stores north and south; rival, a company of its own.
Promotion dates default to September 2026, deductions to 15 September, the business date to 31 October.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from include.money import money
from include.reconcile.decision_records import ClaimDecision
from include.reconcile.engine import Step, run
from include.reconcile.ledger import COUNTED, LedgerState
from include.reconcile.records import (
    ApPayment,
    Changes,
    Claim,
    ClosedPeriod,
    Deduction,
    Fund,
    Inputs,
    Performance,
    Promotion,
    StatusChange,
)
from include.reconcile.rules import Rules

PARENTS = {"grocer": None, "north": "grocer", "south": "grocer", "rival": None}
AS_OF = date(2026, 10, 31)
_SEEDS = Path(__file__).resolve().parents[1] / "dbt_project" / "seeds"
#: The moves of the commercial status that every tenant starts with.
LEGAL_MOVES = tuple(
    sorted(
        (row["from_status"], row["to_status"])
        for row in csv.DictReader((_SEEDS / "promotion_moves.csv").open())
        if row["kind"] == "commercial"
    )
)


def guid(promotion_key: str) -> str:
    return str(uuid5(NAMESPACE_URL, promotion_key))


def promotion(key: str, planned: str | None, **changes: object) -> Promotion:
    values: dict[str, object] = {
        "promotion_key": key,
        "promotion_id": guid(key),
        "customer_key": "grocer",
        "fund_key": "F1",
        "status": "Live",
        "tactic_type": "TPR",
        "currency": "USD",
        "window_start": date(2026, 9, 1),
        "window_end": date(2026, 9, 30),
        "planned_amount": None if planned is None else money(planned),
        "approved_date": date(2026, 8, 1),
    }
    return Promotion(**{**values, **changes})


def deduction(key: str, amount: str, **changes: object) -> Deduction:
    values: dict[str, object] = {
        "deduction_key": key,
        "customer_key": "grocer",
        "amount": money(amount),
        "currency": "USD",
        "posting_date": date(2026, 9, 15),
        "reason_code_normalized": "PROMO",
    }
    return Deduction(**{**values, **changes})


def payment(key: str, amount: str, **changes: object) -> ApPayment:
    values: dict[str, object] = {
        "payment_key": key,
        "customer_key": "grocer",
        "account_code": "5510",
        "amount": money(amount),
        "currency": "USD",
        "payment_date": date(2026, 9, 20),
    }
    return ApPayment(**{**values, **changes})


def performance(
    key: str, day: date, units: str, rate: str = "1", *, source: str = "shipped", factor: str = "1"
) -> Performance:
    amount = (Decimal(units) * Decimal(rate)).quantize(Decimal("0.0001"))
    tempered = (amount * Decimal(factor)).quantize(Decimal("0.0001"))
    return Performance(key, source, day, Decimal(units), amount, tempered)


def decision(
    key: str, claim: str, action: str, amount: str | None = None, **changes: object
) -> ClaimDecision:
    values: dict[str, object] = {
        "decision_key": key,
        "claim_kind": "deduction",
        "claim_key": claim,
        "action": action,
        "reason": "as agreed",
        "decided_by": "ana",
        "decided_at": datetime(2026, 10, 20, 9, tzinfo=UTC),
        "amount": None if amount is None else money(amount),
    }
    return ClaimDecision(**{**values, **changes})


@dataclass
class Outcome:
    """What a run left behind: the state, every step, every row."""

    state: LedgerState
    steps: list[Step] = field(default_factory=list)

    @property
    def rows(self) -> Changes:
        """All rows of all steps, in order."""
        total = Changes()
        for step in self.steps:
            total.extend(step.changes)
        return total

    def claim(self, key: str) -> Claim:
        """The claim made from a deduction or payment."""
        return next(c for c in self.state.claims.values() if c.source_key == key)

    def balances(self, currency: str = "USD") -> dict[str, Decimal]:
        """Account balances, debit positive, accounts at zero included."""
        return {account: amount for (c, account), amount in self.state.balances.items() if c == currency}

    def settled_rows(self, key: str) -> dict[str, Decimal]:
        """Settled per promotion for one claim, drafts left out."""
        number = self.claim(key).claim_id
        amounts: dict[str, Decimal] = defaultdict(Decimal)
        for row in self.state.settlements.values():
            if row.claim_id == number and row.status in COUNTED:
                amounts[row.promotion_key] += row.amount_settled
        return dict(amounts)

    def answer(self, key: str) -> tuple[str, str]:
        """Status and reason of the latest answer to a decision of this run."""
        found = [r for r in self.rows.decisions if r.decision.decision_key == key]
        return found[-1].status, found[-1].why

    def events(self, key: str) -> list[str]:
        """Events of the journals posted about one claim in this run, the ERP's own left out."""
        number = self.claim(key).claim_id
        return [j.event for j in self.rows.journals if j.claim_id == number and j.posted_by == "tradewind"]

    def tasks(self, key: str) -> list[str]:
        """Types of the tasks opened for one claim."""
        number = self.claim(key).claim_id
        return [t.task_type for t in self.rows.tasks if t.claim_id == number]


def decide_all(
    promotions: list[Promotion],
    deductions: list[Deduction] | None = None,
    *,
    as_of: date = AS_OF,
    rules: Rules | None = None,
    state: LedgerState | None = None,
    payments: list[ApPayment] | None = None,
    proofs: dict[str, date] | None = None,
    closed: list[tuple[date, date]] | None = None,
    parents: dict[str, str | None] | None = None,
    performed: list[Performance] | None = None,
    funds: list[Fund] | None = None,
    status_changes: list[StatusChange] | None = None,
    forget: bool = True,
    decisions: list[ClaimDecision] | None = None,
) -> Outcome:
    """Run the engine to the end; a given state is asked again as on a later day, unless `forget` is off."""
    inputs = Inputs(
        promotions=tuple(promotions),
        deductions=tuple(deductions or ()),
        parents=parents or PARENTS,
        ap_payments=tuple(payments or ()),
        proofs=proofs or {},
        closed_periods=tuple(ClosedPeriod(start, end) for start, end in closed or ()),
        performance=tuple(performed or ()),
        funds=tuple(funds or ()),
        status_changes=tuple(status_changes or ()),
        legal_moves=LEGAL_MOVES,
        decisions=tuple(decisions or ()),
    )
    state = state or LedgerState()
    if forget:
        state.evaluated.clear()
        state.asked.clear()
    return Outcome(state, list(run("alpha", inputs, state, as_of, rules or Rules())))
