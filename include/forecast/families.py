"""Families of positive attainment: moments, the member with given moments, and quantiles in z.

Every family is written over parameters (first, second, third):

| family | first | second | third |
|---|---|---|---|
| lognormal | mu | sigma | |
| gamma | shape | scale | |
| weibull | shape | scale | |
| beta | alpha | beta | the most that can be reached |
| empirical | shift | stretch of its log-quantiles | |
| constant | value | | |

`unit_quantiles` gives the quantile of the family's shape at standard normal z; the value is that times `scale_of`
(empirical: exp(shift + stretch x log-quantile)).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import betainc, betaincinv, gammainc, gammainccinv, gammaincinv, gammaln, log_ndtr, ndtr

FAMILIES = ("lognormal", "gamma", "weibull", "beta", "empirical", "constant")
#: What the parameters of a family are called.
PARAMETER_NAMES: Mapping[str, Mapping[str, str]] = {
    "lognormal": {"first": "mu", "second": "sigma"},
    "gamma": {"first": "shape", "second": "scale"},
    "weibull": {"first": "shape", "second": "scale"},
    "beta": {"first": "alpha", "second": "beta", "third": "maximum"},
    "empirical": {"first": "shift", "second": "stretch", "points": "log_quantiles"},
    "constant": {"first": "value"},
}
#: z at which an empirical distribution states its log-quantiles; beyond them it goes on in a straight line.
EMPIRICAL_Z = np.linspace(-4.0, 4.0, 65)

_GRID = np.linspace(-8.5, 8.5, 4097)
_WEIGHTS = np.exp(-(_GRID**2) / 2)
_WEIGHTS /= _WEIGHTS.sum()

Parameters = tuple[float, float, float]


def mean_of(family: str, parameters: Parameters, points: tuple[float, ...] = ()) -> float:
    """Mean of the positive part."""
    first, second, third = parameters
    if family == "lognormal":
        return float(np.exp(first + second**2 / 2))
    if family == "gamma":
        return first * second
    if family == "weibull":
        return second * float(np.exp(gammaln(1 + 1 / first)))
    if family == "beta":
        return third * first / (first + second)
    if family == "empirical":
        return float(np.exp(first) * np.sum(_WEIGHTS * np.exp(second * log_quantiles(points, _GRID))))
    return first


def cv2_of(family: str, parameters: Parameters, points: tuple[float, ...] = ()) -> float:
    """Squared coefficient of variation of the positive part."""
    first, second, _ = parameters
    if family == "lognormal":
        return float(np.expm1(second**2))
    if family == "gamma":
        return 1.0 / first
    if family == "weibull":
        return _weibull_cv2(first)
    if family == "beta":
        return second / (first * (first + second + 1.0))
    if family == "empirical":
        return _empirical_cv2(second, points)
    return 0.0


def with_moments(
    family: str, mean: float, cv2: float, third: float = 0.0, points: tuple[float, ...] = ()
) -> Parameters:
    """The family's member with this mean and squared CV (both above 0).

    A beta keeps its maximum `third` while the moments fit under it; else its maximum moves to 1.25 times the
    least that they need. An empirical distribution keeps its shape: log-quantiles shifted and stretched.
    """
    if family == "gamma":
        return 1.0 / cv2, mean * cv2, 0.0
    if family == "weibull":
        shape = _root(lambda log_shape: _weibull_cv2(np.exp(log_shape)) - cv2, -3.0, 9.0)
        shape = float(np.exp(shape))
        return shape, mean / float(np.exp(gammaln(1 + 1 / shape))), 0.0
    if family == "beta":
        least = mean * (1.0 + cv2)
        most = third if third > least else 1.25 * least
        share = mean / most
        size = (1.0 - share) / (share * cv2) - 1.0
        return share * size, (1.0 - share) * size, most
    if family == "empirical":
        stretch = _root(lambda s: _empirical_cv2(s, points) - cv2, 1e-6, 40.0)
        return float(np.log(mean) - np.log(mean_of(family, (0.0, stretch, 0.0), points))), stretch, 0.0
    sigma2 = float(np.log1p(cv2))
    return float(np.log(mean)) - sigma2 / 2, float(np.sqrt(sigma2)), 0.0


def times(family: str, parameters: Parameters, factor: float) -> Parameters:
    """The same distribution of `factor` times the value."""
    first, second, third = parameters
    if family in ("lognormal", "empirical"):
        return first + float(np.log(factor)), second, third
    if family in ("gamma", "weibull"):
        return first, second * factor, third
    if family == "beta":
        return first, second, third * factor
    return first * factor, second, third


def unit_quantiles(
    family: str, parameters: Parameters, z: np.ndarray, points: tuple[float, ...] = ()
) -> np.ndarray:
    """Quantiles of the family's shape at z, by the tail that is not close to 1; empirical: log-quantiles."""
    first, second, _ = parameters
    if family == "gamma":
        return np.where(z < 0, gammaincinv(first, ndtr(z)), gammainccinv(first, ndtr(-z)))
    if family == "weibull":
        return (-log_ndtr(-z)) ** (1.0 / first)
    if family == "beta":
        return np.where(z < 0, betaincinv(first, second, ndtr(z)), 1.0 - betaincinv(second, first, ndtr(-z)))
    return log_quantiles(points, z)


