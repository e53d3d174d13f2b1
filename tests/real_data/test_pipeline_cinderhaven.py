"""Cinderhaven through the pipeline: every deduction ends by name, nothing is lost and nothing is guessed.

Planned promotion cost (19,669.93) is small against 3,835,969.09 deducted, half the promotions are off-invoice or
without a cost, and a deduction names an order, never a promotion. So an honest run settles next to nothing: what
it settles must be justified by the raw files, row by row, and the rest must say why not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from include.flows.extract import ExtractSummary, extract_files
from include.flows.measure import measure
from include.flows.reconcile import Summary, reconcile
from include.reconcile.outcomes import Outcome
from include.warehouse.session import Warehouse
from include.warehouse.tenants import ensure_tenant, load_settings
from tests.real_data.contract_files import Converted, Row, records
from tests.real_data.pipeline import ask_the_laws, build_marts, query

TENANT = "cinderhaven"
AS_OF = date(2027, 1, 31)
DEDUCTED = Decimal("3835969.09")
NON_TRADE = ("SHORTAGE", "COMPLIANCE", "SPOILS", "DAMAGE")


@dataclass
class Company:
    """Cinderhaven in a warehouse of its own, loaded, built and reconciled."""

    warehouse: Warehouse
    loads: ExtractSummary
    summary: Summary
    source: Path
    files: Converted

    def rows(self, statement: str, *values: object) -> list[tuple]:
        return query(self.warehouse, TENANT, statement, *values)

    def reconcile(self, run_id: str) -> Summary:
        with self.warehouse.pipeline() as conn:
            settings = load_settings(conn, TENANT)
        return reconcile(self.warehouse, TENANT, AS_OF, run_id=run_id, settings=settings)


@pytest.fixture(scope="module")
def company(
    module_warehouse: Warehouse,
    cinderhaven_source: Path,
    cinderhaven_files: Converted,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Company]:
    ensure_tenant(module_warehouse, TENANT, "Cinderhaven Provisions", {"currency": "USD"})
    loads = extract_files(module_warehouse, TENANT, cinderhaven_files.folder, "load-1")
    build_marts(module_warehouse, tmp_path_factory.mktemp("cinderhaven_dbt"))
    with module_warehouse.pipeline() as conn:
        settings = load_settings(conn, TENANT)
    summary = reconcile(module_warehouse, TENANT, AS_OF, run_id="reconcile-1", settings=settings)
    yield Company(module_warehouse, loads, summary, cinderhaven_source, cinderhaven_files)


def test_every_row_and_amount_arrives(company: Company) -> None:
    assert company.loads.total("rows_rejected") == 0
    assert {load.stream: load.rows_loaded for load in company.loads.loads} == company.files.rows
    assert company.rows("SELECT count(*) FROM staging.rejects") == [(0,)]
    sums = {load.stream: load.amount_loaded for load in company.loads.loads if load.amount_loaded is not None}
    assert sums["deductions"] == sums["remittances"] == DEDUCTED
    assert sums["invoices"] == Decimal("63375680.82")
    assert sums["pos_sales"] == Decimal("73301290.32")
    assert sums["promotions"] == Decimal("19669.93")


@pytest.mark.parametrize(
    ("mart", "columns", "expected"),
    [
        ("finance.deductions", "count(*), sum(amount)", (7973, "3835969.09")),
        ("finance.deductions", "count(*) FILTER (WHERE reason_code_normalized IS NULL), 0", (1476, "0")),
        ("finance.remittance_tie_out", "count(*) FILTER (WHERE is_tied), sum(deducted_amount)", (1126, "3835969.09")),
        ("finance.invoices", "count(*), sum(net_amount)", (11968, "63375680.82")),
        ("intelligence.shipment_facts", "count(*), sum(net_revenue)", (60792, "63375680.82")),
        ("intelligence.shipment_facts", "count(*), sum(invoiced_units)", (60792, "682924")),
        ("intelligence.pos_facts", "count(*), sum(units_sold)", (816903, "12525920")),
        ("intelligence.pos_facts", "count(DISTINCT customer_key), sum(sales_value)", (902, "73301290.32")),
        ("planning.promotions", "count(*), sum(planned_amount)", (156, "19669.93")),
        ("planning.promotions", "count(*) FILTER (WHERE planned_amount IS NULL), 0", (13, "0")),
        ("planning.promotions", "count(*) FILTER (WHERE is_off_invoice), 0", (50, "0")),
        ("planning.promotion_earned", "count(*), 0", (0, "0")),
        ("master.products", "count(*) FILTER (WHERE is_gtin_valid), 0", (5, "0")),
        ("master.price_lists", "count(*), 0", (327, "0")),
    ],
)  # fmt: skip
def test_marts_hold_the_raw_rows_and_sums(
    company: Company, mart: str, columns: str, expected: tuple[int, str]
) -> None:
    [(count, amount)] = company.rows(f"SELECT {columns} FROM {mart}")
    assert (count, amount) == (expected[0], Decimal(expected[1]))


def test_cases_become_eaches(company: Company) -> None:
    pack = {row["sku"]: int(row["case_pack_qty"]) for row in records(company.source / "product_master.csv")}
    eaches = sum(
        int(row["units_shipped"]) * pack[row["product_key"]] for row in company.files.read("invoices")
    )
    assert company.rows("SELECT sum(units_shipped) FROM intelligence.shipment_facts") == [(eaches,)]


def test_every_store_is_under_its_banner(company: Company) -> None:
    rows = company.rows(
        "SELECT banner.customer_key, count(*) FROM master.customers store"
        " JOIN master.customers banner ON store.lft > banner.lft AND store.rgt < banner.rgt"
        " WHERE store.customer_type = 'Store' GROUP BY 1"
    )
    assert len(rows) == 11
    assert sum(stores for _, stores in rows) == 903
    assert dict(rows)["walmart"] == 500


def test_every_deduction_ends_once_and_by_name(company: Company) -> None:
    rows = company.rows("SELECT outcome, count(*), sum(amount) FROM finance.claims GROUP BY 1")
    assert sum(count for _, count, _ in rows) == 7973
    assert sum(amount for _, _, amount in rows) == DEDUCTED
    assert {outcome for outcome, _, _ in rows} <= {str(outcome) for outcome in Outcome}
    parts = company.rows(
        "SELECT sum(amount_settled) + sum(amount_disputed) + sum(amount_recovered) + sum(amount_written_off)"
        " + sum(amount_non_trade) + sum(amount_open) FROM finance.claims"
    )
    assert parts == [(DEDUCTED,)]
    ended = company.rows("SELECT deduction_key, amount FROM finance.claims")
    raw = records(company.source / "deductions.csv.gz")
    assert dict(ended) == {row["deduction_id"]: Decimal(row["amount"]) for row in raw}


def test_reasons_that_are_not_trade_end_as_such(company: Company) -> None:
    """4,691 deductions of 1,455,708.82 are shortages, fines, spoils and damage by the retailers' own codes."""
    meaning = {
        (row["customer_key"], row["reason_code_erp"].lstrip("0")): row["reason_code_normalized"]
        for row in company.files.read("reason_codes")
    }
    expected = {
        row["deduction_id"]
        for row in records(company.source / "deductions.csv.gz")
        if meaning.get((row["retailer_id"], row["code_as_remitted"].lstrip("0"))) in NON_TRADE
    }
    found = company.rows("SELECT deduction_key, amount FROM finance.claims WHERE outcome = 'NON_TRADE'")
    assert {key for key, _ in found} == expected
    assert (len(found), sum(amount for _, amount in found)) == (4691, Decimal("1455708.82"))


