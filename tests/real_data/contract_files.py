"""Reading third-party exports and writing contract files, for the converters of real companies.

Cells stay text from end to end: a converter moves, renames and multiplies decimals, it never parses a float.
The data is not part of the repository. It is read by path from the folder beside the clone, or from
TRADEWIND_SHARED, and the tests that need it are skipped, with the reason, where it is absent.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from include.extract.contracts import BY_NAME

MAPPINGS = Path(__file__).parent / "mappings"

Row = dict[str, str]


@dataclass
class Converted:
    """What a conversion wrote: `rows` by contract name, and what the source holds that no contract takes."""

    folder: Path
    rows: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def write(self, contract: str, rows: Iterable[Row], *, compress: bool = False) -> None:
        """Write `rows` as the file of `contract`, with every column of the contract in its order.

        A cell of a column the contract does not have is a ValueError: converters do not add columns.
        Compressed files carry no time stamp, so converting twice gives the same bytes.
        """
        header = [column.name for column in BY_NAME[contract].columns]
        path = self.folder / (f"{contract}.csv.gz" if compress else f"{contract}.csv")
        count = 0
        with path.open("wb") as raw:
            packed = gzip.GzipFile("", "wb", 6, raw, mtime=0) if compress else raw
            text = io.TextIOWrapper(packed, encoding="utf-8", newline="")
            writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
            writer.writeheader()
            for row in rows:
                writer.writerow(row)
                count += 1
            text.flush()
            if compress:
                packed.close()
        self.rows[contract] = count

    def read(self, contract: str) -> list[Row]:
        """The rows of a file that was written, as text cells."""
        return list(records(next(self.folder.glob(f"{contract}.csv*"))))


def shared_data(company: str) -> Path:
    """Folder of a company's third-party files; it may not exist on this machine."""
    shared = os.environ.get("TRADEWIND_SHARED")
    root = Path(shared) if shared else Path(__file__).resolve().parents[3] / "shared"
    return root / "data" / company


def records(path: Path) -> Iterator[Row]:
    """Rows of a `.csv` or `.csv.gz` as text cells."""
    with (
        gzip.open(path, "rt", encoding="utf-8", newline="")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8", newline="") as lines
    ):
        yield from csv.DictReader(lines)


def mapping(name: str) -> list[Row]:
    """A mapping table of this folder: the company's words beside ours, each with its reason."""
    return list(records(MAPPINGS / f"{name}.csv"))


def lookup(name: str, key: str, value: str) -> dict[str, str]:
    """One column of a mapping table by another; KeyError at use tells of a word nobody has mapped."""
    return {row[key]: row[value] for row in mapping(name)}


def total(rows: Iterable[Row], column: str) -> Decimal:
    """Exact sum of a column; empty cells count as nothing."""
    return sum((Decimal(row[column]) for row in rows if row[column]), Decimal(0))
