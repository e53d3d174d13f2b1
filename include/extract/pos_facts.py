"""Moves delivered POS rows into the monthly partitions of intelligence.pos_facts.

Runs in the transaction of the file's load and reads only the rows that are new or changed, so its cost
follows the delivery and not the table. A month that is not there yet is filled detached, indexed, then
attached, which is several times faster than inserting under an index; a month that exists is upserted.
Which products changed on which days is noted in intelligence.pos_changes, so that what is built from the facts need
not be built anew.
"""

from __future__ import annotations

from datetime import date

import psycopg
from psycopg import sql

from include.extract.load import NEW_ROWS, Delivery

_COLUMNS = (
    "tenant_id, sale_date, customer_key, product_key, units_sold, sales_value, period, is_promotion,"
    " promo_price_detected, retail_discount, currency, run_id"
)
_ROWS = (
    "SELECT %(tenant)s, i.sale_date, i.customer_key, i.product_key, i.units_sold, i.sales_value, i.period,"
    " i.is_promotion, i.promo_price_detected, i.retail_discount, coalesce(i.currency, %(currency)s), %(run)s"
    f" {NEW_ROWS}"
)
#: One pass over the delivery says what changed and which months it is about.
_NOTE_CHANGES = (
    "WITH noted AS (INSERT INTO intelligence.pos_changes (tenant_id, product_key, sale_date, run_id)"
    f" SELECT DISTINCT %(tenant)s, i.product_key, i.sale_date, %(run)s {NEW_ROWS} RETURNING sale_date)"
    " SELECT DISTINCT date_trunc('month', sale_date)::date FROM noted ORDER BY 1"
)
_REPLACED = ("units_sold", "sales_value", "period", "is_promotion", "promo_price_detected", "retail_discount")


def refresh(conn: psycopg.Connection, delivery: Delivery, currency: str) -> int:
    """Bring pos_facts in line with the file being loaded; returns the rows written.

    `currency` stands in where a row has none. To be called while the loader's temp tables exist.
    """
    values = {"tenant": delivery.tenant, "run": delivery.run_id, "currency": currency}
    months = conn.execute(_NOTE_CHANGES, values).fetchall()
    # An index is built from one sort in memory.
    conn.execute("SET LOCAL maintenance_work_mem = '256MB'")
    written = 0
    for (month,) in months:
        if not _exists(conn, month) and _claim(conn, month):
            written += _attach(conn, month, values)
        else:
            written += _upsert(conn, month, values)
    return written


def _name(month: date) -> str:
    return f"pos_facts_{month:%Y_%m}"


def _exists(conn: psycopg.Connection, month: date) -> bool:
    return conn.execute("SELECT to_regclass(%s)", (f"intelligence.{_name(month)}",)).fetchone()[0] is not None


def _claim(conn: psycopg.Connection, month: date) -> bool:
    """True when this transaction may create the month; another tenant's load may be doing so at this moment."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('tradewind.pos_facts', 0))")
    return not _exists(conn, month)


def _next(month: date) -> str:
    # 9999-12 is a month too, and its end is no date of Python's.
    year, number = divmod(month.year * 12 + month.month, 12)
    return f"{year:04d}-{number + 1:02d}-01"


def _in_month(month: date) -> sql.Composed:
    return sql.SQL("sale_date >= {} AND sale_date < {}").format(str(month), _next(month))


def _attach(conn: psycopg.Connection, month: date, values: dict[str, str]) -> int:
    table = sql.Identifier("intelligence", _name(month))
    conn.execute(
        sql.SQL(
            "CREATE TABLE {} (LIKE intelligence.pos_facts INCLUDING DEFAULTS INCLUDING CONSTRAINTS,"
            " CONSTRAINT in_month CHECK ({}))"
        ).format(table, _in_month(month))
    )
    written = conn.execute(
        sql.SQL("INSERT INTO {} ({}) {} AND {}").format(
            table, sql.SQL(_COLUMNS), sql.SQL(_ROWS), _in_month(month)
        ),
        values,
    ).rowcount
    conn.execute(
        sql.SQL("CREATE UNIQUE INDEX {} ON {} (tenant_id, product_key, sale_date, customer_key)").format(
            sql.Identifier(f"{_name(month)}_key"), table
        )
    )
    conn.execute(
        sql.SQL("ALTER TABLE intelligence.pos_facts ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            table, str(month), _next(month)
        )
    )
    # The bound says the same from here on.
    conn.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT in_month").format(table))
    return written


def _upsert(conn: psycopg.Connection, month: date, values: dict[str, str]) -> int:
    replaced = ", ".join(f"{name} = EXCLUDED.{name}" for name in (*_REPLACED, "currency", "run_id"))
    return conn.execute(
        sql.SQL(
            "INSERT INTO {} AS p ({}) {} AND {}"
            " ON CONFLICT (tenant_id, product_key, sale_date, customer_key) DO UPDATE SET {}"
        ).format(
            sql.Identifier("intelligence", _name(month)),
            sql.SQL(_COLUMNS),
            sql.SQL(_ROWS),
            _in_month(month),
            sql.SQL(replaced),
        ),
        values,
    ).rowcount
