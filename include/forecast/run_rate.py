"""The run-rate of pipeline mode: what history's windows got from deals that were not open when they began."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from include.forecast.close_dates import NewDeals, Windows
from include.forecast.deal_history import DealRecord
from include.forecast.mart_rows import MartRows
from include.forecast.pipeline_rules import PipelineRules
from include.money import ZERO

#: How far back it looks.
_YEAR = timedelta(days=365)
Convert = Callable[[Decimal, object, str, date], Decimal | None]


class RunRate:
    """Share of a window's attainment that deals bring which are not in the pipeline, from the last 365 days.

    By role of the owner where `minimum_deals` were won, else of all. Revenue credited beyond the amounts of the deals
    won (orders the CRM does not know) counts as new, once enough deals were won to say so.
    """

    def __init__(
        self,
        rows: MartRows,
        closed: Sequence[DealRecord],
        rules: PipelineRules,
        as_of: date,
        convert: Convert,
        currency: str,
    ):
        role_of = {str(rep["rep_key"]): str(rep["role"]) for rep in rows.sales_reps}
        won: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for deal in closed:
            if not deal.is_won or deal.age_closed is None or not deal.amount or deal.closed <= as_of - _YEAR:
                continue
            amount = convert(deal.amount, deal.currency, currency, as_of)
            if amount is not None and amount > 0:
                won[role_of.get(deal.owner, "")].append((float(amount), deal.age_closed))
        everything = [deal for _, deals in sorted(won.items()) for deal in deals]
        self._all = NewDeals(everything, as_of) if everything and rules.run_rate else None
        self._by_role = {
            role: NewDeals(deals, as_of)
            for role, deals in won.items()
            if self._all is not None and len(deals) >= rules.minimum_deals
        }
        credited = (
            convert(row["amount"], row.get("currency"), currency, as_of) for row in rows.recent_credits
        )
        total = float(sum((amount for amount in credited if amount is not None), ZERO))
        self._covered = 1.0
        if len(everything) >= rules.minimum_deals and total > 0:
            self._covered = min(1.0, sum(amount for amount, _ in everything) / total)
        self.note = self._described(len(everything), rules.run_rate)

    def share(self, role: str, windows: Windows) -> float:
        """Share of the attainment inside `windows` that does not come from deals open today."""
        if self._all is None or not windows:
            return 0.0
        return 1.0 - self._covered * (1.0 - self._by_role.get(role, self._all).share(windows))

    def _described(self, count: int, is_on: bool) -> str:
        if not is_on:
            return "run-rate: switched off (pipeline.run_rate)"
        if self._all is None:
            return "run-rate: none, because no deal with known dates was won in the last 365 days"
        text = f"run-rate: from the ages of {count} deals won in the last 365 days"
        if self._covered < 1.0:
            text += f"; they make up {self._covered:.1%} of the revenue credited, the rest counts as new"
        return text
