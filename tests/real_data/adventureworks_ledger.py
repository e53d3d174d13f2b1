"""AdventureWorks' ledger as contract files: chart of accounts, balances, periods, exchange rates.

What FactFinance (39,409 rows, nine organisations, 2010-12-29 to 2013-12-28) says about itself:

- It has balances and no journals. Balance sheet accounts carry what stands there on the day, profit and loss
  accounts what happened in the month. All amounts are positive in their account's natural direction; we sign
  them debit positive by source type, once, in adventureworks_source_types.
- Its 39 dates are month starts of a calendar moved by some days: twelve a year from about 29 December, and a
  thirteenth at the year's end (2011-12-28, 2012-12-27, 2013-12-28) that holds entries netting to zero within
  each company. Calendar months cannot hold them: 2011-03 would have two dates and 2011-02 none, and 3,350 rows
  would share a key. So the periods are the ledger's own (adventureworks_ledger_periods).
- DimDate's fiscal year cannot serve either: it says 2010 for both January 2010 and January 2011, so its windows
  overlap.
- Assets equal liabilities and equity to the cent in each of the 276 company-months. Account 3550, Current
  Retained Earnings, is part of that equity and equals the year's net income so far in all 276. Adding profit and
  loss accounts to the balance sheet therefore counts earnings twice: each company-month is out of balance by its
  own net income. That is the file's, and it is listed.
- The year-end entries are movements in balance sheet accounts too: 3010 against 3020 in the three foreign companies.
  France's and Germany's of 2012 (475,000 each) are missing from the balance sheet of the next month, so that month
  is off by as much again.
- Accounts 3010 and 3540, Partner Capital and Prior Year Retained Earnings, have a balance in the first month of a
  year only (18 and 20 rows); from the second month on the sums stand in 3020.
- The budget (4,846 rows, all of 2011) has no balance sheet: each company-month is out of balance by its planned
  result.
- 1,439 rows of three statistical accounts count heads, units and square feet. They are no money: their currency is
  XXX, ISO 4217's word for none.
- Account 1 has neither a type nor a balance; it heads both sides of the balance sheet and is not an account.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from tests.real_data.contract_files import Converted, Row, lookup, mapping, records

CURRENCY = "USD"
CALENDAR = "ledger"
RATE_PLACES = Decimal("0.000000001")
CURRENT = ("110", "2200")
BALANCE_SHEET = ("asset", "liability", "equity")
EQUITY_HEADING = "300"


def convert_ledger(source: Path, result: Converted) -> None:
    """Write the four files of the ledger."""
    result.write("gl_accounts", gl_accounts(source))
    result.write("fiscal_periods", fiscal_periods())
    result.write("gl_balances", gl_balances(source))
    result.write("exchange_rates", exchange_rates(source), compress=True)
    result.left_out["DimAccount.csv"] = "account 1, a heading without a type"
    result.left_out["DimDate.csv"] = "its fiscal years overlap"


def chart(source: Path) -> dict[str, Row]:
    """Accounts by code with the columns of DimAccount, `account_type` added; account 1 left out."""
    types = lookup("adventureworks_source_types", "source_type", "account_type")
    exceptions = lookup("adventureworks_account_types", "account_code", "account_type")
    by_code = {row["AccountCodeAlternateKey"]: row for row in records(source / "DimAccount.csv")}
    for code, row in by_code.items():
        if row["AccountType"]:
            line = _line(code, by_code)
            equity = exceptions[EQUITY_HEADING] if EQUITY_HEADING in line else types[row["AccountType"]]
            row["account_type"] = exceptions.get(code, equity)
    return {code: row for code, row in by_code.items() if row["AccountType"]}


def _line(code: str, by_code: dict[str, Row]) -> list[str]:
    """The account and its parents, nearest first."""
    line = []
    while code:
        line.append(code)
        code = by_code[code]["ParentAccountCodeAlternateKey"]
    return line


def gl_accounts(source: Path) -> Iterator[Row]:
    """98 accounts; current assets and liabilities are those under 110 and 2200."""
    accounts = chart(source)
    by_code = {row["AccountCodeAlternateKey"]: row for row in records(source / "DimAccount.csv")}
    for code, row in accounts.items():
        parent = row["ParentAccountCodeAlternateKey"]
        line = _line(code, by_code)
        is_current = str(any(heading in line for heading in CURRENT)).lower()
        yield {
            "account_code": code,
            "name": row["AccountDescription"],
            "account_type": row["account_type"],
            "parent_account_code": parent if parent in accounts else "",
            "is_current": is_current if row["account_type"] in BALANCE_SHEET else "",
        }


def fiscal_periods() -> Iterator[Row]:
    """39 periods of three ledger years; whether a period was closed is not known."""
    for row in mapping("adventureworks_ledger_periods"):
        yield {
            "calendar": CALENDAR,
            "fiscal_year": row["fiscal_year"],
            "period": row["fiscal_period"],
            "start_date": row["start_date"],
            "end_date": row["end_date"],
        }


def gl_balances(source: Path) -> Iterator[Row]:
    """39,409 balances, debit positive, in the organisation's currency."""
    accounts = {row["AccountKey"]: row for row in chart(source).values()}
    kinds = {row["source_type"]: row for row in mapping("adventureworks_source_types")}
    scenarios = lookup("adventureworks_scenarios", "ScenarioName", "scenario")
    scenario = {
        row["ScenarioKey"]: scenarios[row["ScenarioName"]] for row in records(source / "DimScenario.csv")
    }
    departments = {
        row["DepartmentGroupKey"]: row["DepartmentGroupName"]
        for row in records(source / "DimDepartmentGroup.csv")
    }
    periods = {row["ledger_date"]: row for row in mapping("adventureworks_ledger_periods")}
    companies = organisations(source)
    for row in records(source / "FactFinance.csv"):
        account = accounts[row["AccountKey"]]
        kind = kinds[account["AccountType"]]
        period = periods[row["Date"][:10]]
        name, currency = companies[row["OrganizationKey"]]
        yield {
            "company_code": name,
            "account_code": account["AccountCodeAlternateKey"],
            "fiscal_year": period["fiscal_year"],
            "fiscal_period": period["fiscal_period"],
            "currency": kind["unit"] or currency,
            "scenario": scenario[row["ScenarioKey"]],
            "department": departments[row["DepartmentGroupKey"]],
            "amount": str(Decimal(row["Amount"]) * int(kind["debit_sign"])),
            "balance_kind": "movement" if period["holds"] == "adjustments" else kind["balance_kind"],
        }


def organisations(source: Path) -> dict[str, tuple[str, str]]:
    """Name and currency of each organisation by key."""
    codes = currencies(source)
    return {
        row["OrganizationKey"]: (row["OrganizationName"], codes[row["CurrencyKey"]])
        for row in records(source / "DimOrganization.csv")
    }


def currencies(source: Path) -> dict[str, str]:
    """ISO code of each currency by key."""
    return {row["CurrencyKey"]: row["CurrencyAlternateKey"] for row in records(source / "DimCurrency.csv")}


def exchange_rates(source: Path) -> Iterator[Row]:
    """14,264 end-of-day rates, US dollars for one unit, at the nine places a rate has."""
    codes = currencies(source)
    for row in records(source / "FactCurrencyRate.csv.gz"):
        yield {
            "from_currency": codes[row["CurrencyKey"]],
            "to_currency": CURRENCY,
            "rate_date": row["Date"][:10],
            "rate": format(Decimal(row["EndOfDayRate"]).quantize(RATE_PLACES), "f"),
        }
