"""The business date of a run, resolved in one place, and the month arithmetic around it.

Nothing below a DAG asks a clock: the date comes from the run. In Airflow 3 a run started by hand or by an
asset has no logical date, so the order is explicit (DESIGN section 1).
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime
from zoneinfo import ZoneInfo

from include.errors import TradewindError

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def business_date(
    *, partition_key: str | None, param: str | None, event: str | None, run_after: datetime, timezone: str
) -> date:
    """The business date of a run: partition key, else param, else the triggering event's, else `run_after`.

    A month (`2026-10`) means its last day. `run_after` must carry a zone; it is read in the tenant's.
    Raises TradewindError for text that is neither a day nor a month.
    """
    for text in (partition_key, param, event):
        if text:
            return last_day(text) if _MONTH.fullmatch(text) else day(text)
    return run_after.astimezone(ZoneInfo(timezone)).date()


def business_period(
    *, partition_key: str | None, param: str | None, run_after: datetime, timezone: str
) -> str:
    """The fiscal month a monthly run is about: partition key, else param, else the month before `run_after`.

    Resolution C48: the run of 5 December is about November, in the tenant's zone.
    """
    for text in (partition_key, param):
        if text:
            return month(text)
    return previous_month(run_after.astimezone(ZoneInfo(timezone)).strftime("%Y-%m"))


def day(text: str) -> date:
    """An ISO 8601 day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _refusal("a date such as 2026-10-31", text) from None


def month(text: str) -> str:
    """`text` when it is a month YYYY-MM."""
    if not _MONTH.fullmatch(text):
        raise _refusal("a month such as 2026-10", text)
    return text


def first_day(period: str) -> date:
    """First day of month `period`."""
    year, number = (int(part) for part in month(period).split("-"))
    return date(year, number, 1)


def last_day(period: str) -> date:
    """Last day of month `period`."""
    start = first_day(period)
    return start.replace(day=monthrange(start.year, start.month)[1])


def previous_month(period: str) -> str:
    """The month before `period`."""
    start = first_day(period)
    return f"{start.year - 1}-12" if start.month == 1 else f"{start.year}-{start.month - 1:02d}"


def _refusal(expected: str, got: str) -> TradewindError:
    return TradewindError(
        where="the run's business date",
        expected=expected,
        got=repr(got),
        remedy="correct the run's parameter",
    )
