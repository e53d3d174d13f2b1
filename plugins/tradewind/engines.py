"""The bodies of the engines' tasks: each opens what its flow needs and calls it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date

from airflow.exceptions import AirflowFailException

from include import fiscal
from include.flows import forecast, publish, reconcile
from include.publish.exports import find, of_side
from include.warehouse.session import Warehouse
from include.warehouse.tenants import load_settings
from tradewind.connections import client
from tradewind.runs import is_dry_run

log = logging.getLogger("tradewind")
Work = Mapping[str, object]


def reconcile_one(wh: Warehouse, work: Work, context: Mapping) -> str:
    """Settle one tenant's claims; returns the tenant."""
    tenant = str(work["tenant"])
    summary = reconcile.reconcile(
        wh, tenant, _day(work["as_of"]), run_id=context["run_id"], settings=_settings(wh, tenant)
    )
    log.info("%s", summary)
    return tenant


def freeze_one(wh: Warehouse, work: Work, context: Mapping) -> list[dict[str, object]]:
    """Freeze one tenant's inputs; one piece of work per simulation."""
    tenant = str(work["tenant"])
    simulations = forecast.freeze_inputs(
        wh,
        tenant,
        period=str(work["period"]),
        as_of=_day(work["as_of"]),
        run_id=context["run_id"],
        settings=_settings(wh, tenant),
        trigger=str(context["dag_run"].run_type),
    )
    return [dict(work) | {"simulation_id": s.simulation_id, "blocks": s.block_count} for s in simulations]


def forecast_blocks(frozen: Sequence[Sequence[Work]]) -> list[dict[str, object]]:
    """One piece of work per block of every simulation."""
    return [
        {"tenant": work["tenant"], "simulation_id": work["simulation_id"], "block": number}
        for tenant in frozen
        for work in tenant
        for number in range(int(work["blocks"]))
    ]


def export_plan(works: Sequence[Work], context: Mapping) -> list[dict[str, object]]:
    """One piece of work per tenant and asked export (none asked: the settlement side)."""
    asked = context["params"].get("exports")
    exports = [find(name) for name in asked] if asked else of_side("reconcile")
    return [
        dict(work)
        | {
            "period": context["params"].get("period") or str(work["as_of"])[:7],
            "export": export.name,
            "resend": bool(context["params"].get("resend")),
        }
        for work in works
        for export in exports
    ]


def forecast_exports(works: Sequence[Work]) -> list[dict[str, object]]:
    """One piece of work per tenant and export of the forecast side."""
    return [dict(work) | {"export": export.name} for work in works for export in of_side("forecast")]


def publish_one(wh: Warehouse, work: Work, context: Mapping) -> str:
    """Publish one export for one tenant; returns the tenant.

    A refused record fails the task without a retry: sending the same again would be refused again.
    """
    tenant, export = str(work["tenant"]), find(str(work["export"]))
    settings = _settings(wh, tenant)
    request = publish.Request(
        tenant=tenant,
        export=export,
        as_of=_day(work["as_of"]),
        period=fiscal.month(str(work["period"])),
        run_id=context["run_id"],
        dry_run=is_dry_run(context, settings.publish_mode),
        resend=bool(work.get("resend")),
    )
    try:
        publish.publish(wh, request, lambda: client(export.destination, tenant), settings)
    except publish.RemoteRejection as error:
        raise AirflowFailException(str(error)) from error
    return tenant


def _settings(wh: Warehouse, tenant: str):
    with wh.pipeline() as conn:
        return load_settings(conn, tenant)


def _day(value: object) -> date:
    return fiscal.day(str(value))
