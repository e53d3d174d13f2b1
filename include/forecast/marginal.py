"""Attainment distributions of one rep: a hurdle at zero and a positive part, driven by one normal draw.

`attainment(z)` is the Gaussian copula's inverse: u = Phi(z), a = F^-1(u), so that correlated z give correlated
attainment whatever the family (semantics 5a, Correlation).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from include.errors import TradewindError
from include.forecast import families
from include.forecast.tables import QuantileTable, hurdle_table, plain_table


@dataclass(frozen=True)
class Marginal:
    """P(a = 0) = p0, else the family over its parameters (see `families`).

    `points`: log-quantiles of an empirical family at EMPIRICAL_Z.
    """

    family: str
    first: float
    second: float
    p0: float = 0.0
    third: float = 0.0
    points: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        values = (self.first, self.second, self.p0, self.third)
        if self.family not in families.FAMILIES or not np.all(np.isfinite(values)):
            raise _refuse(
                f"one of {', '.join(families.FAMILIES)} with finite parameters", f"{self.family} {values}"
            )
        if not 0.0 <= self.p0 <= 1.0:
            raise _refuse("p0 between 0 and 1", str(self.p0))
        shape_and_scale = self.family in ("gamma", "weibull", "beta")
        if shape_and_scale and (self.first <= 0 or self.second <= 0):
            raise _refuse(f"{self.family} with parameters above 0", str(values))
        if self.family == "beta" and self.third <= 0:
            raise _refuse("beta with a maximum above 0", str(values))
        if self.family == "empirical" and len(self.points) != len(families.EMPIRICAL_Z):
            raise _refuse(f"{len(families.EMPIRICAL_Z)} log-quantiles", str(len(self.points)))
        if self.second < 0 or (self.family == "constant" and self.first < 0):
            raise _refuse("a spread and a value of 0 or more", str(values))

    @property
    def parameters(self) -> families.Parameters:
        """(first, second, third)."""
        return self.first, self.second, self.third

    @property
    def positive_mean(self) -> float:
        """Mean of the positive part."""
        return families.mean_of(self.family, self.parameters, self.points)

    @property
    def positive_cv2(self) -> float:
        """Squared coefficient of variation of the positive part."""
        return families.cv2_of(self.family, self.parameters, self.points)

    @property
    def mean(self) -> float:
        """Mean with the zeros in."""
        return (1.0 - self.p0) * self.positive_mean

    def remaining(self, months: float, window_months: float) -> Marginal:
        """The same rep over `months` instead of the `window_months` the history was observed over.

        The mean share of quota stays; independent months give CV x sqrt(window_months / months)
        (semantics 5a, Time: never scale a monthly spread linearly). A longer horizon makes an all-zero one
        rarer (p0 to the power of months / window_months); a shorter one keeps p0.
        """
        stretch = months / window_months
        if stretch == 1.0:
            return self
        p0 = self.p0 ** max(1.0, stretch) if self.p0 > 0 else 0.0
        if p0 >= 1.0 or (self.family == "constant" and self.p0 == 0):
            return self
        cv2 = ((1.0 + self.positive_cv2) / (1.0 - self.p0) - 1.0) / stretch
        return self.with_moments(self.mean / (1.0 - p0), max((1.0 - p0) * (1.0 + cv2) - 1.0, 0.0), p0)

    def with_moments(self, mean: float, cv2: float, p0: float) -> Marginal:
        """The family's member with this mean and squared CV of the positive part."""
        if cv2 == 0.0 or mean == 0.0 or self.family == "constant":
            return Marginal("constant", mean, 0.0, p0)
        first, second, third = families.with_moments(self.family, mean, cv2, self.third, self.points)
        return Marginal(self.family, first, second, p0, third, self.points)

    def scaled(self, factor: float, spread: float = 1.0) -> Marginal:
        """Attainment times `factor` (> 0), with the coefficient of variation times `spread` (>= 0)."""
        if spread != 1.0:
            return self.with_moments(self.positive_mean * factor, self.positive_cv2 * spread**2, self.p0)
        if factor == 1.0:
            return self
        first, second, third = families.times(self.family, self.parameters, factor)
        return replace(self, first=first, second=second, third=third)

    def attainment(self, z: np.ndarray) -> np.ndarray:
        """Attainment for standard normal `z` (any shape), non-decreasing in z. `z` is not changed."""
        if self.p0 == 1.0:
            return np.zeros_like(z)
        if self.p0 == 0.0 and self.family == "constant":
            return np.full_like(z, self.first)
        if self.p0 == 0.0 and self.family == "lognormal":
            a = z * self.second
            a += self.first
            return np.exp(a, out=a)
        a = self.table(z)
        a *= self.unit
        return a

    @property
    def table(self) -> QuantileTable:
        """Attainment in units of `unit` by z."""
        return _table(self.shape)

    @property
    def unit(self) -> float:
        """What the shape's values are multiplied by."""
        if self.family in ("lognormal", "empirical"):
            return float(np.exp(self.first))
        return {"beta": self.third, "constant": self.first}.get(self.family, self.second)

    @cached_property
    def shape(self) -> Marginal:
        """What its table depends on: the family, its shape and hurdle, with scale and shift taken away."""
        if self.family in ("lognormal", "empirical"):
            return replace(self, first=0.0)
        if self.family == "beta":
            return replace(self, third=1.0)
        return replace(self, first=1.0) if self.family == "constant" else replace(self, second=1.0)


@lru_cache(maxsize=128)
def _table(shape: Marginal) -> QuantileTable:
    def positive(z: np.ndarray) -> np.ndarray:
        if shape.family == "lognormal":
            return np.exp(shape.second * z)
        if shape.family == "constant":
            return np.ones_like(z)
        values = families.unit_quantiles(shape.family, shape.parameters, z, shape.points)
        return np.exp(shape.second * values) if shape.family == "empirical" else values

    if shape.p0 == 0.0:
        return plain_table(positive)
    # The normal that stands for z among the positive.
    return hurdle_table(lambda z: positive(_conditional(z, shape.p0)), float(ndtri(shape.p0)))


def _conditional(z: np.ndarray, p0: float) -> np.ndarray:
    """Phi^-1((Phi(z) - p0) / (1 - p0)), by the tail that is not close to 1."""
    upper = ndtr(-z) / (1.0 - p0)
    return np.where(upper < 0.5, -ndtri(upper), ndtri(np.maximum(1.0 - upper, 2.0**-54)))


def _refuse(expected: str, got: str) -> TradewindError:
    return TradewindError(
        where="an attainment distribution",
        expected=expected,
        got=got,
        remedy="correct the fit or the default in the forecast's settings",
    )
