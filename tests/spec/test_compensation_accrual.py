"""Monthly accrual with true-up (semantics 5a): cumulative = E[year payout] x credited / E[year credited]."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from include.close.periods import Period, calendar_months
from include.forecast.accrual import Estimate, Progress, accrue, estimates_of
from include.forecast.accrual_periods import booking_period, periods_covering
from include.forecast.deals import Deal
from include.forecast.inputs import PathPoint
from include.forecast.marginal import Marginal
from include.forecast.plans import Component, Plan
from tests.forecast_cases import line, p1, rep, simulation

HALF = Marginal("constant", 0.5, 0.0)


def estimate(payout, expected, credited, at_start=0, *, key="R1", method="credited", elapsed=("0", "0")):
    return Estimate(
        rep_key=key,
        measure="revenue",
        role="AE",
        region="West",
        method=method,
        expected_payout=Decimal(payout),
        expected_credited=Decimal(expected),
        now=Progress(Decimal(credited), Decimal(elapsed[0])),
        at_start=Progress(Decimal(at_start), Decimal(elapsed[1])),
    )


def month(payout, expected, credited, at_start=0, before=(), **more):
    [row] = accrue(
        [estimate(payout, expected, credited, at_start, **more)], {r.estimate.key: r for r in before}
    )
    return row


def parts(row):
    return tuple(int(x * 100) / 100 for x in (row.cumulative, row.true_up, row.catch_up, row.current))


def test_three_months_that_a_controller_can_check():
    """January: 12,000 expected for 100,000, rate 12 %. February: 13,200 for 110,000, the same rate. March: 15,000
    for 120,000, rate 12.5 %: what was credited by February is trued up by half a percent."""
    january = month("12000", "100000", "10000")
    assert parts(january) == (1200, 0, 0, 1200)
    february = month("13200", "110000", "25000", "10000", [january])
    assert parts(february) == (3000, 0, 0, 1800)
    march = month("15000", "120000", "45000", "25000", [february])
    assert parts(march) == (5625, 125, 0, 2500)
    assert sum(r.true_up + r.catch_up + r.current for r in (january, february, march)) == march.cumulative


def test_a_first_run_in_mid_year_states_the_earlier_months_apart():
    assert parts(month("12000", "100000", "60000", "50000")) == (7200, 0, 6000, 1200)


def test_a_skipped_month_and_a_late_credit_are_caught_up():
    january = month("12000", "100000", "10000")
    march = month("12000", "100000", "45000", "25000", [january])
    assert parts(march) == (5400, 0, 1800, 2400)


def test_a_credit_taken_back_is_taken_back_at_the_present_rate():
    january = month("12000", "100000", "10000")
    february = month("12000", "100000", "15000", "6000", [january])
    assert parts(february) == (1800, 0, -480, 1080)


def test_nothing_credited_or_less_than_nothing_accrues_nothing():
    assert parts(month("12000", "100000", "0")) == (0, 0, 0, 0)
    assert parts(month("12000", "100000", "-500", "-200")) == (0, 0, 0, 0)
    fallen = month("12000", "100000", "-500", "-500", [month("12000", "100000", "10000")])
    assert parts(fallen) == (0, 0, -1200, 0)


def test_where_nothing_is_expected_to_be_credited_pay_is_earned_by_days():
    """A guaranteed 12,000 and 0 / 0: a quarter of the year has earned 3,000, half of it 6,000."""
    first = month("12000", "0", "0", method="time", elapsed=("0.25", "0"))
    assert parts(first) == (3000, 0, 0, 3000)
    second = month("12000", "0", "0", before=[first], method="time", elapsed=("0.5", "0.25"))
    assert parts(second) == (6000, 0, 0, 3000)


def test_at_the_end_of_the_year_all_that_was_earned_is_accrued():
    before = month("12000", "100000", "80000")
    end = month("11500.25", "95000", "95000", "80000", [before], method="complete")
    assert end.cumulative == Decimal("11500.2500")
    assert end.true_up + end.catch_up + end.current == end.cumulative - before.cumulative
    nobody_credited = month("500", "0", "0", method="complete", elapsed=("1", "0.9"))
    assert nobody_credited.cumulative == 500


def test_who_is_no_longer_simulated_is_taken_back_and_can_return():
    january = month("12000", "100000", "10000")
    [gone] = accrue([], {january.estimate.key: january})
    assert (gone.estimate.method, parts(gone)) == ("not_simulated", (0, -1200, 0, 0))
    assert accrue([], {gone.estimate.key: gone}) == []
    back = month("12000", "100000", "45000", "25000", [gone])
    assert parts(back) == (5400, 0, 3000, 2400)


def test_every_part_is_cents_and_they_add_up_whatever_the_rates():
    before = []
    for payout, expected, credited in (
        ("9999.9999", "30000.07", "3333.33"),
        ("10000.0001", "29999.93", "7777.77"),
    ):
        row = month(payout, expected, credited, "5000.01", before)
        for amount in (row.cumulative, row.true_up, row.catch_up, row.current):
            assert amount == amount.quantize(Decimal("0.01"))
        assert row.accrued_before + row.true_up + row.catch_up + row.current == row.cumulative
        before = [row]


def test_expected_credits_come_from_the_inputs_and_not_from_noise():
    """Quota 1,000,000, 300,000 credited, half of it to come at a mean of 0.5: 300,000 + 250,000."""
    inputs = simulation(
        [rep("R1", lines=[line(marginal=HALF, credited=300_000, remaining_quota=500_000)])],
        as_of="2026-06-30",
    )
    [found] = estimates_of(
        inputs, {"R1": Decimal("44000")}, start=date(2026, 6, 1), through=date(2026, 6, 30)
    )
    assert (found.expected_credited, found.now.credited, found.method) == (550_000, 300_000, "credited")
    assert found.cumulative == Decimal("24000.0000")


def test_open_deals_are_expected_credits_in_pipeline_mode():
    """G-05: 300,000 closed, deals of 100,000 at 0.5 and 200,000 at 0.25: 400,000 expected, so three quarters are earned."""
    deals = (Deal("A", Decimal(100_000), 0.5), Deal("B", Decimal(200_000), 0.25))
    one = line(marginal=Marginal("constant", 0.0, 0.0), quota=500_000, credited=300_000, remaining_quota=0)
    inputs = simulation([rep("R1", lines=[replace(one, deals=deals)])])
    october = {"start": date(2026, 10, 1), "through": date(2026, 10, 31)}
    [found] = estimates_of(inputs, {"R1": Decimal("40625")}, **october)
    assert (found.method, found.expected_credited) == ("credited", 400_000)
    assert found.cumulative == Decimal("30468.75")


def test_credits_after_the_period_are_the_next_ones():
    """A run of 5 November about October: what was credited in November is expected, and not yet October's."""
    path = [
        ("2026-09-30", 200_000),
        ("2026-10-31", 250_000),
        ("2026-11-30", 300_000),
        ("2026-12-31", 300_000),
    ]
    points = tuple(PathPoint(day, Decimal(amount), Decimal(0), 0.0) for day, amount in path)
    one = line(marginal=HALF, credited=300_000, remaining_quota=0)
    one = type(one)(**{**vars(one), "path": points})
    inputs = simulation([rep("R1", lines=[one])], as_of="2026-11-05")
    october = {"start": date(2026, 10, 1), "through": date(2026, 10, 31)}
    [found] = estimates_of(inputs, {"R1": Decimal("30000")}, **october)
    assert (found.method, found.now.credited, found.at_start.credited) == ("credited", 250_000, 200_000)
    [row] = accrue([found], {})
    assert parts(row) == (25_000, 0, 20_000, 5_000)


