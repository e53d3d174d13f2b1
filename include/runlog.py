"""What ran, for whom, how far: one row per run and verb, one per step and attempt."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from psycopg.types.json import Jsonb

from include.warehouse.session import Warehouse

log = logging.getLogger("tradewind")


@dataclass
class Entry:
    """What a step or run reports about itself before it ends."""

    row_count: int | None = None
    message: str | None = None
    summary: dict[str, object] = field(default_factory=dict)


@contextmanager
def run(
    wh: Warehouse,
    *,
    tenant: str,
    run_id: str,
    verb: str,
    as_of: date,
    period: str | None = None,
    parameters: dict[str, object] | None = None,
) -> Iterator[Entry]:
    """Record one verb's run for one tenant in ops.runs; a re-run of the same run_id replaces the row."""
    with wh.engine(tenant) as conn:
        conn.execute(
            "INSERT INTO ops.runs (tenant_id, run_id, verb, as_of, period, parameters, status)"
            " VALUES (%s, %s, %s, %s, %s, %s, 'running')"
            " ON CONFLICT (tenant_id, verb, run_id) DO UPDATE SET as_of = EXCLUDED.as_of,"
            " period = EXCLUDED.period, parameters = EXCLUDED.parameters, status = 'running',"
            " started_at = now(), ended_at = NULL, error = NULL",
            (tenant, run_id, verb, as_of, period, Jsonb(parameters or {})),
        )
    entry = Entry()
    try:
        yield entry
    except BaseException as error:
        _end_run(wh, tenant, run_id, verb, "failed", entry, str(error))
        raise
    _end_run(wh, tenant, run_id, verb, "success", entry, None)


@contextmanager
def step(wh: Warehouse, *, run_id: str, tenant: str, name: str) -> Iterator[Entry]:
    """Record one step in ops.run_log; each attempt is a row of its own."""
    with wh.engine(tenant) as conn:
        attempt = conn.execute(
            "INSERT INTO ops.run_log (tenant_id, run_id, step, attempt, status)"
            " SELECT %s, %s, %s, coalesce(max(attempt), 0) + 1, 'running' FROM ops.run_log"
            " WHERE run_id = %s AND step = %s RETURNING attempt",
            (tenant, run_id, name, run_id, name),
        ).fetchone()[0]
    entry = Entry()
    key = (tenant, run_id, name, attempt)
    try:
        yield entry
    except BaseException as error:
        _end_step(wh, key, "failed", entry.row_count, str(error))
        raise
    _end_step(wh, key, "success", entry.row_count, entry.message)
    log.info(
        "%s · %s · %s rows%s", tenant, name, entry.row_count, f" · {entry.message}" if entry.message else ""
    )


def _end_run(
    wh: Warehouse, tenant: str, run_id: str, verb: str, status: str, entry: Entry, error: str | None
) -> None:
    with wh.engine(tenant) as conn:
        conn.execute(
            "UPDATE ops.runs SET status = %s, summary = %s, error = %s, ended_at = now()"
            " WHERE tenant_id = %s AND verb = %s AND run_id = %s",
            (status, Jsonb(entry.summary), error, tenant, verb, run_id),
        )


def _end_step(
    wh: Warehouse, key: tuple[str, str, str, int], status: str, row_count: int | None, message: str | None
) -> None:
    with wh.engine(key[0]) as conn:
        conn.execute(
            "UPDATE ops.run_log SET status = %s, row_count = %s, message = %s, ended_at = now()"
            " WHERE tenant_id = %s AND run_id = %s AND step = %s AND attempt = %s",
            (status, row_count, message, *key),
        )
