"""Calls to drive items: metadata, content, children, upload sessions, rename, move, delete."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from include.sandbox.vendors import label_of, tenant_of
from include.sandbox.vendors.graph import uploads
from include.sandbox.vendors.graph.drive import CONFLICTS, NOT_FOUND, Drive, GraphError, show
from include.sandbox.vendors.graph.service import Service, site_document

PAGE = 200
# What follows `/v1.0`: a drive, by id or as a site's default, an item in it, a path below that, an action.
ITEM = re.compile(
    r"/(?:drives/(?P<drive>[^/:]+)|sites/(?P<site>[^/:]+)/drive)"
    r"(?:/root|/items/(?P<item>[^/:]+))"
    r"(?::/(?P<path>[^:]*?)/?(?::|\Z))?"
    r"(?:/(?P<action>content|children|createUploadSession))?\Z"
)


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


def answer(service: Service, request: Request, body: Path) -> Response:
    """Answer one call to a drive item, addressed by id or by path."""
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


def download(service: Service, request: Request, body: Path) -> Response:
    """Give the content behind a ticket."""
    drive, item_id = service.offered(request.path_params["ticket"])
    item = drive.item(item_id)
    if item is None or drive.tenant != tenant_of(request.scope["sandbox.host"]):
        raise GraphError(404, "itemNotFound", NOT_FOUND)
    return FileResponse(drive.store.blob(item["hashes"]["sha256Hash"].lower()), media_type=item["mime"])


def upload(service: Service, request: Request, body: Path) -> Response:
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
