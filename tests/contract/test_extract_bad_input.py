"""Hostile input: each case stands among 100 good rows; the 100 load, and the one is refused with its reason.

Guards against the two mistakes a loader makes: a bad row that slips in, and a bad row that takes good ones
down with it (reliability P41, T27).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.extract.contracts import BY_NAME
from include.flows.extract import extract_files
from include.warehouse.session import Warehouse

GOOD = 100
PLACE = 50
DAY = date(2026, 1, 1)


def _good_row(contract: str, tag: str, n: int) -> dict[str, str]:
    key = f"{tag}-{n:04d}"
    day = (DAY + timedelta(days=n)).isoformat()
    rows = {
        "customers": {
            "customer_key": key,
            "name": f"Customer {n}",
            "customer_type": "Store",
            "currency": "USD",
        },
        "products": {
            "product_key": key,
            "name": f"Product {n}",
            "units_per_case": "12",
            "list_price": "3.49",
        },
        "deductions": {
            "deduction_key": key,
            "customer_key": "C-1",
            "amount": f"{n}.25",
            "currency": "USD",
            "posting_date": day,
            "description": f"Promo {n}",
        },
        "quotas": {
            "rep_key": "R-1",
            "measure": key,
            "period_start": "2026-01-01",
            "period_end": "2026-04-01",
            "quota_amount": "1000",
        },
        "gl_journal_lines": {
            "journal_key": tag,
            "line_number": str(n + 1),
            "company_code": "1000",
            "account_code": "4000",
            "posting_date": day,
            "currency": "USD",
            "debit_amount": "10.00",
            "credit_amount": "",
        },
        "promotions": {
            "promotion_key": key,
            "promotion_id": "",
            "name": f"Deal {n}",
            "customer_key": "C-1",
            "status": "Approved",
            "tactic_type": "TPR",
            "sellin_start": "2026-01-01",
            "sellin_end": "2026-01-31",
            "total_planned_spend": "5000.00",
            "funding_rate": "0.5",
        },
        "fiscal_periods": {
            "calendar": tag,
            "fiscal_year": str(2000 + n),
            "period": "1",
            "start_date": f"{2000 + n}-01-01",
            "end_date": f"{2000 + n}-12-31",
            "is_closed": "false",
        },
        "exchange_rates": {
            "from_currency": "EUR",
            "to_currency": "USD",
            "rate_date": (date(2000, 1, 1) + timedelta(days=n)).isoformat(),
            "rate": "1.1",
        },
        "opportunities": {
            "opportunity_key": key,
            "stage": "Won",
            "is_won": "true",
            "probability": "0.5",
            "oems": '["A"]',
            "created_date": day,
        },
        "accounts": {"account_key": key, "name": f"Account {n}", "created_at": "2026-01-01T08:00:00Z"},
        "pos_sales": {
            "sale_date": day,
            "customer_key": "C-1",
            "product_key": "P-1",
            "units_sold": "3",
            "sales_value": "9.87",
            "period": "week",
        },
        "invoices": {
            "invoice_key": key,
            "line_number": "1",
            "invoice_date": day,
            "customer_key": "C-1",
            "product_key": "P-1",
            "units_shipped": "10",
            "unit_of_measure": "case",
            "net_amount": "250.00",
            "currency": "USD",
        },
        "ap_payments": {
            "payment_key": key,
            "customer_key": "C-1",
            "account_code": "6100",
            "amount": "500.00",
            "currency": "USD",
            "payment_date": day,
        },
        "sales_credits": {
            "credit_key": key,
            "rep_key": "R-1",
            "credit_date": day,
            "amount": "100.00",
            "currency": "USD",
        },
        "remittances": {"remittance_key": key, "customer_key": "C-1", "received_date": day},
    }
    return rows[contract]


#: id: (contract, column, what stands in the cell, part of the reason)
CELLS: dict[str, tuple[str, str, str, str]] = {
    "money with thousands separator": ("deductions", "amount", "1,000", "thousands"),
    "money with thousands and decimals": ("deductions", "amount", "1,234.50", "thousands"),
    "money with decimal comma": ("deductions", "amount", "12,5", "decimal comma"),
    "money in continental form": ("deductions", "amount", "1.234,50", "decimal comma"),
    "money in exponent form": ("deductions", "amount", "1e5", "exponent"),
    "money in capital exponent form": ("deductions", "amount", "1.5E+3", "exponent"),
    "money NaN": ("deductions", "amount", "NaN", "not a number"),
    "money infinity": ("deductions", "amount", "-Infinity", "not a number"),
    "money with five decimals": ("deductions", "amount", "1.00005", "more than 4 decimals"),
    "money beyond its type": ("deductions", "amount", "999999999999999.9999", "too large"),
    "money with currency sign": ("deductions", "amount", "$12.00", "currency sign"),
    "money with currency code": ("deductions", "amount", "12.00 USD", "not a number"),
    "money in brackets": ("deductions", "amount", "(12.00)", "brackets"),
    "money with trailing minus": ("deductions", "amount", "12.00-", "minus sign"),
    "money with typographic minus": ("deductions", "amount", "−12.00", "minus sign"),
    "money with two signs": ("deductions", "amount", "--12", "not a number"),
    "money in hexadecimal": ("deductions", "amount", "0x1F", "not a number"),
    "money with underscore": ("deductions", "amount", "1_000", "not a number"),
    "money in Arabic digits": ("deductions", "amount", "١٢", "not a number"),
    "money in full-width digits": ("deductions", "amount", "１２", "not a number"),
    "money is a formula": ("deductions", "amount", "=1+1", "not a number"),
    "money is a point": ("deductions", "amount", ".", "not a number"),
    "money is empty": ("deductions", "amount", "", "required and empty"),
    "money is blanks": ("deductions", "amount", "   ", "required and empty"),
    "money is null in words": ("deductions", "amount", "NULL", "not a number"),
    "key is empty": ("deductions", "deduction_key", "", "required and empty"),
    "key is a no-break space": ("deductions", "deduction_key", "\u00a0", "required and empty"),
    "key with a NUL byte": ("deductions", "deduction_key", "D\x001", "NUL"),
    "key with a line break": ("deductions", "deduction_key", "D\n1", "line break"),
    "key too long for an index": ("deductions", "deduction_key", "D" * 3000, "bytes"),
    "key of invisible characters": ("deductions", "deduction_key", "\u200b", "required and empty"),
    "text with a NUL byte": ("deductions", "description", "promo\x00", "NUL"),
    "text with an escape character": ("deductions", "description", "promo\x1b[2J", "control character"),
    "currency is a word": ("deductions", "currency", "dollars", "ISO 4217"),
    "currency is no code": ("deductions", "currency", "ZZZ", "ISO 4217"),
    "currency is a sign": ("deductions", "currency", "€", "ISO 4217"),
    "date in American order": ("deductions", "posting_date", "01/31/2026", "day and month"),
    "date in European order": ("deductions", "posting_date", "31.01.2026", "day and month"),
    "date that does not exist": ("deductions", "posting_date", "2026-02-30", "no such day"),
    "leap day of no leap year": ("deductions", "posting_date", "2025-02-29", "no such day"),
    "date of zeros": ("deductions", "posting_date", "0000-00-00", "no such day"),
    "date in month 13": ("deductions", "posting_date", "2026-13-01", "no such day"),
    "date with time of day": ("deductions", "posting_date", "2026-01-31T10:15:00", "time of day"),
    "date as a spreadsheet serial": ("deductions", "posting_date", "46053", "not an ISO"),
    "date without dashes": ("deductions", "posting_date", "20260131", "not an ISO"),
    "date in a year that cannot be": ("deductions", "posting_date", "0026-01-31", "year"),
    "deduction without end": ("deductions", "posting_date", "9999-12-31", "no open end"),
    "remittance without end": ("remittances", "received_date", "9999-12-31", "no open end"),
    "payment without end": ("ap_payments", "payment_date", "9999-12-31", "no open end"),
    "invoice without end": ("invoices", "invoice_date", "9999-12-31", "no open end"),
    "sale without end": ("pos_sales", "sale_date", "9999-12-31", "no open end"),
    "midnight without end": ("deductions", "posting_date", "9999-12-31T00:00:00", "no open end"),
    "credit without end": ("sales_credits", "credit_date", "9999-12-31", "no open end"),
    "posting without end": ("gl_journal_lines", "posting_date", "9999-12-31", "no open end"),
    "date before every shop": ("deductions", "posting_date", "1899-12-31", "year"),
    "date in words": ("deductions", "posting_date", "31 January 2026", "not an ISO"),
    "date today": ("deductions", "posting_date", "today", "not an ISO"),
    "uuid cut short": ("promotions", "promotion_id", "123e4567-e89b-12d3", "not a UUID"),
    "uuid with a wrong letter": (
        "promotions",
        "promotion_id",
        "123e4567-e89b-12d3-a456-42661417400g",
        "not a UUID",
    ),
    "status that is none": ("promotions", "status", "Done", "none of the listed"),
    "tactic that is none": ("promotions", "tactic_type", "Coupon", "none of the listed"),
    "planned spend below zero": ("promotions", "total_planned_spend", "-1", "below its minimum"),
    "rate with a percent sign": ("promotions", "funding_rate", "50%", "percent"),
    "rate below zero": ("promotions", "funding_rate", "-0.1", "below its minimum"),
    "exchange rate of zero": ("exchange_rates", "rate", "0", "below its minimum"),
    "window turned round": ("promotions", "sellin_end", "2025-12-31", "out of order"),
    "name missing": ("promotions", "name", "", "required and empty"),
    "integer with decimals": ("products", "units_per_case", "12.5", "not a number"),
    "integer of zero units per case": ("products", "units_per_case", "0", "below its minimum"),
    "integer beyond 32 bits": ("products", "units_per_case", "99999999999", "too large"),
    "boolean that is neither": ("fiscal_periods", "is_closed", "maybe", "neither true nor false"),
    "boolean 2": ("fiscal_periods", "is_closed", "2", "neither true nor false"),
    "JSON cut": ("opportunities", "oems", '["A"', "JSON does not parse"),
    "JSON with NaN": ("opportunities", "oems", "[NaN]", "JSON does not parse"),
    "JSON with a NUL": ("opportunities", "oems", '["\\u0000"]', "NUL"),
    "JSON in single quotes": ("opportunities", "oems", "['A']", "JSON does not parse"),
    "JSON nested too deep": ("opportunities", "oems", "[" * 50_000 + "]" * 50_000, "JSON does not parse"),
    "moment in month 13": ("accounts", "created_at", "2026-13-01T00:00:00Z", "no such moment"),
    "moment in words": ("accounts", "created_at", "yesterday", "not an ISO"),
    "orphan of a parent": ("deductions", "customer_key", "C-404", "no customers row"),
    "parent by other case": ("deductions", "customer_key", "c-1", "no customers row"),
    "orphan in its own file": ("customers", "parent_customer_key", "C-404", "no customers row"),
    "journal line with both sides": ("gl_journal_lines", "credit_amount", "5.00", "both sides"),
    "journal line with no side": ("gl_journal_lines", "debit_amount", "", "neither side"),
    "journal line with a negative side": ("gl_journal_lines", "debit_amount", "-10.00", "negative"),
    "quota window without length": ("quotas", "period_end", "2026-01-01", "out of order"),
    "quota window without end": ("quotas", "period_end", "9999-12-31", "longer than any period"),
}

#: id: (line put among the rows of a deductions file, part of the reason)
LINES: dict[str, tuple[str, str]] = {
    "cells missing": ("{key},C-1,5.00", "cells, the header"),
    "cells too many": ("{key},C-1,5.00,USD,2026-01-31,x,y,z", "cells, the header"),
    "quote opened and not closed": ('{key},C-1,5.00,USD,2026-01-31,"open', "quote is opened"),
    "quote opened in the first cell": ('"{key},C-1,5.00,USD,2026-01-31,open', "quote is opened"),
    "text behind a closing quote": ('{key},C-1,5.00,USD,2026-01-31,"a"b', "not CSV"),
    "a huge cell": ("{key},C-1,5.00,USD,2026-01-31," + "x" * 200_000, "field larger"),
    "a line without end": ("{key},C-1,5.00,USD,2026-01-31," + "x" * 3_000_000, "not CSV"),
    "a second header": (
        "deduction_key,customer_key,amount,currency,posting_date,description",
        "not a number",
    ),
    "a total line": ("TOTAL,,5000.00,,,", "required and empty"),
    "separated by semicolons": ("{key};C-1;5.00;USD;2026-01-31;x", "cells, the header"),
    "a key that stands already": ("{first},C-1,5.00,USD,2026-01-31,again", "has this key already"),
}


@pytest.fixture(scope="module")
def company(module_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse whose tenant alpha has the parents that the good rows refer to: C-1, P-1 and R-1."""
    folder = tmp_path_factory.mktemp("parents")
    (folder / "customers.csv").write_text("customer_key,name,customer_type\nC-1,One,Banner\n")
    (folder / "products.csv").write_text("product_key,name\nP-1,One\n")
    (folder / "sales_reps.csv").write_text("rep_key,name,role\nR-1,Rep,AE\n")
    extract_files(module_warehouse, "alpha", folder, "parents")
    return module_warehouse


