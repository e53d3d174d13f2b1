"""The match rule asked again about claims whose answer is known, before it may clear claims without a person.

Each decided claim is put before the engine as it stood on the day it was decided: promotions as known then,
with what the claims decided before it had left of them. The books move by the true answer, never by the
engine's, so that one wrong answer does not spoil the next. The score of its proposal is then compared with
what came of the claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import groupby
from math import sqrt

from include.money import ZERO
from include.reconcile import claims
from include.reconcile.desk import Desk, claim_id
from include.reconcile.engine import known_by
from include.reconcile.ledger import LedgerState
from include.reconcile.outcomes import Outcome
from include.reconcile.records import Changes, Claim, Deduction, Inputs
from include.reconcile.rules import Rules
from include.reconcile.search import Search

#: Lower ends of the score bands.
BANDS = tuple(Decimal(x) for x in ("0", "0.5", "0.6", "0.7", "0.8", "0.9"))
_THRESHOLDS = tuple(Decimal(x) for x in ("0.80", "0.85", "0.90", "0.95", "1"))
#: Two-sided 95%.
_Z = 1.959964
_RATE = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Decided:
    """A deduction whose answer is known: what it settled by promotion (nothing = no promotion owed it), and who says so.

    `source`: person (a decision of somebody), stood (settled and never undone), undone (paid back or disputed).
    """

    deduction_key: str
    decided_on: date
    settled: Mapping[str, Decimal]
    source: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the rule would have said: the promotions it proposes, its score, whether it would have settled in full."""

    deduction_key: str
    amount: Decimal
    currency: str
    source: str
    score: Decimal | None
    evidence: Decimal | None
    proposed: frozenset[str]
    is_settled: bool
    is_confirmed: bool
    is_owed: bool


@dataclass(frozen=True, slots=True)
class Band:
    """Claims whose best proposal scored from `low` to below `high` in one currency, and how many were confirmed."""

    low: Decimal
    high: Decimal
    currency: str
    claims: int
    confirmed: int
    by_person: int
    amount: Decimal
    rate_low: Decimal
    rate_high: Decimal

    @property
    def wrong(self) -> int:
        """Proposals that were not what came of the claim."""
        return self.claims - self.confirmed

    @property
    def rate(self) -> Decimal:
        """The share that was confirmed."""
        return _share(self.confirmed, self.claims)


@dataclass(frozen=True, slots=True)
class Threshold:
    """What clearing at `clear_score` would have done; recall is over the claims that were owed."""

    clear_score: Decimal
    cleared: int
    confirmed: int
    owed: int
    is_present_rule: bool

    @property
    def precision(self) -> Decimal | None:
        """Of what would have been cleared, the share that was right; None when nothing would have been."""
        return _share(self.confirmed, self.cleared) if self.cleared else None

    @property
    def recall(self) -> Decimal | None:
        """Of what was owed, the share that would have been cleared; None when nothing was owed."""
        return _share(self.confirmed, self.owed) if self.owed else None


@dataclass(frozen=True)
class Backtest:
    """The reliability table of a rule over decided claims."""

    rule_version: str
    claims: int
    bands: tuple[Band, ...]
    thresholds: tuple[Threshold, ...]

    @property
    def present(self) -> Threshold:
        """The rule as it stands."""
        return next(row for row in self.thresholds if row.is_present_rule)


def backtest(tenant: str, inputs: Inputs, decided: Sequence[Decided], rules: Rules) -> Backtest:
    """Replay the decided deductions through the rules and say how reliable their scores were."""
    replayed = list(replay(tenant, inputs, decided, rules))
    return Backtest(rules.version, len(replayed), tuple(bands(replayed)), tuple(thresholds(replayed, rules)))


def replay(tenant: str, inputs: Inputs, decided: Sequence[Decided], rules: Rules) -> Iterator[Replayed]:
    """What the rules would have said of each decided deduction, in the order they were decided."""
    # Postings play no part in a score, so no period is closed here.
    inputs = replace(inputs, closed_periods=())
    known = {d.deduction_key: d for d in inputs.deductions if d.amount > 0}
    rows = [row for row in decided if row.deduction_key in known]
    rows.sort(key=lambda row: (row.decided_on, known[row.deduction_key].posting_date, row.deduction_key))
    state = LedgerState()
    for day, group in groupby(rows, key=lambda row: row.decided_on):
        desk = Desk.open(tenant, _not_repaid(known_by(inputs, day)), state, day, rules)
        of_day = [row for row in group if row.deduction_key in desk.deductions]
        search = Search(desk).pool([desk.deductions[row.deduction_key] for row in of_day])
        for row in of_day:
            d = desk.deductions[row.deduction_key]
            changes = claims.evaluate(desk, d, search)
            yield _compared(desk, d, row, changes)
            _take_back(desk, changes)
            _book(desk, d, row)


