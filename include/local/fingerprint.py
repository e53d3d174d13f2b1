"""Row counts and checksums of a tenant's business tables: did a run change anything?

What says when and by which run something was written is left out: run ids, times of writing, attempts.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

SCHEMAS = ("master", "planning", "finance", "intelligence", "publish")
#: Tables that record runs, one row or more for each.
RECORDS_OF_RUNS = {("publish", "receipts"), ("publish", "rejects"), ("finance", "reconciliation_runs")}
VOLATILE = ("run_id", "attempt", "claim_token", "trigger")


@dataclass(frozen=True)
class Print:
    """One table's rows and their checksum, independent of order."""

    rows: int
    checksum: str


def take(conn: psycopg.Connection, tenant: str) -> dict[str, Print]:
    """Table name -> print, over the rows of `tenant`. `conn` reads all tenants or only this one."""
    found: dict[str, Print] = {}
    for schema, table, columns in _tables(conn):
        row = sql.SQL("md5(ROW({})::text)").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
        query = sql.SQL(
            "SELECT count(*), coalesce(md5(string_agg(h, '' ORDER BY h COLLATE \"C\")), '')"
            " FROM (SELECT {row} AS h FROM {table} WHERE tenant_id = %s) AS hashed"
        ).format(row=row, table=sql.Identifier(schema, table))
        rows, checksum = conn.execute(query, (tenant,)).fetchone()
        found[f"{schema}.{table}"] = Print(rows, checksum)
    return found


def changes(before: dict[str, Print], after: dict[str, Print]) -> list[str]:
    """One line per table that differs: its rows before and after."""
    return [
        f"{name}: {_rows(before.get(name))} -> {_rows(after.get(name))} rows"
        + ("" if _rows(before.get(name)) != _rows(after.get(name)) else ", other content")
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _rows(found: Print | None) -> int:
    return found.rows if found else 0


def _tables(conn: psycopg.Connection) -> list[tuple[str, str, list[str]]]:
    """Tables with a tenant, partitions left to their parent, and their columns that say what and not when."""
    rows = conn.execute(
        "SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        "   AND EXISTS (SELECT 1 FROM pg_attribute t WHERE t.attrelid = c.oid AND t.attname = 'tenant_id')"
        "   AND NOT a.attname = ANY(%s) AND a.atttypid <> 'timestamptz'::regtype"
        " GROUP BY 1, 2 ORDER BY 1, 2",
        (list(SCHEMAS), list(VOLATILE)),
    ).fetchall()
    return [
        (schema, table, columns) for schema, table, columns in rows if (schema, table) not in RECORDS_OF_RUNS
    ]
