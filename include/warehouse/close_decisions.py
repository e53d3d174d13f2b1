"""Decisions of people about fiscal periods: those not taken in yet, and what became of them."""

from __future__ import annotations

from datetime import date

import psycopg

from include.close.decisions import Answer, PeriodDecision
from include.close.periods import Standing

_WAITING = """
    SELECT decision_key, fiscal_year, period, action, reason, decided_by, decided_at
    FROM finance.submitted_period_decisions s
    WHERE (decided_at AT TIME ZONE %(timezone)s)::date <= %(as_of)s
        AND NOT EXISTS (SELECT FROM finance.period_decisions d
                        WHERE d.tenant_id = s.tenant_id AND d.decision_key = s.decision_key)
    ORDER BY decided_at, decision_key
"""


def waiting(conn: psycopg.Connection, as_of: date, timezone: str) -> list[PeriodDecision]:
    """Decisions made by the end of `as_of` in the tenant's zone that nobody has taken in, in the order they were made."""
    rows = conn.execute(_WAITING, {"as_of": as_of, "timezone": timezone}).fetchall()
    return [PeriodDecision(*row) for row in rows]


def store(conn: psycopg.Connection, tenant: str, given: Answer, as_of: date, run_id: str) -> None:
    """Store what became of a decision; an applied one becomes an event of its period."""
    d, standing = given.decision, given.standing
    conn.execute(
        "INSERT INTO finance.period_decisions (tenant_id, decision_key, calendar, fiscal_year, period, generation, action,"
        " reason, decided_by, decided_at, status, why, as_of, run_id)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            tenant, d.decision_key, standing.period.calendar if standing else None, d.fiscal_year, d.period,
            standing.generation if standing else None, d.action, d.reason, d.decided_by, d.decided_at,
            "applied" if standing else "refused", given.why, as_of, run_id,
        ),
    )  # fmt: skip
    if standing is not None:
        _event(conn, tenant, d, standing, as_of, run_id)


def _event(
    conn: psycopg.Connection, tenant: str, d: PeriodDecision, standing: Standing, as_of: date, run_id: str
) -> None:
    period = standing.period
    key = (tenant, *period.key, standing.generation)
    conn.execute(
        "INSERT INTO finance.period_closes (tenant_id, calendar, fiscal_year, period, generation, event, start_date,"
        " end_date, as_of, decision_key, decided_by, decided_at, reason, run_id)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *key, "signed" if d.action == "sign" else "reopened", period.start_date, period.end_date, as_of,
            d.decision_key, d.decided_by, d.decided_at, d.reason, run_id,
        ),
    )  # fmt: skip
    if d.action == "sign":
        conn.execute(
            "UPDATE finance.close_checklist SET signed_by = %s, signed_at = %s WHERE tenant_id = %s AND calendar = %s"
            " AND fiscal_year = %s AND period = %s AND generation = %s",
            (d.decided_by, d.decided_at, *key),
        )
