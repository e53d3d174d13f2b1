"""A rep's days in the year: plan versions, hires, leavers, ramp. A plan that changes inside the year makes legs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from include.errors import TradewindError
from include.forecast.engine import rep_cents
from include.forecast.horizon import Horizon
from include.forecast.inputs import RepInput, SimulationInputs
from include.forecast.mart_rows import MartRows
from tests.forecast_cases import company
from tests.spec.test_forecast_input_rules import HORIZON, frozen, with_rep

YEAR_END = replace(HORIZON, as_of=date(2026, 12, 31))
JULY = date(2026, 7, 1)


def with_versions(rows: MartRows, *windows: tuple[date | None, date | None], **second: object) -> MartRows:
    """Plan P1 in versions 1, 2, .. over these windows (both days inclusive); `second` changes version 2's terms."""
    plan, tiers = rows.compensation_plans[0], list(rows.compensation_plan_tiers)
    names = [str(n) for n in range(1, len(windows) + 1)]
    plans = [
        {**plan, "version": name, "effective_from": first, "effective_to": last}
        for name, (first, last) in zip(names, windows, strict=True)
    ]
    if second:
        plans[1].update(second)
    tiers += [{**t, "version": name} for name in names[1:] for t in tiers]
    return replace(rows, compensation_plans=plans, compensation_plan_tiers=tiers)


def changed_in_july(rows: MartRows, **terms: object) -> MartRows:
    """Plan P1, with other terms from July on."""
    return with_versions(rows, (None, date(2026, 6, 30)), (JULY, None), **terms)


def rep_of(simulation: SimulationInputs, key: str = "R000") -> RepInput:
    return next(rep for rep in simulation.reps if rep.rep_key == key)


def credits_of(rows: MartRows, key: str, *credits: tuple[date, int]) -> MartRows:
    """The company where one rep has these credits only."""
    others = [c for c in rows.sales_credits if c["rep_key"] != key]
    own = [
        {**rows.sales_credits[0], "rep_key": key, "credit_date": on, "amount": Decimal(n)}
        for on, n in credits
    ]
    return replace(rows, sales_credits=others + own)


def paid(simulation: SimulationInputs, key: str = "R000") -> set[Decimal]:
    """What a rep is paid in some iterations."""
    found = next(cents for rep, cents in rep_cents(simulation, 1, 0, 40) if rep.rep_key == key)
    return {Decimal(int(c)) / 100 for c in found}


def test_each_version_pays_its_days_by_its_own_quota_and_share_of_the_target():
    """181 days at 80 % on the old terms, 184 days at 120 % on new ones without threshold, accelerator on all."""
    terms = {"accelerator_mode": "retroactive", "threshold_mode": "none", "cap_mode": "none"}
    rows = credits_of(
        company(), "R000", (date(2026, 6, 30), 400_000), (JULY, 500_000), (date(2026, 9, 1), 100_000)
    )
    simulation = frozen(changed_in_july(rows, **terms), YEAR_END)[0]
    old, new = rep_of(simulation).legs
    assert (old.start, old.end, new.start, new.end) == (
        "2026-01-01",
        "2026-07-01",
        "2026-07-01",
        "2027-01-01",
    )
    assert (old.target_incentive, new.target_incentive) == (Decimal("19835.62"), Decimal("20164.38"))
    assert [(leg.lines[0].quota, leg.lines[0].credited) for leg in (old, new)] == [
        (500_000, 400_000), (500_000, 600_000),
    ]  # fmt: skip
    # 19,835.62 x 0.8 = 15,868.496 and 20,164.38 x 2.0 x 1.2 = 48,394.512, each half up to the cent.
    assert paid(simulation) == {Decimal("15868.50") + Decimal("48394.51")}


def test_threshold_and_cap_hold_for_each_leg():
    """40 % in the first half is below the threshold of 50 %, though the year as a whole is above it."""
    rows = credits_of(company(), "R000", (date(2026, 2, 1), 200_000), (date(2026, 8, 1), 2_000_000))
    simulation = frozen(changed_in_july(rows, cap_value=Decimal(2)), YEAR_END)[0]
    assert paid(simulation) == {Decimal("40328.76")}


def test_versions_that_pay_the_same_are_one_leg():
    """A plan that was only renamed did not change: the year stays one year, with one threshold."""
    rows = company()
    renamed, plain = (frozen(r)[0] for r in (changed_in_july(rows), rows))
    assert [leg.plan for leg in rep_of(renamed).legs] == ["P1|2"]
    assert rep_of(renamed).lines == rep_of(plain).lines
    assert rep_of(renamed).target_incentive == 40_000


def test_the_first_leg_keeps_the_draws_of_an_unchanged_plan():
    """A change announced for December moves no draw of the months before it."""
    december = date(2026, 12, 1)
    rows = with_versions(
        company(), (None, date(2026, 11, 30)), (december, None), threshold_attainment=Decimal("0.4")
    )
    later = rep_of(frozen(rows)[0]).legs
    assert [leg.lines[0].remaining_months for leg in later] == [1.0, 1.0]
    first_only = replace(rep_of(frozen(rows)[0]), legs=later[:1])
    simulation = frozen(rows)[0]
    alone = replace(simulation, reps=(first_only,))
    both = replace(simulation, reps=(rep_of(simulation),))
    (_, before), (_, after) = next(rep_cents(alone, 5, 0, 500)), next(rep_cents(both, 5, 0, 500))
    assert (after >= before).all()


