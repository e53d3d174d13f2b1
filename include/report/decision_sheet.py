"""The queue's sheet for decisions: a delivery of contract claim_decisions with the claims filled in.

The analyst fills action, reason, who and when, and drops the saved workbook (or the sheet) into the inbox: the
sheet is named as the contract, its first line is the contract's header, and rows left as they are do not load.
A claim that is split over promotions takes a row, and a decision key, for each part.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import xlsxwriter

from include.extract.contracts import BY_NAME

SHEET = "Claim decisions"
_CONTRACT = BY_NAME["claim_decisions"]
_WIDTHS = {"reason": 46, "decision_key": 30, "claim_key": 20, "promotion_key": 20, "decided_at": 20}


def add_decisions(
    book: xlsxwriter.Workbook, formats: dict, rows: Sequence[dict[str, object]], as_of: date
) -> None:
    """The sheet, one row per claim of the queue in its order."""
    sheet = book.add_worksheet(SHEET)
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    for position, column in enumerate(_CONTRACT.columns):
        shown = moment if column.type == "timestamp" else None
        sheet.set_column(position, position, _WIDTHS.get(column.name, 14), shown)
        sheet.write_string(0, position, column.name, formats["head"])
        if column.description or column.required:
            needed = "needed; " if column.required else ""
            sheet.write_comment(0, position, f"{needed}{column.description}".strip("; "))
        if column.allowed and rows:
            sheet.data_validation(
                1, position, len(rows), position, {"validate": "list", "source": list(column.allowed)}
            )
    place = {column.name: position for position, column in enumerate(_CONTRACT.columns)}
    for line, row in enumerate(rows, start=1):
        sheet.write_string(line, place["decision_key"], f"Q-{as_of}-{row['claim']}")
        sheet.write_string(line, place["claim_kind"], str(row["claim_kind"]))
        sheet.write_string(line, place["claim_key"], str(row["claim"]))
    sheet.freeze_panes(1, place["claim_key"] + 1)
