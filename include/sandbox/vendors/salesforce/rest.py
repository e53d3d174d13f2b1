"""The REST API of a simulated org: token, query, describe, single records and collections."""

from __future__ import annotations

import functools
import json
import os
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from include.errors import TradewindError
from include.sandbox.vendors import Context, tenant_of
from include.sandbox.vendors.salesforce import soql
from include.sandbox.vendors.salesforce.org import Org, Outcome
from include.sandbox.vendors.salesforce.schema import FieldError, SObject
from include.sandbox.vendors.salesforce.session import Cursor, Sessions, credentials_match

PAGE = 2000
COLLECTION_LIMIT = 200
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


def build(context: Context) -> Any:
    """The ASGI application for every `<tenant>.my.salesforce.com`."""
    from include.sandbox.vendors.salesforce import bulk

    service = Service(context)
    data = "/services/data/{version}"
    routes = [
        Route("/services/oauth2/token", functools.partial(_token, service), methods=["POST"]),
        Route("/services/data", _versions, methods=["GET"]),
    ]
    table: list[tuple[str, str, Handler]] = [
        ("GET", "/query", _query),
        ("GET", "/queryAll", _query),
        ("GET", "/query/{locator}", _query_more),
        ("GET", "/queryAll/{locator}", _query_more),
        ("GET", "/limits", _limits),
        ("GET", "/sobjects", _global_describe),
        ("GET", "/sobjects/{object}/describe", _describe),
        ("POST", "/sobjects/{object}", _create),
        ("GET", "/sobjects/{object}/{id}", _get),
        ("PATCH", "/sobjects/{object}/{id}", _update),
        ("DELETE", "/sobjects/{object}/{id}", _delete),
        ("GET", "/sobjects/{object}/{field}/{value}", _get),
        ("PATCH", "/sobjects/{object}/{field}/{value}", _upsert),
        ("PATCH", "/composite/sobjects/{object}/{field}", _upsert_collection),
        *bulk.routes(),
    ]
    routes += [
        Route(data + path, endpoint(service, handler), methods=[method]) for method, path, handler in table
    ]
    app = Starlette(routes=routes, exception_handlers={404: _no_route, 405: _no_route})

    async def without_trailing_slash(scope, receive, send) -> None:
        await app({**scope, "path": scope["path"].rstrip("/") or "/"}, receive, send)

    return without_trailing_slash


async def _token(service: Service, request: Request) -> JSONResponse:
    """OAuth 2.0: client credentials, or a JWT bearer assertion of the tenant's app."""
    from include.sandbox.vendors.salesforce import assertion

    host = request.scope["sandbox.host"]
    tenant = tenant_of(host)
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    grant = form.get("grant_type")
    if grant == "client_credentials":
        if not credentials_match(tenant, request.headers.get("authorization", ""), form):
            return JSONResponse(
                {"error": "invalid_client", "error_description": "invalid client credentials"}, 401
            )
    elif grant == assertion.GRANT:
        problem = assertion.check(service.context.folder, tenant, form.get("assertion", ""))
        if problem:
            return JSONResponse({"error": "invalid_grant", "error_description": problem}, 400)
    else:
        return JSONResponse(
            {"error": "unsupported_grant_type", "error_description": "grant type not supported"}, 400
        )
    return JSONResponse(
        {
            "access_token": service.sessions.grant(tenant),
            "instance_url": f"https://{host}",
            "id": f"https://{host}/id/00DSBX000000001AAA/005SBX000000001AAA",
            "token_type": "Bearer",
            "scope": "api",
        }
    )


async def _versions(request: Request) -> JSONResponse:
    return JSONResponse(
        [{"label": f"API {n}", "url": f"/services/data/v{n}.0", "version": f"{n}.0"} for n in range(50, 69)]
    )


async def _no_route(request: Request, error: Exception) -> JSONResponse:
    status = getattr(error, "status_code", 404)
    code = "METHOD_NOT_ALLOWED" if status == 405 else "NOT_FOUND"
    message = f"HTTP Method '{request.method}' not allowed." if status == 405 else MESSAGES[404][1]
    return JSONResponse([{"message": message, "errorCode": code}], status)


