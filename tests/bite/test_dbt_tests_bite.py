"""Every dbt test has an input that makes it fail: a copy of what it reads, corrupted, in a transaction undone."""

from __future__ import annotations

import json

import psycopg
import pytest

from include.warehouse.session import Warehouse
from tests import dbt_company

#: What breaks a law: the relation that is corrupted, and how.
LAWS = {
    "journals_balance": (
        "finance.journal_lines",
        "UPDATE {} SET debit_amount = debit_amount + 1 WHERE debit_amount > 0",
    ),
    "source_journals_balance_or_are_quarantined": (
        "finance.gl_lines",
        "DELETE FROM {} WHERE line_number = 1",
    ),
    "trial_balance_sums_to_zero_or_is_listed": ("finance.trial_balance", "UPDATE {} SET debit = debit + 1"),
    "trial_balance_rolls_forward": ("finance.trial_balance", "UPDATE {} SET opening = opening + 1"),
    "ledger_imbalances_come_from_balances_only": (
        "finance.ledger_imbalances",
        "UPDATE {} SET company_code = 'A'",
    ),
    "assets_equal_liabilities_and_equity": (
        "finance.statement_totals",
        "UPDATE {} SET difference_amount = difference_amount + 1",
    ),
    "net_income_is_the_change_of_earnings": (
        "finance.income_statement",
        "UPDATE {} SET year_to_date_amount = year_to_date_amount + 1",
    ),
    "accruals_are_never_negative": (
        "finance.accrual_ledger",
        "UPDATE {} SET amount = -200 WHERE movement = 'reversed'",
    ),
    "accruals_tie_to_the_control_account": (
        "finance.accrual_ledger",
        "UPDATE {} SET amount = amount + 0.0001",
    ),
    "documents_agree_with_journals": (
        "finance.journal_lines",
        "UPDATE {} SET account_code = '5510' WHERE account_code = '5500'",
    ),
    "closed_periods_tied": (
        "finance.close_checklist",
        "UPDATE {} SET status = 'not_tied'",
    ),
    "nothing_is_posted_into_a_closed_period": ("finance.journals", "UPDATE {} SET as_of = '2026-12-31'"),
    "closed_balances_stand": ("finance.balance_assertions", "UPDATE {} SET found_amount = found_amount + 1"),
    "accrual_roll_forward_ties_to_the_control_account": (
        "analytics.accrual_roll_forward",
        "UPDATE {} SET closing_amount = closing_amount + 1",
    ),
    "claims_are_the_sum_of_their_parts": ("finance.claims", "UPDATE {} SET amount = amount + 1"),
    "settlements_never_exceed_their_claim": ("finance.settlements", "UPDATE {} SET amount_settled = 1000"),
    "decisions_name_their_journals": ("finance.claim_decisions", "UPDATE {} SET status = 'refused'"),
    "settlements_stay_within_authority": ("finance.settlements", "UPDATE {} SET amount_settled = 1000"),
    "erp_answers_agree_with_the_books": ("finance.settlements", "UPDATE {} SET status = 'Posted to ERP'"),
    "attribution_sums_to_the_deal": (
        "analytics.attribution_credits",
        "UPDATE {} SET amount = amount + 0.01 WHERE party = 'Acme'",
    ),
    "promotions_never_claim_more_than_was_sold": (
        "analytics.promotion_actuals",
        "UPDATE {} SET units_sold = units_sold * 2",
    ),
    "promotions_never_claim_more_than_was_shipped": (
        "analytics.promotion_shipment_lines",
        "UPDATE {} SET net_revenue = net_revenue * 2",
    ),
    "loads_lose_nothing": ("staging.loads", "UPDATE {} SET rows_read = rows_read + 1"),
    "deductions_reach_finance_whole": ("finance.deductions", "DELETE FROM {} WHERE tenant_id = 'alpha'"),
    "customers_stand_inside_their_parent": (
        "master.customers",
        "UPDATE {} SET rgt = 100 WHERE customer_key = 'DC-1'",
    ),
    "promotions_are_in_a_legal_state": ("planning.promotions", "UPDATE {} SET lifecycle_status = 'Draft'"),
    "life_cycles_move_as_allowed": (
        "finance.promotion_state_history",
        "INSERT INTO {} SELECT tenant_id, promotion_key, 2, 'Draft', message, as_of, run_id FROM {}",
    ),
    "one_accrual_method_is_applied": ("finance.accrual_methods", "UPDATE {} SET is_applied = true"),
    "quota_windows_do_not_overlap": (
        "planning.quotas",
        "UPDATE {} SET period_end = '2026-05-01' WHERE period_start = '2026-01-01'",
    ),
    "forecast_summary_agrees_with_its_totals": (
        "planning.monte_carlo_summary",
        "UPDATE {} SET var_95 = var_95 + 1",
    ),
    "commission_costs_sum_to_their_payment": (
        "finance.commission_costs",
        "UPDATE {} SET cost_amount = cost_amount + 0.01",
    ),
    "commission_amortisation_sums_to_its_cost": (
        "finance.commission_amortisation",
        "UPDATE {} SET amortised_amount = amortised_amount + 0.01",
    ),
    "compensation_months_sum_to_what_is_accrued": (
        "finance.compensation_accruals",
        "UPDATE {} SET current_amount = current_amount + 1",
    ),
    "compensation_journals_book_the_accrual": (
        "finance.compensation_journal_lines",
        "UPDATE {} SET credit_amount = credit_amount + 1 WHERE credit_amount > 0",
    ),
    "compensation_liability_rolls_forward": (
        "finance.compensation_roll_forward",
        "UPDATE {} SET opening_amount = opening_amount + 1",
    ),
    "compensation_liability_is_accrued_less_paid": (
        "finance.compensation_roll_forward",
        "UPDATE {} SET closing_amount = closing_amount + 1",
    ),
    "forecast_groups_sum_to_the_total": ("planning.monte_carlo_summary", "UPDATE {} SET mean = mean + 1"),
}
#: What breaks a condition that a row of nulls satisfies.
CONDITIONS = {
    "customers_payment_terms_are_days": "UPDATE {} SET payment_terms_days = -1",
    "product_costs_windows_are_ordered": "UPDATE {} SET valid_to_date = effective_date - 1",
    "promotions_windows_are_ordered": "UPDATE {} SET window_end = window_start - 1",
    "promotion_progress_factors_are_shares_of_shipments": "UPDATE {} SET accrual_factor = 1.5",
    "promotion_standing_refused_holds_nothing": "UPDATE {} SET lifecycle_status = 'Failed', consumed_amount = 1",
    "fund_checkbook_history_windows_are_ordered": "UPDATE {} SET valid_to_date = valid_from_date - 1",
    "accrual_comparison_applied_differs_by_nothing": "UPDATE {} SET difference_amount = 1 WHERE is_applied",
    "accrual_comparison_is_not_negative": "UPDATE {} SET recognised_amount = -1",
    "deductions_reasons_are_known": "UPDATE {} SET reason_code_normalized = 'WHATEVER'",
    "rep_attainment_is_credited_by_quota": "UPDATE {} SET attainment = attainment + 0.1",
    "monte_carlo_optima_meet_the_budget_or_say_so": "UPDATE {} SET amount = budget_amount + 1",
    "match_reliability_lies_inside_its_interval": "UPDATE {} SET confirmed_rate_low = 0.99",
    "remittance_tie_out_says_what_it_shows": "UPDATE {} SET is_tied = not is_tied",
}
#: What breaks every test of a kind, whatever it is put on.
KINDS = {
    "key_is_unique": "INSERT INTO {} DEFAULT VALUES",
    "holds": "INSERT INTO {} DEFAULT VALUES",
    "must_be_empty": "INSERT INTO {} DEFAULT VALUES",
    "not_null": "INSERT INTO {} DEFAULT VALUES",
    "parent_exists": "UPDATE {} SET {column} = 'nobody'",
}


