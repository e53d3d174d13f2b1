"""Deals as they stood on a day: what was known of each by then, from the CRM's rows and its history of changes.

Nothing dated after the day is used: a deal that closed later is still open, at the stage the history gives it. Where
no history says how it stood, its stage, probability and close date are not known, and only its age counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

Row = Mapping[str, object]


@dataclass(frozen=True)
class State:
    """What a deal said from `since` on; None where nobody said."""

    since: date
    stage: str | None
    amount: Decimal | None
    probability: float | None
    close_date: date | None


@dataclass(frozen=True)
class DealRecord:
    """One deal as of a day: its states so far and, if it had closed by then, when and how."""

    opportunity_key: str
    owner: str
    currency: str | None
    created: date | None
    closed: date | None
    is_won: bool
    amount: Decimal | None
    states: tuple[State, ...]

    @property
    def age_closed(self) -> int | None:
        """Days from its creation to its end."""
        return None if None in (self.created, self.closed) else max((self.closed - self.created).days, 0)


@dataclass(frozen=True)
class DealBook:
    """Deals that had closed by a day and those open on it. `undated`: closed deals without a day of closing."""

    closed: tuple[DealRecord, ...]
    open: tuple[DealRecord, ...]
    undated: int


def read_deals(opportunities: Sequence[Row], history: Sequence[Row], as_of: date) -> DealBook:
    """Sort the rows of planning.opportunities and planning.opportunity_history into deals as of `as_of`.

    `changed_on` of a history row is the civil day of its change. Deals created later are left out.
    """
    changes: dict[str, list[Row]] = defaultdict(list)
    for row in history:
        changes[str(row["opportunity_key"])].append(row)
    found: dict[bool, list[DealRecord]] = {True: [], False: []}
    counts: Counter[str] = Counter()
    for row in sorted(opportunities, key=lambda r: str(r["opportunity_key"])):
        mine = sorted(changes[str(row["opportunity_key"])], key=lambda r: r["changed_at"])
        created = row.get("created_date") or (mine[0]["changed_on"] if mine else None)
        if created is not None and created > as_of:
            continue
        ended = _ended(row, mine)
        if row.get("is_closed") and ended is None:
            counts["undated"] += 1
            continue
        is_closed = ended is not None and ended <= as_of
        found[is_closed].append(
            DealRecord(
                opportunity_key=str(row["opportunity_key"]),
                owner=str(row.get("owner_rep_key") or ""),
                currency=row.get("currency"),
                created=created,
                closed=ended if is_closed else None,
                is_won=is_closed and bool(row.get("is_won")),
                amount=_known(row.get("amount")),
                states=_states(row, mine, created, as_of),
            )
        )
    return DealBook(tuple(found[True]), tuple(found[False]), counts["undated"])


def stays(deal: DealRecord) -> list[tuple[State, date]]:
    """A closed deal's states before its end, each with the day it was left."""
    ends = [*(state.since for state in deal.states[1:]), deal.closed]
    return [
        (state, min(end, deal.closed))
        for state, end in zip(deal.states, ends, strict=False)
        if state.since < deal.closed and state.stage is not None
    ]


def _ended(row: Row, changes: Sequence[Row]) -> date | None:
    """The day a closed deal closed: when its history entered the stage it ended in, else its close date."""
    if not row.get("is_closed"):
        return None
    entered = None
    for change in reversed(changes):
        if _named(change["stage"]) != _named(row["stage"]):
            break
        entered = change["changed_on"]
    return entered or row.get("close_date")


def _states(row: Row, changes: Sequence[Row], created: date | None, as_of: date) -> tuple[State, ...]:
    """What the deal said up to `as_of`. An amount that no change states is the row's."""
    has_amounts = any(change.get("amount") is not None for change in changes)
    states = [
        State(
            change["changed_on"],
            _named(change["stage"]),
            _known(change.get("amount") if has_amounts else row.get("amount")),
            _share(change.get("probability")),
            change.get("close_date"),
        )
        for change in changes
        if change["changed_on"] <= as_of
    ]
    is_current = len(states) == len(changes)
    if row.get("is_closed") or not is_current:
        return tuple(states)
    now = State(
        states[-1].since if states else created or as_of,
        _named(row["stage"]),
        _known(row.get("amount")),
        _share(row.get("probability")),
        row.get("close_date"),
    )
    return (*states[:-1], now)


def _named(stage: object) -> str | None:
    return str(stage).strip() or None


def _known(amount: object) -> Decimal | None:
    return amount if isinstance(amount, Decimal) and amount.is_finite() else None


def _share(probability: object) -> float | None:
    """A probability from 0 to 1; one above 1 cannot be read and counts as not stated."""
    if probability is None:
        return None
    value = float(probability)
    return value if 0.0 <= value <= 1.0 else None
