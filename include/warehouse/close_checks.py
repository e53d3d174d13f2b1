"""What each line of the close checklist compares, as SQL over one tenant's marts and records.

Every query gives (currency, expected, found, broken, examples): both sides, how many items differ although the sums
may agree, and the first of them. Postings count by their date and by the business date they were decided on
(`as_of`), so that a past date is asked over what was known then.
"""

from __future__ import annotations

import psycopg

from include.close.checklist import CHECKS, Finding
from include.close.periods import Period, Standing
from include.errors import MissingInput
from include.money import money
from include.reconcile.ledger import COUNTED
from include.reconcile.rules import Accounts

#: The parameters every query may use; see `parameters`.
Parameters = dict[str, object]

_MARTS = (
    "finance.deductions", "finance.remittance_tie_out", "finance.gl_lines", "finance.gl_quarantine", "finance.gl_balances",
    "finance.trial_balance", "finance.balance_sheet", "finance.income_statement", "finance.statement_totals",
    "finance.unmapped_accounts", "finance.ledger_entries", "finance.ap_payments", "planning.promotions",
    "master.fiscal_periods", "finance.submitted_period_decisions",
)  # fmt: skip

_FIRST = "array_to_string((array_agg(key ORDER BY key) FILTER (WHERE {}))[1:5], ', ')"

#: Accrued liability per promotion on its own account, by both ledgers.
_ACCRUAL_SIDES = """
    accounts AS (
        SELECT promotion_key, coalesce(b.accrued_account_code, p.accrual_account_code, %(accrued)s) AS account_code
        FROM planning.promotions p FULL JOIN finance.promotion_accounts b USING (tenant_id, promotion_key)
    ),
    control AS (SELECT account_code FROM accounts UNION SELECT %(accrued)s),
    sub_ledger AS (
        SELECT coalesce(a.account_code, %(accrued)s) AS account_code, m.currency, m.promotion_key, m.movement_date AS day,
               sum(m.amount) AS amount
        FROM finance.accrual_ledger m LEFT JOIN accounts a USING (promotion_key)
        WHERE m.movement_date <= %(end)s AND m.as_of <= %(as_of)s GROUP BY 1, 2, 3, 4
    ),
    journals AS (
        SELECT l.account_code, l.currency, coalesce(l.promotion_key, '(no promotion)') AS promotion_key,
               l.posting_date AS day, sum(l.credit_amount - l.debit_amount) AS amount
        FROM finance.journal_lines l JOIN finance.journals j USING (tenant_id, journal_id)
        WHERE l.account_code IN (SELECT account_code FROM control) AND l.posting_date <= %(end)s AND j.as_of <= %(as_of)s
        GROUP BY 1, 2, 3, 4
    )
"""

#: Deduction clearing per deduction with what repays it: what waits now, and what is posted now and then.
_CLEARING_SIDES = """
    roots AS (
        SELECT claim_id, currency, coalesce(reversal_of, deduction_key) AS key, amount_open + amount_non_trade AS waiting
        FROM finance.claims WHERE source_kind = 'deduction'
    ),
    posted AS (
        SELECT coalesce(r.key, '(no claim)') AS key, l.currency, sum(l.debit_amount - l.credit_amount) AS now,
               coalesce(sum(l.debit_amount - l.credit_amount)
                   FILTER (WHERE l.posting_date <= %(end)s AND j.as_of <= %(as_of)s), 0) AS at_end
        FROM finance.journal_lines l JOIN finance.journals j USING (tenant_id, journal_id)
        LEFT JOIN roots r ON r.claim_id = l.claim_id
        WHERE l.account_code = %(clearing)s GROUP BY 1, 2
    ),
    waits AS (SELECT key, currency, sum(waiting) AS waiting FROM roots GROUP BY 1, 2)
"""

