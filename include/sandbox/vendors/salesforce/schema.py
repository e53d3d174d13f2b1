"""What the simulated org knows of its objects: fields, their types, and how a sent value is checked.

`objects.json` declares the objects. A field of the seeded world that is not declared there becomes a custom field
of the type its values have, so that the world may grow columns without an edit here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

SYSTEM_FIELDS = {
    "Id": "id",
    "IsDeleted": "boolean",
    "CreatedDate": "datetime",
    "LastModifiedDate": "datetime",
    "SystemModstamp": "datetime",
}
TEXT = ("string", "picklist", "reference", "id", "textarea")
NUMBERS = ("currency", "number", "percent", "double")
DECLARATION = re.compile(r"(\w+)(?:\(([^)]*)\))?((?: \w+)*)\Z")


class FieldError(Exception):
    """A value or field the org refuses, in the vendor's own code and words."""

    def __init__(self, code: str, message: str, fields: tuple[str, ...] = ()):
        super().__init__(message)
        self.code, self.message, self.fields = code, message, list(fields)


@dataclass(frozen=True)
class Field:
    """One field of an object; `size` is (length,) for text and (precision, scale) for numbers."""

    name: str
    type: str
    size: tuple[int, ...] = ()
    references: str | None = None
    is_required: bool = False
    is_external_id: bool = False
    is_unique: bool = False

    @classmethod
    def declared(cls, name: str, declaration: str) -> Field:
        """Read one declaration of `objects.json`, such as `currency(18,2) required`."""
        kind, inside, flags = DECLARATION.match(declaration).groups()
        words = flags.split()
        sizes = tuple(int(part) for part in inside.split(",")) if inside and inside[0].isdigit() else ()
        return cls(
            name,
            kind,
            sizes,
            inside if kind == "reference" else None,
            "required" in words,
            "external" in words,
            "unique" in words,
        )

    def describe(self) -> dict[str, Any]:
        """The field as a describe call shows it."""
        is_text = self.type in TEXT
        precision, scale = self.size if len(self.size) == 2 else (9 if self.type == "int" else 0, 0)
        return {
            "name": self.name,
            "label": self.name.removesuffix("__c").replace("_", " "),
            "type": "double" if self.type == "number" else self.type,
            "length": (self.size[0] if self.size else 18 if self.type in ("id", "reference") else 255)
            if is_text
            else 0,
            "precision": precision,
            "scale": scale,
            "custom": self.name.endswith("__c"),
            "nillable": not self.is_required and self.name not in SYSTEM_FIELDS,
            "externalId": self.is_external_id,
            "unique": self.is_unique,
            "idLookup": self.is_external_id or self.name == "Id",
            "createable": self.name not in SYSTEM_FIELDS,
            "updateable": self.name not in SYSTEM_FIELDS,
            "referenceTo": [self.references] if self.references else [],
        }

    def accept(self, value: Any) -> Any:
        """Check one sent value (JSON, or text out of a CSV) and return it as the org stores it.

        Raises FieldError as the vendor would: wrong type, too long, out of range.
        """
        if value is None or value == "":
            if self.is_required:
                raise FieldError(
                    "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{self.name}]", (self.name,)
                )
            return None
        if self.type in TEXT:
            return self._accept_text(value)
        if self.type in NUMBERS or self.type == "int":
            return self._accept_number(value)
        if self.type == "boolean":
            if str(value).lower() not in ("true", "false"):
                raise self._wrong_type(value)
            return str(value).lower() == "true"
        try:
            return as_date(value).isoformat() if self.type == "date" else show_datetime(as_datetime(value))
        except ValueError:
            raise self._wrong_type(value) from None

    def _accept_text(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self._wrong_type(value)
        limit = self.size[0] if self.size else 18 if self.type in ("id", "reference") else 255
        if len(value) > limit:
            raise FieldError(
                "STRING_TOO_LONG",
                f"{self.name}: data value too large: {value[:40]} (max length={limit})",
                (self.name,),
            )
        return value

    def _accept_number(self, value: Any) -> int | float:
        try:
            number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
        except InvalidOperation:
            raise self._wrong_type(value) from None
        if not number.is_finite():
            raise self._wrong_type(value)
        precision, scale = self.size if len(self.size) == 2 else (9, 0) if self.type == "int" else (18, 2)
        if abs(number) >= Decimal(10) ** (precision - scale):
            raise FieldError(
                "NUMBER_OUTSIDE_VALID_RANGE",
                f"{self.name}: value outside of valid range on numeric field: {value}",
                (self.name,),
            )
        return int(number) if number == number.to_integral_value() else float(number)

    def _wrong_type(self, value: Any) -> FieldError:
        return FieldError(
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            f"{self.name}: value not of required type: {str(value)[:80]}",
            (self.name,),
        )


@dataclass(frozen=True)
class SObject:
    """One object type: key prefix of its Ids, and its fields by name."""

    name: str
    prefix: str
    label: str
    fields: dict[str, Field]

    def field(self, name: str) -> Field:
        """A field by name in any case, as in SOQL; FieldError INVALID_FIELD if there is none."""
        found = self.fields.get(name) or next(
            (field for key, field in self.fields.items() if key.lower() == name.lower()), None
        )
        if found is None:
            raise FieldError(
                "INVALID_FIELD",
                f"No such column '{name}' on entity '{self.name}'. If you are attempting to use a custom field, be "
                "sure to append the '__c' after the custom field name.",
                (name,),
            )
        return found

    def external_id(self, name: str) -> Field:
        """The field records are upserted by; FieldError unless it is an external id (or Id)."""
        found = self.field(name)
        if not found.is_external_id and found.name != "Id":
            raise FieldError(
                "INVALID_FIELD",
                f"Field name provided, {name} is not an External ID or indexed field for {self.name}",
                (name,),
            )
        return found


@cache
def declared() -> dict[str, SObject]:
    """The objects of `objects.json`, by name."""
    document = json.loads((Path(__file__).parent / "objects.json").read_text())
    return {
        name: SObject(
            name,
            entry["prefix"],
            entry["label"],
            {
                key: Field.declared(key, text)
                for key, text in (SYSTEM_FIELDS | entry["fields"]).items()
                # Users are deactivated, never deleted: the real object has no such column.
                if key != "IsDeleted" or entry.get("is_deletable", True)
            },
        )
        for name, entry in document.items()
    }


def with_seeded_fields(sobject: SObject, records: list[dict[str, Any]]) -> SObject:
    """The object with a custom field for every seeded column that is not declared."""
    unknown = (
        {key for record in records for key in record} - set(sobject.fields) - {"attributes", *SYSTEM_FIELDS}
    )
    extra = {
        name: Field(name, _kind([record.get(name) for record in records]), is_external_id=False)
        for name in sorted(unknown)
    }
    return SObject(sobject.name, sobject.prefix, sobject.label, {**sobject.fields, **extra})


def _kind(values: list[Any]) -> str:
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        return "boolean"
    if known and all(isinstance(value, int | float) for value in known):
        return "double"
    for kind, parse in (("date", as_date), ("datetime", as_datetime)):
        try:
            if known and all(isinstance(value, str) and parse(value) for value in known):
                return kind
        except ValueError:
            continue
    return "textarea"


def as_date(value: Any) -> date:
    """A date in ISO form; ValueError for anything else, also for a date with a time."""
    if not isinstance(value, str) or len(value) != 10:
        raise ValueError(value)
    return date.fromisoformat(value)


def as_datetime(value: Any) -> datetime:
    """A moment in ISO form, UTC where no offset is given; ValueError for anything else, also for a bare date."""
    if not isinstance(value, str) or "T" not in value:
        raise ValueError(value)
    moment = datetime.fromisoformat(value)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def show_datetime(moment: datetime) -> str:
    """A moment as the REST API writes it, with milliseconds and +0000."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"
