"""Charts of the forecast, drawn on axes that are handed in. Amounts are in the simulation's currency."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from include.forecast.convergence import convergence
from include.forecast.levers import DRIVERS
from include.report.forecast_report import CompensationBooks, SimulationReport
from include.report.levers_sheet import change_text

#: Not from a clock or a locale: the same report everywhere.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Iterations below which a line of convergence says nothing.
_FEWEST = 20
INK, ACCENT, SOFT, WARN = "#1f2933", "#1d5b8f", "#a9c6de", "#b4432f"


def draw_fan(axes: Axes, simulation: SimulationReport) -> None:
    """Pay earned by each month end: what is credited, then the spread of what may come."""
    dates = np.array([point.date for point in simulation.fan], dtype="datetime64[D]")
    at = np.arange(len(dates))
    band = {
        p: np.array([float(point.percentiles[p]) for point in simulation.fan]) for p in (5, 25, 50, 75, 95)
    }
    axes.fill_between(at, band[5], band[95], color=SOFT, alpha=0.5, lw=0, label="P5 to P95")
    axes.fill_between(at, band[25], band[75], color=SOFT, lw=0, label="P25 to P75")
    axes.plot(at, band[50], color=ACCENT, lw=1.8, label="median")
    known = int(np.searchsorted(dates, np.datetime64(simulation.inputs.as_of), side="right")) - 1
    if 0 <= known < len(dates) - 1:
        axes.axvline(known, color=INK, lw=0.8, ls=":")
        axes.annotate(
            "known",
            (known, 0.03),
            xycoords=("data", "axes fraction"),
            ha="right",
            xytext=(-4, 0),
            textcoords="offset points",
            fontsize=7,
        )
    budget = simulation.summary["budget_amount"]
    if budget is not None:
        axes.axhline(float(budget), color=WARN, lw=1, ls="--", label="budget of the year")
    axes.set_title("Payable if the year ended then (full-year quota)", loc="left")
    axes.set_xticks(at, [_MONTHS[int(str(day)[5:7]) - 1] for day in dates])
    # Head room, so that a budget or a line at the top is not cut by the frame; some height where nothing is paid.
    axes.set_ylim(0, 1.08 * max(float(band[95].max()), float(budget or 0), 100.0))
    _finish(axes, money="y")


def draw_exceedance(axes: Axes, simulation: SimulationReport) -> None:
    """Chance that the year costs more than an amount."""
    totals = np.sort(simulation.cents) / 100
    n = len(totals)
    low, high = float(totals[0]), float(totals[-1])
    step = max(1, n // 2000)
    # Down to nothing at the dearest year, so that years which all cost the same are a line too.
    axes.plot([low, *totals[::step], high], [1, *(1 - np.arange(n)[::step] / n), 0], color=ACCENT, lw=1.8)
    room = 0.06 * (high - low) or max(0.05 * abs(high), 100.0)
    for name, label in (("p50", "P50"), ("var_95", "P95")):
        x = float(simulation.summary[name])
        share = {"p50": 0.5, "var_95": 0.05}[name]
        axes.plot([x], [share], "o", color=INK, ms=4)
        axes.annotate(label, (x, share), xytext=(6, 4), textcoords="offset points", fontsize=8, color=INK)
    budget = simulation.summary["budget_amount"]
    left, right = low - room, high + room
    if budget is not None:
        line = float(budget)
        # Far from what may come the line would press the curve flat: then only a word says where it is.
        if low - 1.5 * (high - low) <= line <= high + 1.5 * (high - low):
            left, right = min(left, line - room), max(right, line + room)
            axes.axvline(line, color=WARN, lw=1, ls="--")
            share = simulation.summary["p_exceed_budget"]
            axes.annotate(f"budget: {share:.1%} chance of more", (line, 0.97), rotation=90, fontsize=7,
                          xycoords=("data", "axes fraction"), va="top", ha="right", xytext=(-2, 0),
                          textcoords="offset points", color=WARN)  # fmt: skip
        else:
            side, at, edge = ("below", 0.02, "left") if line < low else ("above", 0.98, "right")
            axes.annotate(f"budget {_short(line, 0)}, {side} every simulated year", (at, 0.02 if side == "below" else 0.93),
                          xycoords="axes fraction", fontsize=7, ha=edge, color=WARN)  # fmt: skip
    axes.set_xlim(left, right)
    axes.set_title("Chance that the year costs more than…", loc="left")
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    _finish(axes, money="x")


def draw_contributions(axes: Axes, simulation: SimulationReport, kind: str, most: int = 10) -> None:
    """Mean cost and share of the worst 5 % per group, the largest on top; the rest as one bar."""
    rows = simulation.of_kind(kind)
    names = [str(row["group_key"]) for row in rows[:most]]
    means = [float(row["mean"]) for row in rows[:most]]
    tails = [float(row["es95_contribution"]) for row in rows[:most]]
    if len(rows) > most:
        names.append(f"{len(rows) - most} more")
        means.append(float(sum(row["mean"] for row in rows[most:])))
        tails.append(float(sum(row["es95_contribution"] for row in rows[most:])))
    at = np.arange(len(names))
    axes.barh(at - 0.19, means, 0.36, color=ACCENT, label="mean")
    axes.barh(at + 0.19, tails, 0.36, color=SOFT, label="in the worst 5 %")
    axes.set_yticks(at, [name if len(name) <= 22 else name[:21] + "…" for name in names], fontsize=7)
    # At least three bars' room: a single group is a bar, not a wall.
    axes.set_ylim(max(len(names), 3) - 0.4, -0.6)
    axes.set_xlim(0, 1.06 * max([*means, *tails, 100.0]))
    axes.set_title(f"Cost by {kind}", loc="left")
    _finish(axes, money="x")
    axes.legend(frameon=False, fontsize=7, loc="lower right", bbox_to_anchor=(1.0, 0.99), ncols=2)


def draw_convergence(axes: Axes, simulation: SimulationReport) -> None:
    """Mean and P95 after ever more iterations: flat lines inside the band mean that enough were run.

    The checkpoints are those of planning.monte_carlo_convergence.
    """
    axes.set_title("Convergence: distance from the final figure", loc="left")
    if len(simulation.cents) < _FEWEST:
        axes.set_axis_off()
        axes.annotate("too few iterations to show", (0.02, 0.85), xycoords="axes fraction", fontsize=8)
        return
    points = convergence(simulation.cents, simulation.inputs.sampling)
    counts = np.array([point.iterations for point in points])
    means = np.array([float(point.mean) for point in points])
    tails = np.array([float(point.p95) for point in points])
    if means[-1]:
        # The first replication of Sobol points alone has no error yet.
        error = np.array([float("nan" if point.se_mean is None else point.se_mean) for point in points])
        error /= abs(means[-1])
        axes.fill_between(
            counts, -1.96 * error, 1.96 * error, color=SOFT, alpha=0.4, lw=0, label="95 % of means"
        )
        # The first eighth may leave the frame: what it says is that it was the beginning.
        shown = slice(len(counts) // 8, None)
        ends = (np.abs(means / means[-1] - 1), np.abs(tails / tails[-1] - 1), 1.96 * error)
        limit = 1.15 * max(1e-6, *(float(np.nanmax(values[shown])) for values in ends))
        axes.set_ylim(-limit, limit)
    axes.plot(counts, tails / tails[-1] - 1 if tails[-1] else tails, color=WARN, lw=1.4, label="P95")
    axes.plot(counts, means / means[-1] - 1 if means[-1] else means, color=ACCENT, lw=1.4, label="mean")
    axes.axhline(0, color=INK, lw=0.6)
    axes.locator_params(axis="x", nbins=5)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    _finish(axes)


def draw_tornado(axes: Axes, simulation: SimulationReport, most: int = 8) -> None:
    """What moves P95: one bar per lever, from its cheapest to its dearest size, the longest on top."""
    sizes: dict[str, list[Mapping[str, object]]] = {}
    for row in simulation.drivers:
        if row["reason"] is None and row["delta_p95"]:
            sizes.setdefault(row["lever"], []).append(row)
    shown = list(sizes.items())[:most]
    for at, (_, rows) in enumerate(shown):
        for row in rows:
            moved = float(row["delta_p95"])
            axes.barh(at, moved, 0.62, color=WARN if moved > 0 else ACCENT)
            error = 1.96 * float(row["delta_p95_se"] or 0)
            axes.plot([moved - error, moved + error], [at, at], color=INK, lw=0.8)
            axes.annotate(
                change_text(row),
                (moved + (error if moved > 0 else -error), at),
                xytext=(4 if moved > 0 else -4, 0),
                textcoords="offset points",
                ha="left" if moved > 0 else "right",
                va="center",
                fontsize=7,
                color=INK,
            )
    axes.set_yticks(range(len(shown)), [DRIVERS[lever].label for lever, _ in shown])
    axes.invert_yaxis()
    axes.axvline(0, color=INK, lw=0.8)
    axes.margins(x=0.24)
    axes.set_title("What moves P95, everything else equal", loc="left")
    _finish(axes, money="x")


def draw_backtest(axes: Axes, books: CompensationBooks, currency: str) -> None:
    """Percentile of what was paid in the forecasts before it, one line per year: they should lie anywhere, evenly."""
    years: dict[str, list[tuple[int, float]]] = {}
    for row in books.backtests:
        if (row["group_kind"], row["currency"]) == ("total", currency) and row["percentile"] is not None:
            years.setdefault(str(row["horizon_start"]), []).append((row["lead_months"], row["percentile"]))
    axes.axhspan(0.05, 0.95, color=SOFT, alpha=0.35, lw=0, label="P5 to P95")
    axes.axhline(0.5, color=INK, lw=0.6, ls=":")
    for (start, points), color in zip(sorted(years.items()), cycle((ACCENT, WARN, INK)), strict=False):
        leads, shares = zip(*sorted(points, reverse=True), strict=True)
        axes.plot(leads, shares, "o-", color=color, lw=1.4, ms=4, label=f"year from {start}")
    leads = sorted({lead for points in years.values() for lead, _ in points})
    axes.set_xticks(leads, [f"{lead} months before" if lead > 1 else "1 month before" for lead in leads])
    axes.invert_xaxis()
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_title("Where the cost that was paid lay in the forecast", loc="left")
    _finish(axes)


def draw_calibration(axes: Axes, row: Mapping[str, object]) -> None:
    """How single reps' percentiles are spread over tenths: level bars mean a spread that is right."""
    bins = row["rep_percentile_bins"]
    axes.bar(np.arange(len(bins)) + 0.5, bins, width=0.9, color=ACCENT)
    axes.axhline(sum(bins) / len(bins), color=INK, lw=0.8, ls=":", label="level")
    axes.set_xticks(range(0, 11, 2), [f"{10 * tenth} %" for tenth in range(0, 11, 2)])
    axes.set_title(f"Reps by percentile of their pay, {row['lead_months']} months before", loc="left")
    _finish(axes)


def _finish(axes: Axes, money: str | None = None, legend: str = "best") -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if money:
        axis = axes.xaxis if money == "x" else axes.yaxis
        axis.set_major_formatter(FuncFormatter(_short))
        if money == "x":
            axes.locator_params(axis="x", nbins=5)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=7, loc=legend)


def _short(value: float, _position: int) -> str:
    for size, suffix in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:,.4g} {suffix}"
    return f"{value:,.0f}"
