"""A page of the forecast's PDF: heading, footer, text that fits the space it has."""

from __future__ import annotations

import textwrap

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from include.report.charts import INK, SOFT
from include.report.forecast_report import ForecastReport
from include.report.headlines import month_text

LEFT, RIGHT = 0.06, 0.96
_A4_LANDSCAPE = (11.69, 8.27)


def new_page(report: ForecastReport, title: str, number: int) -> Figure:
    """A page with the company's name, what the page is, and its number."""
    figure = Figure(figsize=_A4_LANDSCAPE)
    FigureCanvasAgg(figure)
    fitted(figure, LEFT, 0.935, report.company, RIGHT - LEFT, fontsize=14, fontweight="bold")
    fitted(figure, LEFT, 0.905, title, RIGHT - LEFT, fontsize=9.5)
    rule(figure, 0.893)
    figure.text(
        LEFT,
        0.025,
        f"Forecast of variable compensation, {month_text(report.period)}",
        fontsize=6.5,
        color=INK,
    )
    figure.text(RIGHT, 0.025, f"Page {number}", fontsize=6.5, ha="right", color=INK)
    return figure


def rule(figure: Figure, y: float) -> None:
    """A thin line across the page."""
    figure.add_artist(Line2D([LEFT, RIGHT], [y, y], color=SOFT, lw=1))


def fitted(figure: Figure, x: float, y: float, text: str, width: float, **style: object) -> None:
    """Text on one line, cut with an ellipsis where it would be wider than `width` (a share of the page)."""
    line = " ".join(text.split())
    drawn = figure.text(x, y, line, **style)
    renderer = figure.canvas.get_renderer()
    while len(line) > 1 and drawn.get_window_extent(renderer).width > width * figure.bbox.width:
        # In steps of a tenth, so that a name of thousands of letters is soon short enough.
        line = line[: len(line) - max(1, len(line) // 10) - 1].rstrip() + "…"
        drawn.set_text(line)


def paragraph(figure: Figure, x: float, y: float, text: str, columns: int, **style: object) -> float:
    """Text wrapped at `columns` characters, its top at `y`; returns where the next may begin."""
    size = float(style.get("fontsize", 8))
    lines = textwrap.wrap(text, columns) or [""]
    figure.text(x, y, "\n".join(lines), va="top", linespacing=1.4, **style)
    return y - len(lines) * size * 1.4 * 1.18 / (72 * _A4_LANDSCAPE[1])
