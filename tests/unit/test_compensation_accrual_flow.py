"""Accruals in the warehouse: booked once, replaced with what follows, never inside a closed period."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import psycopg
import pytest

from include.errors import TradewindError
from include.flows import forecast
from include.flows.compensation_accrual import book_accruals
from include.warehouse.tenants import ensure_tenant
from tests.forecast_cases import company
from tests.forecast_marts import load_marts

SETTINGS = {
    "forecast": {
        "iterations": 100,
        "block": 100,
        "goodness_samples": 0,
        "families": ["lognormal"],
        "scenarios": {"base": {}},
    }
}


@pytest.fixture
def wh(warehouse):
    """A warehouse where alpha has the marts of a company."""
    ensure_tenant(warehouse, "alpha", "Alpha Foods", SETTINGS)
    load_marts(warehouse, "alpha", company(5))
    return warehouse


def simulate(wh, period: str, as_of: date, run_id: str = "run") -> list[str]:
    ids = forecast.freeze_inputs(wh, "alpha", period=period, as_of=as_of, run_id=run_id)
    for work in forecast.pending_work(wh, "alpha", ids):
        forecast.simulate(wh, "alpha", work.simulation_id, work.block_no)
    for simulation_id in ids:
        forecast.summarise(wh, "alpha", simulation_id)
    return ids


def run(wh, month: int, year: int = 2026, as_of: date | None = None) -> int:
    as_of = as_of or date(year + month // 12, month % 12 + 1, 1) - date.resolution
    ids = simulate(wh, f"{year}-{month:02d}", as_of)
    return book_accruals(wh, "alpha", ids, run_id="run")


def query(wh, statement: str, *values: object) -> list[tuple]:
    with wh.engine("alpha") as conn:
        return conn.execute(statement, values).fetchall()


def bookings(wh) -> list[tuple]:
    return query(
        wh,
        "SELECT fiscal_year * 100 + fiscal_period, max(generation) FROM finance.accrued_compensation"
        " GROUP BY 1 ORDER BY 1",
    )


def current(wh) -> dict[int, tuple]:
    rows = query(
        wh,
        "SELECT DISTINCT ON (period_end) fiscal_year * 100 + fiscal_period, cumulative_amount, accrued_before_amount,"
        " true_up_amount, catch_up_amount, current_amount FROM finance.accrued_compensation"
        " ORDER BY period_end, generation DESC",
    )
    return {row[0]: row[1:] for row in rows}


def load_without(wh, rows, rep_key: str | None, month: int) -> None:
    """The company again, without a rep's (None: everybody's) credits of one month."""
    less = tuple(
        c
        for c in rows.sales_credits
        if c["credit_date"].month != month or rep_key not in (None, c["rep_key"])
    )
    load_marts(wh, "alpha", type(rows)(**{**vars(rows), "sales_credits": less}))


def close(wh, end: date) -> None:
    with wh.admin() as conn:
        conn.execute(
            "INSERT INTO finance.close_runs (tenant_id, calendar, fiscal_year, period, generation, start_date, end_date,"
            " state, as_of, reconciled_as_of, reconciled_run_id, rule_version, contents, input_hash, run_id)"
            " VALUES ('alpha', 'months', %(y)s, %(m)s, 1, %(start)s, %(end)s, 'closed', %(end)s, %(end)s, 'r', 'v', '{}',"
            " 'h', 'r')",
            {"y": end.year, "m": end.month, "start": end.replace(day=1), "end": end},
        )
        conn.execute(
            "INSERT INTO finance.period_closes (tenant_id, calendar, fiscal_year, period, generation, event, start_date,"
            " end_date, as_of, decided_by, input_hash, statements_hash, run_id)"
            " VALUES ('alpha', 'months', %(y)s, %(m)s, 1, 'closed', %(start)s, %(end)s, %(end)s, 't', 'h', 'h', 'r')",
            {"y": end.year, "m": end.month, "start": end.replace(day=1), "end": end},
        )


def test_a_month_is_booked_once_and_months_add_up(wh):
    assert [run(wh, month) for month in (8, 9, 10, 10)] == [1, 1, 1, 0]
    found = current(wh)
    assert list(found) == [202608, 202609, 202610]
    assert found[202608][3] > 0
    before = Decimal(0)
    for cumulative, accrued_before, *parts in found.values():
        assert accrued_before == before
        assert before + sum(parts) == cumulative > before
        before = cumulative
    # Catch-up is the first month's alone: every later credit was seen in its own month.
    assert [row[3] for row in list(found.values())[1:]] == [0, 0]


def test_the_rows_are_the_reps_and_their_pay_is_the_simulations(wh):
    run(wh, 10)
    [(reps, payout, total)] = query(
        wh,
        "SELECT count(*), sum(expected_payout), sum(cumulative_amount) FROM finance.accrued_compensation_reps",
    )
    [(mean,)] = query(wh, "SELECT mean FROM planning.monte_carlo_summary WHERE simulation_id IN"
                          " (SELECT simulation_id FROM finance.accrued_compensation)")  # fmt: skip
    assert (reps, payout) == (5, mean)
    assert total == current(wh)[202610][0]


def test_an_earlier_month_again_replaces_it_and_what_follows(wh):
    for month in (8, 9, 10):
        run(wh, month)
    last = current(wh)[202610][0]
    rows = company(5)
    load_without(wh, rows, "R001", 9)
    assert run(wh, 9) == 2
    assert bookings(wh) == [(202608, 1), (202609, 2), (202610, 2)]
    found = current(wh)
    # October's own estimate is what it was; only what it adds to changed.
    assert found[202610][0] == last
    assert found[202610][1] == found[202609][0]
    load_marts(wh, "alpha", rows)
    assert run(wh, 9) == 2
    assert current(wh)[202609][0] != found[202609][0]


def test_a_scenario_that_is_not_forecast_accrues_nothing_and_says_so(wh, caplog):
    ensure_tenant(wh, "alpha", "Alpha Foods", SETTINGS | {"compensation": {"accrual_scenario": "plan"}})
    assert run(wh, 1) == 0
    assert "no scenario is called plan" in caplog.text


def test_a_closed_period_is_never_changed(wh):
    run(wh, 9)
    kept = current(wh)[202609]
    close(wh, date(2026, 9, 30))
    load_without(wh, company(5), None, 9)
    assert run(wh, 9) == 0
    assert current(wh)[202609] == kept
    assert run(wh, 10) == 1
    october = current(wh)[202610]
    assert october[1] == kept[0]
    assert october[3] < 0


def test_after_the_years_end_the_first_open_period_takes_what_is_found(wh):
    rows = company(5, credited_months=12)
    load_marts(wh, "alpha", rows)
    run(wh, 12)
    earned = current(wh)[202612][0]
    [(mean, sd)] = query(wh, "SELECT mean, sd FROM planning.monte_carlo_summary WHERE scenario_id = 'base'")
    assert (earned, sd) == (mean, 0)
    close(wh, date(2026, 12, 31))
    load_without(wh, rows, "R002", 12)
    assert run(wh, 12, as_of=date(2027, 1, 20)) == 1
    late = current(wh)[202701]
    assert (late[1], late[4]) == (earned, 0)
    assert late[0] < earned
    assert run(wh, 12, as_of=date(2027, 1, 20)) == 0


def _killed(name: str) -> None:
    raise ConnectionError(name)


def test_a_killed_run_goes_on(wh, monkeypatch):
    ids = simulate(wh, "2026-10", date(2026, 10, 31))
    with pytest.raises(ConnectionError), monkeypatch.context() as patch:
        patch.setattr("include.flows.compensation_accrual.point", _killed)
        book_accruals(wh, "alpha", ids, run_id="a")
    assert bookings(wh) == []
    assert book_accruals(wh, "alpha", ids, run_id="a") == 1
    once = current(wh)
    assert book_accruals(wh, "alpha", ids, run_id="b") == 0
    assert current(wh) == once


def test_the_record_refuses_changes(wh):
    run(wh, 10)
    for statement in (
        "UPDATE finance.accrued_compensation SET current_amount = 0",
        "DELETE FROM finance.accrued_compensation_reps",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), wh.admin() as conn:
            conn.execute(statement)


def test_settings_are_checked(wh):
    for bad in ({"payment_lag_days": -1}, {"capitalise_months": {"Renewal": 0}}, {"liability": "2300"}):
        with pytest.raises(TradewindError):
            ensure_tenant(wh, "alpha", "Alpha Foods", {"compensation": bad})
