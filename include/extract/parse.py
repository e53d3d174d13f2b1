"""One cell: its text as the declared type, or why not.

Every distinct text is judged once per file and remembered (`CellParser` is a dictionary), which is what makes
millions of rows cheap: dates, keys and flags repeat. Answers are in PostgreSQL's COPY text form.
"""

from __future__ import annotations

import json
import re
import unicodedata
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

from include.extract.contracts import Column
from include.extract.rows import Cell, Unreadable

NULL = "\\N"
#: Remembered texts per column before the memory is emptied.
MEMORY = 200_000
#: A key stands in a unique index, whose entries are at most 2,704 bytes for all columns together.
KEY_BYTES = 250

_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]+))?")
_INTEGER = re.compile(r"[+-]?[0-9]+(?:\.0+)?")
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]00:00(?::00(?:\.0+)?)?)?")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
#: What is cut off both ends of a cell: Unicode's white space, and marks that show as nothing.
_INVISIBLE = "".join(
    map(chr, (*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200C)))
) + ("\u2028\u2029\u202f\u205f\u3000\ufeff")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_OPEN_END = date(9999, 12, 31)
_POSSIBLE_YEARS = "a year from 1900 to 2200"
_IMPOSSIBLE_YEAR = "the year cannot be meant"
#: One less than NUMERIC(19,4) holds: a sum of what was accepted must fit as well, or one row of one company
#: would stop the marts of all.
_WHOLE_DIGITS = 14
#: More than any shipment, so that a year of such rows still fits.
_WHOLE_UNITS = 11
_TRUE, _FALSE = {"true", "t", "yes", "y", "1"}, {"false", "f", "no", "n", "0"}
#: ISO 4217: active codes, then those retired since 1995, which old rates and ledgers still carry. XXX is the
#: standard's "no currency": heads and units of statistical accounts.
_ACTIVE = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD
HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN
PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY
TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF XXX YER ZAR ZMW ZWG
"""
_RETIRED = """
HRK EEK LTL LVL SKK SIT MTL CYP DEM FRF ITL ESP PTE NLG BEF ATS FIM IEP GRD LUF ROL TRL VEB VEF MRO STD ZMK
ZWL BYR AZM GHC MZM SDD SRG TMM AFA CSD SLL ANG CUC
"""
CURRENCIES = frozenset(_ACTIVE.split()) | frozenset(_RETIRED.split())


class CellRefused(ValueError):
    """Why a text is not of its type: what was expected, and the reason in words."""

    def __init__(self, expected: str, reason: str):
        super().__init__(reason)
        self.expected = expected
        self.reason = reason


#: Stands in a parsed column for a cell that was refused.
REFUSED = object()


class CellParser(dict):
    """Maps a cell to its COPY text, `NULL`, or `REFUSED`; `judge` then says why."""

    def __init__(self, column: Column):
        super().__init__()
        self.column = column
        self.has_refused = False
        self._parse = PARSERS[column.type]
        self._spelling = {value.casefold(): value for value in column.allowed}

    def __missing__(self, cell: Cell) -> object:
        if len(self) >= MEMORY:
            self.clear()
        try:
            answer = self.judge(cell)
        except CellRefused:
            self.has_refused = True
            answer = REFUSED
        self[cell] = answer
        return answer

    def judge(self, cell: Cell) -> str:
        """The cell's COPY text; raises CellRefused."""
        if isinstance(cell, Unreadable):
            raise CellRefused(cell.expected, cell.reason)
        text = cell.strip(_INVISIBLE)
        if not text:
            return self._empty()
        value = self._parse(text)
        if self._spelling:
            value = self._listed(value)
        if self.column.is_event and value == _OPEN_END.isoformat():
            raise CellRefused(_POSSIBLE_YEARS, f"{_IMPOSSIBLE_YEAR}: {self.column.name} has no open end")
        if self.column.minimum is not None and Decimal(value) < self.column.minimum:
            raise CellRefused(
                f"at least {Decimal(self.column.minimum):f}", f"{self.column.name} is below its minimum"
            )
        if self.column.type == "text":
            return self._text(value)
        return value

    def _empty(self) -> str:
        if self.column.default is not None:
            return self.column.default
        if self.column.required:
            raise CellRefused(
                f"a value ({EXPECTED[self.column.type]})", f"{self.column.name} is required and empty"
            )
        return NULL

    def _listed(self, value: str) -> str:
        try:
            return self._spelling[value.casefold()]
        except KeyError:
            raise CellRefused(
                "one of " + ", ".join(self.column.allowed), f"{self.column.name} is none of the listed values"
            ) from None

    def _text(self, value: str) -> str:
        if self.column.key:
            if "\n" in value or "\r" in value or "\t" in value:
                raise CellRefused("a key on one line", "the key has a line break or tab in it")
            if len(value.encode()) > KEY_BYTES:
                raise CellRefused(
                    f"a key of at most {KEY_BYTES} bytes", f"the key has {len(value.encode())} bytes"
                )
        return value.translate(_ESCAPES)


