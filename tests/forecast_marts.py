"""The marts the forecast reads, as transform leaves them, filled from mart rows in memory."""

from __future__ import annotations

from include.forecast.mart_rows import MartRows
from include.warehouse.copy import copy_rows
from include.warehouse.session import Warehouse

_TABLES = {
    "sales_reps": "rep_key text, role text, region text, territory text, plan_key text, hire_date date, termination_date date,"
    " ramp_months integer, target_incentive numeric(19,4), commission_rate numeric(18,9), currency text",
    "quotas": "rep_key text, measure text, period_start date, period_end date, quota_amount numeric(19,4),"
    " currency text",
    "compensation_plans": "plan_key text, version text, effective_from date, effective_to date, plan_kind text,"
    " accelerator_mode text, threshold_mode text, threshold_attainment numeric(18,9), cap_mode text,"
    " cap_value numeric(18,9)",
    "compensation_plan_tiers": "plan_key text, version text, component text, lower_bound numeric(18,9),"
    " rate numeric(18,9)",
    "compensation_plan_components": "plan_key text, version text, component text, measure text,"
    " weight numeric(18,9), gate_measure text, gate_attainment numeric(18,9), kicker_amount numeric(19,4)",
    "compensation_budgets": "scope text, scope_key text, period_start date, period_end date,"
    " budget_amount numeric(19,4), currency text",
    "compensation_draws": "rep_key text, period_start date, period_end date, draw_amount numeric(19,4),"
    " is_recoverable boolean, currency text",
    "sales_credits": "rep_key text, measure text, credit_type text, credit_date date, currency text,"
    " amount numeric(19,4), opportunity_key text",
    "opportunities": "opportunity_key text, owner_rep_key text, amount numeric(19,4), currency text, stage text,"
    " is_won boolean, is_closed boolean, probability numeric(18,9), created_date date, close_date date",
    "opportunity_history": "opportunity_key text, changed_at timestamptz, stage text, amount numeric(19,4),"
    " probability numeric(18,9), close_date date",
    "rep_attainment": "rep_key text, measure text, period_start date, period_end date,"
    " quota_amount numeric(19,4), credited_amount numeric(19,4), attainment numeric(18,9), currency text",
}


def load_marts(wh: Warehouse, tenant: str, rows: MartRows) -> None:
    """Make the marts where they are missing, and give `tenant` these rows instead of what it had."""
    with wh.pipeline() as conn:
        for table, columns in _TABLES.items():
            relation = f"planning.{table}"
            conn.execute(f"CREATE TABLE IF NOT EXISTS {relation} (tenant_id text NOT NULL, {columns})")
            conn.execute(f"DELETE FROM {relation} WHERE tenant_id = %s", (tenant,))
            names = [
                column.split()[0] for column in columns.replace("(19,4)", "").replace("(18,9)", "").split(",")
            ]
            copy_rows(
                conn,
                relation,
                ["tenant_id", *names],
                ([tenant, *(row.get(name) for name in names)] for row in getattr(rows, table)),
            )
