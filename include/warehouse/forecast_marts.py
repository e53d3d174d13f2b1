"""Reads of the forecast: the marts it is computed from, inside the caller's engine transaction (one tenant)."""

from __future__ import annotations

from datetime import date

import psycopg
from psycopg.rows import dict_row

from include.errors import MissingInput
from include.forecast.mart_rows import MartRows

_MARTS = {
    "sales_reps": "rep_key, role, region, territory, plan_key, hire_date, termination_date, ramp_months,"
    " target_incentive, commission_rate, currency",
    "quotas": "rep_key, measure, period_start, period_end, quota_amount, currency",
    "compensation_plans": "plan_key, version, effective_from, effective_to, plan_kind, accelerator_mode,"
    " threshold_mode, threshold_attainment, cap_mode, cap_value",
    "compensation_plan_tiers": "plan_key, version, component, lower_bound, rate",
    "compensation_plan_components": "plan_key, version, component, measure, weight, gate_measure,"
    " gate_attainment, kicker_amount",
    "compensation_budgets": "scope, scope_key, period_start, period_end, budget_amount, currency",
    "compensation_draws": "rep_key, period_start, period_end, draw_amount, is_recoverable, currency",
    "rep_attainment": "rep_key, measure, period_start, period_end, quota_amount, credited_amount, attainment,"
    " currency",
}
#: A year of 52 weeks has 364 days; anything much shorter is a calendar that is not all there.
_SHORTEST_YEAR = 350
_CREDITS = (
    "SELECT rep_key, measure, credit_type, credit_date, currency, sum(amount) AS amount"
    " FROM planning.sales_credits WHERE credit_date >= %s AND credit_date <= %s"
    " GROUP BY rep_key, measure, credit_type, credit_date, currency"
)


def read_marts(conn: psycopg.Connection, *, start: date, as_of: date) -> MartRows:
    """The forecast's inputs; credits summed by day from `start` to `as_of`.

    Raises MissingInput naming a mart that does not exist: transform has not run.
    """
    rows: dict[str, list[dict]] = {}
    counts: dict[str, int] = {}
    with conn.cursor(row_factory=dict_row) as cursor:
        for name, columns in _MARTS.items():
            require_relation(conn, f"planning.{name}")
            cursor.execute(f"SELECT {columns} FROM planning.{name}")
            rows[name] = cursor.fetchall()
            counts[name] = len(rows[name])
        require_relation(conn, "planning.sales_credits")
        cursor.execute(_CREDITS, (start, as_of))
        rows["sales_credits"] = cursor.fetchall()
        cursor.execute("SELECT count(*) AS rows FROM planning.sales_credits")
        counts["sales_credits"] = cursor.fetchone()["rows"]
        if has_relation(conn, "master.exchange_rates"):
            cursor.execute("SELECT from_currency, to_currency, rate_date, rate FROM master.exchange_rates")
            rows["exchange_rates"] = cursor.fetchall()
            counts["exchange_rates"] = len(rows["exchange_rates"])
    return MartRows(**rows, source_rows=counts)


def fiscal_year_of(conn: psycopg.Connection, calendar: str, last_day: date) -> tuple[date, date] | None:
    """First day, and first day after, of the loaded fiscal year that contains `last_day`; None without one.

    A calendar loaded in part (only its closed periods, say) is no year: that is None too.
    """
    relation = "master.fiscal_periods"
    if not has_relation(conn, relation):
        return None
    row = conn.execute(
        f"SELECT min(start_date), max(end_date) + 1 FROM {relation} WHERE calendar = %s AND fiscal_year ="
        f" (SELECT max(fiscal_year) FROM {relation} WHERE calendar = %s AND %s BETWEEN start_date AND end_date)",
        (calendar, calendar, last_day),
    ).fetchone()
    if row[0] is None or (row[1] - row[0]).days < _SHORTEST_YEAR:
        return None
    return row[0], row[1]


def period_ends_of(conn: psycopg.Connection, calendar: str, start: date, end: date) -> tuple[date, ...]:
    """Last days of the calendar's periods inside [start, end)."""
    rows = conn.execute(
        "SELECT end_date FROM master.fiscal_periods WHERE calendar = %s AND start_date >= %s AND end_date < %s"
        " ORDER BY end_date",
        (calendar, start, end),
    )
    return tuple(row[0] for row in rows)


def has_relation(conn: psycopg.Connection, relation: str) -> bool:
    """Whether transform has made it."""
    return conn.execute("SELECT to_regclass(%s)", (relation,)).fetchone()[0] is not None


def require_relation(conn: psycopg.Connection, relation: str) -> None:
    """Raises MissingInput when the mart does not exist."""
    if not has_relation(conn, relation):
        raise MissingInput(
            where="inputs of the forecast",
            expected=f"the mart {relation}",
            got="no such table",
            remedy="run transform first",
        )
