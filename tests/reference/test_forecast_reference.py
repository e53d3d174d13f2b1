"""The engine agrees with the slow and obvious forecast beside this file."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate
from scipy.stats import norm

from include.forecast.deals import Deal
from include.forecast.draws import Streams
from include.forecast.engine import simulate_block
from include.forecast.marginal import Marginal
from include.forecast.plans import build_plan
from include.forecast.summary import summarise
from tests.forecast_cases import leg, line, rep, simulation
from tests.reference import forecast_reference as reference
from tests.reference.forecast_reference import Hinges, PlainPlan

LEG_STARTS = ("2026-01-01", "2026-04-10", "2026-10-01")
DEALS = st.fixed_dictionaries(
    {
        "amount": st.integers(1, 60),
        "probability": st.sampled_from([0.0, 0.25, 0.6, 1.0]),
        "chance": st.sampled_from([0.3, 0.9, 1.0]),
        "spread": st.sampled_from([0.0, 0.4]),
    }
)
HUNDREDTHS = st.integers(1, 300).map(lambda n: Decimal(n) / 100)


@st.composite
def plans(draw) -> PlainPlan:
    """Any plan the contract can state."""
    bounds = sorted(draw(st.sets(HUNDREDTHS, max_size=4)))
    tiers = [(b, draw(st.integers(0, 400).map(lambda n: Decimal(n) / 100))) for b in (Decimal(0), *bounds)]
    threshold_mode = draw(st.sampled_from(["none", "cliff_from_zero", "linear_from_threshold"]))
    top = 99 if threshold_mode == "linear_from_threshold" else 150
    return PlainPlan(
        tiers,
        draw(st.sampled_from(["marginal", "retroactive"])),
        threshold_mode,
        draw(st.integers(1, top).map(lambda n: Decimal(n) / 100)),
        draw(st.sampled_from(["none", "payout_multiple", "attainment"])),
        draw(HUNDREDTHS),
    )


def engine_plan(plain: PlainPlan):
    """The same plan, read by the engine from contract rows."""
    return build_plan(
        {
            "plan_key": "P",
            "version": "1",
            "accelerator_mode": plain.accelerator,
            "threshold_mode": plain.threshold_mode,
            "threshold_attainment": plain.threshold,
            "cap_mode": plain.cap_mode,
            "cap_value": plain.cap,
        },
        [{"lower_bound": bound, "rate": rate} for bound, rate in plain.tiers],
    )


@settings(max_examples=400, deadline=None)
@given(
    plain=plans(),
    attainment=st.integers(-50, 400).map(lambda n: Decimal(n) / 100),
    target=st.integers(1, 10**6),
)
def test_payout_is_the_exact_one_to_the_cent(plain, attainment, target):
    exact = reference.payout(plain, attainment, Decimal(target))
    paid = engine_plan(plain).payout(
        {"revenue": np.array([float(attainment)])}, target_incentive=float(target)
    )[0]
    assert paid == pytest.approx(float(exact), rel=1e-12, abs=1e-6)
    distance_to_tie = abs(exact * 100 % 1 - Decimal("0.5"))
    assume(distance_to_tie > Decimal("1e-6"))
    assert int(np.floor(paid * 100 + 0.5)) == int(
        (exact * 100 + Decimal("0.5")).to_integral_value(rounding=ROUND_FLOOR)
    )


@settings(max_examples=15, deadline=None)
@given(
    plain=plans(),
    seed=st.integers(0, 2**63 - 1),
    rho_global=st.sampled_from([0.0, 0.1, 0.5]),
    rho_region=st.sampled_from([0.0, 0.2, 0.5]),
    years=st.lists(
        st.lists(
            st.tuples(st.floats(-0.5, 0.5), st.floats(0.05, 1.0), st.integers(0, 100), st.integers(1, 100)),
            min_size=1,
            max_size=3,
        ),
        min_size=1,
        max_size=3,
    ),
    deals=st.lists(DEALS, max_size=2),
)
def test_totals_are_those_of_the_loops(plain, seed, rho_global, rho_region, years, deals):
    """Same cents in every iteration, up to a cent per leg where a payout lies on a rounding or tier edge.

    Every rep has the same deals, and they may close in any of the rep's legs.
    """
    plain_reps, engine_reps = [], []
    for i, legs in enumerate(years):
        key, region = f"k{i}", "ab"[i % 2]
        plain_legs, engine_legs = [], []
        for start, (mu, sigma, reached, share) in zip(LEG_STARTS, legs, strict=False):
            open_deals = [
                {**deal, "key": n, "chance": deal["chance"] / len(legs),
                 "earlier": len(plain_legs) * deal["chance"] / len(legs)}
                for n, deal in enumerate(deals)
            ]  # fmt: skip
            plain_legs.append(
                {"start": start, "mu": mu, "sigma": sigma, "plan": plain, "target": Decimal(1000),
                 "reached": reached / 100, "share": share / 100, "quota": 100, "deals": open_deals}
            )  # fmt: skip
            entry = line(
                marginal=Marginal("lognormal", mu, sigma),
                quota=100,
                credited=reached,
                remaining_quota=share,
                deals=[
                    Deal(
                        str(deal["key"]), Decimal(deal["amount"]), deal["probability"], deal["chance"],
                        deal["earlier"], deal["spread"],
                    )
                    for deal in open_deals
                ],
            )  # fmt: skip
            engine_legs.append(leg(start=start, target=1000, lines=[entry]))
        plain_reps.append({"key": key, "region": region, "legs": plain_legs})
        engine_reps.append(replace(rep(key, region=region, lines=()), legs=tuple(engine_legs)))
    expected = reference.totals(
        plain_reps, seed=seed, rho_global=rho_global, rho_region=rho_region, iterations=12
    )
    inputs = simulation(
        engine_reps,
        plans={"P1": engine_plan(plain)},
        correlation_global=rho_global,
        correlation_region=rho_region,
    )
    got = simulate_block(inputs, seed, 0, 12).groups[("total", "")]
    assert np.max(np.abs(got - np.array(expected))) <= sum(map(len, years))


@pytest.mark.parametrize("entity", ["rep:a", "rep:b", "rep:c", "factor:global", "rep:ü|x"])
@pytest.mark.parametrize("start", [37, 8190])
def test_normals_are_those_of_a_stream_drawn_from_its_start(entity, start):
    got = Streams(5, "base").normals(entity, start, start + 4)
    assert got.tolist() == [reference.normal(5, "base", entity, i) for i in range(start, start + 4)]


@pytest.mark.parametrize(
    ("mean", "sigma", "threshold", "tiers", "cap"),
    [
        (1.05, 0.20, 0.70, [(0, 1.0), (1, 2.0)], 3.0),
        (0.80, 0.60, 0.30, [(0, 0.8), (0.6, 1.2), (1, 1.5), (1.3, 2.5)], 2.0),
        (1.20, 0.45, 0.0, [(0, 1.0), (1, 1.5), (1.5, 0.5)], None),
    ],
)
def test_mean_payout_is_the_closed_form(mean, sigma, threshold, tiers, cap):
    """Other plans and distributions than golden G-04, against hinges and against quadrature."""
    mu = float(np.log(mean) - sigma**2 / 2)
    exact = Hinges(mu, sigma).expected(tiers, threshold, cap)
    header = {
        "plan_key": "P",
        "accelerator_mode": "marginal",
        "threshold_mode": "cliff_from_zero" if threshold else "none",
        "threshold_attainment": threshold or None,
        "cap_mode": "payout_multiple" if cap else "none",
        "cap_value": cap,
    }
    plan = build_plan(header, [{"lower_bound": b, "rate": r} for b, r in tiers])

    def integrand(z: float) -> float:
        a = np.array([np.exp(mu + sigma * z)])
        return float(plan.payout({"revenue": a}, target_incentive=1.0)[0]) * norm.pdf(z)

    kinks = sorted((np.log(k) - mu) / sigma for k in {threshold, *(b for b, _ in tiers)} if k > 0)
    quadrature = integrate.quad(integrand, -9, 9, points=kinks, limit=400)[0]
    assert exact == pytest.approx(quadrature, abs=1e-6)
    inputs = simulation(
        [rep("R", target=100_000, lines=[line(marginal=Marginal("lognormal", mu, sigma))])],
        plans={"P1": plan},
    )
    stats = summarise(simulate_block(inputs, 3, 0, 100_000).groups[("total", "")])
    assert abs(float(stats.mean) - 100_000 * exact) < 4 * float(stats.se_mean)
