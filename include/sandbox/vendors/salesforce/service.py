"""What every call to a simulated org goes through: host to org, token, body, errors in the vendor's shape."""

from __future__ import annotations

import functools
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from include.errors import TradewindError
from include.sandbox.vendors import Context, tenant_of
from include.sandbox.vendors.salesforce.org import Org
from include.sandbox.vendors.salesforce.schema import FieldError
from include.sandbox.vendors.salesforce.session import Sessions

PAGE = 2000
DAILY_LIMIT = 100_000
MESSAGES = {
    400: ("MALFORMED_REQUEST", "The request could not be understood"),
    401: ("INVALID_SESSION_ID", "Session expired or invalid"),
    403: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    404: ("NOT_FOUND", "The requested resource does not exist"),
    429: ("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
    500: (
        "UNKNOWN_EXCEPTION",
        "An unexpected error occurred. Please include this ErrorId if you contact support",
    ),
    503: ("SERVER_UNAVAILABLE", "The server is temporarily unable to respond"),
}


def error_body(status: int, message: str | None) -> tuple[Any, dict[str, str]]:
    """The vendor's error: a LIST of one object."""
    code, text = MESSAGES.get(status, ("UNKNOWN_EXCEPTION", "An unexpected error occurred"))
    return [{"message": message or text, "errorCode": code}], {}


@dataclass
class Call:
    """One authenticated request, its body read."""

    request: Request
    body: bytes
    org: Org
    token: str
    service: Service

    @property
    def base(self) -> str:
        """`/services/data/vNN.N` as the client wrote it."""
        return f"/services/data/{self.request.path_params['version']}"

    def document(self) -> Any:
        """The JSON body; FieldError JSON_PARSER_ERROR, also for NaN and Infinity, which are not JSON."""
        try:
            return json.loads(self.body or b"{}", parse_constant=_refuse_constant)
        except ValueError as error:
            raise FieldError(
                "JSON_PARSER_ERROR", f"The HTTP entity body is not valid JSON: {error}"
            ) from None

    def fault(self, kind: str) -> dict[str, Any] | None:
        """The options of a vendor fault of this kind, if one was chosen for this request."""
        fault = self.request.scope.get("sandbox.fault")
        return fault if fault and fault["kind"] == kind else None


class Service:
    """All orgs, their sessions and their request counters."""

    def __init__(self, context: Context):
        self.context = context
        self.sessions = Sessions()
        self.page = int(os.environ.get("TRADEWIND_SANDBOX_SALESFORCE_PAGE", PAGE))
        self._orgs: dict[str, Org] = {}
        self._used: dict[str, int] = {}
        self._lock = threading.Lock()

    def org(self, host: str) -> Org:
        """The org behind a My Domain host."""
        tenant = tenant_of(host)
        with self._lock:
            if tenant not in self._orgs:
                self._orgs[tenant] = Org(tenant, self.context.world, self.context.store)
            return self._orgs[tenant]

    def usage(self, tenant: str) -> str:
        """Count one request and return the Sforce-Limit-Info header."""
        with self._lock:
            self._used[tenant] = self._used.get(tenant, 0) + 1
            return f"api-usage={self._used[tenant]}/{DAILY_LIMIT}"


Handler = Callable[[Call], Response]


def endpoint(service: Service, handler: Handler) -> Callable:
    """Authenticate, read the body, run the handler off the event loop, and shape errors as the vendor does."""

    @functools.wraps(handler)
    async def run(request: Request) -> Response:
        body = await request.body()
        org = service.org(request.scope["sandbox.host"])
        fault = request.scope.get("sandbox.fault") or {}
        if fault.get("kind") == "expire_session":
            service.sessions.revoke(org.tenant)
        token = service.sessions.token_of(request.headers.get("authorization", ""), org.tenant)
        if token is None:
            return JSONResponse(error_body(401, None)[0], 401)
        try:
            response = await run_in_threadpool(handler, Call(request, body, org, token, service))
        except FieldError as error:
            status = 404 if error.code in ("NOT_FOUND", "INVALID_TYPE_NOT_FOUND") else 400
            document = {"message": error.message, "errorCode": error.code}
            response = JSONResponse([document | ({"fields": error.fields} if error.fields else {})], status)
        except TradewindError as error:
            response = JSONResponse(error_body(500, str(error))[0], 500)
        response.headers["Sforce-Limit-Info"] = service.usage(org.tenant)
        return response

    return run


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")
