"""Rows of a contract that a person posts: checked as a row of a file is, who and when taken from the log-in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

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
    cells = {header_name(name): _cell(contract, name, value) for name, value in given.items()}
    for name in cells:
        if name in WITNESS:
            raise _refused(contract, name, "no such column in the body", "who and when come from the log-in")
        if name not in {column.name for column in contract.columns}:
            raise _refused(contract, name, "a column of the contract", "the contract has no such column")
    if len(cells) != len(given):
        raise _refused(contract, None, "each column once", "a column is given twice")
    row = cells | {"decided_by": who, "decided_at": when.isoformat()}
    stream = inbox.SYSTEM.stream(contract.name)
    checked = RowChecker(stream, Layout.of(list(row), stream)).check(Batch([1], [list(row.values())]))
    if checked.rejects:
        reject = checked.rejects[0]
        raise _refused(contract, reject.column, reject.expected, reject.reason, reject.found)
    content = {
        column.name: value
        for column in contract.columns
        if column.name not in WITNESS
        and (value := CellParser(column).judge(row.get(column.name, ""))) != NULL
    }
    content = {name: re.sub(r"\\(.)", _unescaped, value) for name, value in content.items()}
    return content.pop(contract.key[0]), content


def postable(name: str) -> Contract | None:
    """The contract called `name`, when its rows may be posted."""
    return BY_NAME[name] if name in POSTABLE else None


def _cell(contract: Contract, name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
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
