"""Draws against commission: pay that comes before it is earned (semantics 5a, G-09).

A recoverable draw is an advance: it is paid back from later earnings, so it moves cash and not the year's cost, except
for what a rep who leaves has not paid back. A non-recoverable draw is a guarantee: what it pays above the earnings of
its window is cost. Windows that are over at as_of are settled one by one. What is still open is settled as one window,
because the forecast draws the rest of the year and not its months: exact for one open window up to the end of the
year, otherwise the least that the draws can cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from include.forecast.inputs import Draw, RepInput, SimulationInputs
from include.forecast.mart_rows import Row
from include.forecast.plans import Plan
from include.forecast.rows import ROUNDING
from include.forecast.service import Excluded
from include.money import ZERO, round_half_up


@dataclass(frozen=True)
class Settlement:
    """A window that is over: what was earned in it, what was paid, and what the rep owes after it."""

    draw: Draw
    earned: Decimal
    paid: Decimal
    balance: Decimal


@dataclass(frozen=True)
class Guarantee:
    """What draws add to a rep's pay: `topped_up` in settled windows, and what pay lacks to `floor` after `earned`."""

    topped_up: Decimal
    floor: Decimal
    earned: Decimal

    def cost(self, cents: np.ndarray) -> np.ndarray:
        """The year's cost of the rep for pay of whole cents (float64), in whole cents."""
        total = cents + float(self.topped_up * 100)
        if self.floor:
            total += np.maximum(float((self.floor + self.earned) * 100) - cents, 0.0)
        return total


def draws_within(
    rows: Sequence[Row], code: str, start: date, end: date, credited: Callable[[date], tuple[Decimal, ...]]
) -> tuple[Draw, ...]:
    """A rep's draws inside [start, end), a window over the edge with its share by days, half up to the cent.

    `credited`: what each of the rep's lines was credited before a day. Raises Excluded for draws that overlap, are in
    another currency than the pay, or have no amount.
    """
    found: list[Draw] = []
    for row in sorted(rows, key=lambda row: (row["period_start"], row["period_end"])):
        first, last, amount = row["period_start"], row["period_end"], row["draw_amount"]
        if (row.get("currency") or code) != code:
            raise Excluded(f"draw in {row['currency']}, pay in {code}")
        if amount is None or not amount.is_finite() or amount < 0 or last <= first:
            raise Excluded(f"the draw from {first} has no amount, a negative one or no days")
        whole = (last - first).days
        first, last = max(first, start), min(last, end)
        if first >= last:
            continue
        if found and first.isoformat() < found[-1].end:
            raise Excluded(f"the draw from {first} overlaps the one before it")
        amount = round_half_up(amount * (last - first).days / whole)
        is_recoverable = bool(row["is_recoverable"])
        found.append(
            Draw(first.isoformat(), last.isoformat(), amount, is_recoverable, credited(first), credited(last))
        )
    return tuple(found)


def settle(draws: Sequence[Draw], earned: Sequence[Decimal]) -> list[Settlement]:
    """Windows in order of time with what was earned in each; the balance begins at 0.

    Recoverable: net = earned - balance, paid = the larger of net and draw, balance = paid - net. Otherwise paid = the
    larger of earned and draw, and the balance stays.
    """
    settled, balance = [], ZERO
    for draw, amount in zip(draws, earned, strict=True):
        if draw.is_recoverable:
            net = amount - balance
            paid = max(net, draw.amount)
            balance = paid - net
        else:
            paid = max(amount, draw.amount)
        settled.append(Settlement(draw, amount, paid, balance))
    return settled


def settlements(inputs: SimulationInputs, rep: RepInput) -> list[Settlement]:
    """The rep's windows that are over at as_of."""
    over = [draw for draw in rep.draws if draw.end <= inputs.next_day]
    pay = [
        earned_to(rep, inputs.plans, draw.credited_after) - earned_to(rep, inputs.plans, draw.credited_before)
        for draw in over
    ]
    return settle(over, pay)


def guarantee_of(inputs: SimulationInputs, rep: RepInput) -> Guarantee:
    """What the draws of a rep who has some add to the pay of the year."""
    settled = settlements(inputs, rep)
    to_come = rep.draws[len(settled) :]
    before = to_come[0].credited_before if to_come else rep.draws[-1].credited_after
    floor = sum((draw.amount for draw in to_come if not draw.is_recoverable), ZERO)
    if rep.legs[-1].end < inputs.horizon_end:
        floor += sum((draw.amount for draw in to_come if draw.is_recoverable), ZERO)
        floor += settled[-1].balance if settled else ZERO
    topped_up = sum((s.paid - s.earned for s in settled if not s.draw.is_recoverable), ZERO)
    return Guarantee(topped_up, floor, earned_to(rep, inputs.plans, before))


def earned_to(rep: RepInput, plans: Mapping[str, Plan], credited: Sequence[Decimal]) -> Decimal:
    """Pay of the year, leg by leg in cents, for what each of the rep's lines was credited; in the rep's currency."""
    total, at = ZERO, 0
    for leg in rep.legs:
        attainment, quota = {}, {}
        for line in leg.lines:
            attainment[line.measure] = np.array([float(credited[at] / line.quota)])
            quota[line.measure] = float(line.quota)
            at += 1
        target = None if leg.target_incentive is None else float(leg.target_incentive)
        pay = plans[leg.plan].payout(attainment, target_incentive=target, quota=quota)[0]
        total += Decimal(math.floor(pay * 100.0 + ROUNDING)) / 100
    return total
