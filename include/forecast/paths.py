"""The year as a path: cost earned by each month end, for the fan chart."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from include.forecast.engine import simulate_block
from include.forecast.inputs import SimulationInputs
from include.forecast.summary import quantile

FAN = (5, 25, 50, 75, 95)


@dataclass(frozen=True)
class FanPoint:
    """Cost earned by `date` if the year ended there, against the full quota: mean and percentiles."""

    date: str
    mean: Decimal
    percentiles: dict[int, Decimal]


def fan(inputs: SimulationInputs, seed: int, iterations: int = 2000) -> list[FanPoint]:
    """One point per month end of the horizon; past ones have no spread. Same draws as the simulation."""
    dates = [point.date for point in inputs.reps[0].lines[0].path] if inputs.reps[0].lines else []
    points = []
    for index, date in enumerate(dates):
        cents = simulate_block(inputs.at_month_end(index), seed, 0, iterations).groups[("total", "")]
        ordered = np.sort(cents)
        mean = (Decimal(int(cents.sum())) / (100 * iterations)).quantize(Decimal("0.01"))
        points.append(FanPoint(date, mean, {p: quantile(ordered, p) for p in FAN}))
    return points
