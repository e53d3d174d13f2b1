"""Pipeline mode: what is still to come of a rep's revenue is the open deals plus the deals not created yet.

remaining = sum over open deals of won x amount x (1 + noise) where the deal closes inside the rep's quota windows,
plus the run-rate: the rep's attainment distribution over the part of the remaining months that, in history, was
filled by deals which were not in the pipeline yet. A deal's revenue is its owner's; where credits of the deal have
been recorded already, what is left of it is shared as they were. Measures other than revenue keep attainment mode.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from include.forecast.close_dates import CloseDates, Closing, Windows, amount_spread
from include.forecast.currencies import Rates
from include.forecast.deal_history import DealRecord, read_deals
from include.forecast.deals import Deal
from include.forecast.horizon import DAY, Horizon
from include.forecast.inputs import Leg, Line, PathPoint, RepInput
from include.forecast.marginal import Marginal
from include.forecast.mart_rows import MartRows, Row, by_column
from include.forecast.pipeline_rules import PipelineRules
from include.forecast.run_rate import RunRate
from include.forecast.win_rates import WinRate, WinRates
from include.money import ZERO, allocate, round_half_up

#: The measure that deals are credited to.
REVENUE = "revenue"


@dataclass(frozen=True)
class OpenDeal:
    """A rep's part of an open deal in the deal's own currency, and what its likes tell of it."""

    record: DealRecord
    amount: Decimal
    rate: WinRate
    probability: float
    closing: Closing


@dataclass(frozen=True)
class PipelineView:
    """Reps with their deals, what a reader must know, and the rates of the stages and ages deals stand at."""

    reps: tuple[RepInput, ...]
    notes: tuple[str, ...] = ()
    win_rates: tuple[Mapping[str, object], ...] = ()


@dataclass
class _Expected:
    """Mean revenue still to come, in the simulation's currency."""

    deals: float = 0.0
    new: float = 0.0

    def add(self, rep: RepInput, worth: float) -> None:
        for line in rep.lines:
            if line.measure == REVENUE:
                self.deals += worth * float(sum(deal.expected for deal in line.deals))
                if line.remaining_months:
                    self.new += worth * float(line.remaining_quota) * line.marginal.mean