def _not_repaid(inputs: Inputs) -> Inputs:
    """A repayment is part of the answer: when the claim was decided, nobody had paid it back."""
    return replace(inputs, deductions=tuple(d for d in inputs.deductions if d.amount > 0))


def _compared(desk: Desk, d: Deduction, row: Decided, changes: Changes) -> Replayed:
    claim = desk.state.claims[claim_id(desk.tenant, "deduction", d.deduction_key)]
    shown = [c for c in changes.candidates if "refused" not in c.parts]
    chosen = frozenset(c.promotion_key for c in shown if c.chosen)
    proposed = chosen or frozenset(c.promotion_key for c in shown if c.rank == 1)
    owed = frozenset(key for key, amount in row.settled.items() if amount > 0)
    return Replayed(
        d.deduction_key,
        d.amount,
        d.currency,
        row.source,
        claim.score,
        claim.evidence,
        proposed,
        claim.amount_settled == d.amount,
        bool(proposed) and proposed <= owed,
        bool(owed),
    )


def _take_back(desk: Desk, changes: Changes) -> None:
    for settlement in changes.settlements:
        if settlement.status != "Draft":
            desk.state.settled[settlement.promotion_key] -= settlement.amount_settled
        desk.state.settlements.pop(settlement.settlement_id, None)
    desk.state.settlements_of.clear()


def _book(desk: Desk, d: Deduction, row: Decided) -> None:
    """The true answer, so that the next claim meets what was really left."""
    for key, amount in row.settled.items():
        desk.state.settled[key] += amount
    number = claim_id(desk.tenant, "deduction", d.deduction_key)
    settled = min(d.amount, sum(row.settled.values(), ZERO))
    first = min(row.settled, default=None)
    desk.state.claims[number] = Claim(
        number, "deduction", d.deduction_key, d.customer_key, d.amount, d.currency, d.posting_date,
        Outcome.SETTLED if settled == d.amount else Outcome.SETTLED_EXCESS_DISPUTED, "as it was decided",
        amount_settled=settled, amount_disputed=d.amount - settled, promotion_key=first,
    )  # fmt: skip
    desk.duplicates.note(d, first)


def bands(replayed: Iterable[Replayed]) -> Iterator[Band]:
    """The reliability table: per score band and currency, how many proposals were confirmed."""
    rows = [row for row in replayed if row.score is not None and row.proposed]
    for low, high in zip(BANDS, (*BANDS[1:], Decimal(1)), strict=True):
        for currency in sorted({row.currency for row in rows}):
            inside = [row for row in rows if row.currency == currency and low <= row.score]
            inside = [row for row in inside if row.score < high or high == 1]
            if not inside:
                continue
            confirmed = sum(row.is_confirmed for row in inside)
            by_person = sum(row.source == "person" for row in inside)
            amount = sum((row.amount for row in inside), ZERO)
            yield Band(
                low,
                high,
                currency,
                len(inside),
                confirmed,
                by_person,
                amount,
                *wilson(confirmed, len(inside)),
            )


def thresholds(replayed: Sequence[Replayed], rules: Rules) -> Iterator[Threshold]:
    """What clearing at the usual thresholds and at the rule's own would have done."""
    owed = sum(row.is_owed for row in replayed)
    for clear_score in sorted({*_THRESHOLDS, rules.clear_score}):
        cleared = [row for row in replayed if _is_cleared(row, clear_score, rules)]
        confirmed = sum(row.is_confirmed for row in cleared)
        yield Threshold(clear_score, len(cleared), confirmed, owed, clear_score == rules.clear_score)


def _is_cleared(row: Replayed, clear_score: Decimal, rules: Rules) -> bool:
    return (
        row.is_settled
        and row.score is not None
        and row.score >= clear_score
        and row.evidence >= rules.clear_evidence
        and row.amount <= rules.clear_limit
    )


def wilson(confirmed: int, claims: int) -> tuple[Decimal, Decimal]:
    """The 95% interval of a share by Wilson's score; (0, 1) when there is nothing to go by."""
    if not claims:
        return Decimal(0), Decimal(1)
    share, square = confirmed / claims, _Z * _Z
    middle = share + square / (2 * claims)
    spread = _Z * sqrt(share * (1 - share) / claims + square / (4 * claims * claims))
    ends = ((middle - spread) / (1 + square / claims), (middle + spread) / (1 + square / claims))
    low, high = (Decimal(min(max(end, 0.0), 1.0)).quantize(_RATE) for end in ends)
    return low, high


def _share(part: int, whole: int) -> Decimal:
    return (Decimal(part) / whole).quantize(_RATE)
