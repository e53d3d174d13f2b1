"""Opens what the flows need from Airflow connections: the warehouse and the clients of other systems.

A tenant's connection to a system is `<system>_<tenant>`. Passwords stay in the connection: nothing here logs,
returns or stores one.
"""

from __future__ import annotations

import importlib

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


def open_client(system: str, conn_id: str):
    """The client of `system` over an Airflow connection; see `tradewind.clients`."""
    return importlib.import_module(f"tradewind.clients.{system}").open_client(conn_id)


def client(system: str, tenant: str):
    """The client of `system` for `tenant`, or None when the tenant has no connection to it."""
    conn_id = connection_id(system, tenant)
    return open_client(system, conn_id) if conn_id else None


def _dsn(conn_id: str) -> str:
    connection: Connection = BaseHook.get_connection(conn_id)
    return make_conninfo(
        host=connection.host,
        port=connection.port,
        dbname=connection.schema,
        user=connection.login,
        password=connection.password or None,
    )