_QUERIES: dict[str, str] = {
    "deductions_received": f"""
        SELECT currency, sum(expected), sum(found), count(*) FILTER (WHERE expected <> found), {_FIRST.format("expected <> found")}
        FROM (
            SELECT currency, deduction_key AS key, coalesce(d.amount, 0) AS expected, coalesce(c.amount, 0) AS found
            FROM (SELECT * FROM finance.deductions WHERE posting_date <= %(end)s) d
            FULL JOIN (SELECT * FROM finance.claims WHERE source_kind = 'deduction' AND posting_date <= %(end)s) c
                USING (tenant_id, deduction_key, currency)
        ) AS both_sides GROUP BY currency ORDER BY currency""",
    "claim_law": f"""
        SELECT currency, sum(amount), sum(parts), count(*) FILTER (WHERE amount <> parts), {_FIRST.format("amount <> parts")}
        FROM (
            SELECT c.currency, coalesce(c.deduction_key, c.payment_key) AS key, c.amount,
                   CASE WHEN c.amount >= 0 THEN coalesce(s.settled, 0) ELSE c.amount_settled END + c.amount_disputed
                   + c.amount_recovered + c.amount_written_off + c.amount_non_trade + c.amount_open AS parts
            FROM finance.claims c
            LEFT JOIN (SELECT tenant_id, claim_id, sum(amount_settled) AS settled FROM finance.settlements
                       WHERE status = ANY(%(counted)s) GROUP BY 1, 2) s USING (tenant_id, claim_id)
            WHERE c.posting_date <= %(end)s
        ) AS claims GROUP BY currency ORDER BY currency""",
    "journals_balance": f"""
        SELECT currency, sum(debit), sum(credit), count(*) FILTER (WHERE debit <> credit), {_FIRST.format("debit <> credit")}
        FROM (
            SELECT l.currency, l.journal_id::text AS key, sum(l.debit_amount) AS debit, sum(l.credit_amount) AS credit
            FROM finance.journal_lines l JOIN finance.journals j USING (tenant_id, journal_id)
            WHERE l.posting_date BETWEEN %(start)s AND %(end)s AND j.as_of <= %(as_of)s GROUP BY 1, 2
        ) AS journals GROUP BY currency ORDER BY currency""",
    "accruals_to_control": f"""
        WITH {_ACCRUAL_SIDES}
        SELECT currency, sum(expected), sum(found), count(*) FILTER (WHERE expected <> found), {_FIRST.format("expected <> found")}
        FROM (
            SELECT currency, account_code || ' ' || promotion_key AS key, coalesce(s.amount, 0) AS expected,
                   coalesce(j.amount, 0) AS found
            FROM (SELECT account_code, promotion_key, currency, sum(amount) AS amount FROM sub_ledger GROUP BY 1, 2, 3) s
            FULL JOIN (SELECT account_code, promotion_key, currency, sum(amount) AS amount FROM journals GROUP BY 1, 2, 3) j
                USING (account_code, promotion_key, currency)
        ) AS both_sides GROUP BY currency ORDER BY currency""",
    "erp_control_account": f"""
        WITH {_ACCRUAL_SIDES},
        erp AS (
            SELECT DISTINCT ON (company_code, account_code, currency) account_code, currency, -closing AS amount
            FROM finance.trial_balance
            WHERE scenario = 'actual' AND account_code IN (SELECT account_code FROM control)
                AND (fiscal_year, fiscal_period) <= (%(fiscal_year)s, %(period)s)
            ORDER BY company_code, account_code, currency, fiscal_year DESC, fiscal_period DESC
        ),
        ours AS (SELECT currency, sum(amount) AS amount FROM sub_ledger GROUP BY 1),
        theirs AS (SELECT currency, sum(amount) AS amount, string_agg(DISTINCT account_code, ', ') AS accounts FROM erp GROUP BY 1)
        SELECT currency, coalesce(ours.amount, 0), coalesce(theirs.amount, 0), 0,
               'accounts ' || coalesce(theirs.accounts, 'without a balance')
        FROM ours FULL JOIN theirs USING (currency)
        WHERE EXISTS (SELECT FROM finance.ledger_entries WHERE origin <> 'trade' AND scenario = 'actual')
        ORDER BY currency""",
    "clearing": f"""
        WITH {_CLEARING_SIDES}
        SELECT currency, sum(waiting - now + at_end), sum(at_end), count(*) FILTER (WHERE waiting <> now), {_FIRST.format("waiting <> now")}
        FROM (
            SELECT currency, key, coalesce(w.waiting, 0) AS waiting, coalesce(p.now, 0) AS now, coalesce(p.at_end, 0) AS at_end
            FROM waits w FULL JOIN posted p USING (key, currency)
        ) AS both_sides GROUP BY currency ORDER BY currency""",
    "remittances": f"""
        SELECT currency, sum(coalesce(total_deductions, 0)), sum(deducted_amount), count(*) FILTER (WHERE NOT is_tied), {_FIRST.format("NOT is_tied")}
        FROM (SELECT *, remittance_key AS key FROM finance.remittance_tie_out
              WHERE received_date BETWEEN %(start)s AND %(end)s) AS remittances
        GROUP BY currency ORDER BY currency""",
    "quarantined_journals": """
        SELECT currency, 0, sum(debit_amount - credit_amount), count(DISTINCT journal_key),
               array_to_string((array_agg(DISTINCT journal_key))[1:5], ', ')
        FROM finance.gl_quarantine WHERE (fiscal_year, fiscal_period) = (%(fiscal_year)s, %(period)s)
        GROUP BY currency ORDER BY currency""",
    "trial_balance": f"""
        SELECT currency, sum(debit), sum(credit), count(*) FILTER (WHERE debit <> credit OR closing <> 0), {_FIRST.format("debit <> credit OR closing <> 0")}
        FROM (
            SELECT currency, company_code AS key, sum(debit) AS debit, sum(credit) AS credit, sum(closing) AS closing
            FROM finance.trial_balance
            WHERE (fiscal_year, fiscal_period) = (%(fiscal_year)s, %(period)s) AND scenario = 'actual' GROUP BY 1, 2
        ) AS companies GROUP BY currency ORDER BY currency""",
    "balance_sheet": f"""
        SELECT currency, sum(total_assets), sum(total_liabilities + shareholders_equity),
               count(*) FILTER (WHERE difference_amount <> 0), {_FIRST.format("difference_amount <> 0")}
        FROM (SELECT *, company_code AS key FROM finance.statement_totals
              WHERE (fiscal_year, fiscal_period) = (%(fiscal_year)s, %(period)s)) AS companies
        GROUP BY currency ORDER BY currency""",
    "roll_forward": """
        WITH movements AS (
            SELECT currency, movement_date, amount FROM finance.accrual_ledger
            WHERE movement_date <= %(end)s AND as_of <= %(as_of)s
        ),
        expected AS (
            SELECT currency, sum(amount) AS amount FROM (
                SELECT currency, expected_amount AS amount FROM finance.balance_assertions
                WHERE ledger = 'accruals' AND (calendar, fiscal_year, period, generation)
                    = (%(last_calendar)s, %(last_fiscal_year)s, %(last_period)s, %(last_generation)s)
                UNION ALL
                SELECT currency, amount FROM movements WHERE %(last_end)s::date IS NULL OR movement_date > %(last_end)s
            ) AS parts GROUP BY currency
        ),
        found AS (SELECT currency, sum(amount) AS amount FROM movements GROUP BY currency)
        SELECT currency, coalesce(e.amount, 0), coalesce(f.amount, 0), 0, NULL
        FROM expected e FULL JOIN found f USING (currency) ORDER BY currency""",
    "unmapped_accounts": f"""
        SELECT currency, 0, sum(closing), count(*), {_FIRST.format("true")}
        FROM (SELECT *, company_code || ' ' || account_code AS key FROM finance.unmapped_accounts
              WHERE (fiscal_year, fiscal_period) = (%(fiscal_year)s, %(period)s) AND scenario = 'actual') AS accounts
        GROUP BY currency ORDER BY currency""",
    "open_tasks": """
        SELECT currency, 0, sum(amount), sum(number), string_agg(number || ' ' || task_type, ', ' ORDER BY task_type)
        FROM (SELECT currency, task_type, count(*) AS number, sum(amount) AS amount FROM finance.claim_tasks
              WHERE opened_as_of < %(start)s AND (status = 'open' OR closed_as_of > %(as_of)s)
                AND task_type <> 'PERIOD_NOT_TIED'
              GROUP BY 1, 2) AS questions
        GROUP BY currency ORDER BY currency""",
    "failed_accruals": f"""
        SELECT currency, 0, sum(amount), count(*), {_FIRST.format("true")}
        FROM (
            SELECT s.currency, s.promotion_key AS key, coalesce(p.planned_amount, 0) AS amount
            FROM finance.promotion_state s LEFT JOIN planning.promotions p USING (tenant_id, promotion_key)
            WHERE s.lifecycle_status = 'Failed' AND coalesce(p.approved_date, %(end)s) <= %(end)s
        ) AS failed GROUP BY currency ORDER BY currency""",
}
#: Checks that are only asked of companies that deliver what they are about.
_APPLIES = {
    "quarantined_journals": "SELECT EXISTS (SELECT FROM finance.gl_lines) OR EXISTS (SELECT FROM finance.gl_quarantine)",
    "unmapped_accounts": "SELECT EXISTS (SELECT FROM finance.trial_balance)",
}

