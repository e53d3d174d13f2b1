"""Reconcile in order: status moves, accruals, people's decisions, claims, releases, plans overpaid; step by step, each whole.

Every step is a `Changes` that may be committed on its own or with its neighbours, and the order of the steps
is fixed: moves; accruals by (approved_date, promotion_key); decisions by (decided_at, key), those that presuppose
an answer of the engine after the claims; claims by (date, kind, key); releases by promotion_key; what is overpaid.

Why order and bookkeeping matter: a claim's ending depends on what earlier claims left of a promotion. If a
run dies half-way and the next attempt asked the early, still open claims again, they would be decided with
the balances the later claims left, and the tables would end differently from an undisturbed run. So a claim
decided under the same inputs, rules and business date counts as evaluated, whatever its ending, and a resumed
run goes on exactly where the committed steps end. Open claims are asked again only under new inputs, new
rules or a later date, which is then the same for every attempt. A repayment known with its deduction is part
of that deduction's step, never of its own, so that no commit can part them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from include.reconcile import approvals, claims, decisions, repayments, vouchers
from include.reconcile.candidates import CHUNK
from include.reconcile.decision_records import ClaimDecision
from include.reconcile.desk import Desk, claim_id
from include.reconcile.journal import stable_id
from include.reconcile.ledger import LedgerState
from include.reconcile.outcomes import ASKED_AGAIN
from include.reconcile.records import (
    ApPayment,
    Changes,
    Claim,
    Deduction,
    FiscalPeriod,
    Inputs,
    Promotion,
    Task,
)
from include.reconcile.release import releasable, whole_months
from include.reconcile.rules import Rules
from include.reconcile.search import Search


@dataclass(frozen=True)
class Step:
    """One committable piece of a run: phase (move, accrual, decision, claim, release), what about, what it adds."""

    phase: str
    key: str
    changes: Changes


def known_by(inputs: Inputs, as_of: date) -> Inputs:
    """The inputs whose business date is not after `as_of`."""
    return replace(
        inputs,
        deductions=tuple(d for d in inputs.deductions if d.posting_date <= as_of),
        ap_payments=tuple(p for p in inputs.ap_payments if p.payment_date <= as_of),
        decisions=tuple(_known_decision(d, as_of) for d in inputs.decisions if d.decided_at.date() <= as_of),
        proofs={key: received for key, received in inputs.proofs.items() if received <= as_of},
        performance=tuple(p for p in inputs.performance if p.performed_on <= as_of),
        status_changes=tuple(c for c in inputs.status_changes if c.changed_on <= as_of),
    )


def _known_decision(decision: ClaimDecision, as_of: date) -> ClaimDecision:
    """The decision without an approval that came later."""
    if decision.approved_at is not None and decision.approved_at.date() > as_of:
        return replace(decision, approved_by=None, approved_at=None)
    return decision


def as_then(
    inputs: Inputs, periods: Sequence[FiscalPeriod], as_of: date
) -> tuple[Inputs, tuple[FiscalPeriod, ...]]:
    """Inputs and fiscal calendar for a replay: a period that had not ended by `as_of` was still open then."""
    closed = tuple(p for p in inputs.closed_periods if p.end_date < as_of)
    then = tuple(replace(p, is_closed=p.is_closed and p.end_date < as_of) for p in periods)
    return replace(inputs, closed_periods=closed, closed_through=None), then


def run(tenant: str, inputs: Inputs, state: LedgerState, as_of: date, rules: Rules) -> Iterator[Step]:
    """All steps that are due, in order; `state` moves with them.

    A step that was yielded is in `state` already: when it cannot be committed, the state must be read anew.
    Nothing is yielded for what is already evaluated, so the same call on a finished state yields nothing.
    """
    desk = Desk.open(tenant, known_by(inputs, as_of), state, as_of, rules)
    panel = decisions.Panel(desk)
    yield from (Step(*step) for step in approvals.steps(desk))
    yield from _decisions(panel, panel.first)
    yield from _claims(desk, inputs)
    yield from _decisions(panel, panel.then)
    if rules.release_timing == "daily":
        yield from _releases(desk)
    yield from (Step(*step) for step in approvals.last(desk))


def releases(tenant: str, inputs: Inputs, state: LedgerState, as_of: date, rules: Rules) -> Iterator[Step]:
    """The releases alone, as of the end of a period that is being closed; what is released already is not again."""
    # The ERP may have closed the period before us: the release then lands on the next open day, and is not lost.
    moving = replace(rules, on_closed_period="next_open")
    yield from _releases(Desk.open(tenant, known_by(inputs, as_of), state, as_of, moving))


def _decisions(panel: decisions.Panel, ordered: Sequence[ClaimDecision]) -> Iterator[Step]:
    for decision in ordered:
        if panel.is_due(decision):
            yield Step("decision", decision.decision_key, panel.evaluate(decision))


def _claims(desk: Desk, inputs: Inputs) -> Iterator[Step]:
    pending, changed = _pending(desk)
    yield from changed
    accounts = vouchers.watched_accounts(desk)
    payments = [
        p for p in inputs.ap_payments if p.payment_date <= desk.as_of and vouchers.is_watched(p, accounts)
    ]
    payments = [p for p in payments if _is_due(desk, claim_id(desk.tenant, "ap_payment", p.payment_key))]
    payments = _without_voids(desk, payments)
    queue = [(d.posting_date, "deduction", d.deduction_key, d) for d in pending]
    queue += [(p.payment_date, "ap_payment", p.payment_key, p) for p in payments]
    queue.sort(key=lambda entry: entry[:3])
    search = Search(desk)
    for first in range(0, len(queue), CHUNK):
        block = queue[first : first + CHUNK]
        pool = search.pool([item for *_, item in block if isinstance(item, Deduction)])
        for _, kind, key, item in block:
            yield Step("claim", f"{kind} {key}", _evaluated(desk, item, pool))


def _evaluated(desk: Desk, item: Deduction | ApPayment, pool: claims.Pool) -> Changes:
    if isinstance(item, ApPayment):
        return vouchers.evaluate(desk, item)
    if item.amount < 0:
        return repayments.evaluate(desk, item)
    return claims.evaluate(desk, item, pool)


def _pending(desk: Desk) -> tuple[list[Deduction], list[Step]]:
    """Deductions to evaluate, and the questions about decided ones whose amount changed since."""
    pending: list[Deduction] = []
    changed: list[Step] = []
    for d in desk.deductions.values():
        number = claim_id(desk.tenant, "deduction", d.deduction_key)
        if _is_due(desk, number):
            pending.append(d)
            continue
        claim = desk.state.claims[number]
        if claim.outcome not in ASKED_AGAIN and (claim.amount, claim.currency) != (d.amount, d.currency):
            changed.extend(_amount_changed(desk, claim, d))
    due = {d.deduction_key for d in pending}
    counted_with = {
        part.deduction_key for key, parts in desk.repayments.items() if key in due for part in parts
    }
    return [d for d in pending if d.deduction_key not in counted_with], changed


def _without_voids(desk: Desk, payments: list[ApPayment]) -> list[ApPayment]:
    """The payments without those that void one of them: they are decided together."""
    due = {p.payment_key for p in payments}
    originals = {p.payment_key: desk.payments.original_of(p) for p in payments}
    return [p for p in payments if (o := originals[p.payment_key]) is None or o.payment_key not in due]


def _is_due(desk: Desk, number) -> bool:
    claim = desk.state.claims.get(number)
    return claim is None or (claim.outcome in ASKED_AGAIN and number not in desk.state.evaluated)


def _amount_changed(desk: Desk, claim: Claim, d: Deduction) -> Iterable[Step]:
    """A decided claim is never edited because its source changed: a person is told, once per new amount."""
    number = stable_id(desk.tenant, claim.claim_id, "TASK", "AMOUNT_CHANGED", d.amount, d.currency)
    if number in desk.state.tasks:
        return
    desk.state.tasks.add(number)
    detail = (
        f"{claim.source_key} was decided as {claim.outcome} over {claim.amount} {claim.currency};"
        f" its source now says {d.amount} {d.currency}"
    )
    changes = Changes(
        tasks=[Task(number, "AMOUNT_CHANGED", d.amount, d.currency, detail, claim_id=claim.claim_id)]
    )
    yield Step("claim", f"changed {d.deduction_key}", changes)


def _releases(desk: Desk) -> Iterator[Step]:
    if desk.closed_message:
        return
    for promotion in desk.promotions:
        key = promotion.promotion_key
        if key not in desk.state.states or desk.state.is_released(key) or desk.state.is_failed(key):
            continue
        if key in desk.review.held:
            continue
        if (desk.state.states[key].accrual_date or desk.as_of) > desk.books.posting_date(desk.as_of)[0]:
            continue  # nothing is released before the day it was accrued on
        changes = _release(desk, promotion)
        if changes.journals or changes.states:
            yield Step("release", key, changes)


def _release(desk: Desk, promotion: Promotion) -> Changes:
    changes = Changes()
    key = promotion.promotion_key
    open_accrual = desk.state.open_accrual(key)
    if promotion.status == "Cancelled":
        desk.books.release(changes, promotion, open_accrual, is_final=True)
    elif promotion.status in {"Closed", "Settled"}:
        months = whole_months(promotion.window_end, desk.as_of)
        part = releasable(open_accrual, desk.state.settled[key], months, desk.rules)
        desk.books.release(changes, promotion, part.amount, is_final=part.is_final)
    return changes
