"""The deduction work queue as a workbook that an analyst sorts and filters; one function a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import xlsxwriter

from include.report.decision_sheet import add_decisions

Rows = Sequence[dict[str, object]]

#: More digits than a spreadsheet's double holds are written as text.
_EXACT_DIGITS = 15
FORMATS = {
    "head": {
        "bold": True, "bg_color": "#1F3A5F", "font_color": "#FFFFFF", "border": 1, "text_wrap": True, "valign": "vcenter",
    },
    "money": {"num_format": "#,##0.00;[Red]-#,##0.00", "valign": "top"},
    "score": {"num_format": "0.00", "valign": "top"},
    "days": {"num_format": "0;[Red]-0", "valign": "top"},
    "date": {"num_format": "yyyy-mm-dd", "valign": "top"},
    "text": {"valign": "top"},
    "words": {"valign": "top", "text_wrap": True},
    "note": {"italic": True, "font_color": "#555555"},
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """One column of a sheet: the row's field, its title, width in characters, and how its values are shown."""

    field: str
    title: str
    width: int
    kind: str = "text"


QUEUE = (
    Column("queue_position", "No.", 6, "days"),
    Column("claim", "Claim", 16),
    Column("customer_name", "Customer", 26),
    Column("currency", "Currency", 9),
    Column("value_amount", "Value at stake", 14, "money"),
    Column("age_days", "Age, days", 8, "days"),
    Column("age_band", "Ageing", 9),
    Column("days_to_dispute", "Days left to dispute", 11, "days"),
    Column("dispute_deadline", "Dispute by", 12, "date"),
    Column("outcome", "Outcome", 26),
    Column("reason", "Why it waits", 52, "words"),
    Column("proposed_action", "Proposed action", 34, "words"),
    Column("proposal", "Proposed amounts", 34, "words"),
    Column("promotion_key", "Best promotion", 18),
    Column("promotion_name", "Its name", 26),
    Column("best_score", "Score", 8, "score"),
    Column("lead_over_second", "Lead", 8, "score"),
    Column("why", "Why it is first", 46, "words"),
    Column("runner_up_key", "Runner-up", 18),
    Column("runner_up_score", "Its score", 8, "score"),
    Column("runner_up_why", "Why it is behind", 46, "words"),
    Column("amount", "Deducted", 13, "money"),
    Column("amount_open", "Open", 13, "money"),
    Column("amount_disputed", "Disputed", 13, "money"),
    Column("posting_date", "Posted", 12, "date"),
    Column("reason_code_normalized", "Reason code", 13),
)


KPIS = (
    Column("scope", "Scope", 10),
    Column("what", "What", 26),
    Column("currency", "Currency", 9),
    Column("deduction_count", "Deductions", 11, "days"),
    Column("deducted_amount", "Deducted", 15, "money"),
    Column("open_amount", "Open", 14, "money"),
    Column("settled_amount", "Settled", 14, "money"),
    Column("non_trade_amount", "Non-trade", 14, "money"),
    Column("disputed_amount", "Disputed", 14, "money"),
    Column("recovered_amount", "Charge-backs recovered", 14, "money"),
    Column("repaid_amount", "Repaid, not charged back", 14, "money"),
    Column("written_off_amount", "Written off", 14, "money"),
    Column("auto_clear_pct", "Auto-cleared, %", 12, "score"),
    Column("dispute_pct", "Dispute rate, %", 12, "score"),
    Column("recovery_pct", "Recovery rate, %", 12, "score"),
    Column("write_off_pct", "Write-off, %", 12, "score"),
    Column("days_deductions_outstanding", "Days outstanding", 12, "score"),
    Column("open_0_30_amount", "Open 0-30 days", 14, "money"),
    Column("open_31_60_amount", "Open 31-60", 14, "money"),
    Column("open_61_90_amount", "Open 61-90", 14, "money"),
    Column("open_over_90_amount", "Open > 90", 14, "money"),
    Column("unmapped_reason_code_count", "Unmapped codes", 10, "days"),
    Column("remittance_count", "Remittances", 11, "days"),
    Column("untied_remittance_count", "Not tied", 9, "days"),
    Column("differential_amount", "Differential", 14, "money"),
)


def write_queue(path: Path, as_of: date, *, queue: Rows, kpis: Rows = ()) -> None:
    """Write the workbook to `path`; the same rows give the same bytes. Text from data never becomes a formula."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(path, options) as book:
        created = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
        book.set_properties({"title": "Deduction work queue", "created": created})
        formats = {name: book.add_format(values) for name, values in FORMATS.items()}
        add_queue(book, formats, queue, as_of)
        add_decisions(book, formats, queue, as_of)
        add_sheet(book, formats, "KPIs", "A rate without anything to measure is empty", KPIS, kpis, frozen=2)


def add_queue(book: xlsxwriter.Workbook, formats: dict, rows: Rows, as_of: date) -> None:
    """The sheet of what waits for a decision, the largest and oldest first."""
    note = f"As of {as_of}: {len(rows)} claims wait for a decision"
    add_sheet(book, formats, "Queue", note, QUEUE, rows, frozen=3)


def add_sheet(
    book: xlsxwriter.Workbook,
    formats: dict,
    name: str,
    note: str,
    columns: Sequence[Column],
    rows: Rows,
    *,
    frozen: int = 1,
) -> None:
    """One sheet: a note, a header with a filter that stays in sight with the first `frozen` columns, the rows."""
    sheet = book.add_worksheet(name)
    sheet.write_string(0, 0, note, formats["note"])
    sheet.set_row(1, 30)
    for position, column in enumerate(columns):
        sheet.set_column(position, position, column.width)
        sheet.write_string(1, position, column.title, formats["head"])
    for line, row in enumerate(rows, start=2):
        for position, column in enumerate(columns):
            _write(sheet, line, position, row[column.field], formats[column.kind])
    sheet.freeze_panes(2, frozen)
    sheet.autofilter(1, 0, max(len(rows) + 1, 2), len(columns) - 1)
    sheet.set_landscape()
    sheet.repeat_rows(1)
    sheet.fit_to_pages(1, 0)


def _write(sheet, line: int, position: int, value: object, shown) -> None:
    if value is None:
        return
    if isinstance(value, Decimal):
        if len(value.as_tuple().digits) > _EXACT_DIGITS:
            sheet.write_string(line, position, format(value, "f"), shown)
        else:
            sheet.write_number(line, position, float(value), shown)
    elif isinstance(value, date):
        sheet.write_datetime(line, position, value, shown)
    elif isinstance(value, int):
        sheet.write_number(line, position, value, shown)
    else:
        sheet.write_string(line, position, str(value), shown)
