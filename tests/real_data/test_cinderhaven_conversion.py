"""Cinderhaven's contract files hold the raw files' rows and sums to the cent, and the docstring's figures are true."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.real_data import cinderhaven
from tests.real_data.contract_files import Converted, Row, lookup, mapping, records, total

DEDUCTED = Decimal("3835969.09")


def raw(source: Path, name: str) -> list[Row]:
    return list(records(source / name))


def test_row_counts_are_those_of_the_raw_files(cinderhaven_files: Converted) -> None:
    assert cinderhaven_files.rows == {
        "customers": 11 + 903,
        "products": 50,
        "product_costs": 50,
        "price_lists": 327,
        "promotions": 156,
        "promotion_products": 156,
        "reason_codes": 19 + 59,
        "remittances": 1126,
        "deductions": 7973,
        "deduction_lines": 38255,
        "invoices": 60792,
        "pos_sales": 816903,
    }


def test_deductions_keep_every_key_and_cent(cinderhaven_source: Path, cinderhaven_files: Converted) -> None:
    before = {
        (row["deduction_id"], row["retailer_id"], Decimal(row["amount"]), row["deduction_date"])
        for row in raw(cinderhaven_source, "deductions.csv.gz")
    }
    rows = cinderhaven_files.read("deductions")
    after = {
        (row["deduction_key"], row["customer_key"], Decimal(row["amount"]), row["posting_date"])
        for row in rows
    }
    assert after == before
    assert total(rows, "amount") == DEDUCTED
    assert sum(not row["order_ref"] for row in rows) == 326
    assert sum(not row["reason_code_erp"] for row in rows) == 990


def test_every_remittance_ties_to_its_deductions(cinderhaven_files: Converted) -> None:
    parts: dict[str, Decimal] = {}
    for row in cinderhaven_files.read("deductions"):
        key = row["remittance_key"]
        parts[key] = parts.get(key, Decimal(0)) + Decimal(row["amount"])
    whole = {
        row["remittance_key"]: Decimal(row["total_deductions"])
        for row in cinderhaven_files.read("remittances")
    }
    assert parts == whole
    assert sum(whole.values()) == DEDUCTED


def test_a_remittance_pays_the_orders_as_ordered(cinderhaven_source: Path) -> None:
    """886 of 1,126 gross amounts are exactly the values of the orders deducted from: invoices are as ordered."""
    value = {row["order_id"]: Decimal(row["total_value"]) for row in raw(cinderhaven_source, "orders.csv.gz")}
    orders: dict[str, set[str]] = {}
    for row in raw(cinderhaven_source, "deductions.csv.gz"):
        if row["order_id"]:
            orders.setdefault(row["remittance_id"], set()).add(row["order_id"])
    equal = [
        Decimal(row["gross_amount"])
        == sum((value[order] for order in orders.get(row["remittance_id"], ())), Decimal(0))
        for row in raw(cinderhaven_source, "remittances.csv")
    ]
    assert (sum(equal), len(equal)) == (886, 1126)


def test_invoices_are_worth_the_orders_and_count_the_shipped_cases(
    cinderhaven_source: Path, cinderhaven_files: Converted
) -> None:
    rows = cinderhaven_files.read("invoices")
    orders = raw(cinderhaven_source, "orders.csv.gz")
    shipments = {row["shipment_id"]: row for row in raw(cinderhaven_source, "shipments.csv.gz")}
    assert total(rows, "net_amount") == total(orders, "total_value") == Decimal("63375680.82")
    assert total(rows, "units_shipped") == total(list(shipments.values()), "units_shipped") == 682924
    assert total(orders, "total_units") == 685140
    shipped: Counter[str] = Counter()
    for row in rows:
        shipped[row["invoice_key"]] += int(row["units_shipped"])
    assert shipped == {key: int(row["units_shipped"]) for key, row in shipments.items()}
    ordered = {row["order_id"]: int(row["total_units"]) for row in orders}
    gap = [int(row["units_shipped"]) - ordered[row["order_id"]] for row in shipments.values()]
    assert (sum(g < 0 for g in gap), sum(g > 0 for g in gap)) == (1447, 199)


def test_order_prices_are_per_case(cinderhaven_source: Path) -> None:
    """A price divided by the case pack is a wholesale price: 48,458 lines have the dated one to the cent."""
    pack = {row["sku"]: int(row["case_pack_qty"]) for row in raw(cinderhaven_source, "product_master.csv")}
    names = {row["name"]: row["retailer_id"] for row in raw(cinderhaven_source, "retailers.csv")}
    prices: dict[tuple[str, str], list[tuple[str, Decimal]]] = {}
    for row in sorted(raw(cinderhaven_source, "price_history.csv"), key=lambda row: row["effective_date"]):
        prices.setdefault((row["sku"], names[row["retailer"]]), []).append(
            (row["effective_date"], Decimal(row["wholesale_price"]))
        )
    orders = {row["order_id"]: row for row in raw(cinderhaven_source, "orders.csv.gz")}
    equal = 0
    for line in raw(cinderhaven_source, "order_lines.csv.gz"):
        order = orders[line["order_id"]]
        dated = [p for day, p in prices[line["sku"], order["retailer_id"]] if day <= order["po_date"]]
        case = dated[-1] * pack[line["sku"]]
        equal += case == Decimal(line["unit_price"])
        assert abs(case / Decimal(line["unit_price"]) - 1) < Decimal("0.25")
    assert equal == 48458


def test_scans_keep_every_store_week(cinderhaven_source: Path, cinderhaven_files: Converted) -> None:
    weekly = raw(cinderhaven_source, "scan_weekly_by_retailer.csv.gz")
    rows = cinderhaven_files.read("pos_sales")
    assert total(rows, "units_sold") == total(weekly, "units_sold") == 12525920
    assert total(rows, "sales_value") == total(weekly, "dollars_sold") == Decimal("73301290.32")
    assert {date.fromisoformat(row["sale_date"]).strftime("%A") for row in rows} == {"Saturday"}
    assert len({row["customer_key"] for row in rows}) == 902


def test_customers_are_a_forest_of_two_levels(cinderhaven_files: Converted) -> None:
    rows = cinderhaven_files.read("customers")
    banners = {row["customer_key"] for row in rows if not row["parent_customer_key"]}
    assert {row["customer_type"] for row in rows if row["customer_key"] in banners} == {"Banner"}
    assert all(row["parent_customer_key"] in banners for row in rows if row["customer_key"] not in banners)
    stores = Counter(row["parent_customer_key"] for row in rows if row["parent_customer_key"])
    assert (stores["walmart"], stores["unfi"], stores["dtc"], sum(stores.values())) == (500, 1, 1, 903)


def test_promotions_keep_their_rows_costs_and_weeks(
    cinderhaven_source: Path, cinderhaven_files: Converted
) -> None:
    before = raw(cinderhaven_source, "promotions.csv")
    rows = cinderhaven_files.read("promotions")
    assert total(rows, "total_planned_spend") == total(before, "promo_cost") == Decimal("19669.93")
    assert sum(not row["total_planned_spend"] for row in rows) == 13
    for raw_row, row in zip(before, rows, strict=True):
        start, end = (date.fromisoformat(row[name]) for name in ("scan_start", "scan_end"))
        assert end - start + timedelta(days=1) == timedelta(weeks=int(raw_row["duration_weeks"]))
    assert Counter(row["status"] for row in rows) == {"Closed": 139, "Live": 17}
    once = {row["promo_id"]: row["promo_cost"] for row in before}
    assert len(once) == 80
    assert all(row["promo_cost"] == once[row["promo_id"]] for row in before)
    assert sum(Decimal(cost) for cost in once.values() if cost) == Decimal("9754.94")


def test_only_words_with_a_reason_get_one(cinderhaven_source: Path, cinderhaven_files: Converted) -> None:
    """Every remitted code is published or in the mapping table; 1,476 deductions stay without a reason."""
    meaning = {
        (row["customer_key"], row["reason_code_erp"]): row["reason_code_normalized"]
        for row in cinderhaven_files.read("reason_codes")
    }
    known = {(row["retailer_id"], row["code_as_remitted"]) for row in mapping("cinderhaven_reason_codes")} | {
        (row["retailer_id"], row["code"]) for row in raw(cinderhaven_source, "deduction_codes_published.csv")
    }
    deductions = raw(cinderhaven_source, "deductions.csv.gz")
    remitted = {(row["retailer_id"], row["code_as_remitted"]) for row in deductions}
    assert {pair for pair in remitted if pair[1]} <= known
    counts: Counter[str] = Counter()
    amounts: dict[str, Decimal] = {}
    for row in deductions:
        reason = meaning.get((row["retailer_id"], row["code_as_remitted"]), "")
        counts[reason] += 1
        amounts[reason] = amounts.get(reason, Decimal(0)) + Decimal(row["amount"])
    assert {reason: (counts[reason], str(amount)) for reason, amount in amounts.items()} == {
        "SHORTAGE": (2311, "501052.07"),
        "COMPLIANCE": (1655, "365976.72"),
        "PROMO": (1461, "896504.23"),
        "SPOILS": (492, "448127.26"),
        "OTHER": (345, "473886.79"),
        "DAMAGE": (233, "140552.77"),
        "": (1476, "1009869.25"),
    }
    assert sum(amounts.values()) == DEDUCTED


def test_a_deduction_can_only_be_about_products_of_its_order(
    cinderhaven_source: Path, cinderhaven_files: Converted
) -> None:
    ordered = {(row["order_id"], row["sku"]) for row in raw(cinderhaven_source, "order_lines.csv.gz")}
    order = {row["deduction_key"]: row["order_ref"] for row in cinderhaven_files.read("deductions")}
    lines = cinderhaven_files.read("deduction_lines")
    named = [row for row in lines if row["amount"]]
    assert all(
        (order[row["deduction_key"]], row["product_key"]) in ordered for row in lines if row not in named
    )
    assert len({row["deduction_key"] for row in lines}) == 7973 - 326 + 3
    assert [(row["deduction_key"], row["product_key"], row["amount"]) for row in named] == [
        ("DED-0007931", "CHP-0002", "6261.74"),
        ("DED-0007932", "CHP-0029", "7063.5"),
        ("DED-0007933", "CHP-0043", "5884.79"),
    ]


def test_claims_that_name_their_promotion_name_off_invoice_ones(
    cinderhaven_source: Path, cinderhaven_files: Converted
) -> None:
    promotions = cinderhaven_files.read("promotions")
    found = {}
    for row in cinderhaven_files.read("deductions"):
        if named := re.match(r"Scan-back: (CHP-\d{4}) . TPR wk (\S+)", row["description"]):
            sku, week = named.groups()
            found[row["deduction_key"]] = [
                (p["promotion_key"].split("/")[0], p["settlement_method"])
                for p in promotions
                if p["customer_key"] == row["customer_key"]
                and sku in p["promotion_key"]
                and p["scan_start"] <= week <= p["scan_end"]
            ]
    assert found == {
        "DED-0007931": [("PROMO-0009", "off_invoice")],
        "DED-0007932": [("PROMO-0032", "off_invoice")],
        "DED-0007933": [("PROMO-0037", "off_invoice")],
    }


def test_most_gtins_are_dirty_and_passed_on(cinderhaven_source: Path, cinderhaven_files: Converted) -> None:
    def valid(gtin: str) -> bool:
        digits = [int(digit) for digit in gtin]
        weighted = sum(d * (3 if place % 2 == 0 else 1) for place, d in enumerate(digits[:-1]))
        return len(digits) == 14 and (10 - weighted % 10) % 10 == digits[-1]

    rows = cinderhaven_files.read("products")
    assert sum(valid(row["gtin"]) for row in rows) == 5
    assert [row["gtin"] for row in rows] == [
        row["gtin14"] for row in raw(cinderhaven_source, "product_master.csv")
    ]


def test_a_word_nobody_mapped_stops_the_conversion() -> None:
    with pytest.raises(KeyError):
        lookup("cinderhaven_funding", "funding_mechanism", "settlement_method")["kickback"]
    assert cinderhaven.NAMED_SKU.match("Promo billback (MCB / scan-down)") is None
