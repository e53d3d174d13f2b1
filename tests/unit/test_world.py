"""The seeded company agrees with its contracts, with itself and with its own truth."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from include.extract.contracts import CONTRACTS
from include.reconcile.accrue import method_of, recognised
from include.reconcile.rules import Rules
from include.sandbox.world import MEDIUM, SMALL, build
from include.sandbox.world_files import file_name, write
from include.sandbox.world_master import gtin
from include.sandbox.world_shape import Table
from tests.trade_cases import performance
from tests.world_checks import (
    contract_faults,
    earned_amounts,
    forest_faults,
    forward_buys,
    overlapping_windows,
    remittance_differences,
    unbalanced_journals,
)
from tests.world_scoring import inputs_of


@pytest.fixture(scope="module")
def demo():
    return build(20261031, MEDIUM, "demo")


@pytest.fixture(scope="module")
def written(demo, tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    write(demo, root / "inbox", root / "state")
    return root


def pairs(table: Table, key: str, value: str) -> dict:
    return dict(zip(table.column(key), table.column(value), strict=True))


def digest(root: Path) -> dict[str, str]:
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(root.rglob("*"))
        if p.is_file()
    }


def test_every_contract_but_the_crm_ones_and_balances_has_a_file(demo):
    expected = {c.name for c in CONTRACTS} - {
        "accounts",
        "opportunities",
        "opportunity_history",
        "gl_balances",
        "period_decisions",  # nothing is closed before the first delivery
    }
    assert set(demo.tables) == expected


def test_rows_keep_to_their_contracts(demo):
    assert contract_faults(demo) == []


def test_same_seed_same_bytes(written, demo, tmp_path):
    write(build(20261031, MEDIUM, "demo"), tmp_path / "inbox", tmp_path / "state")
    assert digest(tmp_path) == digest(written)


def test_another_seed_is_another_company():
    assert build(1, SMALL, "demo").tables["deductions"] != build(2, SMALL, "demo").tables["deductions"]


def test_files_stay_small_and_amounts_are_plain(written):
    inbox = written / "inbox" / "demo"
    assert sum(p.stat().st_size for p in inbox.iterdir()) < 15_000_000
    with gzip.open(inbox / "pos_sales.csv.gz", "rt") as lines:
        values = [row["sales_value"] for row in csv.DictReader(lines)]
    assert 120_000 < len(values) < 200_000
    assert not any("e" in v.lower() or len(v.partition(".")[2]) > 4 for v in values)


def test_customers_form_a_forest_with_stores_at_the_bottom(demo):
    assert forest_faults(demo.tables["customers"]) == []
    assert Counter(demo.tables["customers"].column("customer_type"))["Banner"] >= 3


def test_gtins_carry_their_check_digit(demo):
    assert gtin("629104150021") == "6291041500213"
    assert all(gtin(code[:-1]) == code for code in demo.tables["products"].column("gtin"))


def test_planned_spend_ties_to_discount_times_units(demo):
    planned = defaultdict(Decimal)
    variable = set()
    for key, _, discount, base, uplift in demo.tables["promotion_products"].rows:
        if discount is not None:
            variable.add(key)
            planned[key] += discount * (base + uplift)
    promotions = {p["promotion_key"]: p for p in demo.tables["promotions"].records()}
    unknown = [k for k in variable if promotions[k]["total_planned_spend"] is None]
    assert len(unknown) == 1
    assert all(promotions[k]["total_planned_spend"] == planned[k] for k in variable - set(unknown))
    assert {p["tactic_type"] for p in promotions.values()} == {
        "TPR", "Display", "Feature", "Scan-Back", "BOGO", "Bill-Back", "Slotting", "Fixed Fee", "Off-Invoice", "Other",
    }  # fmt: skip
    assert len({p["status"] for p in promotions.values()}) == 7
    assert len({p["settlement_method"] for p in promotions.values()}) == 5


def test_remittances_tie_but_for_the_planted_ones(demo):
    planted = dict(demo.truth["planted_remittances"].rows)
    differences = remittance_differences(demo)
    assert len(planted) == 3
    assert {key: int(d * 100) for key, d in differences.items()} == planted


def test_journals_balance_but_for_the_planted_one(demo):
    assert unbalanced_journals(demo) == set(demo.truth["planted_journals"].column("journal_key"))
    assert len(unbalanced_journals(demo)) == 1
    lines = demo.tables["gl_journal_lines"].records()
    assert {"actual", "budget"} == {line["scenario"] for line in lines}
    assert len({line["company_code"] for line in lines}) == 2


def test_journal_sales_are_the_invoices(demo):
    booked = sum(
        line["credit_amount"]
        for line in demo.tables["gl_journal_lines"].records()
        if line["account_code"] == "4000" and line["scenario"] == "actual"
    )
    assert booked == sum(demo.tables["invoices"].column("net_amount"))


def test_invoices_follow_sales(demo):
    """Shipped and sold differ by the change of inventory only: within a fifth over fourteen months."""
    per_case = pairs(demo.tables["products"], "product_key", "units_per_case")
    sold, shipped = Decimal(0), Decimal(0)
    for row in demo.tables["pos_sales"].records():
        sold += row["units_sold"]
    for row in demo.tables["invoices"].records():
        if not row["customer_key"].startswith("D01"):
            shipped += row["units_shipped"] * (
                per_case[row["product_key"]] if row["unit_of_measure"] == "case" else 1
            )
    assert Decimal("0.95") < shipped / sold < Decimal("1.2")


def test_one_retailer_bought_ahead_and_no_other(demo):
    truth = demo.truth["forward_buy"].records()
    products = pairs(demo.tables["products"], "product_key", "category")
    assert forward_buys(demo) == {
        (t["customer_key"], products[t["product_key"]], t["month_start"].year, t["month_start"].month)
        for t in truth
    }


def test_earned_amounts_follow_from_the_files(demo):
    counted = earned_amounts(demo)
    for row in demo.truth["promotions"].records():
        if row["earned_amount"] is not None:
            assert counted.get(row["promotion_key"], 0) == row["earned_amount"], row["promotion_key"]
    assert sum(row["authorised_basis"] == "earned" for row in demo.truth["promotions"].records()) >= 15


def test_promotions_lift_sales_and_dip_afterwards(demo):
    """Weekly sales of promoted store-products: above their other weeks during, below them right after."""
    sales = defaultdict(dict)
    for row in demo.tables["pos_sales"].records():
        if row["period"] == "week":
            sales[row["customer_key"], row["product_key"]][row["sale_date"]] = (
                row["units_sold"],
                row["is_promotion"],
            )
    during, after, plain = [], [], []
    for weeks in sales.values():
        usual = np.mean([units for units, promoted in weeks.values() if not promoted])
        for day, (units, promoted) in weeks.items():
            before = weeks.get(day - timedelta(weeks=1))
            kind = during if promoted else after if before and before[1] else plain
            kind.append(units / usual)
    assert 1.4 < np.mean(during) < 2.0
    assert np.mean(after) < np.mean(plain) - 0.05


def test_a_few_promotions_accrue_by_each_method_and_their_truth_is_the_engines(demo):
    """Performance is counted from the contract tables, apart from the generator and from the marts."""
    planned = {p.promotion_key: p for p in inputs_of(demo).promotions}
    counted = earned_amounts(demo)
    by_method = Counter()
    for row in demo.truth["accruals"].records():
        key, promotion = row["promotion_key"], planned[row["promotion_key"]]
        by_method[row["accrual_method"]] += 1
        source = {"on_shipment": "shipped", "on_scan": "scanned"}.get(row["accrual_method"], "shipped")
        day = min(promotion.window_end, demo.as_of)
        done = [performance(key, day, "1", str(counted.get(key, 0)), source=source)]
        assert method_of(promotion) == row["accrual_method"]
        assert recognised(promotion, done, demo.as_of, Rules()).amount == row["recognised_amount"]
    assert by_method == {"spread": 2, "on_shipment": 2, "on_scan": 2, "lump_sum_date": 2}


def test_every_deduction_has_one_truth(demo):
    keys = demo.tables["deductions"].column("deduction_key")
    assert len(keys) == MEDIUM.deductions
    assert sorted(keys) == sorted(demo.truth["deductions"].column("deduction_key"))
    classes = Counter(demo.truth["deductions"].column("true_class"))
    for kind in (
        "promo_exact", "promo_short", "promo_over", "promo_within_tolerance", "promo_split", "promo_several", "promo_late",
        "promo_no_plan", "duplicate", "ambiguous", "cancelled_promotion", "off_invoice_double_dip", "reversal",
        "wrong_reference", "unmapped_reason", "non_trade_shortage", "non_trade_freight", "non_trade_damage",
        "non_trade_compliance", "non_trade_spoils", "non_trade_tax", "non_trade_pricing",
    ):  # fmt: skip
        assert classes[kind] >= 1, kind


def test_truth_parts_sum_to_the_claim(demo):
    parts = defaultdict(Decimal)
    for key, _, amount in demo.truth["deduction_promotions"].rows:
        parts[key] += amount
    amounts = pairs(demo.tables["deductions"], "deduction_key", "amount")
    assert all(amounts[key] == total for key, total in parts.items())


def test_deduction_lines_sum_to_the_deduction(demo):
    lines = defaultdict(Decimal)
    for key, _, _, _, amount in demo.tables["deduction_lines"].rows:
        lines[key] += amount
    amounts = pairs(demo.tables["deductions"], "deduction_key", "amount")
    assert all(amounts[key] == total for key, total in lines.items())


def test_staged_scenarios_carry_the_worked_amounts(demo):
    truth = {(t["scenario"], t["amount"]) for t in demo.truth["deductions"].records() if t["scenario"]}
    assert ("over_claim", Decimal("12000.00")) in truth
    assert ("tolerance_edge", Decimal("10200.00")) in truth
    assert ("beyond_edge", Decimal("10200.01")) in truth
    release = [t for t in demo.truth["deductions"].records() if t["scenario"] == "release"]
    assert sum(t["amount"] for t in release) == Decimal("45000.00")
    assert sum(t["ideal_settled_amount"] for t in release) == Decimal("45000.00")


def test_quota_windows_of_a_rep_do_not_overlap(demo):
    assert overlapping_windows(demo.tables["quotas"]) == []
    starts = {row[2] for row in demo.tables["quotas"].rows}
    assert len(starts) >= 12 and min(starts) == date(2024, 1, 1)


def test_revenue_credits_sum_to_the_deal(demo):
    credited = defaultdict(Decimal)
    for row in demo.tables["sales_credits"].records():
        if row["credit_type"] == "revenue" and row["measure"] == "revenue":
            credited[row["opportunity_key"]] += row["amount"]
    won = {o["Id"]: o["Amount"] for o in demo.salesforce["Opportunity"] if o["IsWon"]}
    assert {k: float(v) for k, v in credited.items()} == won


def test_attainment_has_zeros_and_regional_correlation(demo):
    credits = defaultdict(Decimal)
    reps = {r["rep_key"]: r for r in demo.tables["sales_reps"].records()}
    for row in demo.tables["sales_credits"].records():
        if row["credit_type"] == "overlay":
            continue
        credits[row["rep_key"], (row["credit_date"].year, (row["credit_date"].month - 1) // 3)] += row[
            "amount"
        ]
    attained = []
    for row in demo.tables["quotas"].records():
        start = row["period_start"]
        if reps[row["rep_key"]]["role"] == "AE" and row["period_end"] <= date(2026, 10, 1):
            attained.append(
                float(credits[row["rep_key"], (start.year, (start.month - 1) // 3)] / row["quota_amount"])
            )
    zero = sum(a == 0 for a in attained) / len(attained)
    assert 0.01 < zero < 0.12
    logs = np.log([a for a in attained if a > 0])
    assert 0.25 < logs.std() < 0.55 and -0.4 < logs.mean() < 0.1


def test_one_rep_has_quotas_and_no_win(demo):
    credited = set(demo.tables["sales_credits"].column("rep_key"))
    assert set(demo.tables["quotas"].column("rep_key")) - credited == {demo.tables["sales_reps"].rows[-1][0]}


def test_engineers_and_managers_are_measured_by_their_teams(demo):
    roles = pairs(demo.tables["sales_reps"], "rep_key", "role")
    quota, credited = defaultdict(Decimal), defaultdict(Decimal)
    for row in demo.tables["quotas"].records():
        if row["period_end"] <= date(2026, 10, 1):
            quota[row["rep_key"], row["measure"]] += row["quota_amount"]
    for row in demo.tables["sales_credits"].records():
        if row["credit_type"] == "revenue" and row["credit_date"] < date(2026, 10, 1):
            credited[row["rep_key"], row["measure"]] += row["amount"]
    team = [credited[key] / amount for key, amount in quota.items() if roles[key[0]] != "AE"]
    assert {measure for _, measure in quota} == {"revenue", "team_revenue"}
    assert len(team) == 12 and all(Decimal("0.5") < a < Decimal("1.6") for a in team)


def test_budgets_of_roles_and_regions_sum_to_the_total(demo):
    by_scope = defaultdict(Decimal)
    for row in demo.tables["compensation_budgets"].records():
        by_scope[row["scope"]] += row["budget_amount"]
    assert by_scope["total"] == by_scope["role"] == by_scope["region"]


def test_planted_rejects_stand_where_the_truth_says(written, demo):
    for row in demo.truth["planted_rejects"].records():
        path = written / "inbox" / "demo" / file_name(row["contract"])
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        found = list(csv.DictReader(body.decode().splitlines()))[row["row_number"] - 2]
        assert found[row["column_name"]] == row["found"]


def test_crm_pages_are_real(demo, written):
    assert len(demo.salesforce["Opportunity"]) > 2000
    stored = json.loads((written / "state/sandbox/world/demo/salesforce/Opportunity.json").read_text())
    assert stored == demo.salesforce["Opportunity"]
    ids = {record["Id"] for kind in demo.salesforce.values() for record in kind}
    assert len(ids) == sum(len(kind) for kind in demo.salesforce.values())
    assert all(len(i) == 18 for i in ids)
    assert {o["OwnerId"] for o in demo.salesforce["Opportunity"]} <= {
        u["Id"] for u in demo.salesforce["User"]
    }


def test_the_erp_refuses_an_accrual_our_calendar_takes(demo):
    ((key, day),) = demo.truth["erp_refusals"].rows
    (week,) = demo.netsuite["accounting_periods"]
    assert week["startdate"] <= day.isoformat() <= week["enddate"]
    month = next(
        p for p in demo.tables["fiscal_periods"].records() if p["start_date"] <= day <= p["end_date"]
    )
    assert not month["is_closed"]
    assert key not in demo.truth["deductions"].column("promotion_key")


def test_every_account_has_an_id_in_the_erp():
    harbor = build(20260117, SMALL, "harbor")
    ids = {entry["acctnumber"]: entry["id"] for entry in harbor.netsuite["accounts"]}
    assert set(ids) == set(harbor.tables["gl_accounts"].column("account_code"))
    assert not set(ids) & set(ids.values())
