"""What a plan file must say, and what each construct pays. One refusal per missing or contradictory statement."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from include.forecast.plans import PlanError, build_plan
from tests.forecast_cases import P1_HEADER, P1_TIERS

TARGET = 50_000.0


def pay(plan, target=TARGET, quota=None, **attainment: float) -> float:
    """Pay of one rep at these attainments per measure."""
    arrays = {measure: np.array([a]) for measure, a in attainment.items()}
    return float(plan.payout(arrays, target_incentive=target, quota=quota)[0])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"accelerator_mode": None}, "accelerator_mode"),
        ({"accelerator_mode": "progressive"}, "accelerator_mode"),
        ({"threshold_mode": None}, "threshold_mode"),
        ({"threshold_mode": "cliff"}, "threshold_mode"),
        ({"threshold_attainment": None}, "threshold_attainment"),
        ({"threshold_attainment": 0}, "threshold_attainment"),
        ({"threshold_mode": "linear_from_threshold", "threshold_attainment": 1}, "threshold_attainment"),
        ({"cap_mode": None}, "cap_mode"),
        ({"cap_mode": "hard"}, "cap_mode"),
        ({"cap_value": None}, "cap_value"),
        ({"cap_value": "NaN"}, "cap_value"),
        ({"plan_kind": "bonus"}, "plan_kind"),
    ],
)
def test_a_plan_without_a_mode_is_refused_by_name(changes, field):
    with pytest.raises(PlanError, match=f"plan P1 version 1, {field}"):
        build_plan({**P1_HEADER, **changes}, P1_TIERS)


@pytest.mark.parametrize(
    ("tiers", "message"),
    [
        ([], "at least one tier"),
        ([{"lower_bound": 0, "rate": 1}, {"lower_bound": 0, "rate": 2}], "each lower_bound once"),
        ([{"lower_bound": -1, "rate": 1}], "0 or more"),
        ([{"lower_bound": 0, "rate": -1}], "0 or more"),
        ([{"lower_bound": 0, "rate": "inf"}], "finite"),
        ([{"lower_bound": "0.8", "rate": 1}], "a gap below 0.8"),
        ([{"lower_bound": 0, "rate": 1, "component": "units"}], "unknown component units"),
    ],
)
def test_a_tier_table_with_a_hole_is_refused(tiers, message):
    with pytest.raises(PlanError, match=message):
        build_plan({**P1_HEADER, "threshold_mode": "none"}, tiers)


def test_tiers_may_begin_at_the_threshold():
    """From zero is what the cliff means; the first rate then holds below its bound too."""
    tiers = [{"lower_bound": Decimal("0.5"), "rate": 1}, *P1_TIERS[1:]]
    assert pay(build_plan(P1_HEADER, tiers), revenue=0.8) == 40_000


def test_a_decelerator_pays_less_above_its_bound():
    tiers = [{"lower_bound": 0, "rate": 1}, {"lower_bound": 1, "rate": "0.5"}]
    header = {**P1_HEADER, "threshold_mode": "none", "cap_mode": "none"}
    assert pay(build_plan(header, tiers), revenue=1.4) == pytest.approx(60_000)
    retroactive = build_plan({**header, "accelerator_mode": "retroactive"}, tiers)
    assert (pay(retroactive, revenue=0.9), pay(retroactive, revenue=1.4)) == (45_000, 35_000)


def test_the_attainment_cap_counts_attainment_up_to_it():
    plan = build_plan({**P1_HEADER, "cap_mode": "attainment", "cap_value": Decimal("1.2")}, P1_TIERS)
    assert pay(plan, revenue=1.2) == pay(plan, revenue=5.0) == pytest.approx(65_000)


def test_attainment_below_zero_pays_nothing():
    assert pay(build_plan({**P1_HEADER, "threshold_mode": "none"}, P1_TIERS), revenue=-0.4) == 0


def test_a_linear_threshold_on_a_retroactive_plan_ends_before_the_accelerator():
    """At 99.99 % the ramp nears the payout at the base rate; at 100 % the reached tier counts from zero."""
    header = {**P1_HEADER, "threshold_mode": "linear_from_threshold", "accelerator_mode": "retroactive"}
    plan = build_plan(header, P1_TIERS)
    assert pay(plan, revenue=0.75) == pytest.approx(25_000)
    assert pay(plan, revenue=1.0) == 75_000


def test_a_rate_plan_pays_its_rates_on_credited_revenue():
    """1 % to quota, 3 % above, on a quota of 800,000: at 1,000,000 credited 8,000 + 6,000."""
    header = {**P1_HEADER, "plan_kind": "rate", "threshold_mode": "none", "cap_mode": "none"}
    plan = build_plan(header, [{"lower_bound": 0, "rate": "0.01"}, {"lower_bound": 1, "rate": "0.03"}])
    assert pay(plan, None, {"revenue": 800_000.0}, revenue=1.25) == pytest.approx(14_000)


def test_a_rate_plan_without_tiers_pays_the_reps_commission_rate():
    header = {**P1_HEADER, "plan_kind": "rate", "threshold_mode": "none", "cap_mode": "none"}
    plan = build_plan(header, [], commission_rate=Decimal("0.012"))
    assert pay(plan, None, {"revenue": 300_000.0}, revenue=2.0) == pytest.approx(7_200)


COMPONENTS = [
    {"component": "rev", "measure": "revenue", "weight": Decimal("0.7")},
    {
        "component": "units",
        "measure": "units",
        "weight": Decimal("0.3"),
        "gate_measure": "revenue",
        "gate_attainment": Decimal("0.8"),
        "kicker_amount": Decimal(1_000),
    },
]


@pytest.mark.parametrize(
    ("revenue", "units", "expected"),
    [
        (1.0, 1.0, 35_000 + 15_000 + 1_000),
        (1.0, 0.9, 35_000 + 13_500),
        (0.79, 1.5, 27_650),
        (0.8, 1.0, 28_000 + 15_000 + 1_000),
        (9.0, 9.0, 125_000 + 1_000),
    ],
)
def test_components_pay_by_weight_then_gate_cap_and_kicker(revenue, units, expected):
    """The kicker is paid once, at 100 % of its measure with the gate met, beside the cap."""
    plan = build_plan(P1_HEADER, P1_TIERS, COMPONENTS)
    assert plan.measures == ("revenue", "units")
    assert pay(plan, revenue=revenue, units=units) == pytest.approx(expected)


def test_a_component_may_have_tiers_of_its_own():
    own = [{"component": "units", "lower_bound": 0, "rate": 2}]
    plan = build_plan(P1_HEADER, [*P1_TIERS, *own], COMPONENTS)
    assert pay(plan, revenue=1.0, units=0.5) == pytest.approx(35_000 + 15_000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": Decimal("0.4")}, "a sum of 1"),
        ({"weight": None}, "component units weight"),
        ({"gate_attainment": None}, "gate_attainment"),
        ({"kicker_amount": Decimal(-1)}, "0 or more"),
    ],
)
def test_components_that_do_not_add_up_are_refused(change, message):
    with pytest.raises(PlanError, match=message):
        build_plan(P1_HEADER, P1_TIERS, [COMPONENTS[0], {**COMPONENTS[1], **change}])


def test_everything_wrong_with_a_plan_is_said_at_once():
    """SPM-14: header, tiers and components are read to the end before the plan is refused."""
    header = {
        "plan_key": "P7",
        "version": "3",
        "accelerator_mode": "sliding",
        "threshold_mode": "cliff_from_zero",
        "threshold_attainment": None,
        "cap_mode": "per_deal",
        "cap_value": Decimal(-1),
    }
    tiers = [
        {"lower_bound": 0, "rate": 1},
        {"lower_bound": 0, "rate": "NaN"},
        {"component": "margin", "lower_bound": "0.5", "rate": 1},
    ]
    components = [
        {**COMPONENTS[0], "weight": None},
        {**COMPONENTS[1], "gate_attainment": None, "kicker_amount": "a lot"},
    ]
    with pytest.raises(PlanError) as caught:
        build_plan(header, tiers, components)
    assert caught.value.where == "plan P7 version 3"
    assert caught.value.got.split("; ") == [
        "8 faults: accelerator_mode: sliding (expected marginal or retroactive)",
        "threshold_attainment: nothing (expected a number)",
        "cap_mode: per_deal (expected none or payout_multiple or attainment)",
        "tiers: unknown component margin (expected components of this plan)",
        "rate: NaN (expected a finite number)",
        "component rev weight: nothing (expected a number)",
        "component units gate_attainment: nothing (expected a number beside gate_measure)",
        "component units kicker_amount: a lot (expected a number)",
    ]


def test_what_depends_on_an_unknown_mode_is_not_judged():
    """A cap of an unknown kind may be right: one fault, not two."""
    with pytest.raises(PlanError, match="cap_mode") as caught:
        build_plan({**P1_HEADER, "cap_mode": "per_deal", "cap_value": None}, P1_TIERS)
    assert caught.value.got == "per_deal"


def test_faults_in_the_tiers_of_a_component_name_it():
    own = [{"component": c["component"], "lower_bound": 0, "rate": 2} for c in COMPONENTS]
    header = {**P1_HEADER, "threshold_mode": "none"}
    assert pay(build_plan(header, own, COMPONENTS), revenue=0.5, units=0.5) == pytest.approx(35_000)
    own[1]["lower_bound"] = "0.2"
    with pytest.raises(PlanError, match=r"tiers of units · expected a tier from 0 on · got a gap below 0.2"):
        build_plan(header, own, COMPONENTS)
