"""The close workbook read back: every sheet, amounts as numbers with their format, columns wide enough to read."""

from __future__ import annotations

import openpyxl

from include.flows.close_report import write_workbooks
from tests.close_marts import account, put
from tests.unit.test_close_flow import LATER, close, settle


def test_the_workbook_says_what_was_closed(warehouse, tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_OUTPUT", str(tmp_path))
    settle(warehouse)
    for code, closing in (("1000", "50"), ("4000", "-50")):
        account(warehouse, "alpha", code, closing)
    line = {
        "fiscal_year": 2026,
        "fiscal_period": 9,
        "company_code": "A",
        "currency": "USD",
        "section": "assets",
    }
    put(warehouse, "alpha", "finance.balance_sheet", **line, statement_line="=Cash", amount=50)
    roll = {
        "promotion_key": "P1",
        "currency": "USD",
        "fiscal_year": 2026,
        "fiscal_period": 9,
        "closing_amount": 6000,
    }
    put(warehouse, "alpha", "analytics.accrual_roll_forward", **roll)
    assert close(warehouse).closed == ["2026-09"]
    (path,) = write_workbooks(warehouse, "alpha", LATER, ["2026-09", "2019-01"])
    assert path.name == "close_2026_09.xlsx"
    first = path.read_bytes()
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == [
        "Checklist",
        "Roll-forward",
        "Trial balance",
        "Statements",
        "Adjustments",
        "History",
    ]
    checks = book["Checklist"]
    assert checks["A1"].value == "Period 2026-09: closed, 14 lines, 0 not tied"
    assert checks["A3"].value == "Deductions delivered up to the period's end = claims"
    assert (checks["E3"].value, checks["E3"].number_format) == (5600, "#,##0.00;[Red]-#,##0.00")
    assert checks.column_dimensions["I"].width > 60
    assert book["Trial balance"]["H3"].value == 50
    assert (book["Statements"]["D3"].value, book["Statements"]["D3"].data_type) == ("=Cash", "s")
    assert book["Roll-forward"]["I3"].value == 6000
    assert book["History"]["B3"].value == "closed"
    write_workbooks(warehouse, "alpha", LATER, ["2026-09"])
    assert path.read_bytes() == first
