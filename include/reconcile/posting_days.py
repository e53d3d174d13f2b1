"""On which day something is posted: its own, the ledger's first open one, or the next open one after a close."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from include.reconcile.accrue import open_date
from include.reconcile.records import ClosedPeriod


@dataclass(frozen=True)
class PostingDays:
    """The calendar postings obey. `closed` are the ERP's closed periods, `closed_through` the last day we have closed
    ourselves; `moves` is whether the policy moves what the ERP's close would refuse.
    """

    closed: tuple[ClosedPeriod, ...] = ()
    closed_through: date | None = None
    moves: bool = False

    def date_for(self, wanted: date, cutover: date | None) -> tuple[date, str | None]:
        """(date to post on, None), or (wanted, why not) when its period is closed and the policy is to fail.

        What lies before the ledger's beginning (`cutover`) is an opening balance and posts on its first open day. What
        lies in a period we have closed ourselves is a prior-period adjustment and posts on the next open day.
        """
        if cutover is not None and wanted < cutover:
            return open_date(cutover, self.closed), None
        if self._is_ours(wanted):
            return self.next_open(wanted), None
        possible = self.next_open(wanted)
        if possible == wanted or self.moves:
            return possible, None
        return wanted, f"fiscal period of {wanted} is closed"

    def next_open(self, wanted: date) -> date:
        """`wanted`, or the first day after it that nobody has closed."""
        first = self.closed_through + timedelta(days=1) if self._is_ours(wanted) else wanted
        return open_date(first, self.closed)

    def date_of_copy(self, booked: date) -> date:
        """The day a copy of the ERP's own posting counts: that of the original, unless we have closed it."""
        return self.next_open(booked) if self._is_ours(booked) else booked

    def _is_ours(self, day: date) -> bool:
        return self.closed_through is not None and day <= self.closed_through
