"""Row checks: typed cells and the rules one row can break, a batch at a time, column by column."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress

from include.extract.contracts import OneSide, Ordered
from include.extract.manifest import Stream
from include.extract.parse import EXPECTED, NULL, REFUSED, CellParser, CellRefused
from include.extract.rows import Batch, Broken, Cell, Layout, Unreadable

#: Amounts are summed as whole ten-thousandths: exact, and quick.
UNIT = 10_000


@dataclass(frozen=True)
class Reject:
    """A refused row: its first failing column, what was found there, what was expected. `amount` is in 1/10,000."""

    row_number: int | None
    column: str | None
    found: str | None
    expected: str
    reason: str
    raw: str | None
    amount: int | None = None


@dataclass
class Checked:
    """The outcome of one batch: COPY lines of the good rows and the refused ones."""

    lines: list[str] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    rows_read: int = 0
    amount_read: int = 0


class RowChecker:
    """Checks the batches of one file against its stream.

    A good row becomes one line of PostgreSQL's COPY text: row number, hash, unknown columns as JSON, then the
    columns of the stream. The hash covers every value, so that an unchanged row is recognised by it.
    """

    def __init__(self, stream: Stream, layout: Layout):
        self.stream = stream
        self.layout = layout
        self._parsers = [CellParser(column) for column in stream.columns]
        self._places = [layout.positions.get(name) for name in stream.names]
        self._index = {name: n for n, name in enumerate(stream.names)}
        self._amount = None if stream.amount is None else self._index[stream.amount]

    def check(self, batch: Batch) -> Checked:
        """Judge every row of `batch`."""
        checked = Checked(rows_read=len(batch.rows) + len(batch.broken))
        checked.rejects += [_reject_of(broken) for broken in batch.broken]
        if not batch.rows:
            return checked
        cells = list(zip(*batch.rows, strict=True))
        parsed = [self._column(n, place, cells, len(batch.rows)) for n, place in enumerate(self._places)]
        amounts = self._amounts(parsed)
        checked.amount_read = sum(filter(None, amounts))
        bad = self._refusals(parsed, batch)
        for row, (column, found, expected, reason) in sorted(bad.items()):
            raw = self._raw(batch.rows[row])
            checked.rejects.append(
                Reject(
                    batch.numbers[row],
                    column,
                    found,
                    expected,
                    reason,
                    raw,
                    amounts[row] if amounts else None,
                )
            )
        checked.lines = self._lines(batch, parsed, bad)
        return checked

    def _column(self, n: int, place: int | None, cells: Sequence[Sequence[Cell]], rows: int) -> list[object]:
        if place is None:
            column = self.stream.columns[n]
            # Required and absent is a finding of every row, made in `_refusals`.
            return [NULL if column.default is None else column.default] * rows
        return list(map(self._parsers[n].__getitem__, cells[place]))

    def _amounts(self, parsed: list[list[object]]) -> list[int | None]:
        if self._amount is None:
            return []
        return [
            None if value is REFUSED or value is NULL else int(value.replace(".", ""))
            for value in parsed[self._amount]
        ]

    def _refusals(
        self, parsed: list[list[object]], batch: Batch
    ) -> dict[int, tuple[str, str | None, str, str]]:
        """Position in the batch -> (column, found, expected, reason) of its first failing cell; the reason names more."""
        bad: dict[int, tuple[str, str | None, str, str]] = {}
        fault = self._layout_fault()
        if fault:
            return dict.fromkeys(range(len(batch.rows)), fault)
        for n, values in enumerate(parsed):
            if not self._parsers[n].has_refused:
                continue
            place = self._places[n]
            for row, value in enumerate(values):
                if value is REFUSED:
                    fault = self._why(n, batch.rows[row][place])
                    bad[row] = _also(bad[row], fault) if row in bad else fault
        for rule in self.stream.rules:
            if isinstance(rule, Ordered | OneSide):
                self._apply(rule, parsed, bad)
        return bad

    def _layout_fault(self) -> tuple[str, str | None, str, str] | None:
        for name in self.layout.absent:
            expected = f"a column {name} ({EXPECTED[self.stream.column(name).type]})"
            return name, None, expected, f"the file has no column {name}, which is required"
        for name in self.layout.repeated:
            return name, None, f"one column {name}", f"the header names {name} more than once"
        return None

    def _why(self, n: int, cell: Cell) -> tuple[str, str | None, str, str]:
        try:
            self._parsers[n].judge(cell)
        except CellRefused as refusal:
            return self.stream.columns[n].name, _shown(cell), refusal.expected, refusal.reason
        raise AssertionError(f"{cell!r} was refused before")

    def _apply(self, rule: Ordered | OneSide, parsed: list[list[object]], bad: dict) -> None:
        first, second = parsed[self._index[rule.first]], parsed[self._index[rule.second]]
        broken = _one_side_fault if isinstance(rule, OneSide) else _order_fault
        for row, (a, b) in enumerate(zip(first, second, strict=True)):
            if row not in bad and (fault := broken(rule, a, b)):
                bad[row] = fault

    def _lines(self, batch: Batch, parsed: list[list[object]], bad: dict) -> list[str]:
        bodies: Iterable[str] = (
            map("\t".join, zip(*parsed, strict=True)) if not bad else self._good(parsed, bad)
        )
        numbers: Iterable[int] = batch.numbers
        rows: Iterable[Sequence[Cell]] = batch.rows
        if bad:
            keep = [row not in bad for row in range(len(batch.rows))]
            numbers, rows = compress(numbers, keep), compress(rows, keep)
        md5 = hashlib.md5
        if not self.layout.extras:
            return [
                f"{number}\t{md5(body.encode(), usedforsecurity=False).hexdigest()}\t\\N\t{body}\n"
                for number, body in zip(numbers, bodies, strict=True)
            ]
        lines = []
        for number, body, row in zip(numbers, bodies, rows, strict=True):
            extra = self._extra(row)
            digest = md5(f"{body}\t{extra}".encode(), usedforsecurity=False).hexdigest()
            lines.append(f"{number}\t{digest}\t{extra}\t{body}\n")
        return lines

    @staticmethod
    def _good(parsed: list[list[object]], bad: dict) -> Iterable[str]:
        for row, values in enumerate(zip(*parsed, strict=True)):
            if row not in bad:
                yield "\t".join(values)

    def _extra(self, row: Sequence[Cell]) -> str:
        """Unknown columns of a row as COPY text of a JSON object; empty cells are left out."""
        found = {name: _shown(row[place]) for name, place in self.layout.extras.items()}
        found = {name: text for name, text in found.items() if text and text.strip()}
        return copy_text(json.dumps(found, ensure_ascii=False)) if found else NULL

    def _raw(self, row: Sequence[Cell]) -> str:
        cells: dict[str, str | None] = {}
        for place, (name, cell) in enumerate(zip(self.layout.header, row, strict=True)):
            cells[name if name and name not in cells else f"{name}#{place + 1}"] = _shown(cell)
        return json.dumps(cells, ensure_ascii=False)


def copy_text(text: str | None) -> str:
    """Any text as one COPY field; what PostgreSQL cannot hold (NUL, half characters) is replaced."""
    if text is None:
        return NULL
    plain = text.replace("\0", "\ufffd").replace("\\u0000", "\\ufffd").encode("utf-8", "replace").decode()
    return plain.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _reject_of(broken: Broken) -> Reject:
    raw = None if broken.raw is None else json.dumps({"line": broken.raw}, ensure_ascii=False)
    return Reject(broken.row_number, None, broken.found, broken.expected, broken.reason, raw)


def _also(
    first: tuple[str, str | None, str, str], more: tuple[str, str | None, str, str]
) -> tuple[str, str | None, str, str]:
    column, found, expected, reason = first
    name, value, wanted, _ = more
    return column, found, expected, f"{reason}; also {name}: {value!r}, expected {wanted}"


def _order_fault(rule: Ordered, first: object, second: object) -> tuple[str, str, str, str] | None:
    if first is NULL or second is NULL or first is REFUSED or second is REFUSED:
        return None
    if first < second or (first == second and not rule.strict):
        if rule.at_most_years is None or int(str(second)[:4]) - int(str(first)[:4]) <= rule.at_most_years:
            return None
        expected = f"a window of at most {rule.at_most_years} years from {rule.first} ({first})"
        return rule.second, str(second), expected, "the window is longer than any period"
    relation = "before" if rule.strict else "not after"
    return (
        rule.second,
        str(second),
        f"{rule.first} {relation} {rule.second} ({first})",
        "the dates are out of order",
    )


def _one_side_fault(rule: OneSide, first: object, second: object) -> tuple[str, str, str, str] | None:
    found = f"{_amount(first)} and {_amount(second)}"
    expected = f"one of {rule.first} and {rule.second}, not negative"
    for name, value in ((rule.first, first), (rule.second, second)):
        if isinstance(value, str) and value.startswith("-"):
            return name, found, expected, f"{name} is negative; book it on the other side"
    filled = [value for value in (first, second) if value is not NULL]
    if not filled:
        return rule.first, found, expected, "neither side is filled"
    # Exports write 0.00 on the empty side: that is no second amount.
    if len(filled) == 2 and all(value.strip("0.") for value in filled if isinstance(value, str)):
        return rule.second, found, expected, "both sides are filled"
    return None


def _amount(value: object) -> str:
    return "nothing" if value is NULL else str(value)


def _shown(cell: Cell) -> str:
    return cell.found if isinstance(cell, Unreadable) else cell
