"""Every tenant's sites, libraries and tokens."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any
from urllib.parse import quote

from starlette.requests import Request

from include.sandbox.vendors import Context, label_of
from include.sandbox.vendors.graph.drive import NOT_FOUND, Drive, GraphError

SITES = ("Finance", "RevenueOperations")
LIBRARY = "Documents"
TOKEN_SECONDS = 3600
MESSAGES = {
    401: ("InvalidAuthenticationToken", "Access token has expired or is not yet valid."),
    403: ("accessDenied", "Access denied"),
    404: ("itemNotFound", NOT_FOUND),
    429: ("activityLimitReached", "The request has been throttled"),
    500: ("generalException", "General exception while processing"),
    503: ("serviceNotAvailable", "The service is temporarily unavailable."),
    507: ("quotaLimitReached", "Insufficient space available"),
}


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
