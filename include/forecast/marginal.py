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

#: Quantile tables in z; a draw beyond their edge (2e-17) counts as one at the edge.
_TABLE_EDGE, _TABLE_KNOTS = 8.5, 8193
#: So far above the edge of the zeros the hurdle's table begins.
_HURDLE_EXACT = 0.125


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
        if self.p0 == 0.0:
            return self._positive(z)
        if self.p0 == 1.0:
            return np.zeros_like(z)
        inner = _given_positive(z, self.p0)
        a = self._positive(inner)
        np.copyto(a, 0.0, where=z <= _zero_edge(self.p0))
        return a

    def _positive(self, z: np.ndarray) -> np.ndarray:
        if self.family == "lognormal":
            a = z * self.second
            a += self.first
            return np.exp(a, out=a)
        if self.family == "constant":
            return np.full_like(z, self.first)
        a = _looked_up(z, *_quantile_table(self.shape), lowest=-_TABLE_EDGE)
        if self.family == "empirical":
            a *= self.second
            a += self.first
            return np.exp(a, out=a)
        a *= self.third if self.family == "beta" else self.second
        return a

    @cached_property
    def shape(self) -> Marginal:
        """What its quantile table depends on: the family and its shape, with scale, shift and hurdle taken away."""
        if self.family == "empirical":
            return replace(self, first=0.0, second=1.0, p0=0.0)
        if self.family == "beta":
            return replace(self, third=1.0, p0=0.0)
        return replace(self, second=1.0, p0=0.0)


def _looked_up(z: np.ndarray, values: np.ndarray, steps: np.ndarray, lowest: float) -> np.ndarray:
    """`values` at z, in straight lines between knots on an even grid from `lowest` to _TABLE_EDGE."""
    at = z - lowest
    at *= (_TABLE_KNOTS - 1) / (_TABLE_EDGE - lowest)
    np.clip(at, 0.0, _TABLE_KNOTS - 1, out=at)
    knot = at.astype(np.intp)
    at -= knot
    at *= steps.take(knot, mode="clip")
    at += values.take(knot, mode="clip")
    return at


def _with_steps(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values, np.append(np.diff(values), 0.0)


@lru_cache(maxsize=256)
def _quantile_table(shape: Marginal) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles of a family's shape on an even grid of z, and their differences (relative error < 1e-6 for a gamma)."""
    z = np.linspace(-_TABLE_EDGE, _TABLE_EDGE, _TABLE_KNOTS)
    return _with_steps(families.unit_quantiles(shape.family, shape.parameters, z, shape.points))


def _zero_edge(p0: float) -> float:
    """The z below which attainment is zero."""
    return float(ndtri(p0))


def _given_positive(z: np.ndarray, p0: float) -> np.ndarray:
    """The normal that stands for z among the positive: Phi^-1((Phi(z) - p0) / (1 - p0)).

    From a table, but next to the edge, where it falls without end, as it is written (absolute error < 2e-5).
    """
    edge = _zero_edge(p0)
    inner = _looked_up(z, *_hurdle_table(p0), lowest=edge + _HURDLE_EXACT)
    near = np.flatnonzero((z < edge + _HURDLE_EXACT) & (z > edge))
    inner[near] = _conditional(z[near], p0)
    return inner


@lru_cache(maxsize=256)
def _hurdle_table(p0: float) -> tuple[np.ndarray, np.ndarray]:
    z = np.linspace(_zero_edge(p0) + _HURDLE_EXACT, _TABLE_EDGE, _TABLE_KNOTS)
    return _with_steps(_conditional(z, p0))


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
