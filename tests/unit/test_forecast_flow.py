"""The forecast in the warehouse: frozen once, blocks idempotent, statistics in one transaction, same again."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import psycopg
import pytest

from include.errors import MissingInput, TradewindError
from include.flows import forecast
from include.flows.forecast_reports import PDF, WORKBOOK, write_reports
from include.forecast.summary import summarise as statistics_of
from include.settings import TenantSettings
from include.warehouse.copy import copy_rows
from include.warehouse.lease import acquire
from include.warehouse.tenants import ensure_tenant
from tests.forecast_cases import company
from tests.forecast_marts import load_marts
from tests.spec.test_forecast_currencies import three_currencies

PERIOD, AS_OF = "2026-10", date(2026, 10, 31)
SETTINGS = {"forecast": {"iterations": 900, "block": 250}}
TABLES = ("runs", "inputs", "exclusions", "fits", "blocks", "results", "groups", "summary")


@pytest.fixture
def wh(warehouse):
    """A warehouse where alpha has the marts of a company."""
    ensure_tenant(warehouse, "alpha", "Alpha Foods", SETTINGS)
    load_marts(warehouse, "alpha", company())
    return warehouse


def run(wh, folder: Path, run_id: str = "run-1", **changes: object) -> list[str]:
    arguments = {"period": PERIOD, "as_of": AS_OF, "run_id": run_id, "folder": folder, **changes}
    return forecast.run_forecast(wh, "alpha", **arguments)


def compute(wh, run_id: str = "run-1") -> list[str]:
    """All steps but the reports."""
    ids = forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id=run_id)
    for work in forecast.pending_work(wh, "alpha", ids):
        forecast.simulate(wh, "alpha", work.simulation_id, work.block_no)
    for simulation_id in ids:
        forecast.summarise(wh, "alpha", simulation_id)
    return ids


def contents(wh) -> dict[str, list]:
    """Every row of the forecast's tables."""
    with wh.engine("alpha") as conn:
        return {
            name: conn.execute(f"SELECT t::text FROM planning.monte_carlo_{name} t ORDER BY 1").fetchall()
            for name in TABLES
        }


def query(wh, statement: str, *values: object) -> list[tuple]:
    with wh.engine("alpha") as conn:
        return conn.execute(statement, values).fetchall()


def test_a_run_writes_one_total_per_iteration_and_scenario(wh):
    ids = compute(wh)
    rows = query(wh, "SELECT scenario_id, count(*) FROM planning.monte_carlo_results GROUP BY 1 ORDER BY 1")
    assert rows == [("base", 900), ("strong_year", 900)]
    runs = query(wh, "SELECT simulation_id, status, progress, generation, length(result_hash)"
                     " FROM planning.monte_carlo_runs ORDER BY scenario_id")  # fmt: skip
    assert runs == [(simulation_id, "completed", 100, 1, 64) for simulation_id in ids]


def test_the_summary_is_what_the_results_say(wh):
    base = compute(wh)[0]
    cents = np.array(
        [int(r[0] * 100) for r in query(wh, "SELECT total_compensation FROM planning.monte_carlo_results"
                                             " WHERE simulation_id = %s ORDER BY iteration", base)]
    )  # fmt: skip
    [(mean, p50, var_95, es95, share)] = query(
        wh, "SELECT mean, p50, var_95, es95, p_exceed_budget FROM planning.monte_carlo_summary"
            " WHERE simulation_id = %s", base)  # fmt: skip
    stats = statistics_of(cents, Decimal(1_300_000))
    assert (mean, p50, var_95, es95) == (stats.mean, stats.percentiles[50], stats.var_95, stats.es95)
    assert share == stats.exceedance.share > 0
    [(in_sql,)] = query(wh, "SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY total_compensation)"
                            " FROM planning.monte_carlo_results WHERE simulation_id = %s", base)  # fmt: skip
    assert Decimal(in_sql).quantize(Decimal("0.01")) == var_95.quantize(Decimal("0.01"))
    for kind, tail in query(wh, "SELECT group_kind, sum(es95_contribution) FROM planning.monte_carlo_groups"
                                " WHERE simulation_id = %s GROUP BY 1", base):  # fmt: skip
        assert tail == (None if kind == "rep" else es95)
    sums = query(wh, "SELECT DISTINCT sum(mean) FROM planning.monte_carlo_groups WHERE simulation_id = %s"
                     " GROUP BY group_kind", base)  # fmt: skip
    assert sums == [(mean,)]


