"""One NetSuite account: its chart, its accounting periods, its journal entries, and SuiteQL over them.

Everything that was acknowledged is in one SQLite file, so a restart, also by SIGKILL, keeps it.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from include.sandbox.world_ledger import ACCOUNTS

CENT = Decimal("0.01")
SCHEMA = """
CREATE TABLE IF NOT EXISTS transactions (
    id INTEGER PRIMARY KEY, externalid TEXT UNIQUE, trandate TEXT NOT NULL, memo TEXT, currency TEXT NOT NULL,
    subsidiary TEXT NOT NULL, fields TEXT NOT NULL, type TEXT NOT NULL DEFAULT 'Journal');
CREATE TABLE IF NOT EXISTS transactionline (
    "transaction" INTEGER NOT NULL REFERENCES transactions, linesequencenumber INTEGER NOT NULL,
    account TEXT NOT NULL, debitforeignamount TEXT, creditforeignamount TEXT, memo TEXT, entity TEXT,
    PRIMARY KEY ("transaction", linesequencenumber));
"""
#: The chart of an account the seeded world says nothing of: internal id = account number.
RECEIVABLE = ("1100",)
DEFAULT_CHART = tuple(
    {"id": code, "type": "AcctRec" if code in RECEIVABLE else "Other"} for code, *_ in ACCOUNTS
)
CUSTOM = "custbody_"


class Refused(Exception):
    """What NetSuite does not take: an error code, its words and the path in the body they are about."""

    def __init__(self, code: str, detail: str, path: str | None = None, status: int = 400):
        super().__init__(detail)
        self.code, self.detail, self.path, self.status = code, detail, path, status


class Account:
    """The records of one tenant's account; calls may come from several threads."""

    def __init__(self, tenant: str, world: Path, folder: Path):
        self._seeded = world / tenant / "netsuite"
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / f"{tenant}.sqlite3"
        self._lock = threading.RLock()
        self._db = sqlite3.connect(self.file, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(SCHEMA)
        self._db.create_aggregate("exact_sum", 1, _Sum)

    def upsert(
        self, external_id: str, body: Mapping[str, Any], *, replace: bool, closed: Sequence[tuple[str, str]]
    ) -> int:
        """Create or update the journal entry with this external id; returns its internal id."""
        with self._transaction():
            found = self._db.execute(
                "SELECT * FROM transactions WHERE externalid = ?", (external_id,)
            ).fetchone()
            header = self._header(body, found)
            for day in {header["trandate"], found["trandate"] if found else header["trandate"]}:
                self._require_open(day, closed)
            kept = [] if replace or not found else self._lines(found["id"])
            chart = {entry["id"]: entry["type"] for entry in self._file("accounts.json", DEFAULT_CHART)}
            lines = kept + [_line(chart, n, line) for n, line in enumerate(_items(body))]
            _require_balance(lines)
            number = self._store(external_id, header, found)
            self._db.execute('DELETE FROM transactionline WHERE "transaction" = ?', (number,))
            self._db.executemany(
                "INSERT INTO transactionline VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(number, position, *line) for position, line in enumerate(lines)],
            )
            return number

    def record(self, external_id: str | None, number: int | None) -> dict[str, Any]:
        """A journal entry as REST shows it with its lines expanded."""
        with self._lock:
            row = self._db.execute(
                "SELECT * FROM transactions WHERE externalid = ? OR id = ?", (external_id, number)
            ).fetchone()
            if row is None:
                raise Refused(
                    "NONEXISTENT_ID", "The record instance does not exist. Provide a valid ID.", status=404
                )
            items = [
                {
                    "line": position,
                    "account": {"id": account},
                    **({"debit": json.loads(debit)} if debit else {"credit": json.loads(credit)}),
                    "memo": memo,
                    **({"entity": {"externalId": entity}} if entity else {}),
                }
                for position, (account, debit, credit, memo, entity) in enumerate(self._lines(row["id"]))
            ]
        return {
            "id": str(row["id"]),
            "externalId": row["externalid"],
            "tranDate": row["trandate"],
            "memo": row["memo"],
            "currency": {"id": row["currency"]},
            "subsidiary": {"id": row["subsidiary"]},
            **json.loads(row["fields"]),
            "line": {"items": items, "totalResults": len(items)},
        }

    def query(self, suiteql: str) -> list[dict[str, Any]]:
        """The rows of a SELECT over `transaction` and `transactionline`; every value is text or null."""
        if not re.match(r"\s*select\b", suiteql, re.IGNORECASE) or ";" in suiteql:
            raise Refused("INVALID_PARAMETER", "Invalid search query. Only SELECT statements are supported.")
        text = re.sub(r"\bsum\s*\(", "exact_sum(", suiteql, flags=re.IGNORECASE)
        text = re.sub(r"\b(from|join)\s+transaction\b", r"\1 transactions", text, flags=re.IGNORECASE)
        text = re.sub(r"\.transaction\b", '."transaction"', text, flags=re.IGNORECASE)
        # Custom body fields are columns in SuiteQL.
        text = re.sub(rf"(\w+)\.({CUSTOM}\w+)", r"json_extract(\1.fields, '$.\2')", text)
        with self._lock:
            self._db.execute("PRAGMA query_only = ON")
            try:
                rows = self._db.execute(text).fetchall()
            except sqlite3.Error as error:
                raise Refused("INVALID_PARAMETER", f"Invalid search query. Detailed unprocessed description follows. {error}.") from None  # fmt: skip
            finally:
                self._db.execute("PRAGMA query_only = OFF")
        return [
            {name.lower(): None if row[name] is None else str(row[name]) for name in row.keys()}  # noqa: SIM118
            for row in rows
        ]

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _header(self, body: Mapping[str, Any], found: sqlite3.Row | None) -> dict[str, str]:
        known = dict(found) if found else {}
        header = {
            "trandate": str(body.get("tranDate") or known.get("trandate") or ""),
            "memo": body.get("memo", known.get("memo")),
            "currency": _reference(body.get("currency")) or known.get("currency"),
            "subsidiary": _reference(body.get("subsidiary")) or known.get("subsidiary"),
        }
        fields = json.loads(known.get("fields", "{}"))
        header["fields"] = json.dumps(fields | {k: v for k, v in body.items() if k.startswith(CUSTOM)})
        for name, title in (("subsidiary", "Subsidiary"), ("currency", "Currency")):
            if not header[name]:
                raise Refused(
                    "USER_ERROR", f"Error while accessing a resource. Please enter value(s) for: {title}."
                )
        try:
            date.fromisoformat(header["trandate"])
        except ValueError:
            raise Refused(
                "INVALID_CONTENT",
                "Invalid value for the resource or sub-resource field 'tranDate'. Provide a valid value.",
                "tranDate",
            ) from None
        return header

    def _store(self, external_id: str, header: Mapping[str, str], found: sqlite3.Row | None) -> int:
        values = [
            header["trandate"],
            header["memo"],
            header["currency"],
            header["subsidiary"],
            header["fields"],
        ]
        if found:
            self._db.execute(
                "UPDATE transactions SET trandate = ?, memo = ?, currency = ?, subsidiary = ?, fields = ? WHERE id = ?",
                [*values, found["id"]],
            )
            return found["id"]
        return self._db.execute(
            "INSERT INTO transactions (trandate, memo, currency, subsidiary, fields, externalid) VALUES (?, ?, ?, ?, ?, ?)",
            [*values, external_id],
        ).lastrowid

    def _lines(self, number: int) -> list[tuple]:
        return [
            tuple(row)
            for row in self._db.execute(
                "SELECT account, debitforeignamount, creditforeignamount, memo, entity FROM transactionline"
                ' WHERE "transaction" = ? ORDER BY linesequencenumber',
                (number,),
            )
        ]

    def _require_open(self, day: str, closed: Sequence[tuple[str, str]]) -> None:
        seeded = [(p["startdate"], p["enddate"]) for p in self._file("accounting_periods.json", ())]
        if any(start <= day <= end for start, end in [*seeded, *closed]):
            raise Refused(
                "USER_ERROR",
                "Error while accessing a resource. The transaction date you specified is not within the date range"
                f" of your accounting period: the period of {day} is closed.",
            )

    def _file(self, name: str, default: Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, str]]:
        path = self._seeded / name
        return json.loads(path.read_text()) if path.exists() else default


