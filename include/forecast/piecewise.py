"""Pay as a piecewise linear function of one attainment: what a plan of a single measure comes down to.

A function is zero-based and right-continuous: from `at[k]` on it is `value[k] + slope[k] x (x - at[k])`, up to
`at[k + 1]`; at[0] is 0 and x is never below it. A cliff, a retroactive tier or a kicker is a jump between two pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from include.forecast.plans import Component, PayoutCurve, Plan

#: Pieces that miss each other by less, of the larger value, meet.
_MEETING = 1e-12


@dataclass(frozen=True)
class Piecewise:
    """A function on x >= 0; see the module."""

    at: tuple[float, ...]
    value: tuple[float, ...]
    slope: tuple[float, ...]

    def __call__(self, x: float) -> float:
        """The value at x; below zero counts as zero."""
        x = max(x, 0.0)
        k = int(np.searchsorted(self.at, x, side="right")) - 1
        return self.value[k] + self.slope[k] * (x - self.at[k])

    def jump(self, k: int) -> float:
        """How far piece k begins above the end of the piece before it."""
        before = self.value[k - 1] + self.slope[k - 1] * (self.at[k] - self.at[k - 1])
        jump = self.value[k] - before
        return 0.0 if abs(jump) <= _MEETING * max(abs(before), abs(self.value[k])) else jump

    def plus(self, other: Piecewise) -> Piecewise:
        """The sum of two functions."""
        at = sorted({*self.at, *other.at})
        return _pieces((x, self(x) + other(x), self._slope(x) + other._slope(x)) for x in at)

    def times(self, factor: float) -> Piecewise:
        """The function times a factor."""
        return Piecewise(
            self.at, tuple(v * factor for v in self.value), tuple(s * factor for s in self.slope)
        )

    def from_on(self, start: float) -> Piecewise:
        """Zero below `start`, unchanged from there on."""
        if start <= 0.0:
            return self
        rest = [(start, self(start), self._slope(start)), *(p for p in self._all() if p[0] > start)]
        return _pieces([(0.0, 0.0, 0.0), *rest])

    def up_to(self, end: float) -> Piecewise:
        """Unchanged up to `end`, flat from there on."""
        return _pieces([*(p for p in self._all() if p[0] < end), (max(end, 0.0), self(end), 0.0)])

    def at_most(self, most: float) -> Piecewise:
        """The smaller of the function and `most`; slopes must not be negative."""
        pieces = []
        ends = (*self.at[1:], float("inf"))
        for (x, value, slope), end in zip(self._all(), ends, strict=True):
            if value >= most:
                pieces.append((x, most, 0.0))
                continue
            pieces.append((x, value, slope))
            crossing = x + (most - value) / slope if slope > 0 else float("inf")
            if x < crossing < end:
                pieces.append((crossing, most, 0.0))
        return _pieces(pieces)

    def of_rest(self, reached: float, unit: float) -> Piecewise:
        """The function of y >= 0 where x = reached + unit x y, unit above 0."""
        first = (0.0, self(reached), self._slope(reached) * unit if reached >= 0 else 0.0)
        if reached < 0:
            at_zero = [(-reached / unit, self.value[0], self.slope[0] * unit)]
        else:
            at_zero = []
        rest = [((x - reached) / unit, v, s * unit) for x, v, s in self._all()[1:] if x > reached]
        return _pieces([first, *at_zero, *rest])

    def _slope(self, x: float) -> float:
        return self.slope[int(np.searchsorted(self.at, max(x, 0.0), side="right")) - 1]

    def _all(self) -> list[tuple[float, float, float]]:
        return list(zip(self.at, self.value, self.slope, strict=True))


def pay_of(plan: Plan, base: float, most: float | None) -> Piecewise | None:
    """What `plan` pays per unit of `base` (target incentive, or quota of a rate plan) by the attainment of its measure.

    `most`: the cap in units of `base`. None when the plan looks at several measures.
    """
    return _pay(plan, base if any(part.kicker_amount for part in plan.components) else 1.0, most)


@lru_cache(maxsize=4096)
def _pay(plan: Plan, base: float, most: float | None) -> Piecewise | None:
    if len(plan.measures) != 1:
        return None
    nothing = Piecewise((0.0,), (0.0,), (0.0,))
    total, kickers = nothing, nothing
    for part in plan.components:
        total = total.plus(_gated(curve_of(part.curve), part).times(part.weight))
        if part.kicker_amount:
            kicker = Piecewise((0.0,), (part.kicker_amount / base,), (0.0,)).from_on(1.0)
            kickers = kickers.plus(_gated(kicker, part))
    if most is not None:
        total = total.at_most(most)
    return total.plus(kickers)


def curve_of(curve: PayoutCurve) -> Piecewise:
    """A payout curve per unit of its base."""
    if curve.accelerator_mode == "retroactive":
        pieces = [(b, rate * b, rate) for b, rate in zip(curve.bounds, curve.rates, strict=True)]
    else:
        pieces, value = [], 0.0
        for k, (bound, rate) in enumerate(zip(curve.bounds, curve.rates, strict=True)):
            value += curve.rates[k - 1] * (bound - curve.bounds[k - 1]) if k else 0.0
            pieces.append((bound, value, rate))
    whole = _pieces(pieces)
    if curve.threshold_mode == "cliff_from_zero":
        whole = whole.from_on(curve.threshold)
    elif curve.threshold_mode == "linear_from_threshold":
        ramp = (curve.threshold, 0.0, curve.just_below_target() / (1.0 - curve.threshold))
        above = [(1.0, whole(1.0), whole._slope(1.0)), *(p for p in whole._all() if p[0] > 1.0)]
        whole = _pieces([(0.0, 0.0, 0.0), ramp, *above])
    return whole if curve.attainment_cap is None else whole.up_to(curve.attainment_cap)


def _gated(function: Piecewise, part: Component) -> Piecewise:
    return function if part.gate_measure is None else function.from_on(part.gate_attainment)


def _pieces(pieces) -> Piecewise:
    """A function from (at, value, slope), without pieces that only go on as the one before."""
    kept: list[tuple[float, float, float]] = []
    for x, value, slope in pieces:
        if kept:
            x0, v0, s0 = kept[-1]
            if s0 == slope and abs(v0 + s0 * (x - x0) - value) <= _MEETING * abs(value):
                continue
        kept.append((float(x), float(value), float(slope)))
    at, value, slope = zip(*kept, strict=True)
    return Piecewise(at, value, slope)
