"""The dbt project on a real warehouse: builds green empty and full, keeps tenants apart after every rebuild."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from include.report.queue import QUEUE
from include.warehouse.queue import read_queue
from include.warehouse.session import Warehouse
from tests import dbt_company

GOVERNED = ["staging", "master", "planning", "finance", "intelligence", "analytics"]
#: Nothing of the fixture belongs there: no gaps in its chart, no retailer that loads up, no reported stock, no clean
#: week, no two years.
EMPTY_IN_FIXTURE = {
    "analytics.prior_period_adjustments",
    "analytics.promotion_warnings",
    "intelligence.baseline_statistics",
    "intelligence.seasonal_indices",
    "finance.unmapped_accounts", "planning.promotion_scan_gaps", "intelligence.forward_buy_alerts", "master.retailer_stock",
    # Documents the fixture has no event for; tests/dbt/test_documents.py has all of them.
    *(f"finance.entry_{name}" for name in (
        "accrual_adjustments", "releases", "settlement_reversals", "recoveries", "write_offs", "fee_vouchers", "fee_payments",
    )),
}  # fmt: skip


@pytest.fixture(scope="module")
def built(module_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory):
    """A warehouse built once while empty and once with the company in it; failures of both builds."""
    target = tmp_path_factory.mktemp("dbt")
    empty = dbt_company.failures(dbt_company.run_dbt(module_warehouse, target, "build"))
    dbt_company.load(module_warehouse)
    full = dbt_company.failures(
        dbt_company.run_dbt(module_warehouse, target, "build", "--exclude", "test_type:unit")
    )
    return module_warehouse, target, empty, full


def test_empty_warehouse_builds_green(built):
    assert built[2] == []


def test_company_builds_green(built):
    assert built[3] == []


def test_every_relation_of_dbt_is_filled_and_only_with_its_tenants_rows(built):
    assert _leaks(built[0]) == []


def test_protection_survives_a_full_refresh(built):
    wh, target, _, _ = built
    assert dbt_company.failures(dbt_company.run_dbt(wh, target, "run", "--full-refresh")) == []
    assert _leaks(wh) == []


def test_a_planted_leak_is_found(built):
    with built[0].admin() as conn:
        conn.execute("ALTER TABLE master.customers DISABLE ROW LEVEL SECURITY")
    try:
        assert _leaks(built[0])
    finally:
        with built[0].admin() as conn:
            conn.execute("ALTER TABLE master.customers ENABLE ROW LEVEL SECURITY")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT earned_amount FROM planning.promotion_earned", [("8.5000",)]),
        (
            (
                "SELECT promotion_key, units_sold::text FROM analytics.promotion_actuals WHERE sale_date = '2026-02-03'"
                " ORDER BY 1"
            ),
            [("P1", "3.3333"), ("P2", "6.6667")],
        ),
        (
            "SELECT party, amount::text FROM analytics.attribution_credits WHERE credit_type = 'overlay' ORDER BY 1",
            [("Dell", "6666.6700"), ("Echo", "6666.6700"), ("Fox", "6666.6600")],
        ),
        ("SELECT DISTINCT journal_key FROM finance.gl_quarantine", [("crooked",)]),
        ("SELECT company_code, imbalance_amount::text FROM finance.ledger_imbalances", [("B", "10.0000")]),
        (
            "SELECT net_income::text, difference_amount::text FROM finance.statement_totals WHERE company_code = 'A'",
            [("70.0000", "0.0000")],
        ),
        ("SELECT reason_code_normalized FROM finance.deductions", [("PROMO",)]),
        ("SELECT is_tied FROM finance.remittance_tie_out", [(True,)]),
        (
            (
                "SELECT queue_position, age_days, days_to_dispute, promotion_key, lead_over_second::text"
                " FROM analytics.bi_deduction_queue"
            ),
            [(1, 8, 20, "P1", "0.410000")],
        ),
        ("SELECT avg_comp::text, var_95::text FROM planning.vw_mc_summary", [("300.0000", "480.0000")]),
        (
            (
                "SELECT owner_rep_key, probability::text, currency = (SELECT currency FROM staging.stg_tenancy__tenants)"
                " FROM planning.opportunities WHERE opportunity_key = '006O'"
            ),
            [("R1", "0.200000000", True)],
        ),
        (
            # Two changes of one second: the record made last says how the deal stood.
            "SELECT stage, probability::text FROM planning.opportunity_history WHERE opportunity_key = '006O'",
            [("Prospecting", "0.200000000")],
        ),
        ("SELECT units_shipped::text FROM intelligence.shipment_facts", [("1200.0000",)]),
        (
            "SELECT opening_amount::text, closing_amount::text FROM analytics.accrual_roll_forward",
            [("0.0000", "20.0000")],
        ),
        ("SELECT remaining_balance::text FROM planning.fund_checkbook", [("99720.0000",)]),
    ],
)
def test_reader_sees_the_companys_figures(built, query, expected):
    with _reader(built[0], "alpha") as conn:
        rows = conn.execute(query).fetchall()
    assert [
        tuple(str(v) if not isinstance(v, str | bool | int) else v for v in row) for row in rows
    ] == expected


def test_the_workbook_shows_the_queue_of_the_view(built):
    """One row of alpha's: who leads, who is behind, and what is at stake."""
    with built[0].engine("alpha") as conn:
        [row] = read_queue(conn)
    # The kind is for the sheet of decisions beside it.
    assert {column.field for column in QUEUE} | {"claim_kind"} == set(row)
    assert (row["queue_position"], row["promotion_key"], row["why"]) == (1, "P1", "leads P2 by 0.41")
    assert (row["runner_up_key"], row["runner_up_why"]) == ("P2", "trails P1 by 0.41")


