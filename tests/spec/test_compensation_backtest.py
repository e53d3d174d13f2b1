"""The back-test (semantics 5a, MCS-24): percentile of what was really paid in the forecast of some months before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from include.forecast.backtest import (
    Payment,
    calibrate,
    compare,
    digest,
    known_by,
    mid_rank,
    months_before,
    paid_year,
)
from include.forecast.marginal import Marginal
from tests.forecast_cases import company, line, rep, simulation

YEAR = date(2025, 1, 1), date(2026, 1, 1)
G04 = Marginal("lognormal", -0.11254329438755056, 0.35)


def payment(rep_key="R1", start="2025-01-01", end="2025-12-31", amount="100", currency="USD"):
    return Payment(rep_key, date.fromisoformat(start), date.fromisoformat(end), Decimal(amount), currency)


@pytest.mark.parametrize(
    ("amount", "percentile"), [("0.99", 0), ("1", 0.1), ("1.5", 0.2), ("2", 0.5), ("3", 0.9), ("3.01", 1)]
)
def test_the_percentile_is_a_mid_rank(amount, percentile):
    """Of 1, 2, 2, 2, 3: one lies below 2 and three are equal to it, so 2 is at (1 + 1.5) / 5."""
    assert mid_rank(np.array([100, 200, 200, 200, 300]), Decimal(amount)) == percentile


def test_leads_are_month_ends_before_the_years_end():
    assert [months_before(date(2026, 1, 1), lead).isoformat() for lead in (1, 3, 6)] == [
        "2025-11-30",
        "2025-09-30",
        "2025-06-30",
    ]
    assert months_before(date(2025, 7, 1), 6) == date(2024, 12, 31)
    for end in (date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 4)):
        assert [months_before(end, lead).isoformat() for lead in (1, 6)] == ["2025-12-31", "2025-07-31"]


def test_payments_of_windows_inside_the_year_are_added_up():
    quarters = [("2025-01-01", "2025-03-31"), ("2025-04-01", "2025-06-30"), ("2025-07-01", "2025-12-31")]
    found = paid_year([payment(start=a, end=b) for a, b in quarters] + [payment("R2")], *YEAR, "USD")
    assert (found.by_rep, found.covered_days, found.is_whole) == ({"R1": 300, "R2": 100}, 365, True)


def test_a_year_that_payroll_covers_in_part_is_not_whole():
    found = paid_year(
        [payment(end="2025-09-30"), payment(start="2025-12-01", end="2026-02-28")], *YEAR, "USD"
    )
    assert (found.covered_days, found.is_whole, found.straddling) == (273, False, 100)
    assert paid_year([payment(currency="EUR")], *YEAR, "USD").covered_days == 0


def test_later_facts_are_not_there_yet():
    rows = company(3, year=2025, credited_months=12)
    left = {**rows.sales_reps[0], "termination_date": date(2025, 8, 1)}
    new = {**rows.sales_reps[1], "hire_date": date(2025, 9, 1)}
    rows = replace(rows, sales_reps=[left, new, rows.sales_reps[2]])
    known = known_by(rows, *YEAR, date(2025, 6, 30))
    assert [(r["rep_key"], r["termination_date"]) for r in known.sales_reps] == [
        ("R000", None),
        ("R002", None),
    ]
    assert {c["credit_date"].month for c in known.sales_credits} == {1, 2, 3, 4, 5, 6}
    assert {a["period_end"] for a in known.rep_attainment} == {date(2024, 1, 1), date(2025, 1, 1)}
    later = known_by(rows, *YEAR, date(2025, 8, 31))
    assert later.sales_reps[0]["termination_date"] == date(2025, 8, 1)


def test_the_digest_is_that_of_what_counts_and_not_of_its_order():
    rows = company(3, year=2025, credited_months=12)
    known = known_by(rows, *YEAR, date(2025, 6, 30))
    payments = [payment(), payment("R2")]
    same = replace(known, sales_credits=tuple(reversed(known.sales_credits)))
    assert digest(known, payments, 1) == digest(same, payments[::-1], 1)
    assert digest(known, payments, 1) != digest(known, payments, 2)
    assert digest(known, payments) != digest(known, payments[:1])
    without_december = replace(rows, sales_credits=rows.sales_credits[:-1])
    assert digest(known_by(without_december, *YEAR, date(2025, 6, 30)), payments) == digest(known, payments)


def test_total_and_groups_are_those_who_were_forecast_and_paid():
    """R3 was paid and is not simulated, R4 has no payment: both are listed, neither is in the total."""
    fixed = Marginal("constant", 1.0, 0.0)
    reps = [
        rep("R1", region="East", lines=[line(marginal=fixed)]),
        rep("R2", region="West", role="AM", lines=[line(marginal=fixed)]),
        rep("R4", region="West", lines=[line(marginal=fixed)]),
    ]
    inputs = simulation(reps, exclusions={"R3": "no plan_key", "R5": "no plan_key"})
    paid = paid_year(
        [payment("R1", amount="50000"), payment("R2", amount="60000"), payment("R3")], *YEAR, "USD"
    )
    groups, rows = compare(inputs, paid, seed=1, iterations=200)
    found = {(g.kind, g.key): (g.rep_count, g.paid, g.mean, g.percentile) for g in groups}
    assert found == {
        ("total", ""): (2, 110_000, 100_000, 1.0),
        ("role", "AE"): (1, 50_000, 50_000, 0.5),
        ("role", "AM"): (1, 60_000, 50_000, 1.0),
        ("region", "East"): (1, 50_000, 50_000, 0.5),
        ("region", "West"): (1, 60_000, 50_000, 1.0),
    }
    assert {r.rep_key: r.not_compared for r in rows if r.not_compared} == {
        "R3": "not simulated: no plan_key",
        "R4": "no payment of the year",
        "R5": "not simulated: no plan_key",
    }


def test_a_forecast_that_is_right_gives_even_percentiles():
    """300 independent reps, paid what other draws of the same distribution pay: KS does not object; at 80 % of it, it does."""
    reps = [rep(f"R{i:03d}", lines=[line(marginal=G04)]) for i in range(300)]
    inputs = simulation(reps, correlation_global=0.0, correlation_region=0.0)
    rng, results = np.random.default_rng(11), {}
    drawn = G04.attainment(rng.standard_normal(300))
    for share in (1.0, 0.8):
        pay = inputs.plans["P1"].payout({"revenue": drawn * share}, target_incentive=50_000.0)
        payments = [payment(r.rep_key, amount=f"{p:.2f}") for r, p in zip(reps, pay, strict=True)]
        groups, _ = compare(inputs, paid_year(payments, *YEAR, "USD"), seed=3, iterations=1_000)
        results[share] = next(g for g in groups if g.kind == "total").calibration
    assert results[1.0].p_value > 0.05
    assert abs(results[1.0].mean - 0.5) < 0.05
    assert sum(results[1.0].bins) == 300
    assert results[0.8].p_value < 1e-6


def test_few_percentiles_are_not_tested():
    few = calibrate([0.0, 0.25, 1.0])
    assert (few.bins, few.ks, few.p_value) == ((1, 0, 1, 0, 0, 0, 0, 0, 0, 1), None, None)


def test_a_year_has_no_day_twice():
    overlapping = [
        payment(start="2025-01-01", end="2025-06-30"),
        payment(start="2025-06-01", end="2025-12-31"),
    ]
    assert paid_year(overlapping, *YEAR, "USD").covered_days == 365
