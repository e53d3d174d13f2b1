"""The ledger's own arithmetic, recomputed from FactFinance: what ties, what does not, and by how much.

These figures are what the pipeline's list of imbalances is checked against.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from tests.real_data.adventureworks_ledger import chart
from tests.real_data.contract_files import Converted, Row, mapping, records, total

Key = tuple[str, str, str]


@pytest.fixture(scope="module")
def balances(adventureworks_files: Converted) -> list[Row]:
    return adventureworks_files.read("gl_balances")


@pytest.fixture(scope="module")
def account_type(adventureworks_files: Converted) -> dict[str, str]:
    return {row["account_code"]: row["account_type"] for row in adventureworks_files.read("gl_accounts")}


def sums(rows: list[Row], account_type: dict[str, str], *types: str) -> dict[Key, Decimal]:
    """Debit-positive sum per (company, year, period) of the actual balances of some account types."""
    found: dict[Key, Decimal] = {}
    for row in rows:
        if row["scenario"] == "actual" and account_type[row["account_code"]] in types:
            key = (row["company_code"], row["fiscal_year"], row["fiscal_period"])
            found[key] = found.get(key, Decimal(0)) + Decimal(row["amount"])
    return found


BALANCE_SHEET = ("asset", "liability", "equity")
RESULT = ("revenue", "contra_revenue", "expense", "other_income")


def test_amounts_are_the_raw_ones_signed_debit_positive(
    adventureworks_source: Path, balances: list[Row]
) -> None:
    accounts = {row["AccountKey"]: row for row in records(adventureworks_source / "DimAccount.csv")}
    credit = {"Liabilities", "Revenue"}
    facts = list(records(adventureworks_source / "FactFinance.csv"))
    assert len(facts) == len(balances)
    assert total(facts, "Amount") == Decimal("1358640412.70")
    for fact, row in zip(facts, balances, strict=True):
        account = accounts[fact["AccountKey"]]
        sign = -1 if account["AccountType"] in credit else 1
        assert row["account_code"] == account["AccountCodeAlternateKey"]
        assert Decimal(row["amount"]) == sign * Decimal(fact["Amount"])


def test_balance_sheets_balance_in_every_company_month(
    balances: list[Row], account_type: dict[str, str]
) -> None:
    found = sums(balances, account_type, *BALANCE_SHEET)
    assert len(found) == 276 + 5
    assert set(found.values()) == {Decimal(0)}


def test_current_retained_earnings_are_the_result_so_far(
    balances: list[Row], account_type: dict[str, str]
) -> None:
    result = sums(balances, account_type, *RESULT)
    carried = {
        (row["company_code"], row["fiscal_year"], row["fiscal_period"]): Decimal(row["amount"])
        for row in balances
        if row["account_code"] == "3550"
    }
    assert len(carried) == 276
    for (company, year, period), amount in carried.items():
        so_far = sum(
            (result.get((company, year, str(month)), Decimal(0)) for month in range(1, int(period) + 1)),
            Decimal(0),
        )
        assert amount == so_far, (company, year, period)


def test_each_company_month_is_out_of_balance_by_its_own_result(
    balances: list[Row], account_type: dict[str, str]
) -> None:
    """276 company-months: the sum of all accounts is the month's loss (+) or profit (-). Year ends net to zero."""
    everything = sums(balances, account_type, *BALANCE_SHEET, *RESULT)
    result = sums(balances, account_type, *RESULT)
    assert everything == result
    year_end = {key: amount for key, amount in everything.items() if key[2] == "13"}
    assert len(year_end) == 6 + 8 + 9
    assert set(year_end.values()) == {Decimal(0)}
    assert all(amount != 0 for key, amount in everything.items() if key[2] != "13")
    assert sum(everything.values()) == Decimal("-20680620.86")


def test_account_types_follow_the_tree(account_type: dict[str, str]) -> None:
    assert Counter(account_type.values()) == {
        "asset": 22,
        "liability": 17,
        "equity": 6,
        "revenue": 7,
        "contra_revenue": 2,
        "expense": 34,
        "other_income": 5,
        "statistical": 5,
    }


def test_every_balance_has_an_account_and_no_heading_has_one(
    adventureworks_source: Path, balances: list[Row]
) -> None:
    accounts = chart(adventureworks_source)
    headings = {row["ParentAccountCodeAlternateKey"] for row in accounts.values()}
    used = {row["account_code"] for row in balances}
    assert used <= set(accounts)
    assert not used & headings


def test_statistics_are_no_money(balances: list[Row], account_type: dict[str, str]) -> None:
    counted = [row for row in balances if account_type[row["account_code"]] == "statistical"]
    assert {row["currency"] for row in counted} == {"XXX"}
    assert Counter(row["account_code"] for row in counted) == {"9510": 887, "9520": 276, "9540": 276}
    money = {(row["company_code"], row["currency"]) for row in balances if row["currency"] != "XXX"}
    assert {company: code for company, code in money if code != "USD"} == {
        "Canadian Division": "CAD",
        "France": "EUR",
        "Germany": "EUR",
        "Australia": "AUD",
    }
    assert len(money) == 9


def test_budget_is_one_year_without_a_balance_sheet(
    balances: list[Row], account_type: dict[str, str]
) -> None:
    budget = [row for row in balances if row["scenario"] == "budget"]
    assert len(budget) == 4846
    assert {row["fiscal_year"] for row in budget} == {"2011"}
    assert not {account_type[row["account_code"]] for row in budget} & set(BALANCE_SHEET)


def test_periods_cover_three_years_without_gap_or_overlap(adventureworks_source: Path) -> None:
    periods = mapping("adventureworks_ledger_periods")
    dates = {row["Date"] for row in records(adventureworks_source / "FactFinance.csv")}
    assert {row["ledger_date"] for row in periods} == dates
    for before, after in pairwise(periods):
        end = date.fromisoformat(before["end_date"])
        assert date.fromisoformat(after["start_date"]) == end + timedelta(days=1)
    assert Counter(row["fiscal_year"] for row in periods) == {"2011": 13, "2012": 13, "2013": 13}


def test_calendar_months_would_lose_rows(adventureworks_source: Path) -> None:
    columns = ("OrganizationKey", "DepartmentGroupKey", "ScenarioKey", "AccountKey")
    facts = list(records(adventureworks_source / "FactFinance.csv"))
    by_month = {(row["Date"][:7], *(row[name] for name in columns)) for row in facts}
    by_day = {(row["Date"], *(row[name] for name in columns)) for row in facts}
    assert (len(by_day), len(by_day) - len(by_month)) == (39409, 3350)


def test_fiscal_years_of_the_date_table_overlap(adventureworks_source: Path) -> None:
    windows: dict[str, list[str]] = {}
    for row in records(adventureworks_source / "DimDate.csv"):
        windows.setdefault(row["FiscalYear"], []).append(row["FullDateAlternateKey"])
    assert (min(windows["2010"]), max(windows["2010"])) == ("2009-07-01", "2011-06-30")
    assert min(windows["2011"]) == "2010-07-01"
