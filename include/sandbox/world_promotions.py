"""Trade promotions of the seeded company: a calendar without collisions, plans that tie, and staged scenarios.

Two promotions of one product group never run at one banner within four weeks of each other, so that every unit
sold has at most one cause and a claim's true promotion is a fact, not an opinion.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from include.money import allocate
from include.sandbox.world_master import Catalogue, Network
from include.sandbox.world_shape import (
    AS_OF,
    FIRST_WEEK_END,
    PLANNING_END,
    WEEKS,
    WorldSize,
    cents,
    deck,
    shuffled,
)

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:tradewind:sandbox:promotion")
FIRST_START = date(2025, 11, 2)

TACTICS = {
    "TPR": 0.27, "Scan-Back": 0.16, "Bill-Back": 0.13, "Off-Invoice": 0.10, "Display": 0.09, "Feature": 0.08,
    "Fixed Fee": 0.06, "BOGO": 0.05, "Slotting": 0.04, "Other": 0.02,
}  # fmt: skip
LUMP_TACTICS = ("Slotting", "Fixed Fee", "Other")
METHODS = {
    "Scan-Back": "scan_back", "Bill-Back": "bill_back", "Off-Invoice": "off_invoice",
    "Fixed Fee": "fixed_fee", "Slotting": "fixed_fee",
}  # fmt: skip
LIFT = {
    "TPR": 1.55, "Display": 1.75, "Feature": 1.65, "Scan-Back": 1.6, "BOGO": 2.1, "Bill-Back": 1.25,
    "Off-Invoice": 1.2,
}  # fmt: skip
DISCOUNTS = [Decimal(d) / 100 for d in (10, 16, 20, 25, 40, 50, 80, 100, 125, 200, 250)]
#: How promotions stand at the as-of date, by how their window lies to it.
STATUSES = {
    "past": {"Closed": 0.82, "Live": 0.06, "Cancelled": 0.07, "Settled": 0.05},
    "recent": {"Live": 0.5, "Closed": 0.5},
    "running": {"Live": 0.9, "Approved": 0.1},
    "future": {"Approved": 0.34, "Draft": 0.28, "Pending Approval": 0.28, "Cancelled": 0.1},
}
COMMITTED = ("Approved", "Live", "Closed")


@dataclass(frozen=True)
class Promotion:
    """A promotion with what only the generator knows: its stores, lift, scenario and twin.

    `lines` are (product position, discount per each or None, base eaches, uplift eaches).
    """

    key: str
    promotion_id: str
    name: str
    customer: str
    banner: int
    stores: np.ndarray = field(repr=False)
    tactic: str
    method: str
    status: str
    group: int
    sellin: tuple[date, date]
    scan: tuple[date, date]
    lines: tuple[tuple[int, Decimal | None, int, int], ...]
    planned: Decimal | None
    lift: float
    fund: str
    approved: date | None = None
    closed: date | None = None
    scenario: str = ""

    @property
    def window(self) -> tuple[date, date]:
        """The window claims are matched by: scan dates for scan-backs, sell-in dates otherwise (C36)."""
        return self.scan if self.tactic == "Scan-Back" else self.sellin

    @property
    def products(self) -> list[int]:
        """Positions of the products on the promotion."""
        return [line[0] for line in self.lines]


@dataclass(frozen=True)
class Slot:
    """Where and when a promotion runs."""

    banner: int
    group: int
    start: date
    weeks: int
    customer: str = ""
    scenario: str = ""


#: Staged promotions beside the twins: the worked examples, and a slotting fee with and without proof.
STAGED = (
    "over_claim", "release", "tolerance_edge", "beyond_edge", "no_plan", "slotting_proof", "slotting_no_proof",
)  # fmt: skip
#: Start weeks of staged promotions, late December to April: over by now, and claimed.
STAGED_WEEKS = (8, 25)
APART = timedelta(days=49)


class Calendar:
    """Which product group is promoted when at which banner; a booking keeps others of the pair seven weeks away.

    The forward-buy episode (first banner, first category, spring 2026) stays free of promotions.
    """

    def __init__(self, cat: Catalogue):
        self.groups = int(cat.group_of.max()) + 1
        self.episode = {int(g) for g in cat.group_of[cat.category_of == 0]}
        self.taken: dict[tuple[int, int], list[date]] = {}

    def is_free(self, banner: int, group: int, start: date) -> bool:
        """Whether the group may be promoted at the banner from `start` on."""
        if banner == 0 and group in self.episode and date(2025, 12, 20) <= start <= date(2026, 8, 1):
            return False
        return all(abs(start - other) >= APART for other in self.taken.get((banner, group), []))

    def book(self, banner: int, group: int, start: date) -> None:
        """Take the slot."""
        self.taken.setdefault((banner, group), []).append(start)


def schedule(rng: np.random.Generator, size: WorldSize, net: Network, cat: Catalogue) -> list[Slot]:
    """`size.promotions` slots in time order, the staged ones among them; fewer where the calendar is full."""
    calendar = Calendar(cat)
    slots: list[Slot] = []
    pairs = 2 if size.promotions < 60 else 4
    for scenario in (*STAGED, *(f"twin_{i}" for i in range(pairs))):
        slots += _staged_slots(rng, calendar, net, scenario)
    weeks = (PLANNING_END - FIRST_START).days // 7 - 3
    places = [
        (b, g, w) for b in range(len(net.banners)) for g in range(calendar.groups) for w in range(weeks)
    ]
    for banner, group, week in shuffled(rng, places):
        start = FIRST_START + timedelta(weeks=week)
        if len(slots) < size.promotions and calendar.is_free(banner, group, start):
            calendar.book(banner, group, start)
            below = [p for p in net.payers if net.parent[p] == net.banners[banner]]
            at_banner = rng.random() < 0.4
            customer = net.banners[banner] if at_banner else below[int(rng.integers(len(below)))]
            slots.append(Slot(banner, group, start, int(rng.integers(1, 5)), customer))
    return sorted(slots, key=lambda s: (s.start, s.banner, s.group))


def _staged_slots(rng: np.random.Generator, calendar: Calendar, net: Network, scenario: str) -> list[Slot]:
    """A two-week slot at a banner; for twins two groups in the same weeks."""
    wanted = 2 if scenario.startswith("twin") else 1
    places = [(b, w) for b in range(len(net.banners)) for w in range(*STAGED_WEEKS)]
    for banner, week in shuffled(rng, places):
        start = FIRST_START + timedelta(weeks=week)
        groups = [int(g) for g in rng.permutation(calendar.groups) if calendar.is_free(banner, int(g), start)]
        if len(groups) >= wanted:
            for group in groups[:wanted]:
                calendar.book(banner, group, start)
            return [Slot(banner, g, start, 2, net.banners[banner], scenario) for g in groups[:wanted]]
    return []


def _standing(slot: Slot) -> str:
    end = slot.start + timedelta(weeks=slot.weeks, days=-1)
    if slot.start > AS_OF:
        return "future"
    if end >= AS_OF:
        return "running"
    return "recent" if end > AS_OF - timedelta(days=75) else "past"


def plan(
    rng: np.random.Generator, slots: list[Slot], tenant: str, net: Network, cat: Catalogue, demand: np.ndarray
) -> list[Promotion]:
    """The slots as promotions with products, forecasts and planned spend; `discount x units` ties to the cent."""
    tactics = iter(deck(rng, TACTICS, sum(not s.scenario for s in slots)))
    standings = [_standing(s) for s in slots]
    statuses = {kind: iter(deck(rng, shares, standings.count(kind) + 1)) for kind, shares in STATUSES.items()}
    promotions = []
    for i, (slot, standing) in enumerate(zip(slots, standings, strict=True)):
        if slot.scenario:
            tactic, status = ("Slotting" if slot.scenario.startswith("slotting") else "TPR"), "Closed"
        else:
            tactic, status = next(tactics), next(statuses[standing])
        if standing == "running" and status == "Live" and tactic == "Slotting":
            status = "Approved"
        key = f"PR-{i + 1:04d}"
        promotion = _promotion(rng, slot, key, tactic, status, tenant, net, cat, demand)
        promotions.append(_dated(rng, promotion))
    return promotions


def _promotion(rng, slot, key, tactic, status, tenant, net, cat, demand) -> Promotion:
    stores = net.stores_under(slot.customer)
    group = np.flatnonzero(cat.group_of == slot.group)
    listed = [int(p) for p in group if demand[stores][:, p].sum() > 0]
    count = len(listed) if slot.scenario else int(rng.integers(2, len(listed) + 1))
    products = sorted(listed[:count])
    scan = (slot.start, slot.start + timedelta(weeks=slot.weeks, days=-1))
    sellin = (slot.start - timedelta(days=14), scan[1])
    if tactic in ("Slotting", "Fixed Fee"):
        sellin = (slot.start, slot.start + timedelta(days=89 if tactic == "Slotting" else 27))
    lift = LIFT.get(tactic, 1.0) * float(rng.uniform(0.9, 1.1)) if tactic in LIFT else 1.0
    lines = _lines(rng, slot, tactic, products, stores, lift, demand)
    planned: Decimal | None = sum((d * (b + u) for _, d, b, u in lines if d is not None), Decimal("0.00"))
    if tactic in LUMP_TACTICS:
        planned = (
            Decimal("20000.00")
            if slot.scenario
            else cents(
                int(rng.integers(6, 50)) * 50000 - (0 if tactic != "Other" else int(rng.integers(1, 40000)))
            )
        )
    if slot.scenario == "no_plan":
        planned = None
    brand, sub_category = cat.products.rows[products[0]][2], cat.products.rows[products[0]][4]
    return Promotion(
        key=key,
        promotion_id=str(uuid.uuid5(NAMESPACE, f"{tenant}|{key}")),
        name=f"{brand} {sub_category} {tactic} {slot.start:%b %Y}",
        customer=slot.customer, banner=slot.banner, stores=stores, tactic=tactic,
        method=METHODS.get(tactic, "deduction"), status=status, group=slot.group, sellin=sellin, scan=scan,
        lines=tuple(lines), planned=planned, lift=lift,
        fund=f"FUND-{net.banners[slot.banner]}-{slot.start.year}", scenario=slot.scenario,
    )  # fmt: skip


def _lines(rng, slot, tactic, products, stores, lift, demand):
    """Forecast lines: base demand of the weeks the tactic is paid for, uplift from the planner's belief in it."""
    first = (slot.start + timedelta(days=6) - FIRST_WEEK_END).days // 7
    loading = 2 if METHODS.get(tactic) in ("bill_back", "off_invoice") else 0
    weeks = [w - 52 if w >= WEEKS else w for w in range(first - loading, first + slot.weeks)]
    per_product = demand[stores][:, products][:, :, weeks].sum(axis=(0, 2))
    belief = rng.uniform(0.92, 1.08, len(products))
    base = np.maximum(4, (per_product * belief).astype(int))
    uplift = np.maximum(1, (base * (lift - 1)).astype(int)) if lift > 1 else np.zeros(len(products), int)
    if tactic in LUMP_TACTICS:
        return [(p, None, int(b), int(u)) for p, b, u in zip(products, base, uplift, strict=True)]
    target = _staged_plan(slot.scenario)
    if target is None:
        discount = Decimal(int(rng.integers(4, 17)) * 5) / 100
        return [(p, discount, int(b), int(u)) for p, b, u in zip(products, base, uplift, strict=True)]
    # The staged amount is exact: the nearest discount that divides it, the units shared over the products.
    natural = int(base.sum() + uplift.sum())
    dividing = [d for d in DISCOUNTS if target % d == 0]
    discount = min(dividing, key=lambda d: (abs(float(target / d) / natural - 1), d))
    units = allocate(
        Decimal(int(target / discount)), [int(b + u) for b, u in zip(base, uplift, strict=True)], Decimal(1)
    )
    bases = [int(float(u) / lift) for u in units]
    return [(p, discount, b, int(u) - b) for p, u, b in zip(products, units, bases, strict=True)]


