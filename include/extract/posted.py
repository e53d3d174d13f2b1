"""Rows of a contract that come as JSON: posted by a person, or given with a run; checked as a row of a file is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from include.errors import TradewindError
from include.extract.check import RowChecker
from include.extract.contracts import BY_NAME, Contract
from include.extract.parse import NULL, CellParser
from include.extract.rows import Batch, Layout, header_name
from include.extract.systems import files as inbox

#: Contracts whose rows may be posted. Each has one key column of text, `decided_by` and `decided_at`.
POSTABLE = ("claim_decisions", "period_decisions")
#: Columns that say who and when: never taken from the body.
WITNESS = ("decided_by", "decided_at", "approved_by", "approved_at")
_UNESCAPED = {"t": "\t", "n": "\n", "r": "\r"}


class RowRefused(TradewindError):
    """A posted row that breaks its contract; `column` says where, if it is one column's fault."""

    column: str | None = None


def checked_row(
    contract: Contract, given: Mapping[str, object], who: str, when: datetime
) -> tuple[str, dict[str, str]]:
    """(key, content) of a posted row: every filled column but the witnesses', as the text its type gives.

    `given` are JSON values, numbers as text. Raises RowRefused as a file's row would be rejected, and for a column
    that the contract does not have or that only the log-in may fill.
    """
    cells = _cells(contract, given)
    for name in cells:
        if name in WITNESS:
            raise _refused(contract, name, "no such column in the body", "who and when come from the log-in")
    content = _checked(contract, cells | {"decided_by": who, "decided_at": when.isoformat()})
    content = {name: value for name, value in content.items() if name not in WITNESS}
    return content.pop(contract.key[0]), content


def typed_rows(name: str, given: object) -> list[dict[str, object]]:
    """Rows of the contract `name` from JSON values, every column typed: money and rates as Decimal, dates as date.

    An empty column is None. Raises RowRefused naming the row, its column and what was expected there.
    """
    contract = BY_NAME[name]
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise _refused(contract, None, "a list of rows", f"{type(given).__name__} was given")
    rows = []
    for number, row in enumerate(given, start=1):
        if not isinstance(row, Mapping):
            raise _refused(contract, None, "an object with the contract's columns", f"row {number} is none")
        try:
            content = _checked(contract, _cells(contract, row))
        except RowRefused as refusal:
            raise _of_row(number, refusal) from None
        rows.append({c.name: _typed(c.type, content.get(c.name)) for c in contract.columns})
    return rows


def postable(name: str) -> Contract | None:
    """The contract called `name`, when its rows may be posted."""
    return BY_NAME[name] if name in POSTABLE else None


def _cells(contract: Contract, given: Mapping[str, object]) -> dict[str, str]:
    """Column -> text, for columns that the contract has, each once."""
    cells = {header_name(name): _cell(contract, name, value) for name, value in given.items()}
    for name in cells:
        if name not in {column.name for column in contract.columns}:
            raise _refused(contract, name, "a column of the contract", "the contract has no such column")
    if len(cells) != len(given):
        raise _refused(contract, None, "each column once", "a column is given twice")
    return cells


def _checked(contract: Contract, row: Mapping[str, str]) -> dict[str, str]:
    """Every filled column as the text its type gives."""
    stream = inbox.SYSTEM.stream(contract.name)
    checked = RowChecker(stream, Layout.of(list(row), stream)).check(Batch([1], [list(row.values())]))
    if checked.rejects:
        reject = checked.rejects[0]
        raise _refused(contract, reject.column, reject.expected, reject.reason, reject.found)
    content = {
        column.name: value
        for column in contract.columns
        if (value := CellParser(column).judge(row.get(column.name, ""))) != NULL
    }
    return {name: re.sub(r"\\(.)", _unescaped, value) for name, value in content.items()}


def _typed(kind: str, text: str | None) -> object:
    if text is None:
        return None
    if kind in ("money", "rate", "units"):
        return Decimal(text)
    return date.fromisoformat(text) if kind == "date" else text


def _of_row(number: int, refusal: RowRefused) -> RowRefused:
    found = RowRefused(
        where=f"row {number} of {refusal.where}",
        expected=refusal.expected,
        got=refusal.got,
        remedy="correct the row and start again",
    )
    found.column = refusal.column
    return found


def _cell(contract: Contract, name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float | Decimal):
        return str(value)
    raise _refused(contract, name, "text, a number, true, false or null", "the value is a list or an object")


def _unescaped(found: re.Match[str]) -> str:
    return _UNESCAPED.get(found[1], found[1])


def _refused(
    contract: Contract, column: str | None, expected: str, reason: str, found: str | None = None
) -> RowRefused:
    refusal = RowRefused(
        where=f"{contract.name}.{column}" if column else contract.name,
        expected=expected,
        got=f"{found!r}: {reason}" if found is not None else reason,
        remedy="correct the row and post it again",
    )
    refusal.column = column
    return refusal
