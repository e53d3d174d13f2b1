"""What a person decided about a claim, and the answer to it, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ClaimDecision:
    """What a person decided about a claim. `amount` None = all that the action can take.

    `approved_by` is empty until a second person agreed. `conflict` says why the row cannot be taken at all:
    its key was submitted before with other content.
    """

    decision_key: str
    claim_kind: str
    claim_key: str
    action: str
    reason: str
    decided_by: str
    decided_at: datetime
    promotion_key: str | None = None
    amount: Decimal | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    conflict: str | None = None


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """What became of a decision. `content_hash` covers what was decided, not who approved it.

    `status`: applied, refused (both final), waiting_for_approval, waiting_for_period. `revision` counts the
    answers to one decision; `amount` is what it moved, or would move. `journal_ids` are what it posted.
    """

    decision: ClaimDecision
    content_hash: str
    revision: int
    status: str
    why: str
    amount: Decimal
    currency: str | None
    claim_id: UUID | None
    rule_version: str
    journal_ids: tuple[UUID, ...] = ()