CONTROL_DAYS = f"""
    WITH {_ACCRUAL_SIDES}, {_CLEARING_SIDES.replace("posted AS", "cleared AS")},
    open_now AS (SELECT currency, sum(waiting) AS amount FROM waits GROUP BY 1),
    cleared_now AS (SELECT currency, sum(now) AS amount FROM cleared GROUP BY 1),
    days AS (
        SELECT l.currency, l.posting_date AS day, sum(l.debit_amount - l.credit_amount) AS amount
        FROM finance.journal_lines l JOIN finance.journals j USING (tenant_id, journal_id)
        WHERE l.account_code = %(clearing)s AND l.posting_date <= %(end)s AND j.as_of <= %(as_of)s GROUP BY 1, 2
    )
    SELECT 'accruals', account_code, currency, day, sum(amount), 0 FROM sub_ledger GROUP BY 2, 3, 4
    UNION ALL
    SELECT 'accruals', account_code, currency, day, 0, sum(amount) FROM journals GROUP BY 2, 3, 4
    UNION ALL
    SELECT 'clearing', %(clearing)s, currency, day, amount, amount FROM days
    UNION ALL
    SELECT 'clearing', %(clearing)s, currency, '0001-01-01'::date, coalesce(o.amount, 0) - coalesce(c.amount, 0), 0
    FROM open_now o FULL JOIN cleared_now c USING (currency)
"""


