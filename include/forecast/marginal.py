"""Attainment distributions of one rep: a hurdle at zero and a positive part, driven by one normal draw.

`attainment(z)` is the Gaussian copula's inverse: u = Phi(z), a = F^-1(u), so that correlated z give correlated
attainment whatever the family (semantics 5a, Correlation).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.special import gammainccinv, gammaincinv, ndtr, ndtri

from include.errors import TradewindError

FAMILIES = ("lognormal", "gamma", "constant")

#: Quantile table of the gamma: |z| stays below 8.3 because draws are clipped at 2^-54.
_TABLE_EDGE, _TABLE_KNOTS = 8.5, 8193


@dataclass(frozen=True)
class Marginal:
    """P(a = 0) = p0, else the family: lognormal (mu, sigma), gamma (shape, scale) or constant (value, 0)."""

    family: str
    first: float
    second: float
    p0: float = 0.0

    def __post_init__(self) -> None:
        values = (self.first, self.second, self.p0)
        if self.family not in FAMILIES or not np.all(np.isfinite(values)):
            raise _refuse(f"one of {', '.join(FAMILIES)} with finite parameters", f"{self.family} {values}")
        if not 0.0 <= self.p0 <= 1.0:
            raise _refuse("p0 between 0 and 1", str(self.p0))
        if self.family == "gamma" and (self.first <= 0 or self.second <= 0):
            raise _refuse("gamma with shape and scale above 0", str(values))
        if self.second < 0 or (self.family == "constant" and self.first < 0):
            raise _refuse("a spread and a value of 0 or more", str(values))

    @property
    def positive_mean(self) -> float:
        """Mean of the positive part."""
        if self.family == "lognormal":
            return float(np.exp(self.first + self.second**2 / 2))
        return self.first * self.second if self.family == "gamma" else self.first

    @property
    def positive_cv2(self) -> float:
        """Squared coefficient of variation of the positive part."""
        if self.family == "lognormal":
            return float(np.expm1(self.second**2))
        return 1.0 / self.first if self.family == "gamma" else 0.0

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
        if self.family == "gamma":
            return Marginal("gamma", 1.0 / cv2, mean * cv2, p0)
        sigma2 = float(np.log1p(cv2))
        return Marginal("lognormal", float(np.log(mean)) - sigma2 / 2, float(np.sqrt(sigma2)), p0)

    def scaled(self, factor: float, spread: float = 1.0) -> Marginal:
        """Attainment times `factor` (> 0), with the coefficient of variation times `spread` (>= 0)."""
        if spread != 1.0:
            return self.with_moments(self.positive_mean * factor, self.positive_cv2 * spread**2, self.p0)
        if self.family == "lognormal":
            return replace(self, first=self.first + float(np.log(factor)))
        if self.family == "gamma":
            return replace(self, second=self.second * factor)
        return replace(self, first=self.first * factor)

    def attainment(self, z: np.ndarray) -> np.ndarray:
        """Attainment for standard normal `z` (any shape), non-decreasing in z. `z` is not changed."""
        if self.p0 == 0.0:
            return self._positive(z)
        if self.p0 == 1.0:
            return np.zeros_like(z)
        u = ndtr(z)
        is_positive = u > self.p0
        inner = (u - self.p0) / (1.0 - self.p0)
        np.clip(inner, 2.0**-54, 1.0 - 2.0**-54, out=inner)
        return self._positive(ndtri(inner)) * is_positive

    def _positive(self, z: np.ndarray) -> np.ndarray:
        if self.family == "lognormal":
            a = z * self.second
            a += self.first
            return np.exp(a, out=a)
        if self.family == "constant":
            return np.full_like(z, self.first)
        values, steps = _gamma_table(self.first)
        at = (z + _TABLE_EDGE) * ((_TABLE_KNOTS - 1) / (2 * _TABLE_EDGE))
        knot = at.astype(np.intp)
        at -= knot
        at *= steps.take(knot)
        at += values.take(knot)
        at *= self.second
        return at


@lru_cache(maxsize=256)
def _gamma_table(shape: float) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles of a unit-scale gamma on an even grid of z, and their differences (relative error < 1e-6)."""
    z = np.linspace(-_TABLE_EDGE, _TABLE_EDGE, _TABLE_KNOTS)
    values = np.where(z < 0, gammaincinv(shape, ndtr(z)), gammainccinv(shape, ndtr(-z)))
    return values, np.append(np.diff(values), 0.0)


def _refuse(expected: str, got: str) -> TradewindError:
    return TradewindError(
        where="an attainment distribution",
        expected=expected,
        got=got,
        remedy="correct the fit or the default in the forecast's settings",
    )