class _Sum:
    """SUM over decimal text, exact."""

    def __init__(self) -> None:
        self.total: Decimal | None = None

    def step(self, value: str | None) -> None:
        if value is not None:
            self.total = (self.total or Decimal(0)) + Decimal(value)

    def finalize(self) -> str | None:
        return None if self.total is None else str(self.total)


def _line(chart: Mapping[str, str], position: int, line: Mapping[str, Any]) -> tuple:
    path = f"line.items[{position}]"
    account = _reference(line.get("account"))
    if account not in chart:
        raise Refused(
            "USER_ERROR",
            f"Error while accessing a resource. Invalid account reference key {account} for subsidiary 1.",
            path,
        )
    entity = _reference(line.get("entity"))
    if chart[account] == "AcctRec" and not entity:
        raise Refused(
            "USER_ERROR",
            "Error while accessing a resource. For transactions, A/R and A/P lines need a name.",
            path,
        )
    sides = [_amount(line.get(name), f"{path}.{name}") for name in ("debit", "credit")]
    if sum(side is not None for side in sides) != 1:
        raise Refused(
            "USER_ERROR",
            "Error while accessing a resource. Please enter a debit or a credit amount.",
            path,
        )
    return (account, *sides, line.get("memo"), entity)


def _items(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((body.get("line") or {}).get("items") or [])


def _reference(value: Any) -> str | None:
    """The id of a reference such as {"id": "1"} or {"externalId": "C1"}."""
    if not isinstance(value, Mapping):
        return None
    found = value.get("id") or value.get("externalId")
    return str(found) if found else None


def _amount(value: Any, path: str) -> str | None:
    if value is None:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal(-1)
    if isinstance(value, bool | str) or amount <= 0:
        raise Refused(
            "INVALID_CONTENT",
            "Invalid value for the resource or sub-resource field. Provide a valid value.",
            path,
        )
    # NetSuite keeps amounts in the currency's own precision.
    return str(amount.quantize(CENT))


def _require_balance(lines: Sequence[tuple]) -> None:
    debit = sum((Decimal(line[1]) for line in lines if line[1]), Decimal(0))
    credit = sum((Decimal(line[2]) for line in lines if line[2]), Decimal(0))
    if len(lines) < 2 or debit != credit:
        raise Refused(
            "USER_ERROR",
            f"Error while accessing a resource. Transaction was not in balance. total = {debit - credit}.",
        )