def cdf(
    family: str, parameters: Parameters, values: np.ndarray, points: tuple[float, ...] = ()
) -> np.ndarray:
    """P(positive part <= value), for values above 0."""
    first, second, third = parameters
    if family == "lognormal":
        return ndtr((np.log(values) - first) / second)
    if family == "gamma":
        return gammainc(first, values / second)
    if family == "weibull":
        return -np.expm1(-((values / second) ** first))
    if family == "beta":
        return betainc(first, second, np.minimum(values / third, 1.0))
    logs = (np.log(values) - first) / second
    return ndtr(np.interp(logs, log_quantiles(points, _GRID), _GRID))


def log_quantiles(points: tuple[float, ...], z: np.ndarray) -> np.ndarray:
    """Log-quantiles of an empirical distribution at z."""
    known = np.asarray(points)
    step = EMPIRICAL_Z[1] - EMPIRICAL_Z[0]
    below = known[0] + (z - EMPIRICAL_Z[0]) * (known[1] - known[0]) / step
    above = known[-1] + (z - EMPIRICAL_Z[-1]) * (known[-1] - known[-2]) / step
    inside = np.interp(z, EMPIRICAL_Z, known)
    return np.where(z < EMPIRICAL_Z[0], below, np.where(z > EMPIRICAL_Z[-1], above, inside))


def smoothed(values: np.ndarray) -> tuple[float, ...]:
    """Log-quantiles at EMPIRICAL_Z of the smoothed bootstrap of `values` (Silverman 1986, section 6.4).

    Each observation's logarithm is spread by a normal of Silverman's bandwidth, and the whole shrunk to the
    observations' own variance.
    """
    logs = np.log(values)
    n, mean, sd = len(logs), logs.mean(), logs.std()
    spread = min(sd, float(np.subtract(*np.percentile(logs, [75, 25]))) / 1.349) or sd
    width = 0.9 * spread * n**-0.2
    shrink = 1.0 / np.sqrt(1.0 + width**2 / sd**2)
    centres = mean + (logs - mean) * shrink
    width *= shrink
    grid = np.linspace(centres.min() - 9 * width, centres.max() + 9 * width, 4001)
    reached = np.mean([ndtr((grid - centre) / width) for centre in centres], axis=0)
    left = np.mean([ndtr((centre - grid) / width) for centre in centres], axis=0)
    # From each side by the tail it is exact in.
    lower = np.interp(ndtr(EMPIRICAL_Z), reached, grid)
    upper = np.interp(ndtr(-EMPIRICAL_Z), left[::-1], grid[::-1])
    return tuple(float(q) for q in np.where(EMPIRICAL_Z < 0, lower, upper))


def _weibull_cv2(shape: float) -> float:
    return float(np.expm1(gammaln(1 + 2 / shape) - 2 * gammaln(1 + 1 / shape)))


def _empirical_cv2(stretch: float, points: tuple[float, ...]) -> float:
    logs = stretch * log_quantiles(points, _GRID)
    values = np.exp(logs - logs.max())
    return float(np.sum(_WEIGHTS * values**2) / np.sum(_WEIGHTS * values) ** 2 - 1.0)


def _root(difference, low: float, high: float) -> float:
    """Where `difference` is zero; the nearer end where it is not reached."""
    # A quarter of a worker's memory, and only fitting needs it.
    from scipy.optimize import brentq

    if difference(low) * difference(high) > 0:
        return low if abs(difference(low)) < abs(difference(high)) else high
    return float(brentq(difference, low, high, xtol=1e-13, rtol=1e-13))
