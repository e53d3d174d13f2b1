"""Contract rows about people and pay: reps, workers, quotas, plans with tiers, budgets."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from include.sandbox.world_compensation import PLANS, VERSIONS, Rep
from include.sandbox.world_shape import AS_OF, Table, cents


def rep_rows(reps: list[Rep], currency: str) -> Table:
    """The sales_reps contract."""
    rows = [
        (r.key, r.name, r.role, r.region, f"{r.region} {int(r.key[1:]) % 9 + 1}", r.manager, r.plan, r.hired, r.left,
         r.ramp_months or None, cents(r.incentive * 100), cents(r.salary * 100),
         Decimal("0.035") if r.plan == "PLAN-RATE" else None, currency)
        for r in reps
    ]  # fmt: skip
    columns = (
        "rep_key", "name", "role", "region", "territory", "manager_rep_key", "plan_key", "hire_date",
        "termination_date", "ramp_months", "target_incentive", "base_salary", "commission_rate", "currency",
    )  # fmt: skip
    return Table(columns, rows)


def worker_rows(reps: list[Rep], currency: str) -> Table:
    """The workers contract: every rep under the rep's key, the managers' superior, and two people of finance."""
    columns = (
        "worker_key", "full_name", "email", "job_title", "department", "manager_worker_key", "hire_date",
        "termination_date", "base_pay", "currency",
    )  # fmt: skip
    domain = reps[0].email.split("@")[1]
    rows: list[tuple] = [
        ("E1000", "Margit Aldous", f"margit.aldous@{domain}", "Chief revenue officer", "Sales", None, date(2018, 3, 1),
         None, cents(24_000_000), currency),
        ("E0901", "Tomas Reinholt", f"tomas.reinholt@{domain}", "Controller", "Finance", None, date(2017, 6, 1), None,
         cents(14_500_000), currency),
        ("E0902", "Ilse Varga", f"ilse.varga@{domain}", "Deductions analyst", "Finance", "E0901", date(2022, 9, 1),
         None, cents(7_200_000), currency),
    ]  # fmt: skip
    titles = {"AE": "Account executive", "SE": "Sales engineer", "Manager": "Regional sales manager"}
    rows += [
        (r.key, r.name, r.email, titles[r.role], "Sales", r.manager or "E1000", r.hired, r.left, cents(r.salary * 100),
         currency)
        for r in reps
    ]  # fmt: skip
    return Table(columns, rows)


def quota_rows(reps: list[Rep], windows: dict[str, list[tuple[date, date, int]]], currency: str) -> Table:
    """The quotas contract; ends exclusive."""
    rows = [(r.key, r.measure, a, b, cents(quota), currency) for r in reps for a, b, quota in windows[r.key]]
    return Table(("rep_key", "measure", "period_start", "period_end", "quota_amount", "currency"), rows)


def draw_rows(reps: list[Rep], currency: str) -> Table:
    """The compensation_draws contract: who is on ramp gets half a month's target in each of three whole months."""
    rows = []
    for rep in reps:
        start = rep.hired
        for _ in range(3 if rep.ramp_months else 0):
            start = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
            end = (start + timedelta(days=32)).replace(day=1)
            rows.append((rep.key, start, end, cents(rep.incentive * 100 // 24), True, currency))
    columns = ("rep_key", "period_start", "period_end", "draw_amount", "is_recoverable", "currency")
    return Table(columns, rows)


def component_rows() -> Table:
    """Plans that are not paid on the rep's own revenue say what they are paid on."""
    rows = [
        (plan, version, "team", "team_revenue", Decimal(1), None, None, None)
        for plan in ("PLAN-SE", "PLAN-MGR")
        for version, _, _ in VERSIONS
    ]
    columns = (
        "plan_key", "version", "component", "measure", "weight", "gate_measure", "gate_attainment", "kicker_amount",
    )  # fmt: skip
    return Table(columns, rows)


def plan_rows() -> tuple[Table, Table]:
    """Plans and their tiers, a version for 2024-2025 and one for 2026."""
    plans, tiers = [], []
    for key, (name, kind, accelerator, threshold_mode, threshold, cap_mode, cap, steps) in PLANS.items():
        for version, start, end in VERSIONS:
            plans.append((
                key, version, start, end, f"{name} {version}", kind, accelerator, threshold_mode,
                Decimal(threshold) if threshold else None, cap_mode, Decimal(cap) if cap else None,
            ))  # fmt: skip
            tiers += [(key, version, None, Decimal(bound), Decimal(rate)) for bound, rate in steps]
    columns = (
        "plan_key", "version", "effective_from", "effective_to", "name", "plan_kind", "accelerator_mode",
        "threshold_mode", "threshold_attainment", "cap_mode", "cap_value",
    )  # fmt: skip
    return Table(columns, plans), Table(("plan_key", "version", "component", "lower_bound", "rate"), tiers)


def budget_rows(reps: list[Rep], currency: str) -> Table:
    """Budgets of 2026: by role and by region they sum to the total."""
    start, end = date(2026, 1, 1), date(2027, 1, 1)
    active = [r for r in reps if r.left is None and r.hired <= AS_OF]
    rows: list[tuple] = [("total", None, start, end, sum((_budget(r) for r in active), Decimal(0)), currency)]
    for scope in ("role", "region"):
        for key in sorted({getattr(r, scope) for r in active}):
            amount = sum((_budget(r) for r in active if getattr(r, scope) == key), Decimal(0))
            rows.append((scope, key, start, end, amount, currency))
    columns = ("scope", "scope_key", "period_start", "period_end", "budget_amount", "currency")
    return Table(columns, rows)


def _budget(rep: Rep) -> Decimal:
    return cents(rep.incentive * 104)
