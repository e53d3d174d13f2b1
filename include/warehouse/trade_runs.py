"""The record of reconcile's runs: which business date a tenant has reached, and what a finished run said.

A row stands for one piece of work (business date, inputs, rules), not for an attempt: an attempt that takes
over a killed one continues its row, so that the table ends as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import psycopg
from psycopg.types.json import Jsonb

from include.reconcile.accrue import cutover_date
from include.reconcile.records import FiscalPeriod
from include.reconcile.rules import Rules
from include.warehouse.trade import Stamp


def latest_date(conn: psycopg.Connection) -> date | None:
    """The latest business date the tenant's ledger has been moved to, by a finished run or a broken one."""
    return conn.execute("SELECT max(as_of) FROM finance.reconciliation_runs WHERE NOT is_replay").fetchone()[
        0
    ]


def answered_run(conn: psycopg.Connection, as_of: date) -> tuple[str, str] | None:
    """(rule version, inputs' hash) of a finished run that posted on a business date, if there was one."""
    return conn.execute(
        "SELECT rule_version, input_hash FROM finance.reconciliation_runs"
        " WHERE as_of = %s AND NOT is_replay AND status = 'completed' ORDER BY run_id DESC LIMIT 1",
        (as_of,),
    ).fetchone()


def start_ledger(conn: psycopg.Connection, stamp: Stamp, periods: Sequence[FiscalPeriod]) -> None:
    """Decide where the tenant's ledger begins, if this is its first run."""
    conn.execute(
        "INSERT INTO finance.ledger_start (tenant_id, cutover_date, as_of, run_id) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (stamp.tenant, cutover_date(periods, stamp.as_of), stamp.as_of, stamp.run_id),
    )


def open_run(conn: psycopg.Connection, stamp: Stamp, rules: Rules, *, is_replay: bool) -> tuple[str, bool]:
    """Start or continue the work of `stamp`; returns the run id its row is kept under and whether it is complete.

    A replay is kept under its own run id, so that two replays of one date stand side by side.
    """
    found = conn.execute(
        "SELECT run_id, status FROM finance.reconciliation_runs"
        " WHERE as_of = %s AND is_replay = %s AND input_hash = %s AND rule_version = %s AND (NOT is_replay OR split_part(run_id, '#', 1) = %s)"
        " ORDER BY run_id LIMIT 1",
        (stamp.as_of, is_replay, stamp.input_hash, stamp.rule_version, stamp.run_id),
    ).fetchone()
    if found is not None:
        return found[0], found[1] == "completed"
    taken = conn.execute(
        "SELECT 1 FROM finance.reconciliation_runs WHERE as_of = %s AND run_id = %s",
        (stamp.as_of, stamp.run_id),
    ).fetchone()
    # The same run id again over other inputs or rules is another piece of work.
    kept_under = f"{stamp.run_id}#{stamp.input_hash[:8]}{stamp.rule_version[:4]}" if taken else stamp.run_id
    conn.execute(
        "INSERT INTO finance.reconciliation_runs"
        " (tenant_id, as_of, run_id, is_replay, status, input_hash, rule_version, rules)"
        " VALUES (%s, %s, %s, %s, 'running', %s, %s, %s)",
        (
            stamp.tenant,
            stamp.as_of,
            kept_under,
            is_replay,
            stamp.input_hash,
            stamp.rule_version,
            Jsonb(rules.as_json()),
        ),
    )
    return kept_under, False


def close_run(conn: psycopg.Connection, as_of: date, run_id: str, summary: dict[str, object]) -> None:
    """Mark the work as complete with what the tables hold now."""
    conn.execute(
        "UPDATE finance.reconciliation_runs SET status = 'completed', summary = %s WHERE as_of = %s AND run_id = %s",
        (Jsonb(summary), as_of, run_id),
    )


def totals(conn: psycopg.Connection) -> dict[str, object]:
    """What the ledger holds: claims and amounts by outcome and currency, journals, releases, open tasks."""
    outcomes = conn.execute(
        "SELECT outcome, currency, count(*), sum(amount), sum(amount_settled), sum(amount_disputed), sum(amount_open)"
        " FROM finance.claims GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    releases = conn.execute(
        "SELECT currency, count(*), -sum(amount) FROM finance.accrual_ledger"
        " WHERE movement = 'released' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    counts = conn.execute(
        "SELECT (SELECT count(*) FROM finance.journals WHERE status = 'Posted'),"
        " (SELECT count(*) FROM finance.journals WHERE status = 'Failed'),"
        " (SELECT count(*) FROM finance.claim_tasks WHERE status = 'open')"
    ).fetchone()
    return {
        "claims": [
            {
                "outcome": outcome,
                "currency": currency,
                "claims": count,
                "amount": str(amount),
                "settled": str(settled),
                "disputed": str(disputed),
                "open": str(still_open),
            }
            for outcome, currency, count, amount, settled, disputed, still_open in outcomes
        ],
        "released": [
            {"currency": currency, "promotions": count, "amount": str(amount)}
            for currency, count, amount in releases
        ],
        "journals_posted": counts[0],
        "journals_failed": counts[1],
        "open_tasks": counts[2],
    }