def test_reader_of_rollup_by_path_and_by_numbers_agree(built):
    """TDM-05: sales below a node by ltree and by nested set are the same."""
    below = "SELECT sum(p.units_sold) FROM intelligence.pos_facts p JOIN master.customers c USING (tenant_id, customer_key)"
    node = "(SELECT {} FROM master.customers WHERE customer_key = 'BANNER')"
    with _reader(built[0], "alpha") as conn:
        by_path = conn.execute(
            f"{below} WHERE c.hierarchy_path <@ {node.format('hierarchy_path')}"
        ).fetchone()
        by_numbers = conn.execute(
            f"{below} WHERE c.lft BETWEEN {node.format('lft')} AND {node.format('rgt')}"
        ).fetchone()
    assert by_path == by_numbers == (28,)


def _reader(wh: Warehouse, tenant: str) -> psycopg.Connection:
    return psycopg.connect(wh.pipeline_dsn, user=f"tw_reader_{tenant}")


def _relations(wh: Warehouse) -> list[tuple[str, str, str]]:
    with wh.admin() as conn:
        return conn.execute(
            "SELECT n.nspname, c.relname, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " JOIN pg_roles r ON r.oid = c.relowner"
            " WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p', 'v') AND r.rolname = 'tw_pipeline' ORDER BY 1, 2",
            (GOVERNED,),
        ).fetchall()


def _leaks(wh: Warehouse) -> list[str]:
    """What is wrong with the protection of dbt's relations: by the catalogue, and by looking as a reader."""
    found = []
    seeds = {path.stem for path in (dbt_company.PROJECT / "seeds").glob("*.csv")}
    with wh.admin() as conn:
        for schema, name, kind in _relations(wh):
            protected = conn.execute(
                "SELECT CASE c.relkind WHEN 'v' THEN 'security_invoker=true' = ANY (c.reloptions)"
                " ELSE c.relrowsecurity AND c.relforcerowsecurity"
                "   AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) END"
                " FROM pg_class c WHERE c.oid = %s::regclass",
                (f'{schema}."{name}"',),
            ).fetchone()[0]
            if not protected:
                found.append(f"{schema}.{name} ({kind}) is not protected")
    with _reader(wh, "alpha") as conn:
        for schema, name, kind in _relations(wh):
            seen = conn.execute(
                sql.SQL("SELECT coalesce(array_agg(DISTINCT tenant_id), '{{}}') FROM {}").format(
                    sql.Identifier(schema, name)
                )
            ).fetchone()[0]
            vacuous = (
                not seen and kind != "p" and not name.startswith(("raw_", "stg_files__pos", "unified_pos"))
            )
            if seen not in ([], ["alpha"]):
                found.append(f"{schema}.{name}: a reader of alpha sees {seen}")
            elif vacuous and name not in seeds and f"{schema}.{name}" not in EMPTY_IN_FIXTURE | LANDING_EMPTY:
                found.append(f"{schema}.{name}: nobody sees a row, so nothing is shown")
    return found


#: The fixture lands accounts through Salesforce only.
LANDING_EMPTY = {"staging.stg_files__accounts"}
