"""Sizes: absurd ones are refused with the memory they would need, large ones run in the memory that is estimated."""

from __future__ import annotations

import gc
import pickle
import tracemalloc
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from include.errors import TradewindError
from include.flows import forecast
from include.forecast import engine
from include.forecast.config import LARGEST_BLOCK, ForecastConfig
from include.forecast.engine import memory_estimate, simulate_block
from include.forecast.rows import program_of
from include.forecast.summary import summarise
from include.warehouse.tenants import ensure_tenant
from tests.forecast_cases import company, g11_portfolio, simulation
from tests.forecast_marts import load_marts

PERIOD, AS_OF = "2026-10", date(2026, 10, 31)


@pytest.mark.parametrize(
    "setting",
    [{"iterations": 0}, {"iterations": -5}, {"block": 0}, {"block": LARGEST_BLOCK + 1}, {"profile": "rough"}],
)
def test_a_size_or_profile_out_of_bounds_is_refused(setting):
    (name,) = setting
    with pytest.raises(TradewindError, match=name):
        ForecastConfig.from_mapping(setting)


def test_an_absurd_size_is_refused_before_anything_is_stored(warehouse):
    ensure_tenant(warehouse, "alpha", "Alpha Foods", {"forecast": {"iterations": 10**12}})
    load_marts(warehouse, "alpha", company())
    with pytest.raises(TradewindError, match=r"30,\d{3},\d{3} MB|3\d,\d{3},\d{3} MB"):
        forecast.freeze_inputs(warehouse, "alpha", period=PERIOD, as_of=AS_OF, run_id="run-1")
    with warehouse.engine("alpha") as conn:
        assert conn.execute("SELECT count(*) FROM planning.monte_carlo_runs").fetchone() == (0,)


def _peak(work) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("profile", ["exact", "fast"])
def test_a_block_needs_the_memory_that_is_estimated(profile):
    inputs = simulation(g11_portfolio(8), profile=profile)
    peak = _peak(lambda: simulate_block(inputs, 1, 0, 100_000))
    assert peak < memory_estimate(100_000, 100_000, 7)


def test_inputs_are_prepared_once_and_forgotten_with_them(monkeypatch):
    prepared = []
    monkeypatch.setattr(engine, "program_of", lambda i: prepared.append(i.profile) or program_of(i))
    inputs = simulation(g11_portfolio(8))
    known = len(engine._known)
    blocks = [simulate_block(inputs, seed, 0, 50).groups[("total", "")] for seed in (1, 2, 1)]
    assert prepared == ["exact"]
    assert np.array_equal(blocks[0], blocks[2]) and not np.array_equal(blocks[0], blocks[1])
    assert pickle.loads(pickle.dumps(inputs)) == inputs
    simulate_block(replace(inputs, profile="fast"), 1, 0, 50)
    assert prepared == ["exact", "fast"]
    del inputs
    gc.collect()
    assert len(engine._known) == known


def test_statistics_need_the_memory_that_is_estimated():
    """The totals are counted in the estimate, and were there before."""
    cents = np.random.default_rng(1).integers(10**8, 10**9, 400_000)
    assert _peak(lambda: summarise(cents)) + cents.nbytes < memory_estimate(400_000, 8192, 7)


@pytest.mark.nightly
def test_a_million_iterations_are_summarised_in_the_memory_that_is_estimated(warehouse):
    """Many blocks, one of them short: quantiles exact over all totals, memory bounded by them."""
    iterations = 1_000_003
    settings = {
        "forecast": {"iterations": iterations, "block": 131_072, "scenarios": {"base": {}}, "profile": "fast"}
    }
    ensure_tenant(warehouse, "alpha", "Alpha Foods", settings)
    load_marts(warehouse, "alpha", company(4))
    ids = forecast.freeze_inputs(warehouse, "alpha", period=PERIOD, as_of=AS_OF, run_id="run-1")
    for work in forecast.pending_work(warehouse, "alpha", ids):
        forecast.simulate(warehouse, "alpha", work.simulation_id, work.block_no)
    peak = _peak(lambda: forecast.summarise(warehouse, "alpha", ids[0]))
    assert peak < memory_estimate(iterations, 131_072, 9)
    with warehouse.engine("alpha") as conn:
        stored = conn.execute(
            "SELECT count(*), percentile_cont(0.95) WITHIN GROUP (ORDER BY total_compensation)"
            " FROM planning.monte_carlo_results"
        ).fetchone()
        p95, profile = conn.execute(
            "SELECT s.p95, r.profile FROM planning.monte_carlo_summary s"
            " JOIN planning.monte_carlo_runs r USING (tenant_id, simulation_id)"
        ).fetchone()
    assert stored[0] == iterations
    assert profile == "fast"
    assert float(p95) == pytest.approx(stored[1], abs=1e-4)
