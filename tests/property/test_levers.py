"""Levers and the optimiser against answers known without them: closed forms, other plans, laws of any settings."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import norm

from include.forecast.deals import Deal
from include.forecast.drivers import drivers, totals
from include.forecast.engine import simulate_block
from include.forecast.lever_settings import DriverSettings, OptimiseSettings
from include.forecast.levers import DRIVERS, OPTIMISED, NotApplicable
from include.forecast.marginal import Marginal
from include.forecast.optimise import optimise
from include.forecast.plans import build_plan
from include.forecast.sampling import Sampling
from include.forecast.summary import summarise
from tests.forecast_cases import G04_MU, G04_SIGMA, P1_HEADER, leg, line, p1, rep, simulation
from tests.reference.forecast_reference import Hinges

SEED, N = 77, 20_000
TIERS = ((0, 1), (1, 1.5), (1.2, 2))


def tiers(*pairs: tuple[object, object]) -> list[dict]:
    return [
        {"plan_key": "P1", "version": "1", "lower_bound": Decimal(str(bound)), "rate": Decimal(str(rate))}
        for bound, rate in pairs
    ]


def plan(*pairs: tuple[object, object], **header: object):
    return build_plan({**P1_HEADER, **header}, tiers(*pairs))


UNCAPPED = {"threshold_mode": "none", "threshold_attainment": None, "cap_mode": "none", "cap_value": None}


def one_rep(the_plan=None, *, mu=G04_MU, sigma=G04_SIGMA, **of_line):
    """One rep with nothing correlated: the total is the payout at one lognormal."""
    lines = [line(marginal=Marginal("lognormal", mu, sigma), **of_line)]
    return simulation(
        [rep("R1", lines=lines)],
        plans={"P1": the_plan or p1()},
        correlation_global=0.0,
        correlation_region=0.0,
    )


def portfolio(the_plan, count: int = 7):
    return simulation(
        [
            rep(
                f"R{i}",
                region=str(i % 3),
                target=40_000 + 1_111 * i,
                lines=[
                    line(
                        marginal=Marginal("lognormal", -0.1, 0.3, p0=0.05 * (i % 2)),
                        credited=70_000 * i,
                        remaining_quota=900_000 - 50_000 * i,
                    )
                ],
            )
            for i in range(count)
        ],
        plans={"P1": the_plan},
    )


def search(inputs, lever, budget, bounds, *, percentile=95, step=0.001, iterations=N):
    asked = {"percentile": percentile, "step": step, "levers": {lever: list(bounds)}}
    rules = OptimiseSettings.from_mapping(asked)
    return optimise(inputs, SEED, iterations, lever=lever, settings=rules, budget_amount=Decimal(budget))


class TestClosedForms:
    """One lognormal rep: every payout quantile is the payout at the attainment's quantile."""

    def test_quota_scale_of_a_flat_plan(self):
        """Pay = 50,000 a / s, so P95 meets the budget at s = 50,000 exp(mu + z95 sigma) / budget."""
        inputs = one_rep(plan((0, 1), **UNCAPPED), mu=-0.2, sigma=0.5)
        exact = 50_000 * np.exp(-0.2 + 0.5 * ndtri(0.95)) / 80_000
        found = search(inputs, "quota_scale", 80_000, (0.5, 2.0), step=1e-5, iterations=200_000)
        # Four standard errors of the sample's P95, which moves the setting in proportion.
        error = np.sqrt(0.05 * 0.95 / 200_000) / norm.pdf(ndtri(0.95)) * 0.5
        assert found.status == "met"
        assert found.setting == pytest.approx(exact, rel=4 * error + 1e-5)
        # Against its own sample the answer is exact to the step.
        p95 = float(np.quantile(totals(inputs, SEED, 200_000), 0.95)) / 100
        assert found.setting == pytest.approx(p95 / 80_000, abs=1.1e-5)

    @pytest.mark.parametrize("percentile", [60, 90, 99])
    def test_quota_scale_of_a_rate_plan(self, percentile):
        """5 % of revenue up to quota, 12 % above: P = 0.05 sQ + 0.12 (R - sQ), solved for s."""
        rate = plan((0, 0.05), (1, 0.12), plan_kind="rate", **UNCAPPED)
        inputs = one_rep(rate, mu=0.1, sigma=0.3, quota=800_000)
        revenue = float(np.quantile(totals(one_rep(plan((0, 1), plan_kind="rate", **UNCAPPED), mu=0.1,
                                                   sigma=0.3, quota=800_000), SEED, N), percentile / 100)) / 100  # fmt: skip
        budget = Decimal(round(0.95 * (0.05 * 800_000 + 0.12 * (revenue - 800_000)), 2))
        exact = (0.12 * revenue - float(budget)) / (0.07 * 800_000)
        found = search(inputs, "quota_scale", budget, (0.2, 5.0), percentile=percentile, step=1e-4)
        assert found.status == "met"
        assert found.setting == pytest.approx(exact, abs=1.1e-4)
        assert found.amount <= budget < found.next_amount

    def test_accelerator_scale(self):
        """Above 100 % P1 pays 50,000 (1 + s (1.5 x 0.2 + 2 (a - 1.2))): s follows from the budget."""
        inputs = one_rep(p1(cap_mode="none"))
        a95 = float(np.quantile(totals(one_rep(plan((0, 1), **UNCAPPED)), SEED, N), 0.95)) / 100 / 50_000
        exact = (75_000 / 50_000 - 1.0) / (1.5 * 0.2 + 2 * (a95 - 1.2))
        found = search(inputs, "accelerator_scale", 75_000, (0.0, 2.0), step=1e-4)
        assert found.setting == pytest.approx(exact, abs=1.1e-4)

    def test_threshold_that_leaves_a_share_unpaid(self):
        """The median is nothing from the threshold on that half the reps miss: exp(mu)."""
        inputs = one_rep(plan((0, 1), cap_mode="none"), mu=-0.3, sigma=0.4)
        median = float(
            np.quantile(totals(one_rep(plan((0, 1), **UNCAPPED), mu=-0.3, sigma=0.4), SEED, N), 0.5)
        )
        found = search(inputs, "threshold", 1_000, (0.0, 2.0), percentile=50, step=1e-4)
        assert found.setting == pytest.approx(np.exp(-0.3), rel=0.02)
        assert found.setting == pytest.approx(median / 5_000_000, abs=2e-4)
        # The percentile jumps over the budget: one step cheaper in threshold is far above it.
        assert found.next_amount > 30_000

    @pytest.mark.parametrize(
        ("lever", "size", "changed"),
        [
            ("accelerator", 0.1, ([(0, 1), (1, 1.65), (1.2, 2.2)], 0.5, 2.5)),
            ("accelerator", -0.25, ([(0, 1), (1, 1.125), (1.2, 1.5)], 0.5, 2.5)),
            ("threshold", 0.2, (TIERS, 0.7, 2.5)),
            ("threshold", -0.1, (TIERS, 0.4, 2.5)),
            ("cap", -0.2, (TIERS, 0.5, 2.0)),
        ],
    )
    def test_means_of_changed_plans(self, lever, size, changed):
        """The expectation of P1 and of the changed plan in closed form; the paired delta within 4 errors."""
        hinges = Hinges(G04_MU, G04_SIGMA)
        exact = 50_000 * (hinges.expected(*changed) - hinges.expected(TIERS, 0.5, 2.5))
        [effect] = drivers(one_rep(), SEED, N, {lever: [size]})
        assert abs(float(effect.delta_mean) - exact) < 4 * float(effect.delta_mean_se)
        assert effect.delta_mean_se < 250

    def test_win_rates_of_open_deals(self):
        """Two deals on a flat plan: the mean moves by the expected revenue, a sure deal cannot become surer."""
        deals = (Deal("a", Decimal(300_000), 0.4, is_correlated=False), Deal("b", Decimal(200_000), 1.0))
        lines = [replace(line(marginal=Marginal("constant", 0.0, 0.0), remaining_quota=0), deals=deals)]
        inputs = simulation([rep("R1", lines=lines)], plans={"P1": plan((0, 1), **UNCAPPED)})
        [more, less] = sorted(
            drivers(inputs, SEED, N, {"win_rate": [0.25, -0.5]}), key=lambda effect: -effect.size
        )
        for effect, exact in ((more, 50_000 * 0.3 * 0.1), (less, -50_000 * (0.3 * 0.2 + 0.2 * 0.5))):
            assert abs(float(effect.delta_mean) - exact) < 4 * float(effect.delta_mean_se)
        assert more.mean - more.delta_mean == less.mean - less.delta_mean

    def test_error_of_the_p95_difference(self):
        """Scaled targets scale P95 alone: its error is that of P95, whose asymptotic form is known."""
        inputs = one_rep(plan((0, 1), **UNCAPPED))
        [effect] = drivers(inputs, SEED, N, {"target_incentive": [0.1]})
        p95 = 50_000 * np.exp(G04_MU + G04_SIGMA * ndtri(0.95))
        density = norm.pdf(ndtri(0.95)) / (p95 * G04_SIGMA)
        exact = 0.1 * np.sqrt(0.05 * 0.95 / N) / density
        assert float(effect.delta_p95) == pytest.approx(0.1 * p95, abs=5 * exact)
        assert float(effect.delta_p95_se) == pytest.approx(exact, rel=0.25)

    @pytest.mark.parametrize(
        "sampling", [Sampling("antithetic"), Sampling("sobol", 256)], ids=["antithetic", "sobol"]
    )
    def test_errors_know_which_iterations_depend_on_each_other(self, sampling):
        """Over seeds, deltas scatter as their errors say."""
        inputs = replace(portfolio(plan((0, 1), **UNCAPPED)), sampling=sampling)
        effects = [drivers(inputs, seed, 16 * 256, {"target_incentive": [0.1]})[0] for seed in range(24)]
        for name in ("mean", "p95"):
            seen = np.std([float(getattr(e, f"delta_{name}")) for e in effects], ddof=1)
            said = np.sqrt(np.mean([float(getattr(e, f"delta_{name}_se")) ** 2 for e in effects]))
            assert 0.6 < said / seen < 1.6, (name, said, seen)

    def test_pairing_is_what_makes_errors_small(self):
        inputs = portfolio(p1())
        [effect] = drivers(inputs, SEED, N, {"quota": [0.05]})
        alone = float(np.std(totals(inputs, SEED, N)) / 100 / np.sqrt(N))
        assert float(effect.delta_mean_se) < alone / 4


