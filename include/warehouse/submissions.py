"""What people post through the API: rows of a contract, approvals, and the tasks that are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from include.extract.contracts import Contract

_TASKS = """
    SELECT t.task_id::text, t.task_type, coalesce(c.deduction_key, c.payment_key) AS claim_key,
           c.source_kind AS claim_kind, c.customer_key, c.outcome, t.promotion_key, t.amount::text, t.currency,
           t.due_date, t.opened_as_of, t.detail, t.proposal
    FROM finance.claim_tasks t LEFT JOIN finance.claims c USING (tenant_id, claim_id)
    WHERE t.status = 'open'
    ORDER BY abs(t.amount) DESC, t.task_id LIMIT %s
"""


@dataclass(frozen=True)
class PostedRow:
    """A row as it is stored."""

    content: dict[str, str]
    by: str
    at: datetime


def is_active(conn: psycopg.Connection, tenant: str) -> bool:
    """Whether the tenant is one of this warehouse and active; `conn` is a pipeline transaction."""
    query = "SELECT 1 FROM tenancy.tenants WHERE tenant_id = %s AND is_active"
    return conn.execute(query, (tenant,)).fetchone() is not None


def insert_row(
    conn: psycopg.Connection, tenant: str, contract: str, key: str, content: Mapping[str, str], who: str
) -> bool:
    """Store a row unless its key is taken; whether it is new."""
    return bool(
        conn.execute(
            "INSERT INTO finance.posted_rows (tenant_id, contract, row_key, content, posted_by)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (tenant, contract, key, Jsonb(dict(content)), who),
        ).rowcount
    )


def read_row(conn: psycopg.Connection, contract: str, key: str) -> PostedRow | None:
    """The posted row of a key, None when there is none."""
    row = conn.execute(
        "SELECT content, posted_by, posted_at FROM finance.posted_rows WHERE contract = %s AND row_key = %s",
        (contract, key),
    ).fetchone()
    return None if row is None else PostedRow(*row)


def is_in_files(conn: psycopg.Connection, contract: Contract, key: str) -> bool:
    """Whether a file has brought a row of this key."""
    return _in_files(conn, contract, key) is not None


def decider_of(conn: psycopg.Connection, contract: Contract, key: str) -> str | None:
    """Who decided a row, posted or from a file, the one submitted first; None when there is no such row."""
    posted, filed = read_row(conn, contract.name, key), _in_files(conn, contract, key)
    if posted is None or (filed is not None and filed[1] < posted.at):
        return None if filed is None else filed[0]
    return posted.by


def insert_approval(
    conn: psycopg.Connection, tenant: str, contract: str, key: str, who: str
) -> tuple[bool, datetime]:
    """Store an approval, once per person; whether it is new, and when it was given."""
    is_new = conn.execute(
        "INSERT INTO finance.posted_approvals (tenant_id, contract, row_key, approved_by) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (tenant, contract, key, who),
    ).rowcount
    row = conn.execute(
        "SELECT approved_at FROM finance.posted_approvals"
        " WHERE contract = %s AND row_key = %s AND approved_by = %s",
        (contract, key, who),
    ).fetchone()
    return bool(is_new), row[0]


def read_tasks(conn: psycopg.Connection, limit: int) -> list[dict[str, object]]:
    """Open tasks, the largest amounts first; `conn` is an engine transaction of the tenant."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_TASKS, (limit,)).fetchall()


def _in_files(conn: psycopg.Connection, contract: Contract, key: str) -> tuple[str, datetime] | None:
    query = sql.SQL(
        "SELECT decided_by, _loaded_at FROM {} WHERE {} = %s AND _superseded_at IS NULL LIMIT 1"
    ).format(sql.Identifier("staging", f"raw_files__{contract.name}"), sql.Identifier(contract.key[0]))
    return conn.execute(query, (key,)).fetchone()
