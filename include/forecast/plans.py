"""Compensation plans: attainment in, money out. Rules and worked numbers: semantics 5a, G-01, G-02, G-02b.

Three modes decide what a tier table means, users mix them up, and none has a default:
- accelerator `marginal`: a tier's rate applies to the attainment inside the tier; `retroactive`: the rate of
  the tier reached applies to all attainment from zero.
- threshold `none`; `cliff_from_zero`: nothing below the threshold, everything from zero once it is reached;
  `linear_from_threshold`: from nothing at the threshold in a straight line to the payout at 100 %.
- cap `none`; `payout_multiple`: at most cap_value x target incentive; `attainment`: attainment counts up to
  cap_value.
A tier applies from its lower bound on. A rate lower than the one before it is a decelerator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from include.errors import TradewindError

PLAN_KINDS = ("payout_curve", "rate")
ACCELERATOR_MODES = ("marginal", "retroactive")
THRESHOLD_MODES = ("none", "cliff_from_zero", "linear_from_threshold")
#: What the mart calls the component of a tier that names none.
SHARED = "default"
CAP_MODES = ("none", "payout_multiple", "attainment")


class PlanError(TradewindError):
    """A plan that does not say what it pays."""


@dataclass(frozen=True)
class PayoutCurve:
    """f(a): payout per unit of base at attainment a (base: target incentive, or quota for rate plans).

    `bounds` and `rates` describe the tiers in ascending order, the first bound being 0. The cap by
    payout_multiple is the plan's, not the curve's: it holds over all components together.
    """

    bounds: tuple[float, ...]
    rates: tuple[float, ...]
    accelerator_mode: str
    threshold_mode: str = "none"
    threshold: float = 0.0
    attainment_cap: float | None = None

    def __call__(self, attainment: np.ndarray) -> np.ndarray:
        """Payout per unit of base for an array of attainments (any shape; 1 = 100 %). Below zero counts as 0."""
        a = np.maximum(attainment, 0.0)
        if self.attainment_cap is not None:
            np.minimum(a, self.attainment_cap, out=a)
        paid = self._tiers(a)
        if self.threshold_mode == "cliff_from_zero":
            np.copyto(paid, 0.0, where=a < self.threshold)
        elif self.threshold_mode == "linear_from_threshold":
            ramp = (a - self.threshold) * (self._just_below_target() / (1.0 - self.threshold))
            paid = np.where(a < 1.0, np.maximum(ramp, 0.0), paid)
        return paid

    def _tiers(self, a: np.ndarray) -> np.ndarray:
        if self.accelerator_mode == "retroactive":
            rate = np.full_like(a, self.rates[0])
            for bound, tier_rate in zip(self.bounds[1:], self.rates[1:], strict=True):
                np.copyto(rate, tier_rate, where=a >= bound)
            return rate * a
        paid = a * self.rates[0]
        excess = np.empty_like(a)
        for i in range(1, len(self.bounds)):
            np.subtract(a, self.bounds[i], out=excess)
            np.maximum(excess, 0.0, out=excess)
            excess *= self.rates[i] - self.rates[i - 1]
            paid += excess
        return paid

    def _just_below_target(self) -> float:
        """Payout when 100 % is approached from below: the ramp ends where the next tier has not begun."""
        if self.accelerator_mode == "retroactive":
            return [r for b, r in zip(self.bounds, self.rates, strict=True) if b < 1.0][-1]
        return float(self._tiers(np.array([1.0]))[0])


@dataclass(frozen=True)
class Component:
    """One measured part of a plan: its weight, its curve, and what it depends on."""

    name: str
    measure: str
    weight: float
    curve: PayoutCurve
    gate_measure: str | None = None
    gate_attainment: float | None = None
    kicker_amount: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A version of a plan. `cap_multiple` caps the sum of components at cap_multiple x target incentive."""

    plan_key: str
    version: str
    plan_kind: str
    components: tuple[Component, ...]
    cap_multiple: float | None = None

    @property
    def measures(self) -> tuple[str, ...]:
        """Measures a rep on this plan needs a quota for, in order of first use."""
        wanted = [c.measure for c in self.components] + [
            c.gate_measure for c in self.components if c.gate_measure
        ]
        return tuple(dict.fromkeys(wanted))

    def payout(
        self,
        attainment: Mapping[str, np.ndarray],
        *,
        target_incentive: float | None,
        quota: Mapping[str, float] | None = None,
    ) -> np.ndarray:
        """Variable pay in currency, unrounded, for arrays of attainment per measure.

        payout_curve: sum of weight x f(a) x target_incentive. rate: sum of weight x f(a) x quota, which is
        rate x credited revenue tier by tier. Then the cap, then kickers (paid once when the component's
        measure reaches 100 % and its gate is met). A component whose gate is not met pays nothing.
        """
        total: np.ndarray | None = None
        kickers: np.ndarray | None = None
        for part in self.components:
            a = attainment[part.measure]
            base = part.weight * self._base(part, target_incentive, quota)
            paid = part.curve(a)
            paid *= base
            is_open = None
            if part.gate_measure is not None:
                is_open = attainment[part.gate_measure] >= part.gate_attainment
                paid *= is_open
            if part.kicker_amount:
                reached = a >= 1.0 if is_open is None else (a >= 1.0) & is_open
                kicker = reached * part.kicker_amount
                kickers = kicker if kickers is None else kickers + kicker
            total = paid if total is None else total + paid
        if self.cap_multiple is not None:
            np.minimum(total, self.cap_multiple * target_incentive, out=total)
        return total if kickers is None else total + kickers

    def _base(
        self, part: Component, target_incentive: float | None, quota: Mapping[str, float] | None
    ) -> float:
        return quota[part.measure] if self.plan_kind == "rate" else target_incentive


