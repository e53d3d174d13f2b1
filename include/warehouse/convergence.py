"""Writes of planning.monte_carlo_convergence, inside the caller's engine transaction."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from include.forecast.convergence import Checkpoint
from include.warehouse.copy import insert_new


def add_convergence(
    conn: psycopg.Connection, tenant: str, simulation_id: str, checkpoints: Sequence[Checkpoint]
) -> None:
    """One row per checkpoint of a simulation."""
    insert_new(
        conn,
        "planning.monte_carlo_convergence",
        ("tenant_id", "simulation_id", "iterations", "mean", "se_mean", "p95"),
        ((tenant, simulation_id, c.iterations, c.mean, c.se_mean, c.p95) for c in checkpoints),
    )
