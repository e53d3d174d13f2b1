"""Bad rows planted among the good ones, a handful of files, so that a run has something to refuse.

Every planted row is an extra row no other row depends on: refusing it changes nothing else.
"""

from __future__ import annotations

from include.sandbox.world_files import text
from include.sandbox.world_shape import PlantedRow, Table


def plant(tables: dict[str, Table]) -> tuple[PlantedRow, ...]:
    """The planted rows of a company, each a copy of a good row with one thing wrong."""
    found: list[PlantedRow] = []

    def spoil(contract: str, at: float, column: str, value: str, reason: str, **other: str) -> None:
        table = tables[contract]
        taken = {row.after for row in found if row.contract == contract}
        after = next(
            n for n in range(max(1, int(len(table.rows) * at)), len(table.rows) + 1) if n not in taken
        )
        cells = dict(zip(table.columns, map(text, table.rows[after - 1]), strict=True))
        cells |= {**other, column: value}
        found.append(PlantedRow(contract, after, cells, column, value, reason))

    spoil("deductions", 0.2, "customer_key", "B99-07", "orphan", deduction_key="DED-900001", reversal_of="")
    spoil(
        "deductions",
        0.5,
        "posting_date",
        "2026-13-45",
        "bad_date",
        deduction_key="DED-900002",
        reversal_of="",
    )
    spoil(
        "invoices",
        0.3,
        "units_shipped",
        "minus twelve",
        "not_a_number",
        invoice_key="INV-BAD-1",
        line_number="1",
    )
    spoil("invoices", 0.6, "invoice_key", "", "duplicate_key")
    spoil("promotions", 0.4, "name", "", "missing_required", promotion_key="PR-9001", promotion_id="")
    spoil("sales_credits", 0.5, "rep_key", "E9999", "orphan", credit_key="CR-900001")
    spoil(
        "quotas",
        0.5,
        "quota_amount",
        "",
        "missing_required",
        period_start="2030-01-01",
        period_end="2030-04-01",
    )
    spoil("pos_sales", 0.1, "units_sold", "(14)x", "not_a_number", sale_date="2025-08-30")
    spoil("pos_sales", 0.7, "sale_date", "31/10/2026", "bad_date")
    return tuple(_repeat(row, tables) if row.reason == "duplicate_key" else row for row in found)


def _repeat(row: PlantedRow, tables: dict[str, Table]) -> PlantedRow:
    """A second row under the key of the row before it, with another amount."""
    table = tables[row.contract]
    cells = dict(zip(table.columns, map(text, table.rows[row.after - 1]), strict=True)) | {
        "net_amount": "1.00"
    }
    return PlantedRow(row.contract, row.after, cells, row.column, cells[row.column], row.reason)


def listing(planted: tuple[PlantedRow, ...], files: dict[str, str]) -> Table:
    """truth/planted_rejects: `row_number` is the line of the file, its header being line 1."""
    rows = []
    for row in planted:
        before = sum(1 for other in planted if other.contract == row.contract and other.after < row.after)
        line = row.after + before + 2
        rows.append((row.contract, files[row.contract], line, row.column, row.found, row.reason))
    return Table(("contract", "file", "row_number", "column_name", "found", "reason"), rows)
