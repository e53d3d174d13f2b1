"""Frozen inputs of one simulation: everything its numbers depend on, as JSON with a hash."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property

from include.errors import TradewindError
from include.forecast.config import check_correlation, check_profile
from include.forecast.deals import Deal
from include.forecast.marginal import Marginal
from include.forecast.plans import Component, PayoutCurve, Plan
from include.forecast.sampling import PLAIN, Sampling
from include.money import QUANTUM, round_half_up

FORMAT = 3
#: Raised when the engine gives other numbers for the same inputs: old simulations keep their ids.
ENGINE_VERSION = "3"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:tradewind:simulation")


@dataclass(frozen=True)
class PathPoint:
    """Where a line stands at a month end: credited by then (past), or quota and months to come by then.

    `new_share`: as in Line, of what is to come by then.
    """

    date: str
    credited: Decimal
    remaining_quota: Decimal
    remaining_months: float
    new_share: float = 1.0


@dataclass(frozen=True)
class Line:
    """One measure of one rep: attainment = (credited + remaining_quota x a) / quota, a drawn from `marginal`.

    `quota` is the quota of the whole horizon, `credited` what was credited up to as_of, `remaining_quota` the
    part of the horizon's quota after as_of, `marginal` the distribution over those `remaining_months`.
    In pipeline mode `deals` are added to the revenue, and `marginal` stands for deals not yet in the pipeline only:
    `new_share` of what is still to come.
    """

    measure: str
    segment: str
    quota: Decimal
    credited: Decimal
    remaining_quota: Decimal
    remaining_months: float
    window_months: float
    history: Marginal
    marginal: Marginal
    path: tuple[PathPoint, ...] = ()
    deals: tuple[Deal, ...] = ()
    new_share: float = 1.0

    @property
    def is_complete(self) -> bool:
        """Whether nothing more can be credited in the horizon."""
        return self.remaining_quota == 0 and not self.deals

    @property
    def expected_credited(self) -> Decimal:
        """What the whole horizon is expected to credit: what is known and the mean of what is to come."""
        to_come = self.remaining_quota * Decimal(repr(self.marginal.mean))
        to_come += sum((deal.expected for deal in self.deals), Decimal(0))
        return self.credited + round_half_up(to_come, QUANTUM)

    def credited_by(self, day: str) -> Decimal:
        """Credited by the last point of the path up to `day` (ISO), where the path reaches back that far."""
        if not self.path:
            return self.credited
        known = [point.credited for point in self.path if point.date <= day]
        return known[-1] if known else Decimal(0)

    @property
    def certain(self) -> float | None:
        """Attainment when nothing about it is open, else None."""
        if self.deals:
            return None
        reached = float(self.credited / self.quota)
        if self.remaining_quota == 0 or self.new_share == 0 or self.marginal.p0 == 1.0:
            return reached
        if self.marginal.family == "constant" and self.marginal.p0 == 0.0:
            return reached + float(self.remaining_quota / self.quota) * self.marginal.first
        return None


@dataclass(frozen=True)
class Leg:
    """A part of a rep's year that is paid by itself: ISO dates, `end` exclusive.

    `plan` is a key of SimulationInputs.plans; `target_incentive` and `lines` are the leg's own.
    """

    start: str
    end: str
    plan: str
    target_incentive: Decimal | None
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Draw:
    """A draw against the commission of one window; ISO dates inside the year, `end` exclusive.

    `credited_before` and `credited_after`: what each of the rep's lines was credited before `start` and before `end`,
    as far as it is known at as_of.
    """

    start: str
    end: str
    amount: Decimal
    is_recoverable: bool
    credited_before: tuple[Decimal, ...]
    credited_after: tuple[Decimal, ...]


@dataclass(frozen=True)
class RepInput:
    """One simulated rep: a leg per plan version in force in the year, in order of time; most have one.

    `currency` is what the rep is paid in, empty for the simulation's. `territory` decides no figure; it is shown.
    """

    rep_key: str
    role: str
    region: str
    segment: str
    legs: tuple[Leg, ...]
    territory: str = ""
    currency: str = ""
    draws: tuple[Draw, ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of all legs."""
        return tuple(line for leg in self.legs for line in leg.lines)

    @property
    def target_incentive(self) -> Decimal | None:
        """The legs' target incentives together, None when no leg has one."""
        known = [leg.target_incentive for leg in self.legs if leg.target_incentive is not None]
        return sum(known, Decimal(0)) if known else None


