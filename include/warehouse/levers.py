"""Drivers and optima of simulations: written once, read by the reports. Inside the caller's engine transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from include.errors import MissingInput
from include.forecast.drivers import Effect
from include.forecast.optimise import Optimum
from include.warehouse.copy import insert_new
from include.warehouse.forecasts import Simulation

_DRIVERS, _OPTIMA = "monte_carlo_drivers", "monte_carlo_optima"


def current(conn: psycopg.Connection) -> str:
    """The newest completed simulation; of one date, the scenario that drivers are asked for in comes first.

    Raises MissingInput when there is none.
    """
    row = conn.execute(
        "SELECT simulation_id FROM planning.monte_carlo_runs r"
        " JOIN planning.monte_carlo_inputs i USING (tenant_id, simulation_id) WHERE r.status = 'completed'"
        " ORDER BY r.simulation_date DESC, (i.inputs -> 'config' -> 'drivers') IS NULL, r.scenario_id, r.currency,"
        " r.generation DESC LIMIT 1"
    ).fetchone()
    if row is None:
        raise MissingInput(
            where="planning.monte_carlo_runs",
            expected="a completed simulation",
            got="none",
            remedy="run monthly_compensation_forecast first",
        )
    return row[0]


def is_explained(conn: psycopg.Connection, simulation_id: str) -> bool:
    """Whether drivers or optima of the simulation are stored; both are written in one transaction."""
    return any(
        conn.execute(
            sql.SQL("SELECT 1 FROM planning.{} WHERE simulation_id = %s LIMIT 1").format(
                sql.Identifier(table)
            ),
            (simulation_id,),
        ).fetchone()
        for table in (_DRIVERS, _OPTIMA)
    )


def add_drivers(
    conn: psycopg.Connection, tenant: str, simulation: Simulation, effects: Sequence[Effect], iterations: int
) -> None:
    """Store effects in the order of their rank."""
    rows = [
        {**_head(tenant, simulation), "iterations": iterations, "rank": rank, **_columns(effect)}
        for rank, effect in enumerate(effects, start=1)
    ]
    _add(conn, _DRIVERS, rows)


def add_optima(
    conn: psycopg.Connection, tenant: str, simulation: Simulation, optima: Sequence[Optimum]
) -> None:
    """Store the optimiser's answers."""
    _add(conn, _OPTIMA, [{**_head(tenant, simulation), **_columns(optimum)} for optimum in optima])


def read_drivers(conn: psycopg.Connection, simulation_id: str) -> list[dict[str, object]]:
    """Rows of planning.monte_carlo_drivers, the largest move of P95 first."""
    return _read(conn, _DRIVERS, simulation_id, "rank")


def read_optima(conn: psycopg.Connection, simulation_id: str) -> list[dict[str, object]]:
    """Rows of planning.monte_carlo_optima by lever and percentile."""
    return _read(conn, _OPTIMA, simulation_id, "lever, percentile")


def _head(tenant: str, simulation: Simulation) -> dict[str, object]:
    names = ("simulation_id", "currency", "scenario_id", "simulation_date")
    return {"tenant_id": tenant, **{name: getattr(simulation, name) for name in names}}


def _columns(answer: Effect | Optimum) -> dict[str, object]:
    columns = asdict(answer)
    columns["p_exceed_budget"] = columns.pop("p_exceed")
    return columns


def _add(conn: psycopg.Connection, table: str, rows: Sequence[dict[str, object]]) -> None:
    if rows:
        insert_new(conn, f"planning.{table}", list(rows[0]), (tuple(row.values()) for row in rows))


def _read(conn: psycopg.Connection, table: str, simulation_id: str, order: str) -> list[dict[str, object]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            sql.SQL("SELECT * FROM planning.{} WHERE simulation_id = %s ORDER BY {}").format(
                sql.Identifier(table), sql.SQL(order)
            ),
            (simulation_id,),
        ).fetchall()
