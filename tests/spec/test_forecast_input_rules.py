"""Who is simulated and on what: required inputs, exclusions with their reasons, time, currencies, budgets."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from include.errors import MissingInput
from include.forecast.config import ForecastConfig
from include.forecast.engine import simulate_block
from include.forecast.horizon import Horizon, QuotaWindow, clip_windows, fiscal_year, months_between, quota_of
from include.forecast.marginal import Marginal
from include.forecast.mart_rows import MartRows
from include.forecast.prepare import prepare
from tests.forecast_cases import company

HORIZON = Horizon("2026-10", date(2026, 10, 31), date(2026, 1, 1), date(2027, 1, 1))


def frozen(rows: MartRows, horizon: Horizon = HORIZON, **settings: object):
    """Simulations of `rows`."""
    return prepare(rows, horizon, ForecastConfig.from_mapping(settings), tenant="alpha", currency="USD")


def with_rep(rows: MartRows, **changes: object) -> MartRows:
    """The company with its first rep changed."""
    return replace(rows, sales_reps=[{**rows.sales_reps[0], **changes}, *rows.sales_reps[1:]])


def line_of(simulation, key: str):
    return next(rep for rep in simulation.reps if rep.rep_key == key).lines[0]


@pytest.mark.parametrize(
    "mart", ["sales_reps", "quotas", "compensation_plans", "compensation_plan_tiers", "sales_credits"]
)
def test_a_missing_required_input_stops_the_run_and_is_named(mart):
    with pytest.raises(MissingInput, match=f"none in planning.{mart}"):
        frozen(replace(company(), **{mart: []}))


def test_all_missing_inputs_are_named_at_once():
    with pytest.raises(MissingInput, match=r"planning.quotas, planning.sales_credits"):
        frozen(replace(company(), quotas=[], sales_credits=[]))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"plan_key": None}, "no plan_key"),
        ({"plan_key": "P9"}, "plan P9 does not exist"),
        ({"target_incentive": None}, "no target_incentive, which plan P1 pays in multiples of"),
        ({"target_incentive": Decimal("NaN")}, "target_incentive is NaN"),
        ({"termination_date": date(2025, 12, 31)}, "not active: left 2025-12-31, before the fiscal year"),
        ({"hire_date": date(2027, 1, 1)}, "not active: hired 2027-01-01, after the fiscal year"),
        ({"rep_key": "X"}, "no revenue quota window in the fiscal year"),
        ({"currency": "EUR"}, "quota in USD, pay in EUR, and no exchange rate"),
    ],
)
def test_a_rep_who_cannot_be_simulated_is_listed_with_the_reason(changes, reason):
    rows = with_rep(company(), **changes)
    simulation = frozen(rows)[0]
    assert simulation.exclusions == {rows.sales_reps[0]["rep_key"]: reason}
    assert len(simulation.reps) == len(rows.sales_reps) - 1


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        (Decimal(0), "revenue quota is zero"),
        (None, "no amount"),
        (Decimal(-5), "negative"),
        (Decimal("NaN"), "no amount"),
        (Decimal("0.0001"), "less than a cent"),
        (Decimal("0.05"), "more than 1,000,000 times the quota of 0.2"),
    ],
)
def test_a_quota_of_nothing_excludes_its_rep(amount, reason):
    rows = company()
    quotas = [{**q, "quota_amount": amount} if q["rep_key"] == "R000" else q for q in rows.quotas]
    assert reason in frozen(replace(rows, quotas=quotas))[0].exclusions["R000"]


def test_credits_of_a_wrong_unit_exclude_their_rep_and_nobody_else():
    rows = company()
    slipped = {**rows.sales_credits[0], "amount": Decimal("99999999999999.99")}
    simulation = frozen(replace(rows, sales_credits=[*rows.sales_credits, slipped]))[0]
    assert "a wrong unit" in simulation.exclusions[slipped["rep_key"]]
    assert [rep.rep_key for rep in simulation.reps] == [
        rep.rep_key for rep in frozen(rows)[0].reps if rep.rep_key != slipped["rep_key"]
    ]


def test_a_scaled_quota_never_becomes_nothing():
    rows = company()
    quotas = [{**q, "quota_amount": Decimal("0.01")} if q["rep_key"] == "R000" else q for q in rows.quotas]
    credits = [c for c in rows.sales_credits if c["rep_key"] != "R000"]
    tiny = {"base": {"quota_scale": 0.001}}
    simulation = frozen(replace(rows, quotas=quotas, sales_credits=credits), scenarios=tiny)[0]
    assert line_of(simulation, "R000").quota == Decimal("0.01")


def test_overlapping_quota_windows_exclude_their_rep():
    rows = company()
    extra = {**rows.quotas[0], "period_start": date(2026, 2, 1)}
    assert "do not overlap" in frozen(replace(rows, quotas=[*rows.quotas, extra]))[0].exclusions["R000"]


def test_an_unknown_construct_excludes_the_reps_on_that_plan():
    rows = company()
    bad = {**rows.compensation_plans[0], "plan_key": "P2", "accelerator_mode": "sliding"}
    rows = with_rep(replace(rows, compensation_plans=[*rows.compensation_plans, bad]), plan_key="P2")
    tiers = [*rows.compensation_plan_tiers, {**rows.compensation_plan_tiers[0], "plan_key": "P2"}]
    reason = frozen(replace(rows, compensation_plan_tiers=tiers))[0].exclusions["R000"]
    assert reason == "plan P2 version 1, accelerator_mode: expected marginal or retroactive, got sliding"


def test_the_year_is_credits_to_date_and_the_quota_still_to_come():
    line = line_of(frozen(company())[0], "R003")
    credits = [c for c in company().sales_credits if c["rep_key"] == "R003"]
    assert line.quota == 1_000_000
    assert line.credited == sum(c["amount"] for c in credits)
    # November and December of a quarter's quota of 250,000: 61 of 92 days.
    assert line.remaining_quota == Decimal("165760.8700")
    assert line.remaining_months == 2.0


def test_credits_after_as_of_and_outside_windows_do_not_count():
    rows = company()
    late = {**rows.sales_credits[0], "credit_date": date(2026, 11, 1), "amount": Decimal(10**6)}
    assert line_of(frozen(replace(rows, sales_credits=[*rows.sales_credits, late]))[0], "R000") == line_of(
        frozen(rows)[0], "R000"
    )
    no_first = [
        q for q in rows.quotas if not (q["rep_key"] == "R000" and q["period_start"] == date(2026, 1, 1))
    ]
    simulation = frozen(replace(rows, quotas=no_first))[0]
    assert line_of(simulation, "R000").quota == 750_000
    assert simulation.notes[0].startswith("R000: revenue credits of 237000 lie outside any quota window")


def test_quotas_that_end_before_the_year_are_noted():
    rows = company()
    quotas = [
        q for q in rows.quotas if not (q["rep_key"] < "R002" and q["period_start"] == date(2026, 10, 1))
    ]
    simulation = frozen(replace(rows, quotas=quotas))[0]
    assert simulation.notes[-1].startswith("2 reps have no quota window at the end of the year (R000, R001)")


def test_overlay_credits_are_noted_and_not_counted():
    """G-13, C2: a deal's revenue splits are attainment, its overlay is not."""
    rows = company()
    overlay = {**rows.sales_credits[0], "credit_type": "overlay", "amount": Decimal(20_000)}
    simulation = frozen(replace(rows, sales_credits=[*rows.sales_credits, overlay]))[0]
    assert line_of(simulation, "R000") == line_of(frozen(rows)[0], "R000")
    assert simulation.notes == ("R000: revenue overlay credits of 20000 are not in attainment",)


