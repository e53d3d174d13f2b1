"""Fitting: hurdle, degenerate data, pooling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from include.errors import MissingInput, TradewindError
from include.forecast.config import ForecastConfig
from include.forecast.fit import Observation, SegmentFits, fit_attainment, fit_gamma
from include.forecast.marginal import Marginal


def observations(role: str, region: str, count: int, band: str = "ramped", centre: float = 1.0):
    return [
        Observation(role, band, region, centre * (0.7 + 0.6 * i / max(count - 1, 1)), 12.0)
        for i in range(count)
    ]


def test_zeros_are_a_hurdle_and_leave_the_rest_alone():
    values = [0.6, 0.8, 0.9, 1.0, 1.1, 1.3]
    fit = fit_attainment([*values, 0.0, 0.0])
    assert fit.marginal.p0 == 0.25
    assert (fit.marginal.family, fit.marginal.first) == ("gamma", fit_attainment(values).marginal.first)
    assert (fit.observation_count, fit.positive_count) == (8, 6)


def test_the_estimates_are_those_of_scipy():
    values = stats.gamma.rvs(2.5, scale=0.4, size=500, random_state=np.random.default_rng(1))
    shape, _, scale = stats.gamma.fit(values, floc=0)
    assert fit_gamma(values)[:2] == pytest.approx((shape, scale), rel=1e-5)


@pytest.mark.parametrize("size", [200, 5_000])
def test_a_known_family_is_recovered(size):
    rng = np.random.default_rng(2)
    assert fit_attainment(rng.lognormal(0, 0.8, size)).marginal.family == "lognormal"
    assert fit_attainment(rng.gamma(1.5, 0.6, size)).marginal.family == "gamma"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.9] * 30, Marginal("constant", 0.9, 0.0)),
        ([0.0] * 30, Marginal("constant", 0.0, 0.0, 1.0)),
        ([0.0] * 15 + [1.1] * 15, Marginal("constant", 1.1, 0.0, 0.5)),
        ([-0.2, -0.1], Marginal("constant", 0.0, 0.0, 1.0)),
    ],
)
def test_degenerate_history_is_a_constant(values, expected):
    got = fit_attainment(values).marginal
    assert (got.family, got.p0) == (expected.family, expected.p0)
    assert got.first == pytest.approx(expected.first)
    assert np.isfinite(got.attainment(np.array([-8.0, 0.0, 8.0]))).all()


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_history_that_is_no_number_is_refused(values):
    with pytest.raises(TradewindError, match="finite attainments"):
        fit_attainment(values)


def test_an_unknown_family_is_refused():
    with pytest.raises(TradewindError, match="families among"):
        fit_attainment([1.0, 1.1], families=("cauchy",))


def test_thin_segments_pool_to_role_then_to_all():
    history = [
        *observations("AE", "East", 25),
        *observations("AM", "East", 12),
        *observations("AM", "East", 12, band="ramp"),
        *observations("SE", "East", 3),
    ]
    fits = SegmentFits(history)
    assert fits.of("AE", "ramped", "East")[1].pooled_from is None
    name, fit = fits.of("AM", "ramped", "East")
    assert (name, fit.pooled_from, fit.observation_count) == ("AM|ramped", "role:AM", 24)
    assert fits.of("SE", "ramped", "East")[1].pooled_from == "all"
    assert fits.of("XX", "ramp", "North")[1].observation_count == 52
    assert sorted(fits.used) == ["AE|ramped", "AM|ramped", "SE|ramped", "XX|ramp"]


def test_a_region_with_history_of_its_own_is_fitted_apart():
    fits = SegmentFits([*observations("AE", "East", 30), *observations("AE", "West", 29, centre=2.0)])
    assert fits.of("AE", "ramped", "East")[0] == "AE|ramped|East"
    name, fit = fits.of("AE", "ramped", "West")
    assert (name, fit.observation_count) == ("AE|ramped", 59)


def test_one_observation_is_no_history():
    with pytest.raises(MissingInput, match="got 1"):
        SegmentFits(observations("AE", "East", 1)).of("AE", "ramped", "East")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"iterations": 0}, "iterations"),
        ({"iterations": 2.5}, "iterations"),
        ({"iterations": True}, "iterations"),
        ({"block": 0}, "block"),
        ({"seed": -1}, "seed"),
        ({"correlation_global": -0.1}, "correlation"),
        ({"correlation_global": 0.7, "correlation_region": 0.4}, "correlation"),
        ({"correlation_region": float("nan")}, "correlation"),
        ({"scenarios": {}}, "at least one scenario"),
        ({"scenarios": {"x": {"quota": 1}}}, "scenario x"),
        ({"scenarios": {"x": {"attainment_scale": 0}}}, "attainment_scale"),
        ({"itterations": 5}, "itterations"),
        ({"default_attainment": {"mu": 1}}, "default_attainment"),
    ],
)
def test_settings_out_of_bounds_are_refused_by_name(settings, message):
    with pytest.raises(TradewindError, match=message):
        ForecastConfig.from_mapping(settings)


def test_the_tenants_settings_override_single_keys():
    config = ForecastConfig.from_mapping({"iterations": 500, "seed": 1}, {"iterations": 700})
    assert (config.iterations, config.seed) == (700, 1)


def test_gamma_quantiles_come_from_a_table_that_is_fine_enough():
    z = np.linspace(-4, 4, 3001)
    for shape in (0.4, 3.0, 40.0):
        exact = stats.gamma.ppf(stats.norm.cdf(z), shape, scale=0.7)
        assert np.allclose(Marginal("gamma", shape, 0.7).attainment(z), exact, rtol=2e-5, atol=1e-9)
