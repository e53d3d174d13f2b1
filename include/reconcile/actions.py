"""What each action of a person does to a claim: how much it takes, what stands against it, what it posts.

`asked` answers before anything is touched: the amount the action would move, or why it cannot. The functions in
`ACTIONS` then post and give the claim as it stands afterwards; they are called only when nothing stood against it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from include.money import ZERO
from include.reconcile import journal as documents
from include.reconcile.candidates import MATCHABLE
from include.reconcile.claims import named_by_parts
from include.reconcile.decision_records import ClaimDecision
from include.reconcile.desk import Desk
from include.reconcile.journal import stable_id
from include.reconcile.outcomes import ASKED_AGAIN, Outcome
from include.reconcile.records import Changes, Claim, Promotion
from include.reconcile.settle import Share, within_tolerance
from include.reconcile.vouchers import is_fee

#: Actions that post on the business date, and so need its period open.
POSTING = frozenset({"settle", "dispute", "recover", "write_off", "reopen"})
Asked = tuple[Decimal, str | None]


def asked(desk: Desk, decision: ClaimDecision, claim: Claim) -> Asked:
    """(amount the decision moves, None), or (amount, why it cannot be taken)."""
    if decision.action not in ACTIONS:
        return ZERO, f"{decision.action} is no action"
    if decision.amount is not None and decision.amount <= 0:
        return decision.amount, "the amount is not positive"
    if decision.action == "reopen":
        return _asked_to_reopen(desk, decision, claim)
    if claim.amount < 0 and decision.action != "non_trade":
        return ZERO, "it is a repayment: decide the deduction it pays back, or hand it over as non_trade"
    if decision.action == "not_duplicate":
        is_suspect = claim.outcome is Outcome.DUPLICATE_SUSPECT
        return claim.amount_open, None if is_suspect else f"it is {claim.outcome}, not a suspected duplicate"
    amount, refusal = _part(decision, claim)
    if refusal is None and claim.source_kind == "ap_payment" and decision.action in {"dispute", "write_off"}:
        refusal = "it is a payment of our own, which no debit memo takes back: non_trade hands it over"
    if refusal is None and decision.action == "settle":
        refusal = _cannot_settle(desk, decision, claim, amount)
    elif refusal is None and decision.promotion_key and decision.promotion_key not in desk.by_key:
        refusal = f"promotion {decision.promotion_key} is not known"
    return amount, refusal


def _part(decision: ClaimDecision, claim: Claim) -> Asked:
    """The amount asked for, of what the action can take; all of it when none is given."""
    undecided, disputed = abs(claim.amount_open), claim.amount_disputed
    whole, limit, where = {
        "recover": (disputed, disputed, "disputed"),
        "write_off": (disputed or undecided, disputed + undecided, "disputed or open"),
    }.get(decision.action, (undecided, undecided, "open"))
    amount = whole if decision.amount is None else decision.amount
    if not limit:
        return amount, f"nothing of it is {where}: it is {claim.outcome}"
    if amount > limit:
        return amount, f"only {limit} of it is {where}"
    return amount, None


def _cannot_settle(desk: Desk, decision: ClaimDecision, claim: Claim, amount: Decimal) -> str | None:
    """Why the promotion cannot take the amount."""
    key = decision.promotion_key
    promotion = desk.by_key.get(key or "")
    if promotion is None:
        return f"promotion {key} is not known" if key else "it does not say which promotion to settle to"
    if promotion.status not in MATCHABLE:
        return f"promotion {key} is {promotion.status}"
    if promotion.is_off_invoice:
        return f"promotion {key} is off-invoice: its discount was on the invoice already"
    if promotion.currency != claim.currency:
        return f"promotion {key} is in {promotion.currency}, the claim in {claim.currency}"
    if desk.tree.relation(promotion.customer_key, claim.customer_key) is None:
        return f"promotion {key} is {promotion.customer_key}'s, whose tree {claim.customer_key} is not in"
    if desk.state.is_failed(key):
        return f"the accrual of {key} was refused: {desk.state.states[key].message}"
    if desk.authorised(promotion) is None:
        return f"the planned amount of {key} is unknown"
    if is_fee(promotion) and not desk.has_proof(promotion):
        return f"there is no proof of performance for {key}"
    share = _share(desk, promotion, amount)
    if share.disputed and (
        decision.amount is not None or claim.source_kind == "ap_payment" or not share.settled
    ):
        return f"{key} authorises {share.settled} of it, not {amount}"
    return None


def _share(desk: Desk, promotion: Promotion, amount: Decimal) -> Share:
    return within_tolerance(
        amount,
        authorised=desk.authorised(promotion),
        settled_before=desk.state.settled[promotion.promotion_key],
        tolerance=desk.rules.tolerance,
    )


def _asked_to_reopen(desk: Desk, decision: ClaimDecision, claim: Claim) -> Asked:
    cash = desk.state.cash[claim.claim_id]
    total = abs(
        claim.amount_settled
        + claim.amount_disputed
        + claim.amount_written_off
        + claim.amount_non_trade
        + cash
    )
    if claim.outcome in ASKED_AGAIN or claim.outcome is Outcome.REOPENED:
        return total, f"it is {claim.outcome}: nothing is decided that could be taken back"
    if claim.outcome is Outcome.REVERSED or not total:
        return total, f"it is {claim.outcome}: a repayment is not taken back"
    if decision.amount not in (None, total):
        return total, f"reopening takes back all of it, which is {total}"
    for row, _ in desk.state.standing(claim.claim_id):
        key = row.promotion_key
        if key not in desk.by_key:
            return total, f"promotion {key} is not known any more"
        # What comes back to the accrual would never be released: a promotion is released once.
        if desk.state.is_released(key) and desk.state.reversed_by[claim.claim_id, key]:
            return total, f"the residual of {key}, which it reversed the accrual of, was released"
    return total, None


def settle(desk: Desk, changes: Changes, decision: ClaimDecision, claim: Claim, amount: Decimal) -> Claim:
    """Settle to the promotion named, by the tolerance rule; without a stated amount its excess is disputed."""
    promotion = desk.by_key[decision.promotion_key]
    share = _share(desk, promotion, amount)
    late = desk.state.is_released(promotion.promotion_key)
    if claim.source_kind == "ap_payment":
        desk.books.pay_fee(changes, claim, promotion, share.settled)
    else:
        desk.books.settle(changes, claim, promotion, share.settled)
    if share.disputed:
        desk.books.dispute(changes, claim, promotion, share.disputed)
    claim = replace(
        claim,
        amount_settled=claim.amount_settled + share.settled,
        amount_disputed=claim.amount_disputed + share.disputed,
        promotion_key=claim.promotion_key if claim.amount_settled else promotion.promotion_key,
        late_after_release=claim.late_after_release or late,
        audit_flag=False,
    )
    return replace(claim, outcome=_settled_ending(desk, claim, promotion))


def _settled_ending(desk: Desk, claim: Claim, promotion: Promotion) -> Outcome:
    outcome = named_by_parts(claim)
    if outcome is not Outcome.SETTLED:
        return outcome
    if is_fee(promotion) and not claim.amount_non_trade:
        return Outcome.FIXED_FEE_SETTLED
    used = {row.promotion_key for row, _ in desk.state.standing(claim.claim_id)}
    over = any(
        desk.state.settled[key] > desk.authorised(desk.by_key[key]) for key in used if key in desk.by_key
    )
    return Outcome.SETTLED_WITHIN_TOLERANCE if over else Outcome.SETTLED


def dispute(desk: Desk, changes: Changes, decision: ClaimDecision, claim: Claim, amount: Decimal) -> Claim:
    """Charge the part back to the customer by debit memo."""
    key = decision.promotion_key or claim.promotion_key
    desk.books.book(changes, "DEBIT_MEMO", claim, key, documents.debit_memo(amount, desk.rules.accounts))
    claim = replace(claim, amount_disputed=claim.amount_disputed + amount, promotion_key=key)
    return replace(claim, outcome=named_by_parts(claim))


def recover(desk: Desk, changes: Changes, decision: ClaimDecision, claim: Claim, amount: Decimal) -> Claim:
    """Cash came in for the disputed part."""
    lines = documents.recovery(amount, desk.rules.accounts)
    desk.books.book(changes, "RECOVERY", claim, claim.promotion_key, lines)
    desk.state.cash[claim.claim_id] += amount
    claim = replace(
        claim,
        amount_disputed=claim.amount_disputed - amount,
        amount_recovered=claim.amount_recovered + amount,
        dispute_status="RECOVERED",
    )
    is_over = not claim.amount_open and not claim.amount_disputed
    return replace(claim, outcome=Outcome.RECOVERED if is_over else named_by_parts(claim))


def write_off(desk: Desk, changes: Changes, decision: ClaimDecision, claim: Claim, amount: Decimal) -> Claim:
    """Give the disputed part up; what is still open is charged back first, so that the customer's account ties."""
    from_open = max(ZERO, amount - claim.amount_disputed)
    if from_open:
        claim = dispute(desk, changes, decision, claim, from_open)
    lines = documents.write_off(amount, desk.rules.accounts)
    desk.books.book(changes, "WRITE_OFF", claim, claim.promotion_key, lines)
    claim = replace(
        claim,
        amount_disputed=claim.amount_disputed - amount,
        amount_written_off=claim.amount_written_off + amount,
        dispute_status="WRITEOFF",
    )
    return replace(claim, outcome=named_by_parts(claim))