def test_negative_net_credits_pay_nothing_and_are_noted():
    rows = company()
    refund = {**rows.sales_credits[0], "amount": Decimal(-5_000_000)}
    simulation = frozen(replace(rows, sales_credits=[*rows.sales_credits, refund]))[0]
    assert "attainment below 0 pays as 0" in simulation.notes[0]
    assert simulate_block(simulation, 1, 0, 100).groups[("total", "")].min() > 0


def test_who_left_earns_on_what_was_credited_against_the_days_served():
    line = line_of(frozen(with_rep(company(), termination_date=date(2026, 6, 30)))[0], "R000")
    assert (line.quota, line.remaining_quota, line.remaining_months) == (Decimal(500_000), 0, 0.0)


def test_windows_that_are_not_calendar_quarters_count_by_their_days():
    windows = [QuotaWindow(date(2025, 12, 1), date(2026, 3, 1), Decimal(90_000))]
    inside = clip_windows(windows, date(2026, 1, 1), date(2027, 1, 1))
    assert quota_of(inside) == Decimal(59_000)
    assert months_between(inside[0].start, inside[0].end) == 2.0


@pytest.mark.parametrize(
    ("period", "month", "expected"),
    [
        ("2026-10", 1, (date(2026, 1, 1), date(2027, 1, 1))),
        ("2026-10", 7, (date(2026, 7, 1), date(2027, 7, 1))),
        ("2026-06", 7, (date(2025, 7, 1), date(2026, 7, 1))),
    ],
)
def test_the_fiscal_year_contains_the_period(period, month, expected):
    assert fiscal_year(period, month) == expected


@pytest.mark.parametrize("family", [Marginal("lognormal", -0.1, 0.35), Marginal("gamma", 8.0, 0.12)])
def test_a_shorter_horizon_keeps_the_mean_and_widens_the_spread(family):
    """CV x sqrt(12 / r): three months of a year are twice as uncertain."""
    quarter = family.remaining(3.0, 12.0)
    assert quarter.mean == pytest.approx(family.mean, rel=1e-12)
    assert quarter.positive_cv2 == pytest.approx(4 * family.positive_cv2, rel=1e-12)
    assert family.remaining(12.0, 12.0) == family


