"""The financial statements of one tenant as documents."""

from __future__ import annotations

import psycopg


def read_statements(conn: psycopg.Connection) -> list[dict[str, object]]:
    """Statements of every legal entity and period, in order; none where the mart is not built."""
    built = conn.execute("SELECT to_regclass('finance.statement_payloads') IS NOT NULL").fetchone()[0]
    if not built:
        return []
    rows = conn.execute(
        "SELECT payload FROM finance.statement_payloads ORDER BY company_code, currency, fiscal_year, fiscal_period"
    ).fetchall()
    return [row[0] for row in rows]
