"""Decisions of people about claims, each taken once: applied, refused with a reason, or waiting.

A decision is known by its key and the hash of what it decides. An approval is not part of that hash, so the
same decision goes on when it is approved. Applied and refused are final; a decision that waits for an approval
is asked again when its approval or the rules have changed, one that waits for an open period when that is open.
Whether it is due depends on its own last answer and on the run's inputs only, never on what other decisions did:
that is what lets a killed run go on and end the same.

Most decisions come before the engine's own: what a person has decided is not asked again. One that presupposes
an answer of the engine (recover, write off, reopen, not a duplicate) about a claim the ledger does not know yet
comes after the claims, and so does every later decision about that claim: a first run or a replay over a year of
claims and decisions then ends as the days themselves did.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from include.money import ZERO
from include.reconcile import claims, vouchers
from include.reconcile.actions import ACTIONS, POSTING, asked
from include.reconcile.controls import APPLIED, NEXT_PERIOD, REFUSED, WAITING, Verdict, control
from include.reconcile.decision_records import ClaimDecision, DecisionResult
from include.reconcile.desk import Desk, claim_id
from include.reconcile.journal import stable_id
from include.reconcile.outcomes import ASKED_AGAIN
from include.reconcile.records import Changes, Claim, Task
from include.reconcile.search import Search

_TASK_OF = {REFUSED: "DECISION_REFUSED", WAITING: "APPROVAL_NEEDED", NEXT_PERIOD: "PERIOD_CLOSED"}
#: Actions that presuppose that the engine has looked at the claim.
_FOLLOW_UP = frozenset({"recover", "write_off", "reopen", "not_duplicate"})
_DONE = {
    "settle": "settled",
    "dispute": "disputed",
    "recover": "recovered",
    "write_off": "written off",
    "non_trade": "handed over as non-trade",
    "not_duplicate": "cleared of being a duplicate",
    "reopen": "reopened",
}


def content_hash(decision: ClaimDecision) -> str:
    """sha256 of what is decided about what, by whom and when; the approval is left out."""
    amount = None if decision.amount is None else f"{decision.amount:.4f}"
    parts = (
        decision.claim_kind, decision.claim_key, decision.action, decision.promotion_key, amount, decision.reason,
        decision.decided_by, decision.decided_at.isoformat(),
    )  # fmt: skip
    text = "\x1f".join("\x00" if part is None else part for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()


class Panel:
    """All decisions of one run, in the order of (decided_at, decision_key).

    `first` come before the engine's own decisions about claims, `then` after them; made when the run begins.
    """

    def __init__(self, desk: Desk):
        self._desk = desk
        self._rule_version = desk.rules.version if desk.decisions else ""
        self._search: Search | None = None
        self._refused: dict[tuple[str, str], list[UUID]] = defaultdict(list)
        for answers in desk.state.answers.values():
            for result in answers.values():
                if self._task_id(result, REFUSED) in desk.state.refusals:
                    self._remember(result)
        self.first: list[ClaimDecision] = []
        self.then: list[ClaimDecision] = []
        held: set[tuple[str, str]] = set()
        for decision in desk.decisions:
            about = (decision.claim_kind, decision.claim_key)
            if decision.action in _FOLLOW_UP and self._is_new(*about):
                held.add(about)
            (self.then if about in held else self.first).append(decision)
            last = self._last(decision)
            if last is not None:
                self._hold(last)

    def _is_new(self, kind: str, key: str) -> bool:
        number = claim_id(self._desk.tenant, kind, key)
        return number not in self._desk.state.claims or number in self._desk.state.opened

    def is_due(self, decision: ClaimDecision) -> bool:
        """Whether there is something to answer."""
        last = self._last(decision)
        if last is None:
            return True
        if last.status == WAITING:
            approval = (last.decision.approved_by, last.decision.approved_at, last.rule_version)
            return approval != (decision.approved_by, decision.approved_at, self._rule_version)
        return last.status == NEXT_PERIOD and self._desk.closed_message is None

    def evaluate(self, decision: ClaimDecision) -> Changes:
        """Answer one decision: post what it asks for, or keep why not."""
        changes = Changes()
        claim = self._claim(decision)
        amount, verdict = self._verdict(decision, claim)
        if verdict.status == APPLIED:
            verdict = Verdict(APPLIED, self._apply(changes, decision, claim, amount))
        self._record(changes, decision, claim, amount, verdict)
        return changes

    def _last(self, decision: ClaimDecision) -> DecisionResult | None:
        return self._desk.state.answers.get(decision.decision_key, {}).get(content_hash(decision))

    def _claim(self, decision: ClaimDecision) -> Claim | None:
        """The claim as it stands, as it would be taken in where the engine has not come to it; None = not known."""
        desk = self._desk
        if decision.claim_kind == "ap_payment":
            payment = desk.paid.get(decision.claim_key)
            fresh = None if payment is None else vouchers.blank_voucher(desk, payment)
        else:
            d = desk.deductions.get(decision.claim_key)
            fresh = None if d is None else claims.undecided(desk, d)
        known = desk.state.claims.get(claim_id(desk.tenant, decision.claim_kind, decision.claim_key))
        if known is None or fresh is None or known.outcome not in ASKED_AGAIN:
            return known or fresh
        return replace(
            known,
            amount=fresh.amount,
            currency=fresh.currency,
            amount_recovered=fresh.amount_recovered if fresh.amount >= 0 else known.amount_recovered,
        )

    def _verdict(self, decision: ClaimDecision, claim: Claim | None) -> tuple[Decimal, Verdict]:
        amount = decision.amount or ZERO
        conflict = decision.conflict
        if conflict is None and set(self._desk.state.answers.get(decision.decision_key, ())) - {
            content_hash(decision)
        }:
            conflict = f"decision {decision.decision_key} was given before with other content: use a new key"
        if conflict:
            return amount, Verdict(REFUSED, conflict)
        if claim is None:
            kind = decision.claim_kind.replace("_", " ")
            return amount, Verdict(REFUSED, f"no {kind} {decision.claim_key} is known by {self._desk.as_of}")
        amount, refusal = self._asked(decision, claim)
        if refusal:
            return amount, Verdict(REFUSED, refusal)
        verdict = control(decision, amount, self._desk.rules)
        if verdict.status == APPLIED and decision.action in POSTING and self._desk.closed_message:
            verdict = Verdict(NEXT_PERIOD, self._desk.closed_message)
        return amount, verdict

    def _asked(self, decision: ClaimDecision, claim: Claim) -> tuple[Decimal, str | None]:
        partner = self._undecided_partner(claim)
        if partner is not None:
            return ZERO, f"it goes together with {partner}, which takes it back or is taken back by it"
        return asked(self._desk, decision, claim)

    def _undecided_partner(self, claim: Claim) -> str | None:
        """The deduction a repayment pays back, or the other half of a voided payment, where both are still to do."""
        desk = self._desk
        if claim.source_kind == "ap_payment":
            payment = desk.paid.get(claim.source_key)
            if payment is None:
                return None
            other = desk.payments.void_of(payment) or desk.payments.original_of(payment)
            key = None if other is None else other.payment_key
        else:
            d = desk.deductions.get(claim.source_key)
            is_linked = d is not None and d in desk.repayments.get(d.reversal_of or "", ())
            key = d.reversal_of if is_linked else None
        if key is None or claim.outcome not in ASKED_AGAIN:
            return None
        other = desk.state.claims.get(claim_id(desk.tenant, claim.source_kind, key))
        return key if other is None or other.outcome in ASKED_AGAIN else None

    def _apply(self, changes: Changes, decision: ClaimDecision, claim: Claim, amount: Decimal) -> str:
        """Post it; returns the sentence that becomes the claim's reason."""
        desk = self._desk
        said = f"{_DONE[decision.action]} by {decision.decided_by} on {decision.decided_at.date()}"
        if decision.approved_by:
            said += f", approved by {decision.approved_by}"
        said += f": {decision.reason}"
        claim = replace(
            claim, decided_by=decision.decided_by, decided_at=decision.decided_at, auto_cleared=False
        )
        if decision.action == "not_duplicate":
            self._ask_again(changes, replace(claim, is_not_duplicate=True), said)
            return said
        if claim.source_kind == "deduction":
            if claim.amount >= 0 and claim.outcome in ASKED_AGAIN:
                claims.take_in(desk, changes, claim)
            else:
                desk.books.receive(changes, claim)
        claim = ACTIONS[decision.action](desk, changes, decision, claim, amount)
        claims.conclude(desk, changes, claim, claim.outcome, said)
        return said

    def _ask_again(self, changes: Changes, claim: Claim, said: str) -> None:
        """The engine decides the claim anew, in the same step, without the suspicion."""
        desk = self._desk
        desk.state.claims[claim.claim_id] = claim
        if claim.source_kind == "ap_payment":
            answer = vouchers.evaluate(desk, desk.paid[claim.source_key])
        else:
            d = desk.deductions[claim.source_key]
            self._search = self._search or Search(desk)
            answer = claims.evaluate(desk, d, self._search.pool([d]))
        decided = answer.claims[-1]
        answer.claims[-1] = replace(decided, reason=f"{decided.reason}; {said}")
        desk.state.claims[claim.claim_id] = answer.claims[-1]
        changes.extend(answer)

    def _record(
        self,
        changes: Changes,
        decision: ClaimDecision,
        claim: Claim | None,
        amount: Decimal,
        verdict: Verdict,
    ) -> None:
        desk, number = self._desk, content_hash(decision)
        last = self._last(decision)
        result = DecisionResult(
            decision=decision,
            content_hash=number,
            revision=1 if last is None else last.revision + 1,
            status=verdict.status,
            why=verdict.why,
            amount=amount,
            currency=claim.currency if claim else None,
            claim_id=claim.claim_id if claim else None,
            rule_version=self._rule_version,
            journal_ids=tuple(entry.journal_id for entry in changes.journals),
        )
        changes.decisions.append(result)
        desk.state.answers[decision.decision_key][number] = result
        questions = {status: self._task_id(result, status) for status in _TASK_OF}
        changes.closed_tasks.extend(n for status, n in questions.items() if status != verdict.status)
        if verdict.status == APPLIED:
            answered = self._refused.pop((decision.claim_kind, decision.claim_key), ())
            desk.state.refusals.difference_update(answered)
            changes.closed_tasks.extend(answered)
        else:
            changes.tasks.append(self._question(result, questions[verdict.status]))
        self._remember(result)
        self._hold(result)

    def _hold(self, result: DecisionResult) -> None:
        """While a person's decision waits, the engine does not settle its claim over their head."""
        if result.claim_id is None:
            return
        key = result.decision.decision_key
        waiting = self._desk.waiting.setdefault(result.claim_id, {})
        if result.status in (WAITING, NEXT_PERIOD):
            waits = "an approval" if result.status == WAITING else "an open period"
            waiting[key] = f"decision {key} waits for {waits}"
        else:
            waiting.pop(key, None)

    def _remember(self, result: DecisionResult) -> None:
        if result.status == REFUSED:
            about = (result.decision.claim_kind, result.decision.claim_key)
            self._refused[about].append(self._task_id(result, REFUSED))
            self._desk.state.refusals.add(self._task_id(result, REFUSED))

    def _task_id(self, result: DecisionResult, status: str) -> UUID:
        key = result.decision.decision_key
        return stable_id(self._desk.tenant, "TASK", _TASK_OF[status], key, result.content_hash)

    def _question(self, result: DecisionResult, number: UUID) -> Task:
        decision = result.decision
        detail = f"{decision.action} of {decision.claim_key} by {decision.decided_by}: {result.why}"
        return Task(
            task_id=number,
            task_type=_TASK_OF[result.status],
            amount=result.amount,
            # Nobody knows the currency of a claim nobody knows.
            currency=result.currency or "XXX",
            detail=detail,
            # A closed period is asked about the decision: an answer about the claim does not open it.
            claim_id=None if result.status == NEXT_PERIOD else result.claim_id,
            proposal={"decision_key": decision.decision_key, "action": decision.action},
        )
