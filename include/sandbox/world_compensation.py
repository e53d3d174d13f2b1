"""Sales people of the seeded company: roster, plans, quotas, credits, budgets and what was paid.

Attainment is lognormal with a company-wide and a regional factor, so that reps of a region miss together; some
quarters end without a win. Credits are parts of deals: revenue credits of a deal sum to the deal, overlay
credits of engineers stand beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from include.money import allocate
from include.sandbox.world_names import FIRST_NAMES, LAST_NAMES, Profile
from include.sandbox.world_shape import AS_OF, Table, WorldSize, cents, to_cents

QUARTERS = tuple(date(year, month, 1) for year in (2024, 2025, 2026) for month in (1, 4, 7, 10))
SIGMA, GLOBAL_SHARE, REGION_SHARE, NO_WIN = 0.35, 0.1, 0.2, 0.05
#: plan -> (name, kind, accelerator, threshold mode, threshold, cap mode, cap, tiers)
PLANS = {
    "PLAN-AE": ("Account executive", "payout_curve", "marginal", "cliff_from_zero", "0.5", "payout_multiple", "2.5",
                (("0", "1.0"), ("1.0", "1.5"), ("1.2", "2.0"))),
    "PLAN-SE": ("Sales engineer", "payout_curve", "retroactive", "none", None, "attainment", "1.6",
                (("0", "0.9"), ("0.9", "1.0"), ("1.1", "1.2"))),
    "PLAN-MGR": ("Regional manager", "payout_curve", "marginal", "linear_from_threshold", "0.5", "none", None,
                 (("0", "1.0"), ("1.0", "1.4"))),
    "PLAN-RATE": ("Commission on revenue", "rate", "marginal", "none", None, "none", None,
                  (("0", "0.035"), ("1.0", "0.05"))),
}  # fmt: skip
VERSIONS = (("2025", date(2024, 1, 1), date(2025, 12, 31)), ("2026", date(2026, 1, 1), date(2026, 12, 31)))


@dataclass(frozen=True)
class Rep:
    """A person with variable pay; `annual_quota` in whole currency units."""

    key: str
    name: str
    email: str
    role: str
    region: str
    manager: str | None
    plan: str
    hired: date
    left: date | None
    ramp_months: int
    incentive: int
    salary: int
    annual_quota: int

    @property
    def measure(self) -> str:
        """What the rep's quota counts."""
        return "revenue" if self.role == "AE" else "team_revenue"

    def active_in(self, start: date, end: date) -> bool:
        """Whether the rep was employed at any time in [start, end)."""
        return self.hired < end and (self.left is None or self.left >= start)


@dataclass(frozen=True)
class Deal:
    """A won deal: `shares` are (account executive, cents); they sum to the deal."""

    number: int
    closed: date
    shares: tuple[tuple[Rep, int], ...]

    @property
    def amount(self) -> int:
        """Cents."""
        return sum(share for _, share in self.shares)

    @property
    def owner(self) -> Rep:
        """Who owns it in the CRM."""
        return self.shares[0][0]


