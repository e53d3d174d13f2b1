"""Loads one file or stream into its landing table: data, rejects, watermark and load row in one transaction.

A delivery is compared with the current rows by key and hash: equal rows are not touched, changed rows end the
old version and add a new one, rows absent from the delivery stay unless the stream is a snapshot. An older
part delivered again beside a newer one does not turn time back: a version this file has brought before stays
superseded. Every row read ends as loaded, unchanged or rejected, and so does every amount; the transaction
fails otherwise (reliability P5).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TextIO

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from include.errors import TradewindError
from include.extract.check import UNIT, Checked, Reject, copy_text
from include.extract.landing import column_types
from include.extract.manifest import Stream, System
from include.extract.parse import NULL
from include.extract.set_rules import Scope, apply_set_rules, same_key
from include.warehouse.copy import relation_name

#: Rejects up to this size wait in memory while the good rows are being copied, then on disk.
SPOOL_BYTES = 16 << 20
#: Rows of `incoming` that the landing table does not hold yet in this form, alias `i`.
NEW_ROWS = "FROM incoming i LEFT JOIN fate f ON f._fate_row = i._row_number WHERE f.is_known IS NOT TRUE"


@dataclass(frozen=True)
class Delivery:
    """What is being loaded: a stream of a system for a tenant, from a file (empty name: from an API)."""

    tenant: str
    run_id: str
    system: System
    stream: Stream
    file: str = ""
    content_sha256: str | None = None
    is_incremental: bool = False

    @property
    def relation(self) -> str:
        """The landing table."""
        return self.system.relation(self.stream)


@dataclass
class LoadResult:
    """The figures of staging.loads. Amounts are None for streams without one."""

    stream: str
    file: str
    rows_read: int = 0
    rows_loaded: int = 0
    rows_unchanged: int = 0
    rows_superseded: int = 0
    rows_rejected: int = 0
    amount_read: Decimal | None = None
    amount_loaded: Decimal | None = None
    amount_unchanged: Decimal | None = None
    amount_rejected: Decimal | None = None
    drift: dict[str, object] = field(default_factory=dict)
    status: str = "loaded"
    message: str | None = None


def load(
    conn: psycopg.Connection,
    delivery: Delivery,
    batches: Iterable[Checked],
    *,
    notes: Callable[[], dict[str, object]] = dict,
    watermark: Callable[[], datetime | None] = lambda: None,
    ended_keys: Callable[[], list[str]] = list,
    then: Callable[[psycopg.Connection, Delivery], None] | None = None,
) -> LoadResult:
    """Load the checked batches inside the transaction of `conn` (tw_pipeline); the caller commits.

    `notes`, `watermark` and `ended_keys` (records the source has deleted) are asked once all batches are
    read. `then` runs before the figures are stored, with the temp tables still there. Raises TradewindError
    when the figures do not conserve.
    """
    started = conn.execute("SELECT clock_timestamp()").fetchone()[0]
    result = LoadResult(delivery.stream.name, delivery.file)
    _create_temp_tables(conn, delivery.stream)
    amount_read = _copy(conn, delivery.stream, batches, result)
    scope = Scope(conn, delivery.tenant, delivery.stream, delivery.relation)
    result.drift = {**apply_set_rules(scope), **notes()}
    _merge(conn, delivery, result, ended_keys())
    if then is not None:
        then(conn, delivery)
    _sum_rejected(conn, delivery.stream, result, amount_read)
    _require_conservation(delivery, result)
    _replace_rejects(conn, delivery)
    if (reached := watermark()) is not None:
        _store_watermark(conn, delivery, reached)
    store_result(conn, delivery, result, started)
    conn.execute("DROP TABLE incoming, refused, fate")
    return result


def refuse_whole(conn: psycopg.Connection, delivery: Delivery, reject: Reject) -> LoadResult:
    """Record a file that could not be read at all: no rows, one finding without a row number."""
    started = conn.execute("SELECT clock_timestamp()").fetchone()[0]
    result = LoadResult(delivery.stream.name, delivery.file, status="refused", message=reject.reason)
    _create_temp_tables(conn, delivery.stream)
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as spool:
        _spool(spool, [reject])
        _copy_rejects(conn, spool)
    _replace_rejects(conn, delivery)
    store_result(conn, delivery, result, started)
    conn.execute("DROP TABLE incoming, refused")
    return result


def _create_temp_tables(conn: psycopg.Connection, stream: Stream) -> None:
    # Hash joins and hash aggregates over a large file stay in memory.
    conn.execute("SET LOCAL work_mem = '256MB'")
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type))
        for name, type in column_types(stream).items()
    )
    conn.execute(
        sql.SQL(
            "CREATE TEMP TABLE incoming (_row_number bigint, _row_hash text, _extra jsonb, {}) ON COMMIT DROP"
        ).format(columns)
    )
    conn.execute(
        "CREATE TEMP TABLE refused (row_number bigint, column_name text, found text, expected text, reason text,"
        " raw_row jsonb, amount numeric) ON COMMIT DROP"
    )


def _copy(conn: psycopg.Connection, stream: Stream, batches: Iterable[Checked], result: LoadResult) -> int:
    """Stream good rows into `incoming` and refused ones into `refused`; returns the amount read, in 1/10,000."""
    amount_read = 0
    columns = sql.SQL(", ").join(map(sql.Identifier, ("_row_number", "_row_hash", "_extra", *stream.names)))
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES, "w+", encoding="utf-8", newline="") as spool:
        with (
            conn.cursor() as cursor,
            cursor.copy(sql.SQL("COPY incoming ({}) FROM STDIN").format(columns)) as copy,
        ):
            for checked in batches:
                if checked.lines:
                    copy.write("".join(checked.lines))
                _spool(spool, checked.rejects)
                result.rows_read += checked.rows_read
                amount_read += checked.amount_read
        _copy_rejects(conn, spool)
    conn.execute("ANALYZE incoming")
    return amount_read


def _spool(spool: TextIO, rejects: Iterable[Reject]) -> None:
    for r in rejects:
        amount = NULL if r.amount is None else str(Decimal(r.amount) / UNIT)
        number = NULL if r.row_number is None else str(r.row_number)
        texts = map(copy_text, (r.column, r.found, r.expected, r.reason, r.raw))
        spool.write("\t".join((number, *texts, amount)) + "\n")


def _copy_rejects(conn: psycopg.Connection, spool: TextIO) -> None:
    spool.seek(0)
    with (
        conn.cursor() as cursor,
        cursor.copy(
            "COPY refused (row_number, column_name, found, expected, reason, raw_row, amount) FROM STDIN"
        ) as copy,
    ):
        while block := spool.read(1 << 20):
            copy.write(block)


def _merge(conn: psycopg.Connection, delivery: Delivery, result: LoadResult, ended_keys: list[str]) -> None:
    """Compare with the current rows, end changed versions, add new ones; sets the figures of `result`."""
    stream, landing = delivery.stream, relation_name(delivery.relation)
    values = {"tenant": delivery.tenant, "file": delivery.file, "run": delivery.run_id}
    conn.execute(
        sql.SQL(
            "CREATE TEMP TABLE fate ON COMMIT DROP AS"
            " SELECT i._row_number AS _fate_row, l.ctid AS _held_version, l._row_hash = i._row_hash OR ("
            "   l._source_file <> %(file)s AND EXISTS (SELECT FROM {landing} o WHERE o.tenant_id = %(tenant)s"
            "     AND {same_old} AND o._superseded_at IS NOT NULL AND o._row_hash = i._row_hash"
            "     AND o._source_file = %(file)s)) AS is_known"
            " FROM incoming i JOIN {landing} l ON l.tenant_id = %(tenant)s AND {same}"
            "   AND l._superseded_at IS NULL"
        ).format(landing=landing, same=same_key(stream, "i", "l"), same_old=same_key(stream, "i", "o")),
        values,
    )
    conn.execute("ANALYZE fate")
    result.rows_superseded = conn.execute(
        sql.SQL(
            "UPDATE {} l SET _superseded_at = now() FROM fate f WHERE l.ctid = f._held_version AND NOT f.is_known"
        ).format(landing)
    ).rowcount
    result.rows_superseded += _end(conn, delivery, ended_keys)
    columns = sql.SQL(", ").join(map(sql.Identifier, ("_row_number", "_row_hash", "_extra", *stream.names)))
    result.rows_loaded = conn.execute(
        sql.SQL(
            "INSERT INTO {} (tenant_id, _source_file, _run_id, {columns})"
            " SELECT %(tenant)s, %(file)s, %(run)s, {columns} {new}"
        ).format(landing, columns=columns, new=sql.SQL(NEW_ROWS)),
        values,
    ).rowcount
    amount = sql.Identifier(stream.amount) if stream.amount else sql.SQL("NULL::numeric")
    row = conn.execute(
        sql.SQL(
            "SELECT count(*) FILTER (WHERE f.is_known), sum({amount}) FILTER (WHERE f.is_known),"
            " sum({amount}) FILTER (WHERE f.is_known IS NOT TRUE)"
            " FROM incoming i LEFT JOIN fate f ON f._fate_row = i._row_number"
        ).format(amount=amount)
    ).fetchone()
    result.rows_unchanged = row[0]
    if stream.amount:
        result.amount_unchanged, result.amount_loaded = row[1] or Decimal(0), row[2] or Decimal(0)


def _end(conn: psycopg.Connection, delivery: Delivery, ended_keys: list[str]) -> int:
    """End the current rows of records the source has deleted, and of a snapshot's vanished keys."""
    landing, stream = relation_name(delivery.relation), delivery.stream
    ended = 0
    if ended_keys:
        ended += conn.execute(
            sql.SQL(
                "UPDATE {} SET _superseded_at = now() WHERE tenant_id = %s AND _superseded_at IS NULL AND {} = ANY(%s)"
            ).format(landing, sql.Identifier(stream.key[0])),
            (delivery.tenant, ended_keys),
        ).rowcount
    if stream.full:
        ended += conn.execute(
            sql.SQL(
                "UPDATE {} l SET _superseded_at = now() WHERE tenant_id = %s AND _superseded_at IS NULL"
                " AND NOT EXISTS (SELECT FROM incoming i WHERE {})"
            ).format(landing, same_key(stream, "i", "l")),
            (delivery.tenant,),
        ).rowcount
    return ended


