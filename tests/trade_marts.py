"""The marts that reconcile reads, made by hand for tests that need a database but not dbt."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from include.reconcile.decision_records import ClaimDecision
from include.reconcile.records import (
    ApPayment,
    Deduction,
    FiscalPeriod,
    Fund,
    Performance,
    Promotion,
    StatusChange,
)
from include.warehouse.session import Warehouse
from tests.trade_cases import LEGAL_MOVES

_TABLES = """
    CREATE TABLE IF NOT EXISTS master.customers (
        tenant_id text, customer_key text, parent_customer_key text);
    CREATE TABLE IF NOT EXISTS planning.promotions (
        tenant_id text, promotion_key text, promotion_id uuid, name text, customer_key text, fund_key text, status text,
        tactic_type text, settlement_method text, window_start date, window_end date,
        planned_amount numeric(19, 4), approved_date date, closed_date date, accrual_method text,
        gl_account_code text, accrual_account_code text, currency text, is_off_invoice boolean);
    CREATE TABLE IF NOT EXISTS planning.promotion_earned (
        tenant_id text, promotion_key text, earned_amount numeric(19, 4), is_complete boolean);
    CREATE TABLE IF NOT EXISTS planning.promotion_products (tenant_id text, promotion_key text, product_key text);
    CREATE TABLE IF NOT EXISTS planning.promotion_progress (
        tenant_id text, promotion_key text, source text, performed_on date, week_number integer, units numeric(19, 4),
        amount numeric(19, 4), accrual_factor numeric(9, 6));
    CREATE TABLE IF NOT EXISTS planning.promotion_status_history (
        tenant_id text, promotion_key text, changed_at timestamptz, status text);
    CREATE TABLE IF NOT EXISTS planning.promotion_transitions (
        tenant_id text, kind text, from_status text, to_status text);
    CREATE TABLE IF NOT EXISTS planning.funds (
        tenant_id text, fund_key text, total_budget numeric(19, 4), currency text, overdraw_pct numeric(18, 9));
    CREATE TABLE IF NOT EXISTS finance.deductions (
        tenant_id text, deduction_key text, customer_key text, amount numeric(19, 4), currency text,
        posting_date date, invoice_ref text, check_ref text, reason_code_normalized text, promotion_id uuid,
        dispute_deadline date, reversal_of text);
    CREATE TABLE IF NOT EXISTS finance.deduction_lines (tenant_id text, deduction_key text, product_key text);
    CREATE TABLE IF NOT EXISTS finance.ap_payments (
        tenant_id text, payment_key text, customer_key text, account_code text, amount numeric(19, 4),
        currency text, payment_date date, promotion_id uuid, reference text);
    CREATE TABLE IF NOT EXISTS finance.proofs_of_performance (
        tenant_id text, promotion_key text, received_date date);
    CREATE TABLE IF NOT EXISTS finance.closed_periods (
        tenant_id text, calendar text, start_date date, end_date date);
    CREATE TABLE IF NOT EXISTS master.fiscal_periods (
        tenant_id text, calendar text, start_date date, end_date date, is_closed boolean);
    CREATE TABLE IF NOT EXISTS finance.submitted_decisions (
        tenant_id text, decision_key text, claim_kind text, claim_key text, action text, promotion_key text,
        amount numeric(19, 4), reason text, decided_by text, decided_at timestamptz, approved_by text,
        approved_at timestamptz, source text, conflict text);
