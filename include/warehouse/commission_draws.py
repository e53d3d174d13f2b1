"""The record of draws against commission: settled windows of a simulation with the balance after each."""

from __future__ import annotations

import psycopg

from include.forecast.commission_draws import settlements
from include.forecast.inputs import SimulationInputs
from include.warehouse.copy import insert_new

_COLUMNS = (
    "tenant_id", "simulation_id", "rep_key", "period_start", "period_end", "currency", "is_recoverable", "draw_amount",
    "earned_amount", "paid_amount", "balance_amount",
)  # fmt: skip


def add_balances(conn: psycopg.Connection, simulation_id: str, inputs: SimulationInputs) -> None:
    """One row per rep and window that is over at as_of; those of a simulation that is there already stay."""
    insert_new(
        conn,
        "planning.commission_draw_balances",
        _COLUMNS,
        (
            (
                inputs.tenant, simulation_id, rep.rep_key, s.draw.start, s.draw.end, rep.currency or inputs.currency,
                s.draw.is_recoverable, s.draw.amount, s.earned, s.paid, s.balance,
            )
            for rep in inputs.reps
            for s in settlements(inputs, rep)
        ),
    )  # fmt: skip
