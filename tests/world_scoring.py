"""A seeded company as the reconcile engine's inputs, and the engine's answers scored against the truth."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

from include.money import money
from include.reconcile.decision_records import ClaimDecision
from include.reconcile.engine import run
from include.reconcile.ledger import COUNTED, LedgerState
from include.reconcile.records import ApPayment, Deduction, Inputs, Promotion
from include.reconcile.rules import Rules
from include.sandbox.world import World


def inputs_of(world: World) -> Inputs:
    """What the marts would give the engine: windows by tactic, reasons normalised, earned amounts."""
    products = defaultdict(set)
    for row in world.tables["promotion_products"].records():
        products[row["promotion_key"]].add(row["product_key"])
    truth = {row["promotion_key"]: row for row in world.truth["promotions"].records()}
    lines = defaultdict(set)
    for row in world.tables["deduction_lines"].records():
        lines[row["deduction_key"]].add(row["product_key"])
    codes = {
        (row["customer_key"], row["reason_code_erp"].lstrip("0")): row["reason_code_normalized"]
        for row in world.tables["reason_codes"].records()
    }
    return Inputs(
        promotions=tuple(
            _promotion(row, truth[row["promotion_key"]], products[row["promotion_key"]], world.currency)
            for row in world.tables["promotions"].records()
        ),
        deductions=tuple(
            _deduction(row, codes, lines[row["deduction_key"]])
            for row in world.tables["deductions"].records()
        ),
        parents={row[0]: row[3] for row in world.tables["customers"].rows},
        ap_payments=tuple(
            ApPayment(
                payment_key=row["payment_key"],
                customer_key=row["customer_key"],
                account_code=row["account_code"],
                amount=money(row["amount"]),
                currency=row["currency"],
                payment_date=row["payment_date"],
                promotion_id=row["promotion_id"],
            )
            for row in world.tables["ap_payments"].records()
        ),
        decisions=tuple(_decision(row) for row in world.tables["claim_decisions"].records()),
        proofs={
            row["promotion_key"]: row["received_date"]
            for row in world.tables["proofs_of_performance"].records()
        },
    )


def _promotion(row: dict, truth: dict, products: set[str], currency: str) -> Promotion:
    planned, earned = row["total_planned_spend"], truth["authorised_amount"]
    return Promotion(
        promotion_key=row["promotion_key"],
        promotion_id=row["promotion_id"] or str(uuid5(NAMESPACE_URL, row["promotion_key"])),
        customer_key=row["customer_key"],
        fund_key=row["fund_key"],
        status=row["status"],
        tactic_type=row["tactic_type"],
        settlement_method=row["settlement_method"],
        currency=row["currency"] or currency,
        window_start=truth["window_start"],
        window_end=truth["window_end"],
        planned_amount=None if planned is None else money(planned),
        earned_amount=money(earned) if truth["authorised_basis"] == "earned" else None,
        approved_date=row["approved_date"] or row["sellin_start"],
        closed_date=row["closed_date"],
        accrual_method=row["accrual_method"] or "full_on_approval",
        is_off_invoice=row["settlement_method"] == "off_invoice",
        product_keys=frozenset(products),
    )


def _deduction(row: dict, codes: dict, products: set[str]) -> Deduction:
    code = row["reason_code_erp"].lstrip("0")
    return Deduction(
        deduction_key=row["deduction_key"],
        customer_key=row["customer_key"],
        amount=money(row["amount"]),
        currency=row["currency"],
        posting_date=row["posting_date"],
        reason_code_normalized=codes.get((row["customer_key"], code), codes.get((None, code))),
        invoice_ref=row["invoice_ref"],
        check_ref=row["check_ref"],
        promotion_id=row["promotion_id"],
        reversal_of=row["reversal_of"],
        dispute_deadline=row["dispute_deadline"],
        product_keys=frozenset(products),
    )


def _decision(row: dict) -> ClaimDecision:
    amount = None if row["amount"] is None else money(row["amount"])
    moments = {name: datetime.fromisoformat(row[name]) for name in ("decided_at", "approved_at") if row[name]}
    return ClaimDecision(**row | {"amount": amount} | moments)


@dataclass
class Score:
    """The engine's answers beside the truth.

    What a person has decided is scored by itself: `misanswered` are (decision, status it must get, status and why).
    `wrong` are (deduction, true class, outcome, promotions settled): settled although nothing may be, or
    against a promotion that is not one of its true ones. `outcomes` counts (true class, outcome).
    """

    wrong: list[tuple] = field(default_factory=list)
    outcomes: Counter = field(default_factory=Counter)
    misanswered: list[tuple] = field(default_factory=list)
    auto_cleared: int = 0
    settled: Decimal = Decimal(0)


def score(world: World, rules: Rules | None = None) -> Score:
    """Run the engine over the company as of its date and compare every claim with its truth."""
    state = LedgerState()
    for _ in run(world.tenant, inputs_of(world), state, world.as_of, rules or Rules()):
        pass
    against = defaultdict(set)
    for row in state.settlements.values():
        if row.status in COUNTED and row.amount_settled > 0:
            against[row.claim_id].add(row.promotion_key)
    true_parts = defaultdict(set)
    for key, promotion, _ in world.truth["deduction_promotions"].rows:
        true_parts[key].add(promotion)
    truth = {row["deduction_key"]: row for row in world.truth["deductions"].records()}
    result = Score()
    for claim in state.claims.values():
        if claim.source_kind != "deduction" or claim.decided_by:
            continue
        row = truth[claim.source_key]
        result.outcomes[row["true_class"], claim.outcome.value] += 1
        result.auto_cleared += claim.auto_cleared
        result.settled += claim.amount_settled
        found = against[claim.claim_id]
        if found and not (row["may_settle"] and found <= true_parts[claim.source_key]):
            result.wrong.append((claim.source_key, row["true_class"], claim.outcome.value, sorted(found)))
    for row in world.truth["decisions"].records():
        given = state.answers.get(row["decision_key"], {}).values()
        got = [(answer.status, answer.why) for answer in given]
        if [status for status, _ in got] != [s for s in (row["status"],) if s]:
            result.misanswered.append((row["decision_key"], row["status"], got))
    return result
