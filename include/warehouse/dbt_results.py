"""Outcomes of dbt nodes, one row per node and transform run."""

from __future__ import annotations

from collections.abc import Iterable

from include.warehouse.session import Warehouse


def store(wh: Warehouse, *, run_id: str, layer: str, results: Iterable[object]) -> None:
    """Keep dbt's RunResult objects; a retried node replaces its earlier outcome."""
    with wh.pipeline() as conn, conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ops.dbt_results (run_id, layer, node_id, status, row_count, seconds, message)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (tenant_id, run_id, layer, node_id) DO UPDATE SET status = EXCLUDED.status,"
            " row_count = EXCLUDED.row_count, seconds = EXCLUDED.seconds, message = EXCLUDED.message,"
            " finished_at = now()",
            [
                (
                    run_id,
                    layer,
                    result.node.unique_id,
                    str(result.status),
                    (result.adapter_response or {}).get("rows_affected"),
                    round(result.execution_time, 3),
                    result.message,
                )
                for result in results
            ],
        )
