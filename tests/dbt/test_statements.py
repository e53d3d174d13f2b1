"""Statements for any chart and calendar: small companies with 12, 13 and 4-4-5 periods, one with a 53rd week.

Every expected figure is added up here from the journals, without the project's SQL.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import jsonschema
import pytest

from include.publish.exports import find
from include.report.statements import SCHEMA, write_statements
from include.warehouse.session import Warehouse
from include.warehouse.statements import read_statements
from include.warehouse.tenants import ensure_tenant
from tests import dbt_company

#: code: (type, current). A chart of no known numbering; heads are counted, not money.
CHART = {
    "A-CASH": ("asset", True), "A-LAND": ("asset", False), "A-DEPR": ("asset", False), "L-LOAN": ("liability", False),
    "E-CAP": ("equity", None), "R-SALES": ("revenue", None), "R-RETURNS": ("contra_revenue", None),
    "T-SPEND": ("expense", None), "X-WAGES": ("expense", None), "O-RENT": ("other_income", None),
    "HEADS": ("statistical", None),
}  # fmt: skip


def months(year: int) -> list[tuple[date, date]]:
    starts = [date(year, month, 1) for month in range(1, 13)] + [date(year + 1, 1, 1)]
    return [(a, b - timedelta(days=1)) for a, b in pairwise(starts)]


def weeks(start: date, lengths: list[int]) -> list[tuple[date, date]]:
    found = []
    for length in lengths:
        end = start + timedelta(weeks=length, days=-1)
        found.append((start, end))
        start = end + timedelta(days=1)
    return found


#: tenant: (name of its calendar, periods of fiscal 2026)
CALENDARS = {
    "twelve": ("standard", months(2026)),
    "thirteen": ("thirteen", weeks(date(2025, 12, 29), [4] * 13)),
    "quarters": ("four_four_five", weeks(date(2026, 2, 1), [4, 4, 5] * 4)),
    "longyear": ("four_four_five", weeks(date(2026, 2, 1), [4, 4, 5] * 3 + [4, 4, 6])),
}
SETTINGS = {
    tenant: {
        "currency": "USD",
        "fiscal_calendar": calendar,
        # Two of the companies show trade spend as less revenue.
        "trade_presentation": "contra_revenue" if tenant in ("thirteen", "quarters") else "expense",
        "company_names": {"N": "Northern Foods"},
        "reconcile": {"accounts": {"expense": "T-SPEND"}},
    }
    for tenant, (calendar, _) in CALENDARS.items()
}


def journals(periods: list[tuple[date, date]]) -> dict[str, list[tuple[str, str, date, int]]]:
    """Journal key: (company, account, date, signed amount). First and last day of every period are used."""
    made = {}
    for number, (start, end) in enumerate(periods, start=1):
        entries = {
            f"sale{number}": (start, [("A-CASH", 1000 + number), ("R-SALES", -1000 - number), ("HEADS", 7)]),
            f"return{number}": (end, [("R-RETURNS", 40), ("A-CASH", -40)]),
            f"trade{number}": (end, [("T-SPEND", 100 + number), ("A-CASH", -100 - number)]),
            f"wages{number}": (start, [("X-WAGES", 300), ("A-CASH", -300)]),
        }
        for key, (day, lines) in entries.items():
            made[key] = [("N", account, day, amount) for account, amount in lines]
    first, last = periods[0][0], periods[-1][1]
    made["start"] = [("N", "A-CASH", first, 5000), ("N", "E-CAP", first, -5000)]
    made["land"] = [("N", "A-LAND", first, 2000), ("N", "L-LOAN", first, -2000)]
    made["worn"] = [("N", "X-WAGES", last, 90), ("N", "A-DEPR", last, -90)]
    made["rent"] = [("S", "A-CASH", last, 11), ("S", "O-RENT", last, -11)]
    made["crooked"] = [("N", "A-CASH", first, 9), ("N", "R-SALES", first, -8)]
    return made


@pytest.fixture(scope="module")
def built(module_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The companies' charts, calendars and journals, and their statements."""
    wh, target = module_warehouse, tmp_path_factory.mktemp("dbt")
    for tenant, settings in SETTINGS.items():
        ensure_tenant(wh, tenant, tenant.title(), settings)
    with wh.pipeline() as conn:
        for tenant, (calendar, periods) in CALENDARS.items():
            for contract, rows in _landed(tenant, calendar, periods).items():
                dbt_company.land(conn, tenant, f"staging.raw_files__{contract}", rows)
    chosen = ["+statement_payloads", "+consolidated_statements", "gl_quarantine", "+ledger_imbalances"]
    for command in (["seed"], ["run", "--select", *chosen]):
        assert dbt_company.failures(dbt_company.run_dbt(wh, target, *command)) == []
    return wh


