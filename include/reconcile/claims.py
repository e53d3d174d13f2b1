"""One deduction from question to named ending.

The order of the questions is the order of the code: nothing to decide, repaid, the promotion named by the
retailer, not trade, a duplicate, then the match by score. Whatever is not clear ends in an open outcome
with a task for a person; its amount stays open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from include.money import ZERO
from include.reconcile.candidates import MATCHABLE, Candidates
from include.reconcile.decide import Decision, decide
from include.reconcile.desk import Desk, claim_id
from include.reconcile.journal import stable_id
from include.reconcile.outcomes import Outcome
from include.reconcile.records import Changes, Claim, Deduction, MatchCandidate, Promotion, Task
from include.reconcile.score import MICRO, as_decimal
from include.reconcile.settle import within_tolerance
from include.reconcile.weigh import proposal, scored, shown

TASK_OF = {
    Outcome.SETTLED_EXCESS_DISPUTED: "UNAUTHORIZED_DEDUCTION",
    Outcome.DISPUTED: "UNAUTHORIZED_DEDUCTION",
    Outcome.AMBIGUOUS: "CHOOSE_PROMOTION",
    Outcome.NEEDS_REVIEW: "REVIEW_MATCH",
    Outcome.UNMATCHED: "NO_PROMOTION_FOUND",
    Outcome.DUPLICATE_SUSPECT: "POSSIBLE_DUPLICATE",
    Outcome.PROOF_MISSING: "PROOF_OF_PERFORMANCE",
    Outcome.PERIOD_CLOSED: "PERIOD_CLOSED",
    Outcome.PARTLY_DECIDED: "REVIEW_MATCH",
    Outcome.REOPENED: "REVIEW_MATCH",
}


def blank_claim(desk: Desk, d: Deduction) -> Claim:
    """The claim of a deduction before anything is decided; what a person has said about it stays."""
    number = claim_id(desk.tenant, "deduction", d.deduction_key)
    was = desk.state.claims.get(number)
    return Claim(
        claim_id=number,
        source_kind="deduction",
        source_key=d.deduction_key,
        customer_key=d.customer_key,
        amount=d.amount,
        currency=d.currency,
        posting_date=d.posting_date,
        outcome=Outcome.NEEDS_REVIEW,
        reason="",
        reason_code_normalized=d.reason_code_normalized,
        reversal_of=d.reversal_of,
        dispute_deadline=d.dispute_deadline,
        decided_by=was.decided_by if was else None,
        decided_at=was.decided_at if was else None,
        is_not_duplicate=was.is_not_duplicate if was else False,
    )


def undecided(desk: Desk, d: Deduction) -> Claim:
    """The claim of a positive deduction with the repayments known by now counted, nothing else decided."""
    repaid = -sum((part.amount for part in desk.repayments.get(d.deduction_key, ())), ZERO)
    return replace(blank_claim(desk, d), amount_recovered=repaid)


def take_in(desk: Desk, changes: Changes, claim: Claim) -> None:
    """Post the receipt of a deduction and of the repayments that `undecided` has counted."""
    desk.books.receive(changes, claim)
    for repayment in desk.repayments.get(claim.source_key, ()):
        _count_repayment(desk, changes, repayment, claim)


@dataclass(frozen=True)
class Pool:
    """Candidates of some deductions, and the promotions near them that nobody may claim on; `row` finds theirs."""

    found: Candidates
    refused: Candidates
    row: Mapping[str, int]


def evaluate(desk: Desk, d: Deduction, pool: Pool) -> Changes:
    """Decide one positive deduction of the pool."""
    changes = Changes()
    claim = undecided(desk, d)
    take_in(desk, changes, claim)
    if d.amount == 0:
        return finish(desk, changes, claim, Outcome.NEEDS_REVIEW, "the deduction has no amount")
    if claim.amount_open == 0:
        return finish(desk, changes, claim, Outcome.REVERSED, "repaid in full by the retailer")
    if d.promotion_id:
        return _by_reference(desk, changes, claim, d)
    if d.reason_code_normalized in desk.rules.non_trade_reasons:
        claim = replace(claim, amount_non_trade=claim.amount_open)
        return finish(
            desk,
            changes,
            claim,
            Outcome.NON_TRADE,
            f"reason {d.reason_code_normalized} is not trade promotion",
        )
    return _by_score(desk, changes, claim, d, pool)


def finish(
    desk: Desk, changes: Changes, claim: Claim, outcome: Outcome, why: str, proposed: dict | None = None
) -> Changes:
    """Store the engine's ending, ask what is to be asked, and mark the claim as evaluated."""
    changes.evaluated.append(claim.claim_id)
    return conclude(desk, changes, claim, outcome, why, proposed)


