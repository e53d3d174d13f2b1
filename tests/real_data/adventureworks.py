"""AdventureWorks, Microsoft's sample company, as contract files: sales people, reseller sales, ledger.

The company's words are rows of mappings/adventureworks_*.csv, and mappings/adventureworks_columns.csv says for
every filled column where it comes from. The ledger is in adventureworks_ledger. What the files say about
themselves, and what we made of it:

- A quota runs until the rep's next QuotaDate, exclusive: 163 windows of 17 people, 95,714,000.00. The dates are
  no quarter ends (2011-05-31, 2011-08-31, 2011-12-01 ...). The last window of each rep has no successor; it ends
  on 2014-06-01, and any end between the last credited order (2014-05-01) and then credits the same.
- Credits are the 3,806 order headers with a sales person: 80,487,704.1832. FactResellerSales holds 3,796 of
  those orders under dates 153 days earlier, and differs by 29,165.23 in 13 of them, so it is used for invoices
  and not for credits: the quota dates belong to the headers.
- SubTotal is US dollars although 1,177 headers carry a CurrencyRateID: an order invoiced through a Canadian rate
  has the same unit price as the American one (3,408 of 3,408 product-days), and Microsoft's own SalesYTD adds
  the headers as they are.
- A rep's territory stands twice, and for four reps the two places differ: SalesPerson says 2, 3, 6, 10 for reps
  275, 277, 282, 289, the open rows of the territory history say 3, 2, 10, 6. SalesPerson is used.
- Three managers have orders, quotas and a commission of zero: their plan pays nothing, as the file says.
- Names are not in the data: a person is called by number. Nothing gives target incentive, base salary (an hourly
  rate without hours does) or a payment, so these stay empty.
- 504 products make 606 versions; 211 versions have no cost. EndDate lies before StartDate in the closed ones and
  is not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from tests.real_data.adventureworks_ledger import CURRENCY, convert_ledger
from tests.real_data.contract_files import Converted, Row, records

LAST_WINDOW_END = "2014-06-01"

LEFT_OUT = {
    "FactSalesQuota.csv": "the same 163 quotas under other dates",
    "oltp_SalesTerritoryHistory.csv": "17 assignments; no contract takes a territory's history",
    "oltp_EmployeePayHistory.csv": "hourly rates without hours: no base salary follows from them",
    "DimPromotion.csv": "discount tiers by quantity without a customer or a cost",
    "oltp_SpecialOffer.csv": "as DimPromotion",
    "oltp_SalesPerson.csv": "Bonus, SalesYTD and SalesLastYear",
    "oltp_SalesOrderHeader.csv.gz": "27,659 orders without a sales person",
    "FactCurrencyRate.csv.gz": "AverageRate: the contract has the rate of a date, which is EndOfDayRate",
}


def convert(source: Path, target: Path) -> Converted:
    """Write AdventureWorks' files from `source` into the folder `target` as contract files.

    Raises KeyError for a word that no mapping table has.
    """
    target.mkdir(parents=True, exist_ok=True)
    result = Converted(target, left_out=dict(LEFT_OUT))
    result.write("workers", workers(source))
    result.write("compensation_plans", compensation_plans(source))
    result.write("compensation_plan_tiers", compensation_plan_tiers(source))
    result.write("sales_reps", sales_reps(source))
    result.write("quotas", quotas(source))
    result.write("sales_credits", sales_credits(source))
    result.write("accounts", accounts(source))
    result.write("customers", customers(source))
    result.write("products", products(source))
    result.write("product_costs", product_costs(source))
    result.write("invoices", invoices(source), compress=True)
    convert_ledger(source, result)
    return result


def node_path(code: str) -> tuple[int, ...]:
    """Path of a hierarchyid written in hexadecimal: `956B` is (6, 1, 1). An empty code is the root.

    SQL Server packs each step as a prefix that gives its size, the value, and a 1. ValueError for a step of
    80 or more, which this company does not have.
    """
    bits = "".join(f"{int(digit, 16):04b}" for digit in code)
    path: list[int] = []
    while "1" in bits:
        if bits.startswith("01"):
            value, size = int(bits[2:4], 2), 5
        elif bits.startswith("100"):
            value, size = 4 + int(bits[3:5], 2), 6
        elif bits.startswith("101"):
            value, size = 8 + int(bits[3:6], 2), 7
        elif bits.startswith("110"):
            value, size = 16 + int(bits[3:5] + bits[6] + bits[8:11], 2), 12
        else:
            raise ValueError(f"hierarchyid {code}: a step of 80 or more")
        path.append(value)
        bits = bits[size:]
    return tuple(path)


def managers(source: Path) -> dict[str, str]:
    """Manager of every employee but the first, by the organisation tree."""
    places = {
        node_path(row["OrganizationNode"]): row["BusinessEntityID"]
        for row in records(source / "oltp_Employee.csv")
    }
    return {person: places[path[:-1]] for path, person in places.items() if path}


def workers(source: Path) -> Iterator[Row]:
    """290 employees in their present department (the row of the history without an end)."""
    names = {row["DepartmentID"]: row["Name"] for row in records(source / "oltp_Department.csv")}
    present = {
        row["BusinessEntityID"]: names[row["DepartmentID"]]
        for row in records(source / "oltp_EmployeeDepartmentHistory.csv")
        if not row["EndDate"]
    }
    manager = managers(source)
    for row in records(source / "oltp_Employee.csv"):
        person = row["BusinessEntityID"]
        yield {
            "worker_key": person,
            "full_name": f"Employee {person}",
            "job_title": row["JobTitle"],
            "department": present[person],
            "manager_worker_key": manager.get(person, ""),
            "hire_date": row["HireDate"],
        }


def plan_key(commission: str) -> str:
    """One rate plan per distinct commission."""
    return f"RATE-{Decimal(commission):.4f}"


def compensation_plans(source: Path) -> Iterator[Row]:
    """A flat rate on credited revenue: with one tier from 0 the modes change nothing, and nothing is capped."""
    for commission in _commissions(source):
        yield {
            "plan_key": plan_key(commission),
            "version": "1",
            "name": f"Commission of {Decimal(commission) * 100:.2f}%",
            "plan_kind": "rate",
            "accelerator_mode": "marginal",
            "threshold_mode": "none",
            "cap_mode": "none",
        }


def compensation_plan_tiers(source: Path) -> Iterator[Row]:
    """The commission from the first dollar on."""
    for commission in _commissions(source):
        yield {
            "plan_key": plan_key(commission),
            "version": "1",
            "component": "default",
            "lower_bound": "0",
            "rate": f"{Decimal(commission):.4f}",
        }


def _commissions(source: Path) -> list[str]:
    return sorted({row["CommissionPct"] for row in records(source / "oltp_SalesPerson.csv")})


def sales_reps(source: Path) -> Iterator[Row]:
    """17 sales people; their territory's name is the region, its group the territory's group of countries."""
    employees = {row["BusinessEntityID"]: row for row in records(source / "oltp_Employee.csv")}
    territories = {row["TerritoryID"]: row for row in records(source / "oltp_SalesTerritory.csv")}
    people = list(records(source / "oltp_SalesPerson.csv"))
    reps = {row["BusinessEntityID"] for row in people}
    manager = managers(source)
    for row in people:
        person = row["BusinessEntityID"]
        territory = territories.get(row["TerritoryID"])
        yield {
            "rep_key": person,
            "name": f"Sales person {person}",
            "role": employees[person]["JobTitle"],
            "region": territory["Name"] if territory else "",
            "territory": territory["Group"] if territory else "",
            "manager_rep_key": manager[person] if manager[person] in reps else "",
            "plan_key": plan_key(row["CommissionPct"]),
            "hire_date": employees[person]["HireDate"],
            "commission_rate": f"{Decimal(row['CommissionPct']):.4f}",
            "currency": CURRENCY,
        }


def quotas(source: Path) -> Iterator[Row]:
    """163 windows, each until the rep's next one begins."""
    history: dict[str, list[Row]] = {}
    for row in records(source / "oltp_SalesPersonQuotaHistory.csv"):
        history.setdefault(row["BusinessEntityID"], []).append(row)
    for person, rows in history.items():
        rows.sort(key=lambda row: row["QuotaDate"])
        ends = [row["QuotaDate"] for row in rows[1:]] + [LAST_WINDOW_END]
        for row, end in zip(rows, ends, strict=True):
            yield {
                "rep_key": person,
                "measure": "revenue",
                "period_start": row["QuotaDate"],
                "period_end": end,
                "quota_amount": row["SalesQuota"],
                "currency": CURRENCY,
            }


