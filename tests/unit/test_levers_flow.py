"""Drivers and optima in the warehouse: stored once with their simulation, the same again, asked as functions."""

from __future__ import annotations

import json
from contextlib import nullcontext
from decimal import Decimal

import openpyxl
import pytest

from include.errors import MissingInput, TradewindError
from include.flows import forecast, forecast_reports, levers
from include.forecast.lever_settings import DRIVER_SIZES
from include.forecast.levers import DRIVERS
from include.local import optimise as command
from include.local import summary
from include.local.optimise import described
from include.warehouse.tenants import ensure_tenant
from tests.forecast_cases import company
from tests.forecast_marts import load_marts
from tests.unit.test_forecast_flow import AS_OF, PERIOD, compute, query

SETTINGS = {"forecast": {"iterations": 900, "block": 250}}


@pytest.fixture
def wh(warehouse):
    """A warehouse where alpha has the marts of a company."""
    ensure_tenant(warehouse, "alpha", "Alpha Foods", SETTINGS)
    load_marts(warehouse, "alpha", company())
    return warehouse


@pytest.fixture(scope="module")
def explained(module_warehouse) -> tuple:
    """A warehouse with alpha's base scenario simulated and explained, for tests that only read; and its id."""
    ensure_tenant(module_warehouse, "alpha", "Alpha Foods", SETTINGS)
    load_marts(module_warehouse, "alpha", company())
    [base, strong] = compute(module_warehouse)
    assert levers.explain(module_warehouse, "alpha", base)
    assert not levers.explain(module_warehouse, "alpha", strong)
    return module_warehouse, base


def rows(wh) -> list:
    return [
        query(wh, f"SELECT t::text FROM planning.monte_carlo_{name} t ORDER BY 1")
        for name in ("drivers", "optima")
    ]


def test_every_lever_has_a_row_the_largest_move_of_p95_first(explained):
    wh, _ = explained
    found = query(wh, "SELECT lever, abs(delta_p95), reason FROM planning.monte_carlo_drivers ORDER BY rank")
    assert {lever for lever, _, _ in found} == set(DRIVERS) == set(DRIVER_SIZES)
    moves = [move for _, move, reason in found if reason is None]
    assert moves == sorted(moves, reverse=True)
    assert [lever for lever, _, reason in found if reason] == [
        *["win_rate"] * 2,
        *["commission_rate"] * 2,
        "hiring_freeze",
    ]


def test_base_and_variant_are_the_simulation_itself(explained):
    wh, base = explained
    """With all its iterations paired, a variant less its delta is the stored summary."""
    [(mean, p95, share)] = query(
        wh, "SELECT mean, p95, p_exceed_budget FROM planning.monte_carlo_summary WHERE simulation_id = %s", base
    )  # fmt: skip
    found = query(
        wh,
        "SELECT DISTINCT mean - delta_mean, p95 - delta_p95, round((p_exceed_budget - delta_p_exceed)::numeric, 9),"
        " iterations FROM planning.monte_carlo_drivers WHERE reason IS NULL",
    )
    assert found == [(mean, p95, round(Decimal(share), 9), 900)]


def test_the_settings_found_meet_the_budget(explained):
    wh, _ = explained
    found = query(
        wh, "SELECT lever, status, amount <= budget_amount, next_amount > budget_amount, budget_amount"
            " FROM planning.monte_carlo_optima ORDER BY lever")  # fmt: skip
    assert [row[0] for row in found] == ["accelerator_scale", "quota_scale", "threshold"]
    assert all(row[2] == (row[1] != "unattainable") and row[4] == 1_300_000 for row in found)
    assert found[1][1:4] == ("met", True, True)


def test_again_changes_nothing(wh):
    base = compute(wh)[0]
    assert levers.explain(wh, "alpha", base)
    before = rows(wh)
    assert not levers.explain(wh, "alpha", base)
    with wh.admin() as conn:
        conn.execute("TRUNCATE planning.monte_carlo_drivers, planning.monte_carlo_optima")
    assert levers.explain(wh, "alpha", base)
    assert rows(wh) == before


