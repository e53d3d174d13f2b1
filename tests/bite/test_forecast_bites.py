"""Each promise of the forecast, broken on purpose: the check that guards it must fail."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial

import numpy as np
import psycopg
import pytest
from numpy.random import Generator, Philox

from include.errors import TradewindError
from include.forecast import draws, engine, plans, summary
from include.forecast.marginal import Marginal
from include.forecast.rows import ROUNDING
from tests.forecast_cases import company, line, rep, simulation
from tests.forecast_marts import load_marts
from tests.golden import test_forecast_goldens as goldens
from tests.property import test_forecast_properties as properties
from tests.reference import test_forecast_reference as reference
from tests.spec import test_forecast_input_rules as rules
from tests.unit import test_forecast_summary as summaries


def test_streams_by_position_would_be_seen(monkeypatch):
    """A generator that goes on where it stopped makes draws depend on who was drawn before."""
    monkeypatch.setattr(
        draws.Streams,
        "normals",
        lambda self, entity, start, stop, out=None: self._generator.standard_normal(stop - start, out=out),
    )
    with pytest.raises(AssertionError):
        properties.test_any_range_of_a_stream_is_the_same_stream()
    # Two assertions can fail there, and Hypothesis tells both.
    with pytest.raises((AssertionError, ExceptionGroup)):
        properties.test_a_new_rep_moves_nobodys_draws()
    with pytest.raises(AssertionError):
        goldens.test_stream_of_an_entity()


def test_a_block_numbered_stream_would_be_seen(monkeypatch):
    """One stream per block is fast and changes with the block size."""

    def by_block(self, entity, start, stop, out=None):
        words = draws.stream_state(self._seed, self._scenario, f"{entity}|{start}", 0)
        return Generator(Philox(key=words[:2])).standard_normal(stop - start, out=out)

    monkeypatch.setattr(draws.Streams, "normals", by_block)
    with pytest.raises(AssertionError):
        properties.test_cutting_and_order_change_nothing()


def test_unrounded_payouts_would_be_seen(monkeypatch):
    """Floats summed in another order are another float: only whole cents are exact."""
    monkeypatch.setattr(engine.np, "floor", lambda x, out=None: x)
    with pytest.raises(AssertionError):
        properties.test_groups_of_every_kind_sum_to_the_total()


def test_half_even_rounding_would_be_seen(monkeypatch):
    """C50: 12.5 cents pay 13."""
    half = simulation(
        [rep("R", target=Decimal("0.125"), lines=[line(marginal=Marginal("constant", 1.0, 0.0))])]
    )
    assert engine.simulate_block(half, 1, 0, 1).groups[("total", "")].tolist() == [13]
    monkeypatch.setattr(engine.np, "floor", lambda x, out=None: np.rint(x - ROUNDING, out=out))
    assert engine.simulate_block(replace(half), 1, 0, 1).groups[("total", "")].tolist() == [12]


def test_a_tier_that_begins_after_its_bound_would_be_seen(monkeypatch):
    """`>` for `>=` shows at 100 % and 120 % of the retroactive grid."""

    def late(self, a):
        rate = np.full_like(a, self.rates[0])
        for bound, tier_rate in zip(self.bounds[1:], self.rates[1:], strict=True):
            np.copyto(rate, tier_rate, where=a > bound)
        return rate * a

    monkeypatch.setattr(plans.PayoutCurve, "_tiers", late)
    with pytest.raises(AssertionError):
        goldens.test_payout_grid("G02_retroactive", {"accelerator_mode": "retroactive"})


def test_a_forgotten_cap_would_be_seen(monkeypatch):
    monkeypatch.setattr(plans, "Plan", lambda *fields: _UNCAPPED(*fields[:4]))
    with pytest.raises(AssertionError):
        goldens.test_payout_grid("G01_marginal", {})
    with pytest.raises(AssertionError):
        reference.test_payout_is_the_exact_one_to_the_cent()


_UNCAPPED = plans.Plan


def test_independent_reps_would_be_seen(monkeypatch):
    """Without common factors the portfolio is 2.5 times too calm."""
    monkeypatch.setattr(
        goldens, "simulation", partial(simulation, correlation_global=0.0, correlation_region=0.0)
    )
    with pytest.raises(AssertionError):
        goldens.test_portfolio()


def test_a_linear_scaling_of_spread_would_be_seen(monkeypatch):
    monkeypatch.setattr(Marginal, "remaining", lambda self, months, window_months: self)
    with pytest.raises(AssertionError):
        rules.test_a_shorter_horizon_keeps_the_mean_and_widens_the_spread(Marginal("gamma", 8.0, 0.12))


def test_means_rounded_one_by_one_would_be_seen(monkeypatch):
    """Thirds of a total do not add up when each is rounded."""
    sums, whole = [1, 1, 1], Decimal("0.0100")
    assert sum(summary.group_means(sums, whole)) == whole
    alone = [(Decimal(s) / 300).quantize(Decimal("0.0001")) for s in sums]
    assert sum(alone) != whole
    monkeypatch.setattr(
        properties,
        "group_means",
        lambda sums, whole: [(whole * s / (sum(sums) or 1)).quantize(Decimal("0.0001")) for s in sums],
    )
    with pytest.raises(AssertionError):
        properties.test_group_means_add_up()


def test_a_dropped_rep_would_be_seen(monkeypatch):
    from include.forecast import scopes

    monkeypatch.setattr(scopes, "_exclusions", lambda roster, code: {})
    with pytest.raises(AssertionError):
        rules.test_a_rep_who_cannot_be_simulated_is_listed_with_the_reason({"plan_key": None}, "no plan_key")


def test_a_total_at_the_budget_counted_as_over_would_be_seen(monkeypatch):
    monkeypatch.setattr(
        summaries, "exceedance", lambda cents, budget: summary.exceedance(cents, budget - Decimal("0.01"))
    )
    with pytest.raises(AssertionError):
        summaries.test_only_totals_above_the_budget_exceed_it("3.00", 2)


def test_changed_frozen_inputs_are_refused(warehouse):
    """A simulation whose inputs were touched after the freeze gives no number."""
    from include.flows import forecast
    from tests.unit.test_forecast_flow import AS_OF, PERIOD

    load_marts(warehouse, "alpha", company())
    base = forecast.freeze_inputs(warehouse, "alpha", period=PERIOD, as_of=AS_OF, run_id="r")[0]
    with warehouse.admin() as conn:
        conn.execute(
            'UPDATE planning.monte_carlo_inputs SET inputs = replace(inputs::text, \'"quota":"1000000\', \'"quota":"1000001\')::json'
        )
    with pytest.raises(TradewindError, match="changed after they were stored"):
        forecast.simulate(warehouse, "alpha", base, 0)


def test_rows_of_another_tenant_are_refused(warehouse):
    load_marts(warehouse, "alpha", company())
    with pytest.raises(psycopg.errors.InsufficientPrivilege), warehouse.engine("beta") as conn:
        conn.execute(
            "INSERT INTO planning.monte_carlo_results VALUES ('alpha', 'sim', 'USD', 'base', '2026-10-31', 0, 1)"
        )


def test_the_roster_twice_is_refused():
    inputs = properties.portfolio()
    with pytest.raises(TradewindError, match="each once"):
        replace(inputs, reps=(*inputs.reps, inputs.reps[0]))
