"""Reads a Salesforce object completely, or says that it could not.

The walk goes by SystemModstamp with an overlap, page by page: `query_all` hides short reads (it replaces the
total by what it got). A page seen twice is dropped by record id; a lost page shows in the count. When the
session ends in mid-walk the old locator is dead: the walk starts again from the last stamp. Library traps:
spec of simple-salesforce 1.12 (no timeout, no retry, no Retry-After).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Protocol, TypeVar

import requests
from simple_salesforce.exceptions import SalesforceError, SalesforceExpiredSession
from simple_salesforce.format import format_soql
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from include.errors import TradewindError
from include.extract.check import Checked, RowChecker
from include.extract.contracts import Column
from include.extract.manifest import Stream
from include.extract.rows import Batch, Cell, Layout, Unreadable
from include.extract.spreadsheet import plain_number

_NAME = re.compile(r"[A-Za-z]\w*")
_NEXT_PAGE = re.compile(r"/services/data/v\d+\.\d+/query(?:All)?/[\w-]+")
_TIMEOUT = (10, 120)
_RETRIED = {408, 429, 500, 502, 503, 504}
_WALKS = 3
T = TypeVar("T")

#: Contract type -> types a describe call may give the field.
_REMOTE_TYPES = {
    "money": {"currency", "double", "int", "percent"},
    "rate": {"currency", "double", "int", "percent"},
    "integer": {"int", "double"},
    "boolean": {"boolean"},
    "date": {"date"},
    "timestamp": {"datetime"},
}
_NOT_TEXT = {"currency", "double", "int", "percent", "boolean", "date", "datetime", "address", "location"}


class Client(Protocol):
    """What is used of simple_salesforce.Salesforce."""

    session_id: str

    def query(self, query: str, include_deleted: bool = False, **kwargs: object) -> object: ...
    def query_more(self, identifier: str, identifier_is_url: bool = False, **kwargs: object) -> object: ...
    def restful(self, path: str, **kwargs: object) -> object: ...


class Incomplete(Exception):
    """The walk missed records or was led in a circle; it is worth another attempt."""


class _BadBody(Exception):
    """The answer is no page of records: cut, half JSON, or an error with status 200."""


class _SessionEnded(Exception):
    """The session was renewed in mid-walk: the locator belongs to the old one."""


@dataclass
class Patience:
    """How often and how long to wait for the source; `sleep` is replaced by a virtual clock in tests."""

    attempts: int = 60
    attempts_if_broken: int = 6
    longest_seconds: float = 120
    sleep: Callable[[float], None] = time.sleep


@dataclass
class Org:
    """An org behind a client, with retries around every call."""

    client: Client
    login: Callable[[], Client] | None = None
    patience: Patience = field(default_factory=Patience)
    _retry_after: float | None = None
    _has_logged_in: bool = False

    def __post_init__(self) -> None:
        self._listen()

    def describe(self, sobject: str) -> dict[str, str]:
        """Field name -> type of an object, as the org states them."""
        answer = self._call(
            lambda: self.client.restful(f"sobjects/{_name(sobject)}/describe", timeout=_TIMEOUT),
            _is_description,
        )
        return {f["name"]: f["type"] for f in answer["fields"]}

    def count(self, sobject: str, since: datetime | None) -> int:
        """Records of an object changed since, deleted ones included."""
        soql = f"SELECT COUNT() FROM {_name(sobject)}{_where(since)}"
        answer = self._ask(lambda: self.client.query(soql, include_deleted=True, timeout=_TIMEOUT), _is_page)
        return int(answer["totalSize"])

    def pages(self, sobject: str, fields: list[str], since: datetime | None) -> Iterator[list[dict]]:
        """Pages of records in the order of their stamps; restarts behind the last stamp when the session ends."""
        restarts = 0
        while True:
            try:
                for page in self._walk(sobject, fields, since):
                    if page:
                        since = _moment(page[-1]["SystemModstamp"]) or since
                    yield page
                return
            except _SessionEnded:
                restarts += 1
                if restarts > _WALKS:
                    raise Incomplete("the session ended again and again") from None

    def _walk(self, sobject: str, fields: list[str], since: datetime | None) -> Iterator[list[dict]]:
        names = ", ".join(map(_name, fields))
        soql = f"SELECT {names} FROM {_name(sobject)}{_where(since)} ORDER BY SystemModstamp, Id"
        session = self.client.session_id
        page = self._call(lambda: self.client.query(soql, include_deleted=True, timeout=_TIMEOUT), _is_page)
        seen: set[str] = set()
        while True:
            if seen and self.client.session_id != session:
                raise _SessionEnded
            session = self.client.session_id
            yield page["records"]
            if page["done"]:
                return
            following = page.get("nextRecordsUrl")
            if not isinstance(following, str) or not _NEXT_PAGE.fullmatch(following):
                raise Incomplete(f"the next page is at {following!r}, which is no page of this org")
            if following in seen:
                raise Incomplete(f"the page {following} leads back to itself")
            seen.add(following)
            page = self._call(
                lambda url=following: self.client.query_more(url, identifier_is_url=True, timeout=_TIMEOUT),
                _is_page,
            )

    def _ask(self, ask: Callable[[], object], is_good: Callable[[object], bool]) -> dict:
        """A call that stands alone: after a new log-in it is simply asked again."""
        try:
            return self._call(ask, is_good)
        except _SessionEnded:
            return self._call(ask, is_good)

    def _call(self, ask: Callable[[], object], is_good: Callable[[object], bool]) -> dict:
        def once() -> dict:
            self._retry_after = None
            answer = ask()
            if not is_good(answer):
                raise _BadBody(f"not a page of records: {str(answer)[:200]}")
            return answer

        retrying = Retrying(
            retry=retry_if_exception(_is_passing),
            stop=self._stop,
            wait=self._wait,
            sleep=self.patience.sleep,
            reraise=True,
        )
        try:
            return retrying(once)
        except SalesforceExpiredSession:
            self._log_in_again()
            raise _SessionEnded from None
        except SalesforceError as error:
            if b"INVALID_QUERY_LOCATOR" in _content(error):
                raise _SessionEnded from None
            raise _unanswered(error) from error
        except (requests.RequestException, ValueError, _BadBody) as error:
            raise _unanswered(error) from error

    def _log_in_again(self) -> None:
        if self.login is None or self._has_logged_in:
            raise TradewindError(
                where="Salesforce",
                expected="a session that can be renewed once",
                got="401, the session has expired",
                remedy="check the connection's credentials; the rows read so far were not stored",
            )
        self.client = self.login()
        self._has_logged_in = True
        self._listen()

    def _listen(self) -> None:
        """Remember Retry-After of every answer: the library's exceptions do not carry headers."""
        session = getattr(self.client, "session", None)
        if session is not None:
            session.hooks["response"].append(self._remember)

    def _remember(self, response: requests.Response, *_: object, **__: object) -> None:
        text = response.headers.get("Retry-After", "")
        self._retry_after = float(text) if text.isdigit() else None

    def _stop(self, state: RetryCallState) -> bool:
        is_asked_to_wait = getattr(state.outcome.exception(), "status", None) == 429
        limit = self.patience.attempts if is_asked_to_wait else self.patience.attempts_if_broken
        return stop_after_attempt(limit)(state)

    def _wait(self, state: RetryCallState) -> float:
        jittered = wait_random_exponential(multiplier=0.5, max=self.patience.longest_seconds)(state)
        return jittered if self._retry_after is None else self._retry_after + min(jittered, 1.0)


