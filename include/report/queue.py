"""The deduction work queue as a workbook that an analyst sorts and filters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import xlsxwriter

_TITLES = {
    "claim": ("Claim", 16),
    "customer": ("Customer", 26),
    "currency": ("Currency", 9),
    "amount": ("Amount", 13),
    "amount_open": ("Open", 13),
    "amount_disputed": ("Disputed", 13),
    "posting_date": ("Posted", 11),
    "age_days": ("Age, days", 10),
    "ageing": ("Ageing", 9),
    "dispute_deadline": ("Deadline", 11),
    "days_to_deadline": ("Days left", 10),
    "reason_code_normalized": ("Reason", 13),
    "outcome": ("Outcome", 26),
    "reason": ("Why", 60),
    "best_candidate": ("Best candidate", 16),
    "best_score": ("Score", 8),
    "runner_up": ("Runner-up", 16),
    "runner_up_score": ("Score", 8),
    "proposed_action": ("Proposed action", 34),
}
#: More digits than a spreadsheet's double holds are written as text.
_EXACT_DIGITS = 15


def write_queue(rows: Sequence[dict[str, object]], path: Path, as_of: date) -> None:
    """Write the queue to `path`; the same rows give the same bytes. Text from data never becomes a formula."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(path, options) as book:
        book.set_properties(
            {
                "title": "Deduction work queue",
                "created": datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC),
            }
        )
        formats = {
            "head": book.add_format(
                {"bold": True, "bg_color": "#1F3A5F", "font_color": "#FFFFFF", "border": 1}
            ),
            "money": book.add_format({"num_format": "#,##0.00;[Red]-#,##0.00"}),
            "score": book.add_format({"num_format": "0.00"}),
            "date": book.add_format({"num_format": "yyyy-mm-dd"}),
            "note": book.add_format({"italic": True, "font_color": "#555555"}),
        }
        sheet = book.add_worksheet("queue")
        sheet.write_string(0, 0, f"As of {as_of}: {len(rows)} claims wait for a decision", formats["note"])
        for column, (title, width) in enumerate(_TITLES.values()):
            sheet.set_column(column, column, width)
            sheet.write_string(1, column, title, formats["head"])
        for line, row in enumerate(rows, start=2):
            for column, name in enumerate(_TITLES):
                _write(sheet, line, column, row[name], formats, is_score=name.endswith("score"))
        sheet.freeze_panes(2, 1)
        sheet.autofilter(1, 0, max(len(rows) + 1, 2), len(_TITLES) - 1)


def _write(sheet, line: int, column: int, value: object, formats: dict, *, is_score: bool) -> None:
    if value is None:
        return
    if isinstance(value, Decimal):
        if len(value.as_tuple().digits) > _EXACT_DIGITS:
            sheet.write_string(line, column, format(value, "f"))
        else:
            sheet.write_number(line, column, float(value), formats["score" if is_score else "money"])
    elif isinstance(value, date):
        sheet.write_datetime(line, column, value, formats["date"])
    elif isinstance(value, int):
        sheet.write_number(line, column, value)
    else:
        sheet.write_string(line, column, str(value))
