"""A small, honest subset of SOQL: what it does not know is an error, never a guess.

SELECT fields | COUNT() | COUNT(field) FROM object [WHERE conditions] [ORDER BY fields] [LIMIT n] [OFFSET n]

Conditions: = != <> < > <= >=, IN, NOT IN, LIKE, combined by AND, OR, NOT and parentheses; literals are quoted
text, numbers, dates, datetimes, booleans and null. Text compares without regard to case and `!=` keeps nulls, as
the vendor does. No relationships, no functions, no grouping.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from include.sandbox.vendors.salesforce.schema import (
    NUMBERS,
    TEXT,
    Field,
    FieldError,
    SObject,
    as_date,
    as_datetime,
)

TOKEN = re.compile(
    r"\s+|(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<moment>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2}))"
    r"|(?P<day>\d{4}-\d{2}-\d{2})|(?P<number>[+-]?\d+(?:\.\d+)?)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)|(?P<mark>!=|<>|<=|>=|[=<>(),])"
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
Condition = Callable[[dict[str, Any]], bool]


@dataclass(frozen=True)
class Query:
    """A parsed query. `fields` is empty for COUNT(); `counts` says what is counted ("" = rows, None = nothing)."""

    sobject: SObject
    fields: tuple[str, ...]
    counts: str | None
    condition: Condition
    order: tuple[tuple[Field, bool, bool], ...]
    limit: int | None
    offset: int

    def run(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Filter, sort and cut; returns whole records in order."""
        found = [record for record in records if self.condition(record)]
        for field, descending, nulls_last in reversed(self.order):
            known = [record for record in found if record.get(field.name) is not None]
            absent = [record for record in found if record.get(field.name) is None]
            known.sort(
                key=lambda record, field=field: comparable(field, record[field.name]), reverse=descending
            )
            found = known + absent if nulls_last else absent + known
        end = None if self.limit is None else self.offset + self.limit
        return found[self.offset : end]


def parse(text: str, objects: dict[str, SObject]) -> Query:
    """Read a query against the known objects; FieldError carries MALFORMED_QUERY, INVALID_TYPE or INVALID_FIELD."""
    return _Parser(text, objects).query()


def comparable(field: Field, value: Any) -> Any:
    """A stored value in the form in which two of the same field compare."""
    if field.type in TEXT:
        return str(value).lower() if field.type != "id" else str(value)[:15]
    if field.type == "date":
        return as_date(str(value)[:10])
    if field.type == "datetime":
        return as_datetime(value)
    return value if isinstance(value, bool) else Decimal(str(value))


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position = [], 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise _malformed(f"unexpected token: {text[position : position + 12]}")
        position = match.end()
        if match.lastgroup:
            found.append((match.lastgroup, match.group()))
    return found


def _malformed(message: str) -> FieldError:
    return FieldError("MALFORMED_QUERY", f"{message} (the sandbox knows a subset of SOQL)")


