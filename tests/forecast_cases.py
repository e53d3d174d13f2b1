"""Builders of forecast inputs for tests: plan P1 of the specification, portfolios, mart rows of a company."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from include.forecast.deals import Deal
from include.forecast.inputs import Leg, Line, RepInput, SimulationInputs
from include.forecast.marginal import Marginal
from include.forecast.mart_rows import MartRows
from include.forecast.plans import Plan, build_plan

P1_HEADER = {
    "plan_key": "P1",
    "version": "1",
    "accelerator_mode": "marginal",
    "threshold_mode": "cliff_from_zero",
    "threshold_attainment": Decimal("0.5"),
    "cap_mode": "payout_multiple",
    "cap_value": Decimal("2.5"),
}
P1_TIERS = [
    {"plan_key": "P1", "version": "1", "lower_bound": Decimal(bound), "rate": Decimal(rate)}
    for bound, rate in (("0", "1"), ("1", "1.5"), ("1.2", "2"))
]
G04_MU, G04_SIGMA = -0.11254329438755056, 0.35


def p1(**changes: object) -> Plan:
    """Plan P1, with fields of its header changed."""
    return build_plan({**P1_HEADER, **changes}, P1_TIERS)


def line(
    *,
    marginal: Marginal,
    quota: object = 1_000_000,
    credited: object = 0,
    remaining_quota: object | None = None,
    measure: str = "revenue",
    deals: Iterable[Deal] = (),
) -> Line:
    """A line whose whole quota is still to come unless said otherwise."""
    remaining = quota if remaining_quota is None else remaining_quota
    return Line(
        measure=measure,
        segment="AE|ramped",
        quota=Decimal(quota),
        credited=Decimal(credited),
        remaining_quota=Decimal(remaining),
        remaining_months=12.0 if remaining else 0.0,
        window_months=12.0,
        history=marginal,
        marginal=marginal,
        deals=tuple(deals),
    )


def rep(
    key: str, *, region: str = "0", role: str = "AE", plan: str = "P1", target: object = 50_000, lines
) -> RepInput:
    """A rep of one segment whose year is one leg."""
    return RepInput(key, role, region, "AE|ramped", (leg(plan=plan, target=target, lines=lines),))


def leg(
    *, start: str = "2026-01-01", end: str = "2027-01-01", plan: str = "P1", target: object = 50_000, lines
) -> Leg:
    """A part of a rep's year on one plan."""
    return Leg(start, end, plan, Decimal(target), tuple(lines))


def simulation(reps: Iterable[RepInput], **changes: object) -> SimulationInputs:
    """Inputs of a simulation with the correlations of G-10."""
    values = {
        "tenant": "alpha",
        "period": "2026-10",
        "as_of": "2026-10-31",
        "horizon_start": "2026-01-01",
        "horizon_end": "2027-01-01",
        "scenario_id": "base",
        "streams": "base",
        "currency": "USD",
        "correlation_global": 0.1,
        "correlation_region": 0.2,
        "plans": {"P1": p1()},
        "reps": tuple(reps),
        "exclusions": {},
        "config": {},
    }
    return SimulationInputs(**{**values, **changes})


def g11_portfolio(count: int = 40) -> list[RepInput]:
    """Reps R000.. of golden G-11: region = index mod 4, the marginal of G-04, plan P1."""
    marginal = Marginal("lognormal", G04_MU, G04_SIGMA)
    return [rep(f"R{i:03d}", region=str(i % 4), lines=[line(marginal=marginal)]) for i in range(count)]


def company(reps: int = 24, *, year: int = 2026, credited_months: int = 10) -> MartRows:
    """Mart rows of a company with annual plan P1, quarterly quotas and two finished years of history."""
    rows: dict[str, list[dict]] = {"reps": [], "quotas": [], "credits": [], "attainment": []}
    for i in range(reps):
        key = f"R{i:03d}"
        rows["reps"].append(
            {
                "rep_key": key,
                "role": ("AE", "AM")[i % 2],
                "region": ("East", "West", None)[i % 3],
                "plan_key": "P1",
                "hire_date": date(2020, 1, 1),
                "termination_date": None,
                "ramp_months": 6,
                "target_incentive": Decimal(40_000 + 1000 * i),
                "commission_rate": None,
                "currency": "USD",
            }
        )
        for quarter in range(4):
            rows["quotas"].append(_quota(key, year, quarter, Decimal(250_000)))
        for month in range(1, credited_months + 1):
            rows["credits"].append(
                {
                    "rep_key": key,
                    "measure": None,
                    "credit_date": date(year, month, 15),
                    "currency": "USD",
                    "amount": Decimal(70_000 + 1_500 * ((i * 7 + month * 3) % 13)),
                }
            )
        for past in (year - 2, year - 1):
            share = Decimal(60 + (i * 11 + past * 5) % 90) / 100
            rows["attainment"].append(
                {
                    "rep_key": key,
                    "measure": "revenue",
                    "period_start": date(past, 1, 1),
                    "period_end": date(past + 1, 1, 1),
                    "quota_amount": Decimal(1_000_000),
                    "credited_amount": share * 1_000_000,
                    "attainment": share,
                    "currency": "USD",
                }
            )
    return MartRows(
        sales_reps=rows["reps"],
        quotas=rows["quotas"],
        compensation_plans=[{**P1_HEADER, "effective_from": None, "effective_to": None, "plan_kind": None}],
        compensation_plan_tiers=[{**t, "component": None} for t in P1_TIERS],
        compensation_budgets=[
            {
                "scope": "total",
                "scope_key": None,
                "period_start": date(year, 1, 1),
                "period_end": date(year + 1, 1, 1),
                "budget_amount": Decimal(1_300_000),
                "currency": "USD",
            }
        ],
        sales_credits=rows["credits"],
        rep_attainment=rows["attainment"],
    )


def _quota(key: str, year: int, quarter: int, amount: Decimal) -> dict:
    start = date(year, 3 * quarter + 1, 1)
    end = date(year + (quarter == 3), (3 * quarter + 3) % 12 + 1, 1)
    return {
        "rep_key": key,
        "measure": "revenue",
        "period_start": start,
        "period_end": end,
        "quota_amount": amount,
        "currency": "USD",
    }
