"""The back-test: where what was really paid lies in the forecast made some months before the year's end.

Percentiles are mid-ranks: the share of iterations below what was paid, and half of those equal to it. Over many years,
or over many reps who do not move together, a forecast that is right gives percentiles spread evenly from 0 to 1.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from scipy.stats import kstest

from include.forecast.engine import rep_cents
from include.forecast.horizon import DAY
from include.forecast.inputs import SimulationInputs
from include.forecast.mart_rows import MartRows
from include.forecast.summary import quantile
from include.money import ZERO, round_half_up

#: Fewer percentiles are not tested for evenness.
_LEAST_TESTED = 5
_BINS = 10
_EARLY_IN_MONTH = 15


@dataclass(frozen=True)
class Payment:
    """What a rep was paid for a window, both dates inclusive."""

    rep_key: str
    start: date
    end: date
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class PaidYear:
    """What was paid for windows inside a year in one currency. `covered_days`: days inside anybody's window.

    `straddling`: amount of windows that reach over the year's edge, which belong to no one year.
    """

    by_rep: Mapping[str, Decimal]
    covered_days: int
    year_days: int
    straddling: Decimal

    @property
    def is_whole(self) -> bool:
        """Whether payroll covers the year."""
        return self.covered_days == self.year_days


@dataclass(frozen=True)
class Calibration:
    """Percentiles of single reps: how many in each tenth, their mean, the test against evenness."""

    bins: tuple[int, ...]
    mean: float
    ks: float | None
    p_value: float | None


@dataclass(frozen=True)
class GroupResult:
    """Total, role or region: what its compared reps were paid, and its percentile in their forecast."""

    kind: str
    key: str
    rep_count: int
    paid: Decimal
    mean: Decimal
    p5: Decimal
    p50: Decimal
    p95: Decimal
    percentile: float
    calibration: Calibration


@dataclass(frozen=True)
class RepResult:
    """A rep who was forecast or paid: the percentile, or why there is none."""

    rep_key: str
    role: str | None
    region: str | None
    paid: Decimal | None
    mean: Decimal | None = None
    percentile: float | None = None
    not_compared: str | None = None


def paid_year(payments: Iterable[Payment], start: date, end: date, currency: str) -> PaidYear:
    """What was paid in `currency` for windows inside [start, end)."""
    by_rep: dict[str, Decimal] = defaultdict(lambda: ZERO)
    days: set[date] = set()
    straddling = ZERO
    windows = set()
    for payment in payments:
        if payment.currency != currency or payment.end < start or payment.start >= end:
            continue
        if payment.start < start or payment.end >= end:
            straddling += payment.amount
            continue
        by_rep[payment.rep_key] += payment.amount
        windows.add((payment.start, payment.end))
    for first, last in windows:
        days.update(first + timedelta(days=i) for i in range((last - first).days + 1))
    return PaidYear(dict(by_rep), len(days), (end - start).days, straddling)


def known_by(rows: MartRows, start: date, end: date, as_of: date) -> MartRows:
    """The rows as a forecast on `as_of` would have found them: later facts are not there yet.

    The roster, quotas and plans carry no day of entry: who was hired later is left out, who left later is still
    there, windows and versions are taken as they are now.
    """
    reps = [
        {**rep, "termination_date": None} if _after(rep.get("termination_date"), as_of) else rep
        for rep in rows.sales_reps
        if not _after(rep.get("hire_date"), as_of)
    ]
    return replace(
        rows,
        sales_reps=reps,
        quotas=[q for q in rows.quotas if q["period_start"] < end and q["period_end"] > start],
        compensation_budgets=(),
        sales_credits=[c for c in rows.sales_credits if start <= c["credit_date"] <= as_of],
        rep_attainment=[a for a in rows.rep_attainment if a["period_end"] <= as_of + DAY],
        exchange_rates=[r for r in rows.exchange_rates if r["rate_date"] <= as_of],
        source_rows={},
    )


def digest(rows: MartRows, paid: Iterable[Payment], *more: object) -> str:
    """sha256 of everything a back-test depends on, whatever the order of rows."""
    parts = [
        sorted(_text(row) for row in table)
        for name, table in sorted(vars(rows).items())
        if name != "source_rows"
    ]
    payments = sorted(_text(vars(payment)) for payment in paid)
    return hashlib.sha256(repr((parts, payments, more)).encode()).hexdigest()


def compare(
    inputs: SimulationInputs, paid: PaidYear, *, seed: int, iterations: int
) -> tuple[list[GroupResult], list[RepResult]]:
    """Percentiles of total, roles and regions, and of single reps; who cannot be compared is listed with the reason.

    Compared are reps who were simulated and paid at least once in the year; their windows without a payment count as
    nothing paid. Groups are those reps, on both sides.
    """
    cents: dict[tuple[str, str], np.ndarray] = {}
    paid_cents: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    percentiles: dict[tuple[str, str], list[float]] = defaultdict(list)
    reps: list[RepResult] = []
    for rep, own in rep_cents(inputs, seed, 0, iterations):
        mean = round_half_up(Decimal(int(own.sum())) / iterations / 100)
        amount = paid.by_rep.get(rep.rep_key)
        row = RepResult(rep.rep_key, rep.role, rep.region, amount, mean)
        if amount is None:
            reps.append(replace(row, not_compared="no payment of the year"))
            continue
        share = mid_rank(np.sort(own), amount)
        reps.append(replace(row, percentile=share))
        for key in (("total", ""), ("role", rep.role), ("region", rep.region)):
            cents[key] = cents[key] + own if key in cents else own.copy()
            paid_cents[key] += amount
            percentiles[key].append(share)
    reps += _not_simulated(inputs, paid)
    groups = [_group(key, np.sort(cents[key]), paid_cents[key], percentiles[key]) for key in sorted(cents)]
    return groups, sorted(reps, key=lambda rep: rep.rep_key)


def mid_rank(ordered: np.ndarray, amount: Decimal) -> float:
    """Share of ascending cents below `amount`, and half of those equal to it."""
    at = float(amount * 100)
    below, through = np.searchsorted(ordered, at, "left"), np.searchsorted(ordered, at, "right")
    return float(below + through) / (2 * len(ordered))


def calibrate(percentiles: Sequence[float]) -> Calibration:
    """How evenly percentiles lie between 0 and 1; Kolmogorov and Smirnov's test from five on."""
    counts, _ = np.histogram(percentiles, bins=_BINS, range=(0.0, 1.0))
    test = kstest(percentiles, "uniform") if len(percentiles) >= _LEAST_TESTED else None
    return Calibration(
        tuple(int(count) for count in counts),
        float(np.mean(percentiles)),
        float(test.statistic) if test else None,
        float(test.pvalue) if test else None,
    )


