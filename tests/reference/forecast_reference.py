"""The forecast, slow and obvious: one rep, one iteration, one number at a time. The engine must agree.

`payout` is exact decimal arithmetic over a plan written as plain values; `totals` is the simulation as three
nested loops; `Hinges` prices a curve under a lognormal in closed form (a sum of Black-Scholes calls and
asset-or-nothing puts), which no simulation code shares.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from itertools import pairwise

import numpy as np
from numpy.random import SFC64, Generator
from scipy.stats import norm


@dataclass(frozen=True)
class PlainPlan:
    """One plan as plain values: tiers [(lower bound, rate)], modes as in the contract."""

    tiers: list[tuple[Decimal, Decimal]]
    accelerator: str = "marginal"
    threshold_mode: str = "none"
    threshold: Decimal = Decimal(0)
    cap_mode: str = "none"
    cap: Decimal = Decimal(0)


def payout(plan: PlainPlan, attainment: Decimal, target: Decimal) -> Decimal:
    """Pay at `attainment`, exact."""
    a = max(attainment, Decimal(0))
    if plan.cap_mode == "attainment":
        a = min(a, plan.cap)
    if plan.threshold_mode == "cliff_from_zero" and a < plan.threshold:
        return Decimal(0)
    if plan.threshold_mode == "linear_from_threshold" and a < 1:
        if a < plan.threshold:
            return Decimal(0)
        multiple = _tiers_below_target(plan) * (a - plan.threshold) / (1 - plan.threshold)
    else:
        multiple = _tiers(plan, a)
    if plan.cap_mode == "payout_multiple":
        multiple = min(multiple, plan.cap)
    return multiple * target


def _tiers(plan: PlainPlan, a: Decimal) -> Decimal:
    if plan.accelerator == "retroactive":
        return next(rate for bound, rate in reversed(plan.tiers) if a >= bound) * a
    paid = Decimal(0)
    for i, (bound, rate) in enumerate(plan.tiers):
        top = plan.tiers[i + 1][0] if i + 1 < len(plan.tiers) else a
        if a > bound:
            paid += rate * (min(a, top) - bound)
    return paid


def _tiers_below_target(plan: PlainPlan) -> Decimal:
    if plan.accelerator == "retroactive":
        return next(rate for bound, rate in reversed(plan.tiers) if bound < 1)
    return _tiers(plan, Decimal(1))


def normal(seed: int, scenario: str, entity: str, iteration: int) -> float:
    """The normal of one entity in one iteration, drawing one after the other from the start of its segment."""
    segment, place = divmod(iteration, 8192)
    digest = hashlib.sha256(f"{seed}|{scenario}|{entity}|{segment}".encode()).digest()
    words = [int.from_bytes(digest[i : i + 8], "little") for i in (0, 8, 16)]
    bits = SFC64()
    bits.state = {
        "bit_generator": "SFC64",
        "state": {"state": np.array([*words, 1], dtype=np.uint64)},
        "has_uint32": 0,
        "uinteger": 0,
    }
    generator = Generator(bits)
    return [generator.standard_normal() for _ in range(place + 1)][place]


def totals(reps, *, seed, rho_global, rho_region, iterations) -> list[int]:
    """Cents per iteration. `reps`: dicts with key, region and legs; a leg is a dict with start, mu, sigma, plan,
    target, share, reached, quota and deals, and is paid and rounded by itself.

    attainment of a leg = reached + share x lognormal(mu, sigma) + revenue of its deals / quota. A deal is a dict with key, amount, probability, chance, earlier and spread.
    """
    result = []
    for i in range(iterations):
        total = 0
        for rep in reps:
            common = _normal(seed, "factor:global", i) * math.sqrt(rho_global)
            region = _normal(seed, f"factor:region:{rep['region']}", i) * math.sqrt(rho_region)
            for place, leg in enumerate(rep["legs"]):
                entity = f"rep:{rep['key']}" if place == 0 else f"rep:{rep['key']}@{leg['start']}"
                own = _normal(seed, entity, i) * math.sqrt(1 - rho_global - rho_region)
                drawn = math.exp(leg["mu"] + leg["sigma"] * (common + region + own))
                won = sum(
                    _deal(deal, seed, common + region, rho_global + rho_region, i) for deal in leg["deals"]
                )
                a = Decimal(leg["reached"] + leg["share"] * drawn + won / leg["quota"])
                pay = payout(leg["plan"], a, leg["target"])
                total += int((pay * 100 + Decimal("0.5")).to_integral_value(rounding=ROUND_FLOOR))
        result.append(total)
    return result


def _deal(deal, seed: int, common: float, rho: float, iteration: int) -> float:
    """What a deal brings inside its leg: how far out its normal lies decides whether it is won, and when."""
    entity = f"deal:{deal['key']}"
    upper_tail = norm.sf(common + math.sqrt(1 - rho) * _normal(seed, entity, iteration))
    before = deal["probability"] * deal["earlier"]
    if not before <= upper_tail < before + deal["probability"] * deal["chance"]:
        return 0.0
    if deal["spread"] == 0:
        return deal["amount"]
    sigma = math.sqrt(math.log(1 + deal["spread"] ** 2))
    return deal["amount"] * math.exp(sigma * _normal(seed, f"{entity}:amount", iteration) - sigma**2 / 2)


def _normal(seed: int, entity: str, iteration: int) -> float:
    return normal(seed, "base", entity, iteration)


class Hinges:
    """Expected payout of a marginal curve with cliff and payout cap, attainment lognormal(mu, sigma)."""

    def __init__(self, mu: float, sigma: float):
        self.mu, self.sigma = mu, sigma
        self.mean = math.exp(mu + sigma**2 / 2)

    def call(self, strike: float) -> float:
        """E[(A - K)+]."""
        if strike <= 0:
            return self.mean - strike
        d = (self.mu - math.log(strike)) / self.sigma
        return self.mean * norm.cdf(d + self.sigma) - strike * norm.cdf(d)

    def below(self, level: float) -> float:
        """E[A; A < K]."""
        return self.mean * norm.cdf((math.log(level) - self.mu) / self.sigma - self.sigma)

    def expected(self, tiers: list[tuple[float, float]], threshold: float, cap: float | None) -> float:
        """E[f(A)] with the cliff from zero inside the first tier and the cap in the last."""
        value = tiers[0][1] * (self.mean - (self.below(threshold) if threshold else 0.0))
        for (_, before), (bound, rate) in pairwise(tiers):
            value += (rate - before) * self.call(bound)
        if cap is not None:
            at_last = sum(rate * (tiers[i + 1][0] - bound) for i, (bound, rate) in enumerate(tiers[:-1]))
            strike = tiers[-1][0] + (cap - at_last) / tiers[-1][1]
            value -= tiers[-1][1] * self.call(strike)
        return value
