"""What reconcile has decided and posted so far: the result tables of one tenant as the engine's state."""

from __future__ import annotations

from datetime import date

import psycopg

from include.money import ZERO
from include.reconcile.ledger import COUNTED, KnownStatus, LedgerState
from include.reconcile.outcomes import Outcome
from include.reconcile.records import (
    Claim,
    MethodAmount,
    PromotionAccounts,
    PromotionState,
    Settlement,
)
from include.warehouse.trade_decisions import read_answers

_CLAIM = """claim_id, source_kind, coalesce(deduction_key, payment_key), customer_key, amount, currency,
           posting_date, outcome, reason, reason_code_normalized, dispute_status, amount_settled,
           amount_disputed, amount_recovered, amount_written_off, amount_non_trade, match_confidence_score,
           evidence, auto_cleared, audit_flag, late_after_release, promotion_key, reversal_of, duplicate_of,
           dispute_deadline, decided_by, decided_at, is_not_duplicate"""

_CLAIMS = f"""
    SELECT {_CLAIM},
           opened_with = %(work)s,
           as_of = %(as_of)s AND input_hash = %(input_hash)s AND rule_version = %(rule_version)s
    FROM finance.claims
"""

_CLAIMS_THEN = f"""
    SELECT DISTINCT ON (claim_id) {_CLAIM} FROM finance.claim_history
    WHERE as_of <= %(as_of)s ORDER BY claim_id, as_of DESC
"""

_SETTLEMENTS = """
    SELECT settlement_id, claim_id, promotion_key, amount_settled, currency, status, settled_as_of, audit_flag,
           late_after_release, reverses_settlement_id
    FROM finance.settlements
"""

_STATES = """
    SELECT promotion_key, lifecycle_status, accrual_method, currency, accrual_date, released_date, message,
           approved_amount, approved_date, refused_by,
           as_of = %(as_of)s AND input_hash = %(input_hash)s AND rule_version = %(rule_version)s
    FROM finance.promotion_state
"""

_STATUSES = """
    SELECT DISTINCT ON (promotion_key) promotion_key,
           CASE WHEN is_legal THEN to_status ELSE from_status END, sequence, moved_on,
           CASE WHEN NOT is_legal THEN to_status END
    FROM finance.status_moves ORDER BY promotion_key, sequence DESC
"""

_METHODS = """
    SELECT promotion_key, accrual_method, amount, currency, is_applied, units, accrual_factor
    FROM finance.accrual_methods
"""

_QUESTIONS = """
    SELECT promotion_key, task_type, task_id FROM finance.claim_tasks
    WHERE status = 'open' AND claim_id IS NULL AND promotion_key IS NOT NULL
"""

_REFUSALS = "SELECT task_id FROM finance.claim_tasks WHERE status = 'open' AND task_type = 'DECISION_REFUSED'"


def read_claims_of(conn: psycopg.Connection, as_of: date) -> list[Claim]:
    """The tenant's claims as they stood when the work of a business date was done."""
    rows = conn.execute(_CLAIMS_THEN, {"as_of": as_of}).fetchall()
    return [Claim(*values[:7], Outcome(values[7]), *values[8:]) for values in rows]


def read_state(conn: psycopg.Connection, *, as_of: date, input_hash: str, rule_version: str) -> LedgerState:
    """The tenant's ledger; claims decided under exactly these inputs, rules and date count as evaluated."""
    state = LedgerState()
    stamp = {
        "as_of": as_of,
        "input_hash": input_hash,
        "rule_version": rule_version,
        "work": f"{as_of}|{input_hash}|{rule_version}",
    }
    for *values, is_opened, is_evaluated in conn.execute(_CLAIMS, stamp).fetchall():
        values[7] = Outcome(values[7])
        claim = Claim(*values)
        state.claims[claim.claim_id] = claim
        if claim.source_kind == "deduction":
            state.receipts[claim.claim_id] = claim.amount
        if is_opened:
            state.opened.add(claim.claim_id)
        if is_evaluated:
            state.evaluated.add(claim.claim_id)
    for values in conn.execute(_SETTLEMENTS).fetchall():
        row = Settlement(*values)
        state.add_settlement(row)
        if row.status in COUNTED:
            state.settled[row.promotion_key] += row.amount_settled
            state.settled_by[row.claim_id, row.promotion_key] += row.amount_settled
    for *values, is_asked in conn.execute(_STATES, stamp).fetchall():
        state.states[values[0]] = PromotionState(*values)
        if is_asked:
            state.asked.add(values[0])
    for key, *values in conn.execute(_STATUSES).fetchall():
        state.statuses[key] = KnownStatus(*values)
    for values in conn.execute(_METHODS).fetchall():
        state.methods[values[0], values[1]] = MethodAmount(*values)
    for key, kind, task_id in conn.execute(_QUESTIONS).fetchall():
        state.questions.setdefault((key, kind), set()).add(task_id)
    _read_postings(conn, state)
    read_answers(conn, state)
    state.refusals.update(row[0] for row in conn.execute(_REFUSALS))
    # Opening balances are those of the first run; once it is complete, late approvals meet closed periods.
    start = conn.execute(
        "SELECT cutover_date FROM finance.ledger_start WHERE NOT EXISTS ("
        " SELECT FROM finance.reconciliation_runs WHERE status = 'completed' AND NOT is_replay)"
    ).fetchone()
    state.cutover_date = start[0] if start is not None else None
    return state


def _read_postings(conn: psycopg.Connection, state: LedgerState) -> None:
    totals = {"accrued": state.accrued, "reversed": state.reversed, "released": state.released}
    for promotion_key, movement, claim_id, amount in conn.execute(
        "SELECT promotion_key, movement, claim_id, sum(amount) FROM finance.accrual_ledger GROUP BY 1, 2, 3"
    ).fetchall():
        totals[movement][promotion_key] += amount if movement == "accrued" else -amount
        if movement == "reversed" and claim_id is not None:
            state.reversed_by[claim_id, promotion_key] -= amount
    for promotion_key, claim_id, event, generation in conn.execute(
        "SELECT promotion_key, claim_id, event, max(generation) FROM finance.journals GROUP BY 1, 2, 3"
    ).fetchall():
        state.generations[promotion_key, claim_id, event] = generation
    for currency, account, balance in conn.execute(
        "SELECT currency, account_code, sum(debit_amount - credit_amount) FROM finance.journal_lines GROUP BY 1, 2"
    ).fetchall():
        state.balances[currency, account] = ZERO + balance
    head = conn.execute(
        "SELECT sequence, hash FROM finance.gl_snapshots ORDER BY sequence DESC LIMIT 1"
    ).fetchone()
    if head is not None:
        state.chain_head = head
    for values in conn.execute(
        "SELECT promotion_key, expense_account_code, accrued_account_code FROM finance.promotion_accounts"
    ).fetchall():
        state.booked[values[0]] = PromotionAccounts(*values)
    state.tasks.update(
        row[0]
        for row in conn.execute("SELECT task_id FROM finance.claim_tasks WHERE task_type = 'AMOUNT_CHANGED'")
    )
