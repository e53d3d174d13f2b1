"""The routes of a simulated org, its token endpoint, queries and describe calls."""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from include.sandbox.vendors import Context, tenant_of
from include.sandbox.vendors.salesforce import assertion, bulk, records, soql
from include.sandbox.vendors.salesforce.schema import FieldError
from include.sandbox.vendors.salesforce.service import (
    DAILY_LIMIT,
    MESSAGES,
    PAGE,
    Call,
    Handler,
    Service,
    endpoint,
)
from include.sandbox.vendors.salesforce.session import Cursor, credentials_match


def build(context: Context) -> Any:
    """The ASGI application for every `<tenant>.my.salesforce.com`."""
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
        *records.routes(),
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
    rows = [records.render(r, cursor.sobject, call.base, cursor.fields) for r in cursor.records[start:end]]
    document = {"totalSize": len(cursor.records), "done": end >= len(cursor.records), "records": rows}
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
    return JSONResponse({"encoding": "UTF-8", "maxBatchSize": records.COLLECTION_LIMIT, "sobjects": listed})


def _describe(call: Call) -> JSONResponse:
    sobject = records.sobject_of(call)
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
