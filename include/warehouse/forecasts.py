"""Writes of the forecast, and reads of what it wrote: simulations, blocks and statistics.

Every function works inside the caller's engine transaction (one tenant, under row security). All writes are
inserts that change nothing when their key is there already, except the life cycle of a run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from include.errors import TradewindError
from include.forecast.engine import BlockTotals
from include.forecast.groups import GroupStatistics
from include.forecast.inputs import ENGINE_VERSION, SimulationInputs, from_json
from include.forecast.summary import Exceedance, Summary
from include.warehouse.copy import insert_new

#: Totals sent to the server at once.
_RESULT_ROWS = 65_536


@dataclass(frozen=True)
class Simulation:
    """One row of planning.monte_carlo_runs with its frozen inputs."""

    simulation_id: str
    scenario_id: str
    currency: str
    period: str
    simulation_date: date
    iterations: int
    block_iterations: int
    block_count: int
    seed: int
    status: str
    result_hash: str | None
    config_hash: str
    inputs: SimulationInputs


def add_simulation(
    conn: psycopg.Connection,
    inputs: SimulationInputs,
    *,
    name: str,
    seed: int,
    iterations: int,
    block: int,
    block_count: int,
    config_hash: str,
    run_id: str,
    trigger: str | None,
) -> str:
    """Store a simulation with its frozen inputs and make it the current one of its scope; returns its id.

    The same question again finds its row and changes nothing, unless another answer has become current since.
    """
    simulation_id = inputs.simulation_id(seed, iterations)
    scope = (inputs.scenario_id, inputs.currency, inputs.as_of)
    newest = conn.execute(
        "SELECT simulation_id, generation FROM planning.monte_carlo_runs"
        " WHERE scenario_id = %s AND currency = %s AND simulation_date = %s ORDER BY generation DESC LIMIT 1",
        scope,
    ).fetchone()
    generation = newest[1] + 1 if newest else 1
    inserted = conn.execute(
        "INSERT INTO planning.monte_carlo_runs (tenant_id, simulation_id, name, scenario_id, currency, period,"
        " simulation_date, as_of, horizon_start, horizon_end, iterations, block_iterations, block_count, seed, profile,"
        " rep_count, excluded_count, input_hash, config_hash, code_version, status, progress, generation,"
        " trigger, run_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
        " 'queued', 0, %s, %s, %s) ON CONFLICT DO NOTHING",
        (
            inputs.tenant, simulation_id, name, inputs.scenario_id, inputs.currency, inputs.period,
            inputs.as_of, inputs.as_of, inputs.horizon_start, inputs.horizon_end, iterations, block, block_count,
            seed, inputs.profile, len(inputs.reps), len(inputs.exclusions or {}), inputs.input_hash, config_hash,
            ENGINE_VERSION, generation, trigger, run_id,
        ),
    ).rowcount  # fmt: skip
    if inserted:
        _add_inputs(conn, simulation_id, inputs)
    elif newest[0] != simulation_id:
        conn.execute(
            "UPDATE planning.monte_carlo_runs SET generation = %s, trigger = %s, run_id = %s"
            " WHERE simulation_id = %s",
            (generation, trigger, run_id, simulation_id),
        )
    return simulation_id


def load_simulation(conn: psycopg.Connection, simulation_id: str) -> Simulation:
    """A simulation by id. Raises TradewindError when it is unknown or its inputs no longer match their hash."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT simulation_id, scenario_id, currency, period, simulation_date, iterations,"
            " block_iterations, block_count, seed, status, result_hash, config_hash, r.input_hash,"
            " i.inputs::text AS inputs FROM planning.monte_carlo_runs r"
            " JOIN planning.monte_carlo_inputs i USING (tenant_id, simulation_id) WHERE simulation_id = %s",
            (simulation_id,),
        ).fetchone()
    if row is None:
        raise TradewindError(
            where="planning.monte_carlo_runs",
            expected="a simulation of this tenant",
            got=simulation_id,
            remedy="freeze the inputs first",
        )
    inputs = from_json(row["inputs"])
    stored = row.pop("input_hash")
    if inputs.input_hash != stored:
        raise TradewindError(
            where=f"planning.monte_carlo_inputs of {simulation_id}",
            expected=f"sha256 {stored}",
            got=inputs.input_hash,
            remedy="the frozen inputs were changed after they were stored: freeze them again",
        )
    return Simulation(**{**row, "inputs": inputs})


def has_block(conn: psycopg.Connection, simulation_id: str, block_no: int) -> bool:
    """Whether the block is stored."""
    return (
        conn.execute(
            "SELECT 1 FROM planning.monte_carlo_blocks"
            " WHERE simulation_id = %s AND block_no = %s AND group_kind = 'total'",
            (simulation_id, block_no),
        ).fetchone()
        is not None
    )


