"""Maximum-likelihood estimates of the families, and how well an estimate fits.

Every estimator takes the positive observations, one sample (n,) or many (samples, n), and gives parameters of the
same leading shape: the bootstrap estimates all its samples at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from include.forecast import families
from include.forecast.families import Parameters

_STEPS = 100


@dataclass(frozen=True)
class Estimate:
    """Parameters, their log-likelihood, and how many of them were free."""

    parameters: Parameters
    loglik: float
    free: int


def fit_lognormal(values: np.ndarray) -> tuple[float, float, float]:
    """(mu, sigma, log-likelihood) of the maximum-likelihood lognormal; sigma with ddof 0."""
    mu, sigma, _ = map(float, _lognormal(values))
    n = len(values)
    return mu, sigma, float(-n * (np.log(sigma) + 0.5 * np.log(2 * np.pi) + 0.5) - np.log(values).sum())


def fit_gamma(values: np.ndarray) -> tuple[float, float, float]:
    """(shape, scale, log-likelihood) of the maximum-likelihood gamma; shape x scale is the sample mean."""
    shape, scale, _ = map(float, _gamma(values))
    loglik = np.sum((shape - 1) * np.log(values) - values / scale) - len(values) * (
        gammaln(shape) + shape * np.log(scale)
    )
    return shape, scale, float(loglik)


def fit_weibull(values: np.ndarray) -> tuple[float, float, float]:
    """(shape, scale, log-likelihood) of the maximum-likelihood Weibull."""
    shape, scale, _ = map(float, _weibull(values))
    scaled = values / scale
    loglik = len(values) * np.log(shape / scale) + np.sum((shape - 1) * np.log(scaled) - scaled**shape)
    return shape, scale, float(loglik)


def fit_beta(values: np.ndarray) -> tuple[float, float, float, float]:
    """(alpha, beta, maximum, log-likelihood) of the beta on [0, maximum].

    The likelihood has no best maximum (at the largest value it is infinite); it is taken as the largest value
    x (n + 1) / n, the unbiased end of a uniform, and counts as a free parameter.
    """
    alpha, beta, most = map(float, _beta(values))
    x = values / most
    norm = gammaln(alpha) + gammaln(beta) - gammaln(alpha + beta) + np.log(most)
    loglik = np.sum((alpha - 1) * np.log(x) + (beta - 1) * np.log1p(-x)) - len(values) * norm
    return alpha, beta, most, float(loglik)


ESTIMATORS: dict[str, Callable[[np.ndarray], Estimate]] = {
    "lognormal": lambda values: _estimate(fit_lognormal(values)),
    "gamma": lambda values: _estimate(fit_gamma(values)),
    "weibull": lambda values: _estimate(fit_weibull(values)),
    "beta": lambda values: _estimate(fit_beta(values)),
}


def goodness(
    family: str, parameters: Parameters, values: np.ndarray, samples: int
) -> tuple[float, float | None]:
    """(distance, p-value) of Kolmogorov and Smirnov, the p-value by parametric bootstrap (Stute et al. 1993).

    The table's p-value is wrong for estimated parameters: each bootstrap sample is drawn from the estimate and
    estimated again. Its draws are keyed by the observations, so that equal data give an equal answer. None
    without samples.
    """
    ordered = np.sort(values)
    distance = float(_distances(family, parameters, ordered[None, :])[0])
    if samples < 1:
        return distance, None
    digest = hashlib.sha256(f"{family}|{samples}|".encode() + ordered.astype("<f8").tobytes()).digest()
    rng = np.random.Generator(np.random.SFC64(int.from_bytes(digest[:16], "little")))
    drawn = np.maximum(_drawn(family, parameters, rng, (samples, len(ordered))), np.finfo(float).tiny)
    drawn.sort(axis=1)
    refitted = _RAW[family](drawn)
    worse = np.count_nonzero(_distances(family, refitted, drawn) >= distance)
    return distance, float((worse + 1) / (samples + 1))


def _estimate(found: tuple[float, ...]) -> Estimate:
    *parameters, loglik = found
    first, second, third = (*parameters, 0.0)[:3]
    return Estimate((first, second, third), loglik, len(parameters))


def _lognormal(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    logs = np.log(values)
    return logs.mean(axis=-1), logs.std(axis=-1), np.zeros(values.shape[:-1])


def _gamma(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Newton on log(shape) - digamma(shape) = log(mean) - mean(log), started from Minka (2002), equation 11."""
    mean = values.mean(axis=-1)
    gap = np.maximum(np.log(mean) - np.log(values).mean(axis=-1), 1e-300)
    shape = (3 - gap + np.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    for _ in range(_STEPS):
        step = (np.log(shape) - digamma(shape) - gap) / (1 / shape - polygamma(1, shape))
        shape = np.maximum(shape - step, shape / 10)
        if np.all(np.abs(step) < 1e-12 * shape):
            break
    return shape, mean / shape, np.zeros_like(shape)


def _weibull(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Newton on the profile likelihood of the shape (Menon's start); values over their largest, so that no power overflows."""
    largest = values.max(axis=-1, keepdims=True)
    logs = np.log(values / largest)
    mean_log = logs.mean(axis=-1)
    shape = np.pi / np.sqrt(6.0) / np.maximum(logs.std(axis=-1), 1e-300)
    for _ in range(_STEPS):
        powers = np.exp(shape[..., None] * logs)
        total = powers.sum(axis=-1)
        first = (powers * logs).sum(axis=-1) / total
        second = (powers * logs**2).sum(axis=-1) / total
        value = first - 1 / shape - mean_log
        step = value / (second - first**2 + 1 / shape**2)
        shape = np.clip(shape - step, shape / 10, shape * 10)
        if np.all(np.abs(step) < 1e-13 * shape):
            break
    scale = largest[..., 0] * np.exp(shape[..., None] * logs).mean(axis=-1) ** (1 / shape)
    return shape, scale, np.zeros_like(shape)


def _beta(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Newton on both digamma equations in the logarithms of alpha and beta, started from the moments."""
    n = values.shape[-1]
    most = values.max(axis=-1) * (n + 1) / n
    x = values / most[..., None]
    log_x, log_rest = np.log(x).mean(axis=-1), np.log1p(-x).mean(axis=-1)
    mean, variance = x.mean(axis=-1), np.maximum(x.var(axis=-1), 1e-12)
    size = np.maximum(mean * (1 - mean) / variance - 1, 0.05)
    alpha, beta = mean * size, (1 - mean) * size
    for _ in range(_STEPS):
        both, third = digamma(alpha + beta), polygamma(1, alpha + beta)
        g1, g2 = digamma(alpha) - both - log_x, digamma(beta) - both - log_rest
        h11, h22 = polygamma(1, alpha) - third, polygamma(1, beta) - third
        determinant = h11 * h22 - third**2
        step1 = (g1 * h22 + g2 * third) / determinant
        step2 = (g2 * h11 + g1 * third) / determinant
        alpha = np.clip(alpha - step1, alpha / 5, alpha * 5)
        beta = np.clip(beta - step2, beta / 5, beta * 5)
        if np.all(np.abs(step1) < 1e-10 * alpha) and np.all(np.abs(step2) < 1e-10 * beta):
            break
    return alpha, beta, most


_RAW = {"lognormal": _lognormal, "gamma": _gamma, "weibull": _weibull, "beta": _beta}


def _distances(family: str, parameters, ordered: np.ndarray) -> np.ndarray:
    """Largest distance between the distribution function and each sorted sample's own."""
    n = ordered.shape[-1]
    columns = tuple(np.reshape(np.asarray(p, dtype=np.float64), (-1, 1)) for p in parameters)
    reached = families.cdf(family, columns, ordered)
    steps = np.arange(n + 1) / n
    return np.maximum(steps[1:] - reached, reached - steps[:-1]).max(axis=-1)


def _drawn(
    family: str, parameters: Parameters, rng: np.random.Generator, size: tuple[int, int]
) -> np.ndarray:
    first, second, third = parameters
    if family == "lognormal":
        return rng.lognormal(first, second, size)
    if family == "gamma":
        return rng.gamma(first, second, size)
    if family == "weibull":
        return second * rng.weibull(first, size)
    return third * rng.beta(first, second, size)
