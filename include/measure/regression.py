"""A baseline by log-linear regression: one product at one customer, its weeks of sell-out.

log(units) = constant + elasticity x log(price) + promoted + near a promotion + trend + season, by least squares. The
baseline of a week is the prediction at its usual price with no promotion. A term stands in the model only where the
weeks can tell it: a season needs a year, a second harmonic two, a price term a price that moved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

VERSION = "1"
WEEKS_OF_A_YEAR = 365.2425 / 7
#: Clean weeks without which nothing is fitted, and degrees of freedom that must be left.
LEAST_CLEAN, LEAST_FREE = 8, 4
#: Clean weeks whose median price is the usual one.
USUAL_WEEKS = 8


@dataclass(frozen=True)
class Weeks:
    """Weeks of one series in order of time, all arrays of one length.

    `week` counts weeks from any fixed Monday, `price` is NaN where nothing was sold. `clean` weeks are whole and far
    from any promotion, `promoted` ones had one; the others lie beside one, or are not whole.
    """

    week: np.ndarray
    units: np.ndarray
    price: np.ndarray
    promoted: np.ndarray
    clean: np.ndarray


@dataclass(frozen=True)
class Fit:
    """A fitted series. `baseline` and `spread` are units per week of the input; `spread` is one standard deviation.

    `weeks_used` is the degrees of freedom plus one, as if the baseline were the mean of so many weeks.
    """

    terms: dict[str, float]
    r_squared: float
    residual_spread: float
    weeks_used: int
    baseline: np.ndarray
    spread: np.ndarray


def fit(weeks: Weeks) -> Fit | str:
    """The regression of one series, or the reason why there is none."""
    fitted = (weeks.units > 0) & np.isfinite(weeks.price) & (weeks.price > 0)
    if int((fitted & weeks.clean).sum()) < LEAST_CLEAN:
        return f"fewer than {LEAST_CLEAN} clean weeks with sales"
    usual = usual_price(weeks)
    names, columns, quiet = _terms(weeks, fitted, usual)
    rows = columns[fitted]
    logs = np.log(weeks.units[fitted])
    coefficients, _, rank, _ = np.linalg.lstsq(rows, logs, rcond=1e-9)
    free = len(logs) - int(rank)
    if free < LEAST_FREE:
        return f"{len(logs)} weeks cannot carry {int(rank)} terms"
    residuals = logs - rows @ coefficients
    variance = float(residuals @ residuals) / free
    total = float(((logs - logs.mean()) ** 2).sum())
    # Duan's smearing: the mean of exp is not the exp of the mean. What was never seen is not extrapolated to.
    smearing = float(np.exp(residuals).mean())
    predicted = np.clip(quiet @ coefficients, logs.min() - 1, logs.max() + 1)
    baseline = np.exp(predicted) * smearing
    return Fit(
        terms={name: round(float(value), 9) for name, value in zip(names, coefficients, strict=True)},
        r_squared=max(0.0, 1 - float(residuals @ residuals) / total) if total > 0 else 1.0,
        residual_spread=float(np.sqrt(variance)),
        weeks_used=free + 1,
        baseline=baseline,
        spread=baseline * float(np.sqrt(np.expm1(min(variance, 4.0)))),
    )


def usual_price(weeks: Weeks) -> np.ndarray:
    """Price without a promotion per week: the median of the last clean weeks, its own included."""
    priced = np.flatnonzero(weeks.clean & np.isfinite(weeks.price) & (weeks.price > 0))
    medians = np.array(
        [np.median(weeks.price[priced[max(0, k - USUAL_WEEKS + 1) : k + 1]]) for k in range(len(priced))]
    )
    place = np.searchsorted(priced, np.arange(len(weeks.week)), side="right") - 1
    return medians[np.maximum(place, 0)]


def _terms(weeks: Weeks, fitted: np.ndarray, usual: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, the columns as they were, and the columns as they would have been without any promotion."""
    ones, zeros = np.ones(len(weeks.week)), np.zeros(len(weeks.week))
    found = [("constant", ones, ones)]
    price = np.log(np.where(fitted, weeks.price, usual))
    centre = float(np.median(np.log(usual)))
    if np.ptp(price[fitted]) > 0.02:
        found.append(("log_price", price - centre, np.log(usual) - centre))
    near = ~weeks.promoted & ~weeks.clean
    for name, flag in (("promoted", weeks.promoted), ("near_promotion", near)):
        if flag[fitted].any() and not flag[fitted].all():
            found.append((name, flag.astype(float), zeros))
    span, count = int(np.ptp(weeks.week)), int(fitted.sum())
    if span >= 26 and count >= 26:
        trend = (weeks.week - weeks.week.mean()) / WEEKS_OF_A_YEAR
        found.append(("trend_per_year", trend, trend))
    for harmonic, years in ((1, 1), (2, 2)):
        if span >= 52 * years and count >= 40 * years:
            angle = 2 * np.pi * harmonic * weeks.week / WEEKS_OF_A_YEAR
            for name, wave in (("sin", np.sin(angle)), ("cos", np.cos(angle))):
                found.append((f"season_{name}_{harmonic}", wave, wave))
    names, columns, quiet = zip(*found, strict=True)
    return list(names), np.column_stack(columns), np.column_stack(quiet)