def add_block(
    conn: psycopg.Connection, tenant: str, simulation_id: str, block_no: int, totals: BlockTotals
) -> None:
    """Store a block's cents: one row per group, and the sums of the reps."""
    vectors = {**totals.groups, ("rep_sum", ""): totals.rep_sums}
    insert_new(
        conn,
        "planning.monte_carlo_blocks",
        (
            "tenant_id",
            "simulation_id",
            "block_no",
            "group_kind",
            "group_key",
            "start_iteration",
            "stop_iteration",
            "cents",
        ),
        (
            (
                tenant,
                simulation_id,
                block_no,
                kind,
                key,
                totals.start,
                totals.stop,
                vector.astype("<i8").tobytes(),
            )
            for (kind, key), vector in vectors.items()
        ),
    )


def blocks_done(conn: psycopg.Connection, simulation_id: str) -> list[int]:
    """Numbers of the stored blocks, ascending."""
    rows = conn.execute(
        "SELECT block_no FROM planning.monte_carlo_blocks WHERE simulation_id = %s AND group_kind = 'total'"
        " ORDER BY block_no",
        (simulation_id,),
    )
    return [row[0] for row in rows]


def groups_of_kind(
    conn: psycopg.Connection, simulation_id: str, kind: str
) -> Iterator[tuple[str, np.ndarray]]:
    """(key, cents per iteration) of every group of one kind, sorted by key, one at a time in memory."""
    keys = conn.execute(
        "SELECT group_key FROM planning.monte_carlo_blocks"
        " WHERE simulation_id = %s AND block_no = 0 AND group_kind = %s ORDER BY group_key",
        (simulation_id, kind),
    ).fetchall()
    for (key,) in keys:
        yield key, group_cents(conn, simulation_id, kind, key)


def group_cents(conn: psycopg.Connection, simulation_id: str, kind: str, key: str) -> np.ndarray:
    """Cents per iteration of one group, int64; beside them only one block is in memory."""
    blocks = list(_blocks(conn, simulation_id, kind, key, "start_iteration, stop_iteration, ''::bytea"))
    cents = np.empty(max(stop for _, stop, _ in blocks), dtype=np.int64)
    for start, stop, vector in _blocks(
        conn, simulation_id, kind, key, "start_iteration, stop_iteration, cents"
    ):
        cents[start:stop] = np.frombuffer(vector, dtype="<i8")
    return cents


def rep_sums(conn: psycopg.Connection, simulation_id: str) -> np.ndarray:
    """Cents of every rep over all iterations, int64, in the order of the frozen inputs."""
    vectors = (vector for _, _, vector in _blocks(conn, simulation_id, "rep_sum", "", "0, 0, cents"))
    total = np.frombuffer(next(vectors), dtype="<i8").astype(np.int64)
    for vector in vectors:
        total += np.frombuffer(vector, dtype="<i8")
    return total


def _blocks(
    conn: psycopg.Connection, simulation_id: str, kind: str, key: str, columns: str
) -> Iterator[tuple[int, int, bytes]]:
    query = sql.SQL(
        "SELECT {} FROM planning.monte_carlo_blocks"
        " WHERE simulation_id = %s AND group_kind = %s AND group_key = %s"
    ).format(sql.SQL(columns))
    with conn.cursor(binary=True) as cursor:
        yield from cursor.stream(query, (simulation_id, kind, key))


def set_progress(conn: psycopg.Connection, simulation_id: str, status: str, progress: int) -> None:
    """Move a run on; progress never falls and a completed run stays completed (a trigger sees to it)."""
    conn.execute(
        "UPDATE planning.monte_carlo_runs SET status = %s, progress = %s"
        " WHERE simulation_id = %s AND status <> 'completed'"
        " AND (status, progress) IS DISTINCT FROM (%s, %s)",
        (status, progress, simulation_id, status, progress),
    )


def add_results(conn: psycopg.Connection, tenant: str, simulation: Simulation, cents: np.ndarray) -> int:
    """One row per iteration, in pieces that the server makes rows of; returns how many were new."""
    head = (
        tenant,
        simulation.simulation_id,
        simulation.currency,
        simulation.scenario_id,
        simulation.simulation_date,
    )
    added = 0
    for first in range(0, len(cents), _RESULT_ROWS):
        added += conn.execute(
            "INSERT INTO planning.monte_carlo_results (tenant_id, simulation_id, currency, scenario_id,"
            " simulation_date, iteration, total_compensation)"
            " SELECT %s, %s, %s, %s, %s, %s + place - 1, total::numeric / 100"
            " FROM unnest(%b::bigint[]) WITH ORDINALITY AS piece(total, place) ON CONFLICT DO NOTHING",
            (*head, first, cents[first : first + _RESULT_ROWS].tolist()),
        ).rowcount
    return added


