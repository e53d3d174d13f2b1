"""A folder of contract files: which file belongs to which contract, and how to open it."""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from include.errors import MissingInput
from include.extract.columnar import ParquetFile
from include.extract.delimited import DelimitedFile
from include.extract.manifest import Stream, System
from include.extract.rows import FileRefused, Layout, Reader
from include.extract.spreadsheet import Sheet, sheet_names

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".xlsx")
_PART = re.compile(r"[\s_.(-]+(?:part|p|v|no)?[\s_.-]*\d[\w\s().-]*\Z")


@dataclass(frozen=True)
class Arrival:
    """One file, or one sheet of a workbook, that belongs to a stream. `name` is how it is reported."""

    path: Path
    stream: Stream
    sheet: str | None = None

    @property
    def name(self) -> str:
        """File name, with the sheet where there is one."""
        return f"{self.path.name} · {self.sheet}" if self.sheet else self.path.name

    def open(self) -> Reader:
        """A reader of its rows; raises FileRefused."""
        suffix = _suffix(self.path)
        if suffix == ".parquet":
            return ParquetFile(self.path, self.stream)
        if suffix == ".xlsx":
            return Sheet(self.path, self.sheet, self.stream)
        return DelimitedFile(self.path, self.stream)

    def sha256(self) -> str:
        """Digest of the file's bytes."""
        with open(self.path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Ignored:
    """A file or sheet of the folder that was not read, and why."""

    name: str
    reason: str


def arrivals(folder: Path, system: System) -> tuple[list[Arrival], list[Ignored]]:
    """What the folder holds, parents before the rows that refer to them, parts of one contract by file name.

    Raises MissingInput when the folder does not exist.
    """
    if not folder.is_dir():
        raise MissingInput(
            where=str(folder),
            expected="a folder of contract files",
            got="no such folder",
            remedy="name a folder that holds files such as customers.csv; templates are in docs/contracts/templates",
        )
    found: list[Arrival] = []
    ignored: list[Ignored] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "~$")):
            continue
        suffix = _suffix(path)
        if not path.is_file():
            ignored.append(Ignored(path.name, "not a file; subfolders are not read"))
        elif suffix is None:
            ignored.append(Ignored(path.name, f"not one of {', '.join(SUFFIXES)}"))
        elif suffix == ".xlsx":
            _sort_sheets(path, system, found, ignored)
        else:
            _sort_file(path, suffix, system, found, ignored)
    order = {stream.name: n for n, stream in enumerate(system.streams)}
    return sorted(found, key=lambda a: (order[a.stream.name], a.name)), ignored


def stream_for(name: str, system: System) -> tuple[Stream | None, bool]:
    """The stream a file name (without its ending) belongs to, and whether only its header can confirm it.

    `pos_sales`, `pos_sales_2026-01` and `pos_sales-part2` are sure; `accounts_payable` only looks like
    `accounts`.
    """
    plain = name.strip().lower()
    by_name = {stream.name: stream for stream in system.streams}
    exact = re.sub(r"[\s-]+", "_", plain)
    if exact in by_name:
        return by_name[exact], False
    for candidate in sorted(by_name, key=len, reverse=True):
        match = re.match(re.escape(candidate).replace("_", r"[\s_-]"), plain)
        rest = plain[match.end() :] if match else ""
        if rest and not rest[0].isalnum():
            return by_name[candidate], _PART.match(rest) is None
    return None, False


def _sort_file(path: Path, suffix: str, system: System, found: list[Arrival], ignored: list[Ignored]) -> None:
    stream, is_guess = stream_for(path.name[: -len(suffix)], system)
    if stream is None:
        ignored.append(Ignored(path.name, "its name is no contract's"))
        return
    arrival = Arrival(path, stream)
    if is_guess and not _has_required_columns(arrival):
        ignored.append(Ignored(path.name, f"its name begins like {stream.name}, its header is another"))
        return
    found.append(arrival)


def _sort_sheets(path: Path, system: System, found: list[Arrival], ignored: list[Ignored]) -> None:
    own, _ = stream_for(path.name[: -len(".xlsx")], system)
    try:
        sheets = sheet_names(path)
    except FileRefused as refusal:
        if own is None:
            ignored.append(Ignored(path.name, str(refusal)))
        else:
            found.append(Arrival(path, own, ""))
        return
    named = {sheet: stream for sheet in sheets if (stream := stream_for(sheet, system)[0])}
    if not named and own:
        named = {sheets[0]: own}
    for sheet in sheets:
        if sheet in named:
            found.append(Arrival(path, named[sheet], sheet))
        else:
            ignored.append(Ignored(f"{path.name} · {sheet}", "its name is no contract's"))


def _has_required_columns(arrival: Arrival) -> bool:
    try:
        layout: Layout = arrival.open().layout
    except (FileRefused, csv.Error):
        return False
    return not layout.absent


def _suffix(path: Path) -> str | None:
    name = path.name.lower()
    return next((suffix for suffix in sorted(SUFFIXES, key=len, reverse=True) if name.endswith(suffix)), None)
