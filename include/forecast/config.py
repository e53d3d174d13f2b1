"""The knobs of a forecast: iterations, seed, correlation, fitting, scenarios. Checked once, here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from include.errors import TradewindError
from include.forecast.estimate import ESTIMATORS
from include.forecast.executor import ExecutorSettings
from include.forecast.lever_settings import DriverSettings, OptimiseSettings
from include.forecast.pipeline_rules import MODES, PipelineRules
from include.forecast.sampling import METHODS

#: Ends the scenario_id of a simulation over all currencies.
CONSOLIDATED = ":consolidated"
PROFILES = ("exact", "fast")
#: A block's cents of one group are one value in the database, and travel as text of twice their length: 1 GB at most.
LARGEST_BLOCK = 2**25
_LARGEST_SEED = 2**63 - 1
EXPORT_FORMATS = ("xlsx", "csv", "parquet", "xactly", "anaplan")


@dataclass(frozen=True)
class Scenario:
    """What a scenario changes. `streams` names the draws it uses: scenarios on the same streams are paired.

    `mode`: how what is still to come is drawn, from `attainment` or from the open `pipeline`.
    """

    scenario_id: str
    mode: str = "attainment"
    attainment_scale: float = 1.0
    quota_scale: float = 1.0
    spread_scale: float = 1.0
    streams: str = "base"


@dataclass(frozen=True)
class ForecastConfig:
    """Settings of a forecast run; `from_mapping` reads and checks them.

    `correlation`: share of the log-variance of attainment common to all reps (global) and to a region.
    `default_attainment`: {mu, sigma[, window_months]} of a lognormal used where no history can be pooled.
    `sampling`: plain, antithetic or sobol. `profile`: exact (float64) or fast (float32). `block`: iterations per block
    of work; it changes no result, and costs least as a multiple of 8,192. `executor`: who computes the blocks; it
    changes no result either. A family that the goodness test refuses at `goodness_level` (`goodness_samples` bootstrap
    samples, 0 = no test) gives way to the empirical distribution where there are `empirical_minimum` positive
    observations. `event_deal_amount`: a deal closed above it (in the tenant's currency) starts a forecast. `exports`: the
    formats in which the results are written beside the reports. `mode` is that of scenarios which state none;
    `pipeline` holds the rules of pipeline mode.
    """

    name: str = "monthly_compensation_forecast"
    iterations: int = 10_000
    block: int = 8_192
    seed: int = 20261120
    sampling: str = "plain"
    profile: str = "exact"
    correlation_global: float = 0.1
    correlation_region: float = 0.2
    fit_minimum: int = 20
    fit_region_minimum: int = 30
    families: tuple[str, ...] = ("lognormal", "gamma", "weibull", "beta")
    goodness_samples: int = 199
    goodness_level: float = 0.05
    empirical_minimum: int = 50
    default_attainment: Mapping[str, float] | None = None
    memory_limit_mb: int = 2048
    executor: ExecutorSettings = field(default_factory=ExecutorSettings)
    event_deal_amount: float = 500_000
    exports: tuple[str, ...] = ("xlsx", "csv")
    drivers: DriverSettings = field(default_factory=DriverSettings)
    optimise: OptimiseSettings = field(default_factory=OptimiseSettings)
    mode: str = "attainment"
    pipeline: PipelineRules = field(default_factory=PipelineRules)
    scenarios: tuple[Scenario, ...] = field(default_factory=lambda: (Scenario("base"),))

    @classmethod
    def from_mapping(cls, *layers: Mapping[str, object]) -> ForecastConfig:
        """Settings from mappings, later ones over earlier ones (file, then tenant). Nothing is guessed.

        Raises TradewindError naming the key that is unknown or out of bounds.
        """
        merged: dict[str, object] = {}
        for layer in layers:
            merged.update(layer or {})
        scenarios = merged.pop("scenarios", None)
        known = {f.name for f in fields(cls)} - {"scenarios"}
        unknown = sorted(set(merged) - known)
        if unknown:
            raise _refuse("forecast settings", f"keys among {', '.join(sorted(known))}", ", ".join(unknown))
        for name in ("families", "exports"):
            if name in merged:
                merged[name] = _names(name, merged[name])
        for name, kind in (
            ("drivers", DriverSettings),
            ("optimise", OptimiseSettings),
            ("executor", ExecutorSettings),
        ):
            if name in merged:
                merged[name] = kind.from_mapping(merged[name])
        if "pipeline" in merged:
            merged["pipeline"] = PipelineRules.from_mapping(merged["pipeline"])
        mode = merged.get("mode", cls.mode)
        if scenarios is not None or "mode" in merged:
            named = {"base": {}} if scenarios is None else scenarios
            merged["scenarios"] = tuple(
                _scenario(name, {"mode": mode, **(body or {})}) for name, body in named.items()
            )
        config = cls(**merged)
        config._check()
        return config

    def as_mapping(self) -> dict[str, object]:
        """The settings as plain JSON values, for freezing."""
        return asdict(self)

    def check_names(self) -> None:
        """Refuse scenarios that are named somewhere and nowhere defined; the layers are checked alone before."""
        known = [scenario.scenario_id for scenario in self.scenarios]
        strangers = sorted(set(self.drivers.scenarios) - set(known))
        if strangers:
            raise _refuse("drivers.scenarios", f"scenarios among {', '.join(known)}", ", ".join(strangers))

    def is_explained(self, scenario: Scenario) -> bool:
        """Whether drivers and optima are asked for in this scenario: those named, else the first."""
        named = self.drivers.scenarios or (self.scenarios[0].scenario_id,)
        return scenario.scenario_id in named

    @property
    def has_pipeline(self) -> bool:
        """Whether a scenario is in pipeline mode."""
        return any(scenario.mode == "pipeline" for scenario in self.scenarios)

    def _check(self) -> None:
        whole = {
            "iterations": (1, 10**12),
            "block": (1, LARGEST_BLOCK),
            "seed": (0, _LARGEST_SEED),
            "fit_minimum": (2, 10**9),
            "fit_region_minimum": (2, 10**9),
            "goodness_samples": (0, 10**5),
            "empirical_minimum": (10, 10**9),
            "memory_limit_mb": (16, 10**9),
        }
        for name, (low, high) in whole.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise _refuse(name, f"a whole number from {low} to {high}", repr(value))
        if self.sampling not in METHODS:
            raise _refuse("sampling", ", ".join(METHODS), repr(self.sampling))
        check_profile(self.profile)
        check_correlation(self.correlation_global, self.correlation_region)
        if not _is_number(self.goodness_level) or not 0.0 <= self.goodness_level < 1.0:
            raise _refuse("goodness_level", "a probability from 0 to below 1", repr(self.goodness_level))
        if not _is_number(self.event_deal_amount) or self.event_deal_amount < 0:
            raise _refuse("event_deal_amount", "an amount of 0 or more", repr(self.event_deal_amount))
        if set(self.exports) - set(EXPORT_FORMATS):
            raise _refuse("exports", f"formats among {', '.join(EXPORT_FORMATS)}", repr(self.exports))
        if not self.scenarios:
            raise _refuse("scenarios", "at least one scenario", "none")
        if not self.families or not set(self.families) <= set(ESTIMATORS):
            raise _refuse(
                "families", f"some of {', '.join(ESTIMATORS)}", ", ".join(map(str, self.families)) or "none"
            )
        if self.default_attainment is not None:
            _check_default(self.default_attainment)


def _check_default(given: Mapping[str, float]) -> None:
    complete = {"window_months": 12, **given}
    if set(complete) != {"mu", "sigma", "window_months"} or not all(map(_is_number, complete.values())):
        raise _refuse("default_attainment", "numbers mu, sigma and optional window_months", repr(dict(given)))
    if complete["sigma"] < 0 or complete["window_months"] <= 0:
        raise _refuse("default_attainment", "sigma of 0 or more and window_months above 0", repr(dict(given)))


def check_profile(profile: str) -> None:
    """Refuse what is no profile of the engine."""
    if profile not in PROFILES:
        raise _refuse("profile", " or ".join(PROFILES), repr(profile))


def check_correlation(rho_global: float, rho_region: float) -> None:
    """Refuse correlations outside 0..1 or summing above 1: the rest is the rep's own share."""
    values = (rho_global, rho_region)
    if not all(_is_number(v) and 0.0 <= v <= 1.0 for v in values) or sum(values) > 1.0:
        raise _refuse(
            "correlation_global and correlation_region", "each from 0 to 1, together at most 1", str(values)
        )


def _scenario(name: str, body: Mapping[str, object] | None) -> Scenario:
    body = dict(body or {})
    unknown = sorted(set(body) - {f.name for f in fields(Scenario)} | ({"scenario_id"} & set(body)))
    if unknown:
        raise _refuse(
            f"scenario {name}",
            "attainment_scale, mode, quota_scale, spread_scale, streams",
            ", ".join(unknown),
        )
    if str(name).endswith(CONSOLIDATED):
        raise _refuse(f"scenario {name}", f"a name that does not end with {CONSOLIDATED}", str(name))
    scenario = Scenario(str(name), **body)
    if scenario.mode not in MODES:
        raise _refuse(f"scenario {name}, mode", " or ".join(MODES), repr(scenario.mode))
    for key in ("attainment_scale", "quota_scale"):
        value = getattr(scenario, key)
        if not _is_number(value) or value <= 0:
            raise _refuse(f"scenario {name}, {key}", "a number above 0", repr(value))
    if not _is_number(scenario.spread_scale) or scenario.spread_scale < 0:
        raise _refuse(f"scenario {name}, spread_scale", "a number of 0 or more", repr(scenario.spread_scale))
    return scenario


def _names(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise _refuse(key, "a list of names", repr(value))
    return tuple(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _refuse(where: str, expected: str, got: str) -> TradewindError:
    return TradewindError(
        where=f"forecast settings, {where}",
        expected=expected,
        got=got,
        remedy="correct include/forecast/monthly_forecast_config.yaml or the tenant's forecast settings",
    )
