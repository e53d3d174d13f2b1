"""Fixed fees paid by check through accounts payable, matched to their promotion (scenario C, golden G-37)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from include.reconcile.candidates import MATCHABLE
from include.reconcile.claims import finish
from include.reconcile.desk import Desk, claim_id
from include.reconcile.journal import accrued_account, expense_account
from include.reconcile.outcomes import Outcome
from include.reconcile.records import ApPayment, Changes, Claim, Promotion

_FEE_TACTICS = frozenset({"Slotting", "Fixed Fee"})


def watched_accounts(desk: Desk) -> frozenset[str]:
    """Accounts a trade fee may be coded to: the tenant's list, and those the fee promotions post to."""
    accounts = desk.rules.accounts
    fees = [p for p in desk.promotions if is_fee(p)]
    own = {expense_account(p, accounts) for p in fees} | {accrued_account(p, accounts) for p in fees}
    return frozenset(desk.rules.watch_accounts) | own


def is_watched(payment: ApPayment, accounts: frozenset[str]) -> bool:
    """Whether a payment may be a trade fee: coded to a watched account, or naming a promotion."""
    return payment.promotion_id is not None or payment.account_code in accounts


def is_fee(promotion: Promotion) -> bool:
    """Whether a promotion is paid as a fixed fee."""
    return promotion.settlement_method == "fixed_fee" or (
        promotion.settlement_method is None and promotion.tactic_type in _FEE_TACTICS
    )


def blank_voucher(desk: Desk, payment: ApPayment) -> Claim:
    """The claim of a payment before anything is decided; what a person has said about it stays."""
    number = claim_id(desk.tenant, "ap_payment", payment.payment_key)
    was = desk.state.claims.get(number)
    return Claim(
        claim_id=number,
        source_kind="ap_payment",
        source_key=payment.payment_key,
        customer_key=payment.customer_key,
        amount=payment.amount,
        currency=payment.currency,
        posting_date=payment.payment_date,
        outcome=Outcome.UNMATCHED,
        reason="",
        decided_by=was.decided_by if was else None,
        decided_at=was.decided_at if was else None,
        is_not_duplicate=was.is_not_duplicate if was else False,
    )


def evaluate(desk: Desk, payment: ApPayment) -> Changes:
    """Decide one payment: exactly one fee of this customer, near its window, of this amount."""
    changes = Changes()
    claim = blank_voucher(desk, payment)
    if payment.amount <= 0:
        return _without_fee(desk, changes, claim, payment)
    void = desk.payments.void_of(payment)
    if void is not None:
        return _voided(desk, changes, claim, void)
    before = None if claim.is_not_duplicate else desk.payments.paid_before(payment)
    if before is not None:
        why = f"the same reference {payment.reference} and amount as {before.payment_key}"
        return finish(desk, changes, claim, Outcome.DUPLICATE_SUSPECT, why)
    fees = _fees_near(desk, payment)
    if not fees:
        return finish(
            desk, changes, claim, Outcome.UNMATCHED, "no fixed fee of this customer is near its date"
        )
    fitting = [p for p in fees if _is_amount_right(desk, payment, p)]
    unpaid = [p for p in fitting if not desk.state.settled[p.promotion_key]]
    due = [p for p in unpaid if not _is_named_by_another(desk, payment, p)]
    if unpaid and not due:
        why = f"the fee of {unpaid[0].promotion_key} is named by {desk.payments.named_by(unpaid[0].promotion_id).payment_key}"
        return finish(desk, changes, claim, Outcome.NEEDS_REVIEW, why)
    if len(due) > 1:
        names = ", ".join(p.promotion_key for p in due)
        return finish(desk, changes, claim, Outcome.AMBIGUOUS, f"{names} fit equally well")
    if not due and fitting:
        claim = replace(claim, promotion_key=fitting[0].promotion_key)
        if claim.is_not_duplicate:
            why = f"no duplicate, but the fee of {fitting[0].promotion_key} was paid before"
            return finish(desk, changes, claim, Outcome.NEEDS_REVIEW, why)
        why = f"the fee of {fitting[0].promotion_key} was paid before"
        return finish(desk, changes, claim, Outcome.DUPLICATE_SUSPECT, why)
    if not due:
        why = f"the amount is not the fee of {', '.join(p.promotion_key for p in fees)}"
        return finish(desk, changes, claim, Outcome.NEEDS_REVIEW, why)
    return _pay(desk, changes, replace(claim, promotion_key=due[0].promotion_key), due[0])