def test_a_second_run_changes_no_table_and_no_byte(wh, tmp_path):
    first = run(wh, tmp_path / "a")
    before = contents(wh)
    assert run(wh, tmp_path / "b", "run-2") == first
    assert contents(wh) == before
    for name in (WORKBOOK, PDF, "monthly_forecast.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_tenant_with_a_failed_block_is_passed_over_when_summarising(wh):
    """Its own task has failed; the others' forecasts go on (D7)."""
    from tradewind import engines

    ids = forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id="run-1")
    work = {"tenant": "alpha", "simulations": ids, "blocks": []}
    assert engines.summarise_one(wh, [work]) == []
    for pending in forecast.pending_work(wh, "alpha", ids):
        forecast.simulate(wh, "alpha", pending.simulation_id, pending.block_no)
    assert engines.summarise_one(wh, [work]) == [{"tenant": "alpha", "simulations": ids}]
    assert query(wh, "SELECT DISTINCT status FROM planning.monte_carlo_runs") == [("completed",)]


def test_the_latest_question_is_current_and_older_answers_stay(wh):
    old = compute(wh)[0]
    rows = company()
    load_marts(wh, "alpha", type(rows)(**{**vars(rows), "sales_credits": rows.sales_credits[:-1]}))
    new = compute(wh, "run-2")[0]
    current = "SELECT simulation_id FROM planning.monte_carlo_runs WHERE scenario_id = 'base' ORDER BY generation DESC"
    assert [r[0] for r in query(wh, current)] == [new, old]
    load_marts(wh, "alpha", rows)
    assert compute(wh, "run-3")[0] == old
    assert [r[0] for r in query(wh, current)] == [old, new]


def test_blocks_computed_by_others_in_any_order_give_the_same_hash(wh, tmp_path):
    hashes = {}
    for block, backwards in ((250, True), (899, False), (900, False)):
        settings = {"forecast": {**SETTINGS["forecast"], "block": block, "name": "x", "seed": 7}}
        ensure_tenant(wh, "alpha", "Alpha Foods", settings)
        ids = forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id=f"b{block}")
        work = forecast.pending_work(wh, "alpha", ids)
        with ThreadPoolExecutor(2) as pool:
            done = pool.map(
                lambda w: forecast.simulate(wh, "alpha", w.simulation_id, w.block_no),
                reversed(work) if backwards else work,
            )
        hashes[block] = ([forecast.summarise(wh, "alpha", i) for i in ids], list(done))
        with wh.admin() as conn:
            conn.execute("TRUNCATE planning.monte_carlo_runs CASCADE")
    assert len({tuple(found) for found, _ in hashes.values()}) == 1


def test_iterations_of_the_config_file_decide_the_row_count(wh, tmp_path):
    """ORC-06: the file's own bytes are hashed into the run."""
    with wh.admin() as conn:
        conn.execute("UPDATE tenancy.tenants SET settings = settings - 'forecast' WHERE tenant_id = 'alpha'")
    path = tmp_path / "config.yaml"
    path.write_text(forecast.CONFIG.read_text().replace("iterations: 10000", "iterations: 321"))
    arguments = {"period": PERIOD, "as_of": AS_OF, "run_id": "r", "config_path": path}
    [base, _] = forecast.freeze_inputs(wh, "alpha", **arguments, trigger="quota_updated")
    forecast.simulate(wh, "alpha", base, 0)
    forecast.summarise(wh, "alpha", base)
    assert query(wh, "SELECT count(*) FROM planning.monte_carlo_results") == [(321,)]
    assert query(
        wh, "SELECT config_hash, trigger FROM planning.monte_carlo_runs WHERE simulation_id = %s", base
    ) == [(hashlib.sha256(path.read_bytes()).hexdigest(), "quota_updated")]


def test_sources_are_logged_with_their_rows(wh):
    forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id="logged")
    logged = dict(query(wh, "SELECT step, row_count FROM ops.run_log WHERE run_id = 'logged'"))
    assert logged["forecast.freeze.sales_credits"] == 240
    assert logged["forecast.freeze.quotas"] == 96


