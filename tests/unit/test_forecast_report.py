"""The workbook and the PDF: the table's figures to the cent, text that stays text, the same bytes again."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import openpyxl
import pypdf
import pytest

from include.forecast.engine import GROUP_KINDS, simulate_block
from include.forecast.groups import group_statistics, rep_statistics
from include.forecast.paths import fan
from include.forecast.prepare import prepare
from include.forecast.summary import PERCENTILES, summarise
from include.report.forecast_report import ForecastReport, SimulationReport
from include.report.pdf import write_pdf
from include.report.workbook import write_workbook
from tests.forecast_cases import company
from tests.spec.test_forecast_input_rules import HORIZON, ForecastConfig

HOSTILE = '=HYPERLINK("http://x","y")'


def _summary_row(cents, budget) -> dict[str, object]:
    stats = summarise(cents, budget)
    names = ("iterations", "mean", "sd", "se_mean", "minimum", "maximum", "var_95", "var_95_excess", "es95",
             "p95_low", "p95_high", "reserve", "independent_units", "ess")  # fmt: skip
    return {
        **{name: getattr(stats, name) for name in names},
        "p50": stats.percentiles[50],
        "p90": stats.percentiles[90],
        "sampling": stats.sampling.method,
        "percentiles": {str(p): str(stats.percentiles[p]) for p in PERCENTILES},
        "budget_amount": budget,
        "p_exceed_budget": stats.exceedance.share if budget else None,
        "p_exceed_low": stats.exceedance.low if budget else None,
        "p_exceed_high": stats.exceedance.high if budget else None,
        "expected_overshoot": stats.exceedance.expected_overshoot if budget else None,
        "plan_at_target": Decimal(1_000_000),
        "credited_to_date": Decimal("12345678901234.5678"),
    }


def report_of(budget: Decimal | None = Decimal(1_300_000)) -> ForecastReport:
    """A report as the flow assembles it, with a hostile region name and one excluded rep."""
    rows = company()
    reps = [{**r, "region": HOSTILE} if r["region"] == "East" else dict(r) for r in rows.sales_reps]
    reps[0]["plan_key"] = None
    rows = replace(rows, sales_reps=reps)
    simulations = []
    for inputs in prepare(rows, HORIZON, ForecastConfig(), tenant="alpha", currency="USD"):
        block = simulate_block(inputs, 1, 0, 800)
        total = block.groups[("total", "")]
        stats = summarise(total)
        groups = []
        for kind in GROUP_KINDS:
            vectors = sorted((key, cents) for (k, key), cents in block.groups.items() if k == kind)
            counts = dict.fromkeys((key for key, _ in vectors), 1)
            found = group_statistics(vectors, total, stats, rep_counts=counts, budgets={})
            groups += [_group_row(kind, g) for g in found]
        groups += [_group_row("rep", g) for g in rep_statistics(inputs, 1, 800, block.rep_sums, stats.mean)]
        simulations.append(
            SimulationReport(
                simulation_id="sim_0", scenario_id="base", currency="USD", seed=1, result_hash="r", config_hash="c",
                inputs=inputs, summary=_summary_row(total, budget), groups=groups, cents=total,
                fan=fan(inputs, 1, 200),
            )
        )  # fmt: skip
    return ForecastReport(company="Alpha & Söhne $x$", period="2026-10", simulations=tuple(simulations))


def _group_row(kind: str, group) -> dict[str, object]:
    return {**vars(group), "group_kind": kind, "budget_amount": None, "p_exceed_budget": None}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """(report, opened workbook)."""
    path = tmp_path_factory.mktemp("report") / "f.xlsx"
    report = report_of()
    write_workbook(report, path)
    return report, openpyxl.load_workbook(path)


def test_the_sheets_people_look_for_are_there(book):
    assert book[1].sheetnames == [
        "summary", "by_role", "by_region", "by_rep", "percentiles", "drivers", "optima", "inputs", "fits",
        "assumptions",
    ]  # fmt: skip


@pytest.mark.parametrize(("sheet", "kind"), [("by_role", "role"), ("by_region", "region"), ("by_rep", "rep")])
def test_totals_equal_the_summary_to_the_cent(book, sheet, kind):
    report, workbook = book
    mean = float(report.simulations[0].summary["mean"])
    rows = list(workbook[sheet].iter_rows(min_row=2, values_only=True))
    assert rows[-1][2:5:2] == ("Total", pytest.approx(mean, abs=1e-9))
    assert sum(row[4] for row in rows[:-1]) == pytest.approx(mean, abs=0.005)
    assert len(rows) - 1 == len(report.simulations[0].of_kind(kind))
    summary = dict(row[:2] for row in workbook["summary"].iter_rows(values_only=True))
    assert summary["Mean"] == mean


def test_percentiles_are_all_there(book):
    report, workbook = book
    rows = list(workbook["percentiles"].iter_rows(min_row=2, values_only=True))
    expected = report.simulations[0].summary["percentiles"]
    assert rows == [(p, pytest.approx(float(expected[str(p)]), abs=1e-9)) for p in range(1, 100)]


def test_text_stays_text_and_long_amounts_keep_their_digits(book):
    _, workbook = book
    cells = [cell for row in workbook["by_region"].iter_rows() for cell in row if cell.value == HOSTILE]
    assert [cell.data_type for cell in cells] == ["s"]
    summary = dict(row[:2] for row in workbook["summary"].iter_rows(values_only=True))
    assert summary["Credited to date"] == "12345678901234.5678"


def test_exclusions_stand_in_the_inputs(book):
    _, workbook = book
    rows = [row for row in workbook["inputs"].iter_rows(min_row=2, values_only=True) if row[-1]]
    assert [(row[2], row[-1]) for row in rows] == [("R000", "no plan_key")]


def test_the_same_report_is_the_same_bytes(tmp_path):
    for write in (write_workbook, write_pdf):
        paths = [tmp_path / f"{write.__name__}-{i}" for i in range(2)]
        for path in paths:
            write(report_of(), path)
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_pdf_says_what_a_reader_needs(tmp_path):
    report = report_of()
    path = tmp_path / "report.pdf"
    write_pdf(report, path)
    pages = [page.extract_text() for page in pypdf.PdfReader(path).pages]
    assert len(pages) == 3
    mean = f"{report.simulations[0].summary['mean']:,.0f}"
    questions = (
        "What will it cost?",
        "How sure is that?",
        "Against the budget?",
        "Why?",
        "What is left out?",
    )
    for wanted in ("Alpha & Söhne $x$", mean, "1,300,000", "31 December 2026", *questions):
        assert wanted in pages[0]
    for wanted in (mean, "Chance that the year costs more", "Cost by region", "standard error of the mean"):
        assert wanted in pages[1]
    assert "no plan_key: R000" in pages[2]


def test_the_summary_says_what_it_is_about(book):
    summary = dict(row[:2] for row in book[1]["summary"].iter_rows(values_only=True))
    assert summary["Amounts in"] == "USD"
    assert (summary["Variable compensation of the fiscal year from"], summary["  to"]) == (
        "1 January 2026",
        "31 December 2026",
    )
    assert summary["Reps not simulated (sheet inputs says why)"] == 1


def test_a_pdf_without_a_budget_has_a_dash(tmp_path):
    path = tmp_path / "report.pdf"
    write_pdf(report_of(budget=None), path)
    assert "–" in pypdf.PdfReader(path).pages[0].extract_text()
