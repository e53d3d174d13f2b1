"""Levers: named changes of frozen inputs. What is paid then follows from the plans' own rules, never from scaling.

A lever keeps the streams, so a changed simulation and the one it came from differ by the change alone, iteration
by iteration. A scaled quota does not change what will be sold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from include.forecast.config import Scenario
from include.forecast.inputs import Leg, SimulationInputs
from include.forecast.plans import PayoutCurve, Plan
from include.forecast.prepare import under
from include.money import round_half_up

Change = Callable[[SimulationInputs, float], SimulationInputs]


class NotApplicable(Exception):
    """Why a lever cannot be pulled on these inputs."""


@dataclass(frozen=True)
class Lever:
    """`apply` gives the inputs at a setting; 1 (of points: 0) is how they are. `label` is for people."""

    name: str
    label: str
    apply: Change
    in_points: bool = False

    def setting(self, size: float) -> float:
        """The setting that is `size` away from how things are."""
        return size if self.in_points else float(1 + Decimal(str(size)))


def scaled_quota(inputs: SimulationInputs, factor: float) -> SimulationInputs:
    """Quotas times `factor`, in cents; what is credited and what will be sold stay."""
    return _scenario(inputs, Scenario(inputs.scenario_id, quota_scale=factor))


def scaled_accelerators(inputs: SimulationInputs, factor: float) -> SimulationInputs:
    """Rates of the tiers that begin at 100 % or above, times `factor`."""

    def change(curve: PayoutCurve) -> PayoutCurve:
        tiers = zip(curve.bounds, curve.rates, strict=True)
        return replace(curve, rates=tuple(rate * factor if bound >= 1.0 else rate for bound, rate in tiers))

    if not any(bound >= 1.0 for curve in _curves(inputs) for bound in curve.bounds):
        raise NotApplicable("no plan has a tier that begins at 100 % or above")
    return _with_curves(inputs, change)


def threshold_at(inputs: SimulationInputs, threshold: float) -> SimulationInputs:
    """The same threshold in every plan that has one."""
    return _with_thresholds(inputs, lambda _: threshold)


def _moved_threshold(inputs: SimulationInputs, points: float) -> SimulationInputs:
    return _with_thresholds(inputs, lambda threshold: max(threshold + points, 0.0))


def _with_thresholds(inputs: SimulationInputs, moved: Callable[[float], float]) -> SimulationInputs:
    def change(curve: PayoutCurve) -> PayoutCurve:
        if curve.threshold_mode == "none":
            return curve
        threshold = moved(curve.threshold)
        if curve.threshold_mode == "linear_from_threshold" and threshold >= 1.0:
            raise NotApplicable(f"a line from a threshold of {threshold:.4g} would not end at 100 %")
        return replace(curve, threshold=threshold)

    if all(curve.threshold_mode == "none" for curve in _curves(inputs)):
        raise NotApplicable("no plan has a threshold")
    return _with_curves(inputs, change)


def _scaled_cap(inputs: SimulationInputs, factor: float) -> SimulationInputs:
    def curve_changed(curve: PayoutCurve) -> PayoutCurve:
        cap = curve.attainment_cap
        return curve if cap is None else replace(curve, attainment_cap=cap * factor)

    def change(plan: Plan) -> Plan:
        cap = None if plan.cap_multiple is None else plan.cap_multiple * factor
        return replace(_plan_with_curves(plan, curve_changed), cap_multiple=cap)

    plans = _plans(inputs)
    if all(plan.cap_multiple is None for plan in plans.values()) and all(
        curve.attainment_cap is None for curve in _curves(inputs)
    ):
        raise NotApplicable("no plan has a cap")
    return replace(inputs, plans={key: change(plan) for key, plan in inputs.plans.items()})


def _scaled_target(inputs: SimulationInputs, factor: float) -> SimulationInputs:
    def is_paid_by_target(leg: Leg) -> bool:
        plan = inputs.plans[leg.plan]
        is_used = plan.plan_kind == "payout_curve" or plan.cap_multiple is not None
        return is_used and leg.target_incentive is not None

    def change(leg: Leg) -> Leg:
        if not is_paid_by_target(leg):
            return leg
        return replace(leg, target_incentive=round_half_up(leg.target_incentive * Decimal(str(factor))))

    if not any(is_paid_by_target(leg) for rep in inputs.reps for leg in rep.legs):
        raise NotApplicable("no plan pays in multiples of a target incentive")
    return _with_legs(inputs, change)


def _scaled_commission(inputs: SimulationInputs, factor: float) -> SimulationInputs:
    def change(plan: Plan) -> Plan:
        if plan.plan_kind != "rate":
            return plan
        return _plan_with_curves(plan, lambda c: replace(c, rates=tuple(rate * factor for rate in c.rates)))

    if all(plan.plan_kind != "rate" for plan in _plans(inputs).values()):
        raise NotApplicable("no plan pays a rate of revenue")
    return replace(inputs, plans={key: change(plan) for key, plan in inputs.plans.items()})


def _scaled_attainment(inputs: SimulationInputs, factor: float) -> SimulationInputs:
    _require_open(inputs)
    return _scenario(inputs, Scenario(inputs.scenario_id, attainment_scale=factor))


def _scaled_spread(inputs: SimulationInputs, factor: float) -> SimulationInputs:
    _require_open(inputs)
    return _scenario(inputs, Scenario(inputs.scenario_id, spread_scale=factor))


def _scaled_win_rates(inputs: SimulationInputs, factor: float) -> SimulationInputs:
    def change(leg: Leg) -> Leg:
        lines = (
            replace(
                line,
                deals=tuple(replace(d, probability=min(d.probability * factor, 1.0)) for d in line.deals),
            )
            for line in leg.lines
        )
        return replace(leg, lines=tuple(lines))

    if not any(line.deals for rep in inputs.reps for line in rep.lines):
        raise NotApplicable("no open deal is drawn in this mode")
    return _with_legs(inputs, change)


def _scaled_correlation(inputs: SimulationInputs, factor: float) -> SimulationInputs:
    _require_open(inputs)
    rho_global, rho_region = inputs.correlation_global * factor, inputs.correlation_region * factor
    if rho_global + rho_region == inputs.correlation_global + inputs.correlation_region:
        raise NotApplicable("attainment is not correlated")
    if rho_global + rho_region > 1.0:
        raise NotApplicable(f"correlations would be {rho_global:.4g} and {rho_region:.4g}, together above 1")
    return replace(inputs, correlation_global=rho_global, correlation_region=rho_region)


def _without_hires(inputs: SimulationInputs, _: float) -> SimulationInputs:
    staying = tuple(rep for rep in inputs.reps if rep.legs[0].start <= inputs.as_of)
    if len(staying) == len(inputs.reps):
        raise NotApplicable(f"nobody is hired after {inputs.as_of}")
    if not staying:
        raise NotApplicable(f"everybody is hired after {inputs.as_of}")
    return replace(inputs, reps=staying)


#: Levers of the drivers, in the order they are listed where their effects tie.
DRIVERS = {
    lever.name: lever
    for lever in (
        Lever("attainment", "Attainment still to come", _scaled_attainment),
        Lever("spread", "Spread of attainment", _scaled_spread),
        Lever("win_rate", "Win rates of open deals", _scaled_win_rates),
        Lever("quota", "Quotas", scaled_quota),
        Lever("accelerator", "Rates above 100 %", scaled_accelerators),
        Lever("threshold", "Threshold", _moved_threshold, in_points=True),
        Lever("cap", "Cap", _scaled_cap),
        Lever("target_incentive", "Target incentives", _scaled_target),
        Lever("commission_rate", "Commission rates", _scaled_commission),
        Lever("correlation", "Correlation of attainment", _scaled_correlation),
        Lever("hiring_freeze", "Hires to come", _without_hires),
    )
}
#: Levers of the optimiser: what is searched is the setting itself.
OPTIMISED = {
    lever.name: lever
    for lever in (
        Lever("quota_scale", "Quotas times", scaled_quota),
        Lever("accelerator_scale", "Rates above 100 % times", scaled_accelerators),
        Lever("threshold", "Threshold", threshold_at, in_points=True),
    )
}


def _scenario(inputs: SimulationInputs, scenario: Scenario) -> SimulationInputs:
    return replace(inputs, reps=tuple(under(scenario, rep) for rep in inputs.reps))


def _require_open(inputs: SimulationInputs) -> None:
    if all(line.is_complete for rep in inputs.reps for line in rep.lines):
        raise NotApplicable("nothing of the year is left to draw")


def _with_legs(inputs: SimulationInputs, change: Callable[[Leg], Leg]) -> SimulationInputs:
    return replace(inputs, reps=tuple(replace(rep, legs=tuple(map(change, rep.legs))) for rep in inputs.reps))


def _with_curves(inputs: SimulationInputs, change: Callable[[PayoutCurve], PayoutCurve]) -> SimulationInputs:
    plans = {key: _plan_with_curves(plan, change) for key, plan in inputs.plans.items()}
    return replace(inputs, plans=plans)


def _plan_with_curves(plan: Plan, change: Callable[[PayoutCurve], PayoutCurve]) -> Plan:
    return replace(
        plan, components=tuple(replace(part, curve=change(part.curve)) for part in plan.components)
    )


def _plans(inputs: SimulationInputs) -> Mapping[str, Plan]:
    used = {leg.plan for rep in inputs.reps for leg in rep.legs}
    return {key: plan for key, plan in inputs.plans.items() if key in used}


def _curves(inputs: SimulationInputs) -> list[PayoutCurve]:
    return [part.curve for plan in _plans(inputs).values() for part in plan.components]