def require_marts(conn: psycopg.Connection) -> None:
    """Raise MissingInput when a mart the checks read has not been built."""
    missing = [m for m in _MARTS if conn.execute("SELECT to_regclass(%s)", (m,)).fetchone()[0] is None]
    if missing:
        raise MissingInput(
            where="close_period",
            expected="the marts it reads",
            got=f"no {', '.join(missing)}",
            remedy="run transform first",
        )


def parameters(period: Period, last: Standing | None, as_of: object, accounts: Accounts) -> Parameters:
    """What the queries are asked with; `last` is the period closed before this one."""
    return {
        "start": period.start_date,
        "end": period.end_date,
        "fiscal_year": period.fiscal_year,
        "period": period.period,
        "as_of": as_of,
        "accrued": accounts.accrued,
        "clearing": accounts.clearing,
        "counted": sorted(COUNTED),
        "last_calendar": last.period.calendar if last else None,
        "last_fiscal_year": last.period.fiscal_year if last else None,
        "last_period": last.period.period if last else None,
        "last_generation": last.generation if last else None,
        "last_end": last.period.end_date if last else None,
    }


def ask(conn: psycopg.Connection, given: Parameters) -> dict[str, list[Finding] | None]:
    """The answer of every check; None where it is about something the company does not deliver."""
    answers: dict[str, list[Finding] | None] = {}
    for check in CHECKS:
        applies = _APPLIES.get(check.name)
        if applies and not conn.execute(applies).fetchone()[0]:
            answers[check.name] = None
            continue
        rows = conn.execute(_QUERIES[check.name], given).fetchall()
        answers[check.name] = [
            Finding(currency or "", money(expected), money(found), int(broken), examples or "")
            for currency, expected, found, broken, examples in rows
        ]
    return answers
