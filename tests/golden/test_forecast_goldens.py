"""Goldens G-01 to G-11 of the specification; their numbers lie beside this file."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtri

from include.forecast.commission_draws import settle
from include.forecast.deals import Deal
from include.forecast.draws import Streams
from include.forecast.engine import block_plan, simulate_block
from include.forecast.fit import FitRules, fit_attainment, fit_gamma, fit_lognormal
from include.forecast.inputs import Draw
from include.forecast.marginal import Marginal
from include.forecast.summary import quantile_ranks, summarise, wilson
from tests.forecast_cases import G04_MU, G04_SIGMA, g11_portfolio, line, p1, rep, simulation
from tests.reference.forecast_reference import Hinges

GOLDENS = json.loads(Path(__file__).with_name("forecast_goldens.json").read_text())
TARGET = 50_000.0


def pay(plan, attainment) -> np.ndarray:
    """Pay on target 50,000 in whole cents."""
    raw = plan.payout({"revenue": np.asarray(attainment, dtype=float)}, target_incentive=TARGET)
    return np.floor(raw * 100 + 0.5) / 100


@pytest.mark.parametrize(
    ("golden", "changes"),
    [
        ("G01_marginal", {}),
        ("G02_retroactive", {"accelerator_mode": "retroactive"}),
        ("G02b_ramp", {"threshold_mode": "linear_from_threshold"}),
    ],
)
def test_payout_grid(golden, changes):
    """G-01, G-02, G-02b: the same tiers pay differently by mode."""
    plan = p1(**changes)
    grid = GOLDENS[golden]
    assert [pay(plan, [float(a)])[0] for a in grid] == [float(amount) for amount in grid.values()]


def test_cap_binds_first_at_1_80():
    """G-01: the marginal cap binds at 180 % exactly."""
    assert pay(p1(), [1.7999, 1.80]).tolist() == [124990.0, 125000.0]


def test_mean_attainment_understates_pay():
    """G-03: paying the mean attainment is 17,500 short of the sum of payouts."""
    assert pay(p1(), [0.60, 1.50]).sum() == float(GOLDENS["G03"]["sum_of_payouts"])
    assert 2 * pay(p1(), [1.05])[0] == float(GOLDENS["G03"]["payout_of_mean_x2"])


def test_closed_form_mean():
    """G-04: expectation of the P1 payout under a lognormal, and the simulation within 4 standard errors."""
    golden = GOLDENS["G04"]
    exact = TARGET * Hinges(golden["mu"], golden["sigma"]).expected([(0, 1), (1, 1.5), (1.2, 2)], 0.5, 2.5)
    assert exact == pytest.approx(golden["E_payout"], abs=1e-6)
    one = simulation([rep("R1", lines=[line(marginal=Marginal("lognormal", golden["mu"], golden["sigma"]))])])
    stats = summarise(simulate_block(one, 7, 0, 200_000).groups[("total", "")])
    assert abs(float(stats.mean) - exact) < 4 * float(stats.se_mean)
    assert float(stats.sd) == pytest.approx(golden["sd_payout"], rel=0.01)


def test_closed_form_quantiles():
    """G-04: f is monotone, so payout quantiles are payouts of attainment quantiles."""
    golden = GOLDENS["G04"]
    marginal = Marginal("lognormal", golden["mu"], golden["sigma"])
    for p in (5, 25, 50, 75, 95, 99):
        a = marginal.attainment(np.array([ndtri(p / 100)]))
        assert a[0] == pytest.approx(golden[f"P{p}_att"], rel=1e-12)
        assert pay(p1(), a)[0] == golden[f"P{p}_payout"]


def test_pipeline_outcomes_pay_as_enumerated():
    """G-05: two open deals give four revenue outcomes, drawn and paid by the engine (no correlation, no noise)."""
    golden = GOLDENS["G05"]
    deals = (Deal("A", Decimal(100_000), 0.5), Deal("B", Decimal(200_000), 0.25))
    one = line(
        marginal=Marginal("constant", 0.0, 0.0),
        quota=500_000,
        credited=300_000,
        remaining_quota=0,
        deals=deals,
    )
    inputs = simulation([rep("R1", lines=[one])], correlation_global=0.0, correlation_region=0.0)
    n = 400_000
    cents = simulate_block(inputs, 20261120, 0, n).groups[("total", "")]
    exact = sum(float(p) * float(paid) for p, paid in golden["dist"].values())
    assert exact == float(golden["E_payout"])
    for probability, paid in golden["dist"].values():
        p = float(probability)
        seen = np.count_nonzero(cents == int(Decimal(paid) * 100)) / n
        assert abs(seen - p) < 4 * np.sqrt(p * (1 - p) / n), paid
    stats = summarise(cents)
    assert abs(float(stats.mean) - exact) < 4 * float(stats.se_mean)
    assert abs(np.mean(cents > 4_500_000) - 0.25) < 4 * np.sqrt(0.25 * 0.75 / n)


def test_statistics():
    """G-06: five totals."""
    stats = summarise(np.array([100, 200, 300, 400, 500]) * 100)
    golden = GOLDENS["G06"]
    for p in (5, 25, 50, 75, 95):
        assert stats.percentiles[p] == Decimal(str(golden[f"P{p}"]))
    assert (stats.mean, stats.es95) == (Decimal(300), Decimal(500))
    assert float(stats.sd) == pytest.approx(golden["sd_ddof1"], abs=5e-5)
    assert float(stats.se_mean) == pytest.approx(golden["se_mean"], abs=5e-5)
    assert (stats.var_95, stats.var_95_excess, stats.reserve) == (Decimal(480), Decimal(180), Decimal(160))


def test_intervals():
    """G-07: Wilson interval and the ranks around P95."""
    share, low, high = GOLDENS["G07_wilson_137_of_10000"]
    assert wilson(137, 10_000) == pytest.approx((low, high), abs=1e-15)
    assert share == 137 / 10_000
    assert list(quantile_ranks(10_000, 0.95)) == GOLDENS["G07b_P95_orderstat_CI_ranks_n10000"]


def test_fit():
    """G-08: lognormal and gamma by maximum likelihood, gamma chosen by AIC."""
    golden = GOLDENS["G08"]
    values = np.array([0.6, 0.8, 0.9, 1.0, 1.1, 1.3])
    mu, sigma, loglik = fit_lognormal(values)
    assert (mu, sigma) == pytest.approx((golden["lognorm_mu"], golden["lognorm_sigma_ddof0"]), abs=1e-12)
    assert loglik == pytest.approx(golden["loglik_lognorm"], abs=1e-9)
    shape, scale, loglik = fit_gamma(values)
    # The golden's own optimiser stopped at 1e-6.
    assert (shape, scale) == pytest.approx((golden["gamma_a"], golden["gamma_scale"]), rel=1e-6)
    assert shape * scale == pytest.approx(0.95, abs=1e-14)
    assert loglik == pytest.approx(golden["loglik_gamma"], abs=1e-9)
    fit = fit_attainment(values, rules=FitRules(families=("lognormal", "gamma")))
    assert fit.marginal.family == "gamma"
    assert fit.aic == pytest.approx(golden["AIC_gamma"], abs=1e-8)
    assert fit.candidates["lognormal"]["aic"] == pytest.approx(golden["AIC_lognorm"], abs=1e-8)


@pytest.mark.parametrize("golden", [name for name in GOLDENS if name.startswith("G09")])
def test_draws_against_commission(golden):
    """G-09: earned, paid and owed, window by window, with a draw of 1,500."""
    is_recoverable = "nonrecoverable" not in golden
    earned = [Decimal(row[0]) for row in GOLDENS[golden]]
    window = Draw("2026-01-01", "2026-02-01", Decimal(1500), is_recoverable, (), ())
    settled = settle([window] * len(earned), earned)
    expected = [tuple(map(Decimal, row)) for row in GOLDENS[golden]]
    assert [(s.earned, s.paid, s.balance) for s in settled] == expected


def test_correlation_of_attainment():
    """G-10: correlation inside a region and across regions, spread of attainment."""
    golden = GOLDENS["G10"]
    marginal = Marginal("lognormal", G04_MU, G04_SIGMA)
    streams, n = Streams(11, "base"), 400_000

    def attainment(name: str, region: str) -> np.ndarray:
        z = np.sqrt(0.1) * streams.normals("factor:global", 0, n)
        z = z + np.sqrt(0.2) * streams.normals(f"factor:region:{region}", 0, n)
        return marginal.attainment(z + np.sqrt(0.7) * streams.normals(f"rep:{name}", 0, n))

    a, same, across = attainment("a", "x"), attainment("b", "x"), attainment("c", "y")
    assert np.corrcoef(a, same)[0, 1] == pytest.approx(golden["att_corr_same"], abs=0.008)
    assert np.corrcoef(a, across)[0, 1] == pytest.approx(golden["att_corr_cross"], abs=0.008)
    assert a.std() == pytest.approx(golden["sd_att"], rel=0.01)


def test_stream_of_an_entity():
    """The first six normals of rep:R001, from any starting iteration.

    The stream is ours (G-11's own is one valid scheme, no obligation). Other values here mean another ziggurat in
    NumPy: then ENGINE_VERSION must be raised, or old simulations would claim new numbers.
    """
    expected = [
        1.2013222529658476,
        -0.9613924967214734,
        0.8791734428559796,
        1.333438449042406,
        -0.752976844326338,
        -1.3027318135382395,
    ]
    streams = Streams(20261120, "base")
    for start in range(6):
        assert streams.normals("rep:R001", start, 6).tolist() == expected[start:]


def test_portfolio():
    """G-11: 40 reps, 100,000 iterations; within the Monte Carlo error of both samples, four standard errors."""
    golden = GOLDENS["G11"]["portfolio40x100000"]
    inputs = simulation(g11_portfolio())
    blocks = [simulate_block(inputs, 20261120, b.start, b.stop) for b in block_plan(100_000, 33_333)]
    total = np.concatenate([b.groups[("total", "")] for b in blocks])
    stats = summarise(total)
    sd, root = golden["sd"], 100_000**0.5
    # Standard errors: sd / sqrt(n) for the mean; sqrt(p (1 - p) / n) / density for quantiles, from the golden's own.
    assert float(stats.mean) == pytest.approx(golden["mean"], abs=4 * 2**0.5 * golden["se"])
    assert abs(float(stats.mean) - golden["exact_mean"]) < 4 * float(stats.se_mean)
    assert float(stats.percentiles[50]) == pytest.approx(golden["median"], abs=8 * sd / root)
    assert float(stats.percentiles[5]) == pytest.approx(golden["P5"], abs=12 * sd / root)
    assert float(stats.var_95) == pytest.approx(golden["P95"], abs=14 * sd / root)
    assert float(stats.es95) == pytest.approx(golden["ES95"], abs=20 * sd / root)
    assert float(stats.sd) == pytest.approx(sd, rel=0.02)
    assert float(stats.sd) > 2 * golden["sd_if_independent"]