def build_plan(
    header: Mapping[str, object],
    tiers: Sequence[Mapping[str, object]],
    components: Sequence[Mapping[str, object]] = (),
    *,
    commission_rate: float | None = None,
) -> Plan:
    """A Plan from its rows in the contracts compensation_plans, _plan_tiers and _plan_components.

    `tiers` and `components` are the rows of this plan and version. A tier without component applies to every
    component that has none of its own. A rate plan without tiers pays `commission_rate` (the rep's) from zero.
    Raises PlanError naming the field for an unknown or missing mode, a missing threshold or cap, a gap or a
    repeat in the tiers, weights that do not sum to 1.
    """
    key, version = str(header["plan_key"]), str(header.get("version") or "1")
    where = f"plan {key} version {version}"
    kind = _choice(where, "plan_kind", header.get("plan_kind") or "payout_curve", PLAN_KINDS)
    accelerator = _choice(where, "accelerator_mode", header.get("accelerator_mode"), ACCELERATOR_MODES)
    threshold_mode = _choice(where, "threshold_mode", header.get("threshold_mode"), THRESHOLD_MODES)
    cap_mode = _choice(where, "cap_mode", header.get("cap_mode"), CAP_MODES)
    threshold = _threshold(where, threshold_mode, header.get("threshold_attainment"))
    cap = _positive(where, "cap_value", header.get("cap_value")) if cap_mode != "none" else None

    def curve(name: str | None) -> PayoutCurve:
        own = [t for t in tiers if name is not None and t.get("component") == name]
        rows = own or [t for t in tiers if _is_shared(t)]
        bounds, rates = _tier_table(where, rows, kind, threshold_mode, threshold, commission_rate)
        return PayoutCurve(
            bounds, rates, accelerator, threshold_mode, threshold, cap if cap_mode == "attainment" else None
        )

    _refuse_stray_tiers(where, tiers, components)
    parts = _components(where, kind, components, curve)
    return Plan(key, version, kind, parts, cap if cap_mode == "payout_multiple" else None)