def _csv(rows: list[dict[str, str]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(
        out, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _expect_one_reject(wh: Warehouse, folder: Path, run: str, column: str | None, reason: str) -> dict:
    """Load `folder`; 100 rows load, one is refused with `reason`, and a second load changes nothing."""
    summary = extract_files(wh, "alpha", folder, run)
    (load,) = summary.loads
    assert (load.rows_read, load.rows_loaded, load.rows_rejected) == (GOOD + 1, GOOD, 1), summary.lines()
    with wh.pipeline() as conn:
        ((found_column, found_reason, expected, number, raw),) = conn.execute(
            "SELECT column_name, reason, expected, row_number, raw_row FROM staging.rejects"
            " WHERE tenant_id = 'alpha' AND run_id = %s",
            (run,),
        ).fetchall()
    assert reason in found_reason
    assert expected and number and raw is not None
    if column is not None:
        assert column in found_column
    again = extract_files(wh, "alpha", folder, f"{run}-again")
    (load,) = again.loads
    assert (load.rows_loaded, load.rows_unchanged, load.rows_rejected) == (0, GOOD, 1)
    return raw


@pytest.mark.parametrize("case", CELLS)
def test_a_bad_cell_costs_one_row(company: Warehouse, tmp_path: Path, case: str) -> None:
    contract, column, text, reason = CELLS[case]
    tag = f"cell{list(CELLS).index(case)}"
    rows = [_good_row(contract, tag, n) for n in range(GOOD)]
    bad = {
        **_good_row(contract, tag, 150),
        **({"calendar": f"{tag}-bad"} if contract == "fiscal_periods" else {}),
    }
    rows.insert(PLACE, {**bad, column: text})
    (tmp_path / f"{contract}_{tag}.csv").write_text(_csv(rows), newline="")
    _expect_one_reject(company, tmp_path, tag, column if "side" not in reason else None, reason)


@pytest.mark.parametrize("case", LINES)
def test_a_broken_line_costs_one_row(company: Warehouse, tmp_path: Path, case: str) -> None:
    line, reason = LINES[case]
    tag = f"line{list(LINES).index(case)}"
    lines = _csv([_good_row("deductions", tag, n) for n in range(GOOD)]).splitlines()
    bad = line.replace("{key}", f"{tag}-bad").replace("{first}", f"{tag}-0000")
    lines.insert(PLACE, bad)
    (tmp_path / f"deductions_{tag}.csv").write_text("\n".join(lines) + "\n")
    _expect_one_reject(company, tmp_path, tag, None, reason)


def _sets() -> dict[str, tuple[str, Callable[[str], dict[str, str]], str]]:
    return {
        "own parent": (
            "customers",
            lambda tag: {**_good_row("customers", tag, 150), "parent_customer_key": f"{tag}-0150"},
            "cycle",
        ),
        "same row twice": ("customers", lambda tag: _good_row("customers", tag, 0), "exactly"),
        "overlapping quota window": (
            "quotas",
            lambda tag: {
                **_good_row("quotas", tag, 0),
                "period_start": "2026-03-31",
                "period_end": "2026-07-01",
            },
            "overlaps 2026-01-01",
        ),
        "overlapping fiscal period": (
            "fiscal_periods",
            lambda tag: {
                **_good_row("fiscal_periods", tag, 0),
                "period": "2",
                "start_date": "2000-12-31",
                "end_date": "2000-12-31",
            },
            "overlaps 2000-01-01",
        ),
    }


@pytest.mark.parametrize("case", _sets())
def test_a_row_at_odds_with_others_costs_one_row(company: Warehouse, tmp_path: Path, case: str) -> None:
    contract, make, reason = _sets()[case]
    tag = f"set{list(_sets()).index(case)}"
    rows = [_good_row(contract, tag, n) for n in range(GOOD)]
    # The later row in the file is the refused one, so the bad row stands last.
    (tmp_path / f"{contract}_{tag}.csv").write_text(_csv([*rows, make(tag)]))
    _expect_one_reject(company, tmp_path, tag, None, reason)


#: id: (column, value in the cell, part of the reason)
SHEET_CELLS: dict[str, tuple[str, object, str]] = {
    "money of a division": ("amount", 1 / 3, "15 digits"),
    "money of 17 digits": ("amount", 12345678901234.567, "15 digits"),
    "money is true": ("amount", True, "not a number"),
    "money is an error value": ("amount", "#REF!", "error value"),
    "money is a formula without result": ("amount", "=A1*2", "without its result"),
    "date is a year": ("posting_date", 2026, "no day"),
    "date with time of day": ("posting_date", datetime.fromisoformat("2026-01-31T10:15"), "time of day"),
    "date is a time": ("posting_date", time(10, 15), "time of day"),
    "key of 17 digits": ("deduction_key", 12345678901234567, "15 digits"),
}


@pytest.mark.parametrize("case", SHEET_CELLS)
def test_a_bad_spreadsheet_cell_costs_one_row(company: Warehouse, tmp_path: Path, case: str) -> None:
    column, value, reason = SHEET_CELLS[case]
    tag = f"xlsx{list(SHEET_CELLS).index(case)}"
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "deductions"
    rows = [_good_row("deductions", tag, n) for n in range(GOOD)]
    rows.insert(PLACE, {**_good_row("deductions", tag, 150), column: value})
    sheet.append(list(rows[0]))
    for row in rows:
        typed = {**row}
        if row[column] is not value:
            typed["amount"] = float(row["amount"])
            typed["posting_date"] = datetime.fromisoformat(row["posting_date"])
        sheet.append(list(typed.values()))
    if value == "#REF!":
        sheet.cell(PLACE + 2, list(rows[0]).index(column) + 1).data_type = "e"
    book.save(tmp_path / f"{tag}.xlsx")
    _expect_one_reject(company, tmp_path, tag, column, reason)


def test_a_parquet_float_with_noise_costs_one_row(company: Warehouse, tmp_path: Path) -> None:
    rows = [_good_row("deductions", "parquet", n) for n in range(GOOD)]
    rows.insert(PLACE, {**_good_row("deductions", "parquet", 150), "amount": "0.30000000000000004"})
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    columns["amount"] = [float(text) for text in columns["amount"]]
    columns["posting_date"] = [date.fromisoformat(text) for text in columns["posting_date"]]
    pq.write_table(pa.table(columns), tmp_path / "deductions.parquet")
    _expect_one_reject(company, tmp_path, "parquet", "amount", "15 digits")


@pytest.mark.parametrize(
    ("contract", "column"),
    [("promotions", "scan_end"), ("fiscal_periods", "end_date"), ("deductions", "dispute_deadline")],
)
def test_what_is_valid_for_good_has_an_open_end(
    company: Warehouse, tmp_path: Path, contract: str, column: str
) -> None:
    row = {**_good_row(contract, f"open-{column}", 1), column: "9999-12-31"}
    (tmp_path / f"{contract}.csv").write_text(_csv([row]))
    (load,) = extract_files(company, "alpha", tmp_path, f"open-{contract}").loads
    assert (load.rows_loaded, load.rows_rejected) == (1, 0), load


def test_dates_of_what_happened_are_marked() -> None:
    """Every required date is the day of something, the first day of something, or the end of a period."""
    starts_and_ends = {"effective_date", "start_date", "end_date", "period_start", "period_end"}
    for contract in BY_NAME.values():
        for column in contract.columns:
            if column.type == "date" and column.required:
                assert column.is_event is (column.name not in starts_and_ends), (contract.name, column.name)


def test_there_are_enough_cases() -> None:
    assert len(CELLS) + len(LINES) + len(_sets()) + len(SHEET_CELLS) >= 60
    assert {contract for contract, *_ in CELLS.values()} <= set(BY_NAME)


def test_amounts_of_refused_rows_are_counted(company: Warehouse, tmp_path: Path) -> None:
    """A row refused for its date keeps its amount in the sums: read = loaded + unchanged + rejected."""
    rows = [_good_row("deductions", "sums", n) for n in range(GOOD)]
    rows.append({**_good_row("deductions", "sums", 150), "posting_date": "never", "amount": "77.7777"})
    (tmp_path / "deductions_1.csv").write_text(_csv(rows))
    (load,) = extract_files(company, "alpha", tmp_path, "sums").loads
    assert load.amount_rejected == Decimal("77.7777")
    assert load.amount_read == load.amount_loaded + load.amount_rejected
