"""How much of a closed promotion's residual accrual may go back to the expense (G-35, G-45)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from include.money import CENT, QUANTUM, ZERO
from include.reconcile.rules import Rules


@dataclass(frozen=True)
class Release:
    """What may be released; `is_final` when nothing is held back for claims still expected."""

    amount: Decimal
    is_final: bool
    expected_total: Decimal | None = None
    expected_more: Decimal = ZERO


def releasable(open_accrual: Decimal, received: Decimal, months_after_end: int, rules: Rules) -> Release:
    """The part of `open_accrual` that no claim is expected for.

    `on_close`: all of it. `lag_curve`: `received` is taken as the share of all claims that has usually
    arrived `months_after_end` months after the promotion's end; what is still expected stays accrued.
    """
    if rules.release_policy == "on_close" or months_after_end >= len(rules.lag_curve):
        return Release(open_accrual, True)
    share = rules.lag_curve[max(months_after_end, 0)]
    if share >= 1:
        return Release(open_accrual, True)
    total = (received / share).quantize(CENT, rounding=ROUND_HALF_UP)
    more = (total - received).quantize(QUANTUM)
    return Release(max(ZERO, open_accrual - more), False, total, more)


def whole_months(start: date, end: date) -> int:
    """Whole months from `start` to `end`; the end of a shorter month completes the month."""
    months = (end.year - start.year) * 12 + end.month - start.month
    is_month_end = (end.toordinal() + 1) in {
        date(end.year + end.month // 12, end.month % 12 + 1, 1).toordinal()
    }
    return months if end.day >= start.day or is_month_end else months - 1
