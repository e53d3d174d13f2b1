"""What a person must decide: the rows of the work queue's workbook, one function a sheet."""

from __future__ import annotations

import psycopg
from psycopg.rows import dict_row

_QUEUE = """
    SELECT queue_position, coalesce(deduction_key, payment_key) AS claim,
           CASE WHEN deduction_key IS NULL THEN 'ap_payment' ELSE 'deduction' END AS claim_kind, customer_name, currency, value_amount,
           amount, amount_open, amount_disputed, posting_date, age_days, age_band, dispute_deadline, days_to_dispute,
           reason_code_normalized, outcome, reason, proposed_action, proposal, promotion_key, promotion_name,
           best_score, why, runner_up_key, runner_up_score, runner_up_why, lead_over_second
    FROM finance.claim_queue
    ORDER BY queue_position
"""


def read_queue(conn: psycopg.Connection) -> list[dict[str, object]]:
    """The work queue as the view has it, in its order; `conn` is an engine transaction of the tenant."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_QUEUE).fetchall()
