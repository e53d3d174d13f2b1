"""Reads and writes of what starts a forecast, inside the caller's engine transaction (one tenant)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from include.forecast.events import Baseline, Deal, Event, Facts
from include.warehouse.forecast_marts import has_relation

_DEALS = """
    SELECT o.opportunity_key AS key, o.amount, coalesce(o.currency, %(currency)s) AS currency, o.close_date,
           CASE WHEN coalesce(o.currency, %(currency)s) = %(currency)s THEN o.amount
                ELSE (o.amount * rates.rate)::numeric(23, 4) END AS converted
    FROM planning.opportunities o
    LEFT JOIN LATERAL ({rates}) rates ON true
    WHERE o.is_won AND o.amount > 0 AND o.close_date BETWEEN %(since)s AND %(as_of)s
    ORDER BY o.opportunity_key
"""
_RATES = """
    SELECT rate FROM master.exchange_rates r
    WHERE r.tenant_id = o.tenant_id AND r.from_currency = o.currency AND r.to_currency = %(currency)s
      AND r.rate_date <= o.close_date
    ORDER BY r.rate_date DESC LIMIT 1
"""
_NO_RATES = "SELECT NULL::numeric AS rate"


def read_won_deals(conn: psycopg.Connection, *, since: date, as_of: date, currency: str) -> list[Deal]:
    """Won deals closed from `since` to `as_of`, with their amounts in `currency` at the rate of their closing day."""
    if not has_relation(conn, "planning.opportunities"):
        return []
    query = _DEALS.format(rates=_RATES if has_relation(conn, "master.exchange_rates") else _NO_RATES)
    with conn.cursor(row_factory=class_row(Deal)) as cursor:
        return cursor.execute(query, {"since": since, "as_of": as_of, "currency": currency}).fetchall()


def read_quotas(conn: psycopg.Connection, *, start: date, end: date) -> list[dict[str, object]]:
    """Quota windows that reach into [start, end)."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT rep_key, measure, period_start, period_end, quota_amount, currency FROM planning.quotas"
            " WHERE period_start < %s AND period_end > %s",
            (end, start),
        ).fetchall()


def store_baseline(
    conn: psycopg.Connection, tenant: str, simulation_id: str, as_of: date, facts: Facts
) -> None:
    """Keep what the forecast of this simulation has seen, and make it the newest of its date."""
    newest = conn.execute(
        "SELECT simulation_id, ordinal FROM planning.forecast_baselines WHERE as_of = %s ORDER BY ordinal DESC LIMIT 1",
        (as_of,),
    ).fetchone()
    ordinal = 1 if newest is None else newest[1] + (newest[0] != simulation_id)
    conn.execute(
        "INSERT INTO planning.forecast_baselines (tenant_id, simulation_id, as_of, ordinal, facts)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (tenant_id, simulation_id)"
        " DO UPDATE SET ordinal = EXCLUDED.ordinal, facts = EXCLUDED.facts",
        (tenant, simulation_id, as_of, ordinal, Jsonb(facts.as_mapping())),
    )


def current_baseline(conn: psycopg.Connection, as_of: date) -> tuple[Baseline, date, date] | None:
    """The newest completed forecast up to `as_of`, with first day and day after its year; None before the first."""
    row = conn.execute(
        "SELECT b.simulation_id, b.as_of, b.ordinal, b.facts, r.horizon_start, r.horizon_end"
        " FROM planning.forecast_baselines b JOIN planning.monte_carlo_runs r USING (tenant_id, simulation_id)"
        " WHERE r.status = 'completed' AND b.as_of <= %s ORDER BY b.as_of DESC, b.ordinal DESC LIMIT 1",
        (as_of,),
    ).fetchone()
    if row is None:
        return None
    return Baseline(row[0], row[1], row[2], Facts.from_mapping(row[3])), row[4], row[5]


def known_keys(conn: psycopg.Connection, keys: Sequence[str]) -> set[str]:
    """Which of these events are stored."""
    rows = conn.execute(
        "SELECT event_key FROM planning.forecast_events WHERE event_key = ANY(%s)", (list(keys),)
    )
    return {key for (key,) in rows}


def add_events(
    conn: psycopg.Connection,
    tenant: str,
    events: Iterable[Event],
    *,
    as_of: date,
    period: str,
    forecast_run_id: str,
    run_id: str,
) -> None:
    """Store new events, all to be answered by one forecast run."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO planning.forecast_events (tenant_id, event_key, kind, as_of, period, details,"
            " forecast_run_id, run_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                (
                    tenant, event.key, event.kind, as_of, period, Jsonb(dict(event.details)), forecast_run_id,
                    run_id,
                )
                for event in events
            ],
        )  # fmt: skip


def waiting(conn: psycopg.Connection) -> list[dict[str, object]]:
    """Events that no forecast has taken into account yet, sorted by the run they start and their key."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT event_key, kind, as_of, period, details, forecast_run_id FROM planning.forecast_events"
            " WHERE simulation_ids = '{}' ORDER BY forecast_run_id, event_key"
        ).fetchall()


def answer(conn: psycopg.Connection, as_of: date, simulation_ids: Sequence[str]) -> None:
    """Say which simulations took the waiting events up to `as_of` into account."""
    conn.execute(
        "UPDATE planning.forecast_events SET simulation_ids = %s WHERE simulation_ids = '{}' AND as_of <= %s",
        (list(simulation_ids), as_of),
    )


def store_trigger(conn: psycopg.Connection, simulation_ids: Sequence[str], trigger: str) -> None:
    """Name the event on simulations that had been asked for before, by hand or by the clock."""
    conn.execute(
        "UPDATE planning.monte_carlo_runs SET trigger = %s WHERE simulation_id = ANY(%s)",
        (trigger, list(simulation_ids)),
    )