def months_before(end: date, lead: int) -> date:
    """The month end `lead` months before the one that a year ending before `end` ends at, or next to.

    Forecasts are made as of month ends: a year that ends on 30 January or 3 February ends at the end of January.
    """
    last = end - DAY
    month = last.year * 12 + last.month - lead - (last.day <= _EARLY_IN_MONTH)
    return date(month // 12, month % 12 + 1, 1) - DAY


def _not_simulated(inputs: SimulationInputs, paid: PaidYear) -> list[RepResult]:
    reasons = inputs.exclusions or {}
    known = {rep.rep_key for rep in inputs.reps}
    rows = [
        RepResult(
            key, None, None, amount, not_compared=f"not simulated: {reasons.get(key, 'not known by then')}"
        )
        for key, amount in paid.by_rep.items()
        if key not in known
    ]
    return rows + [
        RepResult(key, None, None, None, not_compared=f"not simulated: {reason}")
        for key, reason in reasons.items()
        if key not in paid.by_rep
    ]


def _group(
    key: tuple[str, str], ordered: np.ndarray, paid: Decimal, percentiles: Sequence[float]
) -> GroupResult:
    return GroupResult(
        kind=key[0],
        key=key[1],
        rep_count=len(percentiles),
        paid=paid,
        mean=round_half_up(Decimal(int(ordered.sum())) / len(ordered) / 100),
        p5=quantile(ordered, 5),
        p50=quantile(ordered, 50),
        p95=quantile(ordered, 95),
        percentile=mid_rank(ordered, paid),
        calibration=calibrate(percentiles),
    )


def _after(day: object, as_of: date) -> bool:
    return isinstance(day, date) and day > as_of


def _text(row: Mapping[str, object]) -> str:
    return repr(sorted((name, str(value)) for name, value in row.items()))
