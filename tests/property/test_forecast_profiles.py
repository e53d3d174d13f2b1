"""The fast profile: normals as good, pays within a millionth, statistics that cannot be told from the exact ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from include.forecast.draws import QUICK, SEGMENT
from include.forecast.engine import rep_cents, simulate_block
from include.forecast.kernel import FastKernel
from include.forecast.marginal import Marginal
from include.forecast.sampling import Sampling, open_streams
from include.forecast.summary import summarise
from tests.forecast_cases import G04_MU, g11_portfolio, line, rep, simulation
from tests.reference.forecast_reference import Hinges

SEED = 31
MARGINALS = {
    "lognormal": Marginal("lognormal", -0.1, 0.4),
    "gamma": Marginal("gamma", 6.0, 0.15),
    "weibull": Marginal("weibull", 1.7, 1.1),
    "hurdle": Marginal("lognormal", 0.0, 0.3, p0=0.2),
}


def quick(entity: str, start: int, stop: int, method: str = "plain") -> np.ndarray:
    """Quick normals of an entity in the order of iterations."""
    return FastKernel(open_streams(SEED, "base", Sampling(method), ["N"])).normals(entity, start, stop)


def test_quick_normals_are_normal_and_independent():
    z = quick("rep:a", 0, 64 * SEGMENT)
    n = len(z)
    assert kstest(z, "norm").pvalue > 1e-3
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(z**power) - moment) < 4.5 * np.sqrt(variance / n)
    # Neighbours, the two halves of a pair, two entities, two segments.
    others = (np.roll(z, 1), np.roll(z, QUICK // 2), np.roll(z, SEGMENT), quick("rep:b", 0, n))
    for other in others:
        assert abs(np.corrcoef(z, other)[0, 1]) < 4.5 / np.sqrt(n)
        assert abs(np.corrcoef(z**2, other**2)[0, 1]) < 4.5 / np.sqrt(n)


@pytest.mark.parametrize("method", ["plain", "antithetic"])
def test_any_range_of_quick_normals_is_the_same_stream(method):
    whole = quick("rep:x", 0, 3 * SEGMENT, method)
    for start, stop in ((0, 1), (17, 18), (2047, 2049), (4000, 9000), (SEGMENT, SEGMENT + 3), (100, 20_000)):
        assert np.array_equal(quick("rep:x", start, stop, method), whole[start:stop])
    if method == "antithetic":
        assert np.array_equal(whole[0::2], -whole[1::2])


@pytest.mark.parametrize("family", sorted(MARGINALS))
def test_fast_pays_are_the_exact_ones_of_the_same_normals_within_a_millionth(family):
    """Whole cents, never above the cap; 24 bits leave two cents at the highest pays."""
    marginal = MARGINALS[family]
    inputs = simulation([rep("a", region="N", lines=[line(marginal=marginal)])], profile="fast")
    ((_, cents),) = rep_cents(inputs, SEED, 0, 20_000)
    streams = open_streams(SEED, "base", Sampling(), ["N"])
    z = np.sqrt(0.1) * streams.normals("factor:global", 0, 20_000)
    z += np.sqrt(0.2) * streams.normals("factor:region:N", 0, 20_000)
    z += np.sqrt(0.7) * quick("rep:a", 0, 20_000)
    a = marginal.attainment(z)
    exact = inputs.plans["P1"].payout({"revenue": a}, target_incentive=50_000.0) * 100
    # Within a ten-thousandth of the cliff at 50 % either side of it is right.
    is_clear = np.abs(a - 0.5) > 1e-4
    assert np.max(np.abs(cents - exact)[is_clear] - 1e-6 * exact[is_clear]) <= 2.0
    assert cents.min() >= 0
    assert cents.max() <= 12_500_000
    assert abs((cents - exact)[is_clear].mean()) < 1e-6 * exact.mean()


def test_the_fast_mean_is_the_closed_form():
    """G-04 with other tiers, cliff, cap and spread: within four standard errors."""
    exact = 50_000 * Hinges(0.05, 0.5).expected([(0, 1), (1, 1.5), (1.2, 2)], 0.5, 2.5)
    one = simulation([rep("R", lines=[line(marginal=Marginal("lognormal", 0.05, 0.5))])], profile="fast")
    stats = summarise(simulate_block(one, SEED, 0, 400_000).groups[("total", "")])
    assert abs(float(stats.mean) - exact) < 4 * float(stats.se_mean)


def test_fast_and_exact_portfolios_have_the_same_statistics():
    """Same factors, other own draws: mean, spread, P5 and P95 agree within four errors of a plain sample."""
    n = 60_000
    exact = simulation(g11_portfolio(24))
    kept, fast = (
        summarise(simulate_block(inputs, SEED, 0, n).groups[("total", "")])
        for inputs in (exact, replace(exact, profile="fast"))
    )
    error = float(kept.se_mean)
    assert abs(float(fast.mean - kept.mean)) < 4 * error
    assert float(fast.sd) == pytest.approx(float(kept.sd), rel=0.02)
    assert abs(float(fast.percentiles[5] - kept.percentiles[5])) < 8 * error
    assert abs(float(fast.var_95 - kept.var_95)) < 12 * error


def test_the_profile_is_part_of_the_question():
    inputs = simulation(g11_portfolio(2))
    assert replace(inputs, profile="fast").simulation_id(1, 10) != inputs.simulation_id(1, 10)


def test_a_fast_pay_beyond_32_bits_is_still_whole_and_counted():
    """Sums of integers would overflow: such batches are added as float64."""
    rich = simulation(
        [rep("R", target=10_000_000, lines=[line(marginal=Marginal("lognormal", G04_MU, 0.35))])]
    )
    exact, fast = (
        simulate_block(replace(rich, profile=profile), SEED, 0, 20_000) for profile in ("exact", "fast")
    )
    assert fast.rep_sums.sum() == fast.groups[("total", "")].sum()
    assert float(fast.rep_sums[0]) == pytest.approx(float(exact.rep_sums[0]), rel=0.03)
