"""The bodies of the engines' tasks: each opens what its flow needs and calls it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from airflow.exceptions import AirflowFailException
from tradewind.connections import client
from tradewind.runs import is_dry_run

from include.errors import MissingInput
from include.flows import forecast, publish, reconcile
from include.publish.exports import find, of_side
from include.warehouse.notifications import record
from include.warehouse.session import Warehouse
from include.warehouse.tenants import load_settings


def reconcile_one(wh: Warehouse, work: Mapping[str, str], context: Mapping) -> str:
    """Settle one tenant's claims; returns the tenant."""
    tenant = work["tenant"]
    with wh.pipeline() as conn:
        settings = load_settings(conn, tenant)
    summary = reconcile.reconcile(
        wh, tenant, date.fromisoformat(work["as_of"]), run_id=context["run_id"], settings=settings
    )
    print(summary)  # noqa: T201
    return tenant