def _components(where, kind, rows, curve) -> tuple[Component, ...]:
    if not rows:
        return (Component("", "revenue", 1.0, curve(None)),)
    parts = []
    for row in rows:
        name = str(row["component"])
        weight = row.get("weight")
        gate = row.get("gate_measure") or None
        if weight is None and (len(rows) == 1 or kind == "rate"):
            weight = 1.0
        if gate is not None and row.get("gate_attainment") is None:
            raise _refuse(where, f"component {name} gate_attainment", "a number beside gate_measure", None)
        if gate is None and row.get("gate_attainment") is not None:
            gate = str(row.get("measure") or "revenue")
        parts.append(
            Component(
                name,
                str(row.get("measure") or "revenue"),
                _number(where, f"component {name} weight", weight),
                curve(name),
                gate,
                None if gate is None else _number(where, "gate_attainment", row["gate_attainment"]),
                _number(where, "kicker_amount", row.get("kicker_amount") or 0),
            )
        )
    total = sum(p.weight for p in parts)
    if kind == "payout_curve" and abs(total - 1.0) > 1e-9:
        raise _refuse(where, "weights of the components", "a sum of 1", total)
    if min(p.weight for p in parts) < 0 or min(p.kicker_amount for p in parts) < 0:
        raise _refuse(where, "weights and kickers", "values of 0 or more", "a negative one")
    return tuple(sorted(parts, key=lambda p: p.name))


def _tier_table(where, rows, kind, threshold_mode, threshold, commission_rate):
    if not rows and kind == "rate" and commission_rate is not None:
        return (0.0,), (_number(where, "commission_rate", commission_rate),)
    if not rows:
        raise _refuse(where, "tiers", "at least one tier", "none")
    pairs = sorted(
        (_number(where, "lower_bound", r["lower_bound"]), _number(where, "rate", r["rate"])) for r in rows
    )
    bounds = [b for b, _ in pairs]
    if len(set(bounds)) != len(bounds):
        raise _refuse(where, "tiers", "each lower_bound once", bounds)
    if bounds[0] < 0 or min(r for _, r in pairs) < 0:
        raise _refuse(where, "tiers", "bounds and rates of 0 or more", pairs)
    if bounds[0] > 0:
        # From zero is what both threshold modes mean once the threshold is reached; without one it is a gap.
        if threshold_mode == "none" or bounds[0] > threshold:
            raise _refuse(where, "tiers", "a tier from 0 on", f"a gap below {bounds[0]}")
        bounds[0] = 0.0
    return tuple(bounds), tuple(r for _, r in pairs)


def _refuse_stray_tiers(where, tiers, components) -> None:
    names = {str(c["component"]) for c in components}
    stray = sorted({str(t["component"]) for t in tiers if not _is_shared(t)} - names)
    if stray:
        raise _refuse(where, "tiers", "components of this plan", f"unknown component {', '.join(stray)}")


def _is_shared(tier: Mapping[str, object]) -> bool:
    return tier.get("component") in (None, "", SHARED)


def _threshold(where: str, mode: str, value: object) -> float:
    if mode == "none":
        return 0.0
    threshold = _positive(where, "threshold_attainment", value)
    if mode == "linear_from_threshold" and threshold >= 1.0:
        raise _refuse(where, "threshold_attainment", "a threshold below 1 (= 100 %)", threshold)
    return threshold


def _choice(where: str, name: str, value: object, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise _refuse(where, name, " or ".join(allowed), value)
    return str(value)


def _positive(where: str, name: str, value: object) -> float:
    number = _number(where, name, value)
    if number <= 0:
        raise _refuse(where, name, "a number above 0", number)
    return number


def _number(where: str, name: str, value: object) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise _refuse(where, name, "a number", value) from None
    if not np.isfinite(number):
        raise _refuse(where, name, "a finite number", value)
    return number


def _refuse(where: str, field: str, expected: str, got: object) -> PlanError:
    return PlanError(
        where=f"{where}, {field}",
        expected=expected,
        got="nothing" if got is None else str(got),
        remedy="state it in the plan's rows; there is no default",
    )