def _staged_plan(scenario: str) -> Decimal | None:
    """Planned spend of the staged promotions: the amounts of the worked examples; twins are equal by design."""
    if scenario.startswith("twin_"):
        return Decimal(26137 + 3011 * int(scenario[5:]))
    return {
        "over_claim": Decimal(10000), "release": Decimal(50000), "tolerance_edge": Decimal(10000),
        "beyond_edge": Decimal(10000),
    }.get(scenario)  # fmt: skip


def _dated(rng: np.random.Generator, promotion: Promotion) -> Promotion:
    """Approval before the first window, closing after the last; neither lies after the as-of date."""
    start, end = min(promotion.sellin[0], promotion.scan[0]), max(promotion.sellin[1], promotion.scan[1])
    approved = closed = None
    if promotion.status in (*COMMITTED, "Settled") or (
        promotion.status == "Cancelled" and rng.random() < 0.5
    ):
        approved = min(start - timedelta(days=int(rng.integers(14, 46))), AS_OF)
        if not promotion.scenario and rng.random() < 0.04:
            approved = None
    if promotion.status in ("Closed", "Settled"):
        closed = min(end + timedelta(days=int(rng.integers(30, 61))), AS_OF)
    if closed and closed <= end:
        return replace(promotion, status="Live", approved=approved)
    return replace(promotion, approved=approved, closed=closed)
