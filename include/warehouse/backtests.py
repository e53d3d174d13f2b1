"""What back-tests read and leave behind: claims whose answer is known, and the reliability of a rule over them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from include.reconcile.backtest import Backtest, Decided
from include.reconcile.rules import Rules
from include.warehouse.copy import insert_new

# The answer of a claim is what it has settled by now; what was paid back or disputed in full was not owed.
_DECIDED = """
    WITH settled AS (
        SELECT claim_id, promotion_key, sum(amount_settled) AS amount, min(settled_as_of) AS first_settled,
               bool_or(status = 'Reversed') AS is_undone
        FROM finance.settlements WHERE status IN ('Queued', 'Posted to ERP', 'Reversed')
        GROUP BY claim_id, promotion_key
    ),
    answers AS (
        SELECT claim_id, jsonb_object_agg(promotion_key, amount::text) FILTER (WHERE amount > 0) AS settled,
               min(first_settled) AS decided_on, bool_or(is_undone) AS is_undone
        FROM settled GROUP BY claim_id
    )
    SELECT c.deduction_key, coalesce(a.decided_on, c.as_of), coalesce(a.settled, '{}'),
           CASE WHEN to_jsonb(c) ->> 'decided_by' IS NOT NULL THEN 'person'
                WHEN a.is_undone OR c.amount_settled = 0 THEN 'undone' ELSE 'stood' END
    FROM finance.claims c
    LEFT JOIN answers a ON a.claim_id = c.claim_id
    WHERE c.source_kind = 'deduction' AND c.amount > 0 AND c.posting_date BETWEEN %(first)s AND %(last)s
      AND c.outcome <> ALL(%(open)s)
      AND (c.outcome <> 'NON_TRADE' OR to_jsonb(c) ->> 'decided_by' IS NOT NULL)
    ORDER BY 1
"""


def read_decided(
    conn: psycopg.Connection, first: date, last: date, still_open: Sequence[str]
) -> list[Decided]:
    """Deductions posted from `first` to `last` that are decided; reasons that are not trade only if a person said so."""
    rows = conn.execute(_DECIDED, {"first": first, "last": last, "open": list(still_open)}).fetchall()
    return [
        Decided(key, decided_on, {k: Decimal(amount) for k, amount in settled.items()}, source)
        for key, decided_on, settled, source in rows
    ]


def store(
    conn: psycopg.Connection,
    tenant: str,
    backtest_id: UUID,
    made: Backtest,
    *,
    first: date,
    last: date,
    rules: Rules,
    input_hash: str,
    run_id: str,
) -> bool:
    """Keep a back-test; False when the very same one is there already, which then stays as it is."""
    present = made.present
    columns = (
        "tenant_id", "backtest_id", "from_date", "to_date", "rule_version", "rules", "input_hash", "claims", "cleared",
        "confirmed", "precision_rate", "recall_rate", "run_id",
    )  # fmt: skip
    row = (
        tenant, backtest_id, first, last, made.rule_version, Jsonb(rules.as_json()), input_hash, made.claims,
        present.cleared, present.confirmed, present.precision, present.recall, run_id,
    )  # fmt: skip
    if not insert_new(conn, "finance.backtests", columns, [row]):
        return False
    columns = (
        "tenant_id", "backtest_id", "score_from", "score_to", "currency", "claims", "confirmed", "by_person",
        "amount", "rate_low", "rate_high",
    )  # fmt: skip
    rows = [
        (
            tenant, backtest_id, b.low, b.high, b.currency, b.claims, b.confirmed, b.by_person, b.amount, b.rate_low,
            b.rate_high,
        )
        for b in made.bands
    ]  # fmt: skip
    insert_new(conn, "finance.backtest_bands", columns, rows)
    columns = ("tenant_id", "backtest_id", "clear_score", "cleared", "confirmed", "owed", "is_present_rule")
    tried = [
        (tenant, backtest_id, t.clear_score, t.cleared, t.confirmed, t.owed, t.is_present_rule)
        for t in made.thresholds
    ]
    insert_new(conn, "finance.backtest_thresholds", columns, tried)
    return True


def latest_precision(conn: psycopg.Connection, rule_version: str) -> Decimal | None:
    """The precision of the latest back-test of exactly these rules; None when there is none, or it cleared nothing."""
    row = conn.execute(
        "SELECT precision_rate FROM finance.backtests WHERE rule_version = %s ORDER BY to_date DESC, from_date, backtest_id LIMIT 1",
        (rule_version,),
    ).fetchone()
    return None if row is None else row[0]
