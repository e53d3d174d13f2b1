"""Salesforce through Airflow's hook."""

from airflow.providers.salesforce.hooks.salesforce import SalesforceHook


def open_client(conn_id: str):
    """A logged-in simple_salesforce client."""
    return SalesforceHook(salesforce_conn_id=conn_id).get_conn()