@dataclass
class Evidence:
    """The raw rows a settlement must be justified by."""

    deductions: dict[str, Row]
    promotions: dict[str, Row]
    ordered: set[tuple[str, str]]


@pytest.fixture(scope="module")
def evidence(cinderhaven_source: Path) -> Evidence:
    retailers = {row["name"]: row["retailer_id"] for row in records(cinderhaven_source / "retailers.csv")}
    return Evidence(
        {row["deduction_id"]: row for row in records(cinderhaven_source / "deductions.csv.gz")},
        {
            f"{row['promo_id']}/{row['sku']}/{retailers[row['retailer']]}": row
            for row in records(cinderhaven_source / "promotions.csv")
        },
        {(row["order_id"], row["sku"]) for row in records(cinderhaven_source / "order_lines.csv.gz")},
    )


def unjustified(claim: Row, promotion_key: str, evidence: Evidence) -> list[str]:
    """What the raw files say against settling a deduction with a promotion."""
    promotion = evidence.promotions[promotion_key]
    start = date.fromisoformat(promotion["start_week"]) - timedelta(days=7)
    end = date.fromisoformat(promotion["end_week"]) + timedelta(days=6 + 90)
    findings = {
        "another retailer": promotion_key.endswith("/" + claim["retailer_id"]),
        "not near the promotion's weeks": start <= date.fromisoformat(claim["deduction_date"]) <= end,
        "the order has none of its product": (claim["order_id"], promotion["sku"]) in evidence.ordered,
        "the money was given on the invoice": promotion["funding_mechanism"] != "off_invoice",
        "its cost is unknown": bool(promotion["promo_cost"]),
        "not claimed as a promotion": "Promo billback" in claim["remittance_description"],
    }
    return [finding for finding, holds in findings.items() if not holds]


