"""When a promotion becomes a liability, and how much of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from include.reconcile.records import ClosedPeriod, FiscalPeriod, Promotion

#: So much closed history makes the first run a take-over of running books: a quarter.
_TAKE_OVER_DAYS = 90

#: Commercial statuses that stand for an approved promotion.
APPROVED = frozenset({"Approved", "Live", "Closed", "Settled"})
DEFAULT_METHOD = "full_on_approval"


def full_on_approval(promotion: Promotion) -> Decimal:
    """The whole plan on the day of approval (the default of resolution C46)."""
    return promotion.planned_amount


#: Amount to accrue at approval, by method. A method that is not here accrues as DEFAULT_METHOD.
METHODS: dict[str, Callable[[Promotion], Decimal]] = {DEFAULT_METHOD: full_on_approval}


def method_of(promotion: Promotion) -> str:
    """The accrual method that is applied to the promotion."""
    return promotion.accrual_method if promotion.accrual_method in METHODS else DEFAULT_METHOD


def amount_due(promotion: Promotion, as_of: date) -> Decimal | None:
    """What an approved promotion accrues, None when nothing is due by `as_of`.

    Off-invoice money is deducted on the invoice and never accrues; an unknown plan has nothing to accrue.
    """
    if promotion.status not in APPROVED or promotion.is_off_invoice:
        return None
    if promotion.approved_date is None or promotion.approved_date > as_of or not promotion.planned_amount:
        return None
    return METHODS[method_of(promotion)](promotion)


def open_date(wanted: date, closed: Sequence[ClosedPeriod]) -> date:
    """`wanted`, or the first day after it that is in no closed period."""
    for period in sorted(closed, key=lambda p: (p.start_date, p.end_date)):
        if period.start_date <= wanted <= period.end_date:
            wanted = period.end_date + timedelta(days=1)
    return wanted


def cutover_date(periods: Sequence[FiscalPeriod], as_of: date) -> date | None:
    """Where the ledger of a company begins whose books are closed up to the present, None for any other.

    Asked once, by a tenant's first run. When every period begun by `as_of` is closed (the present one and the
    one before may still be open, for closing takes weeks) and they hold at least a quarter, the company has
    a history that was accrued in its time. Such approvals are opening balances, dated the first open day
    (control C59), and not postings to a closed period. With a single month closed, or an open one before it,
    a posting dated there is refused (golden G-36), as it is in every later run.
    """
    begun = sorted((p for p in periods if p.start_date <= as_of), key=lambda p: p.start_date)
    for _ in range(2):
        if begun and not begun[-1].is_closed:
            begun.pop()
    if not begun or not all(p.is_closed for p in begun):
        return None
    if (begun[-1].end_date - begun[0].start_date).days + 1 < _TAKE_OVER_DAYS:
        return None
    return begun[-1].end_date + timedelta(days=1)
