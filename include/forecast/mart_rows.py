"""Rows of the marts that a forecast is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Row = Mapping[str, object]


@dataclass(frozen=True)
class MartRows:
    """Rows of the marts as mappings, columns as in the contracts; amounts Decimal, dates date.

    `sales_credits` may be summed per rep, measure, credit_date and currency, and cut to the horizon.
    `rep_attainment` has one row per rep, measure and quota window, windows without a win included.
    For pipeline mode: `opportunities` with their `opportunity_history` (`changed_on`: the day of `changed_at`), what
    open deals were credited with by rep (`deal_credits`), and the revenue credited in the last 365 days by currency
    (`recent_credits`). `source_rows`: rows each mart holds, where the rows given here are a cut or a sum of them.
    """

    sales_reps: Sequence[Row] = ()
    quotas: Sequence[Row] = ()
    compensation_plans: Sequence[Row] = ()
    compensation_plan_tiers: Sequence[Row] = ()
    compensation_plan_components: Sequence[Row] = ()
    compensation_budgets: Sequence[Row] = ()
    compensation_draws: Sequence[Row] = ()
    sales_credits: Sequence[Row] = ()
    rep_attainment: Sequence[Row] = ()
    exchange_rates: Sequence[Row] = ()
    opportunities: Sequence[Row] = ()
    opportunity_history: Sequence[Row] = ()
    deal_credits: Sequence[Row] = ()
    recent_credits: Sequence[Row] = ()
    source_rows: Mapping[str, int] = field(default_factory=dict)

    def count(self, name: str) -> int:
        """Rows of one mart."""
        return self.source_rows.get(name, len(getattr(self, name)))


def by_column(rows: Iterable[Row], column: str) -> dict[object, list[Row]]:
    """The rows by the value of one column, in their order."""
    groups: dict[object, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups
