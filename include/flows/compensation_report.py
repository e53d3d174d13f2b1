"""What a forecast's workbook and PDF say about accruals and back-tests, as of the simulations they report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import psycopg

from include.report.forecast_report import CompensationBooks, SimulationReport
from include.warehouse import compensation_accruals, compensation_backtests


def compensation_books(
    conn: psycopg.Connection, simulations: Sequence[SimulationReport]
) -> CompensationBooks:
    """Accruals of the simulations' years made of facts up to theirs, and back-tests of years finished by then."""
    if not simulations:
        return CompensationBooks()
    as_of = max(date.fromisoformat(simulation.inputs.as_of) for simulation in simulations)
    starts = sorted({date.fromisoformat(simulation.inputs.horizon_start) for simulation in simulations})
    return CompensationBooks(
        *compensation_accruals.read_reported(conn, starts, as_of),
        *compensation_backtests.read_backtests(conn, as_of),
    )
