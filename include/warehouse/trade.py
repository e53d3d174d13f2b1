"""Writes what reconcile decided: one batch of steps in one transaction, and the record of the run.

Ids are deterministic, so evidence that is already there means that the same event would be posted twice:
that is an error here, never a silent skip.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from include.errors import TradewindError
from include.reconcile.records import LASTING_TASKS, Changes, Claim, Journal
from include.warehouse.copy import copy_rows, insert_new, relation_name
from include.warehouse.trade_decisions import write_decisions

_CLAIM_COLUMNS = (
    "tenant_id", "claim_id", "source_kind", "deduction_key", "payment_key", "customer_key", "amount", "currency",
    "posting_date", "outcome", "reason", "reason_code_normalized", "dispute_status", "amount_settled",
    "amount_disputed", "amount_recovered", "amount_written_off", "amount_non_trade", "match_confidence_score",
    "evidence", "auto_cleared", "audit_flag", "late_after_release", "promotion_key", "reversal_of", "duplicate_of",
    "dispute_deadline", "decided_by", "decided_at", "is_not_duplicate", "opened_with", "as_of",
    "run_id", "rule_version", "input_hash",
)  # fmt: skip
_REPLAY_COLUMNS = (
    "tenant_id", "as_of", "run_id", "claim_id", "deduction_key", "payment_key", "amount", "currency", "outcome",
    "reason", "amount_settled", "amount_disputed", "amount_recovered", "amount_written_off", "amount_non_trade",
    "amount_open", "match_confidence_score", "promotion_key", "rule_version", "input_hash",
)  # fmt: skip


@dataclass(frozen=True)
class Stamp:
    """What every row of a run carries: whose it is, the business date, and what it was decided with."""

    tenant: str
    as_of: date
    run_id: str
    rule_version: str
    input_hash: str

    @property
    def provenance(self) -> tuple[object, ...]:
        """as_of, run_id, rule_version, input_hash, in the order of the tables' last columns."""
        return self.as_of, self.run_id, self.rule_version, self.input_hash

    @property
    def work(self) -> str:
        """The same without the attempt: which piece of work a row was made by."""
        return f"{self.as_of}|{self.input_hash}|{self.rule_version}"


def write_changes(conn: psycopg.Connection, stamp: Stamp, changes: Changes) -> None:
    """Write one batch inside the caller's transaction; a row given twice ends as its last version.

    Raises TradewindError when a journal, movement, snapshot or candidate is there already.
    """
    _write_claims(conn, stamp, changes)
    _write_candidates(conn, stamp, changes)
    _write_journals(conn, stamp, changes.journals)
    _write_movements(conn, stamp, changes)
    _write_settlements(conn, stamp, changes)
    _write_snapshots(conn, stamp, changes)
    _write_states(conn, stamp, changes)
    _write_accounts(conn, stamp, changes)
    _write_moves(conn, stamp, changes)
    _write_methods(conn, stamp, changes)
    _write_tasks(conn, stamp, changes)
    write_decisions(conn, stamp, changes.decisions)


def write_replay(conn: psycopg.Connection, stamp: Stamp, claims: Iterable[Claim]) -> None:
    """Store what a replay of a past date would decide; the same replay again replaces nothing."""
    rows = [
        (
            stamp.tenant, stamp.as_of, stamp.run_id, c.claim_id, *_source(c), c.amount, c.currency, c.outcome,
            c.reason, c.amount_settled, c.amount_disputed, c.amount_recovered, c.amount_written_off,
            c.amount_non_trade, c.amount_open, c.score, c.promotion_key, stamp.rule_version, stamp.input_hash,
        )
        for c in claims
    ]  # fmt: skip
    insert_new(conn, "finance.claim_replays", _REPLAY_COLUMNS, rows)


def _write_claims(conn: psycopg.Connection, stamp: Stamp, changes: Changes) -> None:
    latest = {claim.claim_id: claim for claim in changes.claims}
    rows = [
        (
            stamp.tenant, c.claim_id, c.source_kind, *_source(c), c.customer_key, c.amount, c.currency,
            c.posting_date, c.outcome, c.reason, c.reason_code_normalized, c.dispute_status, c.amount_settled,
            c.amount_disputed, c.amount_recovered, c.amount_written_off, c.amount_non_trade, c.score, c.evidence,
            c.auto_cleared, c.audit_flag, c.late_after_release, c.promotion_key, c.reversal_of, c.duplicate_of,
            c.dispute_deadline, c.decided_by, c.decided_at, c.is_not_duplicate, stamp.work, *stamp.provenance,
        )
        for c in latest.values()
    ]  # fmt: skip
    _upsert(conn, "finance.claims", ("tenant_id", "claim_id"), _CLAIM_COLUMNS, rows, keep=("opened_with",))


