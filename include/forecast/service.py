"""Which days of the year a rep serves, and which plan version is in force on each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from include.forecast.horizon import DAY, Horizon
from include.forecast.mart_rows import Row

#: Fiscal years of weeks begin and end up to six days beside the plan year of the calendar.
_EDGE_DAYS = 6


class Excluded(Exception):
    """Why one rep is not simulated."""


@dataclass(frozen=True)
class Span:
    """Days, `end` exclusive, on which `version` of the rep's plan is in force."""

    start: date
    end: date
    version: Row


def service(rep: Row, horizon: Horizon) -> tuple[date, date]:
    """First day the rep serves in the horizon, and first day no longer. Raises Excluded when there is none."""
    left, hired = rep.get("termination_date"), rep.get("hire_date")
    if left is not None and left < horizon.start:
        raise Excluded(f"not active: left {left}, before the fiscal year")
    if hired is not None and hired >= horizon.end:
        raise Excluded(f"not active: hired {hired}, after the fiscal year")
    first = horizon.start if hired is None else max(hired, horizon.start)
    end = horizon.end if left is None else min(left + DAY, horizon.end)
    if end <= first:
        raise Excluded(f"not active: left {left}, hired {hired}")
    return first, end


def spans(
    versions: Sequence[Row], plan_key: object, first: date, end: date, as_of: date
) -> tuple[list[Span], str | None]:
    """The versions in force from `first` to before `end`, in order, and a note on what was taken for granted.

    A plan in force on `as_of` or later is taken to go on as it is known last: next year's is often not written yet.
    Up to six days at either edge belong to the version beside them. Raises Excluded naming the days of any other
    gap, and for versions that overlap.
    """
    known_until = _known_until(versions)
    goes_on = known_until is not None and as_of <= known_until
    found = []
    for version in versions:
        until = version.get("effective_to")
        start = max(first, version.get("effective_from") or first)
        stop = end if until is None or (goes_on and until == known_until) else min(end, until + DAY)
        if start < stop:
            found.append(Span(start, stop, version))
    found.sort(key=lambda span: (span.start, span.end))
    if not found:
        raise _gap(plan_key, first, end)
    for before, after in pairwise(found):
        if after.start < before.end:
            names = ", ".join(sorted(str(s.version.get("version")) for s in (before, after)))
            raise Excluded(f"versions {names} of plan {plan_key} are all in force on {after.start}")
        if after.start > before.end:
            raise _gap(plan_key, before.end, after.start)
    found[0] = replace(found[0], start=_edge(plan_key, first, found[0].start, first))
    found[-1] = replace(found[-1], end=_edge(plan_key, found[-1].end, end, end))
    if goes_on and known_until + DAY < end:
        return found, f"plan {plan_key} is known to {known_until} and taken to go on as it is"
    return found, None


def _known_until(versions: Sequence[Row]) -> date | None:
    """Last day any version is in force, None when one has no end."""
    ends = [version.get("effective_to") for version in versions]
    return None if None in ends else max(ends)


def _edge(plan_key: object, start: date, end: date, edge: date) -> date:
    """`edge`, when what lies between it and a version is short enough."""
    if (end - start).days > _EDGE_DAYS:
        raise _gap(plan_key, start, end)
    return edge


def _gap(plan_key: object, start: date, end: date) -> Excluded:
    return Excluded(f"plan gap: no version of plan {plan_key} in force from {start} to {end - DAY}")
