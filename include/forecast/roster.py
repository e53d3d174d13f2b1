"""Each rep's year from the marts: plan in force, quota windows, credits to date, what is still to come.

Nobody is dropped in silence: who cannot be simulated is listed with the reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from include.errors import MissingInput, TradewindError
from include.forecast.config import ForecastConfig
from include.forecast.fit import Fit
from include.forecast.history import UNKNOWN, Row, SegmentHistory, tenure_band
from include.forecast.horizon import DAY, QuotaWindow, clip_windows, month_ends, months_of, quota_of
from include.forecast.inputs import Leg, Line, PathPoint, RepInput
from include.forecast.plans import Plan, build_plan
from include.money import QUANTUM

ZERO = Decimal(0)


@dataclass(frozen=True)
class MartRows:
    """Rows of the marts as mappings, columns as in the contracts; amounts Decimal, dates date.

    `sales_credits` may be summed per rep, measure, credit_date and currency, and cut to the horizon.
    `rep_attainment` has one row per rep, measure and quota window, windows without a win included.
    `source_rows`: rows each mart holds, where the rows given here are a cut or a sum of them.
    """

    sales_reps: Sequence[Row] = ()
    quotas: Sequence[Row] = ()
    compensation_plans: Sequence[Row] = ()
    compensation_plan_tiers: Sequence[Row] = ()
    compensation_plan_components: Sequence[Row] = ()
    compensation_budgets: Sequence[Row] = ()
    sales_credits: Sequence[Row] = ()
    rep_attainment: Sequence[Row] = ()
    exchange_rates: Sequence[Row] = ()
    source_rows: Mapping[str, int] = field(default_factory=dict)

    def count(self, name: str) -> int:
        """Rows of one mart."""
        return self.source_rows.get(name, len(getattr(self, name)))


@dataclass(frozen=True)
class Horizon:
    """The fiscal year forecast, and the last day whose facts are known. `end` is exclusive.

    `period_ends`: last days of the year's fiscal periods; empty means calendar months.
    """

    period: str
    as_of: date
    start: date
    end: date
    period_ends: tuple[date, ...] = ()


@dataclass
class Roster:
    """Reps that can be simulated, by currency, and the reasons of those that cannot."""

    reps: dict[str, list[RepInput]] = field(default_factory=lambda: defaultdict(list))
    reasons: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    plans: dict[str, Plan] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    short: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


class _Excluded(Exception):
    """Why one rep is not simulated."""


class _Rates:
    """Exchange rates by pair, the latest on or before a day."""

    def __init__(self, rows: Iterable[Row]):
        self._by_pair: dict[tuple[object, object], list[tuple[date, Decimal]]] = defaultdict(list)
        for row in rows:
            self._by_pair[(row["from_currency"], row["to_currency"])].append((row["rate_date"], row["rate"]))
        for rates in self._by_pair.values():
            rates.sort()

    def convert(self, amount: Decimal, source: object, target: str, on: date) -> Decimal:
        if source == target:
            return amount
        known = [rate for day, rate in self._by_pair.get((source, target), ()) if day <= on]
        if not known:
            raise _Excluded(f"credits in {source}, pay in {target}, and no exchange rate for {on}")
        return (amount * known[-1]).quantize(QUANTUM)


class RosterBuilder:
    """One pass over the roster; fits are made on first use and shared by all scenarios."""

    def __init__(self, rows: MartRows, horizon: Horizon, config: ForecastConfig, currency: str):
        self.horizon, self.currency = horizon, currency
        self.rows = rows
        self.quotas = _by(rows.quotas, "rep_key")
        self.credits = _by(rows.sales_credits, "rep_key")
        self.versions = _by(rows.compensation_plans, "plan_key")
        self.tiers = _by(rows.compensation_plan_tiers, "plan_key")
        self.components = _by(rows.compensation_plan_components, "plan_key")
        self.path = list(horizon.period_ends) or month_ends(horizon.start, horizon.end)
        self.rates = _Rates(rows.exchange_rates)
        self.fits = SegmentHistory(rows.sales_reps, rows.rep_attainment, horizon.as_of, config)

    def roster(self) -> Roster:
        roster = Roster()
        no_history: MissingInput | None = None
        for rep in sorted(self.rows.sales_reps, key=lambda r: str(r["rep_key"])):
            key = str(rep["rep_key"])
            code = str(rep.get("currency") or self._quota_currency(key) or self.currency)
            try:
                roster.reps[code].append(self._rep(rep, key, code, roster))
            except _Excluded as reason:
                roster.reasons[code][key] = str(reason)
            except MissingInput as error:
                no_history = error
                roster.reasons[code][key] = f"no history to fit: {error.expected}, got {error.got}"
            except TradewindError as error:
                roster.reasons[code][key] = f"{error.where}: expected {error.expected}, got {error.got}"
        roster.reps = {code: reps for code, reps in roster.reps.items() if reps}
        for code, keys in roster.short.items():
            shown = ", ".join(sorted(keys)[:5]) + (", …" if len(keys) > 5 else "")
            roster.notes[code].append(
                f"{len(keys)} reps have no quota window at the end of the year ({shown}): nothing is forecast"
                " for them after their last window"
            )
        if not roster.reps:
            raise no_history or _all_excluded(roster.reasons)
        return roster

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

    def _rep(self, rep: Row, key: str, code: str, roster: Roster) -> RepInput:
        end = self._active_until(rep)
        plan_id, plan = self._plan(rep, roster)
        target = rep.get("target_incentive")
        if target is None and (plan.plan_kind == "payout_curve" or plan.cap_multiple is not None):
            raise _Excluded(f"no target_incentive, which plan {plan.plan_key} pays in multiples of")
        if target is not None and not (target.is_finite() and target >= 0):
            raise _Excluded(f"target_incentive is {target}")
        lines = tuple(self._line(rep, key, code, measure, end, roster) for measure in plan.measures)
        leg = Leg(self.horizon.start.isoformat(), end.isoformat(), plan_id, target, lines)
        return RepInput(
            rep_key=key,
            role=str(rep["role"]),
            region=str(rep.get("region") or UNKNOWN),
            segment=lines[0].segment,
            legs=(leg,),
        )

    def _active_until(self, rep: Row) -> date:
        """First day the rep is gone, at most the horizon's end."""
        left, hired = rep.get("termination_date"), rep.get("hire_date")
        if left is not None and left < self.horizon.start:
            raise _Excluded(f"not active: left {left}, before the fiscal year")
        if hired is not None and hired >= self.horizon.end:
            raise _Excluded(f"not active: hired {hired}, after the fiscal year")
        return self.horizon.end if left is None else min(left + DAY, self.horizon.end)

    def _plan(self, rep: Row, roster: Roster) -> tuple[str, Plan]:
        plan_key = rep.get("plan_key")
        if not plan_key:
            raise _Excluded("no plan_key")
        if plan_key not in self.versions:
            raise _Excluded(f"plan {plan_key} does not exist")
        on = max(min(self.horizon.as_of, self.horizon.end - DAY), self.horizon.start)
        on = max(on, rep.get("hire_date") or on)
        on = min(on, rep.get("termination_date") or on)
        header = _in_force(self.versions[plan_key], plan_key, on)
        version = header.get("version")
        tiers = [t for t in self.tiers.get(plan_key, ()) if _same_version(t, version)]
        components = [c for c in self.components.get(plan_key, ()) if _same_version(c, version)]
        rate = rep.get("commission_rate")
        plan_id = f"{plan_key}|{version or ''}"
        if not tiers and header.get("plan_kind") == "rate":
            plan_id += f"|{rate}"
        if plan_id not in roster.plans:
            roster.plans[plan_id] = build_plan(header, tiers, components, commission_rate=rate)
        return plan_id, roster.plans[plan_id]

    def _line(self, rep: Row, key: str, code: str, measure: str, end: date, roster: Roster) -> Line:
        start, as_of = self.horizon.start, self.horizon.as_of
        quotas = [q for q in self.quotas.get(key, ()) if (q.get("measure") or "revenue") == measure]
        foreign = sorted({str(q["currency"]) for q in quotas if q.get("currency") not in (None, code)})
        if foreign:
            raise _Excluded(f"quota in {', '.join(foreign)}, pay in {code}, and no exchange rate")
        windows = [QuotaWindow(q["period_start"], q["period_end"], q["quota_amount"]) for q in quotas]
        if any(
            w.quota_amount is None or not w.quota_amount.is_finite() or w.quota_amount < 0 for w in windows
        ):
            raise _Excluded(f"a {measure} quota window has no amount or a negative one")
        covered = clip_windows(windows, start, self.horizon.end)
        if not covered:
            raise _Excluded(f"no {measure} quota window in the fiscal year")
        quota = quota_of(clip_windows(windows, start, end))
        if quota <= 0:
            raise _Excluded(f"{measure} quota is zero")
        if covered[-1].end < end:
            roster.short[code].add(key)
        credited = self._credited(key, code, measure, covered, roster)
        coming = clip_windows(windows, max(as_of + DAY, start), end)
        months = months_of(coming)
        # The distribution of a share of quota: nothing to sell against means nothing to draw.
        is_open = quota_of(coming) > 0
        segment, fit = self._fit(rep, measure)
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
            path=tuple(self._point(day, credited, windows, end) for day in self.path),
        )

    def _fit(self, rep: Row, measure: str) -> tuple[str, Fit]:
        on = max(self.horizon.as_of + DAY, self.horizon.start)
        role, region = str(rep["role"]), str(rep.get("region") or UNKNOWN)
        return self.fits.of(measure).of(role, tenure_band(rep, on), region)

    def _credited(
        self, key: str, code: str, measure: str, covered: Sequence[QuotaWindow], roster: Roster
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
            if not self.horizon.start <= on < self.horizon.end:
                continue
            amount = self.rates.convert(credit["amount"], credit.get("currency") or code, code, on)
            if (credit.get("credit_type") or "revenue") != "revenue":
                overlay += amount
            elif any(w.start <= on < w.end for w in covered):
                by_day[on] += amount
            else:
                outside += amount
        if overlay:
            roster.notes[code].append(f"{key}: {measure} overlay credits of {overlay} are not in attainment")
        if outside:
            roster.notes[code].append(f"{key}: {measure} credits of {outside} lie outside any quota window")
        total = sum(by_day.values(), ZERO)
        if total < 0:
            roster.notes[code].append(
                f"{key}: {measure} credits to date are {total}; attainment below 0 pays as 0"
            )
        return dict(by_day)

    def _point(
        self, day: date, credited: Mapping[date, Decimal], windows: Sequence[QuotaWindow], end: date
    ) -> PathPoint:
        until = min(day, self.horizon.as_of)
        first = max(self.horizon.as_of + DAY, self.horizon.start)
        coming = clip_windows(windows, first, min(day + DAY, end)) if day >= first else []
        quota = quota_of(coming)
        return PathPoint(
            day.isoformat(),
            sum((amount for on, amount in credited.items() if on <= until), ZERO),
            quota,
            months_of(coming) if quota > 0 else 0.0,
        )

    def _quota_currency(self, key: str) -> object:
        codes = {q["currency"] for q in self.quotas.get(key, ()) if q.get("currency")}
        return codes.pop() if len(codes) == 1 else None


def _all_excluded(reasons: Mapping[str, Mapping[str, str]]) -> TradewindError:
    counts = Counter(reason for more in reasons.values() for reason in more.values())
    shown = "; ".join(f"{count} x {reason}" for reason, count in counts.most_common(3))
    return TradewindError(
        where="inputs of the forecast",
        expected="at least one rep with a plan in force and a quota window in the fiscal year",
        got=f"{sum(counts.values())} reps, all excluded: {shown}",
        remedy="correct the rows named, or choose another period",
    )


def _in_force(versions: Sequence[Row], plan_key: object, on: date) -> Row:
    fitting = [
        v
        for v in versions
        if (v.get("effective_from") is None or v["effective_from"] <= on)
        and (v.get("effective_to") is None or v["effective_to"] >= on)
    ]
    if not fitting:
        raise _Excluded(f"plan gap: no version of plan {plan_key} in force on {on}")
    if len(fitting) > 1:
        names = ", ".join(sorted(str(v.get("version")) for v in fitting))
        raise _Excluded(f"versions {names} of plan {plan_key} are all in force on {on}")
    return fitting[0]


def _same_version(row: Row, version: object) -> bool:
    return (row.get("version") or None) == (version or None)


def _by(rows: Iterable[Row], column: str) -> dict[object, list[Row]]:
    groups: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return groups
