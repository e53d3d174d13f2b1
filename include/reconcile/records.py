"""What reconcile reads and writes, as frozen values. Amounts are Decimal with four places."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from include.money import ZERO
from include.reconcile.decision_records import ClaimDecision, DecisionResult
from include.reconcile.outcomes import Outcome

#: A window nobody stated, or one that ends before it begins, is put where no claim can be near it.
NO_WINDOW = date(9000, 1, 1)


@dataclass(frozen=True, slots=True)
class Promotion:
    """A promotion as planned; `window_*` are the dates of its tactic (resolution C36), both inclusive.

    `planned_amount` None = unknown: never settled automatically. `earned_amount` is what performance data
    authorises, None until the window is closed and its weeks are complete (resolution C9).
    """

    promotion_key: str
    customer_key: str
    status: str
    tactic_type: str
    currency: str
    window_start: date
    window_end: date
    planned_amount: Decimal | None
    approved_date: date | None
    promotion_id: str | None = None
    fund_key: str | None = None
    settlement_method: str | None = None
    closed_date: date | None = None
    accrual_method: str = "full_on_approval"
    gl_account_code: str | None = None
    accrual_account_code: str | None = None
    is_off_invoice: bool = False
    earned_amount: Decimal | None = None
    product_keys: frozenset[str] = frozenset()

    @property
    def has_window(self) -> bool:
        """Whether its dates say anything: both stated, in order."""
        return self.window_start <= self.window_end < NO_WINDOW

    @property
    def authorised_amount(self) -> Decimal | None:
        """What may be settled against it: earned where known, else planned."""
        return self.planned_amount if self.earned_amount is None else self.earned_amount


@dataclass(frozen=True, slots=True)
class Deduction:
    """Money a retailer kept (positive) or paid back (negative, with `reversal_of`)."""

    deduction_key: str
    customer_key: str
    amount: Decimal
    currency: str
    posting_date: date
    reason_code_normalized: str | None = None
    invoice_ref: str | None = None
    check_ref: str | None = None
    promotion_id: str | None = None
    reversal_of: str | None = None
    dispute_deadline: date | None = None
    product_keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ApPayment:
    """A payment to a retailer through accounts payable; a negative one voids an earlier one."""

    payment_key: str
    customer_key: str
    account_code: str
    amount: Decimal
    currency: str
    payment_date: date
    promotion_id: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """A closed fiscal period, both dates inclusive."""

    start_date: date
    end_date: date


@dataclass(frozen=True, slots=True)
class FiscalPeriod:
    """A period of the fiscal calendar, both dates inclusive."""

    start_date: date
    end_date: date
    is_closed: bool


@dataclass(frozen=True, slots=True)
class Performance:
    """Units shipped or scanned on a promotion in its window up to `performed_on`, and what they are worth.

    `tempered_amount` is the amount after the forward-buy factor of its product groups and months.
    """

    promotion_key: str
    source: str
    performed_on: date
    units: Decimal
    amount: Decimal
    tempered_amount: Decimal


@dataclass(frozen=True, slots=True)
class Fund:
    """An envelope of trade money; `overdraw_pct` of the budget may be committed beyond it (C53)."""

    fund_key: str
    total_budget: Decimal
    currency: str
    overdraw_pct: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A commercial status the source says a promotion took on a day."""

    promotion_key: str
    changed_on: date
    status: str


@dataclass(frozen=True)
class Inputs:
    """Everything an evaluation reads. `parents` maps a customer to its parent; a root maps to None.

    `proofs` are the first dates a proof of performance was received, by promotion. `legal_moves` are the
    moves of the commercial status that may be made, as (from, to); without any, every move may.
    `closed_periods` are the ERP's; `closed_through` is the last day of what we have closed ourselves: it moves postings and decides nothing.
    """

    promotions: tuple[Promotion, ...]
    deductions: tuple[Deduction, ...]
    parents: dict[str, str | None]
    ap_payments: tuple[ApPayment, ...] = ()
    proofs: dict[str, date] = field(default_factory=dict)
    closed_periods: tuple[ClosedPeriod, ...] = ()
    performance: tuple[Performance, ...] = ()
    funds: tuple[Fund, ...] = ()
    status_changes: tuple[StatusChange, ...] = ()
    legal_moves: tuple[tuple[str, str], ...] = ()
    decisions: tuple[ClaimDecision, ...] = ()
    closed_through: date | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The decision on one deduction or voucher. The buckets and `amount_open` sum to `amount`.

    `decided_by` and `decided_at` name the person who decided last, None where the engine alone did.
    `is_not_duplicate`: a person has cleared the suspicion.
    """

    claim_id: UUID
    source_kind: str
    source_key: str
    customer_key: str
    amount: Decimal
    currency: str
    posting_date: date
    outcome: Outcome
    reason: str
    reason_code_normalized: str | None = None
    dispute_status: str | None = None
    amount_settled: Decimal = ZERO
    amount_disputed: Decimal = ZERO
    amount_recovered: Decimal = ZERO
    amount_written_off: Decimal = ZERO
    amount_non_trade: Decimal = ZERO
    score: Decimal | None = None
    evidence: Decimal | None = None
    auto_cleared: bool = False
    audit_flag: bool = False
    late_after_release: bool = False
    promotion_key: str | None = None
    reversal_of: str | None = None
    duplicate_of: UUID | None = None
    dispute_deadline: date | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    is_not_duplicate: bool = False

    @property
    def amount_open(self) -> Decimal:
        """What nobody has decided yet."""
        return (
            self.amount
            - self.amount_settled
            - self.amount_disputed
            - self.amount_recovered
            - self.amount_written_off
            - self.amount_non_trade
        )


@dataclass(frozen=True, slots=True)
class MatchCandidate:
    """One promotion considered for a claim; `parts` says how its score came about."""

    claim_id: UUID
    promotion_key: str
    score: Decimal
    evidence: Decimal
    rank: int
    parts: dict[str, object]
    chosen: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One side of one account."""

    account_code: str
    debit_amount: Decimal
    credit_amount: Decimal