def _without_fee(desk: Desk, changes: Changes, claim: Claim, payment: ApPayment) -> Changes:
    """A payment of nothing, or money back that was not decided together with the payment it voids."""
    if payment.amount == 0:
        return finish(desk, changes, claim, Outcome.NEEDS_REVIEW, "the payment has no amount")
    original = desk.payments.original_of(payment)
    if original is None:
        why = "a negative payment that voids no payment of this customer, reference and amount"
    else:
        outcome = desk.state.claims[claim_id(desk.tenant, "ap_payment", original.payment_key)].outcome
        why = f"it voids {original.payment_key}, which ended {outcome} before: reopen that claim"
    return finish(desk, changes, claim, Outcome.NEEDS_REVIEW, why)


def _voided(desk: Desk, changes: Changes, claim: Claim, void: ApPayment) -> Changes:
    """A payment and the one that voids it, decided in one step: nothing was paid, nothing is posted."""
    back = replace(
        claim,
        claim_id=claim_id(desk.tenant, "ap_payment", void.payment_key),
        source_key=void.payment_key,
        amount=void.amount,
        amount_recovered=void.amount,
        posting_date=void.payment_date,
    )
    finish(desk, changes, back, Outcome.REVERSED, f"voids {claim.source_key}")
    claim = replace(claim, amount_recovered=claim.amount)
    return finish(desk, changes, claim, Outcome.REVERSED, f"voided by {void.payment_key}")


def _is_named_by_another(desk: Desk, payment: ApPayment, fee: Promotion) -> bool:
    """Whether this payment names nobody, and another one says that it is this fee's."""
    other = desk.payments.named_by(fee.promotion_id)
    return payment.promotion_id is None and other is not None and _is_amount_right(desk, other, fee)


def _fees_near(desk: Desk, payment: ApPayment) -> list[Promotion]:
    before = timedelta(days=desk.rules.days_before_window)
    after = timedelta(days=desk.rules.days_after_window)
    return [
        p
        for p in desk.promotions
        if is_fee(p)
        and p.status in MATCHABLE
        and p.currency == payment.currency
        and _is_payee(desk, payment, p)
        and p.window_start - before <= payment.payment_date <= p.window_end + after
    ]


def _is_payee(desk: Desk, payment: ApPayment, promotion: Promotion) -> bool:
    """The promotion's own customer, or anyone of its tree when the payment names the promotion."""
    if payment.promotion_id is None:
        return promotion.customer_key == payment.customer_key
    related = desk.tree.relation(promotion.customer_key, payment.customer_key) is not None
    return related and (promotion.promotion_id or "").lower() == payment.promotion_id.lower()


def _is_amount_right(desk: Desk, payment: ApPayment, promotion: Promotion) -> bool:
    fee = desk.authorised(promotion)
    return fee is not None and abs(payment.amount - fee) <= desk.rules.tolerance * fee


def _pay(desk: Desk, changes: Changes, claim: Claim, promotion: Promotion) -> Changes:
    waits = desk.waits(claim.claim_id)
    if waits is not None:
        return finish(desk, changes, claim, Outcome.NEEDS_REVIEW, waits)
    held = desk.held_back([promotion])
    if held is not None:
        return finish(desk, changes, claim, Outcome.NEEDS_REVIEW, held)
    if desk.state.is_failed(promotion.promotion_key):
        why = f"the accrual of {promotion.promotion_key} was refused"
        return finish(desk, changes, claim, Outcome.PERIOD_CLOSED, why)
    if desk.closed_message:
        return finish(desk, changes, claim, Outcome.PERIOD_CLOSED, desk.closed_message)
    if not desk.has_proof(promotion):
        desk.books.draft(changes, claim, promotion, claim.amount)
        why = f"no proof of performance for {promotion.promotion_key}"
        return finish(desk, changes, replace(claim, audit_flag=True), Outcome.PROOF_MISSING, why)
    desk.books.pay_fee(changes, claim, promotion, claim.amount)
    claim = replace(claim, amount_settled=claim.amount)
    return finish(
        desk, changes, claim, Outcome.FIXED_FEE_SETTLED, f"the fee of {promotion.promotion_key}, with proof"
    )
