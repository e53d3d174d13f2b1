"""Events in the warehouse: found once, started once, answered by a forecast; the trigger and new quotas are stored."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest

from include.errors import CheckFailed, TradewindError
from include.extract.posted import typed_rows
from include.flows import forecast, forecast_events
from include.warehouse.dbt_results import store as store_results
from include.warehouse.tenants import ensure_tenant
from tests.forecast_cases import company
from tests.forecast_marts import load_marts

AS_OF, LATER = date(2026, 10, 31), date(2026, 11, 5)
SETTINGS = {"forecast": {"iterations": 200, "block": 200, "goodness_samples": 0, "scenarios": {"base": {}}}}


@pytest.fixture
def wh(warehouse):
    """Alpha with the marts of a company, deals and rates."""
    ensure_tenant(warehouse, "alpha", "Alpha Foods", SETTINGS)
    load_marts(warehouse, "alpha", company())
    with warehouse.pipeline() as conn:
        conn.execute(
            "CREATE TABLE master.exchange_rates (tenant_id text NOT NULL, from_currency text, to_currency text,"
            " rate_date date, rate numeric(18,9))"
        )
        conn.execute("INSERT INTO master.exchange_rates VALUES ('alpha', 'EUR', 'USD', '2026-01-01', 1.25)")
    win(warehouse, "OLD", 900_000, "2026-03-01")
    return warehouse


def win(wh, key: str, amount: object, day: str, currency: str | None = "USD", *, is_won: bool = True) -> None:
    with wh.pipeline() as conn:
        conn.execute(
            "INSERT INTO planning.opportunities (tenant_id, opportunity_key, amount, currency, is_won, close_date)"
            " VALUES ('alpha', %s, %s, %s, %s, %s)",
            (key, amount, currency, is_won, day),
        )


def set_quota(wh, rep: str, amount: object) -> None:
    with wh.pipeline() as conn:
        conn.execute(
            "UPDATE planning.quotas SET quota_amount = %s WHERE rep_key = %s AND period_start = '2026-10-01'",
            (amount, rep),
        )


def compute(wh, as_of: date = AS_OF, **given: object) -> list[str]:
    """All steps of a forecast but the reports."""
    arguments = {"period": as_of.isoformat()[:7], "as_of": as_of, "run_id": "forecast-1", "trigger": "manual"}
    ids = forecast.freeze_inputs(wh, "alpha", **(arguments | given))
    for work in forecast.pending_work(wh, "alpha", ids):
        forecast.simulate(wh, "alpha", work.simulation_id, work.block_no)
    for simulation_id in ids:
        forecast.summarise(wh, "alpha", simulation_id)
    return ids


def find(wh, as_of: date = LATER) -> list[dict]:
    return forecast_events.find_runs(wh, "alpha", as_of, run_id="transform-1")


def query(wh, statement: str, *values: object) -> list[tuple]:
    with wh.engine("alpha") as conn:
        return conn.execute(statement, values).fetchall()


def test_the_first_forecast_of_a_company_is_nobodys_event(wh):
    win(wh, "BIG", 5_000_000, "2026-11-01")
    assert find(wh) == []
    forecast.freeze_inputs(wh, "alpha", period="2026-10", as_of=AS_OF, run_id="frozen, not computed")
    assert find(wh) == []


def test_nothing_new_starts_nothing(wh):
    compute(wh)
    assert find(wh, AS_OF) == [] == find(wh)
    assert query(wh, "SELECT count(*) FROM planning.forecast_events") == [(0,)]


def test_501_000_starts_a_forecast_and_500_000_does_not(wh):
    compute(wh)
    win(wh, "D-500", 500_000, "2026-11-02")
    win(wh, "D-lost", 800_000, "2026-11-02", is_won=False)
    win(wh, "D-later", 800_000, "2026-11-30")
    assert find(wh) == []
    win(wh, "D-501", 501_000, "2026-11-02")
    [run] = find(wh)
    assert run["conf"]["trigger"] == "large_deal_closed"
    assert (run["conf"]["tenant"], run["conf"]["period"], run["conf"]["as_of"]) == (
        "alpha",
        "2026-11",
        "2026-11-05",
    )
    assert [event["deal"] for event in run["conf"]["events"]] == ["D-501"]
    assert run["trigger_run_id"].startswith("event__alpha__2026-11-05__")


def test_a_foreign_deal_counts_at_the_rate_of_its_day(wh):
    compute(wh)
    win(wh, "EUR-400", 400_000, "2026-11-02", "EUR")
    win(wh, "YEN", 900_000_000, "2026-11-02", "JPY")
    assert find(wh) == []
    win(wh, "EUR-401", 400_001, "2026-11-02", "EUR")
    win(wh, "no currency", 501_000, "2026-11-02", None)
    [run] = find(wh)
    assert [event["deal"] for event in run["conf"]["events"]] == ["EUR-401", "no currency"]


def test_a_company_without_exchange_rates_has_events_in_its_own_currency(wh):
    with wh.pipeline() as conn:
        conn.execute("DROP TABLE master.exchange_rates")
    compute(wh)
    win(wh, "EUR", 900_000, "2026-11-02", "EUR")
    win(wh, "USD", 501_000, "2026-11-02")
    [run] = find(wh)
    assert [event["deal"] for event in run["conf"]["events"]] == ["USD"]


def test_the_same_event_names_the_same_run_until_a_forecast_has_it(wh):
    compute(wh)
    win(wh, "D1", 501_000, "2026-11-02")
    first = find(wh)
    assert find(wh) == first
    win(wh, "D2", 502_000, "2026-11-03")
    both = find(wh)
    assert len(both) == 2
    assert first[0] in both
    ids = compute(wh, LATER, trigger="large_deal_closed")
    assert find(wh) == []
    answered = query(wh, "SELECT DISTINCT simulation_ids FROM planning.forecast_events")
    assert answered == [(ids,)]
    assert find(wh, date(2026, 11, 20)) == []


def test_a_forecast_of_an_earlier_date_answers_nothing(wh):
    compute(wh)
    win(wh, "D1", 501_000, "2026-11-02")
    waiting = find(wh)
    compute(wh, AS_OF, run_id="again")
    assert find(wh) == waiting


def test_changed_quotas_are_one_event_with_their_keys(wh):
    compute(wh)
    set_quota(wh, "R001", 300_000)
    set_quota(wh, "R002", 310_000)
    [run] = find(wh)
    assert run["conf"]["trigger"] == "quota_updated"
    [event] = run["conf"]["events"]
    assert event["changed"] == 2
    assert [(q["rep_key"], q["before"], q["after"]) for q in event["quotas"]] == [
        ("R001", "250000 USD to 2027-01-01", "300000 USD to 2027-01-01"),
        ("R002", "250000 USD to 2027-01-01", "310000 USD to 2027-01-01"),
    ]
    win(wh, "D1", 501_000, "2026-11-02")
    assert [r["conf"]["trigger"] for r in find(wh)] != ["quota_updated"]


def test_the_trigger_stands_on_the_simulation_also_when_it_was_asked_for_by_hand_before(wh):
    [base] = compute(wh, LATER)
    trigger = "SELECT trigger FROM planning.monte_carlo_runs WHERE simulation_id = %s"
    assert query(wh, trigger, base) == [("manual",)]
    win(wh, "D1", 501_000, "2026-11-02")
    [run] = find(wh)
    assert compute(wh, LATER, trigger=run["conf"]["trigger"]) == [base]
    assert query(wh, trigger, base) == [("large_deal_closed",)]
    assert compute(wh, LATER, trigger="manual") == [base]
    assert query(wh, trigger, base) == [("large_deal_closed",)]


def test_new_quotas_are_used_before_they_are_loaded_and_start_nothing_when_they_are(wh):
    """MCS-13."""
    [before] = compute(wh)
    row = {
        "rep_key": "R001",
        "period_start": "2026-10-01",
        "period_end": "2027-01-01",
        "quota_amount": 400_000,
    }
    [used] = compute(wh, trigger="quota_updated", new_quotas=typed_rows("quotas", [row]))
    assert used != before
    with wh.engine("alpha") as conn:
        inputs = forecast.forecasts.load_simulation(conn, used).inputs
    quotas = {rep.rep_key: sum(line.quota for line in rep.lines) for rep in inputs.reps}
    assert (quotas["R001"], quotas["R002"]) == (Decimal(1_150_000), Decimal(1_000_000))
    assert any("R001, revenue, from 2026-10-01: 400,000.00 USD" in note for note in inputs.notes)
    set_quota(wh, "R001", 400_000)
    assert find(wh) == []
    set_quota(wh, "R001", 250_000)
    assert [run["conf"]["trigger"] for run in find(wh)] == ["quota_updated"]


def test_another_tenants_deal_is_nobody_elses_event(wh):
    compute(wh)
    with wh.pipeline() as conn:
        conn.execute(
            "INSERT INTO planning.opportunities (tenant_id, opportunity_key, amount, currency, is_won, close_date)"
            " VALUES ('beta', 'B', 9000000, 'USD', true, '2026-11-02')"
        )
    assert find(wh) == []


def test_the_amount_is_a_setting(wh):
    compute(wh)
    win(wh, "D1", 501_000, "2026-11-02")
    ensure_tenant(
        wh, "alpha", "Alpha Foods", {"forecast": {**SETTINGS["forecast"], "event_deal_amount": 501_000}}
    )
    assert find(wh) == []
    ensure_tenant(wh, "alpha", "Alpha Foods", {"forecast": {**SETTINGS["forecast"], "event_deal_amount": 10}})
    assert len(find(wh)) == 1


def _context(**params: object) -> dict:
    run = SimpleNamespace(run_type="scheduled", conf=params)
    return {"run_id": "airflow-1", "params": params, "dag_run": run}


def _freeze(wh, **params: object) -> dict:
    from tradewind import engines

    work = {"tenant": "alpha", "period": "2026-10", "as_of": "2026-10-31"}
    return engines.freeze_one(wh, work, _context(**params))


@pytest.mark.parametrize(
    ("params", "stored"), [({}, "scheduled"), ({"trigger": "large_deal_closed"}, "large_deal_closed")]
)
def test_the_task_stores_what_asked_for_it(wh, params, stored):
    [simulation_id] = _freeze(wh, **params)["simulations"]
    assert query(
        wh, "SELECT trigger FROM planning.monte_carlo_runs WHERE simulation_id = %s", simulation_id
    ) == [(stored,)]


def test_the_task_refuses_new_quotas_by_row_and_column(wh):
    with pytest.raises(TradewindError, match=r"row 1 of quotas.quota_amount"):
        _freeze(
            wh, new_quotas=[{"rep_key": "R001", "period_start": "2026-10-01", "period_end": "2027-01-01"}]
        )


def _node(name: str, status: str = "success", message: str | None = None):
    node = SimpleNamespace(unique_id=name)
    return SimpleNamespace(node=node, status=status, adapter_response={}, execution_time=0.1, message=message)


def test_a_forecast_stops_when_the_newest_transform_failed_and_names_why(wh):
    """ORC-10."""
    store_results(wh, run_id="t1", layer="planning", results=[_node("model.tradewind.quotas")])
    _freeze(wh)
    said = "SELECT message FROM ops.run_log WHERE step = 'forecast.freeze.transform' ORDER BY attempt DESC"
    assert query(wh, said)[0] == ("marts of t1",)
    store_results(
        wh, run_id="t2", layer="master", results=[_node("test.tradewind.key", "fail", "Got 3 results")]
    )
    with pytest.raises(CheckFailed, match=r"test\.tradewind\.key: Got 3 results"):
        _freeze(wh)
    store_results(wh, run_id="t3", layer="staging", results=[_node("model.tradewind.stg")])
    _freeze(wh)
    store_results(
        wh, run_id="t3", layer="planning", results=[_node("model.tradewind.quotas", "error", "boom")]
    )
    store_results(wh, run_id="t4", layer="staging", results=[_node("model.tradewind.stg")])
    with pytest.raises(CheckFailed, match="boom"):
        _freeze(wh)
    store_results(wh, run_id="t4", layer="planning", results=[_node("model.tradewind.quotas")])
    store_results(
        wh, run_id="t4", layer="finance", results=[_node("model.tradewind.other", "error", "not ours")]
    )
    _freeze(wh)


def test_marts_that_no_transform_recorded_are_named(wh):
    _freeze(wh)
    [(message,)] = query(wh, "SELECT message FROM ops.run_log WHERE step = 'forecast.freeze.transform'")
    assert "no transform is recorded" in message
