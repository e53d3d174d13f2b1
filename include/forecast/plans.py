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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

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
            ramp = (a - self.threshold) * (self.just_below_target() / (1.0 - self.threshold))
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

    def just_below_target(self) -> float:
        """Payout per unit of base when 100 % is approached from below: the ramp ends where the next tier has not begun."""
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

    @cached_property
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
    Raises PlanError with everything that is wrong: unknown or missing modes, a missing threshold or cap, a gap or
    a repeat in the tiers, weights that do not sum to 1, values that are no numbers.
    """
    key, version = str(header["plan_key"]), str(header.get("version") or "1")
    reader = _Reader()
    kind = reader.choice("plan_kind", header.get("plan_kind") or "payout_curve", PLAN_KINDS)
    accelerator = reader.choice("accelerator_mode", header.get("accelerator_mode"), ACCELERATOR_MODES)
    threshold_mode = reader.choice("threshold_mode", header.get("threshold_mode"), THRESHOLD_MODES)
    threshold = reader.threshold(threshold_mode, header.get("threshold_attainment"))
    cap_mode = reader.choice("cap_mode", header.get("cap_mode"), CAP_MODES)
    cap = (
        reader.number("cap_value", header.get("cap_value"), above=0.0) if cap_mode in CAP_MODES[1:] else None
    )
    reader.stray_tiers(tiers, components)
    by_component: dict[str, list[Mapping[str, object]]] = {}
    for tier in tiers:
        by_component.setdefault(SHARED if _is_shared(tier) else str(tier["component"]), []).append(tier)
    if not components or any(str(c["component"]) not in by_component for c in components):
        by_component.setdefault(SHARED, [])
    tables = {
        name: reader.tiers(
            "tiers" if name == SHARED else f"tiers of {name}", rows, kind, threshold, commission_rate
        )
        for name, rows in by_component.items()
    }

    def curve(name: str) -> PayoutCurve:
        bounds, rates = tables[name if name in tables else SHARED]
        capped = cap if cap_mode == "attainment" else None
        return PayoutCurve(bounds, rates, accelerator, threshold_mode, threshold or 0.0, capped)

    if components:
        parts = reader.components(components, kind, curve)
    else:
        parts = (Component("", "revenue", 1.0, curve("")),)
    reader.refuse_faults(f"plan {key} version {version}")
    return Plan(key, version, kind, parts, cap if cap_mode == "payout_multiple" else None)


class _Reader:
    """Reads the rows of one plan version and keeps a list of what is wrong with them.

    A value that cannot be read is None or nan, and what depends on it is not judged.
    """

    def __init__(self) -> None:
        self._faults: list[tuple[str, str, str]] = []

    def refuse_faults(self, where: str) -> None:
        """Raise PlanError when there is any fault, naming all of them."""
        if not self._faults:
            return
        if len(self._faults) == 1:
            [(field, expected, got)] = self._faults
            where = f"{where}, {field}"
        else:
            expected = "a plan that says what it pays"
            told = "; ".join(f"{field}: {got} (expected {wanted})" for field, wanted, got in self._faults)
            got = f"{len(self._faults)} faults: {told}"
        raise PlanError(
            where=where,
            expected=expected,
            got=got,
            remedy="state it in the plan's rows; there is no default",
        )

    def choice(self, field: str, value: object, allowed: Sequence[str]) -> str | None:
        """`value` when it is one of those allowed."""
        if value in allowed:
            return str(value)
        self._refuse(field, " or ".join(allowed), value)
        return None

    def number(self, field: str, value: object, *, above: float | None = None) -> float:
        """`value` as a finite float, nan when it is none."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            self._refuse(field, "a number", value)
            return np.nan
        if not np.isfinite(number):
            self._refuse(field, "a finite number", value)
            return np.nan
        if above is not None and number <= above:
            self._refuse(field, f"a number above {above:g}", number)
            return np.nan
        return number

    def threshold(self, mode: str | None, value: object) -> float | None:
        """The threshold, 0 without one, None when it cannot be told."""
        if mode is None:
            return None
        if mode == "none":
            return 0.0
        threshold = self.number("threshold_attainment", value, above=0.0)
        if mode == "linear_from_threshold" and threshold >= 1.0:
            self._refuse("threshold_attainment", "a threshold below 1 (= 100 %)", threshold)
        return None if np.isnan(threshold) else threshold

    def stray_tiers(
        self, tiers: Sequence[Mapping[str, object]], components: Sequence[Mapping[str, object]]
    ) -> None:
        """Refuse tiers of components the plan does not have."""
        names = {str(c["component"]) for c in components}
        stray = sorted({str(t["component"]) for t in tiers if not _is_shared(t)} - names)
        if stray:
            self._refuse("tiers", "components of this plan", f"unknown component {', '.join(stray)}")

    def tiers(
        self,
        field: str,
        rows: Sequence[Mapping[str, object]],
        kind: str | None,
        threshold: float | None,
        commission_rate: float | None,
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Bounds from 0 on, ascending, and their rates."""
        if not rows:
            if kind == "rate" and commission_rate is not None:
                return (0.0,), (self.number("commission_rate", commission_rate),)
            self._refuse(field, "at least one tier", "none")
            return (0.0,), (np.nan,)
        pairs = sorted(
            (self.number("lower_bound", row["lower_bound"]), self.number("rate", row["rate"])) for row in rows
        )
        bounds, rates = [b for b, _ in pairs], [r for _, r in pairs]
        if not np.isnan([*bounds, *rates]).any():
            self._judge(field, bounds, rates, threshold)
        return (0.0, *bounds[1:]), tuple(rates)

    def _judge(
        self, field: str, bounds: Sequence[float], rates: Sequence[float], threshold: float | None
    ) -> None:
        if len(set(bounds)) != len(bounds):
            self._refuse(field, "each lower_bound once", bounds)
        if bounds[0] < 0 or min(rates) < 0:
            self._refuse(field, "bounds and rates of 0 or more", list(zip(bounds, rates, strict=True)))
        # From zero is what both threshold modes mean once the threshold is reached; without one it is a gap.
        if threshold is not None and bounds[0] > threshold:
            self._refuse(field, "a tier from 0 on", f"a gap below {bounds[0]}")

    def components(
        self,
        rows: Sequence[Mapping[str, object]],
        kind: str | None,
        curve: Callable[[str], PayoutCurve],
    ) -> tuple[Component, ...]:
        """The components, sorted by name."""
        parts = [self._component(row, kind, curve, is_alone=len(rows) == 1) for row in rows]
        weights = [part.weight for part in parts]
        if kind == "payout_curve" and abs(sum(weights) - 1.0) > 1e-9:
            self._refuse("weights of the components", "a sum of 1", sum(weights))
        if min(weights) < 0 or min(part.kicker_amount for part in parts) < 0:
            self._refuse("weights and kickers", "values of 0 or more", "a negative one")
        return tuple(sorted(parts, key=lambda part: part.name))

    def _component(
        self,
        row: Mapping[str, object],
        kind: str | None,
        curve: Callable[[str], PayoutCurve],
        *,
        is_alone: bool,
    ) -> Component:
        name, measure = str(row["component"]), str(row.get("measure") or "revenue")
        weight = row.get("weight")
        if weight is None and (is_alone or kind == "rate"):
            weight = 1.0
        gate, level = row.get("gate_measure") or None, row.get("gate_attainment")
        if level is not None:
            gate = str(gate or measure)
            level = self.number(f"component {name} gate_attainment", level)
        elif gate is not None:
            self._refuse(f"component {name} gate_attainment", "a number beside gate_measure", None)
        return Component(
            name,
            measure,
            self.number(f"component {name} weight", weight),
            curve(name),
            gate,
            level,
            self.number(f"component {name} kicker_amount", row.get("kicker_amount") or 0),
        )

    def _refuse(self, field: str, expected: str, got: object) -> None:
        self._faults.append((field, expected, "nothing" if got is None else str(got)))


def _is_shared(tier: Mapping[str, object]) -> bool:
    return tier.get("component") in (None, "", SHARED)
