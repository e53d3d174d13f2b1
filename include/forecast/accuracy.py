"""How sure statistics are when iterations depend on each other.

Plain iterations are independent and have the textbook's formulas. Antithetic pairs and Sobol replications are not: there
the independent units are the pairs or replications ("clusters"), and every error is the spread between clusters.
The interval of a share (of totals above a budget, or up to a percentile) is that of its effective number of iterations:
as many plain ones as would leave the same error (Korn and Graubard 1998).
"""

from __future__ import annotations

import numpy as np
from scipy.stats import t

from include.forecast.sampling import Sampling

#: Two-sided 95 %.
_Z95 = 1.959963984540054
_PIECE = 2**18


def clusters(iterations: int, sampling: Sampling) -> int:
    """Independent units behind the errors: iterations, pairs or replications."""
    return -(-iterations // sampling.cluster(iterations))


def standard_error(values: np.ndarray, sampling: Sampling) -> float | None:
    """Standard error of the mean of `values`, one per iteration from 0 on. None with fewer than two clusters."""
    n = len(values)
    count = clusters(n, sampling)
    if count < 2:
        return None
    if count == n:
        return deviation(values) / float(np.sqrt(n))
    # Centred first: squares of raw cents would lose the digits of a small spread.
    centred = values - np.round(values.mean())
    sums = np.add.reduceat(centred, np.arange(0, n, sampling.cluster(n)))
    sizes = np.full(count, float(sampling.cluster(n)))
    sizes[-1] = n - sizes[:-1].sum()
    deviations = sums - sizes * (sums.sum() / n)
    return float(np.sqrt(np.square(deviations).sum() * count / (count - 1))) / n


def deviation(values: np.ndarray) -> float:
    """Sample standard deviation of two or more values, in pieces: no copy of them all is made."""
    # Centred first: squares of raw cents would lose the digits of a small spread.
    centre = np.round(values.mean())
    total = squares = 0.0
    for first in range(0, len(values), _PIECE):
        piece = (values[first : first + _PIECE] - centre).astype(np.float64)
        total += float(piece.sum())
        squares += float(np.square(piece, out=piece).sum())
    return float(np.sqrt(max(squares - total**2 / len(values), 0.0) / (len(values) - 1)))


def effective_size(values: np.ndarray, sampling: Sampling) -> float | None:
    """Plain iterations that would leave the same standard error of the mean. None where it is not known."""
    n = len(values)
    if sampling.method == "plain":
        return float(n)
    error, spread = standard_error(values, sampling), standard_error(values, Sampling())
    if not spread:
        return None if spread is None else float(n)
    return n * (spread / error) ** 2 if error else None


def effective_share_size(is_counted: np.ndarray, sampling: Sampling) -> float:
    """Plain iterations that would leave the same standard error of the share that is counted.

    Widened for few clusters (Student against normal). No share is taken as known better than one iteration in n.
    """
    n, share = len(is_counted), float(np.count_nonzero(is_counted)) / len(is_counted)
    count = clusters(n, sampling)
    if sampling.method == "plain" or share in (0.0, 1.0):
        return float(n)
    if count < 2:
        return 1.0
    error = standard_error(is_counted.astype(np.float64), sampling) or 0.0
    error = max(error * float(t.ppf(0.975, count - 1)) / _Z95, 1.0 / n)
    return share * (1 - share) / error**2
