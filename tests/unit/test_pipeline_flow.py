"""Pipeline mode in the warehouse: deals read as of the day, win rates stored once, the workbook's sheets."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from include.errors import MissingInput
from include.flows import forecast, forecast_reports
from include.warehouse.tenants import ensure_tenant
from tests.forecast_cases import company
from tests.forecast_marts import load_marts
from tests.pipeline_company import AS_OF, change, closed, deal

PERIOD = "2026-10"
SETTINGS = {
    "timezone": "America/Chicago",
    "forecast": {"iterations": 600, "block": 250, "scenarios": {"base": {}, "deals": {"mode": "pipeline"}}},
}


@pytest.fixture
def rows():
    """40 closed deals, and three open ones: whole, credited in part, and closed the day after."""
    past, history = closed(40, 10, age=50, stages=("Proposal",))
    start, due = date(2026, 9, 20), date(2026, 12, 5)
    later = deal("LATE", created=start, closes=date(2026, 11, 1), won=True)
    whole, part = (deal(key, created=start, closes=due) for key in ("WHOLE", "PART"))
    whole["amount"] = Decimal(60_000)
    credit = {
        "rep_key": "R001",
        "credit_date": date(2026, 10, 15),
        "currency": "USD",
        "amount": Decimal(20_000),
    }
    # Half past one at night in Greenwich is still the evening of the last day in Chicago.
    changes = [*history, change("LATE", start, "Proposal", close_date=due)]
    changes.append(change("WHOLE", date(2026, 11, 1), "Proposal", amount=Decimal(60_000), close_date=due))
    changes[-1]["changed_at"] = changes[-1]["changed_at"].replace(hour=1, minute=30)
    base = company(4)
    return replace(
        base,
        opportunities=[*past, whole, part, later],
        opportunity_history=changes,
        sales_credits=[*base.sales_credits, {**credit, "opportunity_key": "PART"}],
    )


@pytest.fixture
def wh(warehouse, rows):
    """A warehouse where alpha has deals and forecasts in both modes."""
    ensure_tenant(warehouse, "alpha", "Alpha Foods", SETTINGS)
    load_marts(warehouse, "alpha", rows)
    return warehouse


def run(wh, folder: Path, run_id: str = "run-1") -> list[str]:
    return forecast.run_forecast(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id=run_id, folder=folder)


def test_a_run_reads_deals_as_of_the_day_and_stores_its_rates_once(wh, tmp_path):
    ids = run(wh, tmp_path)
    assert run(wh, tmp_path, "run-2") == ids
    with wh.engine("alpha") as conn:
        rates = conn.execute(
            "SELECT simulation_id, stage, age_band, source, deal_count, win_count, rate, open_count, open_amount::text"
            " FROM planning.monte_carlo_win_rates"
        ).fetchall()
        inputs = forecast.forecasts.load_simulation(conn, ids[1]).inputs
    assert rates == [(ids[1], "Proposal", "30-59", "stage and age", 40, 10, 0.25, 3, "140000.0000")]
    deals = {(rep.rep_key, d.opportunity_key): d for rep in inputs.reps for ln in rep.lines for d in ln.deals}
    assert {key: d.amount for key, d in deals.items()} == {
        ("R000", "LATE"): 50_000,
        ("R000", "WHOLE"): 60_000,
        ("R001", "PART"): 30_000,
    }


def test_the_workbook_shows_rates_and_deals_of_the_scenario_in_pipeline_mode(wh, tmp_path):
    run(wh, tmp_path)
    book = openpyxl.load_workbook(tmp_path / forecast_reports.WORKBOOK)
    rates = list(book["win_rates"].values)
    assert rates[1][:8] == ("deals", "USD", "Proposal", "30-59", "stage and age", 40, 10, 0.25)
    deals = {row[2]: row for row in book["open_deals"].values}
    assert deals["PART"][3:8] == ("R001", "2026-01-01", 30_000, 0.25, 1)
    modes = [row[3] for row in book["assumptions"].values if row[2] == "Scenario: mode"]
    assert modes == ["attainment", "pipeline"]


def test_a_company_without_deals_is_stopped_by_name(wh, tmp_path, rows):
    load_marts(wh, "alpha", replace(rows, opportunities=[], opportunity_history=[]))
    with pytest.raises(MissingInput, match=r"planning\.opportunities"):
        run(wh, tmp_path)
