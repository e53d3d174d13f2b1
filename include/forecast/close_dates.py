"""When deals close that are won, and how much of a window's revenue comes from deals not created yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from include.forecast.deal_history import DealRecord, stays
from include.forecast.pipeline_rules import PipelineRules

Windows = Sequence[tuple[date, date]]


@dataclass(frozen=True)
class Closing:
    """Equally likely days of closing: `as_of` + `shift` + each of `offsets` (ascending), all after `as_of`."""

    as_of: date
    shift: int
    offsets: np.ndarray
    source: str

    def before(self, days: np.ndarray) -> np.ndarray:
        """Share of the days before each of `days`, given as days after `as_of` (any shape)."""
        return np.searchsorted(self.offsets, days - self.shift) / self.offsets.size

    def share(self, start: date, end: date) -> float:
        """Share of the days in [start, end)."""
        first, last = self.before(_after(self.as_of, (start, max(start, end))))
        return float(last - first)

    def shares_until(self, windows: Windows, last_days: Sequence[date]) -> list[float]:
        """Share of the days inside `windows` up to and with each of `last_days`."""
        if not windows:
            return [0.0] * len(last_days)
        starts, ends = (_after(self.as_of, side) for side in zip(*windows, strict=True))
        until = np.clip((_after(self.as_of, last_days) + 1)[:, None], starts, ends)
        inside = (self.before(until) - self.before(starts)).sum(axis=1)
        return [float(share) for share in np.clip(inside, 0.0, 1.0)]


class CloseDates:
    """Days on which an open deal closes if it is won: its stated date plus the slippage of won deals.

    Slippage is the day a won deal closed less the day stated when it entered a stage. Only what is still possible
    counts, since the deal has not closed yet: of the deal's stage where `minimum_deals` are left, else of all stages.
    Where too few are left, a stated date that lies ahead stands. For one that is missing or long past, the ages at
    which won deals closed stand in; where these are too few as well, the day after `as_of`.
    """

    def __init__(self, closed: Sequence[DealRecord], rules: PipelineRules, as_of: date):
        self._minimum, self._as_of = rules.minimum_deals, as_of
        slips: dict[str | None, list[int]] = defaultdict(list)
        for deal in closed:
            for stage, stated in _stated(deal).items() if deal.is_won else ():
                slips[stage].append((deal.closed - stated).days)
                slips[None].append((deal.closed - stated).days)
        ages = [deal.age_closed for deal in closed if deal.is_won and deal.age_closed is not None]
        self._slips = {stage: np.sort(days) for stage, days in slips.items()}
        self._ages = np.sort(np.array(ages, dtype=np.int64))

    def of(self, stage: str | None, age: int | None, stated: date | None) -> Closing | None:
        """Where the close of an open deal lies; None when neither a date nor an age tells anything."""
        if stated is not None:
            ahead = (stated - self._as_of).days
            for name in dict.fromkeys((stage, None)):
                closing = self._after(
                    ahead, self._slips.get(name), "slippage" if name is None else "slippage of its stage"
                )
                if closing is not None:
                    return closing
            if ahead > 0:
                return self._on(ahead, "stated date")
        closing = None if age is None else self._after(-age, self._ages, "age")
        if closing is None and stated is not None:
            return self._on(1, "overdue, the next day")
        return closing

    def _on(self, ahead: int, source: str) -> Closing:
        return Closing(self._as_of, ahead, np.zeros(1, dtype=np.int64), source)

    def _after(self, shift: int, offsets: np.ndarray | None, source: str) -> Closing | None:
        """The days shift + offsets that lie after `as_of`, where there are enough."""
        if offsets is None:
            return None
        left = offsets[np.searchsorted(offsets, -shift, side="right") :]
        return Closing(self._as_of, shift, left, source) if left.size >= self._minimum else None


def _stated(deal: DealRecord) -> dict[str, date]:
    """Stage -> close date stated when the deal entered it."""
    entered: dict[str, date] = {}
    for state, _ in stays(deal):
        if state.close_date is not None:
            entered.setdefault(state.stage, state.close_date)
    return entered


class NewDeals:
    """What share of a window's revenue deals bring that are created after `as_of`, from those won lately.

    A deal won x days after `as_of` was created after it when it is younger than x. So the share is, over the days x
    of the windows, the mean share of the won amounts whose deals were younger than x: what an open pipeline of that
    day would not have held. Counting the rest as new as well would count it twice.
    """

    def __init__(self, won: Sequence[tuple[float, int]], as_of: date):
        """`won`: (amount, age in days when it closed) of each deal."""
        self._as_of = as_of
        self._known: dict[tuple[tuple[date, date], ...], float] = {}
        ordered = sorted(won, key=lambda deal: (deal[1], deal[0]))
        self._ages = np.array([age for _, age in ordered], dtype=np.int64)
        self._cumulated = np.concatenate(([0.0], np.cumsum([amount for amount, _ in ordered])))

    def share(self, windows: Windows) -> float:
        """The share inside `windows`, all after `as_of`; 0 without windows."""
        key = tuple(windows)
        if key not in self._known:
            days = np.concatenate(
                [np.arange((a - self._as_of).days, (b - self._as_of).days) for a, b in key] or [np.empty(0)]
            )
            younger = self._cumulated[np.searchsorted(self._ages, days)]
            self._known[key] = float(younger.mean() / self._cumulated[-1]) if days.size else 0.0
        return self._known[key]


def amount_spread(closed: Sequence[DealRecord]) -> tuple[float, int]:
    """Standard deviation of the amount won over the amount stated on entering a stage, and the stages it is from.

    From the logarithms, as for a lognormal: one absurd ratio does not make all amounts uncertain.
    """
    logs = []
    for deal in closed:
        entered: dict[str, float] = {}
        for state, _ in stays(deal) if deal.is_won and deal.amount and deal.amount > 0 else ():
            if state.amount is not None and state.amount > 0:
                entered.setdefault(state.stage, float(state.amount))
        logs += [float(np.log(float(deal.amount) / stated)) for stated in entered.values()]
    if len(logs) < 2:
        return 0.0, len(logs)
    return float(np.sqrt(np.expm1(min(np.var(logs), 4.0)))), len(logs)


def _after(as_of: date, days: Sequence[date]) -> np.ndarray:
    return np.array([(day - as_of).days for day in days], dtype=np.int64)
