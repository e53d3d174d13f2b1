"""Monthly accrual of compensation with true-up (semantics 5a): what has been earned of the year's expected pay.

cumulative = E[year payout | data to date] x credited to date / E[year credited], per rep and measure, in cents. The
month is what cumulative adds to what was accrued before, in three parts that add up to it exactly:
- true-up: what was credited before, at the present rate instead of the rate it was accrued at;
- catch-up: credits of earlier periods that no accrual has seen (a first run in mid-year, a month that was skipped, a
  credit that came late), at the present rate;
- current: credits of the period, at the present rate.
The rate is E[year payout] / E[year credited].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from include.forecast.horizon import DAY
from include.forecast.inputs import Line, RepInput, SimulationInputs
from include.forecast.plans import Plan
from include.money import QUANTUM, ZERO, allocate, round_half_up

#: Shares of the year's days are kept with so many places.
SHARE = Decimal("0.000000001")
#: How the share earned was found: credited / expected; nothing is to come; days, where nothing is expected to be
#: credited; or the rep is no longer simulated.
BY_CREDIT, COMPLETE, BY_TIME, NOT_SIMULATED = "credited", "complete", "time", "not_simulated"


@dataclass(frozen=True)
class Progress:
    """How far a rep's year is at a date: credited by then, and the share of the year's days gone."""

    credited: Decimal = ZERO
    elapsed: Decimal = ZERO


@dataclass(frozen=True)
class Estimate:
    """What a rep is expected to earn in the year on one measure, and how far it is.

    `now`: at the period's end, or at as_of where that is earlier. `at_start`: before the period's first day.
    """

    rep_key: str
    measure: str
    role: str
    region: str
    method: str
    expected_payout: Decimal
    expected_credited: Decimal
    now: Progress
    at_start: Progress

    @property
    def key(self) -> tuple[str, str]:
        """(rep, measure)."""
        return self.rep_key, self.measure

    @property
    def cumulative(self) -> Decimal:
        """What has been earned by the period's end."""
        return round_half_up(self.expected_payout) if self.method == COMPLETE else self.earned(self.now)

    def earned(self, at: Progress) -> Decimal:
        """What that much progress has earned at the present rate, in cents: from nothing to the year's payout."""
        if self.expected_credited > 0:
            credited = min(max(at.credited, ZERO), self.expected_credited)
            return round_half_up(self.expected_payout * credited / self.expected_credited)
        return round_half_up(self.expected_payout * at.elapsed)


@dataclass(frozen=True)
class Accrued:
    """One rep and measure in one period: cumulative = accrued_before + true_up + catch_up + current."""

    estimate: Estimate
    cumulative: Decimal
    accrued_before: Decimal
    before: Progress
    true_up: Decimal
    catch_up: Decimal
    current: Decimal


def accrue(estimates: Iterable[Estimate], before: Mapping[tuple[str, str], Accrued]) -> list[Accrued]:
    """The period's rows, sorted by rep and measure. `before`: the rows of the latest earlier period of the year.

    Who was accrued and is no longer simulated gets a row that takes the accrual back, as true-up.
    """
    present = {estimate.key: estimate for estimate in estimates}
    gone = [
        replace(
            row.estimate,
            method=NOT_SIMULATED,
            expected_payout=ZERO,
            expected_credited=ZERO,
            now=Progress(),
            at_start=Progress(),
        )
        for key, row in before.items()
        if key not in present and row.cumulative
    ]
    rows = [_accrued(estimate, before.get(estimate.key)) for estimate in (*present.values(), *gone)]
    return sorted(rows, key=lambda row: row.estimate.key)


def estimates_of(
    inputs: SimulationInputs, payouts: Mapping[str, Decimal], *, start: date, through: date
) -> list[Estimate]:
    """The estimates of a simulation for a period that starts on `start`; credits count up to `through`.

    `payouts`: mean payout of the year by rep. It is shared over the measures a plan pays on by what each pays at
    target.
    """
    year = date.fromisoformat(inputs.horizon_start), date.fromisoformat(inputs.horizon_end)
    as_of = date.fromisoformat(inputs.as_of)
    found = []
    for rep in inputs.reps:
        lines: dict[str, list[Line]] = {}
        for line in rep.lines:
            lines.setdefault(line.measure, []).append(line)
        weights = _at_target(rep, inputs.plans)
        shares = allocate(payouts[rep.rep_key], list(weights.values()), unit=QUANTUM)
        for measure, payout in zip(weights, shares, strict=True):
            expected = sum((line.expected_credited for line in lines[measure]), ZERO)
            is_complete = through >= min(as_of, year[1] - DAY) and all(
                line.is_complete for line in lines[measure]
            )
            found.append(
                Estimate(
                    rep_key=rep.rep_key,
                    measure=measure,
                    role=rep.role,
                    region=rep.region,
                    method=COMPLETE if is_complete else BY_CREDIT if expected > 0 else BY_TIME,
                    expected_payout=payout,
                    expected_credited=expected,
                    now=_progress(lines[measure], year, min(through, as_of), as_of),
                    at_start=_progress(lines[measure], year, start - DAY, as_of),
                )
            )
    return found


def _progress(lines: Sequence[Line], year: tuple[date, date], day: date, as_of: date) -> Progress:
    days = min(max((day - year[0]).days + 1, 0), (year[1] - year[0]).days)
    credited = ZERO
    if day >= as_of:
        credited = sum((line.credited for line in lines), ZERO)
    elif day >= year[0]:
        credited = sum((line.credited_by(day.isoformat()) for line in lines), ZERO)
    return Progress(credited, (Decimal(days) / (year[1] - year[0]).days).quantize(SHARE))


def _at_target(rep: RepInput, plans: Mapping[str, Plan]) -> dict[str, Decimal]:
    """What each paid measure of the rep pays at target; equal parts where that is nothing at all."""
    weights: dict[str, Decimal] = {}
    for leg in rep.legs:
        plan = plans[leg.plan]
        quota = {line.measure: line.quota for line in leg.lines}
        for part in plan.components:
            base = quota[part.measure] if plan.plan_kind == "rate" else (leg.target_incentive or ZERO)
            weights[part.measure] = weights.get(part.measure, ZERO) + Decimal(repr(part.weight)) * base
    return weights if any(weights.values()) else dict.fromkeys(weights, Decimal(1))


def _accrued(estimate: Estimate, row: Accrued | None) -> Accrued:
    before = row.estimate.now if row else Progress()
    accrued_before = row.cumulative if row else ZERO
    seen, by_start = estimate.earned(before), estimate.earned(estimate.at_start)
    cumulative = estimate.cumulative
    return Accrued(
        estimate=estimate,
        cumulative=cumulative,
        accrued_before=accrued_before,
        before=before,
        true_up=seen - accrued_before,
        catch_up=by_start - seen,
        current=cumulative - by_start,
    )
