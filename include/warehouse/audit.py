"""The year-end trade audit as queries: what an auditor follows from a promotion to the snapshot of its settlement.

A file is a row of data: a query that is streamed out as CSV, the amounts that are added up on the way, and a
control query that asks the ledger for the same totals without the file's joins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import psycopg

from include.errors import MissingInput

#: A fiscal year is what the tenant's calendar makes of the dates (finance.posting_periods).
_YEAR = """
    dates AS (SELECT posting_date FROM finance.posting_periods WHERE fiscal_year = %(year)s),
    journals AS (SELECT j.* FROM finance.journals j JOIN dates USING (posting_date)),
    posted AS (
        SELECT s.settlement_id, s.gl_posting_json ->> 'idempotency_key' AS journal_id FROM finance.settlements s
        WHERE s.gl_posting_json ? 'idempotency_key'
    ),
    settlements AS (
        SELECT s.*, p.journal_id FROM finance.settlements s
        LEFT JOIN posted p USING (settlement_id)
        LEFT JOIN journals j ON j.journal_id::text = p.journal_id
        LEFT JOIN dates d ON d.posting_date = s.settled_as_of AND p.journal_id IS NULL
        WHERE j.journal_id IS NOT NULL OR d.posting_date IS NOT NULL
    ),
    claims AS (
        SELECT c.* FROM finance.claims c WHERE c.claim_id IN (
            SELECT claim_id FROM journals UNION SELECT claim_id FROM settlements
            UNION SELECT claim_id FROM finance.claims JOIN dates USING (posting_date))
    ),
    movements AS (SELECT a.* FROM finance.accrual_ledger a JOIN journals j USING (tenant_id, journal_id))