@dataclass(frozen=True, slots=True)
class Journal:
    """A business event in double entry. A Failed one carries its message and no lines."""

    journal_id: UUID
    event: str
    generation: int
    currency: str
    posting_date: date
    original_posting_date: date
    posted_by: str
    promotion_key: str | None
    claim_id: UUID | None
    lines: tuple[Line, ...]
    status: str = "Posted"
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one claim takes from one promotion. Draft = proposed, not counted; Reversed = negative amount."""

    settlement_id: UUID
    claim_id: UUID
    promotion_key: str
    amount_settled: Decimal
    currency: str
    status: str
    settled_as_of: date
    audit_flag: bool = False
    late_after_release: bool = False
    reverses_settlement_id: UUID | None = None
    gl_posting: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Movement:
    """A signed movement of a promotion's accrued liability: accrued, reversed or released."""

    movement_id: UUID
    promotion_key: str
    movement: str
    amount: Decimal
    currency: str
    movement_date: date
    journal_id: UUID
    claim_id: UUID | None
    accrual_method: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The ledger's state at a change of a settlement, chained to the one before."""

    sequence: int
    settlement_id: UUID
    change: str
    payload: str
    previous_hash: str
    hash: str


#: Questions that an answer about the claim itself does not close.
LASTING_TASKS = frozenset({"AMOUNT_CHANGED", "APPROVAL_NEEDED", "DECISION_REFUSED", "ERP_REFUSED"})


@dataclass(frozen=True, slots=True)
class Task:
    """A question for a person, with what the engine would propose."""

    task_id: UUID
    task_type: str
    amount: Decimal
    currency: str
    detail: str
    claim_id: UUID | None = None
    promotion_key: str | None = None
    due_date: date | None = None
    proposal: dict[str, object] = field(default_factory=dict)
    status: str = "open"


@dataclass(frozen=True, slots=True)
class PromotionState:
    """A promotion's financial life cycle as the ledger knows it.

    `approved_amount` and `approved_date` are the plan that was agreed; `refused_by` says who refused a Failed
    one: closed_period, fund or erp.
    """

    promotion_key: str
    lifecycle_status: str
    accrual_method: str
    currency: str
    accrual_date: date | None = None
    released_date: date | None = None
    message: str | None = None
    approved_amount: Decimal | None = None
    approved_date: date | None = None
    refused_by: str | None = None


@dataclass(frozen=True, slots=True)
class StatusMove:
    """A move of a promotion's commercial status as the ledger saw it; one that is not legal moves no money."""

    promotion_key: str
    sequence: int
    from_status: str | None
    to_status: str
    is_legal: bool
    moved_on: date


@dataclass(frozen=True, slots=True)
class MethodAmount:
    """What one accrual method would have recognised of a promotion so far, and whether it is the one applied."""

    promotion_key: str
    accrual_method: str
    amount: Decimal
    currency: str
    is_applied: bool
    units: Decimal | None = None
    accrual_factor: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PromotionAccounts:
    """The accounts of all journals of a promotion, decided by its first posting."""

    promotion_key: str
    expense: str
    accrued: str


@dataclass
class Changes:
    """What one step adds to the ledger; the flow commits whole steps only."""

    claims: list[Claim] = field(default_factory=list)
    candidates: list[MatchCandidate] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    journals: list[Journal] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    states: list[PromotionState] = field(default_factory=list)
    accounts: list[PromotionAccounts] = field(default_factory=list)
    moves: list[StatusMove] = field(default_factory=list)
    methods: list[MethodAmount] = field(default_factory=list)
    #: Claims decided in this step, whose earlier candidates no longer hold.
    evaluated: list[UUID] = field(default_factory=list)
    #: Claims whose open questions other than `tasks` are answered.
    answered: list[UUID] = field(default_factory=list)
    #: Single questions that are answered, whatever else is asked about their claim.
    closed_tasks: list[UUID] = field(default_factory=list)
    decisions: list[DecisionResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._asked: dict[UUID, list[int]] = {}

    def extend(self, other: Changes) -> None:
        """Add the rows of a later step; a question that it answers is written as closed, whatever the batch."""
        for number in (*other.answered, *other.closed_tasks):
            for place in self._asked.get(number, ()):
                task = self.tasks[place]
                if task.task_id == number or task.task_type not in LASTING_TASKS:
                    self.tasks[place] = replace(task, status="closed")
        for place, task in enumerate(other.tasks, start=len(self.tasks)):
            self._asked.setdefault(task.task_id, []).append(place)
            if task.claim_id is not None:
                self._asked.setdefault(task.claim_id, []).append(place)
        for member in fields(self):
            getattr(self, member.name).extend(getattr(other, member.name))