def conclude(
    desk: Desk, changes: Changes, claim: Claim, outcome: Outcome, why: str, proposed: dict | None = None
) -> Changes:
    """Store an ending without touching the candidates: they say what the engine saw when it asked."""
    was = desk.state.claims.get(claim.claim_id)
    if was is not None and was.outcome is Outcome.PROOF_MISSING:
        keep = desk.by_key.get(claim.promotion_key or "") if outcome in _FEE_ENDINGS else None
        desk.books.withdraw_drafts(changes, claim, keep)
    claim = replace(claim, outcome=outcome, reason=why)
    if claim.amount_disputed:
        claim = replace(claim, dispute_status="DISPUTED")
    if outcome in TASK_OF:
        changes.tasks.append(task(desk, claim, TASK_OF[outcome], why, proposed))
    changes.answered.append(claim.claim_id)
    changes.claims.append(claim)
    desk.state.claims[claim.claim_id] = claim
    desk.state.evaluated.add(claim.claim_id)
    if claim.source_kind == "deduction" and claim.source_key in desk.deductions:
        desk.duplicates.note(desk.deductions[claim.source_key], claim.promotion_key)
    return changes


def named_by_parts(claim: Claim) -> Outcome:
    """The ending of a claim that a person has decided, by where its amount went."""
    if claim.amount_open:
        return Outcome.PARTLY_DECIDED
    if claim.amount_disputed:
        return Outcome.SETTLED_EXCESS_DISPUTED if claim.amount_settled else Outcome.DISPUTED
    if claim.amount_written_off:
        return Outcome.WRITTEN_OFF
    if claim.amount_settled:
        return Outcome.SETTLED
    return Outcome.NON_TRADE if claim.amount_non_trade else Outcome.RECOVERED


_FEE_ENDINGS = frozenset({Outcome.PROOF_MISSING, Outcome.FIXED_FEE_SETTLED})


def task(desk: Desk, claim: Claim, kind: str, detail: str, proposed: dict | None = None) -> Task:
    """A question about a claim; the same question again is the same task."""
    return Task(
        task_id=stable_id(desk.tenant, claim.claim_id, "TASK", kind),
        task_type=kind,
        amount=claim.amount_disputed or claim.amount_open,
        currency=claim.currency,
        detail=detail,
        claim_id=claim.claim_id,
        promotion_key=claim.promotion_key,
        due_date=claim.dispute_deadline,
        proposal=proposed or {},
    )


def _count_repayment(desk: Desk, changes: Changes, repayment: Deduction, original: Claim) -> None:
    """The repayment's own claim, decided together with the deduction it pays back, in one step."""
    claim = blank_claim(desk, repayment)
    if desk.state.claims.get(claim.claim_id, claim).outcome is Outcome.REVERSED:
        return
    desk.books.receive(changes, claim)
    claim = replace(claim, amount_recovered=repayment.amount)
    finish(desk, changes, claim, Outcome.REVERSED, f"repays {original.source_key}")


def _by_reference(desk: Desk, changes: Changes, claim: Claim, d: Deduction) -> Changes:
    """The deduction names its promotion: score and evidence 1, if the rest does not contradict it."""
    named = desk.by_id.get(d.promotion_id.lower(), ())
    refusal = _reference_refusal(desk, d, named)
    if refusal:
        return finish(desk, changes, claim, Outcome.NEEDS_REVIEW, refusal)
    promotion = named[0]
    claim = replace(
        claim, promotion_key=promotion.promotion_key, score=as_decimal(MICRO), evidence=as_decimal(MICRO)
    )
    changes.candidates.append(
        MatchCandidate(
            claim.claim_id,
            promotion.promotion_key,
            as_decimal(MICRO),
            as_decimal(MICRO),
            1,
            {"matched_by": "promotion_id", "promotion_id": d.promotion_id, "why": "the deduction names it"},
            True,
        )
    )
    duplicate = None if claim.is_not_duplicate else desk.duplicates.by_document(d)
    if duplicate:
        return _suspect(desk, changes, claim, *duplicate)
    why = "the deduction names the promotion"
    decision = Decision(
        "single", ((desk.number_of[promotion.promotion_key], claim.amount_open),), MICRO, MICRO, why
    )
    return _accept(desk, changes, claim, d, decision)


