"""Writes of pipeline mode: the win rates a simulation was made with."""

from __future__ import annotations

import psycopg

from include.forecast.inputs import SimulationInputs
from include.warehouse.copy import insert_new

_COLUMNS = (
    "stage", "age_band", "source", "deal_count", "win_count", "rate", "rate_low", "rate_high", "open_count",
    "open_amount", "expected_amount",
)  # fmt: skip


def add_win_rates(conn: psycopg.Connection, simulation_id: str, inputs: SimulationInputs) -> int:
    """Store the rates of a simulation's frozen inputs; returns how many were new. None in attainment mode."""
    return insert_new(
        conn,
        "planning.monte_carlo_win_rates",
        ("tenant_id", "simulation_id", *_COLUMNS),
        ((inputs.tenant, simulation_id, *(rate[column] for column in _COLUMNS)) for rate in inputs.win_rates),
    )
