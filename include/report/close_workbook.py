"""The month end of one fiscal period as a workbook: checklist, roll-forward, statements, adjustments, history."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import xlsxwriter

from include.close.checklist import BY_NAME
from include.report.queue import FORMATS, Column, Rows, add_sheet

_CHECKLIST = (
    Column("title", "Check", 46, "words"),
    Column("currency", "Currency", 9),
    Column("status", "Result", 14),
    Column("must_tie", "Must tie", 9),
    Column("expected_amount", "Expected", 17, "money"),
    Column("found_amount", "Found", 17, "money"),
    Column("difference_amount", "Difference", 15, "money"),
    Column("broken_count", "Items", 8, "days"),
    Column("detail", "Detail", 70, "words"),
    Column("signed_by", "Signed by", 18),
    Column("signed_on", "Signed on", 12, "date"),
)
_ROLL_FORWARD = (
    Column("promotion_key", "Promotion", 16),
    Column("promotion_name", "Name", 34),
    Column("accrual_account_code", "Account", 10),
    Column("currency", "Currency", 9),
    Column("opening_amount", "Opening", 15, "money"),
    Column("accrued_amount", "Accrued", 15, "money"),
    Column("reversed_amount", "Reversed", 15, "money"),
    Column("released_amount", "Released", 15, "money"),
    Column("closing_amount", "Closing", 15, "money"),
    Column("days_since_window_end", "Days since the window", 11, "days"),
    Column("running_amount", "Still running", 14, "money"),
    Column("days_0_30_amount", "0-30 days", 14, "money"),
    Column("days_31_60_amount", "31-60 days", 14, "money"),
    Column("days_61_90_amount", "61-90 days", 14, "money"),
    Column("days_over_90_amount", "Over 90 days", 14, "money"),
)
_TRIAL_BALANCE = (
    Column("company_code", "Company", 12),
    Column("line", "Account", 12),
    Column("section", "Category", 16),
    Column("currency", "Currency", 9),
    Column("opening", "Opening", 17, "money"),
    Column("debit", "Debit", 17, "money"),
    Column("credit", "Credit", 17, "money"),
    Column("amount", "Closing", 17, "money"),
)
_STATEMENTS = (
    Column("statement", "Statement", 18),
    Column("company_code", "Company", 12),
    Column("section", "Section", 16),
    Column("line", "Line", 40),
    Column("currency", "Currency", 9),
    Column("amount", "Amount", 17, "money"),
)
_ADJUSTMENTS = (
    Column("event", "Event", 22),
    Column("belongs_to", "Belongs to", 12),
    Column("original_posting_date", "Dated", 12, "date"),
    Column("posting_date", "Posted on", 12, "date"),
    Column("promotion_key", "Promotion", 18),
    Column("currency", "Currency", 9),
    Column("amount", "Amount", 15, "money"),
    Column("journal_id", "Journal", 38),
)
_HISTORY = (
    Column("generation", "Generation", 11, "days"),
    Column("event", "Event", 12),
    Column("as_of", "Business date", 14, "date"),
    Column("decided_by", "By", 20),
    Column("reason", "Reason", 60, "words"),
    Column("input_hash", "Hash of the contents", 66),
    Column("statements_hash", "Hash of the statements", 66),
)


def write_close(path: Path, *, name: str, state: str, as_of: date, sheets: dict[str, Rows]) -> None:
    """Write the workbook of period `name`; the same rows give the same bytes. Text from data never becomes a formula."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    checks = [
        row | {"title": BY_NAME[row["check_name"]].title, "must_tie": "yes" if row["is_blocking"] else ""}
        for row in sheets["checklist"]
    ]
    open_ones = sum(row["status"] == "not_tied" for row in checks)
    with xlsxwriter.Workbook(path, options) as book:
        created = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
        book.set_properties({"title": f"Close of {name}", "created": created})
        formats = {kind: book.add_format(values) for kind, values in FORMATS.items()}
        head = f"Period {name}: {state}, {len(checks)} lines, {open_ones} not tied"
        add_sheet(book, formats, "Checklist", head, _CHECKLIST, checks)
        note = f"Accrued liability by promotion in {name}: opening + accrued + reversed + released = closing"
        add_sheet(book, formats, "Roll-forward", note, _ROLL_FORWARD, sheets["roll_forward"], frozen=2)
        frozen = "as frozen when the period was closed" if sheets["trial_balance"] else "not frozen"
        add_sheet(
            book,
            formats,
            "Trial balance",
            f"{name}, {frozen}",
            _TRIAL_BALANCE,
            sheets["trial_balance"],
            frozen=2,
        )
        add_sheet(book, formats, "Statements", f"{name}, {frozen}", _STATEMENTS, sheets["statements"])
        note = "Postings of closed periods that landed later: in this period, or belonging to it"
        add_sheet(book, formats, "Adjustments", note, _ADJUSTMENTS, sheets["adjustments"])
        add_sheet(
            book,
            formats,
            "History",
            f"Every close, signature and reopening of {name}",
            _HISTORY,
            sheets["history"],
        )
