"""Reads a sheet of an .xlsx: what the cell holds, not what it looks like, and never a guess about money.

A spreadsheet keeps 15 significant digits. An amount that needs more is refused, as is an error value and a
formula that was saved without its result.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.utils.datetime import from_excel

from include.extract.manifest import Stream
from include.extract.rows import BATCH_ROWS, Batch, Broken, Cell, FileRefused, Layout, Unreadable

DIGITS = 15
MAX_UNPACKED = 2 << 30
MAX_SWELL = 200
SWELL_FREE = 50 << 20
#: Day numbers a date cell without a date format is taken for: 1954 to 2119. A year typed as a number is not one.
_SERIALS = range(20_000, 80_001)


def sheet_names(path: Path) -> list[str]:
    """Names of the sheets; raises FileRefused when the file is no workbook or would swell beyond reason."""
    _refuse_bomb(path)
    workbook = _open(path, values=True)
    try:
        return list(workbook.sheetnames)
    finally:
        workbook.close()


class Sheet:
    """One sheet as a reader of batches; opening it reads the header."""

    def __init__(self, path: Path, sheet: str, stream: Stream):
        _refuse_bomb(path)
        self._path, self._sheet, self._stream = path, sheet, stream
        self._values = _open(path, values=True)
        self._formulas = _open(path, values=False)
        self._rows = self._pairs()
        self._number = 0
        self._blank = 0
        self.notes: dict[str, object] = {}
        self.layout = Layout.of(self._header(), stream)
        self._types = [self.layout.type_at(n, stream) for n in range(len(self.layout.header))]

    def batches(self) -> Iterator[Batch]:
        """The rows in order; row numbers are the sheet's."""
        batch = Batch()
        width = len(self._types)
        for cells, formulas in self._rows:
            self._number += 1
            row = [
                self._text(n, *pair)
                for n, pair in enumerate(zip(cells[:width], formulas[:width], strict=False))
            ]
            row += [""] * (width - len(row))
            beyond = [cell.value for cell in cells[width:] if cell.value not in (None, "")]
            if beyond:
                batch.broken.append(
                    Broken(
                        self._number,
                        None,
                        str(beyond[0]),
                        f"a row of {width} cells",
                        "a value beyond the last header",
                    )
                )
            elif any(row):
                batch.numbers.append(self._number)
                batch.rows.append(row)
            else:
                self._blank += 1
            if len(batch.rows) + len(batch.broken) >= BATCH_ROWS:
                yield batch
                batch = Batch()
        yield batch
        self._values.close()
        self._formulas.close()
        if self._blank:
            self.notes["blank_rows"] = self._blank

    def _pairs(self) -> Iterator[tuple[tuple[ReadOnlyCell, ...], tuple[ReadOnlyCell, ...]]]:
        """Each row twice: its values, and the formulas behind them."""
        try:
            yield from zip(
                self._values[self._sheet].iter_rows(), self._formulas[self._sheet].iter_rows(), strict=False
            )
        except Exception as error:  # openpyxl raises a dozen unrelated kinds for a damaged sheet
            raise _refused(self._path, "a readable sheet", f"{error.__class__.__name__}: {error}") from error

    def _header(self) -> list[str]:
        for cells, _ in self._rows:
            self._number += 1
            header = ["" if cell.value is None else str(cell.value) for cell in cells]
            while header and not header[-1].strip():
                header.pop()
            if header:
                return header
        raise FileRefused(
            where=f"{self._path.name} · {self._sheet}",
            expected="a header row",
            got="an empty sheet",
            remedy="fill the template of the contract, or leave the sheet out",
        )

    def _text(self, place: int, cell: ReadOnlyCell, formula: ReadOnlyCell) -> Cell:
        if cell.value is None:
            if formula.value is None:
                return ""
            return Unreadable(
                str(formula.value), "a value", "a formula saved without its result; save it as a value"
            )
        if cell.data_type == "e":
            return Unreadable(str(cell.value), "a value", "the cell holds an error value")
        return cell_text(
            cell.value, self._types[place], self._values.epoch, getattr(cell, "number_format", "") or ""
        )


def cell_text(value: object, type: str, epoch: datetime, number_format: str = "") -> Cell:
    """A spreadsheet value as the text a CSV of it would hold, given the declared type of its column."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return _moment_text(value, type)
    if isinstance(value, time | timedelta):
        return Unreadable(str(value), "a value of the column's type", "the cell holds a time of day")
    if isinstance(value, int | float):
        return _number_text(value, type, epoch, number_format)
    return Unreadable(
        str(value), "a value of the column's type", f"the cell holds a {value.__class__.__name__}"
    )


def plain_number(value: float) -> str | None:
    """The shortest decimal text of a binary float, or None when it needs more digits than a float keeps."""
    shortest = Decimal(repr(value))
    if not shortest.is_finite() or len(shortest.normalize().as_tuple().digits) > DIGITS:
        return None
    return format(shortest, "f")


def _number_text(value: float, type: str, epoch: datetime, number_format: str) -> Cell:
    if type in ("date", "timestamp"):
        if value not in _SERIALS:
            return Unreadable(str(value), "a date", "a number that is no day of a calendar")
        return _moment_text(from_excel(value, epoch), type)
    if isinstance(value, int):
        text = str(value) if len(str(abs(value))) <= DIGITS else None
    elif type == "rate":
        # Rates keep nine decimals anyway; money is never rounded on its way in.
        text = format(Decimal(repr(value)), "f")
    else:
        text = plain_number(value)
    if text is None:
        return Unreadable(
            repr(value),
            f"at most {DIGITS} digits",
            "a spreadsheet number keeps 15 digits; store the cell as text",
        )
    if type == "text":
        text = text.removesuffix(".0")
        if set(number_format) == {"0"} and text.isdigit():
            return text.zfill(len(number_format))
    return text


def _moment_text(value: date | datetime, type: str) -> Cell:
    if isinstance(value, datetime) and (type == "timestamp" or value.time() != time()):
        return value.isoformat()
    return value.strftime("%Y-%m-%d") if not isinstance(value, datetime) else value.date().isoformat()


def _open(path: Path, *, values: bool):
    try:
        return load_workbook(path, read_only=True, data_only=values)
    except Exception as error:  # openpyxl raises a dozen unrelated kinds for a damaged file
        raise _refused(path, "an .xlsx workbook", f"{error.__class__.__name__}: {error}") from error


def _refuse_bomb(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (OSError, zipfile.BadZipFile) as error:
        raise _refused(path, "an .xlsx workbook", str(error)) from error
    if unpacked > MAX_UNPACKED or (unpacked > SWELL_FREE and unpacked > path.stat().st_size * MAX_SWELL):
        raise _refused(
            path, f"at most {MAX_SWELL} times the size of the file unpacked", f"{unpacked} bytes unpacked"
        )


def _refused(path: Path, expected: str, got: str) -> FileRefused:
    return FileRefused(
        where=path.name, expected=expected, got=got, remedy="save the sheet as .csv and send that instead"
    )