def roster(rng: np.random.Generator, size: WorldSize, profile: Profile) -> list[Rep]:
    """A manager per region, a fifth engineers, the rest account executives, a tenth of all on a rate plan.

    The last executives are recent hires on ramp; two have left.
    """
    n, regions = size.reps, profile.regions
    engineers = max(2, n // 5)
    roles = ["Manager"] * 4 + ["SE"] * engineers + ["AE"] * (n - 4 - engineers)
    names = [f"{FIRST_NAMES[i % len(FIRST_NAMES)]} {LAST_NAMES[int(j) % len(LAST_NAMES)]}"
             for i, j in enumerate(rng.permutation(max(n, 26))[:n])]  # fmt: skip
    reps: list[Rep] = []
    new, gone, on_rate = max(2, n // 8), 2, max(1, n // 10)
    for i, role in enumerate(roles):
        key, region = f"E{1001 + i}", regions[i % 4]
        hired = date(2019, 1, 1) + timedelta(days=int(rng.integers(0, 1700)))
        left, ramp, plan = None, 0, {"Manager": "PLAN-MGR", "SE": "PLAN-SE", "AE": "PLAN-AE"}[role]
        if role == "AE" and i >= n - new:
            hired, ramp = date(2025, 4, 1) + timedelta(days=int(rng.integers(0, 470))), 6
        elif role == "AE" and i >= n - new - gone:
            left = date(2025, 8, 15) + timedelta(days=int(rng.integers(0, 330)))
        elif role == "AE" and i < 4 + engineers + on_rate:
            plan = "PLAN-RATE"
        quota = int(rng.integers(22, 41)) * 50_000 if role == "AE" else 0
        incentive = {"Manager": int(rng.integers(60, 91)), "SE": int(rng.integers(24, 41)),
                     "AE": int(rng.integers(40, 81))}[role] * 1000  # fmt: skip
        ascii_name = names[i].lower().replace("ö", "o").replace(" ", ".")
        reps.append(Rep(key, names[i], f"{ascii_name}@{profile.companies[0].lower()}.sandbox.test", role, region,
                        None if role == "Manager" else reps[i % 4].key, plan, hired, left, ramp, incentive,
                        incentive * int(rng.integers(11, 17)) // 10, quota))  # fmt: skip
    return reps


def quota_windows(reps: list[Rep]) -> dict[str, list[tuple[date, date, int]]]:
    """Rep key -> (start, exclusive end, quota in cents) by quarter, cut to employment; a ramping quarter is halved.

    An engineer's quota is a share of the region's executives', a manager's all of them, both at 95%.
    """
    windows: dict[str, list[tuple[date, date, int]]] = {rep.key: [] for rep in reps}
    engineers = {r: [e for e in reps if e.role == "SE" and e.region == r] for r in {e.region for e in reps}}
    for q, start in enumerate(QUARTERS):
        end = QUARTERS[q + 1] if q + 1 < len(QUARTERS) else date(2027, 1, 1)
        region_total: dict[str, int] = {}
        for rep in reps:
            if rep.role != "AE" or not rep.active_in(start, end):
                continue
            a, b = max(start, rep.hired), min(end, rep.left + timedelta(days=1)) if rep.left else end
            growth = 100 + 6 * (start.year - 2024)
            quota = rep.annual_quota * growth // 4 * (b - a).days // (end - start).days // 100 * 100
            if rep.ramp_months and (start - rep.hired).days < 90:
                quota //= 2
            windows[rep.key] += _split_window(rep, a, b, quota)
            region_total[rep.region] = region_total.get(rep.region, 0) + quota
        for rep in reps:
            if rep.role != "AE" and region_total.get(rep.region):
                among = max(1, len(engineers[rep.region])) if rep.role == "SE" else 1
                windows[rep.key].append(
                    (start, end, region_total[rep.region] * 95 // 100 // among // 100 * 100)
                )
    return windows


def _split_window(rep: Rep, a: date, b: date, quota: int) -> list[tuple[date, date, int]]:
    """One rep in eleven had the quota changed in the middle of a quarter: windows are dates, not quarters."""
    change = date(2026, 2, 15)
    if int(rep.key[1:]) % 11 == 0 and a < change < b and b - a > timedelta(days=80):
        return [(a, change, quota // 2 // 100 * 100), (change, b, quota * 6 // 10 // 100 * 100)]
    return [(a, b, quota)]


def deals(
    rng: np.random.Generator, reps: list[Rep], windows: dict[str, list[tuple[date, date, int]]]
) -> list[Deal]:
    """Won deals, in time order: each executive's window total is attainment times quota, in one to six deals.

    Now and then the smallest deals of two executives of a region are one deal that they share. The last rep of
    the roster has quotas and has not won anything yet.
    """
    factors = {start: rng.standard_normal(5) for start in QUARTERS}
    regions = sorted({rep.region for rep in reps})
    found: list[tuple[date, tuple[tuple[Rep, int], ...]]] = []
    shareable: dict[tuple[str, date], tuple[Rep, int, date]] = {}
    for rep in (r for r in reps if r.role == "AE"):
        for start, end, quota in windows[rep.key]:
            f = factors[max(q for q in QUARTERS if q <= start)]
            z = (GLOBAL_SHARE**0.5 * f[0] + REGION_SHARE**0.5 * f[1 + regions.index(rep.region) % 4]
                 + (1 - GLOBAL_SHARE - REGION_SHARE) ** 0.5 * rng.standard_normal())  # fmt: skip
            attainment = float(np.exp(np.log(0.95) - SIGMA**2 / 2 + SIGMA * z))
            if rep.ramp_months and (start - rep.hired).days < 180:
                attainment *= 0.7
            dry = rng.random() < NO_WIN or rep is reps[-1]
            last = min(end - timedelta(days=1), AS_OF)
            if dry or last < start:
                continue
            elapsed = ((last - start).days + 1) / (end - start).days
            total = to_cents(quota / 100 * attainment * elapsed)
            sizes = allocate(
                cents(total), [int(w) + 1 for w in rng.lognormal(5, 0.6, int(rng.integers(1, 7)))]
            )
            for k, size in enumerate(sorted(int(s * 100) for s in sizes if s > 0)):
                day = start + timedelta(days=int(rng.integers(0, (last - start).days + 1)))
                mate = shareable.pop((rep.region, start), None) if k == 0 else None
                if mate is not None:
                    found.append((mate[2], ((mate[0], mate[1]), (rep, size))))
                elif k == 0 and rng.random() < 0.4 and len(sizes) > 1:
                    shareable[rep.region, start] = (rep, size, day)
                else:
                    found.append((day, ((rep, size),)))
    found += [(day, ((rep, size),)) for rep, size, day in shareable.values()]
    ordered = sorted(found, key=lambda x: (x[0], x[1][0][0].key, x[1][0][1]))
    return [Deal(n, day, shares) for n, (day, shares) in enumerate(ordered, start=1)]


def credits_of(
    won: list[Deal], reps: list[Rep], opportunity_id: Callable[[int], str], currency: str
) -> Table:
    """Revenue credits by share; beside them an overlay credit for one engineer of the region.

    Engineers and managers are measured by `team_revenue`: roll-ups of the deals they helped or oversaw, which
    name the order and not the deal, because they are no split of it.
    """
    rows: list[tuple] = []
    by_role = {role: [r for r in reps if r.role == role] for role in ("SE", "Manager")}
    for deal in won:
        engineers = [e for e in by_role["SE"] if e.region == deal.owner.region]
        supporting = [engineers[deal.number % len(engineers)]] if engineers else []
        overseers = supporting + [m for m in by_role["Manager"] if m.region == deal.owner.region]
        lines = [(rep, amount, "revenue", "revenue", True) for rep, amount in deal.shares]
        lines += [(rep, deal.amount, "revenue", "overlay", True) for rep in supporting]
        lines += [(rep, deal.amount, "team_revenue", "revenue", False) for rep in overseers]
        for rep, amount, measure, kind, names_deal in lines:
            rows.append((f"CR-{len(rows) + 1:06d}", rep.key, deal.closed, cents(amount), currency, measure, kind,
                         opportunity_id(deal.number) if names_deal else None, f"SO{500000 + deal.number}"))  # fmt: skip
    columns = (
        "credit_key", "rep_key", "credit_date", "amount", "currency", "measure", "credit_type", "opportunity_key",
        "order_ref",
    )  # fmt: skip
    return Table(columns, rows)


def payout_multiple(plan: str, attainment: float) -> float:
    """Payout over target incentive of a payout-curve plan, or commission over quota of a rate plan (G-01, G-02)."""
    _, _, accelerator, threshold_mode, threshold, cap_mode, cap, tiers = PLANS[plan]
    bounds = [(float(b), float(r)) for b, r in tiers]
    floor = float(threshold or 0)
    a = min(attainment, float(cap)) if cap_mode == "attainment" else attainment
    if a < floor:
        return 0.0
    if accelerator == "retroactive":
        paid = a * max(((b, r) for b, r in bounds if a >= b))[1]
    else:
        ends = [b for b, _ in bounds[1:]] + [float("inf")]
        paid = sum(max(0.0, min(a, end) - b) * r for (b, r), end in zip(bounds, ends, strict=True))
    if threshold_mode == "linear_from_threshold" and a < 1:
        paid = (a - floor) / (1 - floor)
    return min(paid, float(cap)) if cap_mode == "payout_multiple" else paid


def payments(reps: list[Rep], windows: dict, credits: Table, currency: str) -> Table:
    """What was paid for every window that ended before October 2026.

    Plans are annual: a payment is what the year to date has earned, on the quota and the target of the days served,
    less what was paid before; never below zero.
    """
    credited: dict[str, list[tuple[date, Decimal]]] = {}
    for row in credits.rows:
        if row[6] == "revenue":
            credited.setdefault(row[1], []).append((row[2], row[3]))
    rows: list[tuple] = []
    for rep in reps:
        year, quota, days, got, paid = 0, 0, 0, Decimal(0), Decimal(0)
        for start, end, of_window in windows[rep.key]:
            if end > date(2026, 10, 1) or not of_window:
                continue
            if start.year != year:
                year, quota, days, got, paid = start.year, 0, 0, Decimal(0), Decimal(0)
            quota += of_window
            days += (end - start).days
            got += sum(
                (amount for day, amount in credited.get(rep.key, ()) if start <= day < end), Decimal(0)
            )
            earned = cents(to_cents(_earned(rep, quota, days / _days(year), float(got * 100) / quota)))
            amount = max(earned - paid, cents(0))
            paid += amount
            rows.append(
                (f"PAY-{len(rows) + 1:05d}", rep.key, start, end - timedelta(days=1), amount, currency)
            )
    return Table(("payment_key", "rep_key", "period_start", "period_end", "amount", "currency"), rows)


def _earned(rep: Rep, quota: int, served: float, attainment: float) -> float:
    whole = quota / 100 if PLANS[rep.plan][1] == "rate" else rep.incentive * served
    return whole * payout_multiple(rep.plan, attainment)


def _days(year: int) -> int:
    return (date(year + 1, 1, 1) - date(year, 1, 1)).days
