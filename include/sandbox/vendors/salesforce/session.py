"""Access tokens of the simulated orgs, and the cursors that live and die with them."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

CURSORS_KEPT = 200
RESULTS_KEPT = 50


def consumer_key(tenant: str) -> str:
    """The client id of a tenant's External Client App in the sandbox."""
    return f"sandbox-consumer-key-{tenant}"


def consumer_secret(tenant: str) -> str:
    """Its secret, which protects nothing: the records behind it are invented."""
    return f"sandbox-only-not-a-secret-{tenant}"


@dataclass(frozen=True)
class Cursor:
    """The rest of a query's result: the records as answered, and where paging stands is in the locator."""

    token: str
    fields: tuple[str, ...]
    records: list[dict[str, Any]]
    sobject: str
    page: int


class Sessions:
    """Tokens by org; a revoked or expired token takes its query cursors with it."""

    def __init__(self) -> None:
        self.seconds = float(os.environ.get("TRADEWIND_SANDBOX_TOKEN_SECONDS", "7200"))
        self._tokens: dict[str, tuple[str, float]] = {}
        self._cursors: OrderedDict[str, Cursor] = OrderedDict()
        self._results: OrderedDict[str, list[list[str]]] = OrderedDict()
        self._lock = threading.Lock()

    def grant(self, tenant: str) -> str:
        """A new access token for an org."""
        token = f"00DSBX000000001!sandbox.{secrets.token_urlsafe(24)}"
        with self._lock:
            self._tokens[token] = (tenant, time.monotonic() + self.seconds)
        return token

    def token_of(self, authorization: str, tenant: str) -> str | None:
        """The valid token in an Authorization header, or None."""
        scheme, _, token = authorization.partition(" ")
        held, ends = self._tokens.get(token, ("", 0.0))
        if scheme not in ("Bearer", "OAuth") or held != tenant:
            return None
        if time.monotonic() >= ends:
            self.revoke(tenant, only=token)
            return None
        return token

    def revoke(self, tenant: str, only: str | None = None) -> None:
        """End one token or all tokens of an org, with their cursors."""
        with self._lock:
            gone = {t for t, (held, _) in self._tokens.items() if held == tenant and only in (None, t)}
            for token in gone:
                del self._tokens[token]
            for key in [key for key, cursor in self._cursors.items() if cursor.token in gone]:
                del self._cursors[key]

    def keep(self, cursor: Cursor) -> str:
        """Remember a result; returns the first part of its locators."""
        key = f"01g{secrets.token_hex(6).upper()}MAA"
        with self._lock:
            self._cursors[key] = cursor
            while len(self._cursors) > CURSORS_KEPT:
                self._cursors.popitem(last=False)
        return key

    def keep_results(self, job_id: str, rows: list[list[str]]) -> None:
        """Remember the rows of a bulk query job, header first; unlike cursors they outlive their session."""
        with self._lock:
            self._results[job_id] = rows
            while len(self._results) > RESULTS_KEPT:
                self._results.popitem(last=False)

    def results(self, job_id: str) -> list[list[str]] | None:
        """The rows of a bulk query job, or None when they are no longer kept."""
        return self._results.get(job_id)

    def cursor(self, key: str, tenant: str) -> Cursor | None:
        """A remembered result of this org, while the session that asked for it lives.

        Another session of the same org may read it: a client that logs in again after one refused request goes on.
        """
        found = self._cursors.get(key)
        return found if found and self._tokens.get(found.token, ("",))[0] == tenant else None


def credentials_match(tenant: str, authorization: str, form: dict[str, str]) -> bool:
    """Whether a client-credentials request (Basic header or form fields) names the tenant's sandbox app."""
    client, secret = form.get("client_id", ""), form.get("client_secret", "")
    if authorization.startswith("Basic "):
        try:
            decoded = base64.b64decode(authorization[6:], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        client, _, secret = decoded.partition(":")
    return client == consumer_key(tenant) and secrets.compare_digest(
        secret.encode(), consumer_secret(tenant).encode()
    )
