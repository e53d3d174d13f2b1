"""Landing tables: what arrived, typed, with where it came from, every version kept.

`staging.raw_<system>__<stream>` is made from the stream's columns. A changed record ends the old version
(`_superseded_at`) and adds a new one; the current version of a key is unique. No foreign keys: an orphan is
a finding of the loader, not an error of the database.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from include.errors import TradewindError
from include.extract.contracts import POSTGRES_TYPES
from include.extract.manifest import Stream, System, systems
from include.warehouse.copy import relation_name

#: Columns the loader adds after the stream's own.
METADATA = {
    "_extra": "jsonb",
    "_source_file": "text NOT NULL",
    "_row_number": "bigint NOT NULL",
    "_row_hash": "text NOT NULL",
    "_run_id": "text NOT NULL",
    "_loaded_at": "timestamptz NOT NULL DEFAULT now()",
    "_superseded_at": "timestamptz",
}


def ensure_all(conn: psycopg.Connection) -> None:
    """Create every landing table that is missing and add columns that are new; `conn` is tw_pipeline's."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('tradewind.landing', 0))")
    there = _existing_columns(conn)
    for system in systems().values():
        for stream in system.streams:
            _ensure(conn, system, stream, there.get(system.relation(stream), {}))


def column_types(stream: Stream) -> dict[str, str]:
    """PostgreSQL type of every column of the stream, in order."""
    return {column.name: POSTGRES_TYPES[column.type] for column in stream.columns}


def _ensure(conn: psycopg.Connection, system: System, stream: Stream, there: dict[str, str]) -> None:
    relation = system.relation(stream)
    wanted = column_types(stream)
    if not there:
        _create(conn, system, stream, wanted)
        return
    for name, type in wanted.items():
        if name not in there:
            conn.execute(
                sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
                    relation_name(relation), sql.Identifier(name), sql.SQL(type)
                )
            )
        elif there[name] != _full_name(type):
            raise TradewindError(
                where=f"{relation}.{name}",
                expected=_full_name(type),
                got=there[name],
                remedy="write a migration that converts the column; a landing column never changes its type in silence",
            )


def _create(conn: psycopg.Connection, system: System, stream: Stream, wanted: dict[str, str]) -> None:
    relation = relation_name(system.relation(stream))
    columns = [sql.SQL("tenant_id text NOT NULL")]
    for name, type in {**wanted, **METADATA}.items():
        columns.append(sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type)))
    conn.execute(sql.SQL("CREATE TABLE {} ({})").format(relation, sql.SQL(", ").join(columns)))
    conn.execute(
        sql.SQL(
            "CREATE UNIQUE INDEX {} ON {} (tenant_id, {}) NULLS NOT DISTINCT WHERE _superseded_at IS NULL"
        ).format(
            sql.Identifier(f"raw_{system.name}__{stream.name}_current"),
            relation,
            sql.SQL(", ").join(map(sql.Identifier, stream.key)),
        )
    )
    # Few rows: the loader asks it whether a file has brought a version before.
    conn.execute(
        sql.SQL("CREATE INDEX {} ON {} (tenant_id, {}) WHERE _superseded_at IS NOT NULL").format(
            sql.Identifier(f"raw_{system.name}__{stream.name}_history"),
            relation,
            sql.SQL(", ").join(map(sql.Identifier, stream.key)),
        )
    )
    conn.execute(
        sql.SQL("COMMENT ON TABLE {} IS {}").format(
            relation, sql.Literal(f"{system.title}: {stream.name} as it arrived, every version kept")
        )
    )


def _existing_columns(conn: psycopg.Connection) -> dict[str, dict[str, str]]:
    """Columns of every table of `staging` with their types as PostgreSQL spells them."""
    rows = conn.execute(
        "SELECT 'staging.' || c.relname, a.attname, format_type(a.atttypid, a.atttypmod)"
        " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE c.relnamespace = 'staging'::regnamespace AND c.relkind = 'r'"
        "   AND a.attnum > 0 AND NOT a.attisdropped"
    ).fetchall()
    there: dict[str, dict[str, str]] = {}
    for relation, column, type in rows:
        there.setdefault(relation, {})[column] = type
    return there


def _full_name(type: str) -> str:
    return {"timestamptz": "timestamp with time zone"}.get(type, type)
