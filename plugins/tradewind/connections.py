"""Opens what the flows need from Airflow connections: the warehouse and the clients of other systems.

A tenant's connection to a system is `<system>_<tenant>`. Passwords stay in the connection: nothing here logs,
returns or stores one.
"""

from __future__ import annotations

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from psycopg.conninfo import make_conninfo

from include.warehouse.session import Warehouse


def warehouse() -> Warehouse:
    """The warehouse through the connections tradewind_pipeline and tradewind_engine."""
    return Warehouse(pipeline_dsn=_dsn("tradewind_pipeline"), engine_dsn=_dsn("tradewind_engine"))


def connection_id(system: str, tenant: str) -> str | None:
    """The connection `<system>_<tenant>`, None when the tenant has none. There is no shared one to fall back to:
    a tenant's rows must never reach another tenant's systems.
    """
    name = f"{system}_{tenant}"
    try:
        BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return None
    return name


def salesforce(conn_id: str):
    """A simple_salesforce client through Airflow's Salesforce hook."""
    from airflow.providers.salesforce.hooks.salesforce import SalesforceHook

    return SalesforceHook(salesforce_conn_id=conn_id).get_conn()


def snowflake(conn_id: str):
    """A Snowflake DB-API connection through Airflow's Snowflake hook, with timeouts so that it cannot hang."""
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

    return SnowflakeHook(snowflake_conn_id=conn_id).get_conn()


def sharepoint(conn_id: str):
    """A Microsoft Graph client for the drive that the connection names."""
    from include.publish.graph import GraphClient

    connection = BaseHook.get_connection(conn_id)
    extra = connection.extra_dejson
    return GraphClient(
        tenant=extra["tenant_id"],
        client_id=connection.login,
        client_secret=connection.password,
        site_host=extra["site_host"],
        site_path=extra["site_path"],
    )


OPENERS = {"salesforce": salesforce, "snowflake": snowflake, "sharepoint": sharepoint}


def client(system: str, tenant: str):
    """The client of `system` for `tenant`, or None when the tenant has no connection to it."""
    conn_id = connection_id(system, tenant)
    return OPENERS[system](conn_id) if conn_id else None


def _dsn(conn_id: str) -> str:
    connection: Connection = BaseHook.get_connection(conn_id)
    return make_conninfo(
        host=connection.host,
        port=connection.port,
        dbname=connection.schema,
        user=connection.login,
        password=connection.password or None,
    )
