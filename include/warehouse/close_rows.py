"""The rows of the close workbook, one query a sheet."""

from __future__ import annotations

import psycopg
from psycopg.rows import dict_row

_LATEST = """
    SELECT calendar, fiscal_year, period, generation, start_date, end_date, state, as_of
    FROM finance.close_runs WHERE fiscal_year = %(fiscal_year)s AND period = %(period)s
    ORDER BY end_date DESC, generation DESC LIMIT 1
"""
_OF_GENERATION = "(calendar, fiscal_year, period, generation) = (%(calendar)s, %(fiscal_year)s, %(period)s, %(generation)s)"
_SHEETS = {
    "checklist": f"""
        SELECT check_name, currency, status, is_blocking, expected_amount, found_amount, difference_amount, broken_count,
               detail, signed_by, signed_at::date AS signed_on
        FROM finance.close_checklist WHERE {_OF_GENERATION}
        ORDER BY array_position(%(checks)s, check_name), currency""",
    "roll_forward": """
        SELECT * FROM analytics.accrual_roll_forward
        WHERE (fiscal_year, fiscal_period) = (%(fiscal_year)s, %(period)s) ORDER BY currency, promotion_key""",
    "trial_balance": f"""
        SELECT * FROM finance.period_statements WHERE {_OF_GENERATION} AND statement = 'trial_balance'
        ORDER BY line_number""",
    "statements": f"""
        SELECT replace(s.statement, '_', ' ') AS statement, company_code, section, line, currency, amount
        FROM finance.period_statements s
        WHERE {_OF_GENERATION} AND s.statement <> 'trial_balance' ORDER BY s.statement, line_number""",
    "adjustments": """
        SELECT *, concat(fiscal_year, '-', lpad(period::text, 2, '0')) AS belongs_to FROM analytics.prior_period_adjustments
        WHERE posting_date BETWEEN %(start_date)s AND %(end_date)s
            OR (fiscal_year, period) = (%(fiscal_year)s, %(period)s)
        ORDER BY posting_date, original_posting_date, journal_id""",
    "history": """
        SELECT generation, event, as_of, decided_by, reason, input_hash, statements_hash FROM finance.period_closes
        WHERE (calendar, fiscal_year, period) = (%(calendar)s, %(fiscal_year)s, %(period)s)
        ORDER BY generation, array_position(ARRAY['closed', 'signed', 'reopened'], event)""",
}


def read_close(
    conn: psycopg.Connection, fiscal_year: int, period: int, checks: list[str]
) -> tuple[dict[str, object], dict[str, list[dict[str, object]]]] | None:
    """The latest close of a period and the rows of its sheets; None when no close of it ever began."""
    with conn.cursor(row_factory=dict_row) as cursor:
        latest = cursor.execute(_LATEST, {"fiscal_year": fiscal_year, "period": period}).fetchone()
        if latest is None:
            return None
        given = latest | {"checks": checks}
        return latest, {name: cursor.execute(query, given).fetchall() for name, query in _SHEETS.items()}
