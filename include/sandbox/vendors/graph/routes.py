"""The HTTP side of Graph: token endpoint, sites, drives, items by id or path, upload addresses."""

from __future__ import annotations

import functools
import json
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Host, Route

from include.sandbox.vendors import Context, label_of, tenant_of
from include.sandbox.vendors.graph import uploads
from include.sandbox.vendors.graph.drive import CONFLICTS, NOT_FOUND, Drive, GraphError, show, temporary

SITES = ("Finance", "RevenueOperations")
LIBRARY = "Documents"
TOKEN_SECONDS = 3600
SMALL_LIMIT = 250 * 1024 * 1024
PAGE = 200
MESSAGES = {
    401: ("InvalidAuthenticationToken", "Access token has expired or is not yet valid."),
    403: ("accessDenied", "Access denied"),
    404: ("itemNotFound", NOT_FOUND),
    429: ("activityLimitReached", "The request has been throttled"),
    500: ("generalException", "General exception while processing"),
    503: ("serviceNotAvailable", "The service is temporarily unavailable."),
    507: ("quotaLimitReached", "Insufficient space available"),
}
# What follows `/v1.0`: a drive, by id or as a site's default, an item in it, a path below that, an action.
ITEM = re.compile(
    r"/(?:drives/(?P<drive>[^/:]+)|sites/(?P<site>[^/:]+)/drive)"
    r"(?:/root|/items/(?P<item>[^/:]+))"
    r"(?::/(?P<path>[^:]*?)/?(?::|\Z))?"
    r"(?:/(?P<action>content|children|createUploadSession))?\Z"
)


def client_id(tenant: str) -> str:
    """The application id of a tenant's app registration."""
    return f"sandbox-app-{tenant}"


def client_secret(tenant: str) -> str:
    """Its secret, which opens nothing but the sandbox."""
    return f"sandbox-only-not-a-secret-{tenant}"


def error_body(status: int, message: str | None) -> tuple[Any, dict[str, str]]:
    """The shape of a Graph error."""
    code, text = MESSAGES.get(status, ("generalException", "General exception while processing"))
    return {"error": {"code": code, "message": message or text}}, {}


@dataclass(frozen=True)
class Target:
    """The item a URL addresses: where the walk starts, the path below it, and what is there now."""

    service: Service
    drive: Drive
    start: str
    path: str
    item: dict[str, Any] | None

    def existing(self) -> dict[str, Any]:
        """The item, or 404."""
        if self.item is None:
            raise GraphError(404, "itemNotFound", NOT_FOUND)
        return self.item