"""


@dataclass(frozen=True)
class AuditFile:
    """One CSV of the audit. `control` gives (currency, rows, one total per amount) by currency."""

    name: str
    title: str
    query: str
    amounts: tuple[str, ...]
    control: str

    @property
    def statement(self) -> str:
        """The COPY that streams the file."""
        return f"COPY (WITH {_YEAR} {self.query}) TO STDOUT WITH (FORMAT csv, HEADER)"


#: Sums of a whole table by fiscal year, joined to nothing but the calendar.
_IN_YEAR = "JOIN finance.posting_periods p USING (tenant_id, posting_date) WHERE p.fiscal_year = %(year)s"

FILES: tuple[AuditFile, ...] = (
    AuditFile(
        "promotions",
        "Promotions with a claim, a settlement or a posting in the year, and what moved in their accrual",
        """
        , keys AS (SELECT promotion_key FROM journals UNION SELECT promotion_key FROM settlements
                   UNION SELECT promotion_key FROM claims)
        SELECT k.promotion_key, p.promotion_id, p.name, p.customer_key, p.fund_key, p.status, p.tactic_type,
               p.settlement_method, p.accrual_method, p.window_start, p.window_end, p.approved_date, p.closed_date,
               p.planned_amount, coalesce(m.currency, p.currency) AS currency, a.expense_account_code,
               a.accrued_account_code, coalesce(m.accrued, 0) AS accrued_amount,
               coalesce(m.reversed, 0) AS reversed_amount, coalesce(m.released, 0) AS released_amount
        FROM keys k
        LEFT JOIN planning.promotions p USING (promotion_key)
        LEFT JOIN finance.promotion_accounts a USING (promotion_key)
        LEFT JOIN (
            SELECT promotion_key, currency, sum(amount) FILTER (WHERE movement = 'accrued') AS accrued,
                   sum(amount) FILTER (WHERE movement = 'reversed') AS reversed,
                   sum(amount) FILTER (WHERE movement = 'released') AS released
            FROM movements GROUP BY 1, 2
        ) m USING (promotion_key)
        WHERE k.promotion_key IS NOT NULL ORDER BY 1, 15
        """,
        ("accrued_amount", "reversed_amount", "released_amount"),
        """
        SELECT a.currency, NULL::bigint, coalesce(sum(a.amount) FILTER (WHERE a.movement = 'accrued'), 0),
               coalesce(sum(a.amount) FILTER (WHERE a.movement = 'reversed'), 0),
               coalesce(sum(a.amount) FILTER (WHERE a.movement = 'released'), 0)
        FROM finance.accrual_ledger a JOIN finance.journals j USING (tenant_id, journal_id)
        JOIN finance.posting_periods p ON p.tenant_id = j.tenant_id AND p.posting_date = j.posting_date
        WHERE p.fiscal_year = %(year)s GROUP BY 1
        """,
    ),
    AuditFile(
        "claims",
        "Deductions and fees of the year, how each ended and where its amount is",
        """
        SELECT claim_id, source_kind, coalesce(deduction_key, payment_key) AS source_key, promotion_key, customer_key,
               posting_date, currency, amount, amount_settled, amount_disputed, amount_recovered, amount_written_off,
               amount_non_trade, amount_open, outcome, reason, reason_code_normalized, dispute_status,
               match_confidence_score, auto_cleared, audit_flag, reversal_of, as_of, run_id, rule_version
        FROM claims ORDER BY posting_date, source_kind, source_key, claim_id
        """,
        (
            "amount",
            "amount_settled",
            "amount_disputed",
            "amount_recovered",
            "amount_written_off",
            "amount_open",
        ),
        """
        SELECT currency, count(*), sum(amount), sum(amount_settled), sum(amount_disputed), sum(amount_recovered),
               sum(amount_written_off), sum(amount_open)
        FROM finance.claims c
        WHERE posting_date IN (SELECT posting_date FROM finance.posting_periods WHERE fiscal_year = %(year)s)
            OR EXISTS (SELECT FROM finance.journals j JOIN finance.posting_periods p USING (tenant_id, posting_date)
                       WHERE p.fiscal_year = %(year)s AND j.claim_id = c.claim_id)
            OR EXISTS (SELECT FROM finance.settlements s JOIN finance.journals j
                       ON j.journal_id::text = s.gl_posting_json ->> 'idempotency_key'
                       JOIN finance.posting_periods p ON p.tenant_id = j.tenant_id AND p.posting_date = j.posting_date
                       WHERE p.fiscal_year = %(year)s AND s.claim_id = c.claim_id)
            OR EXISTS (SELECT FROM finance.settlements s JOIN finance.posting_periods p
                       ON p.tenant_id = s.tenant_id AND p.posting_date = s.settled_as_of
                       WHERE p.fiscal_year = %(year)s AND s.claim_id = c.claim_id
                           AND NOT s.gl_posting_json ? 'idempotency_key')
        GROUP BY 1
        """,
    ),
    AuditFile(
        "settlements",
        "What each claim took from each promotion, with its journal and its last snapshot",
        """
        SELECT s.settlement_id, s.claim_id, s.promotion_key, s.journal_id, s.amount_settled, s.currency, s.status,
               s.audit_flag, s.late_after_release, s.reverses_settlement_id, s.settled_as_of,
               g.sequence AS snapshot_sequence, g.hash AS snapshot_hash, s.run_id, s.rule_version
        FROM settlements s
        LEFT JOIN (SELECT DISTINCT ON (settlement_id) settlement_id, sequence, hash FROM finance.gl_snapshots
                   ORDER BY settlement_id, sequence DESC) g USING (settlement_id)
        ORDER BY s.settled_as_of, s.settlement_id
        """,
        ("amount_settled",),
        """
        SELECT s.currency, count(*), sum(s.amount_settled) FROM finance.settlements s
        LEFT JOIN finance.journals j ON j.journal_id::text = s.gl_posting_json ->> 'idempotency_key'
        JOIN finance.posting_periods p
            ON p.tenant_id = s.tenant_id AND p.posting_date = coalesce(j.posting_date, s.settled_as_of)
        WHERE p.fiscal_year = %(year)s
            AND (j.journal_id IS NOT NULL OR NOT s.gl_posting_json ? 'idempotency_key')
        GROUP BY 1
        """,
    ),
    AuditFile(
        "journals",
        "Business events posted in the year, and those that were refused",
        """
        SELECT j.journal_id, j.event, j.generation, j.status, j.message, j.posting_date, j.original_posting_date,
               p.fiscal_period, j.posted_by, j.promotion_key, j.claim_id, l.currency,
               coalesce(l.debit_amount, 0) AS debit_amount, coalesce(l.credit_amount, 0) AS credit_amount, j.as_of,
               j.run_id, j.rule_version, j.input_hash
        FROM journals j
        JOIN finance.posting_periods p USING (tenant_id, posting_date)
        LEFT JOIN (SELECT journal_id, currency, sum(debit_amount) AS debit_amount, sum(credit_amount) AS credit_amount
                   FROM finance.journal_lines GROUP BY 1, 2) l USING (journal_id)
        ORDER BY j.posting_date, j.event, j.journal_id, l.currency
        """,
        ("debit_amount", "credit_amount"),
        f"""
        SELECT l.currency, count(DISTINCT journal_id), coalesce(sum(l.debit_amount), 0), coalesce(sum(l.credit_amount), 0)
        FROM finance.journals LEFT JOIN finance.journal_lines l USING (tenant_id, journal_id, posting_date)
        {_IN_YEAR} GROUP BY 1
        """,
    ),
    AuditFile(
        "journal_lines",
        "Every line of these journals, with the ids of its promotion, claim, settlement and snapshot",
        """
        SELECT l.posting_date, l.journal_id, l.line_number, l.event, l.account_code, l.currency, l.debit_amount,
               l.credit_amount, l.posted_by, l.promotion_key, l.claim_id, s.settlement_id,
               g.sequence AS snapshot_sequence, g.hash AS snapshot_hash
        FROM finance.journal_lines l
        JOIN journals j USING (journal_id)
        LEFT JOIN posted s ON s.journal_id = l.journal_id::text
        LEFT JOIN (SELECT DISTINCT ON (settlement_id) settlement_id, sequence, hash FROM finance.gl_snapshots
                   ORDER BY settlement_id, sequence DESC) g USING (settlement_id)
        ORDER BY l.posting_date, l.journal_id, l.line_number
        """,
        ("debit_amount", "credit_amount"),
        f"""
        SELECT currency, count(*), sum(debit_amount), sum(credit_amount) FROM finance.journal_lines {_IN_YEAR} GROUP BY 1
        """,
    ),
    AuditFile(
        "accruals",
        "Movements of the accrued liability posted in the year: accrued, reversed by settlements, released",
        """
        SELECT movement_date, movement_id, promotion_key, movement, amount, currency, journal_id, claim_id,
               accrual_method, as_of, run_id, rule_version
        FROM movements ORDER BY movement_date, movement_id
        """,
        ("amount",),
        """
        SELECT a.currency, count(*), sum(a.amount) FROM finance.accrual_ledger a
        JOIN finance.posting_periods p ON p.tenant_id = a.tenant_id AND p.posting_date = a.movement_date
        WHERE p.fiscal_year = %(year)s GROUP BY 1
        """,
    ),
    AuditFile(
        "snapshots",
        "Snapshots of these settlements: the state of the ledger at each change, as it was hashed",
        """
        SELECT sequence, settlement_id, change, payload, previous_hash, hash, run_id FROM finance.gl_snapshots
        WHERE settlement_id IN (SELECT settlement_id FROM settlements) ORDER BY sequence
        """,
        (),
        f"""
        SELECT NULL, count(*) FROM finance.gl_snapshots WHERE settlement_id IN (
            WITH {_YEAR} SELECT settlement_id FROM settlements)
        """,
    ),
    AuditFile(
        "chain",
        "The whole chain of hashes up to its head: each link's previous hash is the hash before it",
        "SELECT sequence, previous_hash, hash FROM finance.gl_snapshots ORDER BY sequence",
        (),
        "SELECT NULL, max(sequence) FROM finance.gl_snapshots",
    ),
    AuditFile(
        "rules",
        "The rules in force, in full, by version: every row above names the version it was decided with",
        """
        SELECT rule_version, min(as_of) AS first_as_of, max(as_of) AS last_as_of, rules::text AS rules
        FROM finance.reconciliation_runs
        WHERE NOT is_replay AND rule_version IN (SELECT rule_version FROM journals UNION
            SELECT rule_version FROM claims UNION SELECT rule_version FROM settlements)
        GROUP BY rule_version, rules::text ORDER BY 2, 1
        """,
        (),
        "SELECT NULL, NULL::bigint",
    ),
)

_TIES = f"""
    WITH {_YEAR},
    lines AS (SELECT l.* FROM finance.journal_lines l JOIN journals j USING (journal_id)),
    liability AS (
        SELECT l.currency, sum(l.credit_amount - l.debit_amount) AS amount
        FROM lines l JOIN finance.promotion_accounts a
            ON a.promotion_key = l.promotion_key AND a.accrued_account_code = l.account_code GROUP BY 1
    )
    SELECT 'debits = credits of the journal lines', currency, sum(debit_amount), sum(credit_amount)
    FROM lines GROUP BY 2
    UNION ALL
    SELECT 'movements of the accruals = postings to the liability', m.currency, sum(m.amount), coalesce(min(v.amount), 0)
    FROM movements m LEFT JOIN liability v USING (currency) GROUP BY 2
    ORDER BY 1, 2