def test_every_settlement_is_justified_by_the_raw_files(company: Company, evidence: Evidence) -> None:
    """Three of 7,973: retailer, weeks, product, reason and a cost of the same size agree, and no other fits."""
    rows = company.rows(
        "SELECT c.deduction_key, s.promotion_key, s.amount_settled FROM finance.settlements s"
        " JOIN finance.claims c USING (tenant_id, claim_id) ORDER BY 1"
    )
    assert [(key, promotion) for key, promotion, _ in rows] == [
        ("DED-0004061", "PROMO-0060/CHP-0023/walmart"),
        ("DED-0007153", "PROMO-0052/CHP-0049/whole_foods"),
        ("DED-0007275", "PROMO-0061/CHP-0007/whole_foods"),
    ]
    for key, promotion, settled in rows:
        assert unjustified(evidence.deductions[key], promotion, evidence) == []
        assert settled <= Decimal(evidence.promotions[promotion]["promo_cost"]) * Decimal("1.02")
    assert sum(settled for *_, settled in rows) == Decimal("809.79")


def test_the_justification_would_refuse_a_guess(evidence: Evidence) -> None:
    """Near in amount and date, but the order has another product. DED-0007274 would use up what is DED-0007275's."""
    for claim, promotion in (
        ("DED-0003206", "PROMO-0033/CHP-0021/walmart"),
        ("DED-0007274", "PROMO-0061/CHP-0007/whole_foods"),
    ):
        guess = unjustified(evidence.deductions[claim], promotion, evidence)
        assert guess == ["the order has none of its product"]


def test_claims_for_money_given_on_the_invoice_settle_nothing(company: Company) -> None:
    rows = company.rows(
        "SELECT sum(amount), sum(amount_settled + amount_disputed) FROM finance.claims"
        " WHERE deduction_key IN ('DED-0007931', 'DED-0007932', 'DED-0007933')"
    )
    assert rows == [(Decimal("19210.03"), 0)]


def test_what_is_open_says_why(company: Company) -> None:
    rows = company.rows("SELECT outcome, reason FROM finance.claims WHERE amount_open > 0")
    assert all(reason for _, reason in rows)
    assert Counter(outcome for outcome, _ in rows).keys() <= {"UNMATCHED", "NEEDS_REVIEW", "AMBIGUOUS"}
    assert len(rows) == 7973 - 4691 - 3