class Service:
    """Every tenant's drives and tokens."""

    def __init__(self, context: Context):
        self.context = context
        self._tokens: dict[str, tuple[str, float]] = {}
        self._drives: dict[str, Drive] = {}
        self._tickets: dict[str, tuple[Drive, str, float]] = {}
        self._lock = threading.Lock()

    def grant(self, tenant: str) -> str:
        """A new access token for a tenant."""
        token = f"sandbox.{secrets.token_urlsafe(32)}"
        self._tokens[token] = (tenant, time.monotonic() + TOKEN_SECONDS)
        return token

    def revoke_all(self) -> None:
        """End every token."""
        self._tokens.clear()

    def tenant(self, request: Request) -> str:
        """The tenant of a request's token; GraphError 401."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        tenant, ends = self._tokens.get(token, ("", 0.0))
        if scheme.lower() != "bearer" or time.monotonic() >= ends:
            raise GraphError(401, *MESSAGES[401])
        return tenant

    def offer(self, drive: Drive, item: dict[str, Any]) -> str:
        """A ticket that lets its bearer read one file."""
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = (drive, item["id"], time.monotonic() + TOKEN_SECONDS)
        return ticket

    def offered(self, ticket: str) -> tuple[Drive, str]:
        """Library and item id of a ticket; GraphError 401 when it is unknown or old."""
        drive, item_id, ends = self._tickets.get(ticket, (None, "", 0.0))
        if drive is None or time.monotonic() >= ends:
            raise GraphError(401, "unauthenticated", "The download address has expired.")
        return drive, item_id

    def drives(self, tenant: str) -> list[Drive]:
        """The libraries of a tenant: one per site, made on first use."""
        with self._lock:
            found = [drive for drive in self._drives.values() if drive.tenant == tenant]
            if not found:
                world = self.context.world / tenant / "sharepoint"
                found = [Drive(tenant, site, LIBRARY, self.context.store, world / site) for site in SITES]
                self._drives |= {drive.id: drive for drive in found}
            return found

    def drive_of(self, tenant: str, drive_id: str) -> Drive:
        """A library by id, of this tenant only."""
        for drive in self.drives(tenant):
            if drive.id == drive_id:
                return drive
        raise GraphError(404, "itemNotFound", NOT_FOUND)

    def site_of(self, tenant: str, site_id: str) -> Drive:
        """The default library of a site by its id (`host,guid,guid`)."""
        for drive in self.drives(tenant):
            if site_document(drive)["id"] == site_id:
                return drive
        raise GraphError(404, "itemNotFound", "Requested site could not be found")


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
            _endpoint(service, _item),
            methods=["GET", "PUT", "POST", "PATCH", "DELETE"],
        ),
    ]
    login = [Route("/{directory}/oauth2/v2.0/token", functools.partial(_token, service), methods=["POST"])]
    upload = [
        Route("/_layouts/15/download/{ticket}", _endpoint(service, _download), methods=["GET"]),
        Route("/_api/v2.0/uploads/{session}", _endpoint(service, _upload), methods=["GET", "PUT", "DELETE"]),
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


def site_document(drive: Drive) -> dict[str, Any]:
    """The site a library belongs to."""
    host = f"{label_of(drive.tenant)}.sharepoint.com"
    guid = drive.id.removeprefix("b!")
    return {
        "id": f"{host},{guid},{guid[::-1]}",
        "name": drive.site,
        "displayName": drive.site,
        "webUrl": f"https://{host}/sites/{drive.site}",
        "siteCollection": {"hostname": host},
    }


def drive_document(drive: Drive) -> dict[str, Any]:
    """A library."""
    web = f"{site_document(drive)['webUrl']}/{quote(drive.name)}"
    return {"id": drive.id, "name": drive.name, "driveType": "documentLibrary", "webUrl": web}


def _site(service: Service, request: Request, body: Path) -> Response:
    tenant, rest = service.tenant(request), request.path_params["rest"]
    if rest.endswith(("/drive", "/drives")):
        drive = service.site_of(tenant, rest.rpartition("/")[0])
        shown = drive_document(drive)
        return JSONResponse({"value": [shown]} if rest.endswith("/drives") else shown)
    if "/drive/" in rest:
        return _item(service, request, body)
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


def _item(service: Service, request: Request, body: Path) -> Response:
    tenant = service.tenant(request)
    address = ITEM.match(request.scope["path"].removeprefix("/v1.0"))
    if address is None:
        raise GraphError(400, "invalidRequest", "The sandbox does not know this address.")
    part = address.groupdict()
    drive = (
        service.drive_of(tenant, part["drive"]) if part["drive"] else service.site_of(tenant, part["site"])
    )
    start, path = part["item"] or "root", part["path"] or ""
    target = Target(service, drive, start, path, drive.resolve(start, path))
    handler = ACTIONS.get((request.method, part["action"]))
    if handler is None:
        raise GraphError(405, "invalidRequest", f"{request.method} is not allowed here")
    return handler(request, target, body)


def _shown(request: Request, target: Target, item: dict[str, Any], status: int = 200) -> JSONResponse:
    document = show(target.drive, item, site_document(target.drive)["webUrl"])
    return JSONResponse(document, status, headers={"ETag": document["eTag"]})


def _read_metadata(request: Request, target: Target, body: Path) -> Response:
    return _shown(request, target, target.existing())


def _read_content(request: Request, target: Target, body: Path) -> Response:
    item = target.existing()
    if item["folder"]:
        raise GraphError(400, "invalidRequest", "A folder has no content")
    # As in the real service: the content lies behind an address that needs no token and lives for a while.
    host = f"{label_of(target.drive.tenant)}.sharepoint.com"
    address = f"https://{host}/_layouts/15/download/{target.service.offer(target.drive, item)}"
    return Response(status_code=302, headers={"Location": address})


def _download(service: Service, request: Request, body: Path) -> Response:
    drive, item_id = service.offered(request.path_params["ticket"])
    item = drive.item(item_id)
    if item is None or drive.tenant != tenant_of(request.scope["sandbox.host"]):
        raise GraphError(404, "itemNotFound", NOT_FOUND)
    return FileResponse(drive.store.blob(item["hashes"]["sha256Hash"].lower()), media_type=item["mime"])


def _write_content(request: Request, target: Target, body: Path) -> Response:
    conflict = _conflict(request.query_params.get("@microsoft.graph.conflictBehavior"), "replace")
    parent, name = _place(target)
    mime = request.headers.get("content-type", "").split(";")[0]
    item, created = target.drive.write_file(
        parent, name, body, conflict, request.headers.get("if-match"), mime or None
    )
    return _shown(request, target, item, 201 if created else 200)


def _list_children(request: Request, target: Target, body: Path) -> Response:
    item = target.existing()
    top, skip = (request.query_params.get(name, "") for name in ("$top", "$skiptoken"))
    size, start = int(top) if top.isdigit() and int(top) else PAGE, int(skip) if skip.isdigit() else 0
    items = target.drive.children(item["id"])
    web = site_document(target.drive)["webUrl"]
    document: dict[str, Any] = {"value": [show(target.drive, i, web) for i in items[start : start + size]]}
    if start + size < len(items):
        path = quote(request.scope["path"])
        document["@odata.nextLink"] = (
            f"https://graph.microsoft.com{path}?$top={size}&$skiptoken={start + size}"
        )
    return JSONResponse(document)


def _make_child(request: Request, target: Target, body: Path) -> Response:
    asked = _json(body)
    if "folder" not in asked or not isinstance(asked.get("name"), str):
        raise GraphError(400, "invalidRequest", "Only folders are created here: name and folder are needed")
    conflict = _conflict(asked.get("@microsoft.graph.conflictBehavior"), "fail")
    item, created = target.drive.make_folder(target.existing()["id"], asked["name"], conflict)
    return _shown(request, target, item, 201 if created else 200)


def _open_upload(request: Request, target: Target, body: Path) -> Response:
    asked = _json(body).get("item", {})
    conflict = _conflict(asked.get("@microsoft.graph.conflictBehavior"), "replace")
    parent, name = _place(target)
    session = uploads.open_session(target.drive, parent, name, conflict, request.headers.get("if-match"))
    host = f"{label_of(target.drive.tenant)}.sharepoint.com"
    address = f"https://{host}/_api/v2.0/uploads/{session['id']}"
    return JSONResponse({"uploadUrl": address, **uploads.status(session)})


def _upload(service: Service, request: Request, body: Path) -> Response:
    """The upload address carries its own right: it takes no token, and rejects one in the real service."""
    fault = (request.scope.get("sandbox.fault") or {}).get("kind")
    session = uploads.find(
        service.context.store, request.path_params["session"], expire=fault == "expire_upload"
    )
    drive = service.drive_of(tenant_of(request.scope["sandbox.host"]), session["drive"])
    if request.method == "GET":
        return JSONResponse(uploads.status(session))
    if request.method == "DELETE":
        uploads.cancel(drive, session)
        return Response(status_code=204)
    with drive.lock:
        # Read again under the lock: two clients may resume the same session.
        session = uploads.find(service.context.store, session["id"])
        done = uploads.receive(drive, session, request.headers.get("content-range", ""), body.read_bytes())
    if done is None:
        return JSONResponse(uploads.status(session), 202)
    item, created = done
    return _shown(request, Target(service, drive, "root", "", None), item, 201 if created else 200)


def _change(request: Request, target: Target, body: Path) -> Response:
    asked = _json(body)
    reference = asked.get("parentReference", {})
    parent = reference.get("id")
    if parent is None and reference.get("path"):
        place = target.drive.resolve("root", unquote(reference["path"]).partition(":")[2])
        if place is None:
            raise GraphError(404, "itemNotFound", NOT_FOUND)
        parent = place["id"]
    behaviour = asked.get("@microsoft.graph.conflictBehavior") or request.query_params.get(
        "@microsoft.graph.conflictBehavior"
    )
    item = target.drive.change(
        target.existing(),
        asked.get("name"),
        parent,
        _conflict(behaviour, "fail"),
        request.headers.get("if-match"),
    )
    return _shown(request, target, item)


def _remove(request: Request, target: Target, body: Path) -> Response:
    target.drive.delete(target.existing(), request.headers.get("if-match"))
    return Response(status_code=204)


def _place(target: Target) -> tuple[str, str]:
    """Folder and name a write goes to: by path the folders are made, by id the item is written over."""
    if target.drive.item(target.start) is None:
        raise GraphError(404, "itemNotFound", NOT_FOUND)
    if target.path:
        above, _, name = target.path.rpartition("/")
        return target.drive.ensure_parents(target.start, above), name
    item = target.existing()
    if item["folder"]:
        raise GraphError(400, "invalidRequest", "A folder has no content")
    return item["parent"], item["name"]


def _conflict(asked: str | None, default: str) -> str:
    if asked not in (None, *CONFLICTS):
        raise GraphError(400, "invalidRequest", f"conflictBehavior must be one of {', '.join(CONFLICTS)}")
    return asked or default


def _json(body: Path) -> dict[str, Any]:
    try:
        document = json.loads(body.read_bytes() or b"{}")
    except ValueError:
        raise GraphError(400, "invalidRequest", "The body is not valid JSON") from None
    if not isinstance(document, dict):
        raise GraphError(400, "invalidRequest", "The body must be an object")
    return document


ACTIONS: dict[tuple[str, str | None], Callable[[Request, Target, Path], Response]] = {
    ("GET", None): _read_metadata,
    ("PATCH", None): _change,
    ("DELETE", None): _remove,
    ("GET", "content"): _read_content,
    ("PUT", "content"): _write_content,
    ("GET", "children"): _list_children,
    ("POST", "children"): _make_child,
    ("POST", "createUploadSession"): _open_upload,
}
