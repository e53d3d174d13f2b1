"""The trade sub-ledger in memory: what the tables say is decided and posted so far."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from include.money import ZERO
from include.reconcile.decision_records import DecisionResult
from include.reconcile.evidence import FIRST
from include.reconcile.records import Claim, MethodAmount, PromotionAccounts, PromotionState, Settlement

#: Settlement statuses that count as settled; a Draft is a proposal, a Failed one was withdrawn.
COUNTED = frozenset({"Queued", "Posted to ERP", "Reversed"})


def _amounts() -> dict:
    return defaultdict(lambda: ZERO)


@dataclass(frozen=True, slots=True)
class KnownStatus:
    """A promotion's last accepted commercial status, the moves counted so far, and the status refused since."""

    accepted: str
    sequence: int
    through: date
    refused: str | None = None


@dataclass
class LedgerState:
    """What is posted: claims, settlements, per-promotion totals, account balances, the snapshot chain's head.

    `evaluated` are claims decided under the present inputs, rules and date; they are not asked again. `tasks`
    are the ids of questions put already; `opened` claims this very run has opened, before it was broken off.
    `cutover_date` is where the ledger began, if it took running books over; `settled_by` is what each (claim, promotion) has settled net of reversals, `reversed_by` the accrual it has
    reversed; `receipts` what the ERP has booked to clearing per claim; `generations` counts journals per
    (promotion, claim, event). `booked` are the accounts of the promotions that have a posting. `statuses` are the
    commercial statuses as followed so far; `asked` the promotions whose state was written under the present
    inputs, rules and date; `methods` what each accrual method stood at; `questions` the open tasks about
    promotions, by promotion and type. `cash` is the cash recovered per claim, `answers` the latest result of each
    decision by key and content; `refusals` the questions about refused decisions that stand open.
    """

    claims: dict[UUID, Claim] = field(default_factory=dict)
    evaluated: set[UUID] = field(default_factory=set)
    opened: set[UUID] = field(default_factory=set)
    settlements: dict[UUID, Settlement] = field(default_factory=dict)
    settlements_of: dict[UUID, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    tasks: set[UUID] = field(default_factory=set)
    states: dict[str, PromotionState] = field(default_factory=dict)
    accrued: dict[str, Decimal] = field(default_factory=_amounts)
    reversed: dict[str, Decimal] = field(default_factory=_amounts)
    released: dict[str, Decimal] = field(default_factory=_amounts)
    settled: dict[str, Decimal] = field(default_factory=_amounts)
    settled_by: dict[tuple[UUID, str], Decimal] = field(default_factory=_amounts)
    reversed_by: dict[tuple[UUID, str], Decimal] = field(default_factory=_amounts)
    receipts: dict[UUID, Decimal] = field(default_factory=_amounts)
    generations: dict[tuple, int] = field(default_factory=lambda: defaultdict(int))
    balances: dict[tuple[str, str], Decimal] = field(default_factory=_amounts)
    cash: dict[UUID, Decimal] = field(default_factory=_amounts)
    answers: dict[str, dict[str, DecisionResult]] = field(default_factory=lambda: defaultdict(dict))
    refusals: set[UUID] = field(default_factory=set)
    chain_head: tuple[int, str] = (0, FIRST)
    cutover_date: date | None = None
    #: Why nothing is cleared without a person although the rules would: no back-test of them stands.
    clearing_withheld: str | None = None
    booked: dict[str, PromotionAccounts] = field(default_factory=dict)
    statuses: dict[str, KnownStatus] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    methods: dict[tuple[str, str], MethodAmount] = field(default_factory=dict)
    questions: dict[tuple[str, str], set[UUID]] = field(default_factory=dict)

    def add_settlement(self, row: Settlement) -> None:
        """Keep a new or changed settlement row."""
        if row.settlement_id not in self.settlements:
            self.settlements_of[row.claim_id].append(row.settlement_id)
        self.settlements[row.settlement_id] = row

    def standing(self, claim_id: UUID) -> list[tuple[Settlement, Decimal]]:
        """Settlements of a claim that are not wholly reversed, with what is left of each, the last promotion first."""
        rows = [self.settlements[number] for number in self.settlements_of[claim_id]]
        left = {row.settlement_id: row.amount_settled for row in rows if row.status in COUNTED}
        for row in rows:
            if row.reverses_settlement_id is not None:
                left[row.reverses_settlement_id] += left.pop(row.settlement_id)
        standing = [(row, left[row.settlement_id]) for row in rows if left.get(row.settlement_id)]
        return sorted(standing, key=lambda item: (item[0].promotion_key, item[0].settlement_id), reverse=True)

    def open_accrual(self, promotion_key: str) -> Decimal:
        """Accrued and neither reversed nor released."""
        return self.accrued[promotion_key] - self.reversed[promotion_key] - self.released[promotion_key]

    def is_released(self, promotion_key: str) -> bool:
        """Whether the promotion's residual has been released for good."""
        state = self.states.get(promotion_key)
        return state is not None and state.released_date is not None

    def is_failed(self, promotion_key: str) -> bool:
        """Whether the promotion's accrual was refused."""
        state = self.states.get(promotion_key)
        return state is not None and state.lifecycle_status == "Failed"

    def is_adjustable(self, promotion_key: str) -> bool:
        """Whether the promotion's accrual was posted, stands, and its residual is not released."""
        state = self.states.get(promotion_key)
        begun = state is not None and state.accrual_date is not None and state.released_date is None
        return begun and state.lifecycle_status != "Failed"
