"""Microsoft Graph and its login: SharePoint sites with document libraries, one set per tenant.

A tenant's directory is `<tenant>.onmicrosoft.com`, its sites live at `<tenant>.sharepoint.com`; a token of one
tenant sees nothing of another. `drive` holds items and contents, `uploads` the upload sessions, `service`
tokens and sites, `items` and `routes` the HTTP side. Simple uploads and sessions are byte-exact; `file.hashes` carries quickXorHash as SharePoint does, and
SHA-256 besides.
"""

from __future__ import annotations

from typing import Any

from include.sandbox.settings import Ports
from include.sandbox.vendors import Vendor, label_of
from include.sandbox.vendors.graph.routes import build
from include.sandbox.vendors.graph.service import SITES, client_id, client_secret, error_body


def connections(ports: Ports, tenant: str) -> dict[str, dict[str, Any]]:
    """An app registration with a client secret, and the site and library that results go to."""
    return {
        "sharepoint": {
            "conn_type": "generic",
            "host": "https://graph.microsoft.com",
            "login": client_id(tenant),
            "password": client_secret(tenant),
            "extra": {
                "tenant_id": f"{label_of(tenant)}.onmicrosoft.com",
                "authority": "https://login.microsoftonline.com",
                "scope": "https://graph.microsoft.com/.default",
                "site_host": f"{label_of(tenant)}.sharepoint.com",
                "site_path": f"/sites/{SITES[0]}",
                "drive": "Documents",
                "folder": "Compensation/Output",
            },
        }
    }


VENDOR = Vendor(
    name="graph",
    hosts=("graph.microsoft.com", "login.microsoftonline.com", "*.sharepoint.com"),
    build=build,
    error=error_body,
    connections=connections,
    faults=("expire_token", "expire_upload"),
)