def _write_candidates(conn: psycopg.Connection, stamp: Stamp, changes: Changes) -> None:
    conn.execute("DELETE FROM finance.match_candidates WHERE claim_id = ANY(%s)", (changes.evaluated,))
    columns = (
        "tenant_id", "claim_id", "promotion_key", "score", "evidence", "rank", "parts", "chosen", "as_of",
        "run_id", "rule_version",
    )  # fmt: skip
    rows = [
        (
            stamp.tenant,
            c.claim_id,
            c.promotion_key,
            c.score,
            c.evidence,
            c.rank,
            Jsonb(c.parts),
            c.chosen,
            *stamp.provenance[:3],
        )
        for c in changes.candidates
    ]
    _insert_once(conn, "finance.match_candidates", columns, rows)


def _write_journals(conn: psycopg.Connection, stamp: Stamp, journals: Sequence[Journal]) -> None:
    headers = [
        (
            stamp.tenant, j.journal_id, j.event, j.generation, j.status, j.message, j.posting_date,
            j.original_posting_date, j.posted_by, j.promotion_key, j.claim_id, *stamp.provenance,
        )
        for j in journals
    ]  # fmt: skip
    lines = [
        (
            stamp.tenant, j.journal_id, number, j.posting_date, line.account_code, j.currency, line.debit_amount,
            line.credit_amount, j.event, j.posted_by, j.promotion_key, j.claim_id,
        )
        for j in journals
        for number, line in enumerate(j.lines, start=1)
    ]  # fmt: skip
    columns = (
        "tenant_id", "journal_id", "event", "generation", "status", "message", "posting_date",
        "original_posting_date", "posted_by", "promotion_key", "claim_id", "as_of", "run_id", "rule_version",
        "input_hash",
    )  # fmt: skip
    _insert_once(conn, "finance.journals", columns, headers)
    columns = (
        "tenant_id", "journal_id", "line_number", "posting_date", "account_code", "currency", "debit_amount",
        "credit_amount", "event", "posted_by", "promotion_key", "claim_id",
    )  # fmt: skip
    _insert_once(conn, "finance.journal_lines", columns, lines)


def _write_movements(conn: psycopg.Connection, stamp: Stamp, changes: Changes) -> None:
    columns = (
        "tenant_id", "movement_id", "promotion_key", "movement", "amount", "currency", "movement_date",
        "journal_id", "claim_id", "accrual_method", "as_of", "run_id", "rule_version", "input_hash",
    )  # fmt: skip
    rows = [
        (
            stamp.tenant, m.movement_id, m.promotion_key, m.movement, m.amount, m.currency, m.movement_date,
            m.journal_id, m.claim_id, m.accrual_method, *stamp.provenance,
        )
        for m in changes.movements
    ]  # fmt: skip
    _insert_once(conn, "finance.accrual_ledger", columns, rows)


def _write_settlements(conn: psycopg.Connection, stamp: Stamp, changes: Changes) -> None:
    columns = (
        "tenant_id", "settlement_id", "claim_id", "promotion_key", "amount_settled", "currency", "status",
        "audit_flag", "late_after_release", "reverses_settlement_id", "gl_posting_json", "settled_as_of", "run_id",
        "rule_version", "input_hash",
    )  # fmt: skip
    latest = {row.settlement_id: row for row in changes.settlements}
    rows = [
        (
            stamp.tenant, s.settlement_id, s.claim_id, s.promotion_key, s.amount_settled, s.currency, s.status,
            s.audit_flag, s.late_after_release, s.reverses_settlement_id, Jsonb(s.gl_posting), s.settled_as_of,
            *stamp.provenance[1:],
        )
        for s in latest.values()
    ]  # fmt: skip
    _upsert(conn, "finance.settlements", ("tenant_id", "settlement_id"), columns, rows)


def _write_snapshots(conn: psycopg.Connection, stamp: Stamp, changes: Changes) -> None:
    columns = (
        "tenant_id", "sequence", "settlement_id", "change", "payload", "previous_hash", "hash", "run_id",
    )  # fmt: skip
    rows = [
        (
            stamp.tenant,
            s.sequence,
            s.settlement_id,
            s.change,
            s.payload,
            s.previous_hash,
            s.hash,
            stamp.run_id,
        )
        for s in changes.snapshots
    ]
    _insert_once(conn, "finance.gl_snapshots", columns, rows)


def _write_states(conn: psycopg.Connection, stamp: Stamp, changes: Changes) -> None:
    columns = (
        "tenant_id", "promotion_key", "lifecycle_status", "accrual_method", "currency", "accrual_date",
        "released_date", "message", "approved_amount", "approved_date", "refused_by", "as_of", "run_id",
        "rule_version", "input_hash",
    )  # fmt: skip
    latest = {state.promotion_key: state for state in changes.states}
    rows = [
        (
            stamp.tenant, s.promotion_key, s.lifecycle_status, s.accrual_method, s.currency, s.accrual_date,
            s.released_date, s.message, s.approved_amount, s.approved_date, s.refused_by, *stamp.provenance,
        )
        for s in latest.values()
    ]  # fmt: skip
    _upsert(conn, "finance.promotion_state", ("tenant_id", "promotion_key"), columns, rows)


