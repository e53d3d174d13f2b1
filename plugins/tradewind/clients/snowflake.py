"""Snowflake through Airflow's hook."""

from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook


def open_client(conn_id: str):
    """A DB-API connection in the connection's database and schema; the task's execution timeout ends one that hangs."""
    return SnowflakeHook(snowflake_conn_id=conn_id).get_conn()
