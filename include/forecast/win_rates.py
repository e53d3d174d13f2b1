"""How often deals are won, by stage and age: read off the deals that have closed.

The rate of a deal that stands at stage S with an age in band A is won / closed among the deals that once stood at S
while their age was in A. Below `minimum_deals` the rate pools: to the stage; without evidence of the stage to
the CRM's own probability, which knows it; to all deals that were still open at that age; to all closed deals. Each keeps its count, its interval
(Wilson) and the name of the pool it is from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from include.forecast.deal_history import DealRecord, stays
from include.forecast.pipeline_rules import PipelineRules
from include.forecast.summary import wilson

UNKNOWN_STAGE, ANY_AGE = "", ""
OWN, STAGE, AGE, CRM, ALL = "stage and age", "stage", "age", "crm_probability", "all"


@dataclass(frozen=True)
class WinRate:
    """The rate of deals at a stage and an age (empty: not known), from `deal_count` closed ones.

    `source` says which: OWN, or the pool STAGE, AGE or ALL. Where it is CRM, each deal's own probability stands in and
    `rate` is None.
    """

    stage: str
    age_band: str
    source: str
    deal_count: int
    win_count: int
    rate: float | None
    rate_low: float | None
    rate_high: float | None


class WinRates:
    """Rates from closed deals; each deal counts once in every cell it passed through."""

    def __init__(self, closed: Sequence[DealRecord], rules: PipelineRules):
        self._rules = rules
        self._cells: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        for deal in closed:
            for cell in self._passed(deal):
                self._cells[cell][0] += 1
                self._cells[cell][1] += deal.is_won

    def of(self, stage: str | None, age: int | None, crm_probability: float | None) -> WinRate | None:
        """The rate of an open deal, None when nothing at all says how likely it is."""
        own = (
            UNKNOWN_STAGE if stage is None else stage,
            ANY_AGE if age is None else self._rules.band_name(self._rules.band_of(age)),
        )
        pools = []
        if stage is not None and age is not None:
            pools.append((own, OWN))
        if stage is not None:
            pools.append(((stage, ANY_AGE), STAGE))
        for cell, source in pools:
            if self._cells[cell][0] >= self._rules.minimum_deals:
                return self._rate(own, cell, source)
        if crm_probability is not None:
            return WinRate(*own, CRM, 0, 0, None, None, None)
        still_open = (UNKNOWN_STAGE, own[1])
        if age is not None and self._cells[still_open][0] >= self._rules.minimum_deals:
            return self._rate(own, still_open, AGE)
        everything = (UNKNOWN_STAGE, ANY_AGE)
        return self._rate(own, everything, ALL) if self._cells[everything][0] else None

    def _rate(self, own: tuple[str, str], cell: tuple[str, str], source: str) -> WinRate:
        count, wins = self._cells[cell]
        return WinRate(*own, source, count, wins, wins / count, *wilson(wins, count))

    def _passed(self, deal: DealRecord) -> set[tuple[str, str]]:
        """(stage, age band) a closed deal stood at, its stages, its ages, and itself."""
        cells = {(UNKNOWN_STAGE, ANY_AGE)}
        if deal.age_closed is not None:
            last = self._rules.band_of(deal.age_closed)
            cells |= {(UNKNOWN_STAGE, self._rules.band_name(band)) for band in range(last + 1)}
        for state, until in stays(deal):
            cells.add((state.stage, ANY_AGE))
            if deal.created is not None:
                bands = (
                    self._rules.band_of(max((day - deal.created).days, 0)) for day in (state.since, until)
                )
                first, last = bands
                cells |= {(state.stage, self._rules.band_name(band)) for band in range(first, last + 1)}
        return cells
