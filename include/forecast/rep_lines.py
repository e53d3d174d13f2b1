"""One measure of one rep over the days of a leg: quota, what was credited, what is still to come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from include.forecast.config import ForecastConfig
from include.forecast.currencies import Rates
from include.forecast.fit import Fit
from include.forecast.history import UNKNOWN, Row, SegmentHistory, tenure_band
from include.forecast.horizon import (
    DAY,
    Horizon,
    QuotaWindow,
    clip_windows,
    middle,
    month_ends,
    months_of,
    quota_of,
)
from include.forecast.inputs import Leg, Line, PathPoint
from include.forecast.mart_rows import MartRows, by_column
from include.forecast.service import Excluded
from include.money import CENT

ZERO = Decimal(0)
#: Times its quota that a line may be credited: beyond lie wrong units, and pay that cents cannot count.
_MOST_TIMES_QUOTA = 1_000_000


@dataclass(frozen=True)
class Days:
    """The days of a leg, `end` exclusive.

    Quotas and credits count from `opens`, credits to before `closes`: a hire's windows are taken as they are, and
    what is credited after leaving still counts.
    """

    start: date
    end: date
    opens: date
    closes: date


class Unmeasured(Exception):
    """A leg has no quota to be measured against."""


@dataclass
class Remarks:
    """What a reader must know of the reps of one currency.

    `assumed`: what was taken for granted of their plans; `short`: who has no window at the end of the year.
    """

    notes: list[str] = field(default_factory=list)
    assumed: set[str] = field(default_factory=set)
    short: set[str] = field(default_factory=set)


class LineBuilder:
    """Lines from quota windows and credits; fits are made on first use and shared by all scenarios."""

    def __init__(self, rows: MartRows, horizon: Horizon, config: ForecastConfig):
        self.horizon = horizon
        self.quotas = by_column(rows.quotas, "rep_key")
        self.credits = by_column(rows.sales_credits, "rep_key")
        self._by_day: dict[tuple[str, str, str], Mapping[date, Decimal]] = {}
        self.path = list(horizon.period_ends) or month_ends(horizon.start, horizon.end)
        self.rates = Rates(rows.exchange_rates)
        self.fits = SegmentHistory(rows.sales_reps, rows.rep_attainment, horizon.as_of, config)

    def quota_currency(self, key: str) -> object:
        """The one currency of the rep's quotas, None when they have none or several."""
        codes = {q["currency"] for q in self.quotas.get(key, ()) if q.get("currency")}
        return codes.pop() if len(codes) == 1 else None

    def credited_before(self, key: str, legs: Sequence[Leg], day: date) -> tuple[Decimal, ...]:
        """What each line of the rep's legs was credited before a day, as far as it is known at as_of."""
        days = [self._by_day[key, leg.start, line.measure] for leg in legs for line in leg.lines]
        return tuple(sum((amount for on, amount in by_day.items() if on < day), ZERO) for by_day in days)

    def line(self, rep: Row, key: str, code: str, measure: str, days: Days, remarks: Remarks) -> Line:
        quotas = [q for q in self.quotas.get(key, ()) if (q.get("measure") or "revenue") == measure]
        foreign = sorted({str(q["currency"]) for q in quotas if q.get("currency") not in (None, code)})
        if foreign:
            raise Excluded(f"quota in {', '.join(foreign)}, pay in {code}, and no exchange rate")
        windows = [QuotaWindow(q["period_start"], q["period_end"], q["quota_amount"]) for q in quotas]
        if any(
            w.quota_amount is None or not w.quota_amount.is_finite() or w.quota_amount < 0 for w in windows
        ):
            raise Excluded(f"a {measure} quota window has no amount or a negative one")
        covered = clip_windows(windows, days.opens, days.closes)
        if not covered:
            raise Unmeasured(f"no {measure} quota window")
        quota = quota_of(clip_windows(windows, days.opens, days.end))
        if quota <= 0:
            raise Unmeasured(f"{measure} quota is zero")
        if quota < CENT:
            raise Excluded(f"{measure} quota of {quota} is less than a cent")
        if days.closes == self.horizon.end and covered[-1].end < days.end:
            remarks.short.add(key)
        credited = self._credited(key, code, measure, covered, days, remarks)
        self._by_day[key, days.start.isoformat(), measure] = credited
        coming = clip_windows(windows, max(self.horizon.next_day, days.opens), days.end)
        months = months_of(coming)
        # The distribution of a share of quota: nothing to sell against means nothing to draw.
        is_open = quota_of(coming) > 0
        segment, fit = self._fit(rep, measure, days)
        marginal = fit.marginal.remaining(months, fit.window_months) if is_open else fit.marginal
        return Line(
            measure=measure,
            segment=segment,
            quota=quota,
            credited=sum(credited.values(), ZERO),
            remaining_quota=quota_of(coming),
            remaining_months=months if is_open else 0.0,
            window_months=fit.window_months,
            history=fit.marginal,
            marginal=marginal,
            path=tuple(self._point(day, credited, windows, days) for day in self.path),
        )

    def _fit(self, rep: Row, measure: str, days: Days) -> tuple[str, Fit]:
        """By the band in which most of the days to come lie."""
        on = middle(max(self.horizon.next_day, days.start), days.end)
        role, region = str(rep["role"]), str(rep.get("region") or UNKNOWN)
        return self.fits.of(measure).of(role, tenure_band(rep, on), region)

    def _credited(
        self,
        key: str,
        code: str,
        measure: str,
        covered: Sequence[QuotaWindow],
        days: Days,
        remarks: Remarks,
    ) -> dict[date, Decimal]:
        """Credits by day inside the covered windows, up to as_of, in the rep's currency.

        Overlay credits are not attainment, as in planning.rep_attainment (resolution C2); they are noted.
        """
        by_day: dict[date, Decimal] = defaultdict(lambda: ZERO)
        outside = overlay = ZERO
        for credit in self.credits.get(key, ()):
            on = credit["credit_date"]
            if (credit.get("measure") or "revenue") != measure or on > self.horizon.as_of:
                continue
            if not days.opens <= on < days.closes:
                continue
            source = credit.get("currency") or code
            amount = self.rates.convert(credit["amount"], source, code, on)
            if amount is None:
                raise Excluded(f"credits in {source}, pay in {code}, and no exchange rate for {on}")
            if (credit.get("credit_type") or "revenue") != "revenue":
                overlay += amount
            elif any(w.start <= on < w.end for w in covered):
                by_day[on] += amount
            else:
                outside += amount
        if overlay:
            remarks.notes.append(f"{key}: {measure} overlay credits of {overlay} are not in attainment")
        if outside:
            remarks.notes.append(f"{key}: {measure} credits of {outside} lie outside any quota window")
        total = sum(by_day.values(), ZERO)
        if abs(total) > _MOST_TIMES_QUOTA * quota_of(covered):
            raise Excluded(
                f"{measure} credits of {total} are more than {_MOST_TIMES_QUOTA:,} times the quota of"
                f" {quota_of(covered)}: a wrong unit"
            )
        if total < 0:
            remarks.notes.append(
                f"{key}: {measure} credits to date are {total}; attainment below 0 pays as 0"
            )
        return dict(by_day)

    def _point(
        self, day: date, credited: Mapping[date, Decimal], windows: Sequence[QuotaWindow], days: Days
    ) -> PathPoint:
        until = min(day, self.horizon.as_of)
        first = self.horizon.next_day
        coming = (
            clip_windows(windows, max(first, days.opens), min(day + DAY, days.end)) if day >= first else []
        )
        quota = quota_of(coming)
        return PathPoint(
            day.isoformat(),
            sum((amount for on, amount in credited.items() if on <= until), ZERO),
            quota,
            months_of(coming) if quota > 0 else 0.0,
        )

    def fit_rows(self, segments: Iterable[tuple[str, str]]) -> list[dict[str, object]]:
        rows = []
        for measure, segment in sorted(segments):
            fit = self.fits.of(measure).used[segment]
            marginal = fit.marginal
            rows.append(
                {
                    "measure": measure,
                    "segment": segment,
                    "family": marginal.family,
                    "parameters": {
                        "first": marginal.first,
                        "second": marginal.second,
                        "third": marginal.third,
                        "points": list(marginal.points),
                    },
                    "p0": marginal.p0,
                    "observation_count": fit.observation_count,
                    "positive_count": fit.positive_count,
                    "aic": fit.aic,
                    "ks": fit.ks,
                    "ks_p_value": fit.ks_p_value,
                    "candidates": fit.candidates,
                    "pooled_from": fit.pooled_from,
                    "window_months": fit.window_months,
                }
            )
        return rows
