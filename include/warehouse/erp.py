"""What ERPs answered to our journals: read from the outbox and the ERP's own ledger, kept in finance.erp_answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

import psycopg

from include.reconcile.acknowledge import Answer, Answered, Applied
from include.reconcile.records import Journal, Line, Settlement
from include.warehouse.copy import insert_new
from include.warehouse.trade import Stamp

#: Journals the ERP has without being asked, those it was sent, and those its own ledger shows.
_ANSWERS = """
    WITH waiting AS (
        SELECT p.journal_id, p.route, p.event FROM finance.erp_postings p
        WHERE p.as_of <= %(as_of)s AND p.route <> 'withdrawn' AND NOT EXISTS (
            SELECT FROM finance.erp_answers a WHERE a.journal_id = p.journal_id AND a.answer = 'confirmed')
    ),
    sent AS (
        SELECT DISTINCT ON (l.destination, l.business_key) l.business_key::uuid AS journal_id, l.destination,
               l.generation, l.status, l.external_id, l.last_error
        FROM publish.ledger l WHERE l.object = %(object)s
        ORDER BY l.destination, l.business_key, l.generation DESC
    )
    SELECT journal_id, 'erp_ledger' AS channel, 1::bigint AS number, 'confirmed' AS verdict, NULL AS external_id,
           NULL AS message
    FROM waiting WHERE route = 'opening' OR event = 'AP_VOUCHER'
    UNION ALL
    SELECT sent.journal_id, sent.destination, sent.generation,
           CASE sent.status WHEN 'confirmed' THEN 'confirmed' ELSE 'refused' END,
           sent.external_id, CASE sent.status WHEN 'rejected' THEN coalesce(sent.last_error, 'no reason given') END
    FROM sent JOIN waiting USING (journal_id) WHERE sent.status IN ('confirmed', 'rejected')
"""

#: The ERP's own ledger confirms a journal when its lines carry our journal id and the same total.
_SHOWN = """
    UNION ALL
    SELECT journal_id, 'gl_journal_lines', CASE WHEN shown = ours THEN 2 ELSE 1 END,
           CASE WHEN shown = ours THEN 'confirmed' ELSE 'differs' END, journal_key,
           CASE WHEN shown <> ours THEN format('journal %%s debits %%s, ours %%s', journal_key, shown, ours) END
    FROM (
        SELECT g.confirmed_journal_id AS journal_id, min(g.journal_key) AS journal_key,
               coalesce(sum(g.debit_amount), 0) AS shown,
               (SELECT sum(debit_amount) FROM finance.journal_lines j WHERE j.journal_id = g.confirmed_journal_id) AS ours
        FROM finance.gl_lines g WHERE g.is_confirmation AND g.scenario = 'actual' AND g.posting_date <= %(as_of)s
        GROUP BY g.confirmed_journal_id
    ) shown_journals
    WHERE EXISTS (SELECT FROM finance.erp_postings p WHERE p.journal_id = shown_journals.journal_id
                  AND p.route = 'post' AND p.as_of <= %(as_of)s)
        AND NOT EXISTS (SELECT FROM finance.erp_answers a WHERE a.journal_id = shown_journals.journal_id
                        AND (a.channel = 'gl_journal_lines' OR shown = ours) AND a.answer = 'confirmed')
"""

_DETAILS = """
    SELECT a.*, j.event, j.generation, j.posting_date, j.original_posting_date, j.posted_by, j.promotion_key,
           j.claim_id, l.currency, l.lines, s.settlement_id, s.amount_settled, s.settled_as_of, s.audit_flag,
           s.late_after_release, s.gl_posting_json, s.claim_id, s.promotion_key
    FROM ({answers}) a
    JOIN finance.journals j ON j.journal_id = a.journal_id
    JOIN (
        SELECT journal_id, min(currency) AS currency,
               jsonb_agg(jsonb_build_array(account_code, debit_amount::text, credit_amount::text)
                         ORDER BY line_number) AS lines
        FROM finance.journal_lines GROUP BY journal_id
    ) l ON l.journal_id = a.journal_id
    LEFT JOIN finance.settlements s
        ON s.gl_posting_json ->> 'idempotency_key' = a.journal_id::text AND s.status = 'Queued'
    WHERE NOT EXISTS (SELECT FROM finance.erp_answers done WHERE done.journal_id = a.journal_id
                      AND done.channel = a.channel AND done.answer_number = a.number)
