"""Fitting: hurdle, degenerate data, pooling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from include.errors import MissingInput, TradewindError
from include.forecast.config import ForecastConfig
from include.forecast.estimate import fit_beta, fit_gamma, fit_weibull, goodness
from include.forecast.families import smoothed
from include.forecast.fit import FitRules, Observation, SegmentFits, fit_attainment
from include.forecast.inputs import from_json
from include.forecast.marginal import Marginal
from tests.forecast_cases import line, rep, simulation


def observations(role: str, region: str, count: int, band: str = "ramped", centre: float = 1.0):
    return [
        Observation(role, band, region, centre * (0.7 + 0.6 * i / max(count - 1, 1)), 12.0)
        for i in range(count)
    ]


def test_zeros_are_a_hurdle_and_leave_the_rest_alone():
    values = [0.6, 0.8, 0.9, 1.0, 1.1, 1.3]
    fit = fit_attainment([*values, 0.0, 0.0])
    assert fit.marginal.p0 == 0.25
    alone = fit_attainment(values).marginal
    assert (fit.marginal.family, fit.marginal.first) == (alone.family, alone.first)
    assert (fit.observation_count, fit.positive_count) == (8, 6)


@pytest.mark.parametrize("size", [6, 40, 500])
def test_the_estimates_are_those_of_scipy(size):
    rng = np.random.default_rng(size)
    values = rng.gamma(2.5, 0.4, size)
    shape, _, scale = stats.gamma.fit(values, floc=0)
    assert fit_gamma(values)[:2] == pytest.approx((shape, scale), rel=1e-5)
    values = 1.1 * rng.weibull(1.8, size)
    shape, _, scale = stats.weibull_min.fit(values, floc=0)
    found = fit_weibull(values)
    assert found[:2] == pytest.approx((shape, scale), rel=1e-3)
    assert found[2] >= stats.weibull_min.logpdf(values, shape, 0, scale).sum() - 1e-9
    values = 2 * rng.beta(2, 3, size)
    alpha, beta, most, loglik = fit_beta(values)
    assert (alpha, beta) == pytest.approx(stats.beta.fit(values, floc=0, fscale=most)[:2], rel=1e-6)
    assert loglik == pytest.approx(stats.beta.logpdf(values, alpha, beta, 0, most).sum(), abs=1e-8)
    assert most == values.max() * (size + 1) / size


@pytest.mark.parametrize("size", [2_000, 5_000])
def test_a_known_family_is_recovered(size):
    rng = np.random.default_rng(2)
    assert fit_attainment(rng.lognormal(0, 0.8, size)).marginal.family == "lognormal"
    assert fit_attainment(rng.gamma(1.5, 0.6, size)).marginal.family == "gamma"
    assert fit_attainment(rng.weibull(3.0, size)).marginal.family == "weibull"


def test_goodness_is_a_fair_test():
    """Of samples that are what they are fitted as, about a tenth is refused at a tenth; the table's p would refuse none."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(100):
        values = rng.gamma(3.0, 0.3, 60)
        shape, scale, _ = fit_gamma(values)
        found.append(goodness("gamma", (shape, scale, 0.0), values, 99)[1])
    refused = float(np.mean(np.array(found) <= 0.1))
    assert 0.03 <= refused <= 0.18
    assert 0.4 < np.mean(found) < 0.6


def test_what_no_family_fits_is_taken_as_it_is():
    """Two kinds of reps in one segment: half reach 0.5, half 1.35."""
    rng = np.random.default_rng(4)
    values = np.concatenate([rng.lognormal(-0.7, 0.15, 100), rng.lognormal(0.3, 0.12, 100)])
    fit = fit_attainment(values)
    assert (fit.marginal.family, fit.ks_p_value) == ("empirical", 0.005)
    drawn = fit.marginal.attainment(rng.standard_normal(400_000))
    assert drawn.mean() == pytest.approx(values.mean(), rel=0.01)
    assert drawn.std() == pytest.approx(values.std(), rel=0.03)
    gap = np.mean((drawn > 0.7) & (drawn < 1.0))
    assert gap < 0.1, "the gap between the two stays a gap; a lognormal would put a quarter there"
    assert fit_attainment(values, rules=FitRules(samples=0)).marginal.family != "empirical"
    assert fit_attainment(values, rules=FitRules(empirical_minimum=201)).marginal.family != "empirical"


EVERY_FAMILY = [
    Marginal("lognormal", -0.1, 0.35),
    Marginal("gamma", 8.0, 0.12),
    Marginal("gamma", 0.4, 2.0),
    Marginal("weibull", 2.2, 1.1),
    Marginal("weibull", 0.7, 0.9),
    Marginal("beta", 2.0, 3.0, third=2.5),
    Marginal("beta", 0.8, 0.6, third=1.4, p0=0.1),
    Marginal("empirical", 0.0, 1.0, points=smoothed(np.random.default_rng(5).lognormal(0, 0.5, 90)), p0=0.05),
]


@pytest.mark.parametrize("marginal", EVERY_FAMILY, ids=lambda m: f"{m.family}-{m.first}")
def test_moments_are_those_of_the_draws(marginal):
    z = np.random.default_rng(6).standard_normal(1_000_000)
    drawn = marginal.attainment(z)
    error = drawn.std() / 1000
    assert drawn.mean() == pytest.approx(marginal.mean, abs=5 * error)
    positive = drawn[drawn > 0]
    assert (positive.std() / positive.mean()) ** 2 == pytest.approx(marginal.positive_cv2, rel=0.03)
    assert np.all(np.diff(marginal.attainment(np.linspace(-8.4, 8.4, 100_001))) >= -1e-12)


@pytest.mark.parametrize("marginal", EVERY_FAMILY, ids=lambda m: f"{m.family}-{m.first}")
def test_fewer_months_keep_the_mean_and_spread_more(marginal):
    quarter = marginal.remaining(3.0, 12.0)
    assert quarter.mean == pytest.approx(marginal.mean, rel=1e-9)
    whole = (1 + marginal.positive_cv2) / (1 - marginal.p0) - 1
    assert (1 + quarter.positive_cv2) / (1 - quarter.p0) - 1 == pytest.approx(4 * whole, rel=1e-6)
    double = marginal.scaled(1.1)
    assert double.mean == pytest.approx(1.1 * marginal.mean, rel=1e-12)
    assert double.positive_cv2 == pytest.approx(marginal.positive_cv2, rel=1e-12)


def test_a_frozen_empirical_distribution_comes_back():
    frozen = simulation([rep("R1", lines=[line(marginal=EVERY_FAMILY[-1])])])
    assert from_json(frozen.to_json()).input_hash == frozen.input_hash


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
        fit_attainment([1.0, 1.1], rules=FitRules(families=("cauchy",)))


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
        ({"default_attainment": {"mu": 0, "sigma": -0.1}}, "sigma of 0 or more"),
        ({"default_attainment": {"mu": 0, "sigma": 0.2, "window_months": 0}}, "window_months above 0"),
        ({"default_attainment": {"mu": float("inf"), "sigma": 0.2}}, "numbers mu, sigma"),
        ({"families": []}, "families"),
        ({"families": ["lognormal", "cauchy"]}, "cauchy"),
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
