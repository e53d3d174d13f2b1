"""What a CFO asks, answered in sentences: what will it cost, how sure is that, against the budget, why, what is left out.

Pure text over one simulation's report; the PDF's first page sets it.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from include.forecast.levers import DRIVERS
from include.report.forecast_report import CompensationBooks, SimulationReport, money_text
from include.report.levers_sheet import change_text

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
#: The mean is sure enough where its 95 % interval is within this share of it.
_CLOSE = Decimal("0.01")


def month_text(period: str) -> str:
    """`2026-10` as October 2026."""
    return f"{_MONTHS[int(period[5:7]) - 1]} {period[:4]}"


def day_text(day: str) -> str:
    """`2026-10-31` as 31 October 2026, the same in every locale."""
    return f"{int(day[8:10])} {month_text(day)}"


def last_day_text(end: str) -> str:
    """The day before an exclusive end."""
    return day_text((date.fromisoformat(end) - timedelta(days=1)).isoformat())


def headlines(simulation: SimulationReport, books: CompensationBooks) -> list[tuple[str, str]]:
    """(question, answer) in the order they are asked."""
    return [
        ("What will it cost?", _cost(simulation)),
        ("How sure is that?", _certainty(simulation) + _experience(simulation, books)),
        ("Against the budget?", _budget(simulation)),
        ("Why?", _reasons(simulation)),
        ("What is left out?", _left_out(simulation)),
    ]


def _cost(simulation: SimulationReport) -> str:
    s, inputs = simulation.summary, simulation.inputs
    low, high = (Decimal(s["percentiles"][str(k)]) for k in (5, 95))
    year = f"{day_text(inputs.horizon_start)} to {last_day_text(inputs.horizon_end)}"
    if s["minimum"] == s["maximum"]:
        where = (
            "in the one year that was simulated"
            if s["iterations"] == 1
            else "in every simulated year: nothing that may still be sold moves it"
        )
        return f"{_amount(simulation, s['mean'])} of variable compensation for {year}, {where}."
    return (
        f"{_amount(simulation, s['mean'])} of variable compensation on average for {year}; half of the simulated years cost"
        f" more than {money_text(s['p50'])}, nine of ten lie between {money_text(low)} and {money_text(high)}, and the worst"
        f" twentieth costs {money_text(s['es95'])} on average."
    )


def _certainty(simulation: SimulationReport) -> str:
    s = simulation.summary
    if s["se_mean"] is None:
        return f"{s['iterations']:,} simulated year says nothing about the spread: run more iterations."
    error = Decimal("1.96") * s["se_mean"]
    enough = error <= _CLOSE * abs(s["mean"])
    interval = (
        f"P95 lies between {money_text(s['p95_low'])} and {money_text(s['p95_high'])}"
        if s["p95_low"] is not None and s["p95_high"] is not None
        else "there are too few for an interval of P95"
    )
    return (
        f"From {s['iterations']:,} simulated years the mean is known to ±\u00a0{money_text(error)} and {interval} (95\u00a0%)"
        + ("" if enough else "; that is wide: run more iterations")
        + f". What the year itself may bring has a standard deviation of {money_text(s['sd'])}."
    )


def _experience(simulation: SimulationReport, books: CompensationBooks) -> str:
    """Where the cost of the latest year that was paid lay in the forecast longest before it."""
    past = [
        row
        for row in books.backtests
        if (row["group_kind"], row["currency"]) == ("total", simulation.currency)
        and row["percentile"] is not None
    ]
    if not past:
        return ""
    latest = max(past, key=lambda row: (str(row["horizon_start"]), row["lead_months"]))
    return (
        f" In the back-test, what was paid for the year to {last_day_text(str(latest['horizon_end']))} lay at percentile"
        f" {100 * latest['percentile']:.1f} of the forecast {latest['lead_months']} months before its end."
    )


def _budget(simulation: SimulationReport) -> str:
    s = simulation.summary
    reserve = (
        f" To be covered in nine of ten years, hold {money_text(s['reserve'])} above the median (P90\u00a0–\u00a0P50)."
        if s["reserve"]
        else ""
    )
    if s["budget_amount"] is None:
        return f"No budget covers the whole year, so none is compared.{reserve}"
    gap = s["budget_amount"] - s["mean"]
    side = "more" if gap >= 0 else "less"
    return (
        f"The budget is {money_text(s['budget_amount'])}, {money_text(abs(gap))} {side} than the expected cost. The chance of"
        f" exceeding it is {s['p_exceed_budget']:.1%} (95\u00a0%: {s['p_exceed_low']:.1%} to {s['p_exceed_high']:.1%}); over all"
        f" years that is {money_text(s['expected_overshoot'])} too much on average.{reserve}"
    )


def _reasons(simulation: SimulationReport) -> str:
    s = simulation.summary
    parts = [f"{_largest(simulation, kind)}" for kind in ("region", "role") if s["mean"]]
    moved = [row for row in simulation.drivers if row["reason"] is None and row["delta_p95"]]
    if moved:
        top = max(moved, key=lambda row: abs(row["delta_p95"]))
        direction = "more" if top["delta_p95"] > 0 else "less"
        parts.append(
            f"What moves P95 most: {DRIVERS[top['lever']].label} {change_text(top)}, {money_text(abs(top['delta_p95']))} {direction}"
        )
    if s["plan_at_target"] is not None:
        parts.append(f"With everybody at 100\u00a0% of quota it would be {money_text(s['plan_at_target'])}")
    return ". ".join(parts) + "." if parts else "Nothing is paid in any simulated year."


def _largest(simulation: SimulationReport, kind: str) -> str:
    top, *others = simulation.of_kind(kind)
    share = top["mean"] / simulation.summary["mean"]
    whole = f"{share:.0%} of the cost, {top['rep_count']:,} of {_reps(len(simulation.inputs.reps))}"
    if not others:
        return f"There is one {kind}, {_short(str(top['group_key']))}"
    return f"The most expensive of {1 + len(others)} {kind}s is {_short(str(top['group_key']))}: {whole}"


def _left_out(simulation: SimulationReport) -> str:
    inputs = simulation.inputs
    parts = [f"Facts after {day_text(inputs.as_of)}"]
    if inputs.exclusions:
        parts.append(
            f"{_reps(len(inputs.exclusions))} who could not be simulated, with the reasons at the end"
        )
    notes = f" Notes on the inputs at the end: {len(inputs.notes)}." if inputs.notes else ""
    return " and ".join(parts) + "." + notes


def _reps(count: int) -> str:
    return "1 rep" if count == 1 else f"{count:,} reps"


def _amount(simulation: SimulationReport, amount: Decimal) -> str:
    return f"{simulation.currency} {money_text(amount)}"


def _short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
