"""What a person must decide: the deduction work queue as rows."""

from __future__ import annotations

from datetime import date

import psycopg
from psycopg.rows import dict_row

_QUEUE = """
    WITH ranked AS (
        SELECT claim_id, promotion_key, score, rank, parts FROM finance.match_candidates WHERE rank <= 2
    )
    SELECT coalesce(c.deduction_key, c.payment_key) AS claim, u.name AS customer, c.currency, c.amount,
           c.amount_open, c.amount_disputed, c.posting_date,
           (%(as_of)s - c.posting_date) AS age_days,
           CASE WHEN %(as_of)s - c.posting_date <= 30 THEN '0-30'
                WHEN %(as_of)s - c.posting_date <= 60 THEN '31-60'
                WHEN %(as_of)s - c.posting_date <= 90 THEN '61-90' ELSE '> 90' END AS ageing,
           c.dispute_deadline, (c.dispute_deadline - %(as_of)s) AS days_to_deadline,
           c.reason_code_normalized, c.outcome, c.reason,
           first.promotion_key AS best_candidate, first.score AS best_score,
           second.promotion_key AS runner_up, second.score AS runner_up_score,
           CASE c.outcome
                WHEN 'DISPUTED' THEN 'dispute with the retailer'
                WHEN 'SETTLED_EXCESS_DISPUTED' THEN 'dispute the excess with the retailer'
                WHEN 'PROOF_MISSING' THEN 'ask for proof of performance'
                WHEN 'DUPLICATE_SUSPECT' THEN 'compare with the earlier claim'
                WHEN 'PERIOD_CLOSED' THEN 'choose a posting period'
                WHEN 'AMBIGUOUS' THEN 'choose between the candidates'
                WHEN 'UNMATCHED' THEN 'find the promotion, or map the reason code'
                ELSE 'review' END AS proposed_action
    FROM finance.claims c
    LEFT JOIN master.customers u USING (tenant_id, customer_key)
    LEFT JOIN ranked first ON first.claim_id = c.claim_id AND first.rank = 1
    LEFT JOIN ranked second ON second.claim_id = c.claim_id AND second.rank = 2
    WHERE c.amount_open <> 0 OR c.amount_disputed <> 0
    ORDER BY abs(c.amount_open + c.amount_disputed) DESC, c.posting_date, claim
"""


def read_queue(conn: psycopg.Connection, as_of: date) -> list[dict[str, object]]:
    """Claims with an open or disputed amount, largest first; `conn` is an engine transaction of the tenant."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_QUEUE, {"as_of": as_of}).fetchall()
