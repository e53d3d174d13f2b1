"""SharePoint through Microsoft Graph. The provider's Graph hook is asynchronous and ignores proxies."""

from airflow.sdk import BaseHook

from include.publish.graph import GraphClient


def open_client(conn_id: str) -> GraphClient:
    """A Graph client for the site that the connection names."""
    connection = BaseHook.get_connection(conn_id)
    extra = connection.extra_dejson
    return GraphClient(
        tenant=extra["tenant_id"],
        client_id=connection.login,
        client_secret=connection.password,
        site_host=extra["site_host"],
        site_path=extra["site_path"],
    )