def _sum_rejected(conn: psycopg.Connection, stream: Stream, result: LoadResult, amount_read: int) -> None:
    rows, amount = conn.execute("SELECT count(*), sum(amount) FROM refused").fetchone()
    result.rows_rejected = rows
    if stream.amount:
        result.amount_read = Decimal(amount_read) / UNIT
        result.amount_rejected = amount or Decimal(0)


def _require_conservation(delivery: Delivery, result: LoadResult) -> None:
    ended = result.rows_loaded + result.rows_unchanged + result.rows_rejected
    where = f"{delivery.relation} · {delivery.file or delivery.stream.name}"
    if ended != result.rows_read:
        raise TradewindError(
            where=where,
            expected=f"{result.rows_read} rows read to be loaded, unchanged or rejected",
            got=str(ended),
            difference=str(ended - result.rows_read),
            remedy="nothing was stored; report this as a defect of the loader with the file",
        )
    if result.amount_read is None:
        return
    total = result.amount_loaded + result.amount_unchanged + result.amount_rejected
    if total != result.amount_read:
        raise TradewindError(
            where=f"{where} · {delivery.stream.amount}",
            expected=str(result.amount_read),
            got=str(total),
            difference=str(total - result.amount_read),
            remedy="nothing was stored; report this as a defect of the loader with the file",
        )


