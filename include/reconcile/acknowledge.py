"""What an ERP's answers to our journals change in our books.

Confirmed: the settlement is posted to the ERP, the promotion whose accrual it was is committed. Refused: an
accrual nobody has used yet is taken back and its promotion has failed, so that it is no active budget (golden
G-36); everything else stays as it is and a person is asked, because what was settled with a customer cannot be
undone by an ERP's calendar. An answer is applied once; the same answers applied in the same order end equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from include.money import ZERO
from include.reconcile.books import Books
from include.reconcile.journal import stable_id
from include.reconcile.records import Changes, Journal, Line, Movement, Promotion, Settlement, Task


@dataclass(frozen=True)
class Answer:
    """What one ERP said: `verdict` is confirmed, refused, or differs (it holds other amounts).

    `channel` says who was asked, `number` which sending of the journal is meant.
    """

    channel: str
    number: int
    verdict: str
    external_id: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class Answered:
    """A journal of ours, the answer to it, and the settlement that waits for it (with its payload)."""

    journal: Journal
    answer: Answer
    settlement: Settlement | None = None


@dataclass(frozen=True)
class Applied:
    """What an answer changed: the rows, the name of the effect, the journal that takes the answered one back."""

    answered: Answered
    changes: Changes
    effect: str
    reversing_journal_id: UUID | None = None


def in_order(answers: list[Answered]) -> list[Answered]:
    """The order of application, the same for every attempt; a journal that is confirmed is not refused as well."""
    confirmed = {a.journal.journal_id for a in answers if a.answer.verdict == "confirmed"}
    kept = [a for a in answers if a.answer.verdict != "refused" or a.journal.journal_id not in confirmed]
    return sorted(kept, key=lambda a: (a.journal.posting_date, str(a.journal.journal_id), a.answer.verdict))


class ErpBooks(Books):
    """Books that also take what an ERP answered; `promotions` by key, for the fund a snapshot names."""

    promotions: Mapping[str, Promotion] = {}

    def apply(self, answered: Answered) -> Applied:
        """Apply one answer."""
        changes = Changes()
        if answered.answer.verdict == "confirmed":
            return Applied(answered, changes, self._confirmed(changes, answered))
        if answered.answer.verdict == "refused" and self._is_unused_accrual(answered.journal):
            reversal = self._take_back(changes, answered)
            return Applied(answered, changes, "promotion failed", reversal.journal_id)
        changes.tasks.append(self._question(answered))
        return Applied(answered, changes, "question")

    def _confirmed(self, changes: Changes, answered: Answered) -> str:
        entry, row = answered.journal, answered.settlement
        changes.closed_tasks.append(_question_id(self.tenant, entry))
        if row is not None and self.state.settlements[row.settlement_id].status == "Queued":
            posted = replace(row, status="Posted to ERP")
            self.state.settlements[row.settlement_id] = posted
            changes.settlements.append(posted)
            claim, promotion = self.state.claims[row.claim_id], self.promotions.get(row.promotion_key)
            self._snapshot(changes, posted, "update", promotion, claim, entry.lines)
            return "settlement posted"
        state = self.state.states.get(entry.promotion_key)
        if entry.event == "ACCRUAL" and state is not None and state.lifecycle_status == "Approved":
            committed = replace(state, lifecycle_status="Committed")
            self.state.states[state.promotion_key] = committed
            changes.states.append(committed)
            return "promotion committed"
        return "recorded"

    def _is_unused_accrual(self, entry: Journal) -> bool:
        """Whether this journal is all that was ever accrued for its promotion, and nothing was taken from it."""
        key, books = entry.promotion_key, self.state
        return (
            entry.event == "ACCRUAL"
            and key in books.states
            and books.accrued[key] == _total(entry)
            and not (books.reversed[key] or books.released[key] or books.settled[key])
        )

    def _take_back(self, changes: Changes, answered: Answered) -> Journal:
        entry, message = answered.journal, answered.answer.message
        key, amount = entry.promotion_key, _total(entry)
        when, refusal = self.posting_date(entry.posting_date)
        if refusal:
            when = self._days.next_open(self.as_of)
        posting = self._posting(
            "ACCRUAL_REFUSED", entry.currency, when, key, original=entry.original_posting_date
        )
        reversal = posting.journal(
            *(Line(line.account_code, line.credit_amount, line.debit_amount) for line in entry.lines)
        )
        self._record(changes, reversal)
        state = self.state.states[key]
        self.state.accrued[key] -= amount
        changes.movements.append(
            Movement(
                stable_id(reversal.journal_id, "accrued"),
                key,
                "accrued",
                -amount,
                entry.currency,
                reversal.posting_date,
                reversal.journal_id,
                None,
                state.accrual_method,
            )
        )
        failed = replace(state, lifecycle_status="Failed", message=message, refused_by="erp")
        self.state.states[key] = failed
        changes.states.append(failed)
        detail = f"Accrual of {key} refused by the ERP: {message}"
        changes.tasks.append(
            Task(
                stable_id(self.tenant, key, "ACCRUAL_REFUSED"),
                "ACCRUAL_REFUSED",
                amount,
                entry.currency,
                detail,
                promotion_key=key,
                proposal=_proposal(answered),
            )
        )
        return reversal

    def _question(self, answered: Answered) -> Task:
        entry, answer = answered.journal, answered.answer
        what = {"refused": "refused by", "differs": "stands otherwise in"}[answer.verdict]
        about = " ".join(
            str(part)
            for part in (entry.event, entry.promotion_key, f"dated {entry.posting_date.isoformat()}")
            if part
        )
        return Task(
            _question_id(self.tenant, entry),
            "ERP_REFUSED",
            _total(entry),
            entry.currency,
            f"{about} {what} the ERP ({answer.channel}): {answer.message}",
            claim_id=entry.claim_id,
            promotion_key=entry.promotion_key,
            proposal=_proposal(answered),
        )


def _question_id(tenant: str, entry: Journal) -> UUID:
    return stable_id(tenant, entry.journal_id, "ERP_REFUSED")


def _proposal(answered: Answered) -> dict[str, object]:
    """What a person may do: mend the cause in the ERP or the account map, then send again."""
    return {
        "journal_id": str(answered.journal.journal_id),
        "channel": answered.answer.channel,
        "then": "publish with resend",
    }


def _total(entry: Journal) -> Decimal:
    return sum((line.debit_amount for line in entry.lines), ZERO)