def _write_accounts(conn: psycopg.Connection, stamp: Stamp, changes: Changes) -> None:
    columns = (
        "tenant_id",
        "promotion_key",
        "expense_account_code",
        "accrued_account_code",
        "as_of",
        "run_id",
    )
    rows = [
        (stamp.tenant, a.promotion_key, a.expense, a.accrued, stamp.as_of, stamp.run_id)
        for a in changes.accounts
    ]
    _insert_once(conn, "finance.promotion_accounts", columns, rows)


def _write_moves(conn: psycopg.Connection, stamp: Stamp, changes: Changes) -> None:
    columns = (
        "tenant_id", "promotion_key", "sequence", "from_status", "to_status", "is_legal", "moved_on", "as_of",
        "run_id", "rule_version", "input_hash",
    )  # fmt: skip
    rows = [
        (
            stamp.tenant, m.promotion_key, m.sequence, m.from_status, m.to_status, m.is_legal, m.moved_on,
            *stamp.provenance,
        )
        for m in changes.moves
    ]  # fmt: skip
    _insert_once(conn, "finance.status_moves", columns, rows)


def _write_methods(conn: psycopg.Connection, stamp: Stamp, changes: Changes) -> None:
    columns = (
        "tenant_id", "promotion_key", "accrual_method", "amount", "currency", "is_applied", "units",
        "accrual_factor", "as_of", "run_id", "rule_version", "input_hash",
    )  # fmt: skip
    rows = [
        (
            stamp.tenant, m.promotion_key, m.accrual_method, m.amount, m.currency, m.is_applied, m.units,
            m.accrual_factor, *stamp.provenance,
        )
        for m in changes.methods
    ]  # fmt: skip
    _upsert(conn, "finance.accrual_methods", ("tenant_id", "promotion_key", "accrual_method"), columns, rows)


def _write_tasks(conn: psycopg.Connection, stamp: Stamp, changes: Changes) -> None:
    latest = {task.task_id: task for task in changes.tasks}
    standing = {s.promotion_key: s for s in changes.states if s.lifecycle_status != "Failed"}
    finished = [key for key, state in standing.items() if state.released_date is not None]
    conn.execute(
        "UPDATE finance.claim_tasks SET status = 'closed', closed_as_of = %s, run_id = %s"
        " WHERE status = 'open' AND task_id <> ALL(%s) AND (task_id = ANY(%s)"
        " OR claim_id = ANY(%s) AND task_type <> ALL(%s)"
        " OR task_type = 'ACCRUAL_REFUSED' AND promotion_key = ANY(%s)"
        " OR promotion_key = ANY(%s) AND (task_type = 'FUND_OVERSPENT'"
        # What is settled beyond a plan stays so when the promotion ends.
        " OR task_type = 'PLAN_CHANGED' AND proposal ->> 'excess' IS NULL))",
        (
            stamp.as_of,
            stamp.run_id,
            list(latest),
            changes.closed_tasks,
            changes.answered,
            sorted(LASTING_TASKS),
            list(standing),
            finished,
        ),
    )
    columns = (
        "tenant_id", "task_id", "claim_id", "promotion_key", "task_type", "status", "amount", "currency",
        "due_date", "detail", "proposal", "opened_as_of", "closed_as_of", "run_id", "rule_version",
    )  # fmt: skip
    rows = [
        (
            stamp.tenant, t.task_id, t.claim_id, t.promotion_key, t.task_type, t.status, t.amount, t.currency,
            t.due_date, t.detail, Jsonb(t.proposal), stamp.as_of, stamp.as_of if t.status == "closed" else None,
            stamp.run_id, stamp.rule_version,
        )
        for t in latest.values()
    ]  # fmt: skip
    _upsert(conn, "finance.claim_tasks", ("tenant_id", "task_id"), columns, rows, keep=("opened_as_of",))


def _source(claim: Claim) -> tuple[str | None, str | None]:
    """deduction_key and payment_key of a claim."""
    is_deduction = claim.source_kind == "deduction"
    return (claim.source_key, None) if is_deduction else (None, claim.source_key)


def _insert_once(
    conn: psycopg.Connection, relation: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    if not rows:
        return
    inserted = insert_new(conn, relation, columns, rows)
    if inserted != len(rows):
        raise TradewindError(
            where=relation,
            expected=f"{len(rows)} new rows",
            got=f"{inserted} new, the others are there already",
            difference=str(len(rows) - inserted),
            remedy="nothing was written; report it: the same event would have been posted twice",
        )


def _upsert(
    conn: psycopg.Connection,
    relation: str,
    key: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    keep: Sequence[str] = (),
) -> None:
    """Insert rows or bring those of the same key up to date, except the columns in `keep`."""
    if not rows:
        return
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    target = relation_name(relation)
    conn.execute(
        sql.SQL("CREATE TEMP TABLE changed ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            names, target
        )
    )
    copy_rows(conn, "changed", columns, rows)
    updates = sql.SQL(", ").join(
        sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name))
        for name in columns
        if name not in key and name not in keep
    )
    conn.execute(
        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM changed ON CONFLICT ({}) DO UPDATE SET {}").format(
            target, names, names, sql.SQL(", ").join(map(sql.Identifier, key)), updates
        )
    )
    conn.execute("DROP TABLE changed")
