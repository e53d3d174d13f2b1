"""Open deals in the engine: enumerated answers, one normal per deal, and the laws every draw keeps."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from include.errors import TradewindError
from include.forecast.deals import Deal, deal_revenue
from include.forecast.draws import Streams
from include.forecast.engine import rep_cents, simulate_block
from include.forecast.inputs import from_json
from include.forecast.marginal import Marginal
from include.forecast.sampling import sampling_of
from include.forecast.summary import summarise
from tests.forecast_cases import G04_MU, G04_SIGMA, leg, line, p1, rep, simulation

NOTHING = Marginal("constant", 0.0, 0.0)
N = 200_000


def closed_line(*, quota, credited, deals):
    """A line without run-rate."""
    return line(marginal=NOTHING, quota=quota, credited=credited, remaining_quota=0, deals=deals)


def independent(reps, **changes):
    return simulation(reps, correlation_global=0.0, correlation_region=0.0, **changes)


def totals(inputs, n=N, seed=5):
    return simulate_block(inputs, seed, 0, n).groups[("total", "")]


def drawn(*deals, n=N, common=None):
    """Revenue of these deals for one rep, independent unless `common` says otherwise."""
    shared = np.zeros(n) if common is None else common
    return deal_revenue(deals, Streams(5, "base"), 1.0, shared, 0, n)


@pytest.mark.parametrize(
    ("quota", "credited", "changes", "deals"),
    [
        (
            700_000,
            250_000,
            {},
            [("A", 90_000, 0.3, 1.0), ("B", 150_000, 0.8, 0.5), ("C", 210_000, 0.55, 1.0)],
        ),
        (
            400_000,
            0,
            {"accelerator_mode": "retroactive"},
            [("A", 250_000, 0.9, 0.7), ("B", 150_000, 0.2, 1.0), ("C", 100_000.01, 0.5, 0.1)],
        ),
        (
            1_000_000,
            480_000,
            {"threshold_mode": "linear_from_threshold"},
            [
                ("A", 20_000, 0.5, 1.0),
                ("B", 500_000, 0.4, 0.9),
                ("C", 520_000, 1.0, 1.0),
                ("D", 99, 0.0, 1.0),
            ],
        ),
    ],
)
def test_the_mean_is_that_of_all_outcomes(quota, credited, changes, deals):
    """Every combination of deals won in time, paid by the plan and weighed by its probability."""
    plan = p1(**changes)
    exact = 0.0
    for outcome in itertools.product((0, 1), repeat=len(deals)):
        chance, revenue = 1.0, credited
        for won, (_, amount, probability, inside) in zip(outcome, deals, strict=True):
            chance *= probability * inside if won else 1 - probability * inside
            revenue += won * amount
        attainment = {"revenue": np.array([revenue / quota])}
        exact += chance * float(plan.payout(attainment, target_incentive=50_000.0)[0])
    given = [Deal(key, Decimal(str(amount)), p, c) for key, amount, p, c in deals]
    one = rep("R1", lines=[closed_line(quota=quota, credited=credited, deals=given)])
    stats = summarise(totals(independent([one], plans={"P1": plan})))
    assert abs(float(stats.mean) - exact) < 4 * float(stats.se_mean) + 0.01


def test_a_deal_counts_in_one_leg_at_most():
    """Its normal's tail is cut into closed before, inside the first leg, inside the second, and the rest."""
    first = Deal("A", Decimal(1), 0.8, chance=0.5)
    second = Deal("A", Decimal(1), 0.8, chance=0.3, earlier=0.5)
    in_first, in_second = drawn(first), drawn(second)
    assert not np.any((in_first > 0) & (in_second > 0))
    assert in_first.mean() == pytest.approx(0.4, abs=4 * np.sqrt(0.24 / N))
    assert in_second.mean() == pytest.approx(0.24, abs=4 * np.sqrt(0.1824 / N))


def test_a_deal_that_two_reps_share_is_won_by_both_or_neither():
    parts = [
        rep(key, region=key, lines=[closed_line(quota=100, credited=0, deals=[Deal("A", Decimal(60), 0.5)])])
        for key in ("R1", "R2")
    ]
    paid = [cents for _, cents in rep_cents(independent(parts), 5, 0, 10_000)]
    assert np.array_equal(*paid) and 0 < np.mean(paid[0] > 0) < 1


def test_certain_and_impossible_deals():
    assert np.all(drawn(Deal("A", Decimal(7), 1.0)) == 7)
    assert np.all(drawn(Deal("A", Decimal(7), 0.0)) == 0)
    assert np.all(drawn(Deal("A", Decimal(7), 1.0, chance=0.0)) == 0)


def test_noise_spreads_the_amount_and_keeps_its_mean():
    """(1 + noise) is lognormal with mean 1: no deal is ever won for less than nothing."""
    revenue = drawn(Deal("A", Decimal(1000), 1.0, spread=0.4))
    assert revenue.min() > 0
    assert revenue.mean() == pytest.approx(1000, abs=4 * 400 / np.sqrt(N))
    assert revenue.std() == pytest.approx(400, rel=0.02)


