"""What the workbook and the charts say about accruals and back-tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from matplotlib.figure import Figure

from include.flows import forecast
from include.flows.compensation_accrual import book_accruals
from include.flows.compensation_report import compensation_books
from include.report import accrual_sheet, backtest_sheet
from include.report.charts import draw_backtest, draw_calibration
from include.report.forecast_report import CompensationBooks
from include.warehouse import forecasts
from include.warehouse.tenants import ensure_tenant
from tests.forecast_cases import company
from tests.forecast_marts import load_marts

BACKTEST = {
    "horizon_start": date(2025, 1, 1),
    "horizon_end": date(2026, 1, 1),
    "lead_months": 3,
    "as_of": date(2025, 9, 30),
    "currency": "USD",
    "group_kind": "total",
    "group_key": "",
    "rep_count": 2,
    "paid_amount": Decimal(110_000),
    "mean": Decimal(100_000),
    "p5": Decimal(80_000),
    "p50": Decimal(99_000),
    "p95": Decimal(130_000),
    "percentile": 0.71,
    "rep_percentile_mean": 0.6,
    "rep_percentile_bins": [0, 0, 0, 0, 1, 0, 0, 1, 0, 0],
    "rep_p_value": None,
    "unmatched_paid_amount": Decimal(500),
    "covered_days": 365,
    "basis": "recomputed",
    "not_compared": None,
}
REP = {"rep_key": "GONE", "role": None, "region": None, "not_compared": "not simulated: no plan_key"}
BOOKS = CompensationBooks(
    backtests=[BACKTEST], backtest_reps=[BACKTEST | REP | {"percentile": None, "mean": None}]
)


def test_nothing_accrued_and_nothing_paid_have_no_sheets():
    assert accrual_sheet.tables(CompensationBooks()) == backtest_sheet.tables(CompensationBooks()) == []


def test_the_back_tests_say_where_the_payments_lay_and_who_is_not_compared():
    groups, reps = backtest_sheet.tables(BOOKS)
    row = dict(zip(groups.columns, groups.rows[0], strict=True))
    assert (row["paid"], row["percentile_of_paid"], row["reps_p40_50"]) == (110_000, 0.71, 1)
    assert row["paid_but_not_forecast"] == 500
    assert dict(zip(reps.columns, reps.rows[0], strict=True))["not_compared_because"] == REP["not_compared"]
    assert all(len(t.columns) == len(t.widths) for t in (groups, reps))


def test_charts_draw_years_and_tenths():
    figure = Figure()
    first, second = figure.subplots(1, 2)
    later = BACKTEST | {"lead_months": 1, "percentile": 0.5}
    draw_backtest(first, replace(BOOKS, backtests=[BACKTEST, later]), "USD")
    [line] = [line for line in first.get_lines() if line.get_label() == "year from 2025-01-01"]
    assert [tuple(point) for point in line.get_xydata()] == [(3, 0.71), (1, 0.5)]
    draw_calibration(second, BACKTEST)
    assert [bar.get_height() for bar in second.patches] == BACKTEST["rep_percentile_bins"]


def test_the_accrual_is_by_period_and_role_with_a_total_and_by_rep(warehouse):
    settings = {"iterations": 100, "block": 100, "goodness_samples": 0, "families": ["lognormal"]}
    ensure_tenant(warehouse, "alpha", "Alpha Foods", {"forecast": settings | {"scenarios": {"base": {}}}})
    load_marts(warehouse, "alpha", company(4))
    ids = forecast.freeze_inputs(warehouse, "alpha", period="2026-10", as_of=date(2026, 10, 31), run_id="run")
    for work in forecast.pending_work(warehouse, "alpha", ids):
        forecast.simulate(warehouse, "alpha", work.simulation_id, work.block_no)
    forecast.summarise(warehouse, "alpha", ids[0])
    book_accruals(warehouse, "alpha", ids, run_id="run")
    with warehouse.engine("alpha") as conn:
        books = compensation_books(conn, [forecasts.load_simulation(conn, ids[0])])
        [(mean,)] = conn.execute("SELECT mean FROM planning.monte_carlo_summary").fetchall()
    by_period, by_rep = accrual_sheet.tables(books)
    rows = [dict(zip(by_period.columns, row, strict=True)) for row in by_period.rows]
    assert [(row["role"], row["reps"]) for row in rows] == [("AE", 2), ("AM", 2), ("Total", 4)]
    total = rows[-1]
    assert (total["fiscal_period"], total["expected_payout"]) == ("2026-10", mean)
    for name in ("cumulative_amount", "current_amount", "catch_up_amount", "true_up_amount"):
        assert total[name] == rows[0][name] + rows[1][name]
    assert (total["expected_credited"], total["credited_amount"]) == (None, None)
    assert total["booked_in_period"] == total["cumulative_amount"]
    assert len(by_rep.rows) == 4
    assert all(len(row) == len(by_rep.widths) for row in by_rep.rows)