def sales_credits(source: Path) -> Iterator[Row]:
    """3,806 orders of resellers, credited whole to their sales person on the order's date."""
    for row in records(source / "oltp_SalesOrderHeader.csv.gz"):
        if row["SalesPersonID"]:
            yield {
                "credit_key": row["SalesOrderNumber"],
                "rep_key": row["SalesPersonID"],
                "credit_date": row["OrderDate"][:10],
                "amount": row["SubTotal"],
                "currency": CURRENCY,
                "measure": "revenue",
                "credit_type": "revenue",
                "order_ref": row["SalesOrderNumber"],
            }


def accounts(source: Path) -> Iterator[Row]:
    """701 resellers as the CRM would hold them."""
    places = {row["GeographyKey"]: row for row in records(source / "DimGeography.csv")}
    for row in records(source / "DimReseller.csv"):
        yield {
            "account_key": row["ResellerAlternateKey"],
            "name": row["ResellerName"],
            "industry": row["BusinessType"],
            "annual_revenue": row["AnnualRevenue"],
            "employees": row["NumberEmployees"],
            "country": places[row["GeographyKey"]]["CountryRegionCode"],
            "account_type": "Reseller",
        }


def customers(source: Path) -> Iterator[Row]:
    """The same 701 resellers as sold-to customers; no reseller has a parent."""
    places = {row["GeographyKey"]: row for row in records(source / "DimGeography.csv")}
    territories = {row["TerritoryID"]: row["Name"] for row in records(source / "oltp_SalesTerritory.csv")}
    for row in records(source / "DimReseller.csv"):
        yield {
            "customer_key": row["ResellerAlternateKey"],
            "name": row["ResellerName"],
            "customer_type": "Sold-to",
            "channel": row["BusinessType"],
            "region": territories[places[row["GeographyKey"]]["SalesTerritoryKey"]],
            "currency": CURRENCY,
        }