"""


def fill(
    wh: Warehouse,
    tenant: str,
    *,
    parents: dict[str, str | None],
    promotions: list[Promotion] = (),
    deductions: list[Deduction] = (),
    payments: list[ApPayment] = (),
    proofs: dict[str, object] | None = None,
    periods: list[FiscalPeriod] = (),
    performance: list[Performance] = (),
    funds: list[Fund] = (),
    status_changes: list[StatusChange] = (),
    decisions: list[ClaimDecision] = (),
) -> None:
    """Make the marts hold exactly these rows for `tenant`."""
    with wh.pipeline() as conn, conn.cursor() as cursor:
        cursor.execute(_TABLES)
        for table in (
            "master.customers", "planning.promotions", "planning.promotion_earned", "planning.promotion_products",
            "planning.promotion_progress", "planning.promotion_status_history", "planning.promotion_transitions",
            "planning.funds",
            "finance.deductions", "finance.deduction_lines", "finance.ap_payments",
            "finance.proofs_of_performance", "finance.closed_periods", "master.fiscal_periods",
            "finance.submitted_decisions",
        ):  # fmt: skip
            cursor.execute(f"DELETE FROM {table} WHERE tenant_id = %s", (tenant,))
        cursor.executemany(
            "INSERT INTO master.customers VALUES (%s, %s, %s)", [(tenant, c, p) for c, p in parents.items()]
        )
        _insert(cursor, tenant, "planning.promotions", promotions, {"earned_amount", "product_keys"})
        cursor.executemany(
            "INSERT INTO planning.promotion_earned VALUES (%s, %s, %s, true)",
            [(tenant, p.promotion_key, p.earned_amount) for p in promotions if p.earned_amount is not None],
        )
        cursor.executemany(
            "INSERT INTO planning.promotion_products VALUES (%s, %s, %s)",
            [(tenant, p.promotion_key, k) for p in promotions for k in p.product_keys],
        )
        _insert(cursor, tenant, "finance.deductions", deductions, {"product_keys"})
        cursor.executemany(
            "INSERT INTO finance.deduction_lines VALUES (%s, %s, %s)",
            [(tenant, d.deduction_key, k) for d in deductions for k in d.product_keys],
        )
        _insert(cursor, tenant, "finance.ap_payments", payments, set())
        _insert(cursor, tenant, "finance.submitted_decisions", decisions, set())
        cursor.executemany(
            "INSERT INTO finance.proofs_of_performance VALUES (%s, %s, %s)",
            [(tenant, key, received) for key, received in (proofs or {}).items()],
        )
        weeks = {p.promotion_key: p.window_start for p in promotions}
        cursor.executemany(
            "INSERT INTO planning.promotion_progress VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    tenant, p.promotion_key, p.source, p.performed_on,
                    (p.performed_on - weeks[p.promotion_key]).days // 7, p.units, p.amount,
                    p.tempered_amount / p.amount if p.amount else 1,
                )
                for p in performance
            ],
        )  # fmt: skip
        cursor.executemany(
            "INSERT INTO planning.funds VALUES (%s, %s, %s, %s, %s)",
            [(tenant, f.fund_key, f.total_budget, f.currency, f.overdraw_pct) for f in funds],
        )
        cursor.executemany(
            "INSERT INTO planning.promotion_status_history VALUES (%s, %s, %s, %s)",
            [(tenant, c.promotion_key, c.changed_on, c.status) for c in status_changes],
        )
        cursor.executemany(
            "INSERT INTO planning.promotion_transitions VALUES (%s, 'commercial', %s, %s)",
            [(tenant, *move) for move in LEGAL_MOVES],
        )
        dates = [(tenant, p.start_date, p.end_date, p.is_closed) for p in periods]
        cursor.executemany("INSERT INTO master.fiscal_periods VALUES (%s, 'standard', %s, %s, %s)", dates)
        cursor.execute(
            "INSERT INTO finance.closed_periods SELECT tenant_id, calendar, start_date, end_date"
            " FROM master.fiscal_periods WHERE is_closed AND tenant_id = %s",
            (tenant,),
        )


def _insert(cursor, tenant: str, relation: str, rows, without: set[str]) -> None:
    for row in rows:
        values = {name: getattr(row, name) for name in row.__slots__ if name not in without}
        cursor.execute(
            f"INSERT INTO {relation} SELECT * FROM jsonb_populate_record(NULL::{relation}, %s)",
            (Jsonb({"tenant_id": tenant} | {k: None if v is None else str(v) for k, v in values.items()}),),
        )


#: Columns that say which attempt wrote a row, not what was decided.
_ATTEMPT = {"run_id", "loaded_at", "started_at", "ended_at"}


def checksums(wh: Warehouse, tenant: str) -> dict[str, tuple]:
    """Every result table of reconcile as a sorted tuple of rows, without the columns of the attempt."""
    tables = (
        "claims", "match_candidates", "journals", "journal_lines", "settlements", "accrual_ledger",
        "gl_snapshots", "claim_tasks", "promotion_state", "reconciliation_runs", "claim_replays", "ledger_start",
        "promotion_accounts",
        "promotion_state_history", "status_moves", "accrual_methods",
        "claim_decisions",
    )  # fmt: skip
    with wh.engine(tenant) as conn:
        return {
            table: tuple(
                sorted(
                    row[0]
                    for row in conn.execute(
                        f"SELECT (to_jsonb(t) - %s::text[])::text FROM finance.{table} t", (sorted(_ATTEMPT),)
                    )
                )
            )
            for table in tables
        }
