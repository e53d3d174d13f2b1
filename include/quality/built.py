"""The gate before a forecast: the marts it reads were built, and the newest build of them did not fail (ORC-10)."""

from __future__ import annotations

import logging

import psycopg

from include.errors import CheckFailed
from include.runlog import step
from include.warehouse.session import Warehouse

log = logging.getLogger("tradewind")

#: The layers of transform up to the forecast's marts; what is built after them cannot change a forecast.
_LAYERS = ["seeds", "staging", "master", "intelligence", "planning"]
_FAILED = ["error", "fail", "runtime error", "partial success"]
_SHOWN = 10


def require_built(wh: Warehouse, tenant: str, run_id: str) -> None:
    """Raise CheckFailed naming what failed in the newest transform, or in the one the marts of `planning` are from.

    What was loaded after them is named in the log and in ops.run_log, and stops nothing: its own transform is on the
    way. Marts that no transform has recorded (built by hand) pass, and are named too.
    """
    with (
        step(wh, run_id=run_id, tenant=tenant, name="forecast.freeze.transform") as entry,
        wh.pipeline() as conn,
    ):
        newest, built = _newest(conn, _LAYERS), _newest(conn, _LAYERS[-1:])
        if newest is None:
            entry.message = "no transform is recorded: the marts were built by hand"
            log.warning("%s · %s", tenant, entry.message)
            return
        runs = sorted({found[0] for found in (newest, built) if found})
        entry.row_count = conn.execute(
            "SELECT count(*) FROM ops.dbt_results WHERE run_id = ANY(%s) AND layer = ANY(%s)", (runs, _LAYERS)
        ).fetchone()[0]
        _refuse_failed(conn, runs)
        if built is None:
            _refuse([f"run {newest[0]} has not built the layer planning"])
        later = conn.execute(
            "SELECT count(*) FROM staging.loads WHERE tenant_id = %s AND ended_at > %s"
            " AND rows_loaded + rows_superseded > 0",
            (tenant, built[1]),
        ).fetchone()[0]
        entry.message = f"marts of {built[0]}" + (f"; {later} loads came after it" if later else "")
        if later:
            log.warning("%s · %s", tenant, entry.message)


def _newest(conn: psycopg.Connection, layers: list[str]) -> tuple[str, object] | None:
    """(run id, end) of the run that finished a node of these layers last."""
    return conn.execute(
        "SELECT run_id, finished_at FROM ops.dbt_results WHERE layer = ANY(%s) ORDER BY finished_at DESC LIMIT 1",
        (layers,),
    ).fetchone()


def _refuse_failed(conn: psycopg.Connection, runs: list[str]) -> None:
    failed = conn.execute(
        "SELECT node_id, coalesce(message, status) FROM ops.dbt_results"
        " WHERE run_id = ANY(%s) AND layer = ANY(%s) AND status = ANY(%s) ORDER BY finished_at, node_id",
        (runs, _LAYERS, _FAILED),
    ).fetchall()
    if failed:
        _refuse([f"{node}: {message}" for node, message in failed])


def _refuse(lines: list[str]) -> None:
    more = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    raise CheckFailed(
        where="transform before the forecast",
        expected="every model and test of the forecast's marts to have succeeded",
        got="; ".join(lines[:_SHOWN]) + more,
        remedy="mend what is named, run transform again, then clear this task",
    )