@pytest.fixture(scope="module")
def built(module_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory):
    """The company's marts, and every test of the project as compiled SQL by name."""
    target = tmp_path_factory.mktemp("dbt")
    dbt_company.load(module_warehouse)
    for command in (["seed"], ["run"], ["compile"]):
        assert dbt_company.failures(dbt_company.run_dbt(module_warehouse, target, *command)) == []
    manifest = json.loads((target / "manifest.json").read_text())
    nodes = manifest["nodes"] | manifest["sources"]
    return module_warehouse, nodes, {n["name"]: n for n in nodes.values() if n["resource_type"] == "test"}


def test_every_test_passes_on_the_company_and_fails_on_its_counterexample(built):
    wh, nodes, tests = built
    toothless = []
    with psycopg.connect(wh.admin_dsn) as conn:
        for name, node in tests.items():
            relation, statement = _counterexample(nodes, node)
            if _rows(conn, node["compiled_code"]):
                toothless.append(f"{name} fails on the sound company")
            _replace_by_copy(conn, relation)
            conn.execute(statement.replace("{}", relation))
            if not _rows(conn, node["compiled_code"]):
                toothless.append(f"{name} accepts its counter-example")
            conn.rollback()
    assert toothless == []


def test_a_duplicate_row_breaks_a_key(built):
    wh, _, tests = built
    node = next(n for n in tests.values() if "unified_customers" in n["name"])
    with psycopg.connect(wh.admin_dsn) as conn:
        _replace_by_copy(conn, "staging.unified_customers")
        conn.execute("INSERT INTO staging.unified_customers SELECT * FROM staging.unified_customers LIMIT 1")
        assert _rows(conn, node["compiled_code"])
        conn.rollback()


def test_every_law_has_a_counterexample(built):
    singular = {name for name, node in built[2].items() if not node.get("test_metadata")}
    assert singular == set(LAWS)


def _counterexample(nodes, node) -> tuple[str, str]:
    if not node.get("test_metadata"):
        return LAWS[node["name"]]
    attached = nodes[node["attached_node"] or node["depends_on"]["nodes"][0]]
    relation = f"{attached['schema']}.{attached.get('alias') or attached['identifier']}"
    statement = CONDITIONS.get(node["name"]) or KINDS[node["test_metadata"]["name"]]
    column = (node["test_metadata"]["kwargs"].get("columns") or [""])[-1]
    return relation, statement.replace("{column}", column)


def _replace_by_copy(conn: psycopg.Connection, relation: str) -> None:
    """Put a plain table of the same rows in the place of `relation`: no constraint, no trigger, no view logic."""
    name = relation.split(".")[1]
    kind = conn.execute(
        "SELECT relkind::text FROM pg_class WHERE oid = %s::regclass", (relation,)
    ).fetchone()[0]
    conn.execute(f"ALTER {'VIEW' if kind == 'v' else 'TABLE'} {relation} RENAME TO {name}_real")
    conn.execute(f"CREATE TABLE {relation} AS SELECT * FROM {relation}_real")


def _rows(conn: psycopg.Connection, query: str) -> list[tuple]:
    return conn.execute(query).fetchall()
