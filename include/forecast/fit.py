"""Attainment distributions from history: hurdle, family by AIC, goodness, pooling of thin segments (5a, G-08).

A family that the data refuse (Kolmogorov-Smirnov with parametric bootstrap) gives way to the empirical distribution
where there are enough observations for one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from include.errors import MissingInput, TradewindError
from include.forecast import families
from include.forecast.estimate import ESTIMATORS, fit_gamma, fit_lognormal, goodness
from include.forecast.marginal import Marginal

__all__ = ["Fit", "FitRules", "Observation", "SegmentFits", "fit_attainment", "fit_gamma", "fit_lognormal"]


@dataclass(frozen=True)
class Fit:
    """The distribution of a set of observed attainments and what led to it.

    `observation_count` includes exact zeros, `positive_count` does not. `candidates`: family -> parameters,
    log-likelihood and AIC of the positive part. `ks` is the distance of the best family from the positive part and
    `ks_p_value` its probability by parametric bootstrap, None where nothing was tested. `pooled_from` names the wider group whose history stood in
    for a thin segment ("role:AE", "all", "settings"). `window_months`: median length of the observed windows.
    """

    marginal: Marginal
    observation_count: int
    positive_count: int
    aic: float | None
    candidates: Mapping[str, Mapping[str, float]]
    window_months: float
    pooled_from: str | None = None
    ks: float | None = None
    ks_p_value: float | None = None


@dataclass(frozen=True)
class FitRules:
    """How a distribution is chosen: families tried, bootstrap samples, the p-value below which a family is refused.

    `empirical_minimum`: positive observations an empirical distribution needs (semantics 5a: 50).
    """

    families: tuple[str, ...] = tuple(ESTIMATORS)
    samples: int = 199
    level: float = 0.05
    empirical_minimum: int = 50


@dataclass(frozen=True)
class Observation:
    """One finished quota window of one rep. Windows without a win are in (resolution C11)."""

    role: str
    band: str
    region: str
    attainment: float
    window_months: float


def fit_attainment(
    attainment: Sequence[float], *, window_months: float = 12.0, rules: FitRules | None = None
) -> Fit:
    """Fit one set of attainments (1 = 100 %): share of zeros as hurdle, best family by AIC for the rest.

    Net credits below zero count as zero. All values equal give a constant. Raises TradewindError for NaN,
    infinities, an unknown family or no values.
    """
    rules = rules or FitRules()
    values = np.asarray(attainment, dtype=np.float64)
    if values.size == 0 or not np.all(np.isfinite(values)):
        raise _refuse("finite attainments", "none" if values.size == 0 else "NaN or an infinity")
    unknown = sorted(set(rules.families) - set(ESTIMATORS))
    if unknown or not rules.families:
        raise _refuse(f"families among {', '.join(ESTIMATORS)}", ", ".join(unknown) or "none")
    positive = np.sort(values[values > 0])
    p0 = 1.0 - positive.size / values.size
    facts = {
        "observation_count": int(values.size),
        "positive_count": int(positive.size),
        "window_months": window_months,
    }
    if positive.size == 0:
        return Fit(Marginal("constant", 0.0, 0.0, 1.0), **facts, aic=None, candidates={})
    # The gap of Jensen, not ptp(): values that differ in the last bit are equal for a likelihood.
    if np.log(positive.mean()) - np.log(positive).mean() < 1e-12:
        return Fit(Marginal("constant", float(positive.mean()), 0.0, p0), **facts, aic=None, candidates={})
    estimates = {family: ESTIMATORS[family](positive) for family in rules.families}
    candidates = {
        family: {**_named(e.parameters), "loglik": e.loglik, "aic": 2.0 * e.free - 2.0 * e.loglik}
        for family, e in estimates.items()
    }
    best = min(candidates, key=lambda name: (candidates[name]["aic"], name))
    ks, p_value = goodness(best, estimates[best].parameters, positive, rules.samples)
    first, second, third = estimates[best].parameters
    marginal = Marginal(best, first, second, p0, third)
    if p_value is not None and p_value < rules.level and positive.size >= rules.empirical_minimum:
        marginal = Marginal("empirical", 0.0, 1.0, p0, points=families.smoothed(positive))
    return Fit(
        marginal, **facts, aic=candidates[best]["aic"], candidates=candidates, ks=ks, ks_p_value=p_value
    )


def _named(parameters: families.Parameters) -> dict[str, float]:
    return dict(zip(("first", "second", "third"), parameters, strict=True))


def segment_name(role: str, band: str, region: str | None = None) -> str:
    """`role|band`, or `role|band|region` where the region has a history of its own."""
    return f"{role}|{band}" if region is None else f"{role}|{band}|{region}"


class SegmentFits:
    """Fits per segment (role x tenure band; x region where it has enough history), made on first use."""

    def __init__(
        self,
        observations: Sequence[Observation],
        *,
        minimum: int = 20,
        region_minimum: int = 30,
        rules: FitRules | None = None,
        default: Fit | None = None,
    ):
        self._observations = list(observations)
        self._sizes = Counter((o.role, o.band, o.region) for o in self._observations)
        self._minimum, self._region_minimum, self._rules = minimum, region_minimum, rules
        self._default = default
        self.used: dict[str, Fit] = {}

    def of(self, role: str, band: str, region: str) -> tuple[str, Fit]:
        """(segment, fit) for a rep. Thin segments pool to the role, then to all, then to the default.

        Raises MissingInput when there is no history at all and no default in the settings.
        """
        is_apart = self._sizes[(role, band, region)] >= self._region_minimum
        name = segment_name(role, band, region if is_apart else None)
        if name not in self.used:
            self.used[name] = self._fit(role, band, region if is_apart else None)
        return name, self.used[name]

    def _fit(self, role: str, band: str, region: str | None) -> Fit:
        own = self._select(role, band, region)
        for group, pooled_from in (
            (own, None),
            (self._select(role), f"role:{role}"),
            (self._observations, "all"),
        ):
            if len(group) >= self._minimum:
                return self._estimate(group, pooled_from)
        if self._default is not None:
            return self._default
        if len(self._observations) < 2:
            raise MissingInput(
                where="planning.rep_attainment",
                expected="finished quota windows to fit attainment from (at least 2)",
                got=str(len(self._observations)),
                remedy="load quotas and credits of earlier windows, or set forecast.default_attainment"
                " {mu, sigma, window_months} in the tenant's settings",
            )
        return self._estimate(self._observations, "all")

    def _estimate(self, group: list[Observation], pooled_from: str | None) -> Fit:
        months = float(np.median([o.window_months for o in group]))
        fit = fit_attainment([o.attainment for o in group], window_months=months, rules=self._rules)
        return replace(fit, pooled_from=pooled_from)

    def _select(self, role: str, band: str | None = None, region: str | None = None) -> list[Observation]:
        return [
            o
            for o in self._observations
            if o.role == role and (band is None or o.band == band) and (region is None or o.region == region)
        ]


def _refuse(expected: str, got: str) -> TradewindError:
    return TradewindError(
        where="fit of an attainment distribution",
        expected=expected,
        got=got,
        remedy="correct quotas and credits of the windows",
    )
