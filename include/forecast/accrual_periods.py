"""Which fiscal period an accrual is booked in: its own, or after the year's end the first one that is still open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from include.close.periods import Period, calendar_months, chosen
from include.forecast.horizon import DAY


def periods_covering(
    delivered: Sequence[Period], calendar: str, first: date, last: date, start_month: int
) -> list[Period]:
    """The fiscal periods from `first` to `last`: the delivered ones of the calendar when they leave no day out, else months."""
    found = [p for p in chosen(delivered, calendar) if p.end_date >= first and p.start_date <= last]
    has_no_gap = all(after.start_date == before.end_date + DAY for before, after in pairwise(found))
    if found and has_no_gap and found[0].start_date <= first and found[-1].end_date >= last:
        return found
    return calendar_months(first, last, start_month)


def booking_period(
    year: Sequence[Period], later: Sequence[Period], *, about: date, as_of: date, closed_through: date | None
) -> Period | None:
    """Where a run is booked; None when the year has not begun, or its period is closed and a later one will take it.

    `year` are the fiscal year's periods, `later` those after it up to as_of, `about` the last day of the month the
    run is about. A closed period is never changed. Only the year's last one has no later period of its year, so
    what a late run finds is booked in the first open period its facts reach into.
    """
    day = min(about, as_of)
    own = next((p for p in year if p.start_date <= day <= p.end_date), None)
    if own is None or closed_through is None or own.end_date > closed_through:
        return own
    if own != year[-1]:
        return None
    return next((p for p in later if p.end_date > closed_through and p.start_date <= as_of), None)