@pytest.mark.parametrize(
    ("windows", "reason"),
    [
        (
            [(date(2027, 1, 1), None)],
            "plan gap: no version of plan P1 in force from 2026-01-01 to 2026-12-31",
        ),
        (
            [(None, date(2026, 10, 30))],
            "plan gap: no version of plan P1 in force from 2026-10-31 to 2026-12-31",
        ),
        ([(JULY, None)], "plan gap: no version of plan P1 in force from 2026-01-01 to 2026-06-30"),
        (
            [(None, date(2026, 3, 31)), (date(2026, 4, 2), None)],
            "plan gap: no version of plan P1 in force from 2026-04-01 to 2026-04-01",
        ),
        ([(None, None), (JULY, None)], "versions 1, 2 of plan P1 are all in force on 2026-07-01"),
    ],
)
def test_a_gap_or_overlap_of_plan_versions_excludes_and_stops_when_it_hits_everybody(windows, reason):
    with pytest.raises(TradewindError, match=f"24 reps, all excluded: 24 x {reason}"):
        frozen(with_versions(company(), *windows))


@pytest.mark.parametrize(
    ("service", "windows"),
    [
        ({"hire_date": JULY}, [(JULY, None)]),
        ({"termination_date": date(2026, 6, 30)}, [(None, date(2026, 6, 30))]),
        ({"hire_date": date(2026, 5, 1)}, [(None, date(2026, 2, 1)), (date(2026, 4, 1), None)]),
    ],
)
def test_a_gap_outside_the_reps_service_is_no_gap(service, windows):
    simulation = frozen(with_versions(with_rep(company(), **service), *windows))
    assert "R000" not in simulation[0].exclusions


def test_a_plan_known_beyond_as_of_goes_on_and_a_note_says_so():
    """A fiscal year from July reaches into a calendar year whose plans are not written yet."""
    horizon = Horizon("2026-10", date(2026, 10, 31), JULY, date(2027, 7, 1))
    rows = with_versions(company(), (date(2026, 1, 1), date(2026, 12, 31)))
    simulation = frozen(rows, horizon)[0]
    assert rep_of(simulation).legs[0].end == "2027-07-01"
    assert simulation.notes.count("plan P1 is known to 2026-12-31 and taken to go on as it is") == 1


def test_a_fiscal_year_of_weeks_may_begin_and_end_beside_the_plan_year():
    horizon = Horizon("2026-10", date(2027, 1, 2), date(2025, 12, 28), date(2027, 1, 3))
    rows = with_versions(company(), (date(2026, 1, 1), date(2026, 12, 31)))
    leg = rep_of(frozen(rows, horizon)[0]).legs[0]
    assert (leg.start, leg.end, leg.target_incentive) == ("2025-12-28", "2027-01-03", 40_000)


@pytest.mark.parametrize(
    ("service", "target", "quota"),
    [
        ({"termination_date": date(2026, 6, 30)}, "19835.62", 500_000),
        ({"termination_date": date(2026, 11, 30)}, "36602.74", "915760.87"),
        ({"hire_date": JULY}, "20164.38", 1_000_000),
        ({"hire_date": date(2026, 12, 1)}, "3397.26", 1_000_000),
        ({"hire_date": date(2026, 3, 2), "termination_date": date(2026, 3, 2)}, "109.59", "169444.44"),
    ],
)
def test_the_target_incentive_is_a_years_and_is_served_by_days(service, target, quota):
    """A leaver's quota ends with the service, a hire's windows are taken as they are."""
    leg = rep_of(frozen(with_rep(company(), **service))[0]).legs[0]
    assert leg.target_incentive == Decimal(target)
    assert leg.lines[0].quota == Decimal(quota)


def test_who_leaves_after_as_of_has_what_is_to_come_until_then():
    line = rep_of(frozen(with_rep(company(), termination_date=date(2026, 11, 30)))[0]).lines[0]
    assert (line.remaining_months, line.remaining_quota) == (1.0, Decimal("81521.74"))


def test_a_leg_without_quota_is_not_paid_and_said_so():
    rows = changed_in_july(company(), cap_value=Decimal(2))
    second_half = [q for q in rows.quotas if not (q["rep_key"] == "R000" and q["period_start"] < JULY)]
    simulation = frozen(replace(rows, quotas=second_half))[0]
    assert [leg.start for leg in rep_of(simulation).legs] == ["2026-07-01"]
    assert (
        "R000: no revenue quota window from 2026-01-01 to 2026-06-30, nothing is paid for these days"
        in simulation.notes
    )


def test_a_quota_changed_in_mid_quarter_counts_by_its_windows():
    rows = company()
    change = date(2026, 8, 15)
    quotas = [
        q for q in rows.quotas if not (q["rep_key"] == "R000" and q["period_start"] == JULY)
    ] + [
        {**rows.quotas[0], "period_start": JULY, "period_end": change, "quota_amount": Decimal(120_000)},
        {**rows.quotas[0], "period_start": change, "period_end": date(2026, 10, 1), "quota_amount": Decimal(180_000)},
    ]  # fmt: skip
    assert rep_of(frozen(replace(rows, quotas=quotas))[0]).lines[0].quota == 1_050_000


@pytest.mark.parametrize(
    ("hired", "band"),
    [(date(2026, 5, 1), "ramped"), (date(2026, 6, 15), "ramp"), (date(2026, 12, 1), "ramp")],
)
def test_the_band_is_that_of_most_of_the_days_to_come(hired, band):
    """Six months of ramp from May end with October: the rest of the year is ramped. From mid-June, half of it."""
    rows = with_rep(company(), hire_date=hired)
    assert rep_of(frozen(rows)[0]).segment == f"AE|{band}"


def test_a_territory_is_carried_and_decides_nothing():
    rows = with_rep(company(), territory="East-1")
    simulation = frozen(rows)[0]
    assert [rep.territory for rep in simulation.reps[:2]] == ["East-1", "Unknown"]
    assert rep_of(simulation).lines == rep_of(frozen(company())[0]).lines