def _reference_refusal(desk: Desk, d: Deduction, named: Sequence[Promotion]) -> str | None:
    """Why the named promotion cannot simply be taken at its word."""
    if not named:
        return f"it names promotion {d.promotion_id}, which does not exist"
    if len(named) > 1:
        return f"it names promotion {d.promotion_id}, and {', '.join(p.promotion_key for p in named)} have that id"
    promotion = named[0]
    if desk.tree.relation(promotion.customer_key, d.customer_key) not in {"same", "descendant", "ancestor"}:
        return f"it names a promotion of {promotion.customer_key}, whose tree {d.customer_key} is not in"
    if promotion.currency != d.currency:
        return f"it names a promotion in {promotion.currency}, but is in {d.currency}"
    if promotion.status not in MATCHABLE:
        return f"it names a promotion that is {promotion.status}"
    if promotion.is_off_invoice:
        return "it names an off-invoice promotion, whose discount was on the invoice already"
    if d.reason_code_normalized in desk.rules.non_trade_reasons:
        return f"it names a promotion, but its reason is {d.reason_code_normalized}"
    if desk.authorised(promotion) is None:
        return "it names a promotion whose planned amount is unknown or nothing"
    if promotion.has_window and promotion.window_start - d.posting_date > timedelta(
        desk.rules.days_before_window
    ):
        return f"it names a promotion that begins on {promotion.window_start}, long after it was taken"
    return None


def _by_score(desk: Desk, changes: Changes, claim: Claim, d: Deduction, pool: Pool) -> Changes:
    row = pool.row[d.deduction_key]
    candidates = scored(desk, claim.amount_open, d, pool.found, pool.found.of(row))
    refused = scored(desk, claim.amount_open, d, pool.refused, pool.refused.of(row))
    decision = decide(claim.amount_open, d.reason_code_normalized, candidates, desk.rules, refused)
    decision = _not_before_approval(desk, d, decision)
    changes.candidates.extend(shown(desk, claim, d, candidates, refused, decision))
    if candidates:
        claim = replace(claim, score=as_decimal(decision.score), evidence=as_decimal(decision.evidence))
    duplicate = None if claim.is_not_duplicate else desk.duplicates.by_document(d)
    if duplicate:
        return _suspect(desk, changes, claim, *duplicate)
    if decision.chosen:
        return _accept(desk, changes, claim, d, decision)
    outcome = {
        "ambiguous": Outcome.AMBIGUOUS,
        "weak": Outcome.NEEDS_REVIEW,
        "refused": Outcome.NEEDS_REVIEW,
        "none": Outcome.UNMATCHED,
    }[decision.kind]
    why = decision.why
    if not candidates and decision.kind == "none" and desk.tree.left(d.customer_key) is None:
        why = f"its customer {d.customer_key} is not in the customer hierarchy"
    return finish(desk, changes, claim, outcome, why, proposal(claim, d, candidates, desk))


def _not_before_approval(desk: Desk, d: Deduction, decision: Decision) -> Decision:
    """Money taken before its promotion was approved was not taken on the strength of it: a person decides."""
    early = [p for p in (desk.promotions[n] for n, _ in decision.chosen) if p.approved_date is not None]
    early = [p for p in early if d.posting_date < p.approved_date]
    if not early or desk.rules.before_approval == "settle":
        return decision
    why = f"it was taken on {d.posting_date}, before {early[0].promotion_key} was approved on {early[0].approved_date}"
    return replace(decision, kind="weak", chosen=(), why=why)