class TestLaws:
    """What holds for any plan, budget and setting."""

    @pytest.mark.parametrize("name", DRIVERS)
    def test_a_lever_left_alone_changes_nothing(self, name):
        inputs = portfolio(p1())
        lever = DRIVERS[name]
        try:
            same = lever.apply(inputs, lever.setting(0.0))
        except NotApplicable:
            return
        assert np.array_equal(totals(same, SEED, 500), totals(inputs, SEED, 500))

    @settings(max_examples=25, deadline=None)
    @given(
        lever=st.sampled_from(sorted(OPTIMISED)),
        mode=st.sampled_from(["marginal", "retroactive"]),
        threshold=st.sampled_from(["cliff_from_zero", "linear_from_threshold"]),
        low=st.floats(0.05, 0.9),
        step=st.floats(0.01, 0.09),
    )
    def test_cost_moves_one_way(self, lever, mode, threshold, low, step):
        """Rates that rise with attainment: iteration by iteration a dearer setting never pays less."""
        inputs = portfolio(p1(accelerator_mode=mode, threshold_mode=threshold))
        apply = OPTIMISED[lever].apply
        # A retroactive rate scaled below the first one pays less at 100 % than before it, on purpose.
        low = low + 1.0 if lever == "accelerator_scale" and mode == "retroactive" else low
        first, second = (totals(apply(inputs, at), SEED, 400) for at in (low, low + step))
        dearer, cheaper = (second, first) if lever == "accelerator_scale" else (first, second)
        assert np.all(dearer >= cheaper)

    @settings(max_examples=25, deadline=None)
    @given(
        lever=st.sampled_from(sorted(OPTIMISED)),
        share=st.floats(0.5, 1.6),
        percentile=st.integers(1, 99),
    )
    def test_the_answer_meets_the_budget_and_the_next_step_does_not(self, lever, share, percentile):
        inputs = portfolio(p1())
        now = totals(inputs, SEED, 300)
        budget = (Decimal(int(np.quantile(now, percentile / 100))) / 100 * Decimal(share)).quantize(
            Decimal("0.01")
        )
        found = search(inputs, lever, budget, (0.3, 0.94), percentile=percentile, iterations=300)
        assert found.is_monotone
        changed = OPTIMISED[lever].apply(inputs, found.setting)
        again = np.quantile(totals(changed, SEED, 300), percentile / 100) / 100
        assert float(found.amount) == pytest.approx(again, abs=1e-3)
        if found.status == "met":
            assert found.amount <= budget < found.next_amount
            assert abs(found.next_setting - found.setting) == pytest.approx(0.001)
        elif found.status == "met_everywhere":
            assert found.amount <= budget
            assert found.setting == (0.94 if lever == "accelerator_scale" else 0.3)
        else:
            assert found.status == "unattainable"
            assert found.amount > budget
            assert found.setting == (0.3 if lever == "accelerator_scale" else 0.94)

    def test_a_scaled_quota_does_not_change_what_is_sold(self):
        """Everything is paid as a rate of revenue: no quota changes it."""
        flat = plan((0, 0.04), plan_kind="rate", **UNCAPPED)
        [first, second] = drivers(portfolio(flat), SEED, 500, {"quota": [-0.3, 0.5]})
        assert abs(first.delta_mean) < Decimal("0.05")
        assert abs(second.delta_mean) < Decimal("0.05")

    def test_the_answer_does_not_depend_on_the_roster(self):
        inputs = portfolio(p1())
        grown = simulation(
            [*reversed(inputs.reps), rep("Z", lines=[line(marginal=Marginal("constant", 0.0, 0.0))])],
            plans={"P1": p1()},
        )
        levers = DriverSettings().levers
        assert drivers(inputs, SEED, 300, levers) == drivers(grown, SEED, 300, levers)


