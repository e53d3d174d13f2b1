"""NetSuite's REST web services, as much of them as posting journal entries needs.

Log-in is OAuth 2.0 machine to machine: a JWT signed with PS256 by the certificate's key buys a token for an
hour. A record is written by `PUT …/journalEntry/eid:<external id>?replace=line`, which creates it once and, when
repeated, leaves it as it is (without `replace=line` NetSuite adds the lines again). SuiteQL reads back. Calls may
come from several threads; one that NetSuite blocks because too many are under way is repeated.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote

import httpx
import jwt

from include.errors import TradewindError
from include.publish.patience import Transient, patiently, send_once

TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"
RECORD_PATH = "/services/rest/record/v1/journalEntry"
SUITEQL_PATH = "/services/rest/query/v1/suiteql"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PAGE = 1000
#: Requests under way at once, below the five of the smallest service tier.
CONCURRENCY = 4


@dataclass(frozen=True)
class Refusal:
    """What NetSuite says of a record it does not take."""

    code: str
    message: str


class NetSuiteClient:
    """One account at `host` (`<account>.suitetalk.api.netsuite.com`)."""

    def __init__(
        self,
        *,
        host: str,
        client_id: str,
        certificate_id: str,
        private_key: str,
        concurrency: int = CONCURRENCY,
    ):
        self.concurrency = concurrency
        self._base = f"https://{host}"
        self._client_id, self._certificate_id, self._key = client_id, certificate_id, private_key
        self._http = httpx.Client(timeout=120, limits=httpx.Limits(max_connections=concurrency))
        self._lock = threading.Lock()
        self._token: str | None = None

    def upsert(self, external_id: str, body: Mapping[str, object]) -> str | Refusal:
        """Write the journal entry with this external id; its internal id, or why NetSuite refuses it.

        Amounts are Decimals. Raises TradewindError when NetSuite cannot be asked.
        """
        url = f"{self._base}{RECORD_PATH}/eid:{quote(external_id, safe='')}?replace=line"
        response = self._call(
            "PUT", url, content=exact_json(body).encode(), headers={"Content-Type": "application/json"}
        )
        if response.status_code == 204:
            return response.headers["Location"].rstrip("/").rsplit("/", 1)[-1]
        if response.status_code == 400:
            return _refusal(response)
        raise self._failed("PUT", url, response)

    def record(self, external_id: str) -> dict | None:
        """The journal entry with this external id with its lines, None when there is none."""
        url = f"{self._base}{RECORD_PATH}/eid:{quote(external_id, safe='')}?expandSubResources=true"
        response = self._call("GET", url)
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise self._failed("GET", url, response)
        return json.loads(response.content, parse_float=Decimal)

    def query(self, suiteql: str) -> Iterator[dict[str, str | None]]:
        """The rows of a SuiteQL query, page by page; values are text."""
        offset = 0
        while True:
            url = f"{self._base}{SUITEQL_PATH}?limit={PAGE}&offset={offset}"
            response = self._call("POST", url, json={"q": suiteql}, headers={"Prefer": "transient"})
            if response.status_code != 200:
                raise self._failed("POST", url, response)
            page = response.json()
            yield from page["items"]
            if not page["hasMore"]:
                return
            offset += PAGE

    def _call(self, method: str, url: str, **more) -> httpx.Response:
        try:
            return patiently(self._authorised, method, url, **more)
        except Transient as error:
            raise TradewindError(
                where=f"NetSuite {method} {url.split('?')[0]}",
                expected="an answer",
                got=str(error),
                remedy="run publish again; what is confirmed is not sent twice",
            ) from error

    def _authorised(self, method: str, url: str, **more) -> httpx.Response:
        headers = more.pop("headers", {})
        token = self._bearer(None)
        response = send_once(
            self._http, method, url, headers=headers | {"Authorization": f"Bearer {token}"}, **more
        )
        if response.status_code == 401:
            bearer = {"Authorization": f"Bearer {self._bearer(token)}"}
            response = send_once(self._http, method, url, headers=headers | bearer, **more)
        if response.status_code == 200:
            try:
                response.json()
            except ValueError as error:
                raise Transient(f"half an answer: {error}") from error
        return response

    def _bearer(self, expired: str | None) -> str:
        """The token; a new one when there is none or it is the `expired` one."""
        with self._lock:
            if self._token is None or self._token == expired:
                self._token = self._log_in()
            return self._token

    def _log_in(self) -> str:
        url, now = f"{self._base}{TOKEN_PATH}", int(time.time())
        claims = {
            "iss": self._client_id,
            "scope": ["rest_webservices"],
            "aud": url,
            "iat": now,
            "exp": now + 3600,
        }
        signed = jwt.encode(
            claims, self._key, algorithm="PS256", headers={"kid": self._certificate_id, "typ": "JWT"}
        )
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION,
            "client_assertion": signed,
        }
        response = send_once(self._http, "POST", url, data=form)
        if response.status_code != 200:
            raise self._failed("POST", url, response)
        return response.json()["access_token"]

    @staticmethod
    def _failed(method: str, url: str, response: httpx.Response) -> TradewindError:
        return TradewindError(
            where=f"NetSuite {method} {url.split('?')[0]}",
            expected="the call to be accepted",
            got=f"{response.status_code} {response.text[:300]}",
            remedy="check the connection's integration record, certificate and role (REST Web Services, Journal Entry); then run again",
        )


def exact_json(value: object) -> str:
    """JSON with every Decimal as a number of exactly its digits, which a binary float would not keep."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(k))}:{exact_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(map(exact_json, value)) + "]"
    return json.dumps(value)


def literal(text: str) -> str:
    """A text as a SuiteQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _refusal(response: httpx.Response) -> Refusal:
    try:
        details = response.json()["o:errorDetails"]
        code = str(details[0].get("o:errorCode") or "REFUSED")
        text = "; ".join(
            " at ".join(str(part) for part in (d.get("detail"), d.get("o:errorPath")) if part)
            for d in details
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return Refusal("REFUSED", response.text[:500])
    return Refusal(code, text.replace("Error while accessing a resource. ", ""))
