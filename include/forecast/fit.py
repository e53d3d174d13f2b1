"""Attainment distributions from history: hurdle, family by AIC, pooling of thin segments (semantics 5a, G-08)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from include.errors import MissingInput, TradewindError
from include.forecast.marginal import Marginal


@dataclass(frozen=True)
class Fit:
    """The distribution of a set of observed attainments and what led to it.

    `observation_count` includes exact zeros, `positive_count` does not. `candidates`: family -> parameters,
    log-likelihood and AIC of the positive part. `pooled_from` names the wider group whose history stood in
    for a thin segment ("role:AE", "all", "settings"). `window_months`: median length of the observed windows.
    """

    marginal: Marginal
    observation_count: int
    positive_count: int
    aic: float | None
    candidates: Mapping[str, Mapping[str, float]]
    window_months: float
    pooled_from: str | None = None


@dataclass(frozen=True)
class Observation:
    """One finished quota window of one rep. Windows without a win are in (resolution C11)."""

    role: str
    band: str
    region: str
    attainment: float
    window_months: float


def fit_lognormal(values: np.ndarray) -> tuple[float, float, float]:
    """(mu, sigma, log-likelihood) of the maximum-likelihood lognormal; sigma with ddof 0."""
    logs = np.log(values)
    mu, sigma = float(logs.mean()), float(logs.std())
    n = len(values)
    loglik = -n * (np.log(sigma) + 0.5 * np.log(2 * np.pi) + 0.5) - logs.sum()
    return mu, sigma, float(loglik)


def fit_gamma(values: np.ndarray) -> tuple[float, float, float]:
    """(shape, scale, log-likelihood) of the maximum-likelihood gamma; shape x scale is the sample mean.

    Newton on log(shape) - digamma(shape) = log(mean) - mean(log), started from Minka (2002), equation 11.
    """
    mean = float(values.mean())
    gap = float(np.log(mean) - np.log(values).mean())
    shape = (3 - gap + np.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    for _ in range(50):
        step = (np.log(shape) - digamma(shape) - gap) / (1 / shape - polygamma(1, shape))
        shape = max(shape - step, shape / 10)
        if abs(step) < 1e-14 * shape:
            break
    scale = mean / shape
    loglik = np.sum((shape - 1) * np.log(values) - values / scale) - len(values) * (
        gammaln(shape) + shape * np.log(scale)
    )
    return float(shape), float(scale), float(loglik)


_ESTIMATORS = {"lognormal": fit_lognormal, "gamma": fit_gamma}


def fit_attainment(
    attainment: Sequence[float], *, window_months: float = 12.0, families: Sequence[str] = tuple(_ESTIMATORS)
) -> Fit:
    """Fit one set of attainments (1 = 100 %): share of zeros as hurdle, best family by AIC for the rest.

    Net credits below zero count as zero. All values equal give a constant. Raises TradewindError for NaN,
    infinities, an unknown family or no values.
    """
    values = np.asarray(attainment, dtype=np.float64)
    if values.size == 0 or not np.all(np.isfinite(values)):
        raise _refuse("finite attainments", "none" if values.size == 0 else "NaN or an infinity")
    unknown = sorted(set(families) - set(_ESTIMATORS))
    if unknown or not families:
        raise _refuse(f"families among {', '.join(_ESTIMATORS)}", ", ".join(unknown) or "none")
    positive = np.sort(values[values > 0])
    p0 = 1.0 - positive.size / values.size
    counts = {"observation_count": int(values.size), "positive_count": int(positive.size)}
    if positive.size == 0:
        return Fit(
            Marginal("constant", 0.0, 0.0, 1.0),
            **counts,
            aic=None,
            candidates={},
            window_months=window_months,
        )
    # The gap of Jensen, not ptp(): values that differ in the last bit are equal for a likelihood.
    if np.log(positive.mean()) - np.log(positive).mean() < 1e-12:
        constant = Marginal("constant", float(positive.mean()), 0.0, p0)
        return Fit(constant, **counts, aic=None, candidates={}, window_months=window_months)
    candidates = {}
    for family in families:
        first, second, loglik = _ESTIMATORS[family](positive)
        candidates[family] = {"first": first, "second": second, "loglik": loglik, "aic": 4.0 - 2.0 * loglik}
    best = min(candidates, key=lambda name: (candidates[name]["aic"], name))
    marginal = Marginal(best, candidates[best]["first"], candidates[best]["second"], p0)
    return Fit(
        marginal, **counts, aic=candidates[best]["aic"], candidates=candidates, window_months=window_months
    )


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
        families: Sequence[str] = tuple(_ESTIMATORS),
        default: Fit | None = None,
    ):
        self._observations = list(observations)
        self._sizes = Counter((o.role, o.band, o.region) for o in self._observations)
        self._minimum, self._region_minimum, self._families = minimum, region_minimum, tuple(families)
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
        fit = fit_attainment([o.attainment for o in group], window_months=months, families=self._families)
        return Fit(**{**vars(fit), "pooled_from": pooled_from})

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
