"""Each rep's year from the marts: plan in force, quota windows, credits to date, what is still to come.

Nobody is dropped in silence: who cannot be simulated is listed with the reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from include.errors import MissingInput, TradewindError
from include.forecast.commission_draws import draws_within
from include.forecast.config import ForecastConfig
from include.forecast.history import UNKNOWN
from include.forecast.horizon import DAY, Horizon
from include.forecast.inputs import Leg, RepInput
from include.forecast.mart_rows import MartRows, Row, by_column
from include.forecast.plans import Plan, PlanError, build_plan
from include.forecast.rep_lines import Days, LineBuilder, Remarks, Unmeasured
from include.forecast.service import Excluded, service, spans
from include.money import round_half_up


@dataclass
class Roster:
    """Reps that can be simulated, by currency, and the reasons of those that cannot."""

    reps: dict[str, list[RepInput]] = field(default_factory=lambda: defaultdict(list))
    reasons: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    plans: dict[str, Plan] = field(default_factory=dict)
    remarks: dict[str, Remarks] = field(default_factory=lambda: defaultdict(Remarks))


@dataclass(frozen=True)
class _Term:
    """Days, `end` exclusive, on one plan of Roster.plans."""

    start: date
    end: date
    plan_id: str


class RosterBuilder:
    """One pass over the roster; fits are made on first use and shared by all scenarios."""

    def __init__(self, rows: MartRows, horizon: Horizon, config: ForecastConfig, currency: str):
        self.horizon, self.currency = horizon, currency
        self.rows = rows
        self.versions = by_column(rows.compensation_plans, "plan_key")
        self.tiers = by_column(rows.compensation_plan_tiers, "plan_key")
        self.components = by_column(rows.compensation_plan_components, "plan_key")
        self.draws = by_column(rows.compensation_draws, "rep_key")
        self.lines = LineBuilder(rows, horizon, config)

    def roster(self) -> Roster:
        roster = Roster()
        no_history: MissingInput | None = None
        for rep in sorted(self.rows.sales_reps, key=lambda r: str(r["rep_key"])):
            key = str(rep["rep_key"])
            code = str(rep.get("currency") or self.lines.quota_currency(key) or self.currency)
            try:
                roster.reps[code].append(self._rep(rep, key, code, roster))
            except Excluded as reason:
                roster.reasons[code][key] = str(reason)
            except MissingInput as error:
                no_history = error
                roster.reasons[code][key] = f"no history to fit: {error.expected}, got {error.got}"
            except TradewindError as error:
                roster.reasons[code][key] = _told(error)
        roster.reps = {code: reps for code, reps in roster.reps.items() if reps}
        for remarks in roster.remarks.values():
            remarks.notes += [*sorted(remarks.assumed), *_short_years(remarks.short)]
        if not roster.reps:
            raise no_history or _all_excluded(roster.reasons)
        return roster

    def _rep(self, rep: Row, key: str, code: str, roster: Roster) -> RepInput:
        first, end = service(rep, self.horizon)
        terms = self._terms(rep, code, first, end, roster)
        legs: list[Leg] = []
        unpaid: list[tuple[Days, Unmeasured]] = []
        for term in terms:
            days = Days(
                term.start,
                term.end,
                opens=self.horizon.start if term is terms[0] else term.start,
                closes=self.horizon.end if term is terms[-1] else term.end,
            )
            try:
                legs.append(self._leg(rep, key, code, term.plan_id, days, roster))
            except Unmeasured as reason:
                unpaid.append((days, reason))
        if not legs:
            raise Excluded(f"{unpaid[0][1]} in the fiscal year")
        for days, reason in unpaid:
            last = days.end - DAY
            roster.remarks[code].notes.append(
                f"{key}: {reason} from {days.start} to {last}, nothing is paid for these days"
            )
        draws = draws_within(
            self.draws.get(key, ()),
            code,
            self.horizon.start,
            end,
            lambda day: self.lines.credited_before(key, legs, day),
        )
        return RepInput(
            rep_key=key,
            role=str(rep["role"]),
            region=str(rep.get("region") or UNKNOWN),
            segment=legs[-1].lines[0].segment,
            legs=tuple(legs),
            territory=str(rep.get("territory") or UNKNOWN),
            currency=code,
            draws=draws,
        )

    def _terms(self, rep: Row, code: str, first: date, end: date, roster: Roster) -> list[_Term]:
        """The plan versions of the rep's days; versions that pay the same are one."""
        plan_key = rep.get("plan_key")
        if not plan_key:
            raise Excluded("no plan_key")
        if plan_key not in self.versions:
            raise Excluded(f"plan {plan_key} does not exist")
        found, note = spans(self.versions[plan_key], plan_key, first, end, self.horizon.as_of)
        if note:
            roster.remarks[code].assumed.add(note)
        terms: list[_Term] = []
        faults: list[str] = []
        for span in found:
            try:
                plan_id = self._plan_id(rep, span.version, roster)
            except PlanError as error:
                faults.append(_told(error))
                continue
            if terms and _same_pay(roster.plans[terms[-1].plan_id], roster.plans[plan_id]):
                terms[-1] = _Term(terms[-1].start, span.end, plan_id)
            else:
                terms.append(_Term(span.start, span.end, plan_id))
        if faults:
            raise Excluded("; ".join(faults))
        return terms

    def _plan_id(self, rep: Row, header: Row, roster: Roster) -> str:
        plan_key, version = header["plan_key"], header.get("version")
        tiers = [t for t in self.tiers.get(plan_key, ()) if _same_version(t, version)]
        components = [c for c in self.components.get(plan_key, ()) if _same_version(c, version)]
        rate = rep.get("commission_rate")
        plan_id = f"{plan_key}|{version or ''}"
        if not tiers and header.get("plan_kind") == "rate":
            plan_id += f"|{rate}"
        if plan_id not in roster.plans:
            roster.plans[plan_id] = build_plan(header, tiers, components, commission_rate=rate)
        return plan_id

    def _leg(self, rep: Row, key: str, code: str, plan_id: str, days: Days, roster: Roster) -> Leg:
        plan = roster.plans[plan_id]
        lines = tuple(
            self.lines.line(rep, key, code, measure, days, roster.remarks[code]) for measure in plan.measures
        )
        return Leg(
            days.start.isoformat(), days.end.isoformat(), plan_id, self._target(rep, plan, days), lines
        )

    def _target(self, rep: Row, plan: Plan, days: Days) -> Decimal | None:
        """The target incentive is a year's; a leg has its share by days, half up to the cent."""
        target = rep.get("target_incentive")
        if target is None:
            if plan.plan_kind == "payout_curve" or plan.cap_multiple is not None:
                raise Excluded(f"no target_incentive, which plan {plan.plan_key} pays in multiples of")
            return None
        if not (target.is_finite() and target >= 0):
            raise Excluded(f"target_incentive is {target}")
        served = (days.end - days.start).days
        if served == self.horizon.days:
            return target
        return round_half_up(target * served / self.horizon.days)


def _told(error: TradewindError) -> str:
    return f"{error.where}: expected {error.expected}, got {error.got}"


def _all_excluded(reasons: Mapping[str, Mapping[str, str]]) -> TradewindError:
    counts = Counter(reason for more in reasons.values() for reason in more.values())
    shown = "; ".join(f"{count} x {reason}" for reason, count in counts.most_common(3))
    return TradewindError(
        where="inputs of the forecast",
        expected="at least one rep with a plan in force and a quota window in the fiscal year",
        got=f"{sum(counts.values())} reps, all excluded: {shown}",
        remedy="correct the rows named, or choose another period",
    )


def _short_years(keys: set[str]) -> list[str]:
    if not keys:
        return []
    shown = ", ".join(sorted(keys)[:5]) + (", …" if len(keys) > 5 else "")
    note = f"{len(keys)} reps have no quota window at the end of the year ({shown}): nothing is forecast"
    return [note + " for them after their last window"]


def _same_pay(one: Plan, other: Plan) -> bool:
    """Whether two versions of a plan differ in nothing but their name."""
    return replace(one, version=other.version) == other


def _same_version(row: Row, version: object) -> bool:
    return (row.get("version") or None) == (version or None)
