"""Time in the forecast: months as fractions, and quotas shared over the days of their windows."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from include.errors import TradewindError
from include.money import round_half_up

DAY = timedelta(days=1)


@dataclass(frozen=True)
class QuotaWindow:
    """A quota and its effective dates; `end` is exclusive."""

    start: date
    end: date
    quota_amount: Decimal


@dataclass(frozen=True)
class Horizon:
    """The fiscal year forecast, and the last day whose facts are known. `end` is exclusive.

    `period_ends`: last days of the year's fiscal periods; empty means calendar months.
    """

    period: str
    as_of: date
    start: date
    end: date
    period_ends: tuple[date, ...] = ()

    @property
    def days(self) -> int:
        """Days of the year."""
        return (self.end - self.start).days

    @property
    def next_day(self) -> date:
        """First day of the year whose facts are not known."""
        return max(self.as_of + DAY, self.start)


def fiscal_year(period: str, start_month: int) -> tuple[date, date]:
    """First day, and first day after, of the fiscal year that contains month `period` (YYYY-MM)."""
    year, month = int(period[:4]), int(period[5:7])
    first = year if month >= start_month else year - 1
    return date(first, start_month, 1), date(first + 1, start_month, 1)


def middle(start: date, end: date) -> date:
    """The day half-way from `start` to `end`; `start` where nothing lies between."""
    return start + max(end - start, timedelta(0)) // 2


def months_between(start: date, end: date) -> float:
    """Months from `start` to `end` (exclusive): each calendar month counts by its share of days."""
    months, at = 0.0, start
    while at < end:
        days = monthrange(at.year, at.month)[1]
        until = min(at.replace(day=days) + DAY, end)
        months += (until - at).days / days
        at = until
    return months


def month_ends(start: date, end: date) -> list[date]:
    """Last days of the months between `start` and `end` (exclusive), the last day before `end` included."""
    ends, at = [], start
    while at < end:
        last = min(at.replace(day=monthrange(at.year, at.month)[1]), end - DAY)
        ends.append(last)
        at = last + DAY
    return ends


def clip_windows(windows: Iterable[QuotaWindow], start: date, end: date) -> list[QuotaWindow]:
    """The parts of `windows` inside [start, end), each with its share of the quota by days, in cents.

    Raises TradewindError for a window that ends before it starts and for windows that overlap.
    """
    ordered = sorted(windows, key=lambda w: (w.start, w.end))
    for w in ordered:
        if w.end <= w.start:
            raise _refuse("a window that ends after it starts", f"{w.start} to {w.end}")
    for before, after in pairwise(ordered):
        if after.start < before.end:
            raise _refuse(
                "quota windows that do not overlap", f"{before.start} to {before.end} and {after.start}"
            )
    parts = []
    for w in ordered:
        first, last = max(w.start, start), min(w.end, end)
        if first >= last:
            continue
        whole = (first, last) == (w.start, w.end)
        share = w.quota_amount * (last - first).days / (w.end - w.start).days
        parts.append(QuotaWindow(first, last, w.quota_amount if whole else round_half_up(share)))
    return parts


def quota_of(windows: Iterable[QuotaWindow]) -> Decimal:
    """Sum of the quotas."""
    return sum((w.quota_amount for w in windows), Decimal(0))


def months_of(windows: Iterable[QuotaWindow]) -> float:
    """Months the windows cover."""
    return sum(months_between(w.start, w.end) for w in windows)


def _refuse(expected: str, got: str) -> TradewindError:
    return TradewindError(
        where="planning.quotas", expected=expected, got=got, remedy="correct the quota windows of the rep"
    )
