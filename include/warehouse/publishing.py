"""The outbox, receipts and remote rejects: every read and write of the publish schema."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from include.errors import TradewindError
from include.publish.destinations import Outcome
from include.publish.exports import Export
from include.publish.items import Item
from include.publish.plan import Entry, Known
from include.warehouse.lease import Lease


@dataclass(frozen=True)
class Receipt:
    """What one publish of one export did, or would do (a dry run)."""

    receipt_id: UUID
    export: str
    target: str
    object: str
    mode: str
    dry_run: bool
    period: str
    as_of: date
    created: int
    updated: int
    unchanged: int
    deleted: int
    rejected: int
    payload_sha256: str
    payload_path: str
    remote_ids: Sequence[str]
    verification: Mapping[str, object]
    status: str
    run_id: str
    started_at: datetime
    ended_at: datetime


def read_rows(conn: psycopg.Connection, export: Export, *, period: str, as_of: date) -> list[dict]:
    """The rows of an export's query, under the tenant's row security."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(export.query, {"period": period, "as_of": as_of}).fetchall()


def known(conn: psycopg.Connection, export: Export) -> dict[str, Known]:
    """The newest generation of every business key of an export's object, with the content last confirmed."""
    rows = conn.execute(
        "SELECT DISTINCT ON (business_key) business_key, generation, status, content_sha256,"
        " (SELECT c.content_sha256 FROM publish.ledger c WHERE c.tenant_id = l.tenant_id"
        "   AND c.destination = l.destination AND c.object = l.object AND c.business_key = l.business_key"
        "   AND c.status = 'confirmed' ORDER BY c.generation DESC LIMIT 1), last_error"
        " FROM publish.ledger l WHERE destination = %s AND object = %s"
        " ORDER BY business_key, generation DESC",
        (export.destination, export.object),
    ).fetchall()
    return {row[0]: Known(*row[1:]) for row in rows}


def enqueue(
    conn: psycopg.Connection, tenant: str, export: Export, entries: Iterable[Entry], run_id: str
) -> None:
    """Put what is to be sent into the outbox. An older generation that still waits there is withdrawn."""
    entries = list(entries)
    withdrawn = [entry.item.key for entry in entries if entry.is_new]
    conn.execute(
        "UPDATE publish.ledger SET status = 'rejected', last_error = 'withdrawn: newer content took its place'"
        " WHERE destination = %s AND object = %s AND business_key = ANY(%s)"
        "   AND status IN ('pending', 'sending', 'unknown')",
        (export.destination, export.object, withdrawn),
    )
    conn.execute(
        "UPDATE publish.ledger SET status = 'pending' WHERE destination = %s AND object = %s"
        " AND status = 'unknown' AND business_key = ANY(%s)",
        (export.destination, export.object, [entry.item.key for entry in entries if not entry.is_new]),
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO publish.ledger (tenant_id, idem_key, destination, object, business_key, generation,"
            " operation, content_sha256, payload, run_id) VALUES (%s, %s, %s, %s, %s, %s, 'upsert', %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [
                (
                    tenant,
                    idem_key(tenant, export, entry),
                    export.destination,
                    export.object,
                    entry.item.key,
                    entry.generation,
                    entry.item.content_sha256,
                    Jsonb(dict(entry.item.payload)),
                    run_id,
                )
                for entry in entries
                if entry.is_new
            ],
        )


def idem_key(tenant: str, export: Export, entry: Entry) -> str:
    """sha256(tenant, target, object, key, generation, content): resolution C54."""
    parts = (
        tenant,
        export.destination,
        export.object,
        entry.item.key,
        str(entry.generation),
        entry.item.content_sha256,
    )
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def claim(conn: psycopg.Connection, export: Export, lease: Lease, limit: int) -> list[Item]:
    """Mark the next waiting items as being sent by this attempt. Commit before sending them.

    What an older attempt was sending when it died is claimed again: every destination here may be sent the
    same item twice without harm.
    """
    rows = conn.execute(
        "UPDATE publish.ledger SET status = 'sending', attempt = attempt + 1, claim_token = %(token)s"
        " WHERE idem_key IN (SELECT idem_key FROM publish.ledger"
        "   WHERE destination = %(destination)s AND object = %(object)s"
        "     AND (status = 'pending' OR (status = 'sending' AND claim_token < %(token)s))"
        "   ORDER BY business_key LIMIT %(limit)s FOR UPDATE SKIP LOCKED)"
        " RETURNING business_key, payload, content_sha256",
        {"token": lease.token, "destination": export.destination, "object": export.object, "limit": limit},
    ).fetchall()
    return [Item(*row) for row in sorted(rows)]


