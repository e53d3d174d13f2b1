"""The HTTP side of a simulated NetSuite account: token, journal entries, SuiteQL, errors in its own shape."""

from __future__ import annotations

import functools
import json
import os
import threading
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from include.sandbox.vendors import Context, tenant_of
from include.sandbox.vendors.netsuite.account import Account, Refused
from include.sandbox.vendors.netsuite.session import TOKEN_PATH, Sessions

RECORD = "/services/rest/record/v1/journalEntry"
SUITEQL = "/services/rest/query/v1/suiteql"
#: Requests an account may have under way at once; the smallest service tier.
CONCURRENCY = 5
PAGE = 1000
REASONS = {
    400: ("Bad Request", "USER_ERROR", "Error while accessing a resource. The request is not valid."),
    401: ("Unauthorized", "INVALID_LOGIN", "Invalid login attempt."),
    403: ("Forbidden", "INSUFFICIENT_PERMISSION", "Permission Violation: the role lacks a permission."),
    404: (
        "Not Found",
        "NONEXISTENT_ID",
        "The record instance does not exist. Provide a valid record instance ID.",
    ),
    429: (
        "Too Many Requests",
        "CONCURRENCY_LIMIT_EXCEEDED",
        "Concurrent request limit exceeded. Request blocked.",
    ),
    500: ("Internal Server Error", "UNEXPECTED_ERROR", "An unexpected error occurred. Error ID: sandbox"),
    503: ("Service Unavailable", "SERVICE_UNAVAILABLE", "The service is temporarily unavailable."),
}


def error_body(status: int, message: str | None) -> tuple[Any, dict[str, str]]:
    """The vendor's error object."""
    title, code, text = REASONS.get(status, ("Error", "UNEXPECTED_ERROR", "An unexpected error occurred."))
    return _problem(status, title, code, message or text, None), {}


class Service:
    """All accounts, their tokens, and how many requests each has under way."""

    def __init__(self, context: Context):
        self.context = context
        self.sessions = Sessions(context.folder)
        self.limit = int(os.environ.get("TRADEWIND_SANDBOX_NETSUITE_CONCURRENCY", CONCURRENCY))
        self._accounts: dict[str, Account] = {}
        self._under_way: dict[str, int] = {}
        self._lock = threading.Lock()

    def account(self, tenant: str) -> Account:
        """The account of a tenant; one whose file was taken away begins anew."""
        with self._lock:
            if tenant not in self._accounts or not self._accounts[tenant].file.exists():
                self._accounts[tenant] = Account(tenant, self.context.world, self.context.folder / "netsuite")
            return self._accounts[tenant]

    def enter(self, tenant: str) -> bool:
        """Count a request in; False when the account has too many under way."""
        with self._lock:
            if self._under_way.get(tenant, 0) >= self.limit:
                return False
            self._under_way[tenant] = self._under_way.get(tenant, 0) + 1
            return True

    def leave(self, tenant: str) -> None:
        """Count a request out."""
        with self._lock:
            self._under_way[tenant] -= 1

    def close(self) -> None:
        """Close every account's file."""
        for account in self._accounts.values():
            account.close()


class Application:
    """The ASGI application for every `<tenant>.suitetalk.api.netsuite.com`."""

    def __init__(self, context: Context):
        self._service = Service(context)
        routes = [Route(TOKEN_PATH, functools.partial(_token, self._service), methods=["POST"])]
        for method, path, handler in (
            ("PUT", RECORD + "/{key}", _put),
            ("GET", RECORD + "/{key}", _get),
            ("POST", SUITEQL, _suiteql),
        ):
            routes.append(Route(path, functools.partial(_endpoint, self._service, handler), methods=[method]))
        self._app = Starlette(routes=routes, exception_handlers={404: _no_route, 405: _no_route})

    async def __call__(self, scope, receive, send) -> None:
        await self._app(scope, receive, send)

    def close(self) -> None:
        """Close the accounts."""
        self._service.close()


