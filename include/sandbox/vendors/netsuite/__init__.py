"""NetSuite: one account per tenant at `<tenant>.suitetalk.api.netsuite.com`, REST records and SuiteQL.

`session` is the machine-to-machine log-in, `account` the journal entries and what NetSuite refuses of them,
`routes` the HTTP side. Real facts kept on purpose: a PUT by external id answers 204 with a Location and no body;
lines in the body are added to those there unless the request says `replace=line`; errors are an object with
`o:errorDetails`; too many requests at once are refused with 429; SuiteQL answers every value as text.

What a tenant's account holds is read from `world/<tenant>/netsuite`: `accounts.json` (the chart, with internal
ids) and `accounting_periods.json` (the closed ones). A fault rule of kind `close_period` with `start` and `end`
closes one while it stands.
"""

from __future__ import annotations

from typing import Any

from include.sandbox.settings import Ports
from include.sandbox.vendors import Vendor, label_of
from include.sandbox.vendors.netsuite.routes import build, error_body
from include.sandbox.vendors.netsuite.session import KEY_FILE, certificate_id, client_id


def connections(ports: Ports, tenant: str) -> dict[str, dict[str, Any]]:
    """The integration record of a tenant's account: client id, certificate id and where the private key lies."""
    return {
        "netsuite": {
            "conn_type": "generic",
            "host": f"{label_of(tenant)}.suitetalk.api.netsuite.com",
            "login": client_id(tenant),
            "extra": {"certificate_id": certificate_id(tenant), "private_key_file": f"sandbox/{KEY_FILE}"},
        }
    }


VENDOR = Vendor(
    name="netsuite",
    hosts=("*.suitetalk.api.netsuite.com",),
    build=build,
    error=error_body,
    connections=connections,
    faults=("expire_token", "close_period"),
)