def add_groups(
    conn: psycopg.Connection,
    tenant: str,
    simulation: Simulation,
    kind: str,
    groups: Sequence[GroupStatistics],
) -> None:
    """Statistics of the groups of one kind."""
    rows = [
        {
            "tenant_id": tenant,
            "simulation_id": simulation.simulation_id,
            "group_kind": kind,
            "currency": simulation.currency,
            **{
                name: getattr(group, name)
                for name in ("group_key", "rep_count", "mean", "p10", "p50", "p90", "es95_contribution")
            },
            **exceedance_columns(group.exceedance),
        }
        for group in groups
    ]
    insert_new(conn, "planning.monte_carlo_groups", list(rows[0]), (tuple(row.values()) for row in rows))


def add_summary(
    conn: psycopg.Connection,
    tenant: str,
    simulation: Simulation,
    summary: Summary,
    *,
    credited_to_date: Decimal,
    plan_at_target: Decimal | None,
) -> None:
    """The statistics of the total."""
    columns = {
        "tenant_id": tenant,
        "simulation_id": simulation.simulation_id,
        "currency": simulation.currency,
        "scenario_id": simulation.scenario_id,
        "simulation_date": simulation.simulation_date,
        **{
            name: getattr(summary, name)
            for name in ("iterations", "mean", "sd", "se_mean", "minimum", "maximum")
        },
        **{f"p{k}": summary.percentiles[k] for k in (1, 5, 10, 25, 50, 75, 90, 95, 99)},
        "percentiles": Jsonb({str(k): str(v) for k, v in summary.percentiles.items()}),
        **{
            name: getattr(summary, name)
            for name in ("var_95", "var_95_excess", "es95", "p95_low", "p95_high", "reserve")
        },
        **exceedance_columns(summary.exceedance),
        "exceed_count": summary.exceedance.count if summary.exceedance else None,
        "expected_overshoot": summary.exceedance.expected_overshoot if summary.exceedance else None,
        "credited_to_date": credited_to_date,
        "plan_at_target": plan_at_target,
        "sampling": summary.sampling.method,
        "independent_units": summary.independent_units,
        "ess": summary.ess,
    }
    conn.execute(
        sql.SQL("INSERT INTO planning.monte_carlo_summary ({}) VALUES ({}) ON CONFLICT DO NOTHING").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(sql.Placeholder() * len(columns)),
        ),
        list(columns.values()),
    )


def complete(conn: psycopg.Connection, simulation_id: str, result_hash: str) -> None:
    """Mark a simulation completed with the hash of its totals; a completed one stays as it is."""
    conn.execute(
        "UPDATE planning.monte_carlo_runs SET status = 'completed', progress = 100, result_hash = %s,"
        " completed_at = now() WHERE simulation_id = %s AND status <> 'completed'",
        (result_hash, simulation_id),
    )


def exceedance_columns(exceedance: Exceedance | None) -> dict[str, object]:
    """Budget columns that summary and groups share."""
    if exceedance is None:
        return dict.fromkeys(("budget_amount", "p_exceed_budget", "p_exceed_low", "p_exceed_high"))
    return {
        "budget_amount": exceedance.budget_amount,
        "p_exceed_budget": exceedance.share,
        "p_exceed_low": exceedance.low,
        "p_exceed_high": exceedance.high,
    }


def read_summary(conn: psycopg.Connection, simulation_id: str) -> dict[str, object]:
    """The row of planning.monte_carlo_summary."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT * FROM planning.monte_carlo_summary WHERE simulation_id = %s", (simulation_id,)
        ).fetchone()


def read_groups(conn: psycopg.Connection, simulation_id: str) -> list[dict[str, object]]:
    """Rows of planning.monte_carlo_groups, sorted by kind and key."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT * FROM planning.monte_carlo_groups WHERE simulation_id = %s ORDER BY group_kind, group_key",
            (simulation_id,),
        ).fetchall()


def _add_inputs(conn: psycopg.Connection, simulation_id: str, inputs: SimulationInputs) -> None:
    conn.execute(
        "INSERT INTO planning.monte_carlo_inputs (tenant_id, simulation_id, input_hash, inputs)"
        " VALUES (%s, %s, %s, %s)",
        (inputs.tenant, simulation_id, inputs.input_hash, inputs.to_json()),
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO planning.monte_carlo_exclusions (tenant_id, simulation_id, rep_key, reason)"
            " VALUES (%s, %s, %s, %s)",
            [(inputs.tenant, simulation_id, rep, why) for rep, why in (inputs.exclusions or {}).items()],
        )
        cursor.executemany(
            "INSERT INTO planning.monte_carlo_fits (tenant_id, simulation_id, segment, measure, family, parameters,"
            " p0, observation_count, positive_count, aic, candidates, pooled_from, window_months, ks, ks_p_value)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    inputs.tenant, simulation_id, fit["segment"], fit["measure"], fit["family"],
                    Jsonb(fit["parameters"]), fit["p0"], fit["observation_count"], fit["positive_count"],
                    fit["aic"], json.dumps(fit["candidates"]), fit["pooled_from"], fit["window_months"],
                    fit["ks"], fit["ks_p_value"],
                )
                for fit in inputs.fits
            ],
        )  # fmt: skip