@dataclass(frozen=True)
class SimulationInputs:
    """One scenario in one currency. `reps` is sorted by rep_key: the roster's order never matters.

    `rates`: units of the simulation's currency, as decimal text, for one of each other currency that reps are paid in.

    `budgets`: [{scope, scope_key, budget_amount}] of the horizon. `exclusions`: {rep_key: reason}.
    `notes`: facts a reader must know (credits outside windows, negative credits). `win_rates`: in pipeline mode, the
    rate of every stage and age that open deals stand at.
    """

    tenant: str
    period: str
    as_of: str
    horizon_start: str
    horizon_end: str
    scenario_id: str
    streams: str
    currency: str
    correlation_global: float
    correlation_region: float
    plans: Mapping[str, Plan]
    reps: tuple[RepInput, ...]
    rates: Mapping[str, str] = field(default_factory=dict)
    budgets: tuple[Mapping[str, str], ...] = ()
    exclusions: Mapping[str, str] | None = None
    fits: tuple[Mapping[str, object], ...] = ()
    win_rates: tuple[Mapping[str, object], ...] = ()
    notes: tuple[str, ...] = ()
    config: Mapping[str, object] | None = None
    sampling: Sampling = PLAIN
    profile: str = "exact"

    def __post_init__(self) -> None:
        check_correlation(self.correlation_global, self.correlation_region)
        check_profile(self.profile)
        keys = [r.rep_key for r in self.reps]
        if not keys or len(set(keys)) != len(keys):
            raise TradewindError(
                where="inputs of a simulation",
                expected="at least one rep, each once",
                got=f"{len(keys)} reps, {len(set(keys))} keys",
                remedy="correct the roster",
            )
        unknown = {r.currency for r in self.reps} - {"", self.currency, *self.rates}
        if unknown:
            raise TradewindError(
                where="inputs of a simulation",
                expected=f"a rate to {self.currency} for every currency of its reps",
                got=f"none for {', '.join(sorted(unknown))}",
                remedy="load exchange_rates",
            )
        object.__setattr__(self, "reps", tuple(sorted(self.reps, key=lambda r: r.rep_key)))

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, money as text."""
        body = {**asdict(self), "format": FORMAT, "engine": ENGINE_VERSION}
        return json.dumps(body, sort_keys=True, separators=(",", ":"), default=str, allow_nan=False)

    @cached_property
    def input_hash(self) -> str:
        """sha256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def simulation_id(self, seed: int, iterations: int) -> str:
        """`sim_` and 32 hex digits, the same for the same question: inputs, seed and size."""
        name = "|".join(
            map(
                str,
                (
                    self.tenant,
                    self.period,
                    self.scenario_id,
                    self.currency,
                    self.input_hash,
                    seed,
                    iterations,
                ),
            )
        )
        return "sim_" + uuid.uuid5(_NAMESPACE, name).hex

    @property
    def next_day(self) -> str:
        """The day after as_of."""
        return _day_after(self.as_of)

    def rate_of(self, rep: RepInput) -> Decimal | None:
        """What one unit of the rep's currency is worth in the simulation's; None where they are the same."""
        return None if rep.currency in ("", self.currency) else Decimal(self.rates[rep.currency])

    def worth(self, rep: RepInput, amount: Decimal) -> Decimal:
        """An amount of the rep in the simulation's currency, half up to the cent."""
        rate = self.rate_of(rep)
        return amount if rate is None else round_half_up(amount * rate)

    def at_month_end(self, index: int) -> SimulationInputs:
        """The same reps as if the year ended at the `index`-th month end of the path."""
        return replace(self, reps=tuple(_rep_at(rep, index) for rep in self.reps))


