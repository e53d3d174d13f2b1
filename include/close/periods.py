"""Which fiscal periods a close is about: delivered ones of any calendar, or calendar months of the fiscal year.

Periods are closed in order and reopened from the end only, so what is closed is always everything up to one day.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

MONTHS = "months"


@dataclass(frozen=True, order=True)
class Period:
    """A fiscal period, both dates inclusive."""

    start_date: date
    end_date: date
    calendar: str
    fiscal_year: int
    period: int

    @property
    def key(self) -> tuple[str, int, int]:
        """(calendar, fiscal year, period)."""
        return self.calendar, self.fiscal_year, self.period

    @property
    def name(self) -> str:
        """The period as people write it: 2026-07."""
        return f"{self.fiscal_year}-{self.period:02d}"


@dataclass(frozen=True)
class Event:
    """What happened to a period: closed, signed or reopened, on which business date and by whom."""

    period: Period
    generation: int
    event: str
    as_of: date
    decided_by: str


@dataclass(frozen=True)
class Standing:
    """How a period stands after its events up to a business date."""

    period: Period
    generation: int
    state: str
    as_of: date
    signed_by: str | None = None


@dataclass(frozen=True)
class Agenda:
    """Periods to close, the earliest first, and how many are passed over for which reason."""

    due: tuple[Period, ...]
    skipped: dict[str, int] = field(default_factory=dict)
    next_due: date | None = None


def standings(events: Iterable[Event], as_of: date) -> list[Standing]:
    """The latest standing of every period that was ever closed by `as_of`, in order of time."""
    rank = {"closed": 0, "signed": 1, "reopened": 2}
    found: dict[tuple, Standing] = {}
    for e in sorted(events, key=lambda e: (e.generation, rank[e.event])):
        if e.as_of <= as_of:
            before = found.get(e.period.key)
            signer = before.signed_by if before is not None and before.generation == e.generation else None
            signer = e.decided_by if e.event == "signed" else signer
            found[e.period.key] = Standing(e.period, e.generation, e.event, e.as_of, signer)
    return sorted(found.values(), key=lambda s: (s.period, s.generation))


def closed_through(found: Iterable[Standing]) -> date | None:
    """The last day of what is closed and not reopened."""
    return max((s.period.end_date for s in found if s.state != "reopened"), default=None)


def chosen(delivered: Sequence[Period], calendar: str) -> list[Period]:
    """The periods of the tenant's calendar; a company that delivers one calendar means that one. Else none."""
    names = {p.calendar for p in delivered}
    name = calendar if calendar in names else (names.pop() if len(names) == 1 else None)
    return sorted(p for p in delivered if p.calendar == name)


def calendar_months(first: date, last: date, start_month: int) -> list[Period]:
    """The calendar months from `first`'s to `last`'s; a fiscal year is named by the year it ends in."""
    found = []
    day = first.replace(day=1)
    while day <= last:
        end = day.replace(day=monthrange(day.year, day.month)[1])
        year = day.year + (1 if start_month > 1 and day.month >= start_month else 0)
        found.append(Period(day, end, MONTHS, year, (day.month - start_month) % 12 + 1))
        day = end + timedelta(days=1)
    return found


def agenda(
    periods: Sequence[Period],
    found: Sequence[Standing],
    *,
    begins: date | None,
    as_of: date,
    lag_days: int,
    asked: str | None = None,
) -> Agenda:
    """What is due on `as_of`: ended more than `lag_days` ago, in order, and not closed by us.

    `begins` is the first day of the trade ledger (None: nothing is posted). The lag of a reopened period counts
    from the day it was reopened. A period somebody `asked` for by name needs no lag, only to have ended, and the
    one before it must be closed.
    """
    through = closed_through(found)
    reopened = {s.period.key: s.as_of for s in found if s.state == "reopened"}
    lag = timedelta(days=lag_days)
    due: list[Period] = []
    skipped: dict[str, int] = {}
    next_due: date | None = None
    for p in sorted(periods):
        ready = max(p.end_date, reopened.get(p.key, p.end_date)) + lag
        if begins is None or p.end_date < begins:
            reason = "before the ledger begins"
        elif through is not None and p.end_date <= through:
            reason = "closed already"
        elif p.end_date >= as_of:
            reason = "not ended"
        elif p.name == asked or (asked is None and ready < as_of):
            due.append(p)
            continue
        elif asked is not None and p.name < asked and ready < as_of:
            reason = "due before the one asked for"
        else:
            reason = "inside the lag"
        if reason in ("not ended", "inside the lag") and next_due is None:
            next_due = ready + timedelta(days=1)
        skipped[reason] = skipped.get(reason, 0) + 1
    if asked is not None and "due before the one asked for" in skipped:
        due = []
    return Agenda(tuple(due), skipped, next_due)