class Pipeline:
    """The open deals as of a day and the history they are judged by; made once for all scenarios."""

    def __init__(self, rows: MartRows, horizon: Horizon, rules: PipelineRules, currency: str):
        self._horizon, self._rules, self._currency = horizon, rules, currency
        self._exchange = Rates(rows.exchange_rates)
        self._quotas = by_column(rows.quotas, "rep_key")
        self._left_out: Counter[str] = Counter()
        book = read_deals(rows.opportunities, rows.opportunity_history, horizon.as_of)
        first = horizon.as_of - timedelta(days=round(min(rules.history_months, 1200) * 365.25 / 12))
        closed = [deal for deal in book.closed if deal.closed > first]
        self._rates = WinRates(closed, rules)
        self._dates = CloseDates(closed, rules, horizon.as_of)
        fitted, self._spread_count = amount_spread(closed)
        self._spread = fitted if rules.amount_spread is None else float(rules.amount_spread)
        self._closed_count = len(closed)
        if book.undated:
            self._left_out["closed deals without a day of closing"] = book.undated
        self._parts = self._open_parts(book.open, by_column(rows.deal_credits, "opportunity_key"))
        self._new = RunRate(rows, closed, rules, horizon.as_of, self.convert, currency)

    def of(self, reps: Sequence[RepInput], currency: str, rates: Mapping[str, str]) -> PipelineView:
        """The reps of a simulation in pipeline mode. `rates`: its currency for one of each other that reps are paid in.

        Deals are in the currency of their rep, counts over several reps in the simulation's.
        """
        found, counted, left_out = [], [], Counter(self._left_out)
        expected = _Expected()
        for rep in reps:
            mine = self._of_rep(rep, rep.currency or currency, left_out)
            found.append(replace(rep, legs=tuple(self._leg(rep, leg, mine) for leg in rep.legs)))
            worth = Decimal(rates.get(rep.currency, "1"))
            counted += [replace(part, amount=round_half_up(part.amount * worth)) for part in mine]
            expected.add(found[-1], float(worth))
        known = {rep.rep_key for rep in reps}
        strangers = sum(len(parts) for rep, parts in self._parts.items() if rep not in known)
        left_out["open deals of owners who are not simulated here"] += strangers
        notes = self._notes(found, counted, left_out, expected)
        return PipelineView(tuple(found), tuple(notes), _cells(counted))

    def convert(self, amount: Decimal, source: object, target: str, on: date) -> Decimal | None:
        """`amount` in `target` at the rate of that day; a deal without a currency is in the tenant's."""
        return self._exchange.convert(amount, source or self._currency, target, on)

    def _open_parts(
        self, deals: Sequence[DealRecord], credited: Mapping[object, Sequence[Row]]
    ) -> dict[str, list[OpenDeal]]:
        parts: dict[str, list[OpenDeal]] = defaultdict(list)
        for deal in deals:
            reason = self._judged(deal, credited.get(deal.opportunity_key, ()), parts)
            if reason:
                self._left_out[reason] += 1
        return parts

    def _judged(
        self, deal: DealRecord, credits: Sequence[Row], parts: dict[str, list[OpenDeal]]
    ) -> str | None:
        """Add the deal to its reps; the reason when it cannot be forecast."""
        state = deal.states[-1] if deal.states else None
        amount = state.amount if state else deal.amount
        if amount is None or amount <= 0:
            return "open deals without an amount above 0"
        if not deal.owner and not credits:
            return "open deals without an owner"
        age = None if deal.created is None else (self._horizon.as_of - deal.created).days
        stage = state.stage if state else None
        rate = self._rates.of(stage, age, state.probability if state else None)
        closing = self._dates.of(stage, age, state.close_date if state else None)
        if rate is None:
            return "open deals with no history and no probability"
        if closing is None:
            return "open deals with no history and no close date"
        probability = state.probability if rate.rate is None else rate.rate
        for rep, part in self._split(deal, amount, credits):
            parts[rep].append(OpenDeal(deal, part, rate, probability, closing))
        return None

    def _split(self, deal: DealRecord, amount: Decimal, credits: Sequence[Row]) -> list[tuple[str, Decimal]]:
        """(rep, part) of what a deal will still be credited with."""
        so_far: dict[str, Decimal] = defaultdict(lambda: ZERO)
        code = str(deal.currency or self._currency)
        for credit in credits:
            known = self.convert(credit["amount"], credit.get("currency"), code, self._horizon.as_of)
            if known is not None and known > 0:
                so_far[str(credit["rep_key"])] += known
        left = amount - sum(so_far.values(), ZERO)
        if not so_far:
            return [(deal.owner, amount)]
        if left <= 0:
            self._left_out["open deals that are credited in full already"] += 1
            return []
        reps = sorted(so_far)
        return list(zip(reps, allocate(left, [so_far[rep] for rep in reps]), strict=True))

    def _of_rep(self, rep: RepInput, code: str, left_out: Counter[str]) -> list[OpenDeal]:
        """The rep's deals in the rep's currency; what cannot be counted is added to `left_out`."""
        parts = self._parts.get(rep.rep_key, [])
        if not any(line.measure == REVENUE for line in rep.lines):
            left_out["open deals of reps who are not measured by revenue"] += len(parts)
            return []
        mine = []
        for part in parts:
            amount = self.convert(part.amount, part.record.currency, code, self._horizon.as_of)
            if amount is None:
                left_out[f"open deals in {part.record.currency} without an exchange rate to {code}"] += 1
            else:
                mine.append(replace(part, amount=amount))
        return mine

    def _leg(self, rep: RepInput, leg: Leg, mine: Sequence[OpenDeal]) -> Leg:
        lines = tuple(
            self._line(rep, leg, line, mine) if line.measure == REVENUE else line for line in leg.lines
        )
        return replace(leg, lines=lines)

    def _line(self, rep: RepInput, leg: Leg, line: Line, mine: Sequence[OpenDeal]) -> Line:
        windows = self._windows(rep.rep_key, date.fromisoformat(leg.start), date.fromisoformat(leg.end))
        share = self._new.share(rep.role, windows)
        days = [date.fromisoformat(point.date) for point in line.path]
        marginal = Marginal("constant", 0.0, 0.0)
        if share > 0:
            marginal = line.marginal
            if line.remaining_months > 0:
                months = line.remaining_months
                marginal = marginal.remaining(months * share, months).scaled(share)
        path: list[PathPoint] = [
            replace(point, new_share=self._new.share(rep.role, _until(windows, day)))
            for point, day in zip(line.path, days, strict=True)
        ]
        deals = (self._deal(part, windows, days) for part in mine)
        return replace(
            line,
            marginal=marginal,
            new_share=share,
            path=tuple(path),
            deals=tuple(deal for deal in deals if deal.chance > 0),
        )

    def _windows(self, rep_key: str, start: date, end: date) -> tuple[tuple[date, date], ...]:
        """The days after `as_of` on which a credit of the rep counts inside a leg."""
        first = max(self._horizon.next_day, start)
        inside = (
            (max(row["period_start"], first), min(row["period_end"], end))
            for row in self._quotas.get(rep_key, ())
            if (row.get("measure") or REVENUE) == REVENUE
        )
        return tuple(sorted((a, b) for a, b in inside if a < b))

    def _deal(self, part: OpenDeal, windows: Windows, month_ends: Sequence[date]) -> Deal:
        begins = windows[0][0] if windows else self._horizon.next_day
        chance, *path = part.closing.shares_until(windows, [self._horizon.end, *month_ends])
        return Deal(
            opportunity_key=part.record.opportunity_key,
            amount=part.amount,
            probability=part.probability,
            chance=chance,
            earlier=part.closing.share(self._horizon.as_of + DAY, begins),
            spread=self._spread,
            is_correlated=self._rules.correlated,
            path=tuple(path),
        )

    def _notes(
        self,
        reps: Sequence[RepInput],
        counted: Sequence[OpenDeal],
        left_out: Mapping[str, int],
        expected: _Expected,
    ) -> list[str]:
        summary = (
            f"pipeline mode: {len(counted)} open deals, judged by {self._closed_count} closed ones; expected inside"
            f" the quota windows {expected.deals:,.0f} from them and {expected.new:,.0f} from deals not created yet"
        )
        notes = [summary, self._new.note]
        if self._rules.amount_spread is None:
            notes.append(
                f"amounts won vary around those stated with a standard deviation of {self._spread:.1%}"
                f" ({self._spread_count} stages of won deals)"
            )
        sources = Counter(part.closing.source for part in counted)
        notes += [f"{count} close dates: {source}" for source, count in sorted(sources.items())]
        others = Counter(line.measure for rep in reps for line in rep.lines if line.measure != REVENUE)
        notes += [
            f"{measure}: no deals are credited to it, so its {count} lines stay in attainment mode"
            for measure, count in sorted(others.items())
        ]
        return notes + [
            f"{count} {reason} are left out" for reason, count in sorted(left_out.items()) if count
        ]


def _cells(counted: Sequence[OpenDeal]) -> tuple[Mapping[str, object], ...]:
    """One row per stage, age band and source of the open deals, with how many and how much they are."""
    found: dict[WinRate, list[OpenDeal]] = defaultdict(list)
    for part in counted:
        found[part.rate].append(part)
    ordered = sorted(found, key=lambda rate: (rate.stage, rate.age_band, rate.source))
    return tuple(
        {
            **asdict(rate),
            "open_count": len(found[rate]),
            "open_amount": str(sum((part.amount for part in found[rate]), ZERO)),
            "expected_amount": sum(float(part.amount) * part.probability for part in found[rate]),
        }
        for rate in ordered
    )


def _until(windows: Windows, day: date) -> Windows:
    """The parts of `windows` up to and with `day`."""
    return tuple((a, min(b, day + DAY)) for a, b in windows if a <= day)
