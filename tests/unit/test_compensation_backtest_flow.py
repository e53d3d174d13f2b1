"""Back-tests in the warehouse: answered once from the same facts, no simulation becomes current, nobody is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from include.flows import forecast
from include.flows.compensation_backtest import run_backtests
from include.warehouse.tenants import ensure_tenant
from tests.forecast_cases import company
from tests.forecast_marts import load_marts

SETTINGS = {
    "forecast": {"iterations": 100, "block": 100, "goodness_samples": 0, "families": ["lognormal"]},
    "compensation": {"backtest_iterations": 200},
}
AS_OF = date(2027, 1, 31)
LATE_QUARTERS = (("2026-07-01", "2026-09-30"), ("2026-10-01", "2026-12-31"))


@pytest.fixture
def wh(warehouse):
    """Alpha with a finished year 2026: four reps, paid by quarter."""
    ensure_tenant(warehouse, "alpha", "Alpha Foods", SETTINGS)
    load_marts(warehouse, "alpha", company(4, credited_months=12))
    with warehouse.pipeline() as conn:
        conn.execute(
            "CREATE TABLE planning.incentive_payments (tenant_id text NOT NULL, payment_key text, rep_key text,"
            " period_start date, period_end date, amount numeric(19,4), currency text)"
        )
        for rep in ("R000", "R001", "R002", "GONE"):
            for number, (start, end) in enumerate(
                (("2026-01-01", "2026-03-31"), ("2026-04-01", "2026-06-30"), *LATE_QUARTERS)
            ):
                conn.execute(
                    "INSERT INTO planning.incentive_payments VALUES ('alpha', %s, %s, %s, %s, 10000, 'USD')",
                    (f"{rep}-{number}", rep, start, end),
                )
    return warehouse


def run(wh, run_id: str = "run") -> int:
    return run_backtests(wh, "alpha", as_of=AS_OF, run_id=run_id)


def query(wh, statement: str) -> list[tuple]:
    with wh.engine("alpha") as conn:
        return conn.execute(statement).fetchall()


TOTALS = (
    "SELECT lead_months, as_of::text, basis, rep_count, paid_amount, unmatched_paid_amount, covered_days"
    " FROM planning.monte_carlo_backtests WHERE group_kind = 'total' ORDER BY lead_months"
)


def test_a_finished_year_is_compared_at_every_lead_and_only_once(wh):
    assert run(wh) == 3
    assert query(wh, TOTALS) == [
        (1, "2026-11-30", "recomputed", 3, 120_000, 40_000, 365),
        (3, "2026-09-30", "recomputed", 3, 120_000, 40_000, 365),
        (6, "2026-06-30", "recomputed", 3, 120_000, 40_000, 365),
    ]
    before = query(wh, "SELECT t::text FROM planning.monte_carlo_backtests t ORDER BY 1")
    assert run(wh, "again") == 0
    assert query(wh, "SELECT t::text FROM planning.monte_carlo_backtests t ORDER BY 1") == before


def test_no_back_test_becomes_a_forecast(wh):
    run(wh)
    assert query(wh, "SELECT count(*) FROM planning.monte_carlo_runs") == [(0,)]


def test_who_is_not_compared_is_listed(wh):
    """MCS-24: names that were paid and not simulated, or simulated and not paid."""
    run(wh)
    found = query(
        wh,
        "SELECT rep_key, paid_amount, not_compared FROM planning.monte_carlo_backtest_reps"
        " WHERE lead_months = 1 AND percentile IS NULL ORDER BY 1",
    )
    assert found == [
        ("GONE", Decimal(40_000), "not simulated: not known by then"),
        ("R003", None, "no payment of the year"),
    ]


def test_later_facts_change_only_the_leads_that_knew_them(wh):
    run(wh)
    rows = company(4, credited_months=12)
    late = [c for c in rows.sales_credits if c["credit_date"] != date(2026, 10, 15)]
    load_marts(wh, "alpha", replace(rows, sales_credits=late))
    assert run(wh) == 1


def test_the_forecast_that_was_made_then_is_taken(wh):
    ids = forecast.freeze_inputs(wh, "alpha", period="2026-09", as_of=date(2026, 9, 30), run_id="then")
    for work in forecast.pending_work(wh, "alpha", ids):
        forecast.simulate(wh, "alpha", work.simulation_id, work.block_no)
    for simulation_id in ids:
        forecast.summarise(wh, "alpha", simulation_id)
    run(wh)
    assert [row[2] for row in query(wh, TOTALS)] == ["recomputed", "stored", "recomputed"]
    [(simulation_id, iterations, mean)] = query(
        wh,
        "SELECT simulation_id, iterations, mean FROM planning.monte_carlo_backtests"
        " WHERE basis = 'stored' AND group_kind = 'total'",
    )
    assert (simulation_id, iterations) == (ids[0], 100)
    stored = query(
        wh,
        "SELECT sum(mean) FROM planning.monte_carlo_groups WHERE group_kind = 'rep'"
        f" AND simulation_id = '{ids[0]}' AND group_key IN ('R000', 'R001', 'R002')",
    )
    assert abs(stored[0][0] - mean) < Decimal("0.01")


def test_partial_payroll_and_missing_history_are_stated_and_not_compared(wh):
    with wh.pipeline() as conn:
        conn.execute("DELETE FROM planning.incentive_payments WHERE period_start = '2026-04-01'")
    run(wh)
    reasons = "SELECT DISTINCT not_compared, percentile FROM planning.monte_carlo_backtests"
    assert query(wh, reasons) == [("payments cover 274 of 365 days of the year", None)]
    with wh.pipeline() as conn:
        conn.execute(
            "UPDATE planning.incentive_payments SET period_start = '2026-01-01', period_end = '2026-12-31'"
        )
        conn.execute("DELETE FROM planning.rep_attainment")
    run(wh)
    [(reason, _)] = query(wh, reasons + " WHERE lead_months = 6")
    assert reason.startswith("no forecast from the facts of 2026-06-30")


def test_a_year_that_has_not_ended_waits(wh):
    assert run_backtests(wh, "alpha", as_of=date(2026, 12, 30), run_id="early") == 0
    assert run_backtests(wh, "alpha", as_of=date(2026, 12, 31), run_id="on time") == 3
