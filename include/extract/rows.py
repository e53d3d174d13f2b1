"""What a reader hands to the checks: batches of cells, rows it could not read, and which column is where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from include.errors import TradewindError
from include.extract.manifest import Stream

#: Rows per batch: large enough for column-wise work, small enough to stay flat in memory.
BATCH_ROWS = 5_000


class FileRefused(TradewindError):
    """A file that cannot be read at all; nothing of it was loaded."""


@dataclass(frozen=True)
class Unreadable:
    """A cell a reader could see but not turn into text without guessing."""

    found: str
    expected: str
    reason: str


Cell = str | Unreadable


@dataclass(frozen=True)
class Broken:
    """A row that has no cells to check: cut, ragged, or not CSV. `row_number` None means the whole file."""

    row_number: int | None
    raw: str | None
    found: str | None
    expected: str
    reason: str


@dataclass
class Batch:
    """Rows of equal width in file order with their row numbers, and the broken ones beside them."""

    numbers: list[int] = field(default_factory=list)
    rows: list[Sequence[Cell]] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)


class Reader(Protocol):
    """One open file or sheet. `notes` tells what the reader had to forgive, once all batches are read."""

    layout: Layout
    notes: dict[str, object]

    def batches(self) -> Iterator[Batch]:
        """The rows, once."""


@dataclass(frozen=True)
class Layout:
    """Where the columns of a stream stand in a file. Positions are 0-based.

    `absent` are required columns the file does not have; `repeated` are columns of the stream that stand in it
    twice, so that nobody can tell which is meant. Rows of such a file are all rejected, each with that reason.
    """

    header: tuple[str, ...]
    positions: dict[str, int]
    extras: dict[str, int]
    absent: tuple[str, ...]
    repeated: tuple[str, ...]

    @classmethod
    def of(cls, header: Sequence[str], stream: Stream) -> Layout:
        """The layout of a file with this header line; case, blanks and dashes in headers do not matter."""
        names = [header_name(text) for text in header]
        positions: dict[str, int] = {}
        extras: dict[str, int] = {}
        repeated = []
        known = set(stream.names)
        for place, name in enumerate(names):
            if name in known:
                if name in positions:
                    repeated.append(name)
                else:
                    positions[name] = place
            else:
                label = name or f"column_{place + 1}"
                while label in extras or label in known:
                    label += "_again"
                extras[label] = place
        absent = tuple(
            c.name for c in stream.columns if c.required and c.default is None and c.name not in positions
        )
        return cls(tuple(header), positions, extras, absent, tuple(dict.fromkeys(repeated)))

    def type_at(self, place: int, stream: Stream) -> str:
        """The declared type of the column at `place`; text for unknown columns."""
        for name, position in self.positions.items():
            if position == place:
                return stream.column(name).type
        return "text"


def used_rows(reader: Reader, stream: Stream) -> Iterator[Batch]:
    """The reader's batches without the lines of a template that nobody has used; `notes` counts those."""
    ours = {reader.layout.positions.get(name) for name in stream.prefilled}
    if not ours or None in ours:
        yield from reader.batches()
        return
    unused = 0
    for batch in reader.batches():
        kept = [
            (number, row)
            for number, row in zip(batch.numbers, batch.rows, strict=True)
            if any(_is_filled(cell) != (place in ours) for place, cell in enumerate(row))
        ]
        unused += len(batch.rows) - len(kept)
        yield Batch([number for number, _ in kept], [row for _, row in kept], batch.broken)
    if unused:
        reader.notes["unused_rows"] = unused


def _is_filled(cell: Cell) -> bool:
    return isinstance(cell, Unreadable) or bool(cell.strip())


def header_name(text: str) -> str:
    """A header as it is compared: `Customer Key`, `customer-key` and `CUSTOMER_KEY` are one."""
    return re.sub(r"[\s\-.]+", "_", text.strip().strip("\ufeff\u200b").strip().lower())
