"""Decisions of people in the warehouse: what was submitted, and the answers the engine has given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import psycopg

from include.errors import TradewindError
from include.money import ZERO
from include.reconcile.decision_records import ClaimDecision, DecisionResult
from include.reconcile.ledger import LedgerState
from include.warehouse.copy import insert_new

if TYPE_CHECKING:
    from include.warehouse.trade import Stamp

_SUBMITTED = """
    SELECT decision_key, claim_kind, claim_key, action, reason, decided_by, decided_at, promotion_key, amount,
           approved_by, approved_at, conflict
    FROM finance.submitted_decisions
    WHERE (decided_at AT TIME ZONE 'UTC')::date <= %(as_of)s
    ORDER BY decided_at, decision_key, conflict NULLS FIRST, source
"""

_ANSWERS = """
    SELECT DISTINCT ON (decision_key, content_hash)
           decision_key, claim_kind, claim_key, action, reason, decided_by, decided_at, promotion_key, approved_by,
           approved_at, content_hash, revision, status, why, amount, currency, claim_id, rule_version, journal_ids
    FROM finance.claim_decisions
    ORDER BY decision_key, content_hash, revision DESC
"""

_COLUMNS = (
    "tenant_id", "decision_key", "content_hash", "revision", "claim_kind", "claim_key", "claim_id", "action",
    "promotion_key", "amount", "currency", "status", "why", "reason", "decided_by", "decided_at", "approved_by",
    "approved_at", "journal_ids", "as_of", "run_id", "rule_version", "input_hash",
)  # fmt: skip


def read_decisions(conn: psycopg.Connection, as_of: date) -> tuple[ClaimDecision, ...]:
    """Decisions dated up to `as_of` (UTC), files and posted ones, without approvals that came later."""
    made = []
    for *values, decided_at, promotion, amount, who, when, conflict in conn.execute(
        _SUBMITTED, {"as_of": as_of}
    ).fetchall():
        approved_at = _utc(when)
        if approved_at is not None and approved_at.date() > as_of:
            who = approved_at = None
        made.append(ClaimDecision(*values, _utc(decided_at), promotion, amount, who, approved_at, conflict))
    return tuple(made)


def read_answers(conn: psycopg.Connection, state: LedgerState) -> None:
    """The latest answer to every decision, and the cash recovered by them, into `state`."""
    for row in conn.execute(_ANSWERS).fetchall():
        key, kind, claim, action, reason, who, when, promotion, approver, approved = row[:10]
        decision = ClaimDecision(
            key, kind, claim, action, reason, who, _utc(when), promotion, None, approver, _utc(approved)
        )
        result = DecisionResult(decision, *row[10:18], tuple(row[18]))
        state.answers[key][result.content_hash] = result
    for claim_id, amount in conn.execute(
        "SELECT j.claim_id, sum(CASE j.event WHEN 'RECOVERY' THEN l.debit_amount ELSE -l.debit_amount END)"
        " FROM finance.journals j JOIN finance.journal_lines l USING (tenant_id, journal_id)"
        " WHERE j.event IN ('RECOVERY', 'RECOVERY_REVERSAL') GROUP BY 1"
    ).fetchall():
        state.cash[claim_id] = ZERO + amount


def write_decisions(conn: psycopg.Connection, stamp: Stamp, results: Sequence[DecisionResult]) -> None:
    """Append the answers of one batch. Raises TradewindError when one is there already."""
    rows = [
        (
            stamp.tenant, r.decision.decision_key, r.content_hash, r.revision, r.decision.claim_kind,
            r.decision.claim_key, r.claim_id, r.decision.action, r.decision.promotion_key, r.amount, r.currency,
            r.status, r.why, r.decision.reason, r.decision.decided_by, r.decision.decided_at, r.decision.approved_by,
            r.decision.approved_at, list(r.journal_ids), *stamp.provenance,
        )
        for r in results
    ]  # fmt: skip
    if rows and insert_new(conn, "finance.claim_decisions", _COLUMNS, rows) != len(rows):
        raise TradewindError(
            where="finance.claim_decisions",
            expected=f"{len(rows)} new answers",
            got="an answer that is there already",
            remedy="nothing was written; report it: a decision would have been applied twice",
        )


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