def test_nothing_is_stored_by_a_run_that_is_killed_before_its_commit(wh, monkeypatch):
    base = compute(wh)[0]

    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(levers.stored, "add_optima", killed)
        with pytest.raises(SystemExit):
            levers.explain(wh, "alpha", base)
    assert rows(wh) == [[], []]
    assert levers.explain(wh, "alpha", base)


def test_a_simulation_that_is_not_completed_is_refused(wh):
    [base, _] = forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id="r")
    with pytest.raises(TradewindError, match="a completed simulation"):
        levers.explain(wh, "alpha", base)


def test_settings_choose_scenarios_levers_and_sizes(wh):
    asked = {
        "drivers": {"scenarios": ["strong_year"], "iterations": 100, "levers": {"quota": [-0.2]}},
        "optimise": {"percentile": 90, "levers": {"quota_scale": [0.5, 3.0]}},
    }
    ensure_tenant(wh, "alpha", "Alpha Foods", {"forecast": {**SETTINGS["forecast"], **asked}})
    [base, strong] = compute(wh)
    assert [levers.explain(wh, "alpha", i) for i in (base, strong)] == [False, True]
    assert query(wh, "SELECT simulation_id, lever, size, iterations FROM planning.monte_carlo_drivers") == [
        (strong, "quota", -0.2, 100)
    ]
    assert query(wh, "SELECT lever, percentile, highest FROM planning.monte_carlo_optima") == [
        ("quota_scale", 90, 3.0)
    ]


def test_an_unknown_scenario_is_named(wh):
    ensure_tenant(wh, "alpha", "Alpha Foods", {"forecast": {"drivers": {"scenarios": ["boom"]}}})
    with pytest.raises(TradewindError, match=r"base, strong_year · got boom"):
        forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id="r")


def test_without_a_budget_there_are_drivers_and_no_optima(wh):
    marts = company()
    load_marts(wh, "alpha", type(marts)(**{**vars(marts), "compensation_budgets": []}))
    base = compute(wh)[0]
    assert levers.explain(wh, "alpha", base)
    assert query(wh, "SELECT count(*), count(delta_p_exceed), count(delta_p95) > 10"
                     " FROM planning.monte_carlo_drivers") == [(21, 0, True)]  # fmt: skip
    assert query(wh, "SELECT * FROM planning.monte_carlo_optima") == []
    with pytest.raises(TradewindError, match="a simulation with a budget"):
        levers.optimize(wh, "alpha", base, lever="quota_scale")


def test_people_read_them_after_a_run(explained):
    wh, base = explained
    with wh.engine("alpha") as conn:
        told = [line.strip() for line in summary.levers(conn, base)]
    [(delta,)] = query(wh, "SELECT delta_p95 FROM planning.monte_carlo_drivers WHERE rank = 1")
    assert told[0].startswith(f"P95 moves with Quotas -5 %: {delta:+,.0f}, Quotas +5 %: -")
    assert any(line.startswith("P95 meets the budget with Quotas times ") for line in told[1:])


