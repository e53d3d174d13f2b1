"""Salesforce: one org per tenant at `<tenant>.my.salesforce.com`, REST and Bulk API 2.0.

`objects.json` declares the objects, `org` holds the data and the rules of writing, `soql` reads queries, `service`
is what every call goes through, `rest`, `records` and `bulk` are the APIs, `session` and `assertion` the logins. Real facts kept on purpose: errors are a LIST,
a query locator dies with its session, the limit error is 403, results page at 2,000 records.
"""

from __future__ import annotations

from typing import Any

from include.sandbox.settings import Ports
from include.sandbox.vendors import Vendor, label_of
from include.sandbox.vendors.salesforce.rest import build
from include.sandbox.vendors.salesforce.service import error_body
from include.sandbox.vendors.salesforce.session import consumer_key, consumer_secret

API_VERSION = "66.0"


def connections(ports: Ports, tenant: str) -> dict[str, dict[str, Any]]:
    """The Airflow connection that the provider's SalesforceHook understands: client credentials on My Domain."""
    return {
        "salesforce": {
            "conn_type": "salesforce",
            "extra": {
                "domain": f"{label_of(tenant)}.my",
                "consumer_key": consumer_key(tenant),
                "consumer_secret": consumer_secret(tenant),
                "version": API_VERSION,
            },
        }
    }


VENDOR = Vendor(
    name="salesforce",
    hosts=("*.my.salesforce.com",),
    build=build,
    error=error_body,
    connections=connections,
    faults=("expire_session", "reject_rows"),
)
