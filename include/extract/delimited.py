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
from include.extract.rows import Batch, Broken, FileRefused, Layout

#: Characters read at once; also what is kept in memory of a line that does not end.
BLOCK = 1 << 18
MAX_LINE = 1 << 20
#: An archive may swell this many times; text compresses 5 to 30 times, a bomb 1,000 times.
MAX_SWELL = 200
SWELL_FREE = 100 << 20
_STRAY = re.compile("[\udc80-\udcff]")
_CP1252 = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}
_READ_ERRORS = (OSError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeError)


class _Lines:
    """Physical lines in order, a block at a time in `queue`; those of the record being read are in `taken`."""

    def __init__(self, path: Path):
        self.path = path
        self.queue: deque[str] = deque()
        self.has_quotes = False
        self.taken: list[str] = []
        self.number = 0
        self.stray_bytes = 0
        self._rest = ""
        self._size = max(path.stat().st_size, 1)
        self._read_count = 0
        self._stream = _open_text(path)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if not self.queue and not self.fill():
            raise StopIteration
        line = self.queue.popleft()
        self.number += 1
        self.taken.append(line)
        return line

    def put_back(self, lines: list[str]) -> None:
        """Read `lines` again before anything else."""
        self.number -= len(lines)
        self.queue.extendleft(reversed(lines))

    def fill(self) -> bool:
        """Bring the next block's whole lines into `queue`; False at the end of the file."""
        while True:
            block = self._read()
            text = self._rest + block
            if not text:
                return False
            cut = len(text) if not block else max(text.rfind("\n"), text.rfind("\r", 0, len(text) - 1)) + 1
            if cut:
                break
            # Longer than the csv module's field limit, so that the record is refused and named.
            self._rest = text if len(text) < MAX_LINE else text[:MAX_LINE].replace(",", ".").replace('"', "'")
        self._rest = text[cut:]
        text = text[:cut]
        if not text.isascii() and (stray := len(_STRAY.findall(text))):
            self.stray_bytes += stray
            text = text.translate(_CP1252)
        self.has_quotes = '"' in text
        self.queue.extend(io.StringIO(text, newline="").readlines())
        return True

    def _read(self) -> str:
        try:
            part = self._stream.read(BLOCK)
        except _READ_ERRORS as error:
            raise FileRefused(
                where=self.path.name,
                expected="a whole, readable file",
                got=f"{type(error).__name__}: {error}",
                remedy="send the file again; it may have been cut on its way",
            ) from error
        self._read_count += len(part)
        if self._read_count > SWELL_FREE and self._read_count > self._size * MAX_SWELL:
            raise FileRefused(
                where=self.path.name,
                expected=f"at most {MAX_SWELL} times the size of the archive",
                got=f"more than {self._read_count} characters from {self._size} bytes",
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
        width = len(self.layout.header)
        while self._lines.queue or self._lines.fill():
            yield self._plain_block(width) or self._careful_block(width)
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

    def _plain_block(self, width: int) -> Batch | None:
        """The queued lines at once, when each is surely one whole row: no quotes, no blank or ragged ones."""
        lines = self._lines
        if lines.has_quotes:
            return None
        try:
            rows = list(csv.reader(lines.queue, strict=True))
        except csv.Error:
            return None
        if set(map(len, rows)) != {width} or not all(map(any, rows)):
            return None
        first = lines.number + 1
        lines.number += len(rows)
        lines.queue.clear()
        return Batch(list(range(first, first + len(rows))), rows)

    def _careful_block(self, width: int) -> Batch:
        """Record by record until the queued lines are used up; a record may reach into the next block."""
        batch = Batch()
        lines = self._lines
        reader = csv.reader(lines, strict=True)
        while lines.queue:
            lines.taken.clear()
            start = lines.number + 1
            try:
                record = next(reader)
            except csv.Error as error:
                batch.broken.append(self._recover(start, width, f"not CSV: {error}"))
                reader = csv.reader(lines, strict=True)
                continue
            if not any(cell.strip() for cell in record):
                self._blank += 1
            elif len(record) >= width and not any(cell.strip() for cell in record[width:]):
                batch.numbers.append(start)
                batch.rows.append(record[:width])
            else:
                reason = f"the row has {len(record)} cells, the header {width}"
                batch.broken.append(self._recover(start, width, reason))
                reader = csv.reader(lines, strict=True)
        return batch

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
