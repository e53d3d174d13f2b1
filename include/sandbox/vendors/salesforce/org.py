"""One Salesforce org: the seeded records, what clients wrote over them, and the rules of writing.

Seeds come from the world's files and are read again whenever a file changes; writes are kept in the store and win
over a seed of the same Id.
"""

from __future__ import annotations

import csv
import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from include.errors import TradewindError
from include.sandbox.store import Store
from include.sandbox.vendors.salesforce.schema import (
    SYSTEM_FIELDS,
    Field,
    FieldError,
    SObject,
    as_datetime,
    declared,
    show_datetime,
    with_seeded_fields,
)

BASE62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
EPOCH = "2020-01-01T00:00:00.000+0000"


@dataclass(frozen=True)
class Outcome:
    """What became of one record: its Id where it was stored, or why it was refused."""

    id: str | None
    created: bool = False
    error: FieldError | None = None

    def as_document(self) -> dict[str, Any]:
        """One entry of a collection response."""
        if self.error is None:
            return {"id": self.id, "success": True, "errors": [], "created": self.created}
        error = {"statusCode": self.error.code, "message": self.error.message, "fields": self.error.fields}
        return {"success": False, "errors": [error]}


class Org:
    """The data of one tenant's org. Safe to use from several threads."""

    def __init__(self, tenant: str, world: Path, store: Store):
        self.tenant, self.store = tenant, store
        self.space = f"salesforce:{tenant}"
        self.folder = world / tenant / "salesforce"
        self.lock = threading.RLock()
        self._stamps: dict[str, tuple] = {}
        self._objects: dict[str, SObject] = dict(declared())
        self._seeds: dict[str, dict[str, dict]] = {}
        self._written: dict[str, dict[str, dict]] = {}
        self._unique: dict[tuple[str, str], dict[str, str]] = {}

    def objects(self) -> dict[str, SObject]:
        """Every object of the org, with the columns its seeds have."""
        with self.lock:
            for name in self._objects:
                self._read_seed(name)
            return dict(self._objects)

    def sobject(self, name: str) -> SObject:
        """One object by name; FieldError NOT_FOUND."""
        found = self.objects().get(name)
        if found is None:
            raise FieldError("NOT_FOUND", "The requested resource does not exist")
        return found

    def records(self, name: str, *, with_deleted: bool) -> list[dict[str, Any]]:
        """All records of an object."""
        with self.lock:
            merged = self._merged(name)
        return [record for record in merged.values() if with_deleted or not record["IsDeleted"]]

    def get(self, name: str, record_id: str) -> dict[str, Any] | None:
        """One record that is not deleted, by its 18- or 15-character Id."""
        found = self._merged(name).get(record_id)
        if found is None and len(record_id) == 15:
            found = self._merged(name).get(record_id + checksum(record_id))
        return None if found is None or found["IsDeleted"] else found

    def find(self, sobject: SObject, field: Field, value: str) -> dict[str, Any] | None:
        """The live record with this external id."""
        if field.name == "Id":
            return self.get(sobject.name, value)
        record_id = self._index(sobject, field).get(value.lower())
        return None if record_id is None else self.get(sobject.name, record_id)

    def upsert(self, sobject: SObject, field: Field, value: Any, values: dict[str, Any]) -> Outcome:
        """Create or update by external id; a refused record is an Outcome with its error, nothing is stored."""
        with self.lock, self.store.transaction():
            try:
                if value in (None, ""):
                    raise FieldError("MISSING_ARGUMENT", f"{field.name} not specified", (field.name,))
                accepted = field.accept(str(value))
                existing = self.find(sobject, field, accepted)
                if existing is None and field.name == "Id":
                    raise FieldError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ("Id",))
                identity = {} if field.name == "Id" else {field.name: accepted}
                return self._write(sobject, existing, {**values, **identity})
            except FieldError as error:
                return Outcome(None, error=error)

    def write(self, sobject: SObject, record_id: str | None, values: dict[str, Any]) -> Outcome:
        """Create (`record_id` None) or update one record."""
        with self.lock, self.store.transaction():
            try:
                existing = None if record_id is None else self.get(sobject.name, record_id)
                if record_id is not None and existing is None:
                    raise FieldError("ENTITY_IS_DELETED", "entity is deleted or does not exist")
                return self._write(sobject, existing, values)
            except FieldError as error:
                return Outcome(None, error=error)

    def delete(self, sobject: SObject, record_id: str) -> Outcome:
        """Soft delete: the record stays visible to queryAll with IsDeleted."""
        with self.lock, self.store.transaction():
            existing = self.get(sobject.name, record_id)
            if existing is None:
                return Outcome(None, error=FieldError("ENTITY_IS_DELETED", "entity is deleted"))
            if "IsDeleted" not in sobject.fields:
                return Outcome(None, error=FieldError("DELETE_FAILED", f"{sobject.name} cannot be deleted"))
            self._keep(sobject.name, {**existing, "IsDeleted": True, "SystemModstamp": _now()})
            return Outcome(existing["Id"])

    def _write(self, sobject: SObject, existing: dict | None, values: dict[str, Any]) -> Outcome:
        accepted = {}
        for name, value in values.items():
            field = sobject.field(name)
            if field.name in SYSTEM_FIELDS:
                raise FieldError(
                    "INVALID_FIELD_FOR_INSERT_UPDATE",
                    f"Unable to create/update fields: {field.name}. Please check the security settings of this field "
                    "and verify that it is read/write for your profile or permission set.",
                    (field.name,),
                )
            accepted[field.name] = field.accept(value)
        if existing is None:
            missing = [
                f.name for f in sobject.fields.values() if f.is_required and accepted.get(f.name) is None
            ]
            if missing:
                raise FieldError(
                    "REQUIRED_FIELD_MISSING",
                    f"Required fields are missing: [{', '.join(missing)}]",
                    tuple(missing),
                )
        record_id = existing["Id"] if existing else None
        self._check_references(sobject, accepted)
        for field in sobject.fields.values():
            if field.is_unique and accepted.get(field.name) is not None:
                holder = self._index(sobject, field).get(accepted[field.name].lower())
                if holder not in (None, record_id):
                    raise FieldError(
                        "DUPLICATE_VALUE",
                        f"duplicate value found: {field.name} duplicates value on record with id: {holder}",
                        (field.name,),
                    )
        now = _now()
        if existing is None:
            record_id = self._next_id(sobject)
            existing = {"Id": record_id, "IsDeleted": False, "CreatedDate": now}
            if "Name" in sobject.fields:
                accepted.setdefault("Name", record_id)
            created = True
        else:
            created = False
        self._keep(sobject.name, {**existing, **accepted, "LastModifiedDate": now, "SystemModstamp": now})
        return Outcome(record_id, created)

    def _check_references(self, sobject: SObject, accepted: dict[str, Any]) -> None:
        for name, value in accepted.items():
            target = sobject.fields[name].references
            if value is not None and target in self._objects and self.get(target, value) is None:
                raise FieldError(
                    "INVALID_CROSS_REFERENCE_KEY", f"invalid cross reference id: {name} {value}", (name,)
                )

    def _keep(self, name: str, record: dict[str, Any]) -> None:
        self.store.put(self.space, f"record:{name}", record["Id"], record)
        before = self._merged(name).get(record["Id"])
        self._written[name][record["Id"]] = record
        for (indexed, field), index in self._unique.items():
            if indexed != name:
                continue
            if before and before.get(field) and index.get(str(before[field]).lower()) == record["Id"]:
                del index[str(before[field]).lower()]
            if record.get(field) and not record["IsDeleted"]:
                index[str(record[field]).lower()] = record["Id"]

    def forget_unsaved(self) -> None:
        """Read the written records from the store again, after a transaction was rolled back."""
        with self.lock:
            self._written.clear()
            self._unique.clear()

    def _merged(self, name: str) -> dict[str, dict]:
        self._read_seed(name)
        if name not in self._written:
            self._written[name] = self.store.every(self.space, f"record:{name}")
        written = self._written[name]
        return {**self._seeds.get(name, {}), **written} if name in self._seeds else written

    def _index(self, sobject: SObject, field: Field) -> dict[str, str]:
        self._read_seed(sobject.name)
        key = (sobject.name, field.name)
        if key not in self._unique:
            records = self._merged(sobject.name).values()
            self._unique[key] = {
                str(r[field.name]).lower(): r["Id"]
                for r in records
                if r.get(field.name) and not r["IsDeleted"]
            }
        return self._unique[key]

    def _next_id(self, sobject: SObject) -> str:
        number = (self.store.get(self.space, "counter", sobject.name) or 0) + 1
        self.store.put(self.space, "counter", sobject.name, number)
        return make_id(sobject.prefix, number)

    def _read_seed(self, name: str) -> None:
        for path in (self.folder / f"{name}.json", self.folder / f"{name}.csv"):
            if path.exists():
                break
        else:
            return
        stat = path.stat()
        stamp = (path, stat.st_mtime_ns, stat.st_size)
        if self._stamps.get(name) == stamp:
            return
        rows = _rows(path)
        self._objects[name] = with_seeded_fields(declared()[name], rows)
        self._seeds[name] = {row["Id"]: row for row in (_seeded(row, self._objects[name]) for row in rows)}
        if len(self._seeds[name]) != len(rows):
            raise TradewindError(
                where=str(path),
                expected=f"{len(rows)} different Ids",
                got=str(len(self._seeds[name])),
                remedy="make the world again: its records share Ids",
            )
        self._stamps[name] = stamp
        self._unique = {key: index for key, index in self._unique.items() if key[0] != name}


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".json":
        return json.loads(path.read_text())
    with open(path, newline="") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def _seeded(row: dict[str, Any], sobject: SObject) -> dict[str, Any]:
    """A seed record with values as the org stores them and the system fields it may lack."""
    record = {"IsDeleted": False, **row}
    moment = (
        record.get("SystemModstamp") or record.get("LastModifiedDate") or record.get("CreatedDate") or EPOCH
    )
    for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp"):
        record[name] = record.get(name) or moment
    for name, value in record.items():
        kind = SYSTEM_FIELDS.get(name) or sobject.fields[name].type
        if value is not None and kind == "datetime":
            record[name] = show_datetime(as_datetime(value if "T" in value else f"{value}T00:00:00Z"))
        elif isinstance(value, str) and kind in ("boolean", "currency", "number", "percent", "double", "int"):
            field = sobject.fields.get(name) or Field(name, kind)
            record[name] = field.accept(value)
    return record


def make_id(prefix: str, number: int) -> str:
    """An 18-character Id: object prefix, pod, base-62 counter, and the vendor's case checksum."""
    digits = ""
    for _ in range(9):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    short = f"{prefix}SBX{digits}"
    return short + checksum(short)


def checksum(short: str) -> str:
    """The three characters that make a 15-character Id safe where case is lost."""
    chunks = (short[start : start + 5] for start in (0, 5, 10))
    return "".join(CHECKSUM[sum(1 << bit for bit, char in enumerate(c) if char.isupper())] for c in chunks)


def _now() -> str:
    return show_datetime(datetime.now(UTC))