def test_pay_on_two_measures_is_shared_by_what_each_pays_at_target():
    curve = p1().components[0].curve
    plan = Plan(
        "P1",
        "1",
        "payout_curve",
        (Component("a", "revenue", 0.75, curve), Component("b", "units", 0.25, curve)),
    )
    lines = [
        line(marginal=HALF, credited=500_000),
        line(marginal=HALF, measure="units", quota=10, credited=1),
    ]
    inputs = simulation([rep("R1", lines=lines)], plans={"P1": plan})
    found = estimates_of(
        inputs, {"R1": Decimal("100.0001")}, start=date(2026, 10, 1), through=date(2026, 10, 31)
    )
    assert [(e.measure, e.expected_payout) for e in found] == [
        ("revenue", Decimal("75.0001")),
        ("units", Decimal("25.0000")),
    ]


YEAR = calendar_months(date(2026, 1, 1), date(2026, 12, 31), 1)
LATER = calendar_months(date(2027, 1, 1), date(2027, 3, 31), 1)


@pytest.mark.parametrize(
    ("about", "as_of", "closed", "booked"),
    [
        ("2026-10-31", "2026-10-31", None, "2026-10"),
        ("2026-10-31", "2026-11-05", "2026-09-30", "2026-10"),
        # A forecast about a month to come accrues the month whose facts it knows.
        ("2026-12-31", "2026-10-15", None, "2026-10"),
        # A closed period is not changed; the next one's run takes it.
        ("2026-10-31", "2026-11-20", "2026-10-31", None),
        # After the year's end nobody else would: the first open period that the facts reach.
        ("2026-12-31", "2027-02-05", "2027-01-31", "2027-02"),
        ("2026-12-31", "2026-12-31", "2026-12-31", None),
        ("2026-10-31", "2025-12-15", None, None),
    ],
)
def test_the_period_a_run_is_booked_in(about, as_of, closed, booked):
    day = date.fromisoformat
    found = booking_period(
        YEAR, LATER, about=day(about), as_of=day(as_of), closed_through=day(closed) if closed else None
    )
    assert (found.name if found else None) == booked


def test_delivered_periods_count_when_they_leave_no_day_out():
    weeks = [
        Period(date(2026, 1, 1), date(2026, 1, 28), "445", 2026, 1),
        Period(date(2026, 1, 29), date(2026, 2, 28), "445", 2026, 2),
    ]
    first, last = date(2026, 1, 1), date(2026, 2, 28)
    assert periods_covering(weeks, "445", first, last, 1) == weeks
    assert [p.period for p in periods_covering(weeks[:1], "445", first, last, 1)] == [1, 2]
    assert {p.calendar for p in periods_covering(weeks[1:], "445", first, last, 1)} == {"months"}
