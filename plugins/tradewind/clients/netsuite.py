"""NetSuite through its REST web services; Airflow has no provider for it.

The connection: host `<account>.suitetalk.api.netsuite.com`, login = client id, password = the private key (PEM)
or extra `private_key_file` (a path, relative to TRADEWIND_STATE), extra `certificate_id`, and optionally
`concurrency`, the requests under way at once.
"""

from airflow.sdk import BaseHook

from include import settings
from include.publish.netsuite import CONCURRENCY, NetSuiteClient


def open_client(conn_id: str) -> NetSuiteClient:
    """A client of the account the connection names; it logs in with its first call."""
    connection = BaseHook.get_connection(conn_id)
    extra = connection.extra_dejson
    key = connection.password or (settings.state() / extra["private_key_file"]).read_text()
    return NetSuiteClient(
        host=connection.host,
        client_id=connection.login,
        certificate_id=extra["certificate_id"],
        private_key=key,
        concurrency=int(extra.get("concurrency", CONCURRENCY)),
    )