class TestWhatDoesNotApply:
    """A lever nothing can be moved by is listed with the reason; it is no error."""

    @pytest.mark.parametrize(
        ("lever", "the_plan", "reason"),
        [
            ("cap", p1(cap_mode="none"), "no plan has a cap"),
            ("threshold", plan((0, 1), **UNCAPPED), "no plan has a threshold"),
            ("accelerator", plan((0, 1), (0.8, 1.5)), "no plan has a tier that begins at 100 %"),
            ("commission_rate", p1(), "no plan pays a rate of revenue"),
            ("target_incentive", plan((0, 0.05), plan_kind="rate", **UNCAPPED), "target incentive"),
            ("win_rate", p1(), "no open deal"),
            ("hiring_freeze", p1(), "nobody is hired after 2026-10-31"),
        ],
    )
    def test_it_says_why(self, lever, the_plan, reason):
        effects = drivers(portfolio(the_plan), SEED, 50, {lever: DriverSettings().levers[lever]})
        assert effects
        assert all(reason in effect.reason and effect.delta_p95 is None for effect in effects)

    def test_correlations_above_one_are_not_tried(self):
        inputs = simulation(
            [rep("R1", lines=[line(marginal=Marginal("lognormal", 0.0, 0.3))])],
            correlation_global=0.5,
            correlation_region=0.3,
        )
        effects = {effect.size: effect for effect in drivers(inputs, SEED, 50, {"correlation": [-0.5, 0.5]})}
        assert effects[-0.5].reason is None
        assert "together above 1" in effects[0.5].reason

    def test_a_year_that_is_over_has_nothing_to_draw(self):
        inputs = one_rep(credited=900_000, remaining_quota=0)
        [effect] = drivers(inputs, SEED, 50, {"spread": [0.1]})
        assert effect.reason == "nothing of the year is left to draw"

    def test_a_line_cannot_start_at_100_percent(self):
        inputs = one_rep(p1(threshold_mode="linear_from_threshold"))
        found = search(inputs, "threshold", 1, (0.0, 1.2), iterations=50)
        assert found.status == "not_applicable"
        assert "would not end at 100 %" in found.reason

    def test_hires_to_come_are_left_out(self):
        lines = [line(marginal=Marginal("lognormal", 0.0, 0.3))]
        hire = replace(rep("R2", lines=lines), legs=(leg(start="2026-12-01", lines=lines),))
        both, alone = (
            simulation(reps) for reps in ([rep("R1", lines=lines), hire], [rep("R1", lines=lines)])
        )
        [effect] = drivers(both, SEED, 200, {"hiring_freeze": [-1.0]})
        assert effect.mean == summarise(totals(alone, SEED, 200)).mean


class TestCurvesThatBend:
    """A decelerator or a retroactive step can make a percentile fall where it should rise."""

    def test_it_is_said_and_the_answer_still_meets_the_budget(self):
        # Everything at 110 %: below the second tier pays 1.1 x 2, from it on 1.1 x 0.5.
        steps = plan((0, 2), (1.3, 0.5), accelerator_mode="retroactive", **UNCAPPED)
        inputs = simulation(
            [rep("R1", lines=[line(marginal=Marginal("constant", 1.1, 0.0))])], plans={"P1": steps}
        )
        found = search(inputs, "quota_scale", 90_000, (0.5, 2.0), iterations=2)
        assert found.is_monotone is False
        assert found.amount <= 90_000
        assert (
            simulate_block(OPTIMISED["quota_scale"].apply(inputs, found.setting), SEED, 0, 1).rep_sums[0]
            <= 9_000_000
        )


def test_one_iteration_has_no_errors():
    effects = drivers(portfolio(p1()), SEED, 1, DriverSettings().levers, budget_amount=Decimal(1))
    assert all(effect.delta_mean_se is None and effect.delta_p95_se is None for effect in effects)