def non_trade(desk: Desk, changes: Changes, decision: ClaimDecision, claim: Claim, amount: Decimal) -> Claim:
    """Hand the part over to accounts receivable: it stays in clearing, nothing is posted."""
    part = amount if claim.amount >= 0 else -amount
    claim = replace(claim, amount_non_trade=claim.amount_non_trade + part)
    return replace(claim, outcome=named_by_parts(claim))


def reopen(desk: Desk, changes: Changes, decision: ClaimDecision, claim: Claim, amount: Decimal) -> Claim:
    """Take back all that was posted for the claim; repayments of the retailer stay, for they are facts."""
    for row, standing in desk.state.standing(claim.claim_id):
        promotion = desk.by_key[row.promotion_key]
        desk.books.undo_settlement(changes, claim, claim, row, promotion, standing)
    accounts, cash = desk.rules.accounts, desk.state.cash.pop(claim.claim_id, ZERO)
    given_up = claim.amount_written_off
    for event, part, document in (
        ("RECOVERY_REVERSAL", cash, documents.recovery),
        ("WRITE_OFF_REVERSAL", given_up, documents.write_off),
        ("DEBIT_MEMO_REVERSAL", claim.amount_disputed + cash + given_up, documents.debit_memo),
    ):
        if part:
            lines = documents.turned(document(part, accounts))
            desk.books.book(changes, event, claim, claim.promotion_key, lines)
    claim = replace(
        claim,
        outcome=Outcome.REOPENED,
        amount_settled=ZERO,
        amount_disputed=ZERO,
        amount_recovered=claim.amount_recovered - cash,
        amount_written_off=ZERO,
        amount_non_trade=ZERO,
        dispute_status=None,
        late_after_release=False,
        promotion_key=None,
    )
    return _with_new_amount(desk, changes, claim)


def _with_new_amount(desk: Desk, changes: Changes, claim: Claim) -> Claim:
    """A source that has changed since the decision is read anew: this is how AMOUNT_CHANGED is answered."""
    d = desk.deductions.get(claim.source_key) if claim.source_kind == "deduction" else None
    if d is None or d.currency != claim.currency or d.amount == claim.amount or d.amount * claim.amount <= 0:
        return claim
    if abs(d.amount) < abs(claim.amount_recovered):
        return claim
    number = stable_id(desk.tenant, claim.claim_id, "TASK", "AMOUNT_CHANGED", d.amount, d.currency)
    changes.closed_tasks.append(number)
    claim = replace(claim, amount=d.amount)
    desk.books.receive(changes, claim)
    return claim


#: not_duplicate is absent: it asks the engine again instead of deciding (see `decisions`).
ACTIONS: dict[str, Callable[[Desk, Changes, ClaimDecision, Claim, Decimal], Claim] | None] = {
    "settle": settle,
    "dispute": dispute,
    "recover": recover,
    "write_off": write_off,
    "non_trade": non_trade,
    "reopen": reopen,
    "not_duplicate": None,
}