def test_zeros_become_rarer_over_more_windows_and_the_mean_stays():
    year = Marginal("lognormal", 0.0, 0.4, p0=0.2).remaining(12.0, 3.0)
    assert year.p0 == pytest.approx(0.2**4)
    assert year.mean == pytest.approx(Marginal("lognormal", 0.0, 0.4, p0=0.2).mean)


@pytest.mark.parametrize(
    "marginal", [Marginal("lognormal", -0.1, 0.35, p0=0.15), Marginal("gamma", 3.0, 0.3, p0=0.15)]
)
def test_drawn_attainment_has_the_moments_of_its_distribution(marginal):
    z = np.random.default_rng(5).standard_normal(400_000)
    a = marginal.attainment(z)
    assert (a == 0).mean() == pytest.approx(0.15, abs=0.003)
    assert a.mean() == pytest.approx(marginal.mean, rel=0.005)
    assert a[a > 0].std() / a[a > 0].mean() == pytest.approx(np.sqrt(marginal.positive_cv2), rel=0.01)


def test_each_currency_is_a_simulation_of_its_own():
    """C52."""
    rows = company()
    euro = {f"R{i:03d}" for i in range(0, 24, 2)}

    def change(items):
        return [{**x, "currency": "EUR"} if x["rep_key"] in euro else x for x in items]

    rows = replace(
        rows,
        sales_reps=change(rows.sales_reps),
        quotas=change(rows.quotas),
        sales_credits=change(rows.sales_credits),
    )
    simulations = frozen(rows, scenarios={"base": {}, "strong": {"attainment_scale": 1.1}})
    assert [(s.scenario_id, s.currency, len(s.reps)) for s in simulations] == [
        ("base", "EUR", 12), ("base", "USD", 12), ("strong", "EUR", 12), ("strong", "USD", 12),
    ]  # fmt: skip


def test_foreign_credits_convert_at_the_rate_of_their_day_or_exclude():
    rows = company()
    euro = {**rows.sales_credits[0], "currency": "EUR", "amount": Decimal(100)}
    rows = replace(rows, sales_credits=[*rows.sales_credits, euro])
    reason = frozen(rows)[0].exclusions["R000"]
    assert reason == "credits in EUR, pay in USD, and no exchange rate for 2026-01-15"
    rate = {"from_currency": "EUR", "to_currency": "USD", "rate": Decimal("1.25")}
    rates = [
        {**rate, "rate_date": date(2026, 1, 1)},
        {**rate, "rate_date": date(2026, 2, 1), "rate": Decimal(9)},
    ]
    converted = frozen(replace(rows, exchange_rates=rates))[0]
    assert line_of(converted, "R000").credited == line_of(frozen(company())[0], "R000").credited + 125


def test_a_budget_that_does_not_cover_the_year_is_not_compared():
    rows = company()
    part = [{**rows.compensation_budgets[0], "period_end": date(2026, 4, 1)}]
    simulation = frozen(replace(rows, compensation_budgets=part))[0]
    assert simulation.budgets == ()
    assert simulation.notes == ("budget total covers 90 of 365 days: not compared",)
    assert frozen(rows)[0].budgets[0]["budget_amount"] == "1300000"


def test_a_scenario_on_the_same_draws_is_paired():
    base, more = frozen(company(), scenarios={"base": {}, "more": {"attainment_scale": 1.1}})
    low, high = (simulate_block(s, 1, 0, 500).groups[("total", "")] for s in (base, more))
    assert (high >= low).all()
    own = frozen(company(), scenarios={"more": {"attainment_scale": 1.1, "streams": "more"}})[0]
    assert not np.array_equal(simulate_block(own, 1, 0, 500).groups[("total", "")], high)


def test_a_scaled_quota_changes_attainment_and_not_sales():
    base, harder = frozen(company(), scenarios={"base": {}, "harder": {"quota_scale": 1.25}})
    a, b = line_of(base, "R000"), line_of(harder, "R000")
    assert (b.quota, b.credited, b.remaining_quota, b.marginal) == (
        a.quota * Decimal("1.25"), a.credited, a.remaining_quota, a.marginal,
    )  # fmt: skip


def test_a_finished_year_has_no_spread():
    horizon = replace(HORIZON, as_of=date(2026, 12, 31))
    cents = simulate_block(frozen(company(credited_months=12), horizon)[0], 1, 0, 50).groups[("total", "")]
    assert cents.min() == cents.max() > 0


def test_no_history_is_refused_unless_the_settings_give_a_distribution():
    rows = replace(company(), rep_attainment=[])
    with pytest.raises(MissingInput, match="default_attainment"):
        frozen(rows)
    simulation = frozen(rows, default_attainment={"mu": -0.1, "sigma": 0.3})[0]
    assert [fit["pooled_from"] for fit in simulation.fits] == ["settings", "settings"]


def test_unfinished_windows_are_not_history():
    rows = company()
    current = {
        **rows.rep_attainment[0], "period_start": date(2026, 1, 1), "period_end": date(2027, 1, 1), "attainment": Decimal(9),
    }  # fmt: skip
    more = replace(rows, rep_attainment=[*rows.rep_attainment, current])
    assert frozen(more)[0].fits == frozen(rows)[0].fits