def render(record: dict[str, Any], sobject: str, base: str, fields: tuple[str, ...]) -> dict[str, Any]:
    """A record as a query or a read shows it."""
    attributes = {"type": sobject, "url": f"{base}/sobjects/{sobject}/{record['Id']}"}
    return {"attributes": attributes, **{name: record.get(name) for name in fields}}


def _query(call: Call) -> JSONResponse:
    query = soql.parse(call.request.query_params.get("q", ""), call.org.objects())
    with_deleted = "queryAll" in call.request.url.path
    found = query.run(call.org.records(query.sobject.name, with_deleted=with_deleted))
    if query.counts == "":
        return JSONResponse({"totalSize": len(found), "done": True, "records": []})
    if query.counts:
        counted = sum(record.get(query.counts) is not None for record in found)
        row = {"attributes": {"type": "AggregateResult"}, "expr0": counted}
        return JSONResponse({"totalSize": 1, "done": True, "records": [row]})
    page = _page_size(call)
    cursor = Cursor(call.token, query.fields, found, query.sobject.name, page)
    key = call.service.sessions.keep(cursor) if len(found) > page else ""
    return _page(call, cursor, key, 0)


def _query_more(call: Call) -> JSONResponse:
    key, _, start = call.request.path_params["locator"].rpartition("-")
    cursor = call.service.sessions.cursor(key, call.org.tenant)
    if cursor is None or not start.isdigit() or int(start) >= len(cursor.records):
        raise FieldError("INVALID_QUERY_LOCATOR", "invalid query locator")
    return _page(call, cursor, key, int(start))


def _page(call: Call, cursor: Cursor, key: str, start: int) -> JSONResponse:
    end = start + cursor.page
    records = [render(r, cursor.sobject, call.base, cursor.fields) for r in cursor.records[start:end]]
    document = {"totalSize": len(cursor.records), "done": end >= len(cursor.records), "records": records}
    if not document["done"]:
        endpoint_name = "queryAll" if "queryAll" in call.request.url.path else "query"
        document["nextRecordsUrl"] = f"{call.base}/{endpoint_name}/{key}-{end}"
    return JSONResponse(document)


def _page_size(call: Call) -> int:
    options = dict(
        part.strip().split("=", 1)
        for part in call.request.headers.get("sforce-query-options", "").split(",")
        if "=" in part
    )
    asked = options.get("batchSize", "")
    return min(max(int(asked), 200), PAGE) if asked.isdigit() else call.service.page


def _limits(call: Call) -> JSONResponse:
    used = call.service.usage(call.org.tenant).split("=")[1].split("/")[0]
    return JSONResponse({"DailyApiRequests": {"Max": DAILY_LIMIT, "Remaining": DAILY_LIMIT - int(used)}})


def _global_describe(call: Call) -> JSONResponse:
    listed = [
        {
            "name": s.name,
            "label": s.label,
            "keyPrefix": s.prefix,
            "custom": s.name.endswith("__c"),
            "queryable": True,
        }
        for s in call.org.objects().values()
    ]
    return JSONResponse({"encoding": "UTF-8", "maxBatchSize": COLLECTION_LIMIT, "sobjects": listed})


def _describe(call: Call) -> JSONResponse:
    sobject = _sobject(call)
    fields = [field.describe() for field in sobject.fields.values()]
    return JSONResponse(
        {
            "name": sobject.name,
            "label": sobject.label,
            "keyPrefix": sobject.prefix,
            "queryable": True,
            "fields": fields,
        }
    )


def _sobject(call: Call) -> SObject:
    return call.org.sobject(call.request.path_params["object"])


def _get(call: Call) -> JSONResponse:
    sobject, path = _sobject(call), call.request.path_params
    if "field" in path:
        record = call.org.find(sobject, sobject.external_id(path["field"]), path["value"])
    else:
        record = call.org.get(sobject.name, path["id"])
    if record is None:
        raise FieldError("NOT_FOUND", MESSAGES[404][1])
    asked = call.request.query_params.get("fields")
    names = tuple(sobject.field(name).name for name in asked.split(",")) if asked else tuple(sobject.fields)
    return JSONResponse(render(record, sobject.name, call.base, names))