def build(context: Context) -> Application:
    """The application; the key that clients sign with is made here."""
    return Application(context)


async def _token(service: Service, request: Request) -> JSONResponse:
    host = request.scope["sandbox.host"]
    tenant = tenant_of(host)
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    refusal = service.sessions.refusal(tenant, host, form)
    if refusal:
        return JSONResponse({"error": refusal}, 401 if refusal == "invalid_client" else 400)
    granted = {"access_token": service.sessions.grant(tenant), "expires_in": "3600", "token_type": "bearer"}
    return JSONResponse(granted)


async def _endpoint(service: Service, handler, request: Request) -> Response:
    tenant = tenant_of(request.scope["sandbox.host"])
    body = await request.body()
    fault = request.scope.get("sandbox.fault") or {}
    if fault.get("kind") == "expire_token":
        service.sessions.revoke(tenant)
    if not service.sessions.holds(request.headers.get("authorization", ""), tenant):
        return JSONResponse(error_body(401, None)[0], 401)
    if not service.enter(tenant):
        return JSONResponse(error_body(429, None)[0], 429)
    try:
        return await run_in_threadpool(handler, service.account(tenant), request, body, fault)
    except Refused as error:
        title = REASONS[error.status][0]
        return JSONResponse(_problem(error.status, title, error.code, error.detail, error.path), error.status)
    finally:
        service.leave(tenant)


def _put(account: Account, request: Request, body: bytes, fault: dict) -> Response:
    key = request.path_params["key"]
    if not key.startswith("eid:"):
        raise Refused("INVALID_PARAMETER", "An upsert needs an external ID: eid:<external id>.")
    closed = [(fault["start"], fault["end"])] if fault.get("kind") == "close_period" else []
    replace = "line" in request.query_params.get("replace", "").split(",")
    number = account.upsert(key.removeprefix("eid:"), _document(body), replace=replace, closed=closed)
    place = f"https://{request.scope['sandbox.host']}{RECORD}/{number}"
    return Response(status_code=204, headers={"Location": place})


def _get(account: Account, request: Request, body: bytes, fault: dict) -> Response:
    key = request.path_params["key"]
    if key.startswith("eid:"):
        return JSONResponse(account.record(key.removeprefix("eid:"), None))
    if not key.isdigit():
        raise Refused("INVALID_PARAMETER", "Invalid record instance ID. Provide a valid ID.", status=404)
    return JSONResponse(account.record(None, int(key)))


def _suiteql(account: Account, request: Request, body: bytes, fault: dict) -> Response:
    if "transient" not in request.headers.get("prefer", ""):
        raise Refused("INVALID_HEADER", "Required request header is missing: Prefer: transient.")
    limit, offset = (
        int(request.query_params.get(name, default)) for name, default in (("limit", PAGE), ("offset", 0))
    )
    if not 1 <= limit <= PAGE or offset % limit:
        raise Refused(
            "INVALID_PARAMETER", "The limit is 1 to 1000 and the offset must be divisible by the limit."
        )
    rows = account.query(str(_document(body).get("q", "")))
    page = rows[offset : offset + limit]
    return JSONResponse(
        {
            "items": [{"links": [], **row} for row in page],
            "count": len(page),
            "offset": offset,
            "totalResults": len(rows),
            "hasMore": offset + limit < len(rows),
        }
    )


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}", parse_float=Decimal)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused("INVALID_CONTENT", "The request body is not valid JSON.")
    return found


async def _no_route(request: Request, error: Exception) -> JSONResponse:
    status = getattr(error, "status_code", 404)
    return JSONResponse(error_body(status if status in REASONS else 404, None)[0], status)


def _problem(status: int, title: str, code: str, detail: str, path: str | None) -> dict[str, Any]:
    entry = {"detail": detail, "o:errorCode": code} | ({"o:errorPath": path} if path else {})
    return {
        "type": f"https://www.rfc-editor.org/rfc/rfc9110.html#name-{status}",
        "title": title,
        "status": status,
        "o:errorDetails": [entry],
    }
