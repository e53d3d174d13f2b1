"""Cinderhaven Provisions, a consumer-goods maker, as contract files.

The company's words are rows of mappings/cinderhaven_*.csv, and mappings/cinderhaven_columns.csv says for
every filled column where it comes from. What the files say about themselves, and what we made of it:

- An order line's price is per case (wholesale price per each x case pack), a scan's price is per each, and at
  the wholesale price, not the shelf price.
- Every order has one shipment, and 1,646 of 11,968 shipments differ in units from the order (1,447 short, 199
  over; 682,924 cases shipped, 685,140 ordered). Only 4 of those orders have one line; elsewhere nothing says
  which product was short, so the shipped cases are shared over the lines by largest remainder.
- Invoices are worth what was ordered: the gross amount of 886 of 1,126 remittances equals, to the cent, the
  order values of the deductions on it. Shortages are taken back as deductions.
- All 1,126 remittances tie to their deductions: 3,835,969.09. 326 deductions name no order, 990 no code. No file
  knows an invoice number; the order a deduction names has one shipment, so order_ref says all there is.
- Three deductions name a product and a promotion week (19,210.03). Each fits exactly one promotion, PROMO-0009,
  0032 and 0037, and all three are off-invoice: the money was given on the invoice and nothing is owed again.
- A promotion is a row of the file: one SKU at one retailer. 80 promo_ids make 156 rows, and every row of a
  promo_id repeats the same cost. The file does not say that the cost is for all of them together, so each row
  keeps its own (19,669.93 in all; 9,754.94 if it were once per promo_id). 13 rows have none.
- Neither a status, an approval date nor a discount per unit exists. Depth is of the shelf price, who funds it
  is a word, so no rate is derived and nothing can be earned: planned spend is what is authorised.
- A deduction names an order, and the products of that order are all it can be about: they are its product lines.
  Without them a claim would be judged by retailer, date and amount alone.
- Shipments reach 2027-02-15, promotions 2027-01-03, deductions 2027-01-02: whoever runs this sets the date.
- 45 of 50 GTINs fail their check digit. They are passed on as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from include.money import allocate
from tests.real_data.contract_files import Converted, Row, lookup, mapping, records

CURRENCY = "USD"
FIRST_MONTH = "2024-01-01"
LATEST_CLAIM_DAYS = 90
NAMED_SKU = re.compile(r"^Scan-back: (CHP-\d{4}) ")

LEFT_OUT = {
    "chargebacks.csv": "1,821 monthly totals per SKU without a document; no contract takes them, and they are not"
    " part of the deductions",
    "retailer_rules.csv": "dispute windows and recovery rates; the deadline that follows is on each deduction",
    "scan_weekly_by_retailer.csv.gz": "the same scans summed per retailer",
    "product_master.csv": "weights, sizes and nutrition",
    "promotions.csv": "discount_depth_pct and store_scope",
    "remittances.csv": "format and clarity of the document",
    "shipments.csv.gz": "carrier, proof of delivery and signature flags",
    "sku_costs.csv": "trade_spend_pct and undated prices per retailer; price_history has dated ones",
}


def convert(source: Path, target: Path) -> Converted:
    """Write Cinderhaven's files from `source` into the folder `target` as contract files.

    Raises KeyError for a word that no mapping table has.
    """
    target.mkdir(parents=True, exist_ok=True)
    result = Converted(target, left_out=dict(LEFT_OUT))
    retailers = list(records(source / "retailers.csv"))
    by_name = {row["name"]: row["retailer_id"] for row in retailers}
    result.write("customers", customers(retailers, records(source / "stores.csv"), by_name))
    result.write("products", products(source))
    result.write("product_costs", product_costs(source))
    result.write("price_lists", price_lists(source, by_name))
    result.write("promotions", promotions(source, by_name))
    result.write("promotion_products", promotion_products(source, by_name))
    result.write("reason_codes", reason_codes(source))
    result.write("remittances", remittances(source))
    result.write("deductions", deductions(source))
    result.write("deduction_lines", deduction_lines(source))
    result.write("invoices", invoices(source))
    result.write("pos_sales", pos_sales(source), compress=True)
    return result


def customers(retailers: list[Row], stores: Iterable[Row], by_name: dict[str, str]) -> Iterator[Row]:
    """11 banners without a parent, then 903 stores under them."""
    groups = lookup("cinderhaven_customers", "retailer_id", "trade_group")
    channels = {row["retailer_id"]: row["channel_type"] for row in retailers}
    for row in retailers:
        yield {
            "customer_key": row["retailer_id"],
            "name": row["name"],
            "customer_type": "Banner",
            "channel": row["channel_type"],
            "trade_group": groups[row["retailer_id"]],
            "currency": CURRENCY,
            "attributes": _json(row, "dispute_method"),
        }
    for row in stores:
        banner = by_name[row["retailer"]]
        yield {
            "customer_key": row["store_id"],
            "name": row["store_id"],
            "customer_type": "Store",
            "parent_customer_key": banner,
            "channel": channels[banner],
            "region": row["region"],
            "trade_group": groups[banner],
            "currency": CURRENCY,
            "attributes": _json(row, "chain_name", "state", "volume_tier", "is_aggregated_channel"),
        }


def products(source: Path) -> Iterator[Row]:
    """50 SKUs; prices and costs per each."""
    costs = {row["sku"]: row for row in records(source / "sku_costs.csv")}
    for row in records(source / "product_master.csv"):
        cost = costs[row["sku"]]
        yield {
            "product_key": row["sku"],
            "name": row["product_name"],
            "brand": row["brand_owner"],
            "category": row["product_line"],
            "sub_category": row["subcategory"],
            "gtin": row["gtin14"],
            "units_per_case": row["case_pack_qty"],
            "list_price": cost["wholesale_price"],
            "cogs_standard": cost["cogs_per_unit"],
            "currency": CURRENCY,
            "attributes": _json(row, "upc", "msrp", "country_of_origin", "oneworldsync_status"),
        }


def product_costs(source: Path) -> Iterator[Row]:
    """One undated cost per SKU, effective from the company's first month."""
    for row in records(source / "sku_costs.csv"):
        yield {
            "product_key": row["sku"],
            "effective_date": FIRST_MONTH,
            "cogs": row["cogs_per_unit"],
            "landed_cost": row["landed_cost_per_unit"],
            "currency": CURRENCY,
        }