def from_json(text: str) -> SimulationInputs:
    """The inputs behind `to_json`; the round trip is exact. Raises TradewindError for another format."""
    body = json.loads(text)
    if (body.pop("format", None), body.pop("engine", None)) != (FORMAT, ENGINE_VERSION):
        raise TradewindError(
            where="planning.monte_carlo_inputs",
            expected=f"inputs of format {FORMAT} for engine {ENGINE_VERSION}",
            got="another version",
            remedy="freeze the inputs again with this version",
        )
    body["plans"] = {key: _plan(plan) for key, plan in body["plans"].items()}
    body["reps"] = tuple(_rep(rep) for rep in body["reps"])
    body["sampling"] = Sampling(**body["sampling"])
    for name in ("budgets", "fits", "win_rates", "notes"):
        body[name] = tuple(body[name])
    return SimulationInputs(**body)


def _day_after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _rep_at(rep: RepInput, index: int) -> RepInput:
    legs = tuple(_leg_at(leg, index) for leg in rep.legs)
    if not rep.draws:
        return replace(rep, legs=legs)
    end = _day_after(rep.lines[0].path[index].date)
    has_left = rep.legs[-1].end <= end
    draws = tuple(d for d in rep.draws if d.end <= end and (has_left or not d.is_recoverable))
    return replace(rep, legs=legs, draws=draws)


def _leg_at(leg: Leg, index: int) -> Leg:
    lines = []
    for line in leg.lines:
        point = line.path[index]
        lines.append(
            replace(
                line,
                credited=point.credited,
                remaining_quota=point.remaining_quota,
                remaining_months=point.remaining_months,
                marginal=_marginal_at(line, point),
                deals=tuple(replace(deal, chance=deal.path[index]) for deal in line.deals),
                new_share=point.new_share,
            )
        )
    return replace(leg, lines=tuple(lines))


def _marginal_at(line: Line, point: PathPoint) -> Marginal:
    months, all_months = point.remaining_months, line.remaining_months
    if not (months > 0 and all_months > 0 and line.new_share > 0):
        return line.marginal
    if point.new_share == 0:
        return Marginal("constant", 0.0, 0.0)
    share = point.new_share / line.new_share
    return line.marginal.remaining(months * share, all_months).scaled(share)


def _plan(body: dict) -> Plan:
    parts = []
    for part in body["components"]:
        curve = part.pop("curve")
        curve["bounds"], curve["rates"] = tuple(curve["bounds"]), tuple(curve["rates"])
        parts.append(Component(**part, curve=PayoutCurve(**curve)))
    return Plan(**{**body, "components": tuple(parts)})


def _rep(body: dict) -> RepInput:
    legs, draws = (tuple(map(read, body[name])) for name, read in (("legs", _leg), ("draws", _draw)))
    return RepInput(**{**body, "legs": legs, "draws": draws})


def _draw(body: dict) -> Draw:
    known = {name: tuple(map(Decimal, body[name])) for name in ("credited_before", "credited_after")}
    return Draw(**{**body, **known, "amount": Decimal(body["amount"])})


def _leg(body: dict) -> Leg:
    lines = tuple(_line(line) for line in body["lines"])
    target = body["target_incentive"]
    return Leg(**{**body, "lines": lines, "target_incentive": None if target is None else Decimal(target)})


def _line(body: dict) -> Line:
    points = tuple(
        PathPoint(
            **{**p, "credited": Decimal(p["credited"]), "remaining_quota": Decimal(p["remaining_quota"])}
        )
        for p in body["path"]
    )
    deals = tuple(
        Deal(**{**d, "amount": Decimal(d["amount"]), "path": tuple(d["path"])}) for d in body["deals"]
    )
    money = {name: Decimal(body[name]) for name in ("quota", "credited", "remaining_quota")}
    distributions = {
        name: Marginal(**{**body[name], "points": tuple(body[name]["points"])})
        for name in ("history", "marginal")
    }
    return Line(**{**body, **money, **distributions, "path": points, "deals": deals})