def settle(conn: psycopg.Connection, export: Export, lease: Lease, outcomes: Iterable[Outcome]) -> None:
    """Write what became of the items this attempt was sending."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "UPDATE publish.ledger SET status = %s, external_id = coalesce(%s, external_id), last_error = %s,"
            " confirmed_at = CASE WHEN %s = 'confirmed' THEN now() END"
            " WHERE destination = %s AND object = %s AND business_key = %s AND status = 'sending'"
            " AND claim_token = %s",
            [
                (
                    o.status,
                    o.external_id,
                    f"{o.code}: {o.error}" if o.code else None,
                    o.status,
                    export.destination,
                    export.object,
                    o.key,
                    lease.token,
                )
                for o in outcomes
            ],
        )


def mark_unknown(conn: psycopg.Connection, export: Export, differences: Mapping[str, str]) -> None:
    """What the read-back did not find as sent: its state is unknown, and the next publish sends it again."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "UPDATE publish.ledger SET status = 'unknown', last_error = %s WHERE idem_key = ("
            " SELECT idem_key FROM publish.ledger WHERE destination = %s AND object = %s AND business_key = %s"
            " ORDER BY generation DESC LIMIT 1)",
            [(text, export.destination, export.object, key) for key, text in differences.items()],
        )


def store_receipt(
    conn: psycopg.Connection, tenant: str, receipt: Receipt, rejects: Iterable[tuple[Item, str, str]]
) -> None:
    """Store a receipt with the items that were refused: (item, code, message)."""
    conn.execute(
        "INSERT INTO publish.receipts (tenant_id, receipt_id, export, target, object, mode, dry_run, period,"
        " as_of, created, updated, unchanged, deleted, rejected, payload_sha256, payload_path, remote_ids,"
        " verification, status, run_id, started_at, ended_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            tenant,
            receipt.receipt_id,
            receipt.export,
            receipt.target,
            receipt.object,
            receipt.mode,
            receipt.dry_run,
            receipt.period,
            receipt.as_of,
            receipt.created,
            receipt.updated,
            receipt.unchanged,
            receipt.deleted,
            receipt.rejected,
            receipt.payload_sha256,
            receipt.payload_path,
            Jsonb(list(receipt.remote_ids)),
            Jsonb(dict(receipt.verification)),
            receipt.status,
            receipt.run_id,
            receipt.started_at,
            receipt.ended_at,
        ),
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO publish.rejects (tenant_id, receipt_id, business_key, code, message, payload, run_id)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    tenant,
                    receipt.receipt_id,
                    item.key,
                    code,
                    message,
                    Jsonb(dict(item.payload)),
                    receipt.run_id,
                )
                for item, code, message in rejects
            ],
        )


def require_fresh(
    conn: psycopg.Connection, export: Export, *, as_of: date, period: str, max_age_days: int
) -> None:
    """Refuse to publish results that are missing, failed or too old.

    The newest run of the producing verb (for a forecast: of this period) must have succeeded, with a
    business date at most `max_age_days` before `as_of`.
    """
    row = conn.execute(
        "SELECT status, as_of, run_id, error FROM ops.runs WHERE verb = %s"
        " AND (%s <> 'forecast' OR period = %s) ORDER BY started_at DESC LIMIT 1",
        (export.side, export.side, period),
    ).fetchone()
    where = f"freshness of {export.name}"
    if row is None:
        raise TradewindError(
            where=where,
            expected=f"a successful run of {export.side} for {period}",
            got="none",
            remedy=f"run {export.side} first",
        )
    status, made_for, run_id, error = row
    if status != "success":
        raise TradewindError(
            where=where,
            expected=f"the last run of {export.side} to have succeeded",
            got=f"{run_id} is {status}: {error or 'no message'}",
            remedy=f"mend and re-run {export.side}; then publish",
        )
    age = (as_of - made_for).days
    if age > max_age_days:
        raise TradewindError(
            where=where,
            expected=f"results at most {max_age_days} days older than {as_of}",
            got=f"results of {made_for} ({age} days older)",
            remedy=f"run {export.side} for {as_of}, or raise publish.max_age_days",
        )