def _suspect(desk: Desk, changes: Changes, claim: Claim, other: Deduction, why: str) -> Changes:
    claim = replace(claim, duplicate_of=claim_id(desk.tenant, "deduction", other.deduction_key))
    changes.candidates[:] = [replace(c, chosen=False) for c in changes.candidates]
    return finish(desk, changes, claim, Outcome.DUPLICATE_SUSPECT, f"{why} as {other.deduction_key}")


def _accept(desk: Desk, changes: Changes, claim: Claim, d: Deduction, decision: Decision) -> Changes:
    """A match is found: post it, unless something that only a person or a later day answers stands against it."""
    chosen = [(desk.promotions[number], amount) for number, amount in decision.chosen]
    keys = sorted({p.promotion_key for p, _ in chosen})
    first = chosen[0][0]
    claim = replace(claim, promotion_key=first.promotion_key)
    waits = desk.waits(claim.claim_id)
    if waits is not None:
        return finish(desk, changes, claim, Outcome.NEEDS_REVIEW, waits)
    twin = None if claim.is_not_duplicate else desk.duplicates.by_amount(d, keys)
    if twin is not None:
        return _suspect(desk, changes, claim, *twin)
    held = desk.held_back(p for p, _ in chosen)
    if held is not None:
        return finish(desk, changes, claim, Outcome.NEEDS_REVIEW, held, _settling(claim, chosen))
    failed = next((p for p, _ in chosen if desk.state.is_failed(p.promotion_key)), None)
    if failed is not None:
        why = f"the accrual of {failed.promotion_key} was refused: {desk.state.states[failed.promotion_key].message}"
        return finish(desk, changes, claim, Outcome.PERIOD_CLOSED, why)
    if desk.closed_message:
        return finish(desk, changes, claim, Outcome.PERIOD_CLOSED, desk.closed_message)
    if first.settlement_method == "fixed_fee" and not desk.has_proof(first):
        desk.books.draft(changes, claim, first, claim.amount_open)
        why = f"no proof of performance for {first.promotion_key}"
        return finish(desk, changes, replace(claim, audit_flag=True), Outcome.PROOF_MISSING, why)
    return _post(desk, changes, claim, chosen, decision)


def _settling(claim: Claim, chosen: Sequence[tuple[Promotion, Decimal]]) -> dict[str, object]:
    """The match as a proposal to the person who decides."""
    return {
        "settle": {promotion.promotion_key: str(amount) for promotion, amount in chosen},
        "rest": str(claim.amount_open - sum(amount for _, amount in chosen)),
    }


def _post(desk: Desk, changes: Changes, claim: Claim, chosen, decision: Decision) -> Changes:
    claimed = claim.amount_open
    settled = disputed = ZERO
    over = late = False
    for promotion, amount in chosen:
        share = within_tolerance(
            amount,
            authorised=desk.authorised(promotion),
            settled_before=desk.state.settled[promotion.promotion_key],
            tolerance=desk.rules.tolerance,
        )
        if share.settled:
            late |= desk.books.settle(changes, claim, promotion, share.settled)
        # What no promotion of a split covers goes with the last one's excess.
        left = claimed - sum(part for _, part in chosen) if promotion is chosen[-1][0] else ZERO
        excess = share.disputed + left
        if excess:
            desk.books.dispute(changes, claim, promotion, excess)
        settled, disputed, over = settled + share.settled, disputed + excess, over or share.is_over_authorised
    rules = desk.rules
    claim = replace(
        claim,
        amount_settled=settled,
        amount_disputed=disputed,
        late_after_release=late,
        auto_cleared=desk.clears
        and not disputed
        and decision.score >= rules.clear_score * MICRO
        and decision.evidence >= rules.clear_evidence * MICRO
        and claimed <= rules.clear_limit,
    )
    if disputed:
        outcome = Outcome.SETTLED_EXCESS_DISPUTED if settled else Outcome.DISPUTED
        why = f"{disputed} of it is above what {claim.promotion_key} authorises"
        return finish(desk, changes, claim, outcome, why, {"chargeback": str(disputed)})
    if chosen[0][0].settlement_method == "fixed_fee":
        return finish(desk, changes, claim, Outcome.FIXED_FEE_SETTLED, decision.why)
    outcome = Outcome.SETTLED_WITHIN_TOLERANCE if over else Outcome.SETTLED
    return finish(desk, changes, claim, outcome, decision.why)