def _landed(
    tenant: str, calendar: str, periods: list[tuple[date, date]]
) -> dict[str, list[dict[str, object]]]:
    chart = dict(CHART)
    if tenant == "quarters":
        # Its chart lacks the account of the second company's rent.
        del chart["O-RENT"]
    return {
        "gl_accounts": [
            {"account_code": code, "name": code.title(), "account_type": kind, "is_current": current}
            for code, (kind, current) in chart.items()
        ],
        "fiscal_periods": [
            {"calendar": calendar, "fiscal_year": 2026, "period": n, "start_date": start, "end_date": end}
            for n, (start, end) in enumerate(periods, start=1)
        ],
        "gl_journal_lines": [
            {
                "journal_key": key,
                "line_number": number,
                "company_code": company,
                "account_code": account,
                "posting_date": day,
                "currency": "USD",
                "debit_amount": amount if amount > 0 else None,
                "credit_amount": -amount if amount < 0 else None,
            }
            for key, lines in journals(periods).items()
            for number, (company, account, day, amount) in enumerate(lines, start=1)
        ],
    }


def query(wh: Warehouse, tenant: str, statement: str) -> list[tuple]:
    with wh.engine(tenant) as conn:
        return conn.execute(statement).fetchall()


def movements(tenant: str) -> dict[int, dict[str, Decimal]]:
    """Period: account: net debit of company N, quarantined journal left out."""
    periods = CALENDARS[tenant][1]
    found: dict[int, dict[str, Decimal]] = {n: defaultdict(Decimal) for n in range(1, len(periods) + 1)}
    for key, lines in journals(periods).items():
        for company, account, day, amount in lines:
            if company == "N" and key != "crooked":
                number = next(n for n, (a, b) in enumerate(periods, start=1) if a <= day <= b)
                found[number][account] += amount
    return found


@pytest.mark.parametrize("tenant", CALENDARS)
def test_every_period_of_the_calendar_has_its_statement(built, tenant):
    rows = query(
        built,
        tenant,
        "SELECT fiscal_period, total_assets, total_liabilities, shareholders_equity, net_income, revenue, total_expenses,"
        " current_assets FROM finance.statement_totals WHERE company_code = 'N' AND fiscal_year = 2026 ORDER BY 1",
    )
    moved = movements(tenant)
    assert [row[0] for row in rows] == list(moved)
    closing: dict[str, Decimal] = defaultdict(Decimal)
    contra = SETTINGS[tenant]["trade_presentation"] == "contra_revenue"
    for period, assets, liabilities, equity, income, revenue, expenses, current in rows:
        for account, amount in moved[period].items():
            closing[account] += amount
        of = moved[period]
        assert assets == closing["A-CASH"] + closing["A-LAND"] + closing["A-DEPR"]
        assert current == closing["A-CASH"]
        assert liabilities == -closing["L-LOAN"]
        # GLS-05: both routes to equity agree.
        assert equity == assets - liabilities
        trade = of["T-SPEND"]
        assert revenue == -of["R-SALES"] - of["R-RETURNS"] - (trade if contra else 0)
        assert expenses == of["X-WAGES"] + (0 if contra else trade)
        assert income == revenue - expenses == -of["R-SALES"] - of["R-RETURNS"] - trade - of["X-WAGES"]


def test_the_switch_moves_trade_spend_and_leaves_net_income(built):
    """C37, on the same business: 12 months of `twelve` and 13 periods of `thirteen` have the same first period."""
    lines = {
        tenant: query(
            built,
            tenant,
            "SELECT section, sum(amount) FROM finance.income_statement WHERE company_code = 'N' AND fiscal_period = 1"
            " AND statement_line = (SELECT statement_line FROM master.chart_of_accounts WHERE account_code = 'T-SPEND')"
            " GROUP BY 1 ORDER BY 1",
        )
        for tenant in ("twelve", "thirteen")
    }
    income = {
        tenant: query(
            built,
            tenant,
            "SELECT net_income FROM finance.statement_totals WHERE company_code = 'N' AND fiscal_period = 1",
        )
        for tenant in ("twelve", "thirteen")
    }
    assert income["twelve"] == income["thirteen"]
    # Without a line of its own in the chart or the map, an account is shown on the line of its category.
    assert lines["twelve"] == [("expenses", Decimal("401.0000"))]
    assert lines["thirteen"] == [("revenue", Decimal("860.0000"))]
    shown = dict(
        query(
            built,
            "thirteen",
            "SELECT account_code, is_contra FROM master.chart_of_accounts WHERE category = 'revenue'",
        )
    )
    assert shown["T-SPEND"] and not shown["R-SALES"]