def test_summarising_before_all_blocks_names_the_missing(wh):
    [base, _] = forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id="r")
    forecast.simulate(wh, "alpha", base, 2)
    with pytest.raises(TradewindError, match="missing 0, 1, 3"):
        forecast.summarise(wh, "alpha", base)


def test_progress_never_falls_and_failure_is_recoverable(wh):
    [base, _] = forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id="r")
    seen = []
    for block in (3, 1, 0, 2):
        assert forecast.simulate(wh, "alpha", base, block)
        seen += query(
            wh, "SELECT progress, status FROM planning.monte_carlo_runs WHERE simulation_id = %s", base
        )
    assert seen == [(22, "running"), (45, "running"), (67, "running"), (90, "running")]
    forecast.mark_failed(wh, "alpha", [base])
    assert query(
        wh, "SELECT progress, status FROM planning.monte_carlo_runs WHERE simulation_id = %s", base
    ) == [(90, "failed")]
    assert not forecast.simulate(wh, "alpha", base, 3)
    forecast.summarise(wh, "alpha", base)
    forecast.mark_failed(wh, "alpha", [base])
    assert query(
        wh, "SELECT progress, status FROM planning.monte_carlo_runs WHERE simulation_id = %s", base
    ) == [(100, "completed")]


def test_a_missing_mart_is_named(warehouse):
    with pytest.raises(MissingInput, match=r"the mart planning\.\w+"):
        forecast.freeze_inputs(warehouse, "beta", period=PERIOD, as_of=AS_OF, run_id="r")


def test_a_tenant_without_rows_is_refused_by_name_and_sees_nobody_elses(wh):
    with pytest.raises(MissingInput, match=r"planning.sales_reps, planning.quotas"):
        forecast.freeze_inputs(wh, "beta", period=PERIOD, as_of=AS_OF, run_id="r")


def test_results_cannot_be_changed_by_the_engine(wh):
    compute(wh)
    for table in ("inputs", "blocks", "results", "groups", "summary"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), wh.engine("alpha") as conn:
            conn.execute(f"DELETE FROM planning.monte_carlo_{table}")


def test_an_attempt_that_lost_its_lease_writes_nothing(wh):
    [base, _] = forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id="r")
    old = acquire(wh, "alpha", "forecast")
    acquire(wh, "alpha", "forecast")
    with pytest.raises(TradewindError, match="newest"):
        forecast.simulate(wh, "alpha", base, 0, old)
    assert query(wh, "SELECT count(*) FROM planning.monte_carlo_blocks") == [(0,)]


def test_the_loaded_fiscal_year_wins_and_half_a_calendar_does_not(wh):
    def horizon(run_id: str) -> tuple:
        ids = forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id=run_id)
        return query(
            wh,
            "SELECT horizon_start, horizon_end FROM planning.monte_carlo_runs WHERE simulation_id = %s",
            ids[0],
        )[0]

    with wh.pipeline() as conn:
        conn.execute(
            "CREATE TABLE master.fiscal_periods (tenant_id text, calendar text, fiscal_year int, period int,"
            " start_date date, end_date date)"
        )
        conn.execute(
            "INSERT INTO master.fiscal_periods SELECT 'alpha', 'standard', 2026, n, d, (d + 27)"
            " FROM (SELECT n, date '2025-12-28' + 28 * (n - 1) AS d FROM generate_series(1, 13) n) weeks"
        )
    assert horizon("thirteen") == (date(2025, 12, 28), date(2026, 12, 27))
    with wh.pipeline() as conn:
        conn.execute("DELETE FROM master.fiscal_periods WHERE period > 11")
    assert horizon("eleven") == (date(2026, 1, 1), date(2027, 1, 1))


_PROMISED = {
    "runs": "simulation_id name iterations seed as_of input_hash result_hash status progress",
    "results": "simulation_id currency scenario_id simulation_date iteration total_compensation",
    "groups": "simulation_id group_kind group_key mean p10 p50 p90 es95_contribution",
}