"""

_COLUMNS = (
    "tenant_id", "journal_id", "channel", "answer_number", "answer", "external_id", "message", "effect",
    "reversing_journal_id", "as_of", "run_id", "rule_version", "input_hash",
)  # fmt: skip


def read_answers(conn: psycopg.Connection, *, sent_as: str, as_of: date) -> list[Answered]:
    """Answers that were not applied yet to journals up to `as_of`; `sent_as` is the outbox's object of journals."""
    answers = _ANSWERS
    if conn.execute("SELECT to_regclass('finance.gl_lines')").fetchone()[0] is not None:
        answers += _SHOWN
    rows = conn.execute(_DETAILS.format(answers=answers), {"as_of": as_of, "object": sent_as}).fetchall()
    return [_answered(row) for row in rows]


def write_answers(conn: psycopg.Connection, stamp: Stamp, applied: Iterable[Applied]) -> None:
    """Keep what was answered and what it changed, in the transaction of the changes."""
    rows = [
        (
            stamp.tenant, a.answered.journal.journal_id, a.answered.answer.channel, a.answered.answer.number,
            a.answered.answer.verdict, a.answered.answer.external_id, a.answered.answer.message, a.effect,
            a.reversing_journal_id, *stamp.provenance[:2], stamp.rule_version, stamp.input_hash,
        )
        for a in applied
    ]  # fmt: skip
    insert_new(conn, "finance.erp_answers", _COLUMNS, rows)


def latest_stamp(conn: psycopg.Connection) -> tuple[date, str] | None:
    """Business date and inputs' hash the ledger has reached, None when the tenant was never reconciled."""
    return conn.execute(
        "SELECT as_of, input_hash FROM finance.reconciliation_runs WHERE NOT is_replay"
        " ORDER BY as_of DESC, run_id DESC LIMIT 1"
    ).fetchone()


def standing(conn: psycopg.Connection) -> dict[str, int]:
    """How many of the journals we post are confirmed, refused, withdrawn after a refusal, or wait for an answer."""
    rows = conn.execute(
        "SELECT CASE WHEN p.route = 'withdrawn' THEN 'withdrawn' ELSE coalesce(a.answer, 'waiting') END, count(*)"
        " FROM finance.erp_postings p LEFT JOIN ("
        "   SELECT DISTINCT ON (journal_id) journal_id, answer FROM finance.erp_answers"
        "   ORDER BY journal_id, answer = 'confirmed' DESC, answer_number DESC) a USING (journal_id)"
        " WHERE p.route = 'post' OR p.route = 'withdrawn' AND p.event <> 'ACCRUAL_REFUSED' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return dict(rows)


def _answered(row: Sequence[object]) -> Answered:
    journal_id, channel, number, verdict, external_id, message = row[:6]
    event, generation, posting, original, posted_by, promotion_key, claim_id, currency, lines = row[6:15]
    journal = Journal(
        journal_id=journal_id,
        event=event,
        generation=generation,
        currency=currency,
        posting_date=posting,
        original_posting_date=original,
        posted_by=posted_by,
        promotion_key=promotion_key,
        claim_id=claim_id,
        lines=tuple(Line(code, Decimal(debit), Decimal(credit)) for code, debit, credit in lines),
    )
    settlement = None
    if row[15] is not None:
        number_of, amount, as_of, audit_flag, late, payload, of_claim, of_promotion = row[15:]
        settlement = Settlement(
            number_of,
            of_claim,
            of_promotion,
            amount,
            currency,
            "Queued",
            as_of,
            audit_flag,
            late,
            None,
            payload,
        )
    return Answered(journal, Answer(channel, number, verdict, external_id, message), settlement)
