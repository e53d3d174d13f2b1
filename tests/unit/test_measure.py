"""Regression baseline and lift interval: known truths are recovered, and what cannot be known is said."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from include.measure.lift import half_widths
from include.measure.regression import Fit, Weeks, fit, usual_price


def series(
    count: int = 120, *, noise: float = 0.0, elasticity: float = -2.0, seed: int = 7
) -> tuple[Weeks, np.ndarray]:
    """Weeks that follow the model exactly but for noise, and the truth without promotions."""
    rng = np.random.default_rng(seed)
    week = np.arange(count, dtype=float)
    promoted = (week % 13 == 9) | (week % 13 == 10)
    after = (week % 13 == 11) | (week % 13 == 12) | (week % 13 == 8)
    truth = 100 * np.exp(0.2 * np.sin(2 * np.pi * week * 7 / 365.2425))
    price = np.where(promoted, 3.0, np.where(week < count / 2, 4.0, 4.2))
    quiet = truth * (np.where(week < count / 2, 4.0, 4.2) / 4.0) ** elasticity
    units = (
        quiet * (price / np.where(week < count / 2, 4.0, 4.2)) ** elasticity * np.where(promoted, 1.4, 1.0)
    )
    units = units * np.where(after, 0.9, 1.0) * np.exp(noise * rng.standard_normal(count))
    return Weeks(week, units, price, promoted, ~(promoted | after)), quiet


def test_recovers_what_would_have_been_sold():
    weeks, quiet = series()
    found = fit(weeks)
    assert isinstance(found, Fit)
    # The usual price is a median of eight clean weeks: it follows a new price after four of them.
    settled = np.r_[0:60, 70:120]
    assert np.allclose(found.baseline[settled], quiet[settled], rtol=1e-6)
    assert found.terms["log_price"] == pytest.approx(-2.0, abs=1e-6)
    assert found.terms["promoted"] == pytest.approx(np.log(1.4), abs=1e-6)
    assert found.r_squared == pytest.approx(1.0)


def test_noise_moves_it_little_and_shows_in_the_spread():
    weeks, quiet = series(noise=0.1)
    found = fit(weeks)
    assert np.abs(found.baseline / quiet - 1).mean() < 0.05
    assert found.residual_spread == pytest.approx(0.1, rel=0.25)
    assert found.spread == pytest.approx(found.baseline * found.residual_spread, rel=0.05)


def test_a_promotion_that_is_its_price_still_has_a_baseline():
    """Price and flag move together, so neither effect is known, but the week without both is."""
    weeks, _ = series(60)
    price = np.where(weeks.promoted, 3.0, 4.0)
    units = np.where(weeks.promoted, 200.0, 100.0)
    found = fit(Weeks(weeks.week, units, price, weeks.promoted, weeks.clean))
    assert np.allclose(found.baseline, 100, rtol=1e-6)


def test_terms_enter_only_where_the_weeks_can_tell_them():
    short, _ = series(30)
    assert not any("season" in name for name in fit(short).terms)
    year, _ = series(60)
    assert {"season_sin_1", "season_cos_1"} <= set(fit(year).terms)
    assert "season_sin_2" not in fit(year).terms
    assert "season_sin_2" in fit(series(120)[0]).terms


def test_too_little_is_said_and_not_fitted():
    weeks, _ = series(7)
    assert fit(weeks) == "fewer than 8 clean weeks with sales"
    nothing = Weeks(weeks.week, weeks.units * 0, weeks.price, weeks.promoted, weeks.clean)
    assert fit(nothing) == "fewer than 8 clean weeks with sales"


def test_what_was_never_seen_is_not_extrapolated_to():
    weeks, _ = series(60)
    price = weeks.price.copy()
    price[-1] = 0.0001
    found = fit(Weeks(weeks.week, weeks.units, price, weeks.promoted, weeks.clean))
    assert np.isfinite(found.baseline).all() and found.baseline.max() < 10 * weeks.units.max()


def test_usual_price_is_the_median_of_clean_weeks_so_far():
    clean = np.array([True, False, True, True, False])
    weeks = Weeks(np.arange(5.0), np.ones(5), np.array([4.0, 3.0, 4.2, 9.0, 3.0]), ~clean, clean)
    assert usual_price(weeks).tolist() == [4.0, 4.0, 4.1, 4.2, 4.2]


def test_interval_of_one_store_is_the_textbook_prediction_interval():
    spread, weeks = 2.5, 8
    variance = spread**2 * (1 + 1 / weeks)
    width = half_widths(np.array([variance]), np.array([variance**2 / (weeks - 1)]))
    assert width[0] == pytest.approx(stats.t.ppf(0.975, weeks - 1) * spread * (1 + 1 / weeks) ** 0.5)


def test_interval_covers_what_it_says():
    """Of many weeks drawn like the clean ones, 95% lie inside."""
    rng = np.random.default_rng(1)
    clean, weeks = rng.normal(100, 5, (20_000, 8)), rng.normal(100, 5, 20_000)
    spread = clean.std(axis=1, ddof=1)
    variance = spread**2 * (1 + 1 / 8)
    inside = np.abs(weeks - clean.mean(axis=1)) <= half_widths(variance, variance**2 / 7)
    assert inside.mean() == pytest.approx(0.95, abs=0.005)


def test_unknown_spread_is_no_interval_and_none_is_a_point():
    assert np.isnan(half_widths(np.array([np.nan]), np.array([np.nan]))[0])
    assert half_widths(np.array([0.0]), np.array([0.0]))[0] == 0
