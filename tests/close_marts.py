"""The marts that a month end reads beside those of reconcile, made by hand, and short ways to fill them."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from include.close.periods import Period
from include.warehouse.session import Warehouse

_TABLES = """
    ALTER TABLE master.fiscal_periods ADD COLUMN IF NOT EXISTS fiscal_year integer, ADD COLUMN IF NOT EXISTS period integer;
    CREATE TABLE IF NOT EXISTS finance.remittance_tie_out (
        tenant_id text, remittance_key text, received_date date, currency text, total_deductions numeric(19, 4),
        deducted_amount numeric(19, 4), is_tied boolean);
    CREATE TABLE IF NOT EXISTS finance.gl_lines (
        tenant_id text, journal_key text, fiscal_year integer, fiscal_period integer, currency text,
        debit_amount numeric(19, 4), credit_amount numeric(19, 4));
    CREATE TABLE IF NOT EXISTS finance.gl_quarantine (LIKE finance.gl_lines);
    CREATE TABLE IF NOT EXISTS finance.gl_balances (
        tenant_id text, fiscal_year integer, fiscal_period integer, currency text, amount numeric(19, 4));
    CREATE TABLE IF NOT EXISTS finance.ledger_entries (tenant_id text, origin text, scenario text);
    CREATE TABLE IF NOT EXISTS finance.trial_balance (
        tenant_id text, company_code text, account_code text, category text, fiscal_year integer, fiscal_period integer,
        currency text, scenario text, opening numeric(19, 4), debit numeric(19, 4), credit numeric(19, 4),
        closing numeric(19, 4));
    CREATE TABLE IF NOT EXISTS finance.unmapped_accounts (
        tenant_id text, company_code text, account_code text, fiscal_year integer, fiscal_period integer, currency text,
        scenario text, closing numeric(19, 4));
    CREATE TABLE IF NOT EXISTS finance.balance_sheet (
        tenant_id text, company_code text, fiscal_year integer, fiscal_period integer, currency text, section text,
        statement_line text, amount numeric(19, 4));
    CREATE TABLE IF NOT EXISTS finance.income_statement (LIKE finance.balance_sheet);
    CREATE TABLE IF NOT EXISTS finance.statement_totals (
        tenant_id text, company_code text, fiscal_year integer, fiscal_period integer, currency text,
        total_assets numeric(19, 4), total_liabilities numeric(19, 4), shareholders_equity numeric(19, 4),
        difference_amount numeric(19, 4));
    CREATE TABLE IF NOT EXISTS analytics.accrual_roll_forward (
        tenant_id text, promotion_key text, promotion_name text, accrual_account_code text, currency text,
        fiscal_year integer, fiscal_period integer, opening_amount numeric(19, 4), accrued_amount numeric(19, 4),
        reversed_amount numeric(19, 4), released_amount numeric(19, 4), closing_amount numeric(19, 4),
        days_since_window_end integer, running_amount numeric(19, 4), days_0_30_amount numeric(19, 4),
        days_31_60_amount numeric(19, 4), days_61_90_amount numeric(19, 4), days_over_90_amount numeric(19, 4));
    CREATE TABLE IF NOT EXISTS analytics.prior_period_adjustments (
        tenant_id text, journal_id uuid, event text, fiscal_year integer, period integer, original_posting_date date,
        posting_date date, promotion_key text, currency text, amount numeric(19, 4));
    CREATE TABLE IF NOT EXISTS finance.submitted_period_decisions (
        tenant_id text, decision_key text, fiscal_year integer, period integer, action text, reason text,
        decided_by text, decided_at timestamptz);
"""


def months(year: int, first: int = 1, last: int = 12, calendar: str = "standard") -> list[Period]:
    """Calendar months as delivered fiscal periods."""
    return [
        Period(date(year, m, 1), date(year, m, monthrange(year, m)[1]), calendar, year, m)
        for m in range(first, last + 1)
    ]


def weeks(start: date, lengths: list[int], fiscal_year: int, calendar: str = "weeks") -> list[Period]:
    """Periods of whole weeks, one after the other: [4, 4, 5] * 4, or thirteen times 4."""
    found = []
    for number, length in enumerate(lengths, 1):
        end = start + timedelta(weeks=length, days=-1)
        found.append(Period(start, end, calendar, fiscal_year, number))
        start = end + timedelta(days=1)
    return found


def calendar(wh: Warehouse, tenant: str, periods: list[Period]) -> None:
    """Make the marts of a month end, with this fiscal calendar and an empty ledger."""
    with wh.pipeline() as conn:
        conn.execute(_TABLES)
        conn.execute("DELETE FROM master.fiscal_periods WHERE tenant_id = %s", (tenant,))
        for p in periods:
            conn.execute(
                "INSERT INTO master.fiscal_periods (tenant_id, calendar, start_date, end_date, is_closed, fiscal_year, period)"
                " VALUES (%s, %s, %s, %s, false, %s, %s)",
                (tenant, p.calendar, p.start_date, p.end_date, p.fiscal_year, p.period),
            )


def put(wh: Warehouse, tenant: str, relation: str, **values: object) -> None:
    """One row of a mart."""
    with wh.pipeline() as conn:
        names = ["tenant_id", *values]
        conn.execute(
            f"INSERT INTO {relation} ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})",
            (tenant, *values.values()),
        )


def account(
    wh: Warehouse, tenant: str, code: str, closing: str, *, period: int = 9, **changes: object
) -> None:
    """A row of the trial balance whose movement of the period is its closing balance."""
    amount = float(closing)
    values: dict[str, object] = {
        "company_code": "A", "account_code": code, "category": "assets", "fiscal_year": 2026, "fiscal_period": period,
        "currency": "USD", "scenario": "actual", "opening": 0, "debit": max(amount, 0), "credit": max(-amount, 0),
        "closing": closing,
    }  # fmt: skip
    put(wh, tenant, "finance.trial_balance", **(values | changes))


def decide(
    wh: Warehouse, tenant: str, key: str, action: str, by: str, at: str, period: int = 9, **more: object
) -> None:
    """A decision about a period, as handed in."""
    values = {"decision_key": key, "fiscal_year": 2026, "period": period, "action": action, "decided_by": by}
    put(wh, tenant, "finance.submitted_period_decisions", **(values | {"decided_at": at} | more))


#: Columns that say which attempt wrote a row, not what was found.
_ATTEMPT = ["run_id", "reconciled_run_id"]


def close_checksums(wh: Warehouse, tenant: str) -> dict[str, tuple]:
    """Every result table of the month end, and what it may post to, as sorted rows without the attempt's columns."""
    tables = (
        "close_runs", "close_checklist", "period_closes", "balance_assertions", "period_statements", "period_decisions",
        "close_replays", "claim_tasks", "journals", "journal_lines", "accrual_ledger", "promotion_state",
    )  # fmt: skip
    with wh.engine(tenant) as conn:
        return {
            table: tuple(
                sorted(
                    row[0]
                    for row in conn.execute(
                        f"SELECT (to_jsonb(t) - %s::text[])::text FROM finance.{table} t", (_ATTEMPT,)
                    )
                )
            )
            for table in tables
        }