def test_common_factors_move_deals_together_and_change_no_deals_chance():
    """Probability of both won, for correlation 0.5 and two deals at one half: 1/4 + arcsin(0.5) / 2 pi = 1/3."""
    common = np.sqrt(0.5) * Streams(9, "x").normals("factor:global", 0, N)
    deals = [Deal(key, Decimal(1), 0.5) for key in "AB"]
    a, b = (deal_revenue([deal], Streams(5, "base"), np.sqrt(0.5), common, 0, N) for deal in deals)
    assert a.mean() == pytest.approx(0.5, abs=0.006)
    assert np.mean(a * b) == pytest.approx(1 / 3, abs=0.006)
    apart = [replace(deal, is_correlated=False) for deal in deals]
    a, b = (deal_revenue([deal], Streams(5, "base"), np.sqrt(0.5), common, 0, N) for deal in apart)
    assert np.mean(a * b) == pytest.approx(0.25, abs=0.006)


def test_the_run_rate_comes_on_top_of_the_deals():
    marginal = Marginal("lognormal", G04_MU, G04_SIGMA)
    flat = p1(threshold_mode="none", threshold_attainment=None, cap_mode="none", cap_value=None)
    flat = replace(flat, components=tuple(replace(c, curve=_straight(c.curve)) for c in flat.components))
    deals = [Deal("A", Decimal(100_000), 0.4), Deal("B", Decimal(50_000), 0.9, chance=0.5)]
    one = line(marginal=marginal, quota=1_000_000, credited=200_000, remaining_quota=300_000, deals=deals)
    stats = summarise(totals(independent([rep("R1", lines=[one])], plans={"P1": flat})))
    expected = 50_000 * (200_000 + 300_000 * marginal.mean + 40_000 + 22_500) / 1_000_000
    assert abs(float(stats.mean) - expected) < 4 * float(stats.se_mean)


def _straight(curve):
    return replace(curve, bounds=(0.0,), rates=(1.0,))


def portfolio(count=6):
    marginal = Marginal("lognormal", G04_MU, G04_SIGMA)
    return [
        rep(
            f"R{i}",
            region=str(i % 2),
            lines=[
                line(
                    marginal=marginal,
                    remaining_quota=200_000,
                    credited=700_000,
                    deals=[
                        Deal(
                            f"D{i}-{k}", Decimal(40_000 + 7_000 * k), 0.2 + 0.1 * k, 0.8, spread=0.1 * (k % 2)
                        )
                        for k in range(4)
                    ],
                )
            ],
        )
        for i in range(count)
    ]


@pytest.mark.parametrize(("block", "method"), [(777, "plain"), (5_000, "antithetic"), (8_192, "plain")])
def test_totals_are_the_same_for_every_cutting_and_order(block, method):
    sampling = sampling_of(method, 20_000)
    whole = totals(simulation(portfolio(), sampling=sampling), 20_000)
    inputs = simulation(reversed(portfolio()), sampling=sampling)
    parts = [
        simulate_block(inputs, 5, at, min(at + block, 20_000)).groups[("total", "")]
        for at in range(0, 20_000, block)
    ]
    assert np.array_equal(np.concatenate(parts), whole)


def test_a_new_deal_and_a_new_rep_move_nobody_elses_draws():
    before = {r.rep_key: cents for r, cents in rep_cents(simulation(portfolio(5)), 5, 0, 4_000)}
    grown = portfolio(6)
    first = grown[0].lines[0]
    more = replace(first, deals=(*first.deals, Deal("NEW", Decimal(500_000), 0.5)))
    grown[0] = rep("R0", region="0", lines=[more])
    after = {r.rep_key: cents for r, cents in rep_cents(simulation(grown), 5, 0, 4_000)}
    assert all(np.array_equal(before[key], after[key]) for key in before if key != "R0")
    assert not np.array_equal(before["R0"], after["R0"])
    assert np.all(after["R0"] >= before["R0"])


def test_the_frozen_inputs_carry_the_deals_exactly():
    inputs = simulation(portfolio(), win_rates=({"stage": "Proposal", "rate": 0.1},))
    again = from_json(inputs.to_json())
    assert again == inputs and again.input_hash == inputs.input_hash


def test_legs_of_a_year_share_a_deal():
    """A deal may close on either plan; the mean pay is that of both halves."""
    deals = [Deal("A", Decimal(1000), 0.6, chance=0.5, path=()), Deal("A", Decimal(1000), 0.6, 0.25, 0.5)]
    legs = [
        leg(
            start="2026-01-01", end="2026-07-01", lines=[closed_line(quota=1000, credited=0, deals=deals[:1])]
        ),
        leg(
            start="2026-07-01", end="2027-01-01", lines=[closed_line(quota=1000, credited=0, deals=deals[1:])]
        ),
    ]
    whole = replace(rep("R1", lines=[]), legs=tuple(legs))
    paid = totals(independent([whole]))
    assert set(np.unique(paid)) == {0, 5_000_000}
    assert np.mean(paid > 0) == pytest.approx(0.6 * 0.75, abs=0.005)


@pytest.mark.parametrize(
    "changes",
    [
        {"probability": 1.2},
        {"probability": float("nan")},
        {"chance": -0.1},
        {"earlier": 0.6, "chance": 0.5},
        {"spread": -1.0},
        {"amount": Decimal("NaN")},
    ],
)
def test_a_deal_that_cannot_be_is_refused_by_name(changes):
    with pytest.raises(TradewindError, match="deal O-7"):
        Deal(**{"opportunity_key": "O-7", "amount": Decimal(5), "probability": 0.5, **changes})
