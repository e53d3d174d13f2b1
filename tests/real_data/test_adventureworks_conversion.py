"""AdventureWorks' contract files hold the raw files' rows and sums, and the docstrings' figures are true."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from tests.real_data.adventureworks import LAST_WINDOW_END, node_path
from tests.real_data.contract_files import Converted, Row, mapping, records, total


def raw(source: Path, name: str) -> list[Row]:
    return list(records(source / name))


def test_row_counts_are_those_of_the_raw_files(adventureworks_files: Converted) -> None:
    assert adventureworks_files.rows == {
        "workers": 290,
        "compensation_plans": 8,
        "compensation_plan_tiers": 8,
        "sales_reps": 17,
        "quotas": 163,
        "sales_credits": 3806,
        "accounts": 701,
        "customers": 701,
        "products": 504,
        "product_costs": 606 - 211,
        "invoices": 60855,
        "gl_accounts": 99 - 1,
        "fiscal_periods": 39,
        "gl_balances": 39409,
        "exchange_rates": 14264,
    }


def test_quotas_keep_every_amount_and_run_to_the_next_one(
    adventureworks_source: Path, adventureworks_files: Converted
) -> None:
    history = pd.read_csv(adventureworks_source / "oltp_SalesPersonQuotaHistory.csv", dtype=str)
    history = history.sort_values(["BusinessEntityID", "QuotaDate"])
    history["end"] = history.groupby("BusinessEntityID").QuotaDate.shift(-1).fillna(LAST_WINDOW_END)
    expected = set(history[["BusinessEntityID", "QuotaDate", "end", "SalesQuota"]].itertuples(index=False))
    rows = adventureworks_files.read("quotas")
    found = {(r["rep_key"], r["period_start"], r["period_end"], r["quota_amount"]) for r in rows}
    assert found == {tuple(row) for row in expected}
    assert total(rows, "quota_amount") == Decimal("95714000")
    assert all(row["period_start"] < row["period_end"] for row in rows)


def test_every_credit_falls_in_exactly_one_window(adventureworks_files: Converted) -> None:
    windows: dict[str, list[tuple[str, str]]] = {}
    for row in adventureworks_files.read("quotas"):
        windows.setdefault(row["rep_key"], []).append((row["period_start"], row["period_end"]))
    credits = adventureworks_files.read("sales_credits")
    for row in credits:
        hits = [start <= row["credit_date"] < end for start, end in windows[row["rep_key"]]]
        assert sum(hits) == 1, row
    assert max(row["credit_date"] for row in credits) == "2014-05-01"


def test_quota_windows_are_not_calendar_quarters(adventureworks_files: Converted) -> None:
    starts = {row["period_start"][5:] for row in adventureworks_files.read("quotas")}
    assert not starts & {"01-01", "04-01", "07-01", "10-01"}


def test_credits_are_the_headers_with_a_sales_person(
    adventureworks_source: Path, adventureworks_files: Converted
) -> None:
    headers = [
        row for row in raw(adventureworks_source, "oltp_SalesOrderHeader.csv.gz") if row["SalesPersonID"]
    ]
    rows = adventureworks_files.read("sales_credits")
    assert total(rows, "amount") == total(headers, "SubTotal") == Decimal("80487704.1832")
    assert sum(bool(row["CurrencyRateID"]) for row in headers) == 1177
    year_to_date: dict[str, Decimal] = {}
    for row in rows:
        if row["credit_date"] >= "2013-05-01":
            held = year_to_date.get(row["rep_key"], Decimal(0))
            year_to_date[row["rep_key"]] = held + Decimal(row["amount"])
    assert year_to_date == {
        row["BusinessEntityID"]: Decimal(row["SalesYTD"])
        for row in raw(adventureworks_source, "oltp_SalesPerson.csv")
    }


def test_reseller_lines_are_dollars_and_differ_from_the_headers_in_13_orders(
    adventureworks_source: Path, adventureworks_files: Converted
) -> None:
    facts = raw(adventureworks_source, "FactResellerSales.csv.gz")
    rows = adventureworks_files.read("invoices")
    assert total(rows, "net_amount") == total(facts, "SalesAmount") == Decimal("80450596.9823")
    rounding = [
        abs(Decimal(r["gross_amount"]) - Decimal(r["off_invoice_amount"]) - Decimal(r["net_amount"]))
        for r in rows
    ]
    assert (max(rounding), sum(gap != 0 for gap in rounding)) == (Decimal("0.0001"), 378)
    orders: dict[str, Decimal] = {}
    prices: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in facts:
        number = row["SalesOrderNumber"]
        orders[number] = orders.get(number, Decimal(0)) + Decimal(row["SalesAmount"])
        place = (row["ProductKey"], row["OrderDate"], row["PromotionKey"])
        prices.setdefault(place, {})[row["CurrencyKey"]] = row["UnitPrice"]
    header = {row["credit_key"]: Decimal(row["amount"]) for row in adventureworks_files.read("sales_credits")}
    gaps = {number: amount - header[number] for number, amount in orders.items()}
    assert sum(gap != 0 and abs(gap) > Decimal("0.01") for gap in gaps.values()) == 13
    assert sum(gaps.values()) == Decimal("-29165.2299")
    assert (len(header) - len(orders)) == 10
    pairs = [(p["100"], p["19"]) for p in prices.values() if "100" in p and "19" in p]
    assert all(american == canadian for american, canadian in pairs)
    assert len(pairs) == 3408


def test_a_territory_stands_twice_and_differs_for_four_reps(adventureworks_source: Path) -> None:
    present = {
        row["BusinessEntityID"]: row["TerritoryID"]
        for row in raw(adventureworks_source, "oltp_SalesTerritoryHistory.csv")
        if not row["EndDate"]
    }
    people = {
        row["BusinessEntityID"]: row["TerritoryID"]
        for row in raw(adventureworks_source, "oltp_SalesPerson.csv")
    }
    differ = {key: (people[key], there) for key, there in present.items() if people[key] != there}
    assert differ == {"275": ("2", "3"), "277": ("3", "2"), "282": ("6", "10"), "289": ("10", "6")}


@pytest.mark.parametrize(
    ("code", "path"),
    [("", ()), ("58", (1,)), ("94", (6,)), ("956B", (6, 1, 1)), ("957540", (6, 1, 10)), ("95EF", (6, 3, 3))],
)
def test_hierarchyid_is_a_path(code: str, path: tuple[int, ...]) -> None:
    assert node_path(code) == path


def test_everybody_but_one_has_a_manager_one_level_up(
    adventureworks_source: Path, adventureworks_files: Converted
) -> None:
    level = {
        row["BusinessEntityID"]: int(row["OrganizationLevel"] or 0)
        for row in raw(adventureworks_source, "oltp_Employee.csv")
    }
    rows = adventureworks_files.read("workers")
    managed = [row for row in rows if row["manager_worker_key"]]
    assert len(managed) == 289
    assert all(level[row["worker_key"]] == level[row["manager_worker_key"]] + 1 for row in managed)
    reps = {row["rep_key"]: row for row in adventureworks_files.read("sales_reps")}
    assert Counter(row["manager_rep_key"] for row in reps.values()) == {"": 3, "274": 10, "285": 1, "287": 3}


def test_rate_plans_are_the_distinct_commissions(adventureworks_files: Converted) -> None:
    rates = {row["plan_key"]: row["rate"] for row in adventureworks_files.read("compensation_plan_tiers")}
    reps = adventureworks_files.read("sales_reps")
    assert all(rates[row["plan_key"]] == row["commission_rate"] for row in reps)
    assert sorted(row["rep_key"] for row in reps if Decimal(row["commission_rate"]) == 0) == [
        "274",
        "285",
        "287",
    ]


def test_exchange_rates_lose_less_than_a_billionth(
    adventureworks_source: Path, adventureworks_files: Converted
) -> None:
    before = raw(adventureworks_source, "FactCurrencyRate.csv.gz")
    after = adventureworks_files.read("exchange_rates")
    for old, new in zip(before, after, strict=True):
        assert abs(Decimal(old["EndOfDayRate"]) - Decimal(new["rate"])) <= Decimal("5e-10")
        assert date.fromisoformat(new["rate_date"]).strftime("%Y%m%d") == old["DateKey"]


def test_mapping_tables_cover_every_word(adventureworks_source: Path) -> None:
    types = {row["source_type"] for row in mapping("adventureworks_source_types")}
    used = {row["AccountType"] for row in raw(adventureworks_source, "DimAccount.csv")} - {""}
    assert used == types
