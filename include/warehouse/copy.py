"""Rows in bulk: COPY where row security allows it, COPY plus INSERT where it does not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import psycopg
from psycopg import sql


def relation_name(relation: str) -> sql.Composed:
    """`schema.table` as a quoted identifier."""
    return sql.SQL(".").join(sql.Identifier(part) for part in relation.split("."))


def copy_rows(
    conn: psycopg.Connection, relation: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> int:
    """COPY `rows` (tuples in the order of `columns`) into `relation`; returns the number of rows sent.

    PostgreSQL refuses COPY into a table with row security for a role without BYPASSRLS: engines use
    `insert_new`.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(relation_name(relation), _columns(columns))
    count = 0
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def insert_new(
    conn: psycopg.Connection, relation: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> int:
    """Insert the rows whose key is not there yet, in one statement; returns how many were new.

    Deterministic keys make this the idempotent write of the engines: the same batch again inserts nothing.
    """
    names = _columns(columns)
    conn.execute(
        sql.SQL("CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            names, relation_name(relation)
        )
    )
    copy_rows(conn, "incoming", columns, rows)
    inserted = conn.execute(
        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM incoming ON CONFLICT DO NOTHING").format(
            relation_name(relation), names, names
        )
    ).rowcount
    conn.execute("DROP TABLE incoming")
    return inserted


def _columns(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in columns)
