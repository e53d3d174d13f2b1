"""The bodies of the extract tasks: open the client, run the flow, gate what arrived."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from airflow.sdk.exceptions import AirflowSkipException

from include import settings
from include.extract.manifest import System
from include.warehouse.session import Warehouse
from tradewind.connections import connection_id, open_client

log = logging.getLogger("tradewind")


def extract_one(
    wh: Warehouse, system: System, work: Mapping[str, str], context: Mapping
) -> dict[str, object]:
    """Bring one tenant's rows in; returns the tenant and the streams that arrived.

    A tenant without a connection to the system, or without an inbox when nobody named a folder, is a skip.
    """
    tenant, run_id = work["tenant"], context["run_id"]
    if system.conn_id is None:
        asked = context["params"].get("folder")
        folder = asked or settings.inbox(tenant)
        if not asked and not folder.is_dir():
            raise AirflowSkipException(f"{tenant} has no inbox at {folder}")
        summary = system.flow(wh, tenant, folder, run_id)
    else:
        conn_id = connection_id(system.name, tenant)
        if conn_id is None:
            raise AirflowSkipException(f"{tenant} has no connection {system.name}_{tenant}")
        summary = system.flow(
            wh,
            tenant,
            open_client(system.name, conn_id),
            run_id,
            login=lambda: open_client(system.name, conn_id),
        )
    return {"tenant": tenant, "streams": summary.streams}


def gate_one(wh: Warehouse, system: System, arrived: Mapping[str, object], context: Mapping) -> str:
    """Check what arrived with Great Expectations; returns the tenant, raises when an expectation failed."""
    # Great Expectations takes seconds to import: only the task that runs it pays.
    from include.quality.arrivals import gate

    tenant = str(arrived["tenant"])
    streams = list(arrived["streams"])
    result = gate(wh.pipeline_dsn, tenant, streams, context["run_id"], source=system.name)
    log.info("%s · %s · %s", tenant, system.name, result)
    return tenant
