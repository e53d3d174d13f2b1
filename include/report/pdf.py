"""The forecast as a PDF: one page of figures and charts per simulation, one of exclusions and assumptions.

Dates in the metadata are fixed and fonts come with matplotlib: the same simulations give the same bytes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from include.report.charts import (
    INK,
    SOFT,
    draw_backtest,
    draw_calibration,
    draw_contributions,
    draw_convergence,
    draw_exceedance,
    draw_fan,
)
from include.report.forecast_report import ForecastReport, SimulationReport, assumptions, money_text

_A4_LANDSCAPE = (11.69, 8.27)
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
_LINES_PER_PAGE = 46
#: Room above the charts for so many back-tests, the latest years first.
_BACKTEST_LINES = 12


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
        for simulation in report.simulations:
            pages.savefig(_overview(report, simulation))
        for figure in _backtests(report):
            pages.savefig(figure)
        for simulation in report.simulations:
            for figure in _notes(report, simulation):
                pages.savefig(figure)


def _overview(report: ForecastReport, simulation: SimulationReport) -> Figure:
    figure = _page(report, simulation, "Forecast of variable compensation")
    inputs = simulation.inputs
    figure.text(
        0.06, 0.885,
        f"Fiscal year {inputs.horizon_start} to before {inputs.horizon_end} · {len(inputs.reps)} reps · facts up to {inputs.as_of}"
        f" · {simulation.summary['iterations']:,} iterations" + _excluded(simulation),
        fontsize=8,
    )  # fmt: skip
    _figures(figure, simulation)
    grid = figure.add_gridspec(2, 2, left=0.135, right=0.96, top=0.74, bottom=0.06, hspace=0.38, wspace=0.2)
    draw_fan(figure.add_subplot(grid[0, 0]), simulation)
    draw_exceedance(figure.add_subplot(grid[0, 1]), simulation)
    draw_contributions(figure.add_subplot(grid[1, 0]), simulation, "region")
    draw_convergence(figure.add_subplot(grid[1, 1]), simulation)
    return figure


def _backtests(report: ForecastReport) -> Iterator[Figure]:
    """A page per currency with a year that was compared with what was paid."""
    compared = [
        row
        for row in report.books.backtests
        if row["group_kind"] == "total" and row["percentile"] is not None
    ]
    for currency in sorted({row["currency"] for row in compared}):
        simulation = next((s for s in report.simulations if s.currency == currency), report.simulations[0])
        figure = _page(report, simulation, "What past forecasts said of what was paid")
        rows = [row for row in compared if row["currency"] == currency]
        lines = [
            f"{row['horizon_start']} to before {row['horizon_end']}, {row['lead_months']} months before: paid"
            f" {money_text(row['paid_amount'])} to {row['rep_count']} reps, forecast {money_text(row['p5'])} to"
            f" {money_text(row['p95'])} (P5 to P95), mean {money_text(row['mean'])}: percentile"
            f" {row['percentile']:.0%}"
            for row in rows[:_BACKTEST_LINES]
        ]
        figure.text(0.06, 0.885, "\n".join(lines), fontsize=8, va="top", linespacing=1.6)
        grid = figure.add_gridspec(1, 2, left=0.08, right=0.96, top=0.58, bottom=0.1, wspace=0.2)
        draw_backtest(figure.add_subplot(grid[0, 0]), report.books, currency)
        draw_calibration(figure.add_subplot(grid[0, 1]), max(rows, key=lambda row: row["lead_months"]))
        yield figure


def _figures(figure: Figure, simulation: SimulationReport) -> None:
    """The row of key figures under the heading."""
    s = simulation.summary
    boxes = [
        ("Mean", money_text(s["mean"])),
        ("Median (P50)", money_text(s["p50"])),
        ("P95", money_text(s["var_95"])),
        ("Worst 5 %, mean (ES95)", money_text(s["es95"])),
        ("Reserve P90 – P50", money_text(s["reserve"])),
        ("Budget", money_text(s["budget_amount"])),
        (f"Over budget{_interval(s)}", _chance(s)),
    ]
    width = 0.9 / len(boxes)
    for at, (label, value) in enumerate(boxes):
        x = 0.06 + at * width
        figure.text(x, 0.845, label, fontsize=7)
        figure.text(x, 0.815, value, fontsize=12, fontweight="bold")
    figure.add_artist(mpl.lines.Line2D([0.06, 0.96], [0.8, 0.8], color=SOFT, lw=1))


def _chance(summary: Mapping[str, object]) -> str:
    share = summary["p_exceed_budget"]
    return "–" if share is None else f"{share:.1%}"


def _interval(summary: Mapping[str, object]) -> str:
    if summary["p_exceed_budget"] is None:
        return ""
    return f" ({summary['p_exceed_low']:.1%}–{summary['p_exceed_high']:.1%})"


def _excluded(simulation: SimulationReport) -> str:
    count = len(simulation.inputs.exclusions or {})
    return f" · {count} reps not simulated, listed at the end" if count else ""


def _notes(report: ForecastReport, simulation: SimulationReport) -> list[Figure]:
    lines = [f"{what}: {value}" for what, value in assumptions(simulation)]
    lines += ["", "Distributions of attainment:"]
    lines += [_fit_line(fit) for fit in simulation.inputs.fits]
    if simulation.inputs.notes:
        lines += ["", "Notes:", *(f"  {note}" for note in simulation.inputs.notes)]
    if simulation.inputs.exclusions:
        lines += ["", "Not simulated:"]
        lines += [f"  {rep}: {reason}" for rep, reason in simulation.inputs.exclusions.items()]
    wrapped = [
        part for line in lines for part in (textwrap.wrap(line, 150, subsequent_indent="    ") or [""])
    ]
    figures = []
    for start in range(0, len(wrapped), _LINES_PER_PAGE):
        figure = _page(report, simulation, "Assumptions and exclusions")
        figure.text(
            0.06,
            0.87,
            "\n".join(wrapped[start : start + _LINES_PER_PAGE]),
            va="top",
            fontsize=8,
            linespacing=1.45,
        )
        figures.append(figure)
    return figures


def _fit_line(fit: Mapping[str, object]) -> str:
    numbers = [fit["parameters"][name] for name in ("first", "second", "third")]
    parameters = ", ".join(f"{number:.4g}" for number in (numbers if numbers[2] else numbers[:2]))
    tested = "" if fit["ks_p_value"] is None else f", goodness p {fit['ks_p_value']:.2f}"
    pooled = f", pooled from {fit['pooled_from']}" if fit["pooled_from"] else ""
    return (
        f"  {fit['segment']}, {fit['measure']}: {fit['family']} ({parameters}), share of zeros"
        f" {fit['p0']:.1%}, {fit['observation_count']} windows{tested}{pooled}"
    )


def _page(report: ForecastReport, simulation: SimulationReport, title: str) -> Figure:
    figure = Figure(figsize=_A4_LANDSCAPE)
    FigureCanvasAgg(figure)
    figure.text(0.06, 0.925, f"{report.company} · {title} · {report.period}", fontsize=14, fontweight="bold")
    figure.text(0.96, 0.925, simulation.label, fontsize=11, ha="right")
    return figure
