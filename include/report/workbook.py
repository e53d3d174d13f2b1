"""The forecast as an xlsx workbook: summary, by_role, by_region, by_rep, percentiles, drivers, optima, inputs, fits, assumptions.

Figures are the warehouse's, to the cent. Text never becomes a formula or a link. The creation date is fixed,
so the same simulations give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import xlsxwriter

from include.report import accrual_sheet, backtest_sheet, pipeline_sheet
from include.report.forecast_report import ForecastReport, SimulationReport, assumptions
from include.report.headlines import day_text, last_day_text
from include.report.levers_sheet import drivers_table, optima_table

#: Excel keeps 15 significant digits; a longer amount is written as text rather than changed.
_DIGITS = 15
#: Sheets with a column per simulation: their first column stays in sight.
_WIDE = ("summary", "percentiles")
_A4 = 9
_CREATED = datetime(2000, 1, 1)  # noqa: DTZ001

_METRICS = (
    ("Mean", "mean"),
    ("Median (P50)", "p50"),
    ("P90", "p90"),
    ("P95 of total cost (var_95)", "var_95"),
    ("P95 above the mean (var_95_excess)", "var_95_excess"),
    ("Mean of the worst 5 % (ES95)", "es95"),
    ("Reserve P90 - P50", "reserve"),
    ("Standard deviation", "sd"),
    ("Standard error of the mean", "se_mean"),
    ("P95, 95 % interval from", "p95_low"),
    ("P95, 95 % interval to", "p95_high"),
    ("Smallest total", "minimum"),
    ("Largest total", "maximum"),
    ("Budget", "budget_amount"),
    ("Probability of exceeding the budget", "p_exceed_budget"),
    ("  95 % interval from", "p_exceed_low"),
    ("  95 % interval to", "p_exceed_high"),
    ("Expected overshoot", "expected_overshoot"),
    ("Pay at 100 % of quota for all", "plan_at_target"),
    ("Credited to date", "credited_to_date"),
    ("Iterations", "iterations"),
    ("Effective sample size (ess)", "ess"),
)
_PROBABILITIES = {"p_exceed_budget", "p_exceed_low", "p_exceed_high"}


def write_workbook(report: ForecastReport, path: Path) -> None:
    """Write the workbook of `report` to `path`."""
    book = xlsxwriter.Workbook(
        str(path),
        {
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "in_memory": True,
        },
    )
    book.set_properties(
        {"title": f"Compensation forecast {report.period}", "company": report.company, "created": _CREATED}
    )
    sheets = _Sheets(book)
    _summary(sheets, report)
    _groups(sheets, report, "by_role", "role")
    _groups(sheets, report, "by_region", "region")
    _groups(sheets, report, "by_rep", "rep")
    _percentiles(sheets, report)
    for table in (
        drivers_table(report),
        optima_table(report),
        *accrual_sheet.tables(report.books),
        *backtest_sheet.tables(report.books),
    ):
        sheets.table(table.name, table.columns, table.rows, table.widths)
    _inputs(sheets, report)
    _fits(sheets, report)
    for table in pipeline_sheet.tables(report.simulations):
        sheets.table(table.name, table.columns, table.rows, table.widths)
    _assumptions(sheets, report)
    book.close()


class _Sheets:
    """Tables with a header row, written cell by cell by type."""

    def __init__(self, book: xlsxwriter.Workbook):
        self._book = book
        self._header = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self._money = book.add_format({"num_format": "#,##0.00"})
        self._share = book.add_format({"num_format": "0.00%"})
        self._bold = book.add_format({"bold": True})

    def table(
        self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]], widths: Sequence[int]
    ) -> None:
        """A sheet; a Decimal is money, a float a share, an int a count, None an empty cell."""
        sheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 1 if name in _WIDE else 0)
        sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.set_footer("&L&A&RPage &P of &N")
        for at, (column, width) in enumerate(zip(columns, widths, strict=True)):
            sheet.set_column(at, at, width)
            sheet.write_string(0, at, column, self._header)
        for line, row in enumerate(rows, start=1):
            for at, value in enumerate(row):
                self._cell(sheet, line, at, value)

    def _cell(self, sheet, line: int, at: int, value: object) -> None:
        if value is None:
            return
        if isinstance(value, Decimal):
            if len(value.normalize().as_tuple().digits) > _DIGITS:
                sheet.write_string(line, at, f"{value:f}")
            else:
                sheet.write_number(line, at, float(value), self._money)
        elif isinstance(value, float):
            sheet.write_number(line, at, value, self._share)
        elif isinstance(value, int):
            sheet.write_number(line, at, value)
        else:
            sheet.write_string(line, at, str(value))


def _summary(sheets: _Sheets, report: ForecastReport) -> None:
    about = [dict(_about(report, simulation)) for simulation in report.simulations]
    rows = [[label, *(facts[label] for facts in about)] for label in about[0]]
    rows += [
        [label, *(_figure(simulation, name) for simulation in report.simulations)] for label, name in _METRICS
    ]
    labels = [simulation.label for simulation in report.simulations]
    sheets.table("summary", ["metric", *labels], rows, [40, *([22] * len(labels))])


def _about(report: ForecastReport, simulation: SimulationReport) -> list[tuple[str, object]]:
    """What the figures below are about: whose, which year, in which currency, known up to when."""
    inputs = simulation.inputs
    return [
        ("Company", report.company),
        ("Variable compensation of the fiscal year from", day_text(inputs.horizon_start)),
        ("  to", last_day_text(inputs.horizon_end)),
        ("Facts known up to", day_text(inputs.as_of)),
        ("Amounts in", simulation.currency),
        ("Reps simulated", len(inputs.reps)),
        ("Reps not simulated (sheet inputs says why)", len(inputs.exclusions or {})),
    ]


def _figure(simulation: SimulationReport, name: str) -> object:
    value = simulation.summary[name]
    if name == "ess" and value is not None:
        return round(value)
    return float(value) if name in _PROBABILITIES and value is not None else value


def _groups(sheets: _Sheets, report: ForecastReport, sheet: str, kind: str) -> None:
    columns = [
        "scenario", "currency", kind, "reps", "mean", "p10", "p50", "p90", "es95_contribution", "budget",
        "p_exceed_budget",
    ]  # fmt: skip
    rows: list[list[object]] = []
    for simulation in report.simulations:
        groups = simulation.of_kind(kind)
        head = [simulation.scenario_id, simulation.currency]
        rows += [
            [
                *head, g["group_key"], g["rep_count"], g["mean"], g["p10"], g["p50"], g["p90"],
                g["es95_contribution"], g["budget_amount"], g["p_exceed_budget"],
            ]
            for g in groups
        ]  # fmt: skip
        tail = None if kind == "rep" else sum((g["es95_contribution"] for g in groups), Decimal(0))
        mean = sum((g["mean"] for g in groups), Decimal(0))
        rows.append([*head, "Total", sum(g["rep_count"] for g in groups), mean, None, None, None, tail])
    sheets.table(sheet, columns, rows, [14, 10, 26, 8, 18, 18, 18, 18, 18, 18, 16])


def _percentiles(sheets: _Sheets, report: ForecastReport) -> None:
    labels = [simulation.label for simulation in report.simulations]
    rows = [
        [p, *(Decimal(simulation.summary["percentiles"][str(p)]) for simulation in report.simulations)]
        for p in range(1, 100)
    ]
    sheets.table("percentiles", ["percentile", *labels], rows, [12, *([22] * len(labels))])


def _inputs(sheets: _Sheets, report: ForecastReport) -> None:
    columns = [
        "scenario", "currency", "rep", "role", "region", "territory", "segment", "from", "plan", "target_incentive", "measure",
        "quota", "credited_to_date", "remaining_quota", "excluded_because",
    ]  # fmt: skip
    rows: list[list[object]] = []
    for simulation in report.simulations:
        head = [simulation.scenario_id, simulation.currency]
        for rep in simulation.inputs.reps:
            who = [
                simulation.scenario_id,
                rep.currency or simulation.currency,
                rep.rep_key,
                rep.role,
                rep.region,
                rep.territory,
                rep.segment,
            ]
            rows += [
                [
                    *who, leg.start, leg.plan, leg.target_incentive,
                    line.measure, line.quota, line.credited, line.remaining_quota,
                ]
                for leg in rep.legs
                for line in leg.lines
            ]  # fmt: skip
        for rep_key, reason in (simulation.inputs.exclusions or {}).items():
            rows.append([*head, rep_key, *([None] * 11), reason])
    sheets.table("inputs", columns, rows, [14, 10, 16, 18, 16, 16, 24, 12, 18, 16, 12, 18, 18, 18, 60])


def _fits(sheets: _Sheets, report: ForecastReport) -> None:
    columns = [
        "scenario", "currency", "segment", "measure", "family", "first_parameter", "second_parameter",
        "third_parameter", "share_of_zeros", "observations", "ks_distance", "ks_p_value", "pooled_from", "window_months",
    ]  # fmt: skip
    rows = [
        [
            simulation.scenario_id, simulation.currency, fit["segment"], fit["measure"], fit["family"],
            *(f"{fit['parameters'][name]:.10g}" for name in ("first", "second", "third")), float(fit["p0"]),
            fit["observation_count"], _plain(fit["ks"]), _plain(fit["ks_p_value"]), fit["pooled_from"],
            f"{fit['window_months']:g}",
        ]
        for simulation in report.simulations
        for fit in simulation.inputs.fits
    ]  # fmt: skip
    sheets.table("fits", columns, rows, [14, 10, 30, 12, 12, 18, 18, 18, 14, 13, 12, 12, 16, 14])


def _plain(number: float | None) -> str | None:
    return None if number is None else f"{number:.4g}"


def _assumptions(sheets: _Sheets, report: ForecastReport) -> None:
    rows: list[list[object]] = []
    for simulation in report.simulations:
        head = [simulation.scenario_id, simulation.currency]
        rows += [[*head, what, value] for what, value in assumptions(simulation)]
        rows += [[*head, "Note", note] for note in simulation.inputs.notes]
    sheets.table("assumptions", ["scenario", "currency", "what", "value"], rows, [14, 10, 42, 80])