class Walk:
    """One attempt at reading a stream. Figures are complete once `checked` is exhausted."""

    def __init__(self, org: Org, stream: Stream, since: datetime | None):
        self.org, self.stream = org, stream
        self.since = None if since is None else since - timedelta(minutes=stream.overlap_minutes)
        self.watermark = since
        self.deleted: list[str] = []
        self.notes: dict[str, object] = {}
        self._tombstone: list[str] = []
        self._seen: set[str] = set()
        self._repeated = 0
        self._unknown: set[str] = set()
        self._checkers: dict[tuple[str, ...], RowChecker] = {}

    def checked(self) -> Iterator[Checked]:
        """Batches for the loader. Raises Incomplete when records are missing at the end."""
        columns = self._columns()
        fields = [self.stream.source[column.name] for column in columns]
        expected = self.org.count(self.stream.remote, self.since)
        for page in self.org.pages(self.stream.remote, [*fields, *self._tombstone], self.since):
            yield from self._page(page, columns)
        if len(self._seen) != expected and len(self._seen) != (
            again := self.org.count(self.stream.remote, self.since)
        ):
            raise Incomplete(f"{len(self._seen)} records read, the org counts {again}")
        for name, value in (
            ("deleted", len(self.deleted)),
            ("repeated", self._repeated),
            ("unknown_columns", sorted(self._unknown)),
        ):
            if value:
                self.notes[name] = value

    def _columns(self) -> list[Column]:
        """The columns the org has. A field that is gone or of another type stops the stream before it is read."""
        there = self.org.describe(self.stream.remote)
        # Users are deactivated, never deleted: their object has no such field, and asking for it is an error.
        self._tombstone = [name for name in ("IsDeleted",) if name in there]
        columns = []
        for column in self.stream.columns:
            api = self.stream.source[column.name]
            if api not in there:
                if column.name in self.stream.optional:
                    continue
                raise _drift(self.stream, api, "a field of this org", "no such field")
            allowed = _REMOTE_TYPES.get(column.type)
            is_same = there[api] in allowed if allowed else there[api] not in _NOT_TEXT
            if not is_same:
                raise _drift(self.stream, api, f"a field for {column.type}", f"type {there[api]}")
            columns.append(column)
        return columns

    def _page(self, page: list[dict], columns: list[Column]) -> Iterator[Checked]:
        groups: dict[tuple[str, ...], Batch] = {}
        requested = {self.stream.source[column.name] for column in columns} | {"IsDeleted", "attributes"}
        for record in page:
            key = record.get("Id")
            if not isinstance(key, str):
                raise _drift(self.stream, "Id", "a record id", repr(key))
            if key in self._seen:
                self._repeated += 1
                continue
            self._seen.add(key)
            stamp = _moment(record.get("SystemModstamp"))
            if stamp is not None and (self.watermark is None or stamp > self.watermark):
                self.watermark = stamp
            if record.get("IsDeleted"):
                self.deleted.append(key)
                continue
            extras = tuple(sorted(set(record) - requested))
            self._unknown.update(extras)
            batch = groups.setdefault(extras, Batch())
            batch.numbers.append(len(self._seen))
            batch.rows.append(self._cells(record, columns, extras))
        for extras, batch in groups.items():
            yield self._checker(columns, extras).check(batch)

    def _cells(self, record: dict, columns: list[Column], extras: tuple[str, ...]) -> list[Cell]:
        cells = []
        for column in columns:
            api = self.stream.source[column.name]
            if api not in record:
                raise _drift(self.stream, api, "in every record", "a record without it")
            cells.append(self._cell(record[api], column, api))
        return [*cells, *(str(record[name]) if record[name] is not None else "" for name in extras)]

    def _cell(self, value: object, column: Column, api: str) -> Cell:
        match value:
            case None:
                return ""
            case bool() if column.type == "boolean":
                return "true" if value else "false"
            case str() if column.type not in ("money", "rate", "integer", "boolean"):
                return value
            case int() | float() | Decimal() if column.type in (
                "money",
                "rate",
                "integer",
            ) and not isinstance(value, bool):
                return _number(value)
        raise _drift(self.stream, api, f"a JSON value for {column.type}", repr(value))

    def _checker(self, columns: list[Column], extras: tuple[str, ...]) -> RowChecker:
        if extras not in self._checkers:
            header = (*(column.name for column in columns), *extras)
            positions = {column.name: place for place, column in enumerate(columns)}
            unknown = {name: len(columns) + n for n, name in enumerate(extras)}
            self._checkers[extras] = RowChecker(self.stream, Layout(header, positions, unknown, (), ()))
        return self._checkers[extras]


