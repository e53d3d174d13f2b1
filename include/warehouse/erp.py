"""What ERPs answered to our journals: read from the outbox and the ERP's own ledger, kept in finance.erp_answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import psycopg

from include.reconcile.acknowledge import Answer, Answered, Applied
from include.reconcile.records import Journal, Line, Settlement
from include.warehouse.copy import insert_new
from include.warehouse.trade import Stamp

_SENT = """
    SELECT DISTINCT ON (destination, business_key) business_key::uuid, destination, generation, status, external_id,
           coalesce(last_error, 'no reason given')
    FROM publish.ledger WHERE object = %s ORDER BY destination, business_key, generation DESC
"""

_SHOWN = """
    SELECT confirmed_journal_id, min(journal_key), coalesce(sum(debit_amount), 0)
    FROM finance.gl_lines WHERE is_confirmation AND scenario = 'actual' AND posting_date <= %s
    GROUP BY confirmed_journal_id
"""

_JOURNALS = """
    SELECT j.journal_id, j.event, j.generation, j.posting_date, j.original_posting_date, j.posted_by,
           j.promotion_key, j.claim_id, l.currency, l.lines
    FROM finance.journals j CROSS JOIN LATERAL (
        SELECT min(currency) AS currency,
               jsonb_agg(jsonb_build_array(account_code, debit_amount::text, credit_amount::text)
                         ORDER BY line_number) AS lines
        FROM finance.journal_lines jl WHERE jl.tenant_id = j.tenant_id AND jl.journal_id = j.journal_id
    ) l WHERE j.journal_id = ANY(%s)
"""

_QUEUED = """
    SELECT gl_posting_json ->> 'idempotency_key', settlement_id, claim_id, promotion_key, amount_settled, currency,
           status, settled_as_of, audit_flag, late_after_release, reverses_settlement_id, gl_posting_json
    FROM finance.settlements WHERE status = 'Queued'
"""

#: The channel of an ERP that shows our journals in its own ledger (contract gl_journal_lines).
GL = "gl_journal_lines"

_COLUMNS = (
    "tenant_id", "journal_id", "channel", "answer_number", "answer", "external_id", "message", "effect",
    "reversing_journal_id", "as_of", "run_id", "rule_version", "input_hash",
)  # fmt: skip


def read_answers(conn: psycopg.Connection, *, sent_as: str, as_of: date) -> list[Answered]:
    """Answers that were not applied yet to journals up to `as_of`; `sent_as` is the outbox's object of journals.

    Read in pieces and put together here: the tables grow by thousands between two looks of the planner's.
    """
    known: dict[UUID, set[tuple[str, int]]] = {}
    confirmed: set[tuple[UUID, str]] = set()
    for journal_id, channel, number, answer in conn.execute(
        "SELECT journal_id, channel, answer_number, answer FROM finance.erp_answers"
    ):
        known.setdefault(journal_id, set()).add((channel, number))
        if answer == "confirmed":
            confirmed.add((journal_id, channel))
    settled = {journal_id for journal_id, _ in confirmed}
    routes = {
        journal_id: (route, event)
        for journal_id, route, event in conn.execute(
            "SELECT journal_id, route, event FROM finance.erp_postings WHERE as_of <= %s AND route <> 'withdrawn'",
            (as_of,),
        )
    }
    found = [
        (journal_id, Answer("erp_ledger", 1, "confirmed"))
        for journal_id, (route, event) in routes.items()
        if route == "opening" or (route == "erp" and event == "AP_VOUCHER")
    ]
    found += _sent(conn, sent_as)
    found = [(journal_id, answer) for journal_id, answer in found if journal_id not in settled]
    # Another amount in the ERP's own ledger is worth a question whatever the ERP said when it was sent the journal.
    found += [
        (journal_id, answer)
        for journal_id, answer in _shown(conn, as_of)
        if (journal_id, GL) not in confirmed and (answer.verdict == "differs" or journal_id not in settled)
    ]
    return _with_journals(
        conn,
        [
            (journal_id, answer)
            for journal_id, answer in found
            if journal_id in routes and (answer.channel, answer.number) not in known.get(journal_id, ())
        ],
    )


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


def _sent(conn: psycopg.Connection, sent_as: str) -> list[tuple[UUID, Answer]]:
    """What a publish was told of the last sending of each journal."""
    verdicts = {"confirmed": "confirmed", "rejected": "refused"}
    return [
        (
            journal_id,
            Answer(
                channel,
                number,
                verdicts[status],
                external_id,
                message if status == "rejected" else None,
            ),
        )
        for journal_id, channel, number, status, external_id, message in conn.execute(_SENT, (sent_as,))
        if status in verdicts
    ]


def _shown(conn: psycopg.Connection, as_of: date) -> list[tuple[UUID, Answer]]:
    """What the ERP's own ledger shows of our journals: a line carries our id, and the totals agree or not."""
    if conn.execute("SELECT to_regclass('finance.gl_lines')").fetchone()[0] is None:
        return []
    shown = conn.execute(_SHOWN, (as_of,)).fetchall()
    ours = dict(
        conn.execute(
            "SELECT journal_id, sum(debit_amount) FROM finance.journal_lines WHERE journal_id = ANY(%s) GROUP BY 1",
            ([row[0] for row in shown],),
        ).fetchall()
    )
    answers = []
    for journal_id, key, total in shown:
        if total == ours.get(journal_id):
            answers.append((journal_id, Answer(GL, 2, "confirmed", key)))
        else:
            words = f"journal {key} debits {total}, ours {ours.get(journal_id, 0)}"
            answers.append((journal_id, Answer(GL, 1, "differs", key, words)))
    return answers


def _with_journals(conn: psycopg.Connection, answers: Sequence[tuple[UUID, Answer]]) -> list[Answered]:
    if not answers:
        return []
    ids = list({journal_id for journal_id, _ in answers})
    journals = {row[0]: _journal(row) for row in conn.execute(_JOURNALS, (ids,))}
    waiting = {row[0]: Settlement(*row[1:]) for row in conn.execute(_QUEUED)}
    return [
        Answered(journals[journal_id], answer, waiting.get(str(journal_id))) for journal_id, answer in answers
    ]


def _journal(row: Sequence[object]) -> Journal:
    journal_id, event, generation, posting, original, posted_by, promotion_key, claim_id, currency, lines = (
        row
    )
    return Journal(
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