def _replace_rejects(conn: psycopg.Connection, delivery: Delivery) -> None:
    """Make `refused` the open findings of this file; findings that stand as before are not touched."""
    place = (delivery.tenant, delivery.system.name, delivery.stream.name, delivery.file)
    columns = "row_number, column_name, found, expected, reason, raw_row"
    mine = "r.tenant_id = %s AND r.source = %s AND r.stream = %s AND r.file = %s"
    # One text per finding keeps the comparison hashable: row by row it is quadratic.
    same = " = ".join(
        "ROW({})::text".format(", ".join(f"{alias}.{name}" for name in columns.split(", "))) for alias in "rn"
    )
    conn.execute(
        f"DELETE FROM staging.rejects r WHERE {mine} AND NOT EXISTS (SELECT FROM refused n WHERE {same})",
        place,
    )
    conn.execute(
        f"INSERT INTO staging.rejects (tenant_id, source, stream, file, run_id, {columns})"
        f" SELECT %s, %s, %s, %s, %s, {columns} FROM refused n"
        f" WHERE NOT EXISTS (SELECT FROM staging.rejects r WHERE {mine} AND {same}) ORDER BY row_number",
        (*place, delivery.run_id, *place),
    )


def _store_watermark(conn: psycopg.Connection, delivery: Delivery, reached: datetime) -> None:
    conn.execute(
        "INSERT INTO staging.watermarks (tenant_id, source, stream, watermark, run_id) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (tenant_id, source, stream) DO UPDATE SET watermark = EXCLUDED.watermark,"
        " run_id = EXCLUDED.run_id WHERE watermarks.watermark < EXCLUDED.watermark",
        (delivery.tenant, delivery.system.name, delivery.stream.name, reached, delivery.run_id),
    )


def store_result(conn: psycopg.Connection, delivery: Delivery, result: LoadResult, started: datetime) -> None:
    """Write the row of staging.loads; the same run loading the same file again replaces it."""
    columns = {
        "tenant_id": delivery.tenant,
        "run_id": delivery.run_id,
        "source": delivery.system.name,
        "stream": delivery.stream.name,
        "file": delivery.file,
        **{name: getattr(result, name) for name in _FIGURES},
        "drift": Jsonb(result.drift),
        "content_sha256": delivery.content_sha256,
        "is_incremental": delivery.is_incremental,
        "started_at": started,
    }
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    conn.execute(
        sql.SQL(
            "INSERT INTO staging.loads ({names}, ended_at) VALUES ({values}, clock_timestamp())"
            " ON CONFLICT (tenant_id, run_id, source, stream, file) DO UPDATE SET ({names}, ended_at) ="
            " ROW ({excluded}, EXCLUDED.ended_at)"
        ).format(
            names=names,
            values=sql.SQL(", ").join(map(sql.Placeholder, columns)),
            excluded=sql.SQL(", ").join(
                sql.SQL("EXCLUDED.{}").format(sql.Identifier(name)) for name in columns
            ),
        ),
        columns,
    )


_FIGURES = (
    "status",
    "message",
    "rows_read",
    "rows_loaded",
    "rows_unchanged",
    "rows_superseded",
    "rows_rejected",
    "amount_read",
    "amount_loaded",
    "amount_unchanged",
    "amount_rejected",
)
