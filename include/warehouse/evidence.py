"""The evidence of one tenant as it stands in the database: snapshot chain, settlements, journals.

Everything is read in one engine transaction of the tenant, through server-side cursors, so that memory does
not grow with the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg

from include.errors import CheckFailed
from include.reconcile.evidence import FIRST, Head
from include.reconcile.records import Snapshot

_ROWS_AT_A_TIME = 5_000

_LINKS = """
    SELECT sequence, settlement_id, change, payload, previous_hash, hash FROM finance.gl_snapshots ORDER BY sequence
"""

_SETTLEMENTS = """
    SELECT coalesce(l.settlement_id, s.settlement_id), g.sequence, g.payload, s.settlement_id IS NOT NULL,
           s.status, s.amount_settled::text, s.currency, s.claim_id::text, s.promotion_key
    FROM (SELECT settlement_id, max(sequence) AS sequence FROM finance.gl_snapshots GROUP BY 1) l
    JOIN finance.gl_snapshots g ON g.sequence = l.sequence AND g.settlement_id = l.settlement_id
    FULL JOIN finance.settlements s ON s.settlement_id = l.settlement_id
"""
_SAID = ("status", "amount_settled", "currency", "claim_id", "promotion_key")

#: What a settlement asked the ERP to post, against the journal of that id. A proposal (Draft) and a withdrawn one
#: have asked for nothing.
_POSTINGS = """
    WITH asked AS (
        SELECT s.settlement_id, s.gl_posting_json ->> 'idempotency_key' AS journal_id,
               (SELECT string_agg(concat_ws(' ', l.line ->> 'account_code', (l.line ->> 'debit_amount')::numeric(19, 4),
                    (l.line ->> 'credit_amount')::numeric(19, 4)), ', ' ORDER BY l.place)
                FROM jsonb_array_elements(s.gl_posting_json -> 'lines') WITH ORDINALITY AS l (line, place)) AS lines
        FROM finance.settlements s WHERE s.status IN ('Queued', 'Posted to ERP', 'Reversed')
    ), posted AS (
        SELECT j.journal_id::text AS journal_id,
               string_agg(concat_ws(' ', l.account_code, l.debit_amount, l.credit_amount), ', ' ORDER BY l.line_number)
                   AS lines
        FROM finance.journals j JOIN finance.journal_lines l USING (tenant_id, journal_id)
        WHERE j.status = 'Posted' AND j.event IN ('SETTLEMENT', 'SETTLEMENT_REVERSAL', 'AP_VOUCHER')
        GROUP BY 1
    )
    SELECT a.settlement_id, a.journal_id, a.lines, p.lines
    FROM asked a LEFT JOIN posted p USING (journal_id)
    WHERE a.lines IS DISTINCT FROM p.lines OR p.lines IS NULL ORDER BY 1
"""

_UNBALANCED = """
    SELECT j.journal_id, j.event, coalesce(l.currency, 'no line'), coalesce(sum(l.debit_amount), 0),
           coalesce(sum(l.credit_amount), 0)
    FROM finance.journals j LEFT JOIN finance.journal_lines l USING (tenant_id, journal_id)
    WHERE j.status = 'Posted'
    GROUP BY 1, 2, l.currency
    HAVING count(l.line_number) = 0 OR sum(l.debit_amount) <> sum(l.credit_amount) ORDER BY 1, 3
"""

_COUNTS = """
    SELECT (SELECT count(*) FROM finance.claims), (SELECT count(*) FROM finance.settlements),
           (SELECT count(*) FROM finance.journals), (SELECT count(*) FROM finance.journal_lines),
           (SELECT count(*) FROM finance.accrual_ledger)
"""
COUNTED = ("claims", "settlements", "journals", "journal_lines", "accrual_movements")


def chain_head(conn: psycopg.Connection) -> Head:
    """The last link of the tenant's chain."""
    row = conn.execute(
        "SELECT sequence, hash FROM finance.gl_snapshots ORDER BY sequence DESC LIMIT 1"
    ).fetchone()
    return Head(*row) if row else Head(0, FIRST)


def counts(conn: psycopg.Connection) -> dict[str, int]:
    """Rows of the evidence beside the chain; none of these numbers ever falls."""
    return dict(zip(COUNTED, conn.execute(_COUNTS).fetchone(), strict=True))


def links(conn: psycopg.Connection) -> Iterator[Snapshot]:
    """The whole chain in order."""
    for row in _stream(conn, "links", _LINKS):
        yield Snapshot(*row)


def settlements_unlike_their_snapshot(conn: psycopg.Connection) -> Iterator[CheckFailed]:
    """Settlements that are not what the chain last said about them, and those either side does not know."""
    for settlement_id, sequence, payload, exists, *present in _stream(conn, "settlements", _SETTLEMENTS):
        said, stands = _said(payload), tuple(present) if exists else None
        if said == stands:
            continue
        link = f"snapshot {sequence}" if sequence else "the chain"
        yield CheckFailed(
            where=f"finance.settlements · {settlement_id}",
            expected=f"{_shown(said)}, as {link} says",
            got=_shown(stands),
            remedy="find out who changed the row outside the engine; put back what the chain says",
        )


def postings_unlike_their_settlement(conn: psycopg.Connection) -> Iterator[CheckFailed]:
    """Settlements whose journal is missing, not posted, or has other lines than were asked for."""
    for settlement_id, journal_id, asked, posted in _stream(conn, "postings", _POSTINGS):
        yield CheckFailed(
            where=f"finance.settlements · {settlement_id} · journal {journal_id}",
            expected=f"a posted journal of {asked or 'the settlement'}",
            got=posted or "no such journal",
            remedy="find out who changed the journal or the settlement outside the engine; correct by a reversing journal",
        )


def unbalanced_journals(conn: psycopg.Connection) -> Iterator[CheckFailed]:
    """Posted journals whose debits and credits differ in a currency, or that have no line."""
    for journal_id, event, currency, debit, credit in _stream(conn, "journals", _UNBALANCED):
        yield CheckFailed(
            where=f"finance.journals · {event} {journal_id} · {currency}",
            expected="debits equal to credits",
            got=f"debit {debit}, credit {credit}",
            difference=str(debit - credit),
            remedy="find out who changed the journal's lines outside the engine; correct by a reversing journal",
        )


def _said(payload: str | None) -> tuple[str | None, ...] | None:
    """What a snapshot says of its settlement; a payload that is no JSON any more says nothing."""
    try:
        content = json.loads(payload) if payload is not None else None
    except ValueError:
        return None
    return tuple(content.get(name) for name in _SAID) if isinstance(content, dict) else None


def _shown(values: tuple[str | None, ...] | None) -> str:
    return " ".join(map(str, values)) if values else "no such settlement"


def _stream(conn: psycopg.Connection, name: str, query: str) -> Iterator[tuple]:
    with conn.cursor(name=f"evidence_{name}") as cursor:
        cursor.itersize = _ROWS_AT_A_TIME
        yield from cursor.execute(query)