def parse_text(text: str) -> str:
    """Text without control characters, in Unicode's composed form (so that equal names are equal)."""
    if _CONTROL.search(text):
        what = "a NUL byte" if "\0" in text else "a control character"
        raise CellRefused("printable text", f"the cell holds {what}")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        raise CellRefused("Unicode text", "the cell holds half of a character (a lone surrogate)") from None
    return unicodedata.normalize("NFC", text)


def parse_currency(text: str) -> str:
    """An ISO 4217 code; upper and lower case do not matter."""
    code = text.upper()
    if code not in CURRENCIES:
        raise CellRefused(EXPECTED["currency"], "not an ISO 4217 currency code")
    return code


def parse_integer(text: str) -> str:
    """A whole number of 32 bits; `12.0` is whole."""
    if not _INTEGER.fullmatch(text):
        raise CellRefused(EXPECTED["integer"], _why_no_number(text))
    value = int(text.split(".")[0])
    if not -(2**31) <= value < 2**31:
        raise CellRefused("at most 2147483647", "the number is too large")
    return str(value)


def parse_money(text: str) -> str:
    """Decimal text with at most four decimals, below 10^14, never rounded."""
    return _decimal(text, "money", whole=_WHOLE_DIGITS, places=4)


def parse_units(text: str) -> str:
    """Decimal text with at most four decimals, below 10^11."""
    return _decimal(text, "units", whole=_WHOLE_UNITS, places=4)


def parse_rate(text: str) -> str:
    """A fraction (1 = 100 %); what is beyond nine decimals is rounded half up, as the column keeps nine."""
    sign, whole, decimals = _number_parts(text, "rate")
    if len(decimals) > 9:
        exact = Decimal(f"{sign}{whole or 0}.{decimals}")
        rounded = exact.quantize(Decimal("1e-9"), rounding=ROUND_HALF_UP)
        sign, whole, decimals = _number_parts(format(rounded, "f"), "rate")
    return _fixed(sign, whole, decimals, "rate", limit=9, places=9)


def parse_date(text: str) -> str:
    """An ISO 8601 date between 1900 and 2200, or 9999-12-31 for an open end; midnight may follow."""
    found = _DATE.fullmatch(text)
    if not found:
        raise CellRefused(EXPECTED["date"], _why_no_date(text))
    try:
        value = date.fromisoformat(found[1])
    except ValueError:
        raise CellRefused(EXPECTED["date"], "no such day in the calendar") from None
    if not 1900 <= value.year <= 2200 and value != _OPEN_END:
        raise CellRefused(_POSSIBLE_YEARS, _IMPOSSIBLE_YEAR)
    return found[1]


def parse_timestamp(text: str) -> str:
    """An ISO 8601 moment, given in UTC; without an offset it is UTC."""
    if not _MOMENT.fullmatch(text):
        raise CellRefused(EXPECTED["timestamp"], _why_no_date(text))
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise CellRefused(EXPECTED["timestamp"], "no such moment in the calendar") from None
    if not 1900 <= value.year <= 2200:
        raise CellRefused(_POSSIBLE_YEARS, _IMPOSSIBLE_YEAR)
    value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value.isoformat()


def parse_boolean(text: str) -> str:
    """true/false, yes/no, t/f, y/n, 1/0."""
    word = text.lower()
    if word in _TRUE:
        return "true"
    if word in _FALSE:
        return "false"
    raise CellRefused(EXPECTED["boolean"], "neither true nor false")


