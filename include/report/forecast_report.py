"""What the forecast's workbook and PDF are made of: rows as they stand in the warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from include.forecast.inputs import SimulationInputs
from include.forecast.paths import FanPoint


@dataclass(frozen=True)
class SimulationReport:
    """One simulation: frozen inputs, the row of its summary, the rows of its groups, its totals in cents.

    `drivers` and `optima` are rows of their tables; a scenario nobody asked them for has none.
    """

    simulation_id: str
    scenario_id: str
    currency: str
    seed: int
    result_hash: str
    config_hash: str
    inputs: SimulationInputs
    summary: Mapping[str, object]
    groups: Sequence[Mapping[str, object]]
    cents: np.ndarray
    fan: Sequence[FanPoint]
    drivers: Sequence[Mapping[str, object]] = ()
    optima: Sequence[Mapping[str, object]] = ()

    @property
    def label(self) -> str:
        """Scenario and currency, as columns and pages are headed."""
        return f"{self.scenario_id} ({self.currency})"

    def of_kind(self, kind: str) -> list[Mapping[str, object]]:
        """Its groups of one kind, the most expensive first."""
        rows = [row for row in self.groups if row["group_kind"] == kind]
        return sorted(rows, key=lambda row: (-row["mean"], row["group_key"]))


@dataclass(frozen=True)
class CompensationBooks:
    """What stands beside the simulations: accruals by period and role and by rep, back-tests by group and by rep."""

    accruals: Sequence[Mapping[str, object]] = ()
    accrual_reps: Sequence[Mapping[str, object]] = ()
    backtests: Sequence[Mapping[str, object]] = ()
    backtest_reps: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True)
class ForecastReport:
    """All simulations of one company and period."""

    company: str
    period: str
    simulations: Sequence[SimulationReport]
    books: CompensationBooks = CompensationBooks()


@dataclass(frozen=True)
class Table:
    """A sheet: its name, header, rows and widths of columns."""

    name: str
    columns: list[str]
    rows: list[list[object]]
    widths: list[int]


_PROFILES = {"exact": "exact: float64", "fast": "fast: float32, within a millionth of each pay"}


def assumptions(simulation: SimulationReport) -> list[tuple[str, str]]:
    """(what, value) pairs that a reader needs to judge or repeat the figures."""
    inputs, config = simulation.inputs, simulation.inputs.config or {}
    scenario = config.get("scenario", {})
    return [
        (
            "What is forecast",
            f"variable compensation of {inputs.horizon_start} to before {inputs.horizon_end}",
        ),
        ("Facts known up to", inputs.as_of),
        ("Reps simulated", str(len(inputs.reps))),
        ("Reps excluded", str(len(inputs.exclusions or {}))),
        ("Iterations", str(simulation.summary["iterations"])),
        ("Random seed", str(simulation.seed)),
        ("Random numbers", "SFC64, one stream per rep or factor and 8,192 iterations"),
        ("Profile", _PROFILES[inputs.profile]),
        ("Sampling", simulation.summary["sampling"]),
        ("Errors and intervals from", _error_method(simulation.summary)),
        ("Correlation of log attainment, all reps", f"{inputs.correlation_global:g}"),
        ("Correlation added inside a region", f"{inputs.correlation_region:g}"),
        *((f"Scenario: {name}", str(value)) for name, value in scenario.items() if name != "scenario_id"),
        ("Simulation", simulation.simulation_id),
        ("Hash of the frozen inputs", inputs.input_hash),
        ("Hash of the settings file", simulation.config_hash),
        ("Hash of the totals", simulation.result_hash),
    ]


def _error_method(summary: Mapping[str, object]) -> str:
    units = {
        "plain": "independent iterations",
        "antithetic": "antithetic pairs",
        "sobol": "scrambled replications",
    }
    return f"the spread of {summary['independent_units']:,} {units[str(summary['sampling'])]}"


def money_text(amount: Decimal | None, digits: int = 0) -> str:
    """An amount with thousands separators, a dash when there is none."""
    return "–" if amount is None else f"{amount:,.{digits}f}"
