"""The files of a forecast: workbook and PDF for people, and the formats that other systems take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psycopg

from include import settings as places
from include.errors import TradewindError
from include.faultpoints import point
from include.flows.compensation_report import compensation_books
from include.flows.forecast_settings import load_config
from include.forecast.paths import fan
from include.report.forecast_report import ForecastReport, SimulationReport
from include.warehouse import forecasts
from include.warehouse import levers as stored_levers
from include.warehouse.session import Warehouse
from include.warehouse.tenants import load_settings

WORKBOOK, PDF = "monthly_forecast.xlsx", "monthly_report.pdf"

_FAN_ITERATIONS = 2_000


def write_reports(
    wh: Warehouse,
    tenant: str,
    *,
    period: str,
    simulation_ids: Sequence[str],
    formats: Sequence[str] | None = None,
    folder: Path | None = None,
) -> list[Path]:
    """Workbook, PDF and the asked `formats` (None: the tenant's) in `folder` (default $TRADEWIND_OUTPUT/<tenant>/<period>/).

    Everything comes from the tables, so the figures are those that others read; the same simulations give
    the same bytes. Each file appears whole or not at all, and a format not asked for leaves no older file behind.
    """
    # Drawing takes seconds to import, and only this step draws.
    from include.report.exporters import EXPORTERS
    from include.report.pdf import write_pdf

    with wh.engine(tenant) as conn:
        simulations = [_simulation_report(conn, simulation_id) for simulation_id in simulation_ids]
        books = compensation_books(conn, simulations)
        company = conn.execute("SELECT name FROM tenancy.tenants WHERE tenant_id = %s", (tenant,)).fetchone()[
            0
        ]
        chosen = set(formats or load_config(load_settings(conn, tenant))[0].exports) | {"xlsx"}
    report = ForecastReport(company=company, period=period, simulations=tuple(simulations), books=books)
    folder = folder or places.output(tenant, period)
    folder.mkdir(parents=True, exist_ok=True)
    files = {exporter.file: exporter.write for name, exporter in EXPORTERS.items() if name in chosen}
    paths = []
    for name, write in {**files, PDF: write_pdf}.items():
        draft = folder / f".{name}.part"
        write(report, draft)
        paths.append(draft.replace(folder / name))
        point("forecast.report_written")
    for name, exporter in EXPORTERS.items():
        if name not in chosen:
            # Beside the new ones it would tell yesterday's figures.
            (folder / exporter.file).unlink(missing_ok=True)
    return paths


def _simulation_report(conn: psycopg.Connection, simulation_id: str) -> SimulationReport:
    simulation = forecasts.load_simulation(conn, simulation_id)
    if simulation.status != "completed":
        raise TradewindError(
            where=f"report of {simulation_id}",
            expected="a completed simulation",
            got=simulation.status,
            remedy="summarise it first",
        )
    return SimulationReport(
        simulation_id=simulation_id,
        scenario_id=simulation.scenario_id,
        currency=simulation.currency,
        seed=simulation.seed,
        result_hash=simulation.result_hash,
        config_hash=simulation.config_hash,
        inputs=simulation.inputs,
        summary=forecasts.read_summary(conn, simulation_id),
        groups=forecasts.read_groups(conn, simulation_id),
        cents=forecasts.group_cents(conn, simulation_id, "total", ""),
        fan=fan(simulation.inputs, simulation.seed, min(simulation.iterations, _FAN_ITERATIONS)),
        drivers=stored_levers.read_drivers(conn, simulation_id),
        optima=stored_levers.read_optima(conn, simulation_id),
    )