def test_accruals_are_the_known_costs_and_end_where_they_should(company: Company) -> None:
    """96 promotions accrue: 156 less 50 off-invoice less 10 others without a cost."""
    expected = sum(
        Decimal(row["promo_cost"])
        for row in records(company.source / "promotions.csv")
        if row["promo_cost"] and row["funding_mechanism"] != "off_invoice"
    )
    rows = company.rows("SELECT movement, count(*), sum(amount) FROM finance.accrual_ledger GROUP BY 1")
    moved = {movement: (count, amount) for movement, count, amount in rows}
    assert moved["accrued"] == (96, expected)
    assert moved["reversed"][1] == -Decimal("809.79")
    below_zero = company.rows(
        "SELECT promotion_key FROM finance.accrual_ledger GROUP BY 1 HAVING sum(amount) < 0"
    )
    assert below_zero == []
    left = company.rows(
        "SELECT DISTINCT p.status FROM planning.promotions p JOIN (SELECT promotion_key FROM finance.accrual_ledger"
        " GROUP BY 1 HAVING sum(amount) > 0) open USING (promotion_key)"
    )
    assert left == [("Live",)]


def test_journals_balance_and_clearing_holds_what_is_undecided(company: Company) -> None:
    unbalanced = company.rows(
        "SELECT journal_id FROM finance.journal_lines GROUP BY 1, currency"
        " HAVING sum(debit_amount) <> sum(credit_amount)"
    )
    assert unbalanced == []
    [(clearing,)] = company.rows(
        "SELECT sum(debit_amount - credit_amount) FROM finance.journal_lines WHERE account_code = '1150'"
    )
    [(waiting,)] = company.rows("SELECT sum(amount_open + amount_non_trade) FROM finance.claims")
    assert clearing == waiting


def test_the_laws_hold_over_what_was_booked(company: Company, tmp_path: Path) -> None:
    ask_the_laws(company.warehouse, tmp_path)


def test_a_second_run_changes_nothing(company: Company) -> None:
    counts = (
        "SELECT (SELECT count(*) FROM finance.claims), (SELECT count(*) FROM finance.journal_lines),"
        " (SELECT count(*) FROM finance.settlements), (SELECT count(*) FROM finance.match_candidates)"
    )
    before = company.rows(counts)
    assert company.reconcile("reconcile-2").is_unchanged
    assert company.rows(counts) == before


@pytest.mark.nightly
def test_promotions_are_measured_and_nothing_is_counted_twice(company: Company) -> None:
    first = measure(company.warehouse, TENANT, AS_OF, run_id="measure-1")
    assert company.rows("SELECT sum(units_sold) FROM intelligence.sell_out_weeks") == [(12525920,)]
    series = company.rows("SELECT count(DISTINCT (customer_key, product_key)) FROM intelligence.pos_facts")
    assert series == [(first.series_fitted,)]
    assert first.lifts_changed > 0
    beyond = (
        "SELECT r.method, r.product_key, r.week_end_date FROM planning.promotion_results r JOIN (SELECT product_key,"
        " week_end_date, sum(units_sold) AS sold FROM intelligence.sell_out_weeks GROUP BY 1, 2) s"
        " USING (product_key, week_end_date) GROUP BY 1, 2, 3, s.sold HAVING sum(r.actual_units) > s.sold"
    )
    assert company.rows(beyond) == []
    # Many of these stores' spikes are in no calendar. The plain mean of the eight weeks before would be right on the
    # average (recomputed with pandas over all weeks: 1.016); cut at three MAD it keeps them out (1.116), the median
    # more so (1.139).
    [(ratio,)] = company.rows(
        "SELECT sum(units_sold) / sum(baseline_stat_units) FROM intelligence.baseline"
        " WHERE method = 'mean_of_8_clean_weeks' AND NOT is_affected AND NOT is_fallback"
    )
    assert Decimal("1.08") < ratio < Decimal("1.139")
    again = measure(company.warehouse, TENANT, AS_OF, run_id="measure-2")
    assert (again.series_fitted, again.results_changed, again.lifts_changed) == (0, 0, 0)
