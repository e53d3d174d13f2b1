"""Writes a company to disk: contract files for the inbox, CRM records and the truth for the sandbox's state folder.

Every byte follows from the company: gzip without a time, workbooks with a fixed creation date, rows in order.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from include.extract.contracts import BY_NAME
from include.sandbox.world_shape import Cell, PlantedRow, Table, World

GZIPPED = ("pos_sales",)
WORKBOOK = ("funds",)
PARQUET = ("price_lists",)
CREATED = datetime(2026, 10, 31, 12, tzinfo=UTC)
ARROW = {
    "money": pa.decimal128(19, 4), "units": pa.decimal128(19, 4), "rate": pa.decimal128(18, 9), "integer": pa.int64(),
    "date": pa.date32(), "boolean": pa.bool_(),
}  # fmt: skip


def text(cell: Cell) -> str:
    """A cell as contract text: ISO dates, plain decimals, true/false, empty for null."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def file_name(contract: str) -> str:
    """The file a contract is written to."""
    suffix = (
        "csv.gz"
        if contract in GZIPPED
        else "xlsx"
        if contract in WORKBOOK
        else "parquet"
        if contract in PARQUET
        else "csv"
    )
    return f"{contract}.{suffix}"


def csv_bytes(table: Table, planted: list[PlantedRow]) -> bytes:
    """The table as CSV with `planted` rows in their places; line feeds, quotes where needed."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(table.columns)
    bad = {row.after: row for row in planted}
    for number, row in enumerate(table.rows, start=1):
        writer.writerow([text(cell) for cell in row])
        if number in bad:
            writer.writerow([bad[number].cells.get(column, "") for column in table.columns])
    return buffer.getvalue().encode()


def _workbook(path: Path, name: str, table: Table) -> None:
    book = xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd"})
    book.set_properties({"created": CREATED})
    sheet = book.add_worksheet(name)
    sheet.write_row(0, 0, table.columns)
    for r, row in enumerate(table.rows, start=1):
        for c, cell in enumerate(row):
            if isinstance(cell, date):
                sheet.write_datetime(r, c, datetime.combine(cell, time()))
            elif cell is not None:
                sheet.write(r, c, cell)
    book.close()


def _parquet(path: Path, name: str, table: Table) -> None:
    fields = [pa.field(c, ARROW.get(BY_NAME[name].column(c).type, pa.string())) for c in table.columns]
    arrays = [pa.array(table.column(f.name), type=f.type) for f in fields]
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path)


def write(world: World, inbox: Path, state: Path) -> int:
    """Write one company under `inbox`/<tenant> and `state`/sandbox/world/<tenant>; files that exist are replaced.

    Returns the number of files written.
    """
    folder, home = inbox / world.tenant, state / "sandbox" / "world" / world.tenant
    for each in (folder, home / "salesforce", home / "netsuite", home / "truth"):
        each.mkdir(parents=True, exist_ok=True)
    for name, table in world.tables.items():
        planted = [row for row in world.planted if row.contract == name]
        path = folder / file_name(name)
        if name in WORKBOOK:
            _workbook(path, name, table)
        elif name in PARQUET:
            _parquet(path, name, table)
        elif name in GZIPPED:
            path.write_bytes(gzip.compress(csv_bytes(table, planted), compresslevel=6, mtime=0))
        else:
            path.write_bytes(csv_bytes(table, planted))
    for system, objects in (("salesforce", world.salesforce), ("netsuite", world.netsuite)):
        for name, records in objects.items():
            body = ",\n".join(json.dumps(r, ensure_ascii=False) for r in records)
            (home / system / f"{name}.json").write_text(f"[\n{body}\n]\n", encoding="utf-8")
    for name, table in world.truth.items():
        (home / "truth" / f"{name}.csv").write_bytes(csv_bytes(table, []))
    return len(world.tables) + len(world.salesforce) + len(world.netsuite) + len(world.truth)
