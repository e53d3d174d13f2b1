"""The figures a deduction team is run by, as rows for its workbook."""

from __future__ import annotations

import psycopg
from psycopg.rows import dict_row

_KPIS = """
    SELECT scope, coalesce(customer_name, scope_key) AS what, currency, deduction_count, deducted_amount, open_amount,
           settled_amount, non_trade_amount, disputed_amount, recovered_amount, repaid_amount, written_off_amount,
           100 * auto_clear_rate AS auto_clear_pct, 100 * dispute_rate AS dispute_pct,
           100 * recovery_rate AS recovery_pct, write_off_pct,
           days_deductions_outstanding, open_0_30_amount, open_31_60_amount, open_61_90_amount, open_over_90_amount,
           unmapped_reason_code_count, remittance_count, untied_remittance_count, differential_amount
    FROM analytics.bi_deduction_kpis
    ORDER BY currency, array_position(ARRAY['total', 'month', 'customer'], scope), open_amount DESC, scope_key
"""


def read_kpis(conn: psycopg.Connection) -> list[dict[str, object]]:
    """Total, months and customers by currency; nothing where the mart is not built. `conn` is the tenant's."""
    built = conn.execute("SELECT to_regclass('analytics.bi_deduction_kpis') IS NOT NULL").fetchone()[0]
    if not built:
        return []
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_KPIS).fetchall()