def test_a_53rd_week_belongs_to_the_last_period(built):
    last = CALENDARS["longyear"][1][-1]
    assert (last[1] - CALENDARS["longyear"][1][0][0]).days + 1 == 371
    days = query(
        built,
        "longyear",
        f"SELECT fiscal_year, fiscal_period FROM finance.posting_periods WHERE posting_date = '{last[1]}'",
    )
    assert days == [(2026, 12)]


@pytest.mark.parametrize("tenant", CALENDARS)
def test_counted_heads_are_no_money(built, tenant):
    found = query(built, tenant, "SELECT 1 FROM finance.trial_balance WHERE account_code = 'HEADS'")
    sums = query(built, tenant, "SELECT sum(debit) - sum(credit) FROM finance.trial_balance")
    assert (found, sums) == ([], [(Decimal(0),)])


@pytest.mark.parametrize("tenant", CALENDARS)
def test_an_unbalanced_journal_is_kept_out_whole_and_listed(built, tenant):
    listed = query(built, tenant, "SELECT DISTINCT journal_key FROM finance.gl_quarantine")
    assert listed == [("crooked",)]


def test_an_account_nobody_mapped_withholds_its_company_and_period_only(built):
    unmapped = query(
        built, "quarters", "SELECT company_code, account_code, closing FROM finance.unmapped_accounts"
    )
    assert unmapped == [("S", "O-RENT", Decimal("-11.0000"))]
    companies = query(built, "quarters", "SELECT DISTINCT company_code FROM finance.statement_totals")
    assert companies == [("N",)]


def test_the_group_is_the_sum_of_its_companies(built):
    """GLS-08: one currency, eliminations shown as none."""
    rows = query(
        built,
        "twelve",
        "SELECT company_count, total_assets, net_income, eliminations_amount FROM finance.consolidated_statements"
        " WHERE fiscal_period = 12",
    )
    parts = query(
        built,
        "twelve",
        "SELECT count(*)::integer, sum(total_assets), sum(net_income), 0::numeric FROM finance.statement_totals"
        " WHERE fiscal_period = 12",
    )
    assert rows == parts and rows[0][0] == 2


@pytest.mark.parametrize("tenant", CALENDARS)
def test_the_statements_are_exported_as_json_that_validates(built, tenant, tmp_path):
    """GLS-06, and GLS-09: a company without a name in the settings is called by its code."""
    with built.engine(tenant) as conn:
        payloads = read_statements(conn)
    path = tmp_path / find("sharepoint_financial_statements").options["file"]
    write_statements(payloads, path)
    stored = json.loads(path.read_text())
    jsonschema.validate(stored, SCHEMA)
    names = {each["company_code"]: each["company_name"] for each in stored}
    assert names == {"N": "Northern Foods"} | ({} if tenant == "quarters" else {"S": "Company_S"})
    income = query(
        built,
        tenant,
        "SELECT net_income::text FROM finance.statement_totals WHERE company_code = 'N' ORDER BY fiscal_period",
    )
    assert [
        each["financial_statements"]["income_statement"]["net_income"]
        for each in stored
        if each["company_code"] == "N"
    ] == [row[0] for row in income]


@pytest.mark.parametrize(
    "change", [{"company_name": ""}, {"currency": "usd"}, {"reporting_period": {"year": 2026}}, {"extra": 1}]
)
def test_a_payload_of_another_shape_is_refused(built, change):
    with built.engine("twelve") as conn:
        payload = read_statements(conn)[0]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([payload | change], SCHEMA)


def test_a_company_without_statements_has_an_empty_file(tmp_path):
    write_statements([], tmp_path / "none.json")
    assert json.loads((tmp_path / "none.json").read_text()) == []