def price_lists(source: Path, by_name: dict[str, str]) -> Iterator[Row]:
    """Wholesale prices per each, per retailer, as they changed."""
    for row in records(source / "price_history.csv"):
        yield {
            "product_key": row["sku"],
            "customer_key": by_name[row["retailer"]],
            "effective_date": row["effective_date"],
            "price": row["wholesale_price"],
            "currency": CURRENCY,
        }


def promotion_key(row: Row, by_name: dict[str, str]) -> str:
    """Key of a row of promotions.csv: a promo_id spans several SKUs and retailers."""
    return f"{row['promo_id']}/{row['sku']}/{by_name[row['retailer']]}"


def promotions(source: Path, by_name: dict[str, str]) -> Iterator[Row]:
    """156 promotions; weeks start on Mondays, so a window ends on the Sunday after its last Monday.

    The file has no status. Every window is over; a promotion is Closed when no claim can reach it any more (90
    days after its end) on the day of the last remittance, and Live before.
    """
    tactics = lookup("cinderhaven_tactics", "promo_type", "tactic_type")
    funding = lookup("cinderhaven_funding", "funding_mechanism", "settlement_method")
    names = {row["sku"]: row["product_name"] for row in records(source / "product_master.csv")}
    known_until = max(date.fromisoformat(row["received_date"]) for row in records(source / "remittances.csv"))
    for row in records(source / "promotions.csv"):
        end = date.fromisoformat(row["end_week"]) + timedelta(days=6)
        closed = end + timedelta(days=LATEST_CLAIM_DAYS) < known_until
        yield {
            "promotion_key": promotion_key(row, by_name),
            "name": f"{row['promo_id']} {row['promo_type']} {names[row['sku']]} at {row['retailer']}",
            "customer_key": by_name[row["retailer"]],
            "status": "Closed" if closed else "Live",
            "tactic_type": tactics[row["promo_type"]],
            "settlement_method": funding[row["funding_mechanism"]],
            "sellin_start": row["start_week"],
            "sellin_end": end.isoformat(),
            "scan_start": row["start_week"],
            "scan_end": end.isoformat(),
            "total_planned_spend": row["promo_cost"],
            "currency": CURRENCY,
        }


def promotion_products(source: Path, by_name: dict[str, str]) -> Iterator[Row]:
    """The one SKU of each promotion; no discount per unit and no forecast exist."""
    for row in records(source / "promotions.csv"):
        yield {"promotion_key": promotion_key(row, by_name), "product_key": row["sku"]}