def test_the_tables_have_the_columns_others_read(warehouse):
    """The results others read, with the tenant first and totals as NUMERIC(19,4)."""
    for table, promised in _PROMISED.items():
        columns = query(
            warehouse,
            "SELECT column_name, data_type, numeric_precision, numeric_scale FROM information_schema.columns"
            " WHERE table_schema = 'planning' AND table_name = %s ORDER BY ordinal_position",
            f"monte_carlo_{table}",
        )
        names = [column[0] for column in columns]
        assert names[0] == "tenant_id"
        assert set(promised.split()) <= set(names)
        if table == "results":
            assert ("total_compensation", "numeric", 19, 4) in columns


def test_several_currencies_are_stored_one_by_one_and_together(wh):
    """Nothing adds over currencies: whoever reads scenario and currency meets each simulation once."""
    rows = three_currencies(("EUR", Decimal("1.1")), ("GBP", Decimal("1.3")))
    load_marts(wh, "alpha", rows)
    with wh.pipeline() as conn:
        conn.execute(
            "CREATE TABLE master.exchange_rates (tenant_id text, from_currency text, to_currency text,"
            " rate_date date, rate numeric(18,9))"
        )
        names = ("from_currency", "to_currency", "rate_date", "rate")
        copy_rows(
            conn,
            "master.exchange_rates",
            ["tenant_id", *names],
            (["alpha", *(rate[name] for name in names)] for rate in rows.exchange_rates),
        )
    settings = replace(TenantSettings(), forecast={"iterations": 300, "scenarios": {"base": {}}})
    ids = forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id="run-1", settings=settings)
    for work in forecast.pending_work(wh, "alpha", ids):
        forecast.simulate(wh, "alpha", work.simulation_id, work.block_no)
    for simulation_id in ids:
        forecast.summarise(wh, "alpha", simulation_id)
    found = query(
        wh, "SELECT scenario_id, currency, mean, credited_to_date, plan_at_target FROM planning.monte_carlo_summary"
            " ORDER BY scenario_id, currency")  # fmt: skip
    assert [row[:2] for row in found] == [
        ("base", "EUR"), ("base", "GBP"), ("base", "USD"), ("base:consolidated", "USD"),
    ]  # fmt: skip
    worth = (Decimal("1.1"), Decimal("1.3"), Decimal(1))
    for column in (3, 4):
        assert found[3][column] == sum(row[column] * w for row, w in zip(found, worth, strict=False))
    mean = sum(row[2] * w for row, w in zip(found, worth, strict=False))
    assert abs(found[3][2] - mean) < Decimal("0.1")


def test_the_formats_asked_for_are_written_and_no_older_one_stays(wh, tmp_path):
    """MCS-18: what the run asks for, else what the tenant's settings say."""
    ids = compute(wh)

    def written(formats: list[str] | None) -> set[str]:
        write_reports(wh, "alpha", period=PERIOD, simulation_ids=ids, formats=formats, folder=tmp_path)
        return {path.name for path in tmp_path.iterdir()}

    people = {"monthly_forecast.xlsx", "monthly_report.pdf"}
    assert written(["parquet", "xactly"]) == people | {
        "monthly_forecast.parquet",
        "monthly_forecast_xactly.csv",
    }
    assert written(["anaplan"]) == people | {"monthly_forecast_anaplan.csv"}
    assert written(None) == people | {"monthly_forecast.csv"}


def test_settled_draws_are_stored_with_their_balance_once(wh):
    window = {"rep_key": "R000", "is_recoverable": True, "currency": "USD"}
    rows = replace(
        company(),
        compensation_draws=[
            {**window, "period_start": date(2026, n, 1), "period_end": date(2026, n + 1, 1), "draw_amount": Decimal(900)}
            for n in (1, 10, 11)
        ],
    )  # fmt: skip
    load_marts(wh, "alpha", rows)
    stored = (
        "SELECT rep_key, period_start::text, b.currency, draw_amount, earned_amount, paid_amount, balance_amount"
        " FROM planning.commission_draw_balances b JOIN planning.monte_carlo_runs USING (tenant_id, simulation_id)"
        " WHERE scenario_id = 'base' ORDER BY period_start"
    )
    for run_id in ("run-1", "run-2"):
        forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id=run_id)
        first, second = query(wh, stored)
        # In January 70,000 of 1,000,000: below the threshold nothing is earned; October pays it back.
        assert first == ("R000", "2026-01-01", "USD", 900, 0, 900, 900)
        assert second[1] == "2026-10-01"
        assert second[5:] == (second[4] - 900, 0)
        assert second[4] > 1_800