class TestRequests:
    """MCS-16, MCS-17, API-05 as functions."""

    def test_distributions_list_families_fits_and_who_uses_them(self, explained):
        wh, base = explained
        answer = levers.distributions(wh, "alpha")
        assert json.loads(json.dumps(answer)) == answer
        assert answer["simulation_id"] == base
        families = {family["family"]: family for family in answer["families"]}
        assert set(families) == {"lognormal", "gamma", "weibull", "beta", "empirical", "constant"}
        assert families["gamma"]["parameters"] == ["shape", "scale"]
        stored = dict(
            query(wh, "SELECT segment, family FROM planning.monte_carlo_fits WHERE simulation_id = %s", base)
        )
        assert {s["segment"]: s["family"] for s in answer["segments"]} == stored
        for segment in answer["segments"]:
            assert list(segment["parameters"]) == families[segment["family"]]["parameters"]
            assert segment["segment"] in families[segment["family"]]["segments"]
        assert sum(segment["reps"] for segment in answer["segments"]) == 24

    def test_optimize_gives_what_is_stored_for_the_same_question(self, explained):
        wh, base = explained
        before = rows(wh)
        answer = levers.optimize(wh, "alpha", lever="quota_scale")
        assert json.loads(json.dumps(answer)) == answer
        [(setting, p95)] = query(
            wh, "SELECT setting, p95 FROM planning.monte_carlo_optima WHERE lever = 'quota_scale'"
        )
        assert (answer["simulation_id"], answer["setting"], answer["p95"]) == (base, setting, str(p95))
        assert rows(wh) == before

    def test_optimize_answers_another_budget_percentile_and_grid(self, explained):
        wh, base = explained
        answer = levers.optimize(
            wh, "alpha", base, lever="quota_scale", percentile=50, budget=Decimal(1_000_000),
            bounds=(0.2, 9), step=0.01,
        )  # fmt: skip
        assert answer["status"] == "met"
        assert f"at {answer['setting']} P50 is " in described(answer)
        assert Decimal(answer["percentile_amount"]) <= 1_000_000 < Decimal(answer["next_amount"])
        assert round(answer["setting"] * 100) == pytest.approx(answer["setting"] * 100)

    def test_an_unattainable_budget_is_an_answer(self, explained):
        wh, base = explained
        answer = levers.optimize(wh, "alpha", base, lever="accelerator_scale", budget=Decimal(1))
        assert "not attainable, the nearest is: at 0.0 P95 is " in described(answer)
        assert (answer["status"], answer["setting"]) == ("unattainable", 0.0)
        assert Decimal(answer["p95"]) > 1

    def test_the_command_prints_the_answer_or_the_reason(self, explained, monkeypatch, capsys):
        wh, base = explained
        monkeypatch.setattr(command.stack, "database", nullcontext)
        monkeypatch.setattr(command.environment, "apply", lambda ports: None)
        monkeypatch.setattr(command.Warehouse, "from_environment", classmethod(lambda cls: wh))
        for name, value in {"TENANT": "alpha", "SIM": base, "PERCENTILE": "90", "BUDGET": "1e6"}.items():
            monkeypatch.setenv(name, value)
        assert command.main() == 0
        assert "quota_scale · P90 against a budget of 1,000,000.00: at " in capsys.readouterr().out
        for name, value in (("PERCENTILE", "90.5"), ("PERCENTILE", "most"), ("BUDGET", "much")):
            with monkeypatch.context() as asked:
                asked.setenv(name, value)
                assert command.main() == 1
            assert name.lower() in capsys.readouterr().err.lower()

    @pytest.mark.parametrize(
        ("request_", "message"),
        [
            ({"lever": "weather"}, "one of quota_scale"),
            ({"lever": "quota_scale", "percentile": 0}, "percentile"),
            ({"lever": "quota_scale", "percentile": True}, "percentile"),
            ({"lever": "quota_scale", "bounds": (2, 1)}, "lowest, highest"),
            ({"lever": "quota_scale", "bounds": (0.5, 0.5004), "step": 0.3}, "a multiple of 0.3"),
            ({"lever": "quota_scale", "budget": Decimal("NaN")}, "an amount"),
            ({"lever": "quota_scale", "budget": Decimal(-1)}, "an amount"),
        ],
    )
    def test_requests_out_of_bounds_are_named(self, explained, request_, message):
        wh, base = explained
        with pytest.raises(TradewindError, match=message):
            levers.optimize(wh, "alpha", base, **request_)

    def test_nobody_elses_simulation_is_seen(self, explained):
        wh, base = explained
        with pytest.raises(MissingInput, match="a completed simulation"):
            levers.distributions(wh, "beta")
        with pytest.raises(TradewindError, match="a simulation of this tenant"):
            levers.optimize(wh, "beta", base, lever="quota_scale")


def test_the_workbook_shows_the_tables(wh, tmp_path):
    forecast.run_forecast(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id="r", folder=tmp_path)
    book = openpyxl.load_workbook(tmp_path / forecast_reports.WORKBOOK)
    shown = list(book["drivers"].iter_rows(min_row=2, values_only=True))
    stored = query(wh, "SELECT rank, delta_p95 FROM planning.monte_carlo_drivers ORDER BY rank")
    assert [(row[2], row[5]) for row in shown] == [(r, None if d is None else float(d)) for r, d in stored]
    assert shown[0][:5] == ("base", "USD", 1, "Quotas", "-5 %")
    optima = list(book["optima"].iter_rows(min_row=2, values_only=True))
    assert [row[2] for row in optima] == ["Rates above 100 % times", "Quotas times", "Threshold"]
