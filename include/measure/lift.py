"""How sure a lift is: a 95% t-interval from the spread of the clean weeks behind the baseline.

The units a promotion sold are known; what it would have sold without it is a forecast from n clean weeks of spread s.
The error of that forecast for one week has variance s^2 (1 + 1/n): the week's own noise and the noise of the mean. Over
stores variances add; degrees of freedom follow Welch and Satterthwaite.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


def half_widths(variance: np.ndarray, quartic: np.ndarray) -> np.ndarray:
    """Half the interval per row; NaN where the variance is not known.

    `variance` is the sum of the independent errors' variances v_i, `quartic` the sum of v_i^2 / (n_i - 1).
    """
    known = np.isfinite(variance) & np.isfinite(quartic)
    width = np.full(len(variance), np.nan)
    width[known & (variance == 0)] = 0.0
    some = known & (variance > 0) & (quartic > 0)
    freedom = np.maximum(1.0, variance[some] ** 2 / quartic[some])
    width[some] = stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(variance[some])
    return width
