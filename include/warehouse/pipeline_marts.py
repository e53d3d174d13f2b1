"""Reads of pipeline mode: deals, their history and their credits, inside the caller's engine transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import psycopg
from psycopg.rows import dict_row

from include.forecast.mart_rows import MartRows
from include.warehouse.forecast_marts import require_relation

_OPPORTUNITIES = (
    "SELECT opportunity_key, owner_rep_key, amount, currency, stage, is_won, is_closed, probability, created_date,"
    " close_date FROM planning.opportunities"
)
#: The day of a change is the tenant's.
_HISTORY = (
    "SELECT opportunity_key, changed_at, (changed_at AT TIME ZONE %s)::date AS changed_on, stage, amount,"
    " probability, close_date FROM planning.opportunity_history"
)
_REVENUE = "coalesce(c.measure, 'revenue') = 'revenue' AND coalesce(c.credit_type, 'revenue') = 'revenue'"
_DEAL_CREDITS = (
    "SELECT c.opportunity_key, c.rep_key, c.currency, sum(c.amount) AS amount FROM planning.sales_credits c"
    " JOIN planning.opportunities o ON o.opportunity_key = c.opportunity_key"
    f" WHERE c.credit_date <= %s AND {_REVENUE} AND NOT (o.is_closed AND coalesce(o.close_date <= %s, false))"
    " GROUP BY c.opportunity_key, c.rep_key, c.currency"
)
_RECENT_CREDITS = (
    "SELECT c.currency, sum(c.amount) AS amount FROM planning.sales_credits c"
    f" WHERE c.credit_date > %s AND c.credit_date <= %s AND {_REVENUE} GROUP BY c.currency"
)


def with_deals(conn: psycopg.Connection, rows: MartRows, *, as_of: date, timezone: str) -> MartRows:
    """`rows` with the deals, their changes, what open deals were credited with, and a year's credits.

    Raises MissingInput naming a mart that does not exist: transform has not run.
    """
    counts = dict(rows.source_rows)
    with conn.cursor(row_factory=dict_row) as cursor:
        for name in ("opportunities", "opportunity_history"):
            require_relation(conn, f"planning.{name}")
        opportunities = cursor.execute(_OPPORTUNITIES).fetchall()
        history = cursor.execute(_HISTORY, (timezone,)).fetchall()
        deal_credits = cursor.execute(_DEAL_CREDITS, (as_of, as_of)).fetchall()
        recent = cursor.execute(_RECENT_CREDITS, (as_of - timedelta(days=365), as_of)).fetchall()
    counts |= {"opportunities": len(opportunities), "opportunity_history": len(history)}
    return replace(
        rows,
        opportunities=opportunities,
        opportunity_history=history,
        deal_credits=deal_credits,
        recent_credits=recent,
        source_rows=counts,
    )
