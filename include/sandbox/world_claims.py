"""Promotion claims of the seeded company: what retailers deduct for promotions, and what is true about each.

Claims come in the courses real ones take: exact, short, over, in instalments, two promotions in one, too late, for a
promotion that was cancelled. Where nothing can decide, it is a twin's claim and its truth says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from include.money import allocate
from include.sandbox.world_master import Catalogue, Network
from include.sandbox.world_promotions import COMMITTED, Promotion
from include.sandbox.world_sales import InvoiceLine, SellOut, earned
from include.sandbox.world_shape import AS_OF, cents, deck, shuffled, to_cents

CENT = Decimal("0.01")
#: How the claims of an unstaged promotion go.
COURSES = {
    "exact": 0.28, "short": 0.14, "within_tolerance": 0.12, "over": 0.12, "several": 0.28, "late": 0.03, "none": 0.03,
}  # fmt: skip


@dataclass(eq=False)
class Claim:
    """A deduction in the making. `parts` are its true promotions and amounts; `kind` its true class.

    `day` is when the retailer takes it; posting moves it to the payer's next remittance. `link` is the claim
    this one reverses or repeats.
    """

    customer: str
    amount: Decimal
    day: date
    kind: str
    reason: str | None
    description: str
    parts: list[tuple[Promotion, Decimal]] = field(default_factory=list)
    candidates: tuple[str, ...] = ()
    promotion_id: str | None = None
    lines: list[tuple[int, int, Decimal]] = field(default_factory=list)
    invoice_ref: str | None = None
    order_ref: str | None = None
    check_ref: str | None = None
    link: Claim | None = None
    scenario: str = ""
    key: str = ""
    remittance: int = -1


@dataclass(frozen=True)
class Authorised:
    """What a promotion may be claimed for: `basis` is earned or planned, `amount` None when unknown."""

    basis: str
    amount: Decimal | None
    earned: Decimal | None


def authorise(promotion: Promotion, net: Network, sold: SellOut, lines: list[InvoiceLine]) -> Authorised:
    """Earned once the window is over in the data it is counted in, else planned (resolution C9)."""
    value = earned(promotion, net, sold, lines)
    known_through = lines[-1].day if promotion.method == "bill_back" else AS_OF
    if (
        value is not None
        and promotion.window[1] <= known_through
        and promotion.status in (*COMMITTED, "Settled")
    ):
        return Authorised("earned", value, value)
    return Authorised("planned", promotion.planned, value)


def claimable(promotion: Promotion, authorised: Authorised) -> bool:
    """Whether a retailer could by now deduct for this promotion and be right."""
    return (
        promotion.status in COMMITTED
        and promotion.method in ("deduction", "scan_back", "bill_back")
        and authorised.amount is not None
        and authorised.amount > 200
        and promotion.scan[0] + timedelta(days=12) < AS_OF
    )


class Claimant:
    """Draws the claims of one company's promotions from one stream."""

    def __init__(
        self, rng: np.random.Generator, net: Network, cat: Catalogue, authorised: dict[str, Authorised]
    ):
        self.rng, self.net, self.cat, self.authorised = rng, net, cat, authorised
        self.claims: list[Claim] = []

    def all(self, promotions: list[Promotion]) -> list[Claim]:
        """Claims of every promotion that has any, staged scenarios first."""
        for p in promotions:
            self._staged(p)
        self._twins(promotions)
        self._unentitled(promotions)
        open_ones = [p for p in promotions if not p.scenario and claimable(p, self.authorised[p.key])]
        waiting = self._splits(shuffled(self.rng, open_ones))
        for p, course in zip(waiting, deck(self.rng, COURSES, len(waiting)), strict=True):
            if p.scan[1] > AS_OF - timedelta(days=20) and course in ("late", "several"):
                course = "short"
            if course == "several":
                self._several(p)
            elif course != "none":
                self._single(p, course)
        return self.claims

    def claimer(self, promotion: Promotion) -> str:
        """Who deducts: mostly the promotion's own customer, else one of its payers or ship-tos."""
        below = sorted(k for k, parent in self.net.parent.items() if parent == promotion.customer)
        if self.rng.random() < 0.55 or not below:
            return promotion.customer
        return below[int(self.rng.integers(len(below)))]

    def day_after(self, promotion: Promotion, low: int, high: int) -> date:
        """A day that many days after the window, but not after the as-of date."""
        return min(
            promotion.window[1] + timedelta(days=int(self.rng.integers(low, high))), AS_OF - timedelta(days=3)
        )

    def add(self, promotion: Promotion, amount: Decimal, day: date, kind: str, **more) -> Claim:
        """One claim for one promotion; some name it by id, some bring their product lines."""
        claim = Claim(
            customer=more.pop("customer", None) or self.claimer(promotion),
            amount=amount, day=day, kind=kind, reason=more.pop("reason", "PROMO"),
            description=f"{promotion.tactic} allowance {promotion.name.split(' ' + promotion.tactic)[0]}",
            parts=[(promotion, amount)], **more,
        )  # fmt: skip
        claim.order_ref = f"PO{int(self.rng.integers(10**7, 10**8))}" if self.rng.random() < 0.3 else None
        self.claims.append(claim)
        return claim

    def with_lines(self, claim: Claim) -> None:
        """Product lines of the claim's first promotion whose amounts sum to the claim."""
        promotion = claim.parts[0][0]
        weights = [base + uplift for _, _, base, uplift in promotion.lines]
        shares = allocate(claim.amount, weights)
        claim.lines = [
            (product, max(1, int(share / (discount or 1))), share)
            for (product, discount, _, _), share in zip(promotion.lines, shares, strict=True)
        ]

    def _single(self, p: Promotion, course: str) -> None:
        amount = self.authorised[p.key].amount
        factor = {
            "exact": 1.0, "short": self.rng.uniform(0.72, 0.97), "within_tolerance": self.rng.uniform(1.002, 1.0195),
            "over": self.rng.uniform(1.05, 1.45), "late": 1.0,
        }[course]  # fmt: skip
        claimed = amount if factor == 1.0 else (amount * Decimal(round(factor, 6))).quantize(CENT)
        day = self.day_after(p, 95, 140) if course == "late" else self.day_after(p, 4, 62)
        if course == "late" and day < p.window[1] + timedelta(days=95):
            course, day = "exact", self.day_after(p, 4, 62)
        claim = self.add(p, claimed, day, f"promo_{course}")
        if self.rng.random() < 0.35:
            claim.promotion_id = p.promotion_id
        if self.rng.random() < 0.4:
            self.with_lines(claim)

    def _several(self, p: Promotion) -> None:
        amount = self.authorised[p.key].amount
        total = (amount * Decimal(round(float(self.rng.choice([0.93, 1.0, 1.015, 1.12])), 3))).quantize(CENT)
        n = int(self.rng.integers(3, 13))
        parts = allocate(total, [int(w) for w in self.rng.integers(40, 160, n)])
        span = (min(p.window[1] + timedelta(days=60), AS_OF) - p.scan[0]).days - 8
        days = sorted(p.scan[0] + timedelta(days=8 + int(d)) for d in self.rng.integers(0, max(1, span), n))
        customer = self.claimer(p)
        for part, day in zip(parts, days, strict=True):
            claim = self.add(p, part.quantize(CENT), day, "promo_several", customer=customer)
            if self.rng.random() < 0.6:
                claim.promotion_id = p.promotion_id
            else:
                self.with_lines(claim)

    def _splits(self, promotions: list[Promotion]) -> list[Promotion]:
        """Single claims for two promotions of one banner that end near each other; returns the promotions left.

        About one promotion in fifteen is claimed that way, never in the last weeks.
        """
        over = [p for p in promotions if p.scan[1] < AS_OF - timedelta(days=30)]
        pairs = [
            (p, q)
            for i, p in enumerate(over)
            for q in over[i + 1 :]
            if p.banner == q.banner and abs((p.window[1] - q.window[1]).days) < 40
        ]
        used: set[str] = set()
        for first, second in pairs:
            if len(used) >= max(2, len(promotions) // 15) or {first.key, second.key} & used:
                continue
            used |= {first.key, second.key}
            parts = [(q, self.authorised[q.key].amount) for q in (first, second)]
            day = max(self.day_after(first, 4, 15), self.day_after(second, 4, 15))
            payer = self.net.payer_key(first.customer)
            claim = self.add(first, parts[0][1] + parts[1][1], day, "promo_split", customer=payer)
            claim.parts, claim.description = parts, "Allowances per agreement, two events"
        return [p for p in promotions if p.key not in used]

    def _staged(self, p: Promotion) -> None:
        """The worked examples: over-claim, release, both sides of the tolerance edge, unknown plan."""
        after = p.window[1] + timedelta(days=10)
        below = sorted(k for k, parent in self.net.parent.items() if parent == self.net.payer_key(p.customer))
        if p.scenario == "over_claim":
            self.add(p, Decimal("12000.00"), after, "promo_over", customer=below[0], scenario=p.scenario)
        elif p.scenario == "release":
            for k, part in enumerate(("20000.00", "14000.00", "11000.00")):
                self.add(p, Decimal(part), after + timedelta(days=14 * k), "promo_several", customer=p.customer,
                         promotion_id=p.promotion_id, scenario=p.scenario)  # fmt: skip
        elif p.scenario == "tolerance_edge":
            self.add(p, Decimal("10200.00"), after, "promo_within_tolerance", customer=p.customer,
                     promotion_id=p.promotion_id, scenario=p.scenario)  # fmt: skip
        elif p.scenario == "beyond_edge":
            self.add(p, Decimal("10200.01"), after, "promo_over", customer=p.customer,
                     promotion_id=p.promotion_id, scenario=p.scenario)  # fmt: skip
        elif p.scenario == "no_plan":
            guess = cents(to_cents(float(self.rng.uniform(2000, 6000))))
            self.add(p, guess, after, "promo_no_plan", customer=p.customer, promotion_id=p.promotion_id,
                     scenario=p.scenario)  # fmt: skip

    def _twins(self, promotions: list[Promotion]) -> None:
        """Two promotions alike in every feature, one claim: nobody can know which."""
        pairs: dict[str, list[Promotion]] = {}
        for p in promotions:
            if p.scenario.startswith("twin_"):
                pairs.setdefault(p.scenario, []).append(p)
        for first, second in pairs.values():
            claim = self.add(first, first.planned, first.window[1] + timedelta(days=int(self.rng.integers(5, 25))),
                             "ambiguous", customer=first.customer, scenario=first.scenario)  # fmt: skip
            claim.parts, claim.candidates, claim.description = (
                [],
                (first.key, second.key),
                "Promotional allowance",
            )

    def _unentitled(self, promotions: list[Promotion]) -> None:
        """Deductions for cancelled promotions, and for off-invoice ones that the invoice already paid."""
        cancelled = [p for p in promotions if p.status == "Cancelled" and p.planned and p.scan[1] < AS_OF - timedelta(days=20)
                     and p.method != "off_invoice"]  # fmt: skip
        for p in cancelled:
            claim = self.add(
                p, p.planned, self.day_after(p, 5, 40), "cancelled_promotion", customer=p.customer
            )
            self.with_lines(claim)
            claim.promotion_id = p.promotion_id if self.rng.random() < 0.5 else None
        paid = [p for p in promotions if p.method == "off_invoice" and p.status in ("Live", "Closed")
                and p.scan[1] < AS_OF - timedelta(days=20)]  # fmt: skip
        for p in paid[:3]:
            claim = self.add(
                p, p.planned, self.day_after(p, 5, 40), "off_invoice_double_dip", customer=p.customer
            )
            self.with_lines(claim)
