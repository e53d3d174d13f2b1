"""Reads .csv and .csv.gz as they really come: stray bytes, open quotes, cut lines, archives that swell.

One broken row costs one row. When a quote is not closed, the CSV reader swallows the rows behind it; the
lines of a record are therefore kept until the record is complete, and read again from the first one that is
a whole row by itself.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from include.extract.manifest import Stream
from include.extract.rows import BATCH_ROWS, Batch, Broken, FileRefused, Layout

MAX_LINE = 1 << 20
#: An archive may swell this many times; text compresses 5 to 30 times, a bomb 1,000 times.
MAX_SWELL = 200
SWELL_FREE = 100 << 20
_STRAY = re.compile("[\udc80-\udcff]")
_CP1252 = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}
_READ_ERRORS = (OSError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeError)


class _Lines:
    """Physical lines in order; those of the record being read are in `taken` and can be put back."""

    def __init__(self, path: Path):
        self.path = path
        self.taken: list[str] = []
        self.number = 0
        self.stray_bytes = 0
        self._again: deque[str] = deque()
        self._size = max(path.stat().st_size, 1)
        self._read = 0
        self._stream = _open_text(path)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._next_line()
        if not line:
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        return line

    def put_back(self, lines: list[str]) -> None:
        """Read `lines` again before anything else."""
        self.number -= len(lines)
        self._again.extendleft(reversed(lines))

    def _next_line(self) -> str:
        line = self._part()
        if len(line) == MAX_LINE and line[-1] not in "\r\n":
            while (rest := self._part()) and len(rest) == MAX_LINE and rest[-1] not in "\r\n":
                pass
            # Longer than the csv module's field limit, so that the record is refused and named.
            line = line.replace(",", ".").replace('"', "'") + "\n"
        if not line.isascii() and (stray := len(_STRAY.findall(line))):
            self.stray_bytes += stray
            line = line.translate(_CP1252)
        return line

    def _part(self) -> str:
        try:
            part = self._stream.readline(MAX_LINE)
        except _READ_ERRORS as error:
            raise FileRefused(
                where=self.path.name,
                expected="a whole, readable file",
                got=f"{type(error).__name__}: {error}",
                remedy="send the file again; it may have been cut on its way",
            ) from error
        self._read += len(part)
        if self._read > SWELL_FREE and self._read > self._size * MAX_SWELL:
            raise FileRefused(
                where=self.path.name,
                expected=f"at most {MAX_SWELL} times the size of the archive",
                got=f"more than {self._read} characters from {self._size} bytes",
                remedy="unpack the file, look at it, and send it as plain .csv",
            )
        return part


class DelimitedFile:
    """A CSV file as a reader of batches; opening it reads the header."""

    def __init__(self, path: Path, stream: Stream):
        self._lines = _Lines(path)
        self._blank = 0
        header = self._header(path)
        self.layout = Layout.of(header, stream)
        self.notes: dict[str, object] = {}
        self._separator_hint(path)

    def batches(self) -> Iterator[Batch]:
        """The rows in file order; row numbers are line numbers, the header being line 1."""
        batch = Batch()
        for item in self._records(len(self.layout.header)):
            if isinstance(item, Broken):
                batch.broken.append(item)
            else:
                batch.numbers.append(item[0])
                batch.rows.append(item[1])
            if len(batch.rows) + len(batch.broken) >= BATCH_ROWS:
                yield batch
                batch = Batch()
        yield batch
        if self._lines.stray_bytes:
            self.notes["encoding"] = (
                f"{self._lines.stray_bytes} bytes were not UTF-8 and were read as Windows-1252"
            )
        if self._blank:
            self.notes["blank_rows"] = self._blank

    def _header(self, path: Path) -> list[str]:
        got = "an empty file"
        try:
            for record in csv.reader(self._lines):
                if any(cell.strip() for cell in record) and not re.fullmatch(r"sep=.", record[0].strip()):
                    return record
        except csv.Error as error:
            got = f"a first line that is not CSV: {error}"
        raise FileRefused(
            where=path.name,
            expected="a header line",
            got=got,
            remedy="fill the template of the contract; leave the file out when there is nothing to send",
        )

    def _separator_hint(self, path: Path) -> None:
        header = self.layout.header
        if len(header) == 1 and self.layout.absent and (found := re.search("[;\t|]", header[0])):
            raise FileRefused(
                where=path.name,
                expected="cells separated by commas",
                got=f"a header separated by {found[0]!r}",
                remedy="save the file as comma-separated CSV with decimal points",
            )

    def _records(self, width: int) -> Iterator[tuple[int, list[str]] | Broken]:
        lines = self._lines
        reader = csv.reader(lines, strict=True)
        while True:
            lines.taken.clear()
            start = lines.number + 1
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._recover(start, width, f"not CSV: {error}")
                reader = csv.reader(lines, strict=True)
                continue
            if len(record) == width:
                if any(record):
                    yield start, record
                else:
                    self._blank += 1
            elif not any(cell.strip() for cell in record):
                self._blank += 1
            elif len(record) > width and not any(cell.strip() for cell in record[width:]):
                yield start, record[:width]
            else:
                yield self._recover(start, width, f"the row has {len(record)} cells, the header {width}")
                reader = csv.reader(lines, strict=True)

    def _recover(self, start: int, width: int, reason: str) -> Broken:
        """The record that began at `start` as one broken row; lines behind it that are whole rows come again."""
        taken = list(self._lines.taken)
        cut = next((n for n, line in enumerate(taken) if n and _is_row(line, width)), len(taken))
        self._lines.put_back(taken[cut:])
        if cut < len(taken):
            reason = "a quote is opened and not closed"
        raw = "".join(taken[:cut]).rstrip("\r\n")
        return Broken(start, raw[:10_000], raw[:200], f"a row of {width} cells", reason)


def _is_row(line: str, width: int) -> bool:
    try:
        records = list(csv.reader([line], strict=True))
    except csv.Error:
        return False
    return len(records) == 1 and len(records[0]) == width


def _open_text(path: Path) -> io.TextIOWrapper:
    """The file as text; bytes that are not UTF-8 come through as surrogates for `_Lines` to mend."""
    try:
        raw = gzip.GzipFile(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")
        start = raw.read(4)
        raw.seek(0)
    except _READ_ERRORS as error:
        raise FileRefused(
            where=path.name,
            expected="a readable file",
            got=f"{type(error).__name__}: {error}",
            remedy="send the file again",
        ) from error
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return io.TextIOWrapper(raw, encoding="utf-16", errors="replace", newline="")
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
