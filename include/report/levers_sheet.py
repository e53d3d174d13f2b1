"""Tables of the workbook about levers: what moves the total, and which settings meet the budget."""

from __future__ import annotations

from collections.abc import Mapping

from include.forecast.levers import DRIVERS, OPTIMISED
from include.report.forecast_report import ForecastReport, Table

_ANSWERS = {
    "met": "meets the budget, one step further does not",
    "met_everywhere": "meets the budget everywhere in the bounds",
    "unattainable": "not attainable in the bounds; the nearest setting",
}


def drivers_table(report: ForecastReport) -> Table:
    """Every lever with what it does to mean, P95 and the chance of exceeding the budget."""
    figures = (
        "delta_p95", "delta_p95_se", "delta_mean", "delta_mean_se", "delta_p_exceed", "delta_p_exceed_se", "p95",
        "mean", "p_exceed_budget", "reason",
    )  # fmt: skip
    columns = [
        "scenario", "currency", "rank", "lever", "change", "change_of_p95", "standard_error", "change_of_mean",
        "standard_error", "change_of_p_exceed", "standard_error", "p95", "mean", "p_exceed_budget",
        "does_not_apply_because",
    ]  # fmt: skip
    rows = [
        [
            simulation.scenario_id, simulation.currency, row["rank"], DRIVERS[row["lever"]].label,
            change_text(row), *(row[name] for name in figures),
        ]
        for simulation in report.simulations
        for row in simulation.drivers
    ]  # fmt: skip
    return Table("drivers", columns, rows, [14, 10, 6, 26, 12, 18, 16, 18, 16, 18, 16, 18, 18, 16, 44])


def optima_table(report: ForecastReport) -> Table:
    """The setting of each lever at which a percentile of the total still meets the budget."""
    columns = [
        "scenario", "currency", "lever", "percentile", "budget", "answer", "setting", "percentile_at_setting",
        "mean", "p_exceed_budget", "next_setting", "percentile_at_next", "searched", "settings_tried",
    ]  # fmt: skip
    rows = [
        [
            simulation.scenario_id, simulation.currency, OPTIMISED[row["lever"]].label, row["percentile"],
            row["budget_amount"], _answer(row), _setting(row["setting"]), row["amount"], row["mean"],
            row["p_exceed_budget"], _setting(row["next_setting"]), row["next_amount"],
            f"{row['lowest']:g} to {row['highest']:g} by {row['step']:g}", row["evaluations"],
        ]
        for simulation in report.simulations
        for row in simulation.optima
    ]  # fmt: skip
    return Table("optima", columns, rows, [14, 10, 24, 10, 18, 48, 10, 20, 18, 16, 12, 18, 20, 14])


def change_text(row: Mapping[str, object]) -> str:
    """How far a lever was pulled, as people say it."""
    unit = "points" if DRIVERS[row["lever"]].in_points else "%"
    return f"{row['size'] * 100:+g} {unit}"


def _answer(row: Mapping[str, object]) -> str:
    if row["status"] == "not_applicable":
        return f"does not apply: {row['reason']}"
    doubt = "" if row["is_monotone"] else "; the percentile does not move one way in these bounds"
    return _ANSWERS[row["status"]] + doubt


def _setting(value: float | None) -> str | None:
    return None if value is None else f"{value:.10g}"
