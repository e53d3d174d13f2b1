"""Quotas that are given with a run before they are loaded, laid over those of the marts (MCS-13)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from include.errors import TradewindError
from include.forecast.history import Row
from include.forecast.mart_rows import MartRows

#: Changed windows told one by one in the notes; the rest is a number. The hash covers them all.
_TOLD = 20


def lay_over(rows: MartRows, given: Sequence[Row], currency: str) -> tuple[MartRows, tuple[str, ...]]:
    """The marts with `given` windows in place of those with the same rep, measure and first day; and notes on it.

    `given` rows are as the contract `quotas` types them. A window that says what the marts say changes nothing, so a
    run with quotas that have been loaded since is the same run. Raises TradewindError for a rep that does not exist, a
    window given twice and one that overlaps another of its rep and measure.
    """
    if not given:
        return rows, ()
    windows = {_key(row): _with_currency(row, currency) for row in rows.quotas}
    reps = {str(rep["rep_key"]) for rep in rows.sales_reps}
    notes, seen = [], set()
    for row in given:
        key, new = _key(row), _with_currency(row, currency)
        if key[0] not in reps:
            raise _refused("a rep_key of sales_reps", key[0])
        if key in seen:
            raise _refused("each rep, measure and period_start once", f"{key[0]} {key[1]} {key[2]} twice")
        seen.add(key)
        old = windows.get(key)
        if old is None or any(old[name] != new[name] for name in ("period_end", "quota_amount", "currency")):
            windows[key] = {**(old or {}), **new}
            notes.append(_note(key, old, new))
    _refuse_overlaps(windows, seen)
    if not notes:
        return rows, ()
    digest = hashlib.sha256(json.dumps(notes).encode()).hexdigest()
    told = notes[:_TOLD] + ([f"… and {len(notes) - _TOLD} more"] if len(notes) > _TOLD else [])
    head = f"{len(notes)} quotas were given with the run and are not loaded yet (sha256 {digest})"
    quotas = [windows[key] for key in sorted(windows)]
    counts = {**rows.source_rows, "quotas": len(quotas)}
    return replace(rows, quotas=quotas, source_rows=counts), (head, *told)


def _key(row: Row) -> tuple[str, str, date]:
    return str(row["rep_key"]), str(row.get("measure") or "revenue"), row["period_start"]


def _with_currency(row: Row, currency: str) -> dict[str, object]:
    return {**row, "measure": row.get("measure") or "revenue", "currency": row.get("currency") or currency}


def _refuse_overlaps(windows: Mapping[tuple, Row], given: set[tuple]) -> None:
    last: tuple[tuple, Row] | None = None
    for key in sorted(windows):
        row = windows[key]
        if (
            last is not None
            and last[0][:2] == key[:2]
            and last[1]["period_end"] > row["period_start"]
            and {key, last[0]} & given
        ):
            raise _refused(
                "windows of one rep and measure that do not overlap",
                f"{key[0]} {key[1]}: {last[1]['period_start']} to {last[1]['period_end']} and"
                f" {row['period_start']} to {row['period_end']}",
            )
        last = (key, row)


def _note(key: tuple[str, str, date], old: Row | None, new: Row) -> str:
    before = "" if old is None else f" instead of {_amount(old)} to {old['period_end']}"
    return f"quota of {key[0]}, {key[1]}, from {key[2]}: {_amount(new)} to {new['period_end']}{before}"


def _amount(row: Row) -> str:
    return f"{Decimal(row['quota_amount']):,.2f} {row['currency']}"


def _refused(expected: str, got: str) -> TradewindError:
    return TradewindError(
        where="new_quotas",
        expected=expected,
        got=got,
        remedy="correct the rows given with the run",
    )
