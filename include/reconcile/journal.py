"""What each business event debits and credits, with ids that are the same on every run.

One function per document. Accounts and amounts only: who posts it and when is the caller's. Every journal
balances by construction; the database checks it again at commit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import NAMESPACE_URL, UUID, uuid5

from include.money import ZERO
from include.reconcile.records import Journal, Line, Promotion, PromotionAccounts
from include.reconcile.rules import Accounts

NAMESPACE = uuid5(NAMESPACE_URL, "urn:tradewind:journal")
_FEE_TACTICS = frozenset({"Slotting", "Fixed Fee"})


def stable_id(*parts: object, namespace: UUID = NAMESPACE) -> UUID:
    """uuid5 of the parts joined by `|`; None is written `-` (format of golden G33_idem)."""
    return uuid5(namespace, "|".join("-" if part is None else str(part) for part in parts))


@dataclass(frozen=True)
class Posting:
    """What all journals of one event share."""

    tenant: str
    event: str
    currency: str
    posting_date: date
    promotion_key: str | None = None
    claim_id: UUID | None = None
    generation: int = 1
    posted_by: str = "tradewind"
    original_posting_date: date | None = None

    def journal(self, *lines: Line) -> Journal:
        """A posted journal of these lines, those without an amount left out."""
        return self._made(
            tuple(line for line in lines if line.debit_amount or line.credit_amount), "Posted", None
        )

    def failed(self, message: str) -> Journal:
        """The record of a posting that was refused."""
        return self._made((), "Failed", message)

    def _made(self, lines: tuple[Line, ...], status: str, message: str | None) -> Journal:
        return Journal(
            journal_id=stable_id(self.tenant, self.promotion_key, self.claim_id, self.event, self.generation),
            event=self.event,
            generation=self.generation,
            currency=self.currency,
            posting_date=self.posting_date,
            original_posting_date=self.original_posting_date or self.posting_date,
            posted_by=self.posted_by,
            promotion_key=self.promotion_key,
            claim_id=self.claim_id,
            lines=lines,
            status=status,
            message=message,
        )


def debit(account: str, amount: Decimal) -> Line:
    """`amount` on the debit side."""
    return Line(account, amount, ZERO)


def credit(account: str, amount: Decimal) -> Line:
    """`amount` on the credit side."""
    return Line(account, ZERO, amount)


def expense_account(promotion: Promotion, accounts: Accounts) -> str:
    """The promotion's own expense account, else slotting for fixed fees, else trade expense."""
    if promotion.gl_account_code:
        return promotion.gl_account_code
    return accounts.slotting if promotion.tactic_type in _FEE_TACTICS else accounts.expense


def accrued_account(promotion: Promotion, accounts: Accounts) -> str:
    """The promotion's own liability account, else the tenant's."""
    return promotion.accrual_account_code or accounts.accrued


def booked_as(promotion: Promotion, booked: PromotionAccounts | None) -> Promotion:
    """The promotion with the accounts of its first posting: what was accrued there is reversed there."""
    if booked is None:
        return promotion
    return replace(promotion, gl_account_code=booked.expense, accrual_account_code=booked.accrued)


def accounts_of(promotion: Promotion, accounts: Accounts) -> PromotionAccounts:
    """Where the promotion's spend and liability are booked."""
    return PromotionAccounts(
        promotion.promotion_key, expense_account(promotion, accounts), accrued_account(promotion, accounts)
    )


def accrual(amount: Decimal, promotion: Promotion, accounts: Accounts) -> tuple[Line, ...]:
    """Approval: the plan becomes an expense and a liability. A negative amount takes some of it back."""
    expense, accrued = expense_account(promotion, accounts), accrued_account(promotion, accounts)
    if amount < 0:
        return debit(accrued, -amount), credit(expense, -amount)
    return debit(expense, amount), credit(accrued, amount)


def receipt(amount: Decimal, accounts: Accounts) -> tuple[Line, ...]:
    """The ERP books a deduction from a payment (or a repayment, negative) to the clearing account."""
    if amount < 0:
        return debit(accounts.receivable, -amount), credit(accounts.clearing, -amount)
    return debit(accounts.clearing, amount), credit(accounts.receivable, amount)


def settlement(
    amount: Decimal, reversed_accrual: Decimal, promotion: Promotion, accounts: Accounts
) -> tuple[Line, ...]:
    """The long form of resolution C38: the accrual is reversed, the actual spend recorded against clearing."""
    expense, accrued = expense_account(promotion, accounts), accrued_account(promotion, accounts)
    return (
        debit(accrued, reversed_accrual),
        credit(expense, reversed_accrual),
        debit(expense, amount),
        credit(accounts.clearing, amount),
    )


def settlement_reversal(
    amount: Decimal, restored_accrual: Decimal, promotion: Promotion, accounts: Accounts
) -> tuple[Line, ...]:
    """A settled deduction was paid back: the settlement's lines turned round."""
    expense, accrued = expense_account(promotion, accounts), accrued_account(promotion, accounts)
    return (
        debit(accounts.clearing, amount),
        credit(expense, amount),
        debit(expense, restored_accrual),
        credit(accrued, restored_accrual),
    )


def debit_memo(amount: Decimal, accounts: Accounts) -> tuple[Line, ...]:
    """The disputed part is charged back to the customer."""
    return debit(accounts.receivable, amount), credit(accounts.clearing, amount)


def turned(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """The same lines with their sides changed: what takes a document back."""
    return tuple(Line(line.account_code, line.credit_amount, line.debit_amount) for line in lines)


def recovery(amount: Decimal, accounts: Accounts) -> tuple[Line, ...]:
    """The customer pays the charge-back."""
    return debit(accounts.cash, amount), credit(accounts.receivable, amount)


def repayment(amount: Decimal, accounts: Accounts) -> tuple[Line, ...]:
    """The customer pays the charge-back through a negative deduction, which waits in clearing."""
    return debit(accounts.clearing, amount), credit(accounts.receivable, amount)


def write_off(amount: Decimal, accounts: Accounts) -> tuple[Line, ...]:
    """The charge-back is given up."""
    return debit(accounts.write_off, amount), credit(accounts.receivable, amount)


def release(amount: Decimal, promotion: Promotion, accounts: Accounts) -> tuple[Line, ...]:
    """The residual of a closed promotion goes back from the liability to the expense (G-35)."""
    return (
        debit(accrued_account(promotion, accounts), amount),
        credit(expense_account(promotion, accounts), amount),
    )


def ap_voucher(
    amount: Decimal, reversed_accrual: Decimal, promotion: Promotion, accounts: Accounts
) -> tuple[Line, ...]:
    """A fixed fee is invoiced: from the accrual as far as it goes, the rest straight to expense (G-37)."""
    return (
        debit(accrued_account(promotion, accounts), reversed_accrual),
        debit(expense_account(promotion, accounts), amount - reversed_accrual),
        credit(accounts.payable, amount),
    )


def fee_reversal(
    amount: Decimal, restored_accrual: Decimal, promotion: Promotion, accounts: Accounts
) -> tuple[Line, ...]:
    """Our copy of a paid fee is withdrawn, voucher and payment in one: the ERP's own booking stands."""
    voucher = ap_voucher(amount, restored_accrual, promotion, accounts)
    return (*turned(voucher[:2]), debit(accounts.cash, amount))


def ap_payment(amount: Decimal, accounts: Accounts) -> tuple[Line, ...]:
    """The voucher is paid."""
    return debit(accounts.payable, amount), credit(accounts.cash, amount)