def reason_codes(source: Path) -> Iterator[Row]:
    """Published codes first, then the remitted words a mapping row gives a reason to."""
    published = lookup("cinderhaven_published_codes", "code_id", "reason_code_normalized")
    for row in records(source / "deduction_codes_published.csv"):
        yield {
            "customer_key": row["retailer_id"],
            "reason_code_erp": row["code"],
            "reason_code_normalized": published[row["code_id"]],
        }
    for row in mapping("cinderhaven_reason_codes"):
        if row["reason_code_normalized"]:
            yield {
                "customer_key": row["retailer_id"],
                "reason_code_erp": row["code_as_remitted"],
                "reason_code_normalized": row["reason_code_normalized"],
            }


def remittances(source: Path) -> Iterator[Row]:
    """1,126 payments with what was deducted from each."""
    for row in records(source / "remittances.csv"):
        yield {
            "remittance_key": row["remittance_id"],
            "customer_key": row["retailer_id"],
            **{
                name: row[name]
                for name in ("received_date", "gross_amount", "net_amount", "total_deductions")
            },
        }


def deductions(source: Path) -> Iterator[Row]:
    """7,973 deductions of the banners; the codes stay as remitted, 990 of them empty."""
    for row in records(source / "deductions.csv.gz"):
        yield {
            "deduction_key": row["deduction_id"],
            "customer_key": row["retailer_id"],
            "amount": row["amount"],
            "currency": CURRENCY,
            "posting_date": row["deduction_date"],
            "order_ref": row["order_id"],
            "remittance_key": row["remittance_id"],
            "reason_code_erp": row["code_as_remitted"],
            "description": row["remittance_description"],
            "dispute_deadline": row["dispute_deadline"],
        }


def deduction_lines(source: Path) -> Iterator[Row]:
    """Products a deduction can be about: of the order it names, or the one its description names.

    Without units, and an amount only where the one product is the whole deduction.
    """
    ordered: dict[str, list[str]] = {}
    for row in records(source / "order_lines.csv.gz"):
        ordered.setdefault(row["order_id"], []).append(row["sku"])
    for row in records(source / "deductions.csv.gz"):
        named = NAMED_SKU.match(row["remittance_description"])
        skus = [named.group(1)] if named else ordered.get(row["order_id"], [])
        for number, sku in enumerate(skus, start=1):
            yield {
                "deduction_key": row["deduction_id"],
                "line_number": str(number),
                "product_key": sku,
                "amount": row["amount"] if named else "",
            }


def invoices(source: Path) -> Iterator[Row]:
    """A shipment with the lines of its order: cases shipped, amounts as ordered."""
    orders = {row["order_id"]: row for row in records(source / "orders.csv.gz")}
    lines: dict[str, list[Row]] = {}
    for row in records(source / "order_lines.csv.gz"):
        lines.setdefault(row["order_id"], []).append(row)
    for shipment in records(source / "shipments.csv.gz"):
        ordered = lines[shipment["order_id"]]
        shipped = allocate(
            Decimal(shipment["units_shipped"]),
            [int(row["units_ordered"]) for row in ordered],
            Decimal(1),
        )
        for number, (row, cases) in enumerate(zip(ordered, shipped, strict=True), start=1):
            yield {
                "invoice_key": shipment["shipment_id"],
                "line_number": str(number),
                "invoice_date": shipment["ship_date"],
                "customer_key": orders[shipment["order_id"]]["retailer_id"],
                "product_key": row["sku"],
                "units_shipped": str(int(cases)),
                "unit_of_measure": "case",
                "gross_amount": row["line_total"],
                "net_amount": row["line_total"],
                "currency": CURRENCY,
            }


def pos_sales(source: Path) -> Iterator[Row]:
    """816,903 store-weeks in eaches; the week ends on the Saturday given."""
    for row in records(source / "scan_data_store_level.csv.gz"):
        yield {
            "sale_date": row["week_ending"],
            "customer_key": row["store_id"],
            "product_key": row["sku"],
            "units_sold": row["units_sold"],
            "sales_value": row["dollars_sold"],
            "period": "week",
            "currency": CURRENCY,
        }


def _json(row: Row, *names: str) -> str:
    return json.dumps({name: row[name] for name in names if row[name]}, sort_keys=True)