class _Parser:
    """Recursive descent over the tokens, the object known before its fields are checked."""

    def __init__(self, text: str, objects: dict[str, SObject]):
        self.tokens = _tokens(text)
        self.position = 0
        self.objects = objects
        self.sobject: SObject

    def query(self) -> Query:
        self._expect("select")
        counts, names = self._selection()
        self._expect("from")
        name = self._take("word")
        found = {known.lower(): sobject for known, sobject in self.objects.items()}.get(name.lower())
        if found is None:
            raise FieldError("INVALID_TYPE", f"sObject type '{name}' is not supported.")
        self.sobject = found
        fields = tuple(found.field(name).name for name in names)
        if counts:
            counts = found.field(counts).name
        condition = self._or() if self._accept("where") else lambda record: True
        order = self._order() if self._accept("order") else ()
        limit = int(self._take("number")) if self._accept("limit") else None
        offset = int(self._take("number")) if self._accept("offset") else 0
        if self.position < len(self.tokens):
            raise _malformed(f"unexpected token: {self.tokens[self.position][1]}")
        return Query(found, fields, counts, condition, order, limit, offset)

    def _selection(self) -> tuple[str | None, list[str]]:
        if self._accept("count"):
            self._mark("(")
            counted = "" if self._peek() == ("mark", ")") else self._take("word")
            self._mark(")")
            return counted, []
        names = [self._take("word")]
        while self._peek() == ("mark", ","):
            self.position += 1
            names.append(self._take("word"))
        return None, names

    def _order(self) -> tuple[tuple[Field, bool, bool], ...]:
        self._expect("by")
        order = []
        while True:
            field = self.sobject.field(self._take("word"))
            descending = self._accept("desc") or (self._accept("asc") and False)
            nulls_last = False
            if self._accept("nulls"):
                nulls_last = self._accept("last")
                if not nulls_last:
                    self._expect("first")
            order.append((field, descending, nulls_last))
            if self._peek() != ("mark", ","):
                return tuple(order)
            self.position += 1

    def _or(self) -> Condition:
        parts = [self._and()]
        while self._accept("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else lambda record: any(part(record) for part in parts)

    def _and(self) -> Condition:
        parts = [self._not()]
        while self._accept("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else lambda record: all(part(record) for part in parts)

    def _not(self) -> Condition:
        if self._accept("not"):
            inner = self._not()
            return lambda record: not inner(record)
        if self._peek() == ("mark", "("):
            self.position += 1
            inner = self._or()
            self._mark(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        field = self.sobject.field(self._take("word"))
        if self._accept("not"):
            self._expect("in")
            return self._membership(field, negated=True)
        if self._accept("in"):
            return self._membership(field, negated=False)
        if self._accept("like"):
            return self._like(field)
        mark = self._take("mark")
        if mark not in COMPARISONS:
            raise _malformed(f"unexpected token: {mark}")
        wanted, test = self._literal(field), COMPARISONS[mark]
        if wanted is None:
            if mark not in ("=", "!=", "<>"):
                raise _malformed("null compares with = and != only")
            return lambda record: (record.get(field.name) is None) == (mark == "=")
        keeps_null = mark in ("!=", "<>")

        def condition(record: dict[str, Any]) -> bool:
            value = record.get(field.name)
            return keeps_null if value is None else test(comparable(field, value), wanted)

        return condition

    def _membership(self, field: Field, *, negated: bool) -> Condition:
        self._mark("(")
        wanted = {self._literal(field)}
        while self._peek() == ("mark", ","):
            self.position += 1
            wanted.add(self._literal(field))
        self._mark(")")

        def condition(record: dict[str, Any]) -> bool:
            value = record.get(field.name)
            return ((None if value is None else comparable(field, value)) in wanted) != negated

        return condition

    def _like(self, field: Field) -> Condition:
        pattern = self._literal(field)
        if field.type not in TEXT or pattern is None:
            raise _malformed("LIKE needs a text field and a quoted pattern")
        pieces = [{"%": ".*", "_": "."}.get(part, re.escape(part)) for part in re.split(r"([%_])", pattern)]
        regex = re.compile("".join(pieces) + r"\Z", re.DOTALL)
        return lambda record: bool(record.get(field.name)) and bool(regex.match(record[field.name].lower()))

    def _literal(self, field: Field) -> Any:
        kind, text = self._next()
        if kind == "word" and text.lower() == "null":
            return None
        wants = (
            "text"
            if field.type in TEXT
            else {"date": "day", "datetime": "moment", "boolean": "word"}.get(field.type, "number")
        )
        if kind != wants or (wants == "word" and text.lower() not in ("true", "false")):
            quoted = " and should not be enclosed in quotes" if kind == "text" else ""
            shown = "dateTime" if field.type == "datetime" else field.type
            raise FieldError(
                "INVALID_FIELD",
                f"value of filter criterion for field '{field.name}' must be of type {shown}{quoted}",
                (field.name,),
            )
        if wants == "text":
            text = re.sub(
                r"\\(.)", lambda escape: ESCAPES.get(escape[1], escape[1]), text[1:-1], flags=re.DOTALL
            )
        elif wants == "word":
            return text.lower() == "true"
        assert wants != "number" or field.type in (*NUMBERS, "int")
        return comparable(field, text)

    def _peek(self) -> tuple[str, str] | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        if token is None:
            raise _malformed("unexpected end of the query")
        self.position += 1
        return token

    def _take(self, kind: str) -> str:
        found, text = self._next()
        if found != kind:
            raise _malformed(f"unexpected token: {text}")
        return text

    def _mark(self, mark: str) -> None:
        if self._take("mark") != mark:
            raise _malformed(f"expected {mark}")

    def _accept(self, word: str) -> bool:
        token = self._peek()
        if token and token[0] == "word" and token[1].lower() == word:
            self.position += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise _malformed(f"expected {word.upper()}")
