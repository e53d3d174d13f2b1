"""Money that comes back: a negative deduction undoes what was done with the deduction it names.

A repayment known when its deduction is evaluated is counted there (see `claims.evaluate`). This is the
other case: the deduction was decided before the repayment arrived. It pays what a person left open first, then
the disputed part, then what was handed over as non-trade, then it reverses settlements. What it cannot undo is put to a person.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from include.money import ZERO
from include.reconcile.claims import blank_claim, finish, named_by_parts, task
from include.reconcile.desk import Desk, claim_id
from include.reconcile.outcomes import ASKED_AGAIN, Outcome
from include.reconcile.records import Changes, Claim, Deduction


def evaluate(desk: Desk, d: Deduction) -> Changes:
    """Decide one negative deduction that was not counted with its original."""
    changes = Changes()
    claim = blank_claim(desk, d)
    desk.books.receive(changes, claim)
    original = desk.state.claims.get(claim_id(desk.tenant, "deduction", d.reversal_of or ""))
    refusal = _refusal(desk, d, original)
    if refusal is None and desk.closed_message:
        return finish(desk, changes, claim, Outcome.PERIOD_CLOSED, desk.closed_message)
    if refusal is not None:
        changes = finish(desk, changes, claim, Outcome.NEEDS_REVIEW, refusal)
        changes.tasks[:] = [task(desk, claim, "REPAYMENT_NOT_LINKED", refusal)]
        return changes
    _apply(desk, changes, claim, original, -d.amount)
    claim = replace(claim, amount_recovered=d.amount, promotion_key=original.promotion_key)
    return finish(desk, changes, claim, Outcome.REVERSED, f"repays {original.source_key}")


def _refusal(desk: Desk, d: Deduction, original: Claim | None) -> str | None:
    if not d.reversal_of:
        return "a repayment that names no deduction"
    if original is None:
        return f"it repays {d.reversal_of}, which is not known"
    if d not in desk.repayments.get(d.reversal_of, ()):
        return f"it does not fit {d.reversal_of}: another currency, a stranger's, or more than was taken"
    if original.outcome in ASKED_AGAIN or original.outcome is Outcome.REVERSED:
        return f"{d.reversal_of} is {original.outcome}, and this repayment was not counted with it"
    undone = (
        original.amount_open + original.amount_disputed + original.amount_non_trade + original.amount_settled
    )
    if -d.amount > undone:
        return f"only {undone} of {d.reversal_of} can be undone"
    if -d.amount > undone - original.amount_settled and _is_released(desk, original):
        return f"the settlement of {d.reversal_of} belongs to a promotion whose residual was released"
    return None


def _is_released(desk: Desk, original: Claim) -> bool:
    standing = desk.state.standing(original.claim_id)
    return any(desk.state.is_released(row.promotion_key) for row, _ in standing)


def _apply(desk: Desk, changes: Changes, repayment: Claim, original: Claim, amount: Decimal) -> None:
    # What is still open waits in clearing, where the repayment has arrived: the two cancel out there.
    undecided = min(amount, original.amount_open)
    paid_back = min(amount - undecided, original.amount_disputed)
    if paid_back:
        desk.books.repay(changes, repayment, original.promotion_key, paid_back)
    not_trade = min(amount - undecided - paid_back, original.amount_non_trade)
    unsettled = rest = amount - undecided - paid_back - not_trade
    for row, standing in desk.state.standing(original.claim_id) if rest else ():
        part = min(rest, standing)
        if part:
            promotion = desk.by_key[row.promotion_key]
            desk.books.undo_settlement(changes, repayment, original, row, promotion, part)
        rest -= part
    changed = replace(
        original,
        amount_disputed=original.amount_disputed - paid_back,
        amount_non_trade=original.amount_non_trade - not_trade,
        amount_settled=original.amount_settled - unsettled,
        amount_recovered=original.amount_recovered + amount,
    )
    if changed.amount_recovered == changed.amount:
        changed = replace(
            changed, outcome=Outcome.REVERSED, reason=f"repaid in full by {repayment.source_key}"
        )
    elif undecided and not changed.amount_open:
        why = f"the rest was paid back by {repayment.source_key}"
        changed = replace(changed, outcome=named_by_parts(changed), reason=why)
    elif paid_back and changed.amount_disputed == changed.amount_open == ZERO:
        changed = replace(changed, outcome=Outcome.RECOVERED, reason=f"paid back by {repayment.source_key}")
    if paid_back:
        changed = replace(changed, dispute_status="DISPUTED" if changed.amount_disputed else "RECOVERED")
    changes.claims.append(changed)
    if not changed.amount_disputed and not changed.amount_open:
        changes.answered.append(changed.claim_id)
    desk.state.claims[changed.claim_id] = changed
