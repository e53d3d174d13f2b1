"""The routes of Graph, its login host and the upload addresses."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Host, Route

from include.sandbox.vendors import Context, label_of, tenant_of
from include.sandbox.vendors.graph import items
from include.sandbox.vendors.graph.drive import GraphError, temporary
from include.sandbox.vendors.graph.service import (
    TOKEN_SECONDS,
    Service,
    client_id,
    client_secret,
    drive_document,
    site_document,
)

SMALL_LIMIT = 250 * 1024 * 1024


def build(context: Context) -> Starlette:
    """The ASGI application for Graph, the login host and the upload addresses."""
    service = Service(context)
    sites = [
        Route(
            "/v1.0/sites/{rest:path}",
            _endpoint(service, _site),
            methods=["GET", "PUT", "POST", "PATCH", "DELETE"],
        ),
        Route("/v1.0/drives/{drive}", _endpoint(service, _drive), methods=["GET"]),
        Route(
            "/v1.0/drives/{rest:path}",
            _endpoint(service, items.answer),
            methods=["GET", "PUT", "POST", "PATCH", "DELETE"],
        ),
    ]
    login = [Route("/{directory}/oauth2/v2.0/token", functools.partial(_token, service), methods=["POST"])]
    upload = [
        Route("/_layouts/15/download/{ticket}", _endpoint(service, items.download), methods=["GET"]),
        Route(
            "/_api/v2.0/uploads/{session}", _endpoint(service, items.upload), methods=["GET", "PUT", "DELETE"]
        ),
    ]
    return Starlette(
        routes=[
            Host("graph.microsoft.com", Starlette(routes=sites)),
            Host("login.microsoftonline.com", Starlette(routes=login)),
            Host("{label}.sharepoint.com", Starlette(routes=upload)),
        ]
    )


Handler = Callable[[Service, Request, Path], Response]


def _endpoint(service: Service, handler: Handler) -> Callable:
    """Take the body to disk, run the handler off the event loop, answer refusals in Graph's shape."""

    async def run(request: Request) -> Response:
        fault = (request.scope.get("sandbox.fault") or {}).get("kind")
        if fault == "expire_token":
            service.revoke_all()
        try:
            with temporary(service.context.store) as body:
                await _save_body(request, body)
                response = await run_in_threadpool(handler, service, request, body)
        except GraphError as error:
            response = JSONResponse(error.document(), error.status)
        except ClientDisconnect:
            # Half a fragment was never received: nothing is kept of it, and nobody reads this answer.
            response = Response(status_code=400)
        response.headers["request-id"] = secrets.token_hex(16)
        return response

    return run


async def _save_body(request: Request, path: Path) -> None:
    size = 0
    with open(path, "wb") as file:
        async for chunk in request.stream():
            size += len(chunk)
            if size > SMALL_LIMIT:
                raise GraphError(413, "requestEntityTooLarge", "Use an upload session above 250 MB.")
            file.write(chunk)


async def _token(service: Service, request: Request) -> JSONResponse:
    directory = request.path_params["directory"].lower()
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    tenant = tenant_of(directory)
    if not directory.endswith(".onmicrosoft.com"):
        return _login_error("invalid_request", f"AADSTS90002: Tenant '{directory}' not found.")
    if form.get("grant_type") != "client_credentials":
        return _login_error("unsupported_grant_type", "AADSTS70003: The grant type is not supported.")
    if form.get("client_id") != client_id(tenant) or form.get("client_secret") != client_secret(tenant):
        return _login_error("invalid_client", "AADSTS7000215: Invalid client secret provided.", 401)
    if form.get("scope") != "https://graph.microsoft.com/.default":
        return _login_error("invalid_scope", "AADSTS70011: The provided value for scope is not valid.")
    token = service.grant(tenant)
    return JSONResponse(
        {
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "ext_expires_in": TOKEN_SECONDS,
            "access_token": token,
        }
    )


def _login_error(code: str, description: str, status: int = 400) -> JSONResponse:
    return JSONResponse({"error": code, "error_description": description}, status)


def _site(service: Service, request: Request, body: Path) -> Response:
    tenant, rest = service.tenant(request), request.path_params["rest"]
    if rest.endswith(("/drive", "/drives")):
        drive = service.site_of(tenant, rest.rpartition("/")[0])
        shown = drive_document(drive)
        return JSONResponse({"value": [shown]} if rest.endswith("/drives") else shown)
    if "/drive/" in rest:
        return items.answer(service, request, body)
    if ":" in rest:
        host, _, path = rest.partition(":")
        wanted = path.strip("/:").removeprefix("sites/").lower()
        for drive in service.drives(tenant):
            if host.lower() == f"{label_of(tenant)}.sharepoint.com" and drive.site.lower() == wanted:
                return JSONResponse(site_document(drive))
        raise GraphError(404, "itemNotFound", "Requested site could not be found")
    return JSONResponse(site_document(service.site_of(tenant, rest)))


def _drive(service: Service, request: Request, body: Path) -> Response:
    drive = service.drive_of(service.tenant(request), request.path_params["drive"])
    return JSONResponse(drive_document(drive))
