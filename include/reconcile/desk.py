"""What evaluating one claim needs at hand: promotions as known on the business date, books, rules, look-ups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from include.money import ZERO
from include.reconcile.accrue import Recognised, recognised
from include.reconcile.books import Books
from include.reconcile.candidates import refusal
from include.reconcile.decision_records import ClaimDecision
from include.reconcile.duplicates import DuplicateFinder, order
from include.reconcile.hierarchy import CustomerTree
from include.reconcile.journal import accounts_of, booked_as, stable_id
from include.reconcile.ledger import LedgerState
from include.reconcile.outcomes import OPEN_OUTCOMES
from include.reconcile.payments import PaymentBook
from include.reconcile.plans import agreed
from include.reconcile.records import ApPayment, Deduction, Fund, Inputs, Performance, Promotion
from include.reconcile.rules import Rules
from include.reconcile.transitions import Review, review


def as_known(promotion: Promotion, as_of: date) -> Promotion:
    """The promotion as it stood on `as_of`: not yet approved before its approval, still live before its closing."""
    if promotion.approved_date is not None and promotion.approved_date > as_of:
        return replace(promotion, status="Pending Approval", earned_amount=None)
    if promotion.window_end >= as_of and promotion.earned_amount is not None:
        promotion = replace(promotion, earned_amount=None)
    closed_later = promotion.closed_date is not None and promotion.closed_date > as_of
    if promotion.status in {"Closed", "Settled"} and closed_later:
        return replace(promotion, status="Live", closed_date=None)
    return promotion


class Standing(NamedTuple):
    """What a promotion authorises and has left; `open_units` in ten-thousandths. None = nobody knows."""

    settled: Decimal
    authorised: Decimal | None
    open_amount: Decimal | None
    open_units: int | None
    refusal: str | None


def units(amount: Decimal) -> int:
    """An amount in ten-thousandths."""
    return int(amount.scaleb(4))


def claim_id(tenant: str, kind: str, key: str) -> UUID:
    """The id of the claim made from a deduction or an accounts-payable payment."""
    return stable_id(tenant, "CLAIM", kind, key)


@dataclass
class Desk:
    """One evaluation's working set. `closed_message` says why nothing can be posted today, if so.

    Promotions stand in their last accepted status and with the plan that was agreed; `review` says what the
    source made of them since. `due` is what each of them should have accrued by the business date.
    """

    tenant: str
    as_of: date
    rules: Rules
    state: LedgerState
    books: Books
    promotions: tuple[Promotion, ...]
    by_key: dict[str, Promotion]
    number_of: dict[str, int]
    by_id: dict[str, tuple[Promotion, ...]]
    tree: CustomerTree
    proofs: dict[str, date]
    deductions: dict[str, Deduction]
    paid: dict[str, ApPayment]
    decisions: tuple[ClaimDecision, ...]
    repayments: dict[str, tuple[Deduction, ...]]
    duplicates: DuplicateFinder
    payments: PaymentBook
    closed_message: str | None
    #: Whether a match may be cleared without a person looking at it.
    clears: bool
    review: Review
    stated_plans: dict[str, Decimal | None]
    performance: dict[str, tuple[Performance, ...]]
    funds: dict[str, Fund]
    due: dict[str, Recognised]
    #: By claim, the decisions of people that wait about it, each with the reason to give.
    waiting: dict[UUID, dict[str, str]] = field(default_factory=dict)
    _standings: dict[int, Standing] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, tenant: str, inputs: Inputs, state: LedgerState, as_of: date, rules: Rules) -> Desk:
        """The desk for `as_of`; `inputs` hold no row with a later business date."""
        reviewed = _reviewed(tenant, inputs, state, as_of)
        promotions = tuple(
            booked_as(agreed(p, state.states.get(p.promotion_key), rules), state.booked.get(p.promotion_key))
            for p in reviewed.promotions
        )
        accounts = {p.promotion_key: accounts_of(p, rules.accounts) for p in promotions}
        books = Books(
            state,
            tenant=tenant,
            as_of=as_of,
            rules=rules,
            closed=inputs.closed_periods,
            closed_through=inputs.closed_through,
            accounts=accounts,
        )
        performance = _by_promotion(inputs.performance)
        due = _due(promotions, reviewed, performance, as_of, rules)
        books.targets.update((key, target.amount) for key, target in due.items())
        tree = CustomerTree(inputs.parents)
        deductions = {d.deduction_key: d for d in sorted(inputs.deductions, key=order)}
        repayments = _linked(deductions, tree)
        repaid = {
            key
            for key, parts in repayments.items()
            if sum(p.amount for p in parts) == -deductions[key].amount
        }

        def is_decided(d: Deduction) -> bool:
            claim = state.claims.get(claim_id(tenant, "deduction", d.deduction_key))
            return claim is not None and claim.outcome not in OPEN_OUTCOMES

        duplicates = DuplicateFinder(deductions.values(), rules, tree, repaid=repaid, is_decided=is_decided)
        for claim in state.claims.values():
            if claim.source_kind == "deduction" and claim.source_key in deductions:
                duplicates.note(deductions[claim.source_key], claim.promotion_key)
        return cls(
            tenant=tenant,
            as_of=as_of,
            rules=rules,
            state=state,
            books=books,
            promotions=promotions,
            by_key={p.promotion_key: p for p in promotions},
            number_of={p.promotion_key: n for n, p in enumerate(promotions)},
            by_id=_by_id(promotions),
            tree=tree,
            proofs=inputs.proofs,
            deductions=deductions,
            decisions=tuple(sorted(inputs.decisions, key=lambda d: (d.decided_at, d.decision_key))),
            paid={p.payment_key: p for p in inputs.ap_payments},
            repayments=repayments,
            duplicates=duplicates,
            payments=PaymentBook(inputs.ap_payments),
            closed_message=books.posting_date(as_of)[1],
            clears=rules.auto_clear == "on" and not state.clearing_withheld,
            review=reviewed,
            stated_plans={p.promotion_key: p.planned_amount for p in reviewed.promotions},
            performance=performance,
            funds={fund.fund_key: fund for fund in inputs.funds},
            due=due,
        )

    def waits(self, number: UUID) -> str | None:
        """Why the engine settles nothing of a claim: the decisions that wait about it."""
        return "; ".join(why for _, why in sorted(self.waiting.get(number, {}).items())) or None

    def standing(self, number: int) -> Standing:
        """What the promotion at `number` authorises and has left now."""
        settled = self.state.settled.get(self.promotions[number].promotion_key, ZERO)
        held = self._standings.get(number)
        # The total is another object as soon as anything was settled or undone.
        if held is None or held.settled is not settled:
            promotion = self.promotions[number]
            authorised = self.authorised(promotion)
            left = None if authorised is None else max(ZERO, authorised - settled)
            held = Standing(
                settled, authorised, left, None if left is None else units(left), refusal(promotion)
            )
            self._standings[number] = held
        return held

    @cached_property
    def weights_shown(self) -> tuple[str, ...]:
        """The weights of the score's parts as text."""
        return tuple(str(weight) for weight in self.rules.weights)

    def authorised(self, promotion: Promotion) -> Decimal | None:
        """Earned where known, else planned; a plan of nothing or less is an unknown plan."""
        if promotion.earned_amount is not None:
            return max(ZERO, promotion.earned_amount)
        return promotion.planned_amount if promotion.planned_amount and promotion.planned_amount > 0 else None

    def held_back(self, promotions: Iterable[Promotion]) -> str | None:
        """Why one of them pays no claim by itself: its source made a move that is not allowed."""
        for promotion in promotions:
            said = self.review.held.get(promotion.promotion_key)
            if said is not None:
                return (
                    f"{promotion.promotion_key} is {promotion.status} here, but its source says {said}: it pays nothing"
                    " by itself before the source is right again"
                )
        return None

    def has_proof(self, promotion: Promotion) -> bool:
        """Whether a proof of performance had been received by the business date."""
        received = self.proofs.get(promotion.promotion_key)
        return received is not None and received <= self.as_of