def until_complete(org: Org, stream: Stream, since: datetime | None, load: Callable[[Walk], T]) -> T:
    """`load` a walk of the stream; an incomplete walk is rolled back by it and walked again, three times at most."""
    for attempt in range(1, _WALKS + 1):
        try:
            return load(Walk(org, stream, since))
        except Incomplete as missing:
            if attempt == _WALKS:
                raise TradewindError(
                    where=f"Salesforce {stream.remote}",
                    expected="every record the org counts",
                    got=str(missing),
                    remedy="nothing of this stream was stored; run again, and ask Salesforce support if it stays",
                ) from missing
    raise AssertionError("unreachable")


def _where(since: datetime | None) -> str:
    return "" if since is None else format_soql(" WHERE SystemModstamp >= {}", since)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no API name")
    return text


def _number(value: float | Decimal) -> Cell:
    if isinstance(value, float):
        text = plain_number(value)
        return (
            text
            if text is not None
            else Unreadable(repr(value), "at most 15 digits", "digits were lost in JSON")
        )
    return format(Decimal(value), "f")


def _moment(text: object) -> datetime | None:
    try:
        value = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _is_page(answer: object) -> bool:
    return (
        isinstance(answer, Mapping)
        and isinstance(answer.get("records"), list)
        and isinstance(answer.get("done"), bool)
        and isinstance(answer.get("totalSize"), int)
    )


def _is_description(answer: object) -> bool:
    return isinstance(answer, Mapping) and isinstance(answer.get("fields"), list)


def _is_passing(error: BaseException) -> bool:
    """Worth another try: throttled, broken in transit, or the server's own failure."""
    if isinstance(error, SalesforceError):
        return error.status in _RETRIED
    return isinstance(
        error,
        requests.ConnectionError
        | requests.Timeout
        | requests.exceptions.ChunkedEncodingError
        | ValueError
        | _BadBody,
    )


def _content(error: SalesforceError) -> bytes:
    return error.content if isinstance(error.content, bytes) else str(error.content).encode()


def _unanswered(error: Exception) -> TradewindError:
    return TradewindError(
        where="Salesforce",
        expected="an answer",
        got=f"{error.__class__.__name__}: {str(error)[:300]}",
        remedy="nothing of this stream was stored; run again when the source answers",
    )


def _drift(stream: Stream, api: str, expected: str, got: str) -> TradewindError:
    return TradewindError(
        where=f"Salesforce {stream.remote}.{api}",
        expected=expected,
        got=got,
        remedy="the source has changed: nothing of this stream was stored; bring the stream's columns in line",
    )
