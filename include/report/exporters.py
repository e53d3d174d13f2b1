"""The forecast's results for other systems: DataFrame, Excel, CSV, Parquet, Xactly's and Anaplan's import files.

All say the same figures as the warehouse, to the fourth decimal: the groups of one kind add up to the total in each.
Layouts are ours (docs/forecast_reports.md): neither vendor publishes one for a customer's own import. The same
results give the same bytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from include.money import QUANTUM
from include.report.forecast_report import ForecastReport, SimulationReport
from include.report.workbook import write_workbook

_MONEY = ("mean", "p10", "p50", "p90", "p95", "es95", "budget_amount")
#: One row per simulation and group; `total` is the group of everybody.
COLUMNS = (
    "company", "period", "as_of", "scenario_id", "currency", "group_kind", "group_key", "rep_count", *_MONEY,
    "p_exceed_budget", "simulation_id",
)  # fmt: skip
XACTLY = (
    "participant_id", "title", "region", "plan", "period", "as_of", "scenario", "currency", "expected_payout",
    "payout_p10", "payout_p50", "payout_p90", "forecast_id",
)  # fmt: skip
ANAPLAN = (
    "Code", "Scenario", "Currency", "Period", "List", "Item", "Mean", "P10", "P50", "P90", "P95", "ES95", "Budget",
    "Simulation",
)  # fmt: skip
_TYPES = {
    "rep_count": pa.int64(),
    "p_exceed_budget": pa.float64(),
    **{name: pa.decimal128(19, 4) for name in _MONEY},
}
#: A cell that begins so is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Exporter:
    """One format: the file it makes in the output folder, and what writes it."""

    file: str
    write: Callable[[ForecastReport, Path], None]


def rows(report: ForecastReport) -> Iterator[dict[str, object]]:
    """Every simulation's total and groups, columns as COLUMNS; money as Decimal with four places."""
    for simulation in report.simulations:
        head = {
            "company": report.company,
            "period": report.period,
            "as_of": simulation.inputs.as_of,
            "scenario_id": simulation.scenario_id,
            "currency": simulation.currency,
            "simulation_id": simulation.simulation_id,
        }
        yield {**head, **_total(simulation)}
        for kind in ("role", "region", "segment", "rep"):
            for group in simulation.of_kind(kind):
                yield {**head, **_group(group)}


def to_dataframe(report: ForecastReport):
    """The rows as a pandas DataFrame; money stays Decimal, so that sums are exact."""
    # pandas takes a second to import, and only those who ask for a frame need it.
    import pandas as pd

    return pd.DataFrame(list(rows(report)), columns=list(COLUMNS))


def to_excel(report: ForecastReport, path: Path) -> None:
    """The workbook, the file that people open."""
    write_workbook(report, path)


def to_csv(report: ForecastReport, path: Path) -> None:
    """The rows as CSV. Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    _write_csv(path, COLUMNS, ([_guarded(row[name]) for name in COLUMNS] for row in rows(report)))


def to_parquet(report: ForecastReport, path: Path) -> None:
    """The rows as Parquet, money as decimal(19, 4)."""
    found = list(rows(report))
    fields = [pa.field(name, _TYPES.get(name, pa.string())) for name in COLUMNS]
    pq.write_table(pa.Table.from_pylist(found, schema=pa.schema(fields)), path)


def to_xactly_format(report: ForecastReport, path: Path) -> None:
    """One row per participant and simulation, columns as XACTLY. Expected payouts add up to the total."""
    _write_csv(
        path, XACTLY, (row for simulation in report.simulations for row in _payouts(report, simulation))
    )


def to_anaplan_format(report: ForecastReport, path: Path) -> None:
    """One row per list item and simulation, columns as ANAPLAN; `Code` is unique. Filter by `List`: each adds up."""
    _write_csv(path, ANAPLAN, (_item(row) for row in rows(report)))


EXPORTERS: Mapping[str, Exporter] = {
    "xlsx": Exporter("monthly_forecast.xlsx", to_excel),
    "csv": Exporter("monthly_forecast.csv", to_csv),
    "parquet": Exporter("monthly_forecast.parquet", to_parquet),
    "xactly": Exporter("monthly_forecast_xactly.csv", to_xactly_format),
    "anaplan": Exporter("monthly_forecast_anaplan.csv", to_anaplan_format),
}


def _total(simulation: SimulationReport) -> dict[str, object]:
    summary = simulation.summary
    percentiles = {f"p{k}": Decimal(summary["percentiles"][str(k)]) for k in (10, 50, 90, 95)}
    return {
        "group_kind": "total",
        "group_key": "total",
        "rep_count": len(simulation.inputs.reps),
        **{name: _places(value) for name, value in percentiles.items()},
        **{name: _places(summary[name]) for name in ("mean", "es95", "budget_amount")},
        "p_exceed_budget": summary["p_exceed_budget"],
    }


def _group(group: Mapping[str, object]) -> dict[str, object]:
    return {
        "group_kind": group["group_kind"],
        "group_key": str(group["group_key"]),
        "rep_count": group["rep_count"],
        **{name: _places(group[name]) for name in ("mean", "p10", "p50", "p90", "budget_amount")},
        "p95": None,
        "es95": _places(group["es95_contribution"]),
        "p_exceed_budget": group["p_exceed_budget"],
    }


def _payouts(report: ForecastReport, simulation: SimulationReport) -> Iterator[list[object]]:
    reps = {rep.rep_key: rep for rep in simulation.inputs.reps}
    for group in sorted(simulation.of_kind("rep"), key=lambda group: group["group_key"]):
        rep = reps[group["group_key"]]
        yield [
            rep.rep_key, rep.role, rep.region, ";".join(dict.fromkeys(leg.plan for leg in rep.legs)), report.period,
            simulation.inputs.as_of, simulation.scenario_id, simulation.currency,
            *(_places(group[name]) for name in ("mean", "p10", "p50", "p90")), simulation.simulation_id,
        ]  # fmt: skip


def _item(row: Mapping[str, object]) -> list[object]:
    parts = (row["scenario_id"], row["currency"], row["period"], row["group_kind"], row["group_key"])
    return [
        "|".join(map(str, parts)),
        row["scenario_id"], row["currency"], row["period"], row["group_kind"], row["group_key"],
        *(row[name] for name in _MONEY), row["simulation_id"],
    ]  # fmt: skip


def _places(value: object) -> Decimal | None:
    return None if value is None else Decimal(value).quantize(QUANTUM)


def _guarded(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _write_csv(path: Path, header: Sequence[str], lines: Iterator[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for line in lines:
        writer.writerow([f"{v:f}" if isinstance(v, Decimal) else "" if v is None else v for v in line])
    path.write_bytes(text.getvalue().encode())
