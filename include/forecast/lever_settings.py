"""Which levers are pulled, how far, and between which bounds the optimiser searches. Checked once, here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from include.errors import TradewindError

#: Lever of the drivers -> (smallest, largest) size it can be pulled by.
DRIVER_SIZES = {
    "attainment": (-0.99, 10.0),
    "spread": (-1.0, 10.0),
    "win_rate": (-1.0, 10.0),
    "quota": (-0.99, 10.0),
    "accelerator": (-1.0, 10.0),
    "threshold": (-1.0, 1.0),
    "cap": (-0.99, 10.0),
    "target_incentive": (-1.0, 10.0),
    "commission_rate": (-1.0, 10.0),
    "correlation": (-1.0, 10.0),
    "hiring_freeze": (-1.0, -1.0),
}
#: Lever of the optimiser -> (smallest, largest) setting.
SETTINGS = {
    "quota_scale": (0.01, 100.0),
    "accelerator_scale": (0.0, 100.0),
    "threshold": (0.0, 10.0),
}
_BOTH_WAYS = (-0.1, 0.1)
_MOST_ITERATIONS = 100_000


def _default_sizes() -> dict[str, tuple[float, ...]]:
    narrower = dict.fromkeys(("quota", "target_incentive", "commission_rate"), (-0.05, 0.05))
    return {
        **dict.fromkeys(DRIVER_SIZES, _BOTH_WAYS),
        **narrower,
        "correlation": (-0.5, 0.5),
        "hiring_freeze": (-1.0,),
    }


def _default_bounds() -> dict[str, tuple[float, float]]:
    return {"quota_scale": (0.5, 2.0), "accelerator_scale": (0.0, 2.0), "threshold": (0.0, 0.95)}


@dataclass(frozen=True)
class DriverSettings:
    """`levers`: name -> sizes (relative, of the threshold in points of attainment); none is no drivers.

    `iterations`: how many of the simulation's iterations are paired, at most. `scenarios`: which scenarios get
    drivers and optima; none named is the first one.
    """

    iterations: int = 10_000
    scenarios: tuple[str, ...] = ()
    levers: Mapping[str, tuple[float, ...]] = field(default_factory=_default_sizes)

    @classmethod
    def from_mapping(cls, body: Mapping[str, object] | None) -> DriverSettings:
        """Checked settings; keys that are not given keep their default. Raises TradewindError naming the key."""
        body = _known("drivers", body, {"iterations", "scenarios", "levers"})
        found: dict[str, object] = {}
        if "iterations" in body:
            found["iterations"] = _whole("drivers.iterations", body["iterations"], 2, _MOST_ITERATIONS)
        if "scenarios" in body:
            found["scenarios"] = tuple(str(name) for name in _list("drivers.scenarios", body["scenarios"]))
        if "levers" in body:
            levers = _known("drivers.levers", body["levers"], set(DRIVER_SIZES))
            found["levers"] = {name: _sizes(name, sizes) for name, sizes in levers.items()}
        return cls(**found)


@dataclass(frozen=True)
class OptimiseSettings:
    """`levers`: name -> (lowest, highest) setting searched, on multiples of `step`; none is no optimiser.

    The search asks at which setting the `percentile` of the total cost still meets the budget.
    """

    percentile: int = 95
    step: float = 0.001
    iterations: int = 10_000
    levers: Mapping[str, tuple[float, float]] = field(default_factory=_default_bounds)

    @classmethod
    def from_mapping(cls, body: Mapping[str, object] | None) -> OptimiseSettings:
        """Checked settings; keys that are not given keep their default. Raises TradewindError naming the key."""
        body = _known("optimise", body, {"percentile", "step", "iterations", "levers"})
        found: dict[str, object] = {}
        if "percentile" in body:
            found["percentile"] = _whole("optimise.percentile", body["percentile"], 1, 99)
        if "step" in body:
            found["step"] = _between("optimise.step", body["step"], 1e-6, 1.0)
        if "iterations" in body:
            found["iterations"] = _whole("optimise.iterations", body["iterations"], 2, _MOST_ITERATIONS)
        if "levers" in body:
            levers = _known("optimise.levers", body["levers"], set(SETTINGS))
            found["levers"] = {name: _bounds(name, bounds) for name, bounds in levers.items()}
        settings = cls(**found)
        for name in settings.levers:
            settings.steps(name)
        return settings

    def steps(self, lever: str) -> tuple[int, int]:
        """The lowest and highest multiple of `step` inside the lever's bounds, as numbers of steps.

        Raises TradewindError when there is none.
        """
        low, high = (Decimal(str(bound)) / Decimal(str(self.step)) for bound in self.levers[lever])
        first = int(low.to_integral_value(rounding="ROUND_CEILING"))
        last = int(high.to_integral_value(rounding="ROUND_FLOOR"))
        if first > last:
            where = f"optimise.levers.{lever}"
            raise _refuse(where, f"a multiple of {self.step:g} inside the bounds", str(self.levers[lever]))
        return first, last


def _bounds(name: str, bounds: object) -> tuple[float, float]:
    where = f"optimise.levers.{name}"
    values = [_between(where, bound, *SETTINGS[name]) for bound in _list(where, bounds)]
    if len(values) != 2 or not values[0] < values[1]:
        raise _refuse(where, "[lowest, highest]", repr(bounds))
    return values[0], values[1]


def _sizes(name: str, sizes: object) -> tuple[float, ...]:
    where = f"drivers.levers.{name}"
    values = [_between(where, size, *DRIVER_SIZES[name]) for size in _list(where, sizes)]
    if 0.0 in values or len(set(values)) != len(values):
        raise _refuse(where, "sizes other than 0, each once", repr(sizes))
    return tuple(values)


def _known(where: str, body: object, names: set[str]) -> Mapping[str, object]:
    body = {} if body is None else body
    if not isinstance(body, Mapping):
        raise _refuse(where, f"keys among {', '.join(sorted(names))}", repr(body))
    unknown = sorted(str(key) for key in body if key not in names)
    if unknown:
        raise _refuse(where, f"keys among {', '.join(sorted(names))}", ", ".join(unknown))
    return body


def _list(where: str, value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise _refuse(where, "a list", repr(value))
    return value


def _whole(where: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _refuse(where, f"a whole number from {low} to {high}", repr(value))
    return value


def _between(where: str, value: object, low: float, high: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not low <= value <= high:
        raise _refuse(where, f"a number from {low:g} to {high:g}", repr(value))
    return float(value)


def _refuse(where: str, expected: str, got: str) -> TradewindError:
    return TradewindError(
        where=f"forecast settings, {where}",
        expected=expected,
        got=got,
        remedy="correct the request, include/forecast/monthly_forecast_config.yaml or the tenant's forecast settings",
    )