def _by_id(promotions: Iterable[Promotion]) -> dict[str, tuple[Promotion, ...]]:
    """Promotions by the id that travels to the ERP; two of one id are both kept, and nobody can tell them apart."""
    found: dict[str, list[Promotion]] = defaultdict(list)
    for promotion in promotions:
        if promotion.promotion_id:
            found[promotion.promotion_id.lower()].append(promotion)
    return {number: tuple(rows) for number, rows in found.items()}


def _reviewed(tenant: str, inputs: Inputs, state: LedgerState, as_of: date) -> Review:
    known = [(p, as_known(p, as_of)) for p in sorted(inputs.promotions, key=lambda p: p.promotion_key)]
    return review(
        tenant,
        [(now, now.status == stated.status) for stated, now in known],
        inputs.status_changes,
        inputs.legal_moves,
        state.statuses,
        state.questions,
        as_of,
    )


def _by_promotion(rows: Iterable[Performance]) -> dict[str, tuple[Performance, ...]]:
    found: dict[str, list[Performance]] = defaultdict(list)
    for row in rows:
        found[row.promotion_key].append(row)
    return {key: tuple(parts) for key, parts in found.items()}


def _due(promotions, reviewed: Review, performance, as_of: date, rules: Rules) -> dict[str, Recognised]:
    due = {}
    for promotion in promotions:
        key = promotion.promotion_key
        target = recognised(promotion, performance.get(key, ()), as_of, rules)
        if target is not None and key not in reviewed.held:
            due[key] = target
    return due


def _linked(deductions: dict[str, Deduction], tree: CustomerTree) -> dict[str, tuple[Deduction, ...]]:
    """Repayments by the deduction they pay back: same currency, related customer, never more than was taken."""
    linked: dict[str, list[Deduction]] = defaultdict(list)
    for d in deductions.values():
        original = deductions.get(d.reversal_of or "")
        if d.amount >= 0 or original is None or original.amount <= 0 or d.currency != original.currency:
            continue
        related = tree.relation(original.customer_key, d.customer_key) is not None
        if related and _total(linked[original.deduction_key]) - d.amount <= original.amount:
            linked[original.deduction_key].append(d)
    return {key: tuple(parts) for key, parts in linked.items() if parts}


def _total(parts: Iterable[Deduction]) -> Decimal:
    return -sum((p.amount for p in parts), ZERO)