"""


def require_calendar(conn: psycopg.Connection, year: int) -> None:
    """MissingInput when the calendar mart is not built, older than the ledger, or has no posting in `year`."""
    built = conn.execute("SELECT to_regclass('finance.posting_periods') IS NOT NULL").fetchone()[0]
    if not built:
        raise _not_ready("the mart finance.posting_periods", "none", "run transform first")
    late = conn.execute(
        "SELECT count(*), min(posting_date) FROM finance.journals j WHERE NOT EXISTS ("
        " SELECT FROM finance.posting_periods p WHERE p.posting_date = j.posting_date)"
    ).fetchone()
    if late[0]:
        raise _not_ready(
            "a fiscal period for every posting date",
            f"{late[0]} journals without one, the first of {late[1]}",
            "run transform, or reconcile to its end",
        )
    years = conn.execute(
        "SELECT coalesce(array_agg(DISTINCT p.fiscal_year ORDER BY p.fiscal_year), '{}')"
        " FROM finance.posting_periods p JOIN finance.journals j USING (tenant_id, posting_date)"
    ).fetchone()[0]
    if year not in years:
        raise _not_ready(f"postings in fiscal year {year}", f"fiscal years {years}", "correct YEAR")


def stream(conn: psycopg.Connection, file: AuditFile, year: int) -> Iterator[bytes]:
    """The file as CSV, row by row, header first."""
    with conn.cursor() as cursor, cursor.copy(file.statement, {"year": year}) as copy:
        for block in copy:
            yield bytes(block)


def control_totals(
    conn: psycopg.Connection, file: AuditFile, year: int
) -> dict[str | None, tuple[int | None, tuple[Decimal, ...]]]:
    """What the ledger says the file must add up to: rows and totals by currency; rows None where none is said."""
    rows = conn.execute(file.control, {"year": year}).fetchall()
    return {currency: (count, tuple(sums)) for currency, count, *sums in rows}


def ties(conn: psycopg.Connection, year: int) -> list[tuple[str, str, Decimal, Decimal]]:
    """Identities of the year's ledger: (what, currency, one side, the other side)."""
    return conn.execute(_TIES, {"year": year}).fetchall()


def _not_ready(expected: str, got: str, remedy: str) -> MissingInput:
    return MissingInput(where="trade audit", expected=expected, got=got, remedy=remedy)
