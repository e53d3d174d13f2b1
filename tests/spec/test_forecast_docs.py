"""docs/forecast.md says what the code does: its payout table is computed, its tables and settings exist."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import numpy as np

from include.forecast.config import ForecastConfig, Scenario
from tests.forecast_cases import p1

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "forecast.md").read_text()


def payout_table() -> dict[tuple[str, str], list[tuple[float, float]]]:
    """(accelerator, threshold) -> [(attainment, pay)] as printed."""
    lines = [
        [cell.strip() for cell in line.strip("|\n").split("|")] for line in TEXT.splitlines() if "|" in line
    ]
    header = next(cells for cells in lines if cells[0] == "attainment")
    grid = [float(cell) for cell in header[1:]]
    found = {}
    for cells in lines:
        modes = re.fullmatch(r"`(\w+)`, `(\w+)`", cells[0])
        if modes:
            found[modes.groups()] = list(
                zip(grid, (float(c.replace(",", "")) for c in cells[1:]), strict=True)
            )
    return found


def test_the_payout_table_is_what_the_engine_pays():
    table = payout_table()
    assert len(table) == 3
    for (accelerator, threshold), row in table.items():
        plan = p1(accelerator_mode=accelerator, threshold_mode=threshold)
        attainment = np.array([a for a, _ in row])
        paid = plan.payout({"revenue": attainment}, target_incentive=50_000.0)
        assert np.round(paid, 2).tolist() == [pay for _, pay in row]


def test_the_tables_named_are_made_by_a_migration():
    folder = ROOT / "include/warehouse/migrations"
    made = {
        name
        for migration in ("0004_planning.sql", "0021_forecast_machines.sql")
        for name in re.findall(r"CREATE TABLE planning\.(monte_carlo_\w+)", (folder / migration).read_text())
    }
    section = TEXT.split("## Results")[1].split("## Settings")[0]
    named = {"monte_carlo_runs", *(f"monte_carlo{n}" for n in re.findall(r"`(_\w+)`", section))}
    assert named == made


def test_the_settings_named_exist():
    known = {f.name for f in fields(ForecastConfig)} | {f.name for f in fields(Scenario)}
    named = set(re.findall(r"`(correlation_\w+|default_attainment|\w+_scale|streams)`", TEXT))
    assert named == {
        "correlation_global", "correlation_region", "default_attainment", "attainment_scale", "quota_scale",
        "spread_scale", "streams",
    }  # fmt: skip
    assert named <= known
