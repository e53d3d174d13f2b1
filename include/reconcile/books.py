"""Bookings to the trade sub-ledger: every one adds to the state and to the rows that will be committed.

Memory and tables move together, because a booking hands back as rows of a `Changes` exactly what it did to
the `LedgerState`. Amounts per promotion obey, at every moment, accrued = reversed + released + open with no
part negative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from include.money import ZERO
from include.reconcile import journal as documents
from include.reconcile.evidence import snapshot
from include.reconcile.journal import Posting, stable_id
from include.reconcile.ledger import COUNTED, LedgerState
from include.reconcile.posting_days import PostingDays
from include.reconcile.records import (
    Changes,
    Claim,
    ClosedPeriod,
    Journal,
    Line,
    Movement,
    Promotion,
    PromotionAccounts,
    PromotionState,
    Settlement,
    Task,
)
from include.reconcile.rules import Rules


class Books:
    """Posts for one tenant and business date; every method appends what it did to `changes`."""

    def __init__(
        self,
        state: LedgerState,
        *,
        tenant: str,
        as_of: date,
        rules: Rules,
        closed: Sequence[ClosedPeriod] = (),
        accounts: Mapping[str, PromotionAccounts] | None = None,
        closed_through: date | None = None,
    ):
        self.state = state
        self.tenant = tenant
        self.as_of = as_of
        self.rules = rules
        self._days = PostingDays(tuple(closed), closed_through, rules.on_closed_period == "next_open")
        self._accounts = accounts or {}
        #: What each promotion should have accrued by the business date; one that is not here is left as it is.
        self.targets: dict[str, Decimal] = {}

    def posting_date(self, wanted: date) -> tuple[date, str | None]:
        """(date to post on, None), or (wanted, why not) when its period is closed and the policy is to fail."""
        return self._days.date_for(wanted, self.state.cutover_date)

    def approve(self, changes: Changes, promotion: Promotion, method: str, plan: Decimal | None) -> None:
        """Begin the promotion's financial life, or go on with it under another agreed plan."""
        before = self.state.states.get(promotion.promotion_key)
        is_standing = before is not None and before.lifecycle_status != "Failed"
        status = before.lifecycle_status if is_standing else "Approved"
        approved = {"approved_amount": plan, "approved_date": promotion.approved_date, "refused_by": None}
        self._set_state(changes, promotion, status, method, **approved)

    def refuse(self, changes: Changes, promotion: Promotion, method: str, by: str, why: str) -> None:
        """End an approval without a posting: the promotion is no active budget."""
        self._set_state(changes, promotion, "Failed", method, message=why, refused_by=by)

    def accrue(
        self, changes: Changes, promotion: Promotion, amount: Decimal, method: str, wanted: date
    ) -> bool:
        """Post the first accrual of an approved promotion; False when its period is closed and it failed."""
        when, refusal = self.posting_date(wanted)
        posting = self._posting("ACCRUAL", promotion.currency, when, promotion.promotion_key, original=wanted)
        if refusal:
            self._record(changes, posting.failed(refusal))
            self.refuse(changes, promotion, method, "closed_period", refusal)
            task_id = stable_id(self.tenant, promotion.promotion_key, "ACCRUAL_REFUSED")
            changes.tasks.append(
                Task(
                    task_id,
                    "ACCRUAL_REFUSED",
                    amount,
                    promotion.currency,
                    f"Accrual of {promotion.promotion_key} refused: {refusal}",
                    promotion_key=promotion.promotion_key,
                )
            )
            return False
        entry = posting.journal(*documents.accrual(amount, promotion, self.rules.accounts))
        self._record(changes, entry)
        self._move(changes, promotion, "accrued", amount, entry, method)
        self._set_state(changes, promotion, "Approved", method, accrual_date=when, refused_by=None)
        return True

    def adjust(self, changes: Changes, promotion: Promotion) -> None:
        """Bring the open accrual to what is recognised so far and neither settled nor released.

        Measured against everything settled, not only what reversed the accrual: so a claim that came before
        its accrual leaves the same liability as one that came after, and no run date changes where it ends.
        """
        key = promotion.promotion_key
        if key not in self.targets or not self.state.is_adjustable(key):
            return
        wanted = max(ZERO, self.targets[key] - self.state.settled[key] - self.state.released[key])
        difference = wanted - self.state.open_accrual(key)
        if difference:
            when = self._days.next_open(self.as_of)
            posting = self._posting("ACCRUAL_ADJUSTMENT", promotion.currency, when, key)
            entry = posting.journal(*documents.accrual(difference, promotion, self.rules.accounts))
            self._record(changes, entry)
            self._move(changes, promotion, "accrued", difference, entry, self._method(promotion))

    def receive(self, changes: Changes, claim: Claim) -> None:
        """Copy the ERP's booking of a deduction to clearing, or of the difference when its amount changed."""
        missing = claim.amount - self.state.receipts[claim.claim_id]
        if missing:
            posting = self._posting(
                "DEDUCTION_RECEIPT",
                claim.currency,
                self._days.date_of_copy(claim.posting_date),
                None,
                claim.claim_id,
                posted_by="erp",
                original=claim.posting_date,
            )
            self._record(changes, posting.journal(*documents.receipt(missing, self.rules.accounts)))
            self.state.receipts[claim.claim_id] = claim.amount

    def settle(self, changes: Changes, claim: Claim, promotion: Promotion, amount: Decimal) -> bool:
        """Settle `amount` of a deduction; True when the promotion's residual had been released already."""
        key = promotion.promotion_key
        reversed_accrual = min(amount, self.state.open_accrual(key))
        late = self.state.is_released(key)
        posting = self._posting("SETTLEMENT", claim.currency, self._today(), key, claim.claim_id)
        entry = posting.journal(
            *documents.settlement(amount, reversed_accrual, promotion, self.rules.accounts)
        )
        self._settled(changes, claim, promotion, amount, reversed_accrual, entry, late)
        return late

    def pay_fee(self, changes: Changes, claim: Claim, promotion: Promotion, amount: Decimal) -> None:
        """Settle a fixed fee that was paid through accounts payable: voucher and payment as the ERP booked them."""
        key = promotion.promotion_key
        reversed_accrual = min(amount, self.state.open_accrual(key))
        posting = self._posting(
            "AP_VOUCHER", claim.currency, self._today(), key, claim.claim_id, posted_by="erp"
        )
        voucher = posting.journal(
            *documents.ap_voucher(amount, reversed_accrual, promotion, self.rules.accounts)
        )
        paid = self._posting(
            "AP_PAYMENT", claim.currency, self._today(), key, claim.claim_id, posted_by="erp"
        )
        self._record(changes, paid.journal(*documents.ap_payment(amount, self.rules.accounts)))
        self._settled(
            changes, claim, promotion, amount, reversed_accrual, voucher, self.state.is_released(key)
        )

    def draft(self, changes: Changes, claim: Claim, promotion: Promotion, amount: Decimal) -> None:
        """Propose a settlement that waits for proof: a Draft row, flagged for audit, nothing posted."""
        row = self._settlement(claim, promotion, amount, "Draft", audit_flag=True)
        self._store(changes, row, promotion, claim, ())

    def withdraw_drafts(self, changes: Changes, claim: Claim, keep: Promotion | None) -> None:
        """End Draft proposals of a claim that now ends differently."""
        for settlement_id in self.state.settlements_of[claim.claim_id]:
            row = self.state.settlements[settlement_id]
            is_kept = keep is not None and row.promotion_key == keep.promotion_key
            if row.status == "Draft" and not is_kept:
                self.state.settlements[row.settlement_id] = ended = replace(row, status="Failed")
                changes.settlements.append(ended)
                self._snapshot(changes, ended, "update", None, claim, ())

    def dispute(self, changes: Changes, claim: Claim, promotion: Promotion, amount: Decimal) -> None:
        """Charge `amount` of the claim back to the customer by debit memo."""
        memo = documents.debit_memo(amount, self.rules.accounts)
        self.book(changes, "DEBIT_MEMO", claim, promotion.promotion_key, memo)

    def book(
        self,
        changes: Changes,
        event: str,
        claim: Claim,
        promotion_key: str | None,
        lines: Sequence[Line],
    ) -> None:
        """Post `lines` about a claim on the business date."""
        posting = self._posting(event, claim.currency, self._today(), promotion_key, claim.claim_id)
        self._record(changes, posting.journal(*lines))

    def repay(self, changes: Changes, repayment: Claim, promotion_key: str | None, amount: Decimal) -> None:
        """A repayment clears `amount` of the charge-back."""
        lines = documents.repayment(amount, self.rules.accounts)
        self.book(changes, "REPAYMENT", repayment, promotion_key, lines)

    def undo_settlement(
        self,
        changes: Changes,
        cause: Claim,
        original: Claim,
        row: Settlement,
        promotion: Promotion,
        amount: Decimal,
    ) -> None:
        """Reverse `amount` of a settlement; what it took from the accrual returns last.

        `cause` is the repayment that pays it back, or the claim itself when a person takes its decision back.
        """
        key = promotion.promotion_key
        pair = (original.claim_id, key)
        beyond = self.state.settled_by[pair] - self.state.reversed_by[pair]
        restored = max(ZERO, amount - beyond)
        is_fee = original.source_kind == "ap_payment"
        posting = self._posting(
            "SETTLEMENT_REVERSAL",
            cause.currency,
            self._today(),
            key,
            cause.claim_id,
            posted_by="erp" if is_fee else "tradewind",
        )
        document = documents.fee_reversal if is_fee else documents.settlement_reversal
        entry = posting.journal(*document(amount, restored, promotion, self.rules.accounts))
        self._record(changes, entry)
        if restored:
            self._move(
                changes, promotion, "reversed", restored, entry, self._method(promotion), original.claim_id
            )
            self.state.reversed_by[pair] -= restored
        self.state.settled[key] -= amount
        self.state.settled_by[pair] -= amount
        undone = replace(
            self._settlement(original, promotion, -amount, "Reversed", entry=entry),
            settlement_id=stable_id(self.tenant, row.settlement_id, cause.claim_id, "REVERSAL_ROW"),
            reverses_settlement_id=row.settlement_id,
        )
        self._store(changes, undone, promotion, original, entry.lines)
        self.adjust(changes, promotion)

    def release(self, changes: Changes, promotion: Promotion, amount: Decimal, *, is_final: bool) -> None:
        """Release `amount` of the open accrual; a final one ends the promotion's financial life."""
        method = self._method(promotion)
        if amount:
            posting = self._posting("RELEASE", promotion.currency, self._today(), promotion.promotion_key)
            entry = posting.journal(*documents.release(amount, promotion, self.rules.accounts))
            self._record(changes, entry)
            self._move(changes, promotion, "released", -amount, entry, method)
        if is_final:
            self._set_state(changes, promotion, "Settled", method, released_date=self.as_of)

    def _settled(
        self,
        changes: Changes,
        claim: Claim,
        promotion: Promotion,
        amount: Decimal,
        reversed_accrual: Decimal,
        entry: Journal,
        late: bool,
    ) -> None:
        key = promotion.promotion_key
        self._record(changes, entry)
        if reversed_accrual:
            self._move(
                changes,
                promotion,
                "reversed",
                -reversed_accrual,
                entry,
                self._method(promotion),
                claim.claim_id,
            )
            self.state.reversed_by[claim.claim_id, key] += reversed_accrual
        self.state.settled[key] += amount
        self.state.settled_by[claim.claim_id, key] += amount
        row = self._settlement(claim, promotion, amount, "Queued", entry=entry, late=late)
        self._store(changes, row, promotion, claim, entry.lines)

    def _settlement(
        self,
        claim: Claim,
        promotion: Promotion,
        amount: Decimal,
        status: str,
        *,
        entry: Journal | None = None,
        audit_flag: bool = False,
        late: bool = False,
    ) -> Settlement:
        key = promotion.promotion_key
        return Settlement(
            settlement_id=self._row_id(claim, key),
            claim_id=claim.claim_id,
            promotion_key=key,
            amount_settled=amount,
            currency=claim.currency,
            status=status,
            settled_as_of=self.as_of,
            audit_flag=audit_flag,
            late_after_release=late,
            gl_posting=_payload(entry, promotion, claim) if entry else {},
        )

    def _row_id(self, claim: Claim, promotion_key: str) -> UUID:
        """The row a settlement is written to: the Draft it confirms, or a new one beside those that count."""
        rows = map(self.state.settlements.__getitem__, self.state.settlements_of[claim.claim_id])
        before = sum(row.promotion_key == promotion_key and row.status in COUNTED for row in rows)
        number = ("SETTLEMENT_ROW", before) if before else ("SETTLEMENT_ROW",)
        return stable_id(self.tenant, promotion_key, claim.claim_id, *number)

    def _store(self, changes, row: Settlement, promotion: Promotion, claim: Claim, lines) -> None:
        before = self.state.settlements.get(row.settlement_id)
        if before is not None and row == replace(before, settled_as_of=row.settled_as_of):
            return  # the same proposal again, on a later date
        self.state.add_settlement(row)
        changes.settlements.append(row)
        self._snapshot(changes, row, "update" if before else "insert", promotion, claim, lines)

    def _snapshot(self, changes, row: Settlement, change: str, promotion, claim: Claim, lines) -> None:
        accounts = sorted({line.account_code for line in lines})
        content = {
            "accounts": {code: self.state.balances[row.currency, code] for code in accounts},
            "accrual_open": self.state.open_accrual(row.promotion_key),
            "actor": "tradewind",
            "amount_settled": row.amount_settled,
            "as_of": self.as_of,
            "claim_amount": claim.amount,
            "claim_id": row.claim_id,
            "currency": row.currency,
            "fund_key": promotion.fund_key if promotion else None,
            "promotion_key": row.promotion_key,
            "settlement_id": row.settlement_id,
            "status": row.status,
        }
        link = snapshot(self.state.chain_head, row.settlement_id, change, content)
        self.state.chain_head = (link.sequence, link.hash)
        changes.snapshots.append(link)

    def _posting(
        self,
        event: str,
        currency: str,
        when: date,
        promotion_key: str | None,
        claim_id: UUID | None = None,
        *,
        posted_by: str = "tradewind",
        original: date | None = None,
    ) -> Posting:
        generation = self.state.generations[promotion_key, claim_id, event] + 1
        if original is None and posted_by == "tradewind":
            original = self.as_of
        return Posting(
            self.tenant, event, currency, when, promotion_key, claim_id, generation, posted_by, original
        )

    def _record(self, changes: Changes, entry: Journal) -> None:
        self.state.generations[entry.promotion_key, entry.claim_id, entry.event] = entry.generation
        for line in entry.lines:
            self.state.balances[entry.currency, line.account_code] += line.debit_amount - line.credit_amount
        changes.journals.append(entry)
        accounts = self._accounts.get(entry.promotion_key or "")
        if entry.lines and accounts is not None and accounts.promotion_key not in self.state.booked:
            self.state.booked[accounts.promotion_key] = accounts
            changes.accounts.append(accounts)

    def _move(
        self,
        changes: Changes,
        promotion: Promotion,
        movement: str,
        amount: Decimal,
        entry: Journal,
        method: str,
        claim_id: UUID | None = None,
    ) -> None:
        key = promotion.promotion_key
        totals = {
            "accrued": self.state.accrued,
            "reversed": self.state.reversed,
            "released": self.state.released,
        }
        totals[movement][key] += amount if movement == "accrued" else -amount
        changes.movements.append(
            Movement(
                stable_id(entry.journal_id, movement),
                key,
                movement,
                amount,
                promotion.currency,
                entry.posting_date,
                entry.journal_id,
                claim_id,
                method,
            )
        )

    def _set_state(self, changes: Changes, promotion: Promotion, status: str, method: str, **values) -> None:
        before = self.state.states.get(promotion.promotion_key)
        made = before or PromotionState(promotion.promotion_key, status, method, promotion.currency)
        made = replace(made, lifecycle_status=status, **{"message": None, **values})
        self.state.states[promotion.promotion_key] = made
        changes.states.append(made)

    def _method(self, promotion: Promotion) -> str:
        state = self.state.states.get(promotion.promotion_key)
        return state.accrual_method if state else promotion.accrual_method

    def _today(self) -> date:
        return self.posting_date(self.as_of)[0]


def _payload(entry: Journal, promotion: Promotion, claim: Claim) -> dict[str, object]:
    """What the ERP is asked to post, amounts as text; the journal id is its idempotency key."""
    return {
        "idempotency_key": str(entry.journal_id),
        "event": entry.event,
        "posting_date": entry.posting_date.isoformat(),
        "currency": entry.currency,
        "promotion_id": promotion.promotion_id,
        "claim": claim.source_key,
        "lines": [
            {
                "account_code": line.account_code,
                "debit_amount": str(line.debit_amount),
                "credit_amount": str(line.credit_amount),
            }
            for line in entry.lines
        ],
    }
