"""When a promotion becomes a liability, and how much of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from include.reconcile.records import ClosedPeriod, Promotion

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
