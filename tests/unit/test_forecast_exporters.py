"""Five formats, one total: what is written is read back and adds up to the summary, to the cent (MCS-18, MCS-19)."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest

from include.forecast.config import EXPORT_FORMATS, ForecastConfig
from include.report.exporters import ANAPLAN, COLUMNS, EXPORTERS, XACTLY, to_dataframe
from include.report.forecast_report import ForecastReport
from tests.unit.test_forecast_report import HOSTILE, report_of

KINDS = ("role", "region", "segment", "rep")


@pytest.fixture(scope="module")
def report() -> ForecastReport:
    """Two scenarios of one company."""
    base = report_of()
    second = replace(base.simulations[0], scenario_id="strong_year", simulation_id="sim_1")
    return replace(base, simulations=(*base.simulations, second))


@pytest.fixture(scope="module")
def folder(report, tmp_path_factory) -> Path:
    """Every format written once."""
    place = tmp_path_factory.mktemp("exports")
    for exporter in EXPORTERS.values():
        exporter.write(report, place / exporter.file)
    return place


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def total(rows: Iterable[dict], amount: str, **where: object) -> Decimal:
    return sum((Decimal(r[amount]) for r in rows if all(r[k] == v for k, v in where.items())), Decimal(0))


def mean_of(report: ForecastReport) -> Decimal:
    return report.simulations[0].summary["mean"]


def test_every_format_of_the_settings_has_its_exporter():
    assert set(EXPORTERS) == set(EXPORT_FORMATS) >= set(ForecastConfig().exports)


@pytest.mark.parametrize("kind", ["total", *KINDS])
@pytest.mark.parametrize("scenario", ["base", "strong_year"])
def test_every_format_adds_up_to_the_total(report, folder, kind, scenario):
    here = {"scenario_id": scenario, "group_kind": kind}
    found = {
        "dataframe": total(to_dataframe(report).to_dict("records"), "mean", **here),
        "csv": total(read_csv(folder / EXPORTERS["csv"].file), "mean", **here),
        "parquet": total(pq.read_table(folder / EXPORTERS["parquet"].file).to_pylist(), "mean", **here),
        "anaplan": total(read_csv(folder / EXPORTERS["anaplan"].file), "Mean", Scenario=scenario, List=kind),
    }
    if kind == "rep":
        rows = read_csv(folder / EXPORTERS["xactly"].file)
        found["xactly"] = total(rows, "expected_payout", scenario=scenario)
    assert found == dict.fromkeys(found, mean_of(report))


def test_the_workbook_says_the_same_total(report, folder):
    summary = openpyxl.load_workbook(folder / EXPORTERS["xlsx"].file)["summary"]
    [row] = [row for row in summary.iter_rows(values_only=True) if row[0] == "Mean"]
    assert Decimal(repr(row[1])) == mean_of(report)


def test_worst_case_contributions_add_up_too(report, folder):
    es95 = report.simulations[0].summary["es95"]
    rows = read_csv(folder / EXPORTERS["csv"].file)
    for kind in KINDS[:-1]:
        assert total(rows, "es95", scenario_id="base", group_kind=kind) == es95


def test_layouts_are_as_documented(folder):
    for name, columns in (("csv", COLUMNS), ("xactly", XACTLY), ("anaplan", ANAPLAN)):
        header = (folder / EXPORTERS[name].file).read_text(encoding="utf-8").splitlines()[0]
        assert header == ",".join(columns)
    text = (Path(__file__).resolve().parents[2] / "docs" / "forecast_reports.md").read_text()
    for column in {*COLUMNS, *XACTLY, *ANAPLAN}:
        assert f"`{column}`" in text, column


def test_one_row_per_participant_and_one_code_per_item(report, folder):
    participants = read_csv(folder / EXPORTERS["xactly"].file)
    assert len({(r["participant_id"], r["scenario"], r["currency"]) for r in participants}) == len(
        participants
    )
    assert len(participants) == 2 * len(report.simulations[0].inputs.reps)
    codes = [r["Code"] for r in read_csv(folder / EXPORTERS["anaplan"].file)]
    assert len(set(codes)) == len(codes)


def test_text_that_looks_like_a_formula_is_disarmed_for_people_and_exact_for_machines(folder):
    keys = {r["group_key"] for r in read_csv(folder / EXPORTERS["csv"].file)}
    assert f"'{HOSTILE}" in keys
    assert HOSTILE not in keys
    exact = pq.read_table(folder / EXPORTERS["parquet"].file).column("group_key").to_pylist()
    assert HOSTILE in exact
    assert HOSTILE in {r["Item"] for r in read_csv(folder / EXPORTERS["anaplan"].file)}


def test_the_same_results_are_the_same_bytes(report, folder, tmp_path):
    for exporter in EXPORTERS.values():
        exporter.write(report, tmp_path / exporter.file)
        assert (tmp_path / exporter.file).read_bytes() == (folder / exporter.file).read_bytes()
