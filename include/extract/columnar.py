"""Reads .parquet, batch by batch; values become the text a CSV of them would hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from include.extract.manifest import Stream
from include.extract.rows import BATCH_ROWS, Batch, Cell, FileRefused, Layout, Unreadable
from include.extract.spreadsheet import DIGITS, plain_number

MAX_ROW_GROUP = 4 << 30


class ParquetFile:
    """A parquet file as a reader of batches. Row numbers count from 1."""

    def __init__(self, path: Path, stream: Stream):
        self._path = path
        try:
            self._file = pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise self._refused(str(error)) from error
        metadata = self._file.metadata
        for group in range(metadata.num_row_groups):
            if metadata.row_group(group).total_byte_size > MAX_ROW_GROUP:
                raise self._refused(f"row group {group} of {metadata.row_group(group).total_byte_size} bytes")
        self.layout = Layout.of(self._file.schema_arrow.names, stream)
        self._types = [self.layout.type_at(n, stream) for n in range(len(self.layout.header))]
        self.notes: dict[str, object] = {}

    def batches(self) -> Iterator[Batch]:
        """The rows in file order."""
        number = 0
        try:
            for part in self._file.iter_batches(batch_size=BATCH_ROWS):
                columns = [_column(part.column(n), type) for n, type in enumerate(self._types)]
                rows = list(zip(*columns, strict=True))
                yield Batch(list(range(number + 1, number + 1 + len(rows))), rows)
                number += len(rows)
        except (OSError, pa.ArrowException) as error:
            raise self._refused(str(error)) from error

    def _refused(self, got: str) -> FileRefused:
        return FileRefused(
            where=self._path.name,
            expected="a readable parquet file",
            got=got,
            remedy="write the file again, or send it as .csv",
        )


def _column(values: pa.Array, type: str) -> list[Cell]:
    known: dict[object, Cell] = {}
    out = []
    for value in values.to_pylist():
        try:
            # True equals 1 as a key: one column has one Arrow type, so the two never meet.
            out.append(known[value])
        except KeyError:
            out.append(known.setdefault(value, _text(value, type)))
        except TypeError:
            out.append(_text(value, type))
    return out


def _text(value: object, type: str) -> Cell:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return format(value, "f") if value.is_finite() else str(value)
        case float():
            return _float_text(value, type)
        case datetime():
            return _moment_text(value, type)
        case date():
            return value.isoformat()
        case dict() | list():
            return json.dumps(value, default=str)
    return Unreadable(repr(value)[:200], "a value of the column's type", f"a {value.__class__.__name__} cell")


def _float_text(value: float, type: str) -> Cell:
    if value != value:
        return "NaN"
    text = format(Decimal(repr(value)), "f") if type == "rate" and abs(value) < 1e9 else plain_number(value)
    if text is None:
        return Unreadable(
            repr(value),
            f"at most {DIGITS} digits",
            "a binary float keeps 15 digits; write the column as decimal",
        )
    return text.removesuffix(".0") if type == "text" else text


def _moment_text(value: datetime, type: str) -> str:
    moment = value.astimezone(UTC) if value.tzinfo else value
    if type == "date" and moment.time().isoformat() == "00:00:00":
        return moment.date().isoformat()
    return moment.isoformat(timespec="microseconds")
