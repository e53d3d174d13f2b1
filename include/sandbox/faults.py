"""Breaks answers on request, for any vendor, and keeps the log of every request.

A rule says which requests it concerns (`host` and `path` are shell patterns, `path` otherwise matches as a part of
path and query), how many to let pass first (`skip`), how many to break (`times`, 0 = all) and how (`kind`):

status      answer `status` in the vendor's own words; optional: `message`, `retry_after`, `headers`, whole `body`
slow        wait `seconds`, then answer
cut         drop the connection before the vendor sees the request
lose_response  the vendor does its work, the answer never arrives
truncate    promise the whole length, send `fraction` of the body, drop the connection
half_json   send half of the body as if it were whole
mutate      change the answer: `change` is one of `mutations.CHANGES`

A vendor may declare further kinds; they are handed to it with the request. Rules are consumed in the order posted.
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

from include.sandbox import mutations

GENERIC = ("status", "slow", "cut", "lose_response", "truncate", "half_json", "mutate")
LOG_LENGTH = 20_000
FIELDS = ("host", "path", "method", "skip", "times", "kind")


@dataclass
class Rule:
    """One fault, with how often it has matched and fired so far."""

    number: int
    kind: str
    host: str = "*"
    path: str = ""
    method: str = ""
    skip: int = 0
    times: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    matched: int = 0
    fired: int = 0

    def concerns(self, host: str, method: str, target: str) -> bool:
        """Whether a request is one of those this rule counts."""
        if self.method and self.method.upper() != method:
            return False
        if not fnmatch.fnmatchcase(host, self.host.lower()):
            return False
        return fnmatch.fnmatchcase(target, self.path) if "*" in self.path else self.path in target

    def is_spent(self) -> bool:
        """Whether it has fired as often as it should."""
        return bool(self.times) and self.fired >= self.times


class Faults:
    """Rules and request log, shared by all listeners of one sandbox."""

    def __init__(self, vendor_kinds: tuple[str, ...] = ()):
        self.kinds = GENERIC + tuple(vendor_kinds)
        self.rules: list[Rule] = []
        self.log: deque[dict[str, Any]] = deque(maxlen=LOG_LENGTH)
        self._lock = threading.Lock()
        self._rule_number = 0
        self._request_number = 0
        self.previous_page: dict[str, bytes] = {}

    def add(self, document: Any) -> list[Rule]:
        """Take one rule or a list of rules as posted; ValueError says what is wrong with which."""
        posted = document if isinstance(document, list) else [document]
        made = [self._parse(position, entry) for position, entry in enumerate(posted)]
        with self._lock:
            for rule in made:
                self._rule_number += 1
                rule.number = self._rule_number
                self.rules.append(rule)
        return made

    def _parse(self, position: int, entry: Any) -> Rule:
        if not isinstance(entry, dict) or entry.get("kind") not in self.kinds:
            raise ValueError(f"rule {position}: kind must be one of {', '.join(self.kinds)}")
        for name in ("skip", "times"):
            if not isinstance(entry.get(name, 0), int) or entry.get(name, 0) < 0:
                raise ValueError(f"rule {position}: {name} must be a whole number, 0 or more")
        if entry["kind"] == "mutate" and entry.get("change") not in mutations.CHANGES:
            raise ValueError(f"rule {position}: change must be one of {', '.join(mutations.CHANGES)}")
        if entry.get("change") == "set_top" and not isinstance(entry.get("field"), str):
            raise ValueError(f"rule {position}: set_top needs the name of a field")
        if entry["kind"] == "status" and not 100 <= int(entry.get("status", 0)) <= 599:
            raise ValueError(f"rule {position}: status must be an HTTP status")
        known = {name: entry[name] for name in FIELDS if name in entry}
        return Rule(number=0, options={k: v for k, v in entry.items() if k not in FIELDS}, **known)

    def clear(self, number: int | None = None) -> int:
        """Drop one rule or all; returns how many were dropped."""
        with self._lock:
            keep = [] if number is None else [rule for rule in self.rules if rule.number != number]
            dropped, self.rules = len(self.rules) - len(keep), keep
            self.previous_page.clear()
            return dropped

    def choose(self, host: str, method: str, target: str) -> Rule | None:
        """The rule that breaks this request, if any; counts the request for every rule it concerns."""
        chosen = None
        with self._lock:
            for rule in self.rules:
                if rule.is_spent() or not rule.concerns(host, method, target):
                    continue
                rule.matched += 1
                if chosen is None and rule.matched > rule.skip:
                    rule.fired += 1
                    chosen = rule
        return chosen

    def remembers_pages(self, host: str, method: str, target: str) -> bool:
        """Whether a rule that replays the page before is waiting for requests like this one."""
        return any(
            rule.options.get("change") in mutations.NEED_PREVIOUS and rule.concerns(host, method, target)
            for rule in self.rules
            if not rule.is_spent()
        )

    def record(self, entry: dict[str, Any]) -> None:
        """Append one request to the log; numbers are consecutive and never reused."""
        with self._lock:
            self._request_number += 1
            self.log.append({"number": self._request_number, **entry})

    def requests(self, **filters: str) -> list[dict[str, Any]]:
        """The log, oldest first; `host` and `path` as in rules, `method`, `vendor`, `since` (number, exclusive)."""
        probe = Rule(0, "slow", filters.get("host", "*"), filters.get("path", ""), filters.get("method", ""))
        since, vendor = int(filters.get("since", 0)), filters.get("vendor")
        return [
            entry
            for entry in list(self.log)
            if entry["number"] > since
            and vendor in (None, entry["vendor"])
            and probe.concerns(entry["host"], entry["method"], entry["target"])
        ]


class FaultLayer:
    """ASGI middleware around one vendor: logs the request and plays the chosen fault."""

    def __init__(self, app: Any, vendor: Any, faults: Faults):
        self.app, self.vendor, self.faults = app, vendor, faults

    async def __call__(self, scope, receive, send) -> None:
        host = scope["sandbox.host"]
        query = scope["query_string"].decode("latin-1")
        target = scope["path"] + (f"?{query}" if query else "")
        rule = self.faults.choose(host, scope["method"], target)
        exchange = _Exchange(receive, send)
        began, clock = time.time(), time.perf_counter()
        try:
            await self._play(rule, exchange, scope, target)
        finally:
            self.faults.record(
                {
                    "at": began,
                    "seconds": round(time.perf_counter() - clock, 4),
                    "vendor": self.vendor.name,
                    "host": host,
                    "method": scope["method"],
                    "target": target,
                    "status": exchange.status,
                    "fault": rule.kind if rule else None,
                    "bytes_in": exchange.bytes_in,
                    "bytes_out": exchange.bytes_out,
                }
            )

    async def _play(self, rule: Rule | None, exchange: _Exchange, scope, target: str) -> None:
        host, method = scope["sandbox.host"], scope["method"]
        kind = rule.kind if rule else None
        if kind == "cut":
            exchange.abort()
        elif kind == "status":
            await exchange.drain()
            await self._answer_status(rule, exchange)
        elif kind == "slow":
            await asyncio.sleep(float(rule.options.get("seconds", 5)))
            await self.app(scope, exchange.receive, exchange.send)
        elif kind in ("lose_response", "truncate", "half_json", "mutate"):
            start, body = await exchange.collect(self.app, scope)
            await self._damage(rule, exchange, host, start, body)
        elif self.faults.remembers_pages(host, method, target):
            start, body = await exchange.collect(self.app, scope)
            self.faults.previous_page[host] = body
            await exchange.deliver(start["status"], start["headers"], body)
        else:
            if rule:
                scope["sandbox.fault"] = {"kind": rule.kind, **rule.options}
            await self.app(scope, exchange.receive, exchange.send)

    async def _answer_status(self, rule: Rule, exchange: _Exchange) -> None:
        status = int(rule.options["status"])
        body, headers = self.vendor.error(status, rule.options.get("message"))
        if "body" in rule.options:
            body = rule.options["body"]
        headers = {**headers, **rule.options.get("headers", {})}
        if "retry_after" in rule.options:
            headers = {**headers, "Retry-After": str(rule.options["retry_after"])}
        named = [(name.lower().encode(), str(value).encode("latin-1")) for name, value in headers.items()]
        await exchange.deliver(
            status, [(b"content-type", b"application/json"), *named], json.dumps(body).encode()
        )

    async def _damage(self, rule: Rule, exchange: _Exchange, host: str, start: dict, body: bytes) -> None:
        status, headers = start["status"], start["headers"]
        if rule.kind == "lose_response":
            exchange.abort()
        elif rule.kind == "half_json":
            await exchange.deliver(status, headers, body[: len(body) // 2])
        elif rule.kind == "truncate":
            part = body[: int(len(body) * float(rule.options.get("fraction", 0.5)))]
            await exchange.deliver(
                status, headers, part, promised=max(len(body), len(part) + 1), complete=False
            )
            exchange.abort()
        else:
            previous = self.faults.previous_page.get(host)
            changed = mutations.apply(rule.options, _content_type(headers), body, previous)
            self.faults.previous_page[host] = body
            await exchange.deliver(status, headers, changed)


class _Exchange:
    """One request and its answer, with the means to hold the answer back or drop the connection."""

    def __init__(self, receive, send):
        self._receive, self._send = receive, send
        self.status: int | None = None
        self.bytes_in = self.bytes_out = 0
        self._start: dict | None = None
        self._body: list[bytes] = []

    async def receive(self) -> dict:
        message = await self._receive()
        self.bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: dict) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.bytes_out += len(message.get("body", b""))
        await self._send(message)

    async def drain(self) -> None:
        """Read the request to its end, as a server does before it answers on a connection it keeps."""
        while (message := await self.receive())["type"] == "http.request" and message.get("more_body"):
            pass

    async def collect(self, app, scope) -> tuple[dict, bytes]:
        """Run the vendor and keep its whole answer."""

        async def hold(message: dict) -> None:
            if message["type"] == "http.response.start":
                self._start = message
            else:
                self._body.append(message.get("body", b""))

        await app(scope, self.receive, hold)
        return self._start, b"".join(self._body)

    async def deliver(
        self, status: int, headers, body: bytes, *, promised: int | None = None, complete: bool = True
    ) -> None:
        """Send an answer whose declared length may differ from what follows."""
        kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
        length = (b"content-length", str(len(body) if promised is None else promised).encode())
        await self.send({"type": "http.response.start", "status": status, "headers": [*kept, length]})
        await self.send({"type": "http.response.body", "body": body, "more_body": not complete})
        if not complete:
            # Give the part time to leave before the connection is dropped behind it.
            await asyncio.sleep(0.05)

    def abort(self) -> None:
        """Drop the TCP connection. ASGI has no word for it, so this reaches for the server's transport."""
        self._send.__self__.transport.abort()


def _content_type(headers) -> str:
    return next((value.decode() for name, value in headers if name.lower() == b"content-type"), "")


def rule_as_document(rule: Rule) -> dict[str, Any]:
    """One rule as the administration interface shows it."""
    shown = asdict(rule)
    return {**{k: v for k, v in shown.items() if k != "options"}, **shown["options"]}