def products(source: Path) -> Iterator[Row]:
    """504 products in their latest version; sold by the each, so cases are left empty."""
    categories = {
        row["ProductCategoryKey"]: row["EnglishProductCategoryName"]
        for row in records(source / "DimProductCategory.csv")
    }
    kinds = {row["ProductSubcategoryKey"]: row for row in records(source / "DimProductSubcategory.csv")}
    latest: dict[str, Row] = {}
    for row in records(source / "DimProduct.csv"):
        held = latest.get(row["ProductAlternateKey"])
        if held is None or row["StartDate"] > held["StartDate"]:
            latest[row["ProductAlternateKey"]] = row
    for key, row in latest.items():
        kind = kinds.get(row["ProductSubcategoryKey"])
        yield {
            "product_key": key,
            "name": row["EnglishProductName"],
            "category": categories[kind["ProductCategoryKey"]] if kind else "",
            "sub_category": kind["EnglishProductSubcategoryName"] if kind else "",
            "list_price": row["ListPrice"],
            "cogs_standard": row["StandardCost"],
            "currency": CURRENCY,
        }


def product_costs(source: Path) -> Iterator[Row]:
    """395 versions with a cost, each from its start on."""
    for row in records(source / "DimProduct.csv"):
        if row["StandardCost"]:
            yield {
                "product_key": row["ProductAlternateKey"],
                "effective_date": row["StartDate"],
                "cogs": row["StandardCost"],
                "currency": CURRENCY,
            }


def invoices(source: Path) -> Iterator[Row]:
    """60,855 lines of reseller sales; the discount is part of the line and so was off the invoice."""
    versions = {row["ProductKey"]: row["ProductAlternateKey"] for row in records(source / "DimProduct.csv")}
    resellers = {
        row["ResellerKey"]: row["ResellerAlternateKey"] for row in records(source / "DimReseller.csv")
    }
    for row in records(source / "FactResellerSales.csv.gz"):
        yield {
            "invoice_key": row["SalesOrderNumber"],
            "line_number": row["SalesOrderLineNumber"],
            "invoice_date": row["ShipDate"],
            "customer_key": resellers[row["ResellerKey"]],
            "product_key": versions[row["ProductKey"]],
            "units_shipped": row["OrderQuantity"],
            "unit_of_measure": "each",
            "gross_amount": row["ExtendedAmount"],
            "off_invoice_amount": row["DiscountAmount"],
            "net_amount": row["SalesAmount"],
            "currency": CURRENCY,
        }
