"""The forecast as a PDF: answers first, a page of charts per simulation, then assumptions and who is left out.

Dates in the metadata are fixed and fonts come with matplotlib: the same simulations give the same bytes.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from include.report.charts import (
    INK,
    draw_backtest,
    draw_calibration,
    draw_contributions,
    draw_convergence,
    draw_exceedance,
    draw_fan,
    draw_tornado,
)
from include.report.forecast_report import ForecastReport, SimulationReport, assumptions, money_text
from include.report.headlines import day_text, headlines, last_day_text, month_text
from include.report.pages import LEFT, RIGHT, fitted, new_page, paragraph, rule

_CREATED = datetime(2000, 1, 1)  # noqa: DTZ001
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.edgecolor": INK,
    "text.color": INK,
    "pdf.compression": 6,
    "text.parse_math": False,
}
_LINES_PER_PAGE = 36
#: Room above the charts for so many back-tests, the latest years first.
_BACKTEST_LINES = 12
#: Rows of the table of scenarios on the first page, lines of each list at the end; the workbook has them all.
_SCENARIOS, _LISTED = 10, 40
_TABLE = (
    ("scenario", 0.0), ("currency", 0.23), ("mean", 0.37), ("P50", 0.47), ("P90", 0.57), ("P95", 0.67),
    ("worst 5 %", 0.77), ("budget", 0.89), ("over", 1.0),
)  # fmt: skip


def write_pdf(report: ForecastReport, path: Path) -> None:
    """Write the report to `path`."""
    metadata = {
        "Title": f"Compensation forecast {report.period}",
        "Author": report.company,
        "Creator": "Tradewind",
        "CreationDate": _CREATED,
        "ModDate": _CREATED,
    }
    # The draft's name may end in anything: an open file keeps PdfPages from judging it.
    with mpl.rc_context(_STYLE), path.open("wb") as file, PdfPages(file, metadata=metadata) as pages:
        for figure in _pages(report):
            pages.savefig(figure)


def _pages(report: ForecastReport) -> Iterator[Figure]:
    numbers = count(1)
    yield _answers(report, next(numbers))
    for simulation in report.simulations:
        yield _charts(report, simulation, next(numbers))
        if any(row["reason"] is None and row["delta_p95"] for row in simulation.drivers):
            yield _causes(report, simulation, next(numbers))
    yield from _backtests(report, numbers)
    for simulation in report.simulations:
        yield from _notes(report, simulation, numbers)


def _answers(report: ForecastReport, number: int) -> Figure:
    """What a CFO asks, for the first simulation; all of them in a table below."""
    first = report.simulations[0]
    inputs = first.inputs
    title = (
        f"Forecast of variable compensation, {month_text(report.period)} · fiscal year {day_text(inputs.horizon_start)} to"
        f" {last_day_text(inputs.horizon_end)} · facts up to {day_text(inputs.as_of)}"
    )
    figure = new_page(report, title, number)
    _figures(figure, first, 0.835)
    y = 0.775
    for question, answer in headlines(first, report.books):
        figure.text(LEFT, y, question, va="top", fontsize=9.5, fontweight="bold")
        y = paragraph(figure, LEFT + 0.15, y, answer, 118, fontsize=9.5) - 0.014
    _scenarios(figure, report, min(y - 0.03, 0.40))
    return figure


def _scenarios(figure: Figure, report: ForecastReport, y: float) -> None:
    """A line per scenario and currency; amounts of different currencies are never added."""
    width = RIGHT - LEFT
    figure.text(LEFT, y, "All scenarios, amounts in the currency named", fontsize=9.5, fontweight="bold")
    y -= 0.03
    for at, (name, place) in enumerate(_TABLE):
        figure.text(LEFT + place * width, y, name, fontsize=7.5, ha="left" if at < 2 else "right")
    rule(figure, y - 0.008)
    for simulation in report.simulations[:_SCENARIOS]:
        y -= 0.026
        s = simulation.summary
        fitted(figure, LEFT, y, simulation.scenario_id, 0.2, fontsize=8.5)
        texts = [
            simulation.currency, money_text(s["mean"]), money_text(s["p50"]), money_text(s["p90"]),
            money_text(s["var_95"]), money_text(s["es95"]), money_text(s["budget_amount"]), _chance(s),
        ]  # fmt: skip
        for at, text in enumerate(texts, start=1):
            place = LEFT + _TABLE[at][1] * width
            size = 8.5 if max(map(len, texts)) < 14 else 6.5
            fitted(figure, place, y, text, 0.11, fontsize=size, ha="left" if at < 2 else "right")
    if len(report.simulations) > _SCENARIOS:
        more = len(report.simulations) - _SCENARIOS
        figure.text(LEFT, y - 0.028, f"… and {more} more, on the next pages and in the workbook", fontsize=8)


def _charts(report: ForecastReport, simulation: SimulationReport, number: int) -> Figure:
    s = simulation.summary
    title = (
        f"Scenario {simulation.scenario_id} · amounts in {simulation.currency} · reps: {len(simulation.inputs.reps):,} ·"
        f" simulated years: {s['iterations']:,} · standard error of the mean: {money_text(s['se_mean'])}"
    )
    figure = new_page(report, title, number)
    _figures(figure, simulation, 0.845)
    place = {"left": 0.135, "right": 0.965, "top": 0.76, "bottom": 0.085, "hspace": 0.42, "wspace": 0.24}
    grid = figure.add_gridspec(2, 2, **place)
    draw_fan(figure.add_subplot(grid[0, 0]), simulation)
    draw_exceedance(figure.add_subplot(grid[0, 1]), simulation)
    draw_contributions(figure.add_subplot(grid[1, 0]), simulation, "region")
    draw_convergence(figure.add_subplot(grid[1, 1]), simulation)
    return figure


def _causes(report: ForecastReport, simulation: SimulationReport, number: int) -> Figure:
    """What moves the total, and who it goes to."""
    title = f"Scenario {simulation.scenario_id} · amounts in {simulation.currency} · what moves the cost"
    figure = new_page(report, title, number)
    grid = figure.add_gridspec(1, 2, left=0.19, right=0.965, top=0.83, bottom=0.085, wspace=0.34)
    draw_tornado(figure.add_subplot(grid[0, 0]), simulation)
    draw_contributions(figure.add_subplot(grid[0, 1]), simulation, "role", most=20)
    return figure


def _backtests(report: ForecastReport, numbers: Iterator[int]) -> Iterator[Figure]:
    """A page per currency with a year that was compared with what was paid."""
    compared = [
        row
        for row in report.books.backtests
        if row["group_kind"] == "total" and row["percentile"] is not None
    ]
    for currency in sorted({row["currency"] for row in compared}):
        title = f"What past forecasts said of what was paid · amounts in {currency}"
        figure = new_page(report, title, next(numbers))
        rows = [row for row in compared if row["currency"] == currency]
        for at, row in enumerate(rows[:_BACKTEST_LINES]):
            line = (
                f"{row['horizon_start']} to before {row['horizon_end']}, {row['lead_months']} months before: paid"
                f" {money_text(row['paid_amount'])} to {row['rep_count']} reps, forecast {money_text(row['p5'])} to"
                f" {money_text(row['p95'])} (P5 to P95), mean {money_text(row['mean'])}: percentile {row['percentile']:.0%}"
            )
            fitted(figure, LEFT, 0.865 - 0.022 * at, line, RIGHT - LEFT, fontsize=8)
        grid = figure.add_gridspec(1, 2, left=0.08, right=0.96, top=0.56, bottom=0.1, wspace=0.2)
        draw_backtest(figure.add_subplot(grid[0, 0]), report.books, currency)
        draw_calibration(figure.add_subplot(grid[0, 1]), max(rows, key=lambda row: row["lead_months"]))
        yield figure


def _figures(figure: Figure, simulation: SimulationReport, y: float) -> None:
    """A row of key figures."""
    s = simulation.summary
    boxes = [
        (f"Mean, {simulation.currency}", money_text(s["mean"])),
        ("Median (P50)", money_text(s["p50"])),
        ("P95", money_text(s["var_95"])),
        ("Worst 5 %, mean (ES95)", money_text(s["es95"])),
        ("Reserve P90 – P50", money_text(s["reserve"])),
        ("Budget", money_text(s["budget_amount"])),
        (f"Chance of more{_interval(s)}", _chance(s)),
    ]
    width = (RIGHT - LEFT) / len(boxes)
    for at, (label, value) in enumerate(boxes):
        fitted(figure, LEFT + at * width, y + 0.027, label, width - 0.005, fontsize=7)
        size = 12 if max(len(text) for _, text in boxes) < 13 else 9
        fitted(figure, LEFT + at * width, y, value, width - 0.005, fontsize=size, fontweight="bold")
    rule(figure, y - 0.015)


def _chance(summary: Mapping[str, object]) -> str:
    share = summary["p_exceed_budget"]
    return "–" if share is None else f"{share:.1%}"


def _interval(summary: Mapping[str, object]) -> str:
    if summary["p_exceed_budget"] is None:
        return ""
    return f" ({100 * summary['p_exceed_low']:.1f}–{100 * summary['p_exceed_high']:.1f} %)"


def _notes(report: ForecastReport, simulation: SimulationReport, numbers: Iterator[int]) -> Iterator[Figure]:
    lines = [f"{what}: {value}" for what, value in assumptions(simulation)]
    fits = [_fit_line(fit) for fit in simulation.inputs.fits]
    lines += ["", "Distributions of attainment:", *_some(fits, "fits")]
    if simulation.inputs.notes:
        lines += ["", "Notes:", *_some([f"  {note}" for note in simulation.inputs.notes], "assumptions")]
    if simulation.inputs.exclusions:
        reasons = _some(_reasons(simulation.inputs.exclusions), "inputs")
        lines += ["", f"Not simulated, {len(simulation.inputs.exclusions):,} reps:", *reasons]
    wrapped = [
        part for line in lines for part in (textwrap.wrap(line, 150, subsequent_indent="    ") or [""])
    ]
    for start in range(0, len(wrapped), _LINES_PER_PAGE):
        title = f"Assumptions and exclusions · scenario {simulation.scenario_id} · {simulation.currency}"
        figure = new_page(report, title, next(numbers))
        text = "\n".join(wrapped[start : start + _LINES_PER_PAGE])
        figure.text(LEFT, 0.87, text, va="top", fontsize=8, linespacing=1.45)
        yield figure


def _some(lines: Sequence[str], sheet: str) -> list[str]:
    """The first lines of a list, and where the others stand."""
    rest = len(lines) - _LISTED
    return [
        *lines[:_LISTED],
        *([f"  … and {rest:,} more in the workbook's sheet {sheet}"] if rest > 0 else []),
    ]


def _reasons(exclusions: Mapping[str, str]) -> list[str]:
    """A line per reason, the most frequent first, with the reps it is about."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for rep, reason in exclusions.items():
        by_reason[reason].append(rep)
    ordered = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        f"  {reason}: {', '.join(reps[:12])}" + (f" and {len(reps) - 12:,} more" if len(reps) > 12 else "")
        for reason, reps in ordered
    ]


def _fit_line(fit: Mapping[str, object]) -> str:
    numbers = [fit["parameters"][name] for name in ("first", "second", "third")]
    parameters = ", ".join(f"{number:.4g}" for number in (numbers if numbers[2] else numbers[:2]))
    tested = "" if fit["ks_p_value"] is None else f", goodness p {fit['ks_p_value']:.2f}"
    pooled = f", pooled from {fit['pooled_from']}" if fit["pooled_from"] else ""
    return (
        f"  {fit['segment']}, {fit['measure']}: {fit['family']} ({parameters}), share of zeros"
        f" {fit['p0']:.1%}, {fit['observation_count']} windows{tested}{pooled}"
    )