def _values(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise FieldError("JSON_PARSER_ERROR", "Cannot deserialize instance of sobject")
    return {name: value for name, value in document.items() if name != "attributes"}


def _create(call: Call) -> Response:
    outcome = call.org.write(_sobject(call), None, _values(call.document()))
    return _single(outcome, 201)


def _update(call: Call) -> Response:
    outcome = call.org.write(_sobject(call), call.request.path_params["id"], _values(call.document()))
    return _single(outcome, 204)


def _delete(call: Call) -> Response:
    return _single(call.org.delete(_sobject(call), call.request.path_params["id"]), 204)


def _upsert(call: Call) -> Response:
    sobject, path = _sobject(call), call.request.path_params
    outcome = call.org.upsert(
        sobject, sobject.external_id(path["field"]), path["value"], _values(call.document())
    )
    return _single(outcome, 201 if outcome.created else 200)


def _single(outcome: Outcome, status: int) -> Response:
    if outcome.error:
        raise outcome.error
    return Response(status_code=204) if status == 204 else JSONResponse(outcome.as_document(), status)


def _upsert_collection(call: Call) -> JSONResponse:
    """At most 200 records, answered one by one; with allOrNone a refused record takes all others back."""
    sobject = _sobject(call)
    field = sobject.external_id(call.request.path_params["field"])
    document = call.document()
    records = document.get("records") if isinstance(document, dict) else None
    if not isinstance(records, list) or not records or len(records) > COLLECTION_LIMIT:
        raise FieldError("LIMIT_EXCEEDED", f"records must hold 1 to {COLLECTION_LIMIT} records")
    outcomes = write_all(
        call.org,
        [_values(record) for record in records],
        lambda values: call.org.upsert(sobject, field, values.pop(field.name, None), values),
        key=field.name,
        all_or_none=bool(document.get("allOrNone")),
        rejected=call.fault("reject_rows"),
    )
    return JSONResponse([outcome.as_document() for outcome in outcomes])


def write_all(
    org: Org,
    rows: list[dict[str, Any]],
    write: Callable[[dict[str, Any]], Outcome],
    *,
    key: str | None = None,
    all_or_none: bool = False,
    rejected: dict[str, Any] | None = None,
) -> list[Outcome]:
    """Write rows in one transaction and return their outcomes in order.

    A row whose external id `key` occurs twice in the request is refused everywhere it occurs. The first `failed`
    rows are refused where the fault `reject_rows` says so.
    """
    named = [str(row[key]).lower() if key and row.get(key) is not None else None for row in rows]
    uses = Counter(named)
    refused = FieldError(
        (rejected or {}).get("code", "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        (rejected or {}).get("message", "refused by a validation rule of the sandbox"),
    )
    outcomes = []
    try:
        with org.lock, org.store.transaction():
            for position, row in enumerate(rows):
                if position < int((rejected or {}).get("failed", 0)):
                    outcomes.append(Outcome(None, error=refused))
                elif named[position] is not None and uses[named[position]] > 1:
                    error = FieldError(
                        "DUPLICATE_VALUE", f"Duplicate external id specified: {row[key]}", (key,)
                    )
                    outcomes.append(Outcome(None, error=error))
                else:
                    outcomes.append(write(dict(row)))
            if all_or_none and any(outcome.error for outcome in outcomes):
                raise _TakenBackError
    except _TakenBackError:
        org.forget_unsaved()
        undone = FieldError(
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all records were valid and the request was using AllOrNone header",
        )
        return [outcome if outcome.error else Outcome(None, error=undone) for outcome in outcomes]
    except BaseException:
        org.forget_unsaved()
        raise
    return outcomes


class _TakenBackError(Exception):
    """Ends the transaction of an allOrNone request."""


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")