def parse_json(text: str) -> str:
    """JSON as PostgreSQL's jsonb takes it: no NaN, no NUL, no half characters."""
    try:
        value = json.loads(
            text, parse_constant=_no_constant, parse_float=_json_number, parse_int=_json_number
        )
        plain = json.dumps(value, ensure_ascii=False, default=str)
        plain.encode()
    except (ValueError, RecursionError):
        raise CellRefused(EXPECTED["json"], "the JSON does not parse") from None
    if "\\u0000" in plain:
        raise CellRefused("JSON without \\u0000", "the JSON holds a NUL character")
    return text.translate(_ESCAPES)


def parse_uuid(text: str) -> str:
    """A UUID, with or without dashes."""
    if not _UUID.fullmatch(text):
        raise CellRefused(EXPECTED["uuid"], "not a UUID")
    return str(uuid.UUID(text))


PARSERS: dict[str, Callable[[str], str]] = {
    "text": parse_text,
    "currency": parse_currency,
    "integer": parse_integer,
    "units": parse_units,
    "money": parse_money,
    "rate": parse_rate,
    "date": parse_date,
    "timestamp": parse_timestamp,
    "boolean": parse_boolean,
    "json": parse_json,
    "uuid": parse_uuid,
}
EXPECTED = {
    "text": "text",
    "currency": "an ISO 4217 code such as USD",
    "integer": "a whole number such as 12",
    "units": "decimal text with at most four decimals, such as 12.5",
    "money": "decimal text with at most four decimals, such as 1234.50",
    "rate": "a fraction such as 0.15",
    "date": "a date such as 2026-10-31",
    "timestamp": "a moment such as 2026-10-31T12:00:00Z",
    "boolean": "true or false",
    "json": "JSON",
    "uuid": "a UUID such as 123e4567-e89b-12d3-a456-426614174000",
}


def _decimal(text: str, type: str, *, whole: int, places: int) -> str:
    sign, digits, decimals = _number_parts(text, type)
    if len(decimals) > places:
        if decimals[places:].strip("0"):
            raise CellRefused(
                EXPECTED[type], f"more than {places} decimals; an amount is never rounded on its way in"
            )
        decimals = decimals[:places]
    return _fixed(sign, digits, decimals, type, limit=whole, places=places)


def _number_parts(text: str, type: str) -> tuple[str, str, str]:
    found = _NUMBER.fullmatch(text)
    if not found or not (found[2] or found[3]):
        raise CellRefused(EXPECTED[type], _why_no_number(text))
    return found[1], found[2].lstrip("0"), found[3] or ""


def _fixed(sign: str, digits: str, decimals: str, type: str, *, limit: int, places: int) -> str:
    if len(digits) > limit:
        raise CellRefused(f"at most {limit} digits before the point", "the number is too large")
    value = f"{digits or '0'}.{decimals.ljust(places, '0')}"
    return f"-{value}" if sign == "-" and value.strip("0.") else value


def _why_no_number(text: str) -> str:
    lowered = text.lower()
    if lowered.strip("+-") in ("nan", "inf", "infinity"):
        return "not a number"
    if re.fullmatch(r"[+-]?[0-9.]+e[+-]?[0-9]+", lowered):
        return "exponent form is refused: digits may be lost in it"
    if "%" in text:
        return "a percent sign; write a fraction (15 % is 0.15)"
    if re.fullmatch(r"[^0-9]*[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?[^0-9]*", text):
        return "thousands separators are refused: a comma may also be a decimal comma"
    if re.fullmatch(r"[+-]?[0-9.\s']*,[0-9]+", text):
        return "a decimal comma; write a point"
    if text.startswith("(") and text.endswith(")"):
        return "brackets for a negative amount; write a minus sign in front"
    if re.fullmatch(r"[0-9.]+-", text) or text[:1] in tuple("−–—"):
        return "the minus sign is not a plain one in front"
    if re.search(r"[$€£¥]", text):
        return "a currency sign; the currency has its own column"
    return "not a number"


def _why_no_date(text: str) -> str:
    if re.fullmatch(r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2,4}", text):
        return "day and month cannot be told apart; write year-month-day"
    if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]", text):
        return "a time of day where a date is expected"
    return "not an ISO 8601 date"


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _json_number(text: str) -> Decimal:
    value = Decimal(text)
    if abs(value.adjusted()) > 300 or len(text) > 300:
        raise ValueError("a number beyond every use")
    return value
