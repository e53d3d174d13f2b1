"""Makes the truth about a deduction knowable: no other promotion may fit a claim better than its own.

The specification's score (semantics 5b) is applied here in its simplest form, best case for every rival and worst
case for the claim's own promotions. A claim that a rival could win is given its promotion's id, as a careful
retailer would; a deduction that is no promotion's gets an amount no promotion could explain.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import accumulate

import numpy as np

from include.sandbox.world_claims import Authorised, Claim, Claimant
from include.sandbox.world_master import Network
from include.sandbox.world_promotions import COMMITTED, Promotion

WEIGHTS = {"customer": 0.25, "date": 0.20, "amount": 0.25, "tactic": 0.15, "product": 0.15}
#: A little below the score and lead at which a match is accepted, so that roundings cannot matter.
ACCEPTED, LEAD = 0.76, 0.06


def openings(p: Promotion, authorised: Authorised, claims: list[Claim]) -> list[float]:
    """Amounts a promotion may stand open at while its claims come in, some of them perhaps not settled."""
    sizes = [float(a) for c in sorted(claims, key=lambda c: c.day) for q, a in c.parts if q is p]
    found: set[float] = set()
    for whole in {authorised.amount, authorised.earned, p.planned} - {None}:
        found |= (
            {float(whole)} | {float(whole) - s for s in accumulate(sizes)} | {float(whole) - s for s in sizes}
        )
    return sorted(x for x in found if x > 0)


def amount_fit(claimed: float, open_amount: float) -> float:
    """1 when equal, falling to 0 with the relative difference."""
    return max(0.0, 1 - abs(claimed - open_amount) / max(claimed, open_amount))


class Rivals:
    """The promotions of every retailer, and how well each could fit a claim."""

    def __init__(
        self,
        net: Network,
        promotions: list[Promotion],
        authorised: dict[str, Authorised],
        claims: list[Claim],
    ):
        self.net = net
        self.claims_of: dict[str, list[Claim]] = {}
        for claim in claims:
            for p, _ in claim.parts:
                self.claims_of.setdefault(p.key, []).append(claim)
        self.of_root: dict[str, list[tuple[Promotion, list[float]]]] = {}
        for p in promotions:
            if p.status in COMMITTED and p.method != "off_invoice":
                values = openings(p, authorised[p.key], self.claims_of.get(p.key, []))
                self.of_root.setdefault(self.ancestors(p.customer)[-1], []).append((p, values))

    def ancestors(self, customer: str) -> list[str]:
        """`customer` and everything above it, root last."""
        chain = [customer]
        while (parent := self.net.parent[chain[-1]]) is not None:
            chain.append(parent)
        return chain

    def near(self, claim: Claim) -> list[tuple[Promotion, list[float]]]:
        """Promotions of the claim's retailer with the amounts they may stand open at."""
        return self.of_root.get(self.ancestors(claim.customer)[-1], [])

    def confusable(self, claim: Claim) -> bool:
        """Whether a promotion that is not the claim's stands, near its day, open at about its amount."""
        own = {p.key for p, _ in claim.parts} | set(claim.candidates)
        amount = float(claim.amount)
        return any(
            p.key not in own
            and p.window[0] - timedelta(days=14) <= claim.day <= p.window[1] + timedelta(days=125)
            and any(0.5 * v <= amount <= 1.12 * v for v in values)
            for p, values in self.near(claim)
        )

    def fit(self, claim: Claim, p: Promotion, values: list[float], best: bool) -> float:
        """The score of `p` for the claim, at the best or worst amount it may stand open at; 0 = no candidate."""
        customer = self._customer_fit(claim.customer, p.customer)
        after = (claim.day - p.window[1]).days
        before = (p.window[0] - claim.day).days
        if not customer or after > 90 or before > 7 or not values:
            return 0.0
        amount = float(claim.amount)
        fits = [amount_fit(amount, v) for v in values]
        if len(self.claims_of.get(p.key, [])) > 1 and values[0] <= amount <= values[-1]:
            fits.append(1.0)
        parts = {
            "customer": customer, "date": 1 - after / 90 if after > 0 else 1 - max(before, 0) / 7,
            "amount": max(fits) if best else min(fits), "tactic": 1.0,
        }  # fmt: skip
        if claim.lines:
            claimed, offered = {line[0] for line in claim.lines}, set(p.products)
            parts["product"] = len(claimed & offered) / len(claimed | offered)
        weight = sum(WEIGHTS[name] for name in parts)
        return sum(WEIGHTS[name] * value for name, value in parts.items()) / weight

    def _customer_fit(self, claimer: str, holder: str) -> float:
        if claimer == holder:
            return 1.0
        if holder in self.ancestors(claimer):
            return 0.9
        if claimer in self.ancestors(holder):
            return 0.8
        parent = self.net.parent[claimer]
        return 0.4 if parent is not None and parent == self.net.parent[holder] else 0.0

    def could_lose(self, claim: Claim) -> bool:
        """Whether a rival could be accepted for the claim: a score that is enough, and leads its own promotions'."""
        own = {p.key for p, _ in claim.parts} | set(claim.candidates)
        near = self.near(claim)
        ours = max(
            (self.fit(claim, p, values, best=False) for p, values in near if p.key in own), default=0.0
        )
        theirs = max(
            (self.fit(claim, p, values, best=True) for p, values in near if p.key not in own), default=0.0
        )
        return theirs >= ACCEPTED and theirs - ours >= LEAD


def make_decidable(rng: np.random.Generator, claimant: Claimant, claims: list[Claim], rivals: Rivals) -> None:
    """Name the promotion on every posted claim that a rival could win; about half of the merely confusable
    ones bring their product lines. Repeated claims repeat what the first one says."""
    for claim in claims:
        if claim.promotion_id or claim.candidates or len(claim.parts) != 1:
            continue
        if rivals.confusable(claim) and not claim.lines and rng.random() < 0.5:
            claimant.with_lines(claim)
        if rivals.could_lose(claim):
            claim.promotion_id = claim.parts[0][0].promotion_id
    for claim in claims:
        if claim.kind == "duplicate" and claim.link is not None:
            claim.promotion_id, claim.lines = claim.link.promotion_id, list(claim.link.lines)
