"""The bodies of the engines' tasks: each opens what its flow needs and calls it.

A flow is imported by the task that runs it: every task process imports this module with its DAG, and the flows'
libraries (scipy, matplotlib) cost seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date

from include import fiscal, runlog
from include.errors import MissingInput
from include.extract.posted import typed_rows
from include.publish.exports import Export, find, in_order, of_side
from include.publish.limits import Limits
from include.quality.built import require_built
from include.settings import TenantSettings
from include.warehouse import notifications
from include.warehouse.session import Warehouse
from include.warehouse.tenants import load_settings
from tradewind.connections import client
from tradewind.runs import is_dry_run

log = logging.getLogger("tradewind")
Work = Mapping[str, object]


def reconcile_one(wh: Warehouse, work: Work, context: Mapping) -> str:
    """Settle one tenant's claims; returns the tenant."""
    from include.flows import reconcile

    tenant = str(work["tenant"])
    summary = reconcile.reconcile(
        wh, tenant, _day(work["as_of"]), run_id=context["run_id"], settings=_settings(wh, tenant)
    )
    log.info("%s", summary)
    return tenant


def check_evidence_of(wh: Warehouse, work: Work) -> None:
    """Verify one tenant's snapshot chain, settlements and journals; CheckFailed when something was changed."""
    from include.flows import evidence

    evidence.require_sound(wh, str(work["tenant"]))


def check_statements(wh: Warehouse, works: Iterable[Work]) -> None:
    """CheckFailed naming the accounts for which statements of this run's tenants are withheld."""
    from include.quality.statements import require_mapped_accounts

    require_mapped_accounts(wh, sorted(str(work["tenant"]) for work in works))


def measure_one(wh: Warehouse, work: Work, context: Mapping) -> str:
    """Measure one tenant's promotions at the shelf; returns the tenant."""
    from include.flows import measure

    tenant = str(work["tenant"])
    log.info("%s", measure.measure(wh, tenant, _day(work["as_of"]), run_id=context["run_id"]))
    return tenant


def freeze_one(wh: Warehouse, work: Work, context: Mapping) -> dict[str, object]:
    """Freeze one tenant's inputs; returns the work with its simulations and the blocks still to compute."""
    from include.flows import forecast, forecast_cluster
    from include.flows.forecast_settings import load_config

    tenant, period, as_of = str(work["tenant"]), str(work["period"]), _day(work["as_of"])
    settings = _settings(wh, tenant)
    run = {"tenant": tenant, "run_id": context["run_id"], "as_of": as_of, "period": period}
    new_quotas = typed_rows("quotas", context["params"].get("new_quotas") or [])
    with runlog.run(wh, verb="forecast_freeze", parameters=_asked(context), **run) as entry:
        require_built(wh, tenant, context["run_id"])
        simulations = forecast.freeze_inputs(
            wh,
            tenant,
            period=period,
            as_of=as_of,
            run_id=context["run_id"],
            settings=settings,
            trigger=str(context["params"].get("trigger") or context["dag_run"].run_type),
            new_quotas=new_quotas,
        )
        entry.summary = {"simulations": simulations}
    config, _ = load_config(settings)
    return dict(work) | {
        "simulations": simulations,
        "blocks": forecast_cluster.mapped_work(wh, tenant, simulations, config.executor),
    }


def forecasts_called_for(wh: Warehouse, works: Iterable[Work], context: Mapping) -> list[dict[str, object]]:
    """The forecast runs that the newest marts call for, one or more per tenant with events: run id and conf."""
    from include.flows import forecast_events

    return [
        run
        for work in works
        for run in forecast_events.find_runs(
            wh, str(work["tenant"]), _day(work["as_of"]), run_id=context["run_id"]
        )
    ]


def forecast_blocks(frozen: Iterable[Work]) -> list[dict[str, object]]:
    """One piece of work per block that is not stored yet."""
    return [{"tenant": work["tenant"], **block} for work in frozen for block in work["blocks"]]


def simulate_one(wh: Warehouse, block: Work) -> None:
    """Compute and store one block, or all of a simulation on a cluster; one that fails is marked until a retry goes on."""
    from include.flows import forecast, forecast_cluster
    from include.flows.forecast_settings import load_config

    tenant, simulation_id = str(block["tenant"]), str(block["simulation_id"])
    with _failure_marked(wh, tenant, [simulation_id]):
        if block["block_no"] is not None:
            forecast.simulate(wh, tenant, simulation_id, int(block["block_no"]))
            return
        executor = load_config(_settings(wh, tenant))[0].executor
        if (cluster := client("databricks", tenant)) is None:
            raise MissingInput(
                where=f"connection databricks_{tenant}",
                expected="a connection of type databricks, for forecast.executor.kind databricks",
                got="none",
                remedy="add the connection, or set forecast.executor.kind to airflow",
            )
        forecast_cluster.simulate_on_cluster(wh, tenant, simulation_id, cluster, executor)


def summarise_one(wh: Warehouse, frozen: Iterable[Work]) -> list[dict[str, object]]:
    """Summarise every simulation; returns the work without its blocks.

    A tenant with a block that failed is passed over: its own task has failed, and the others' forecasts go on.
    """
    from include.flows import forecast

    done = []
    for work in frozen:
        tenant, simulations = str(work["tenant"]), list(work["simulations"])
        if missing := forecast.pending_work(wh, tenant, simulations):
            log.error("%s · %d blocks are missing: mend and clear their tasks", tenant, len(missing))
            continue
        with _failure_marked(wh, tenant, simulations):
            for simulation_id in simulations:
                forecast.summarise(wh, tenant, simulation_id)
        done.append({name: value for name, value in work.items() if name != "blocks"})
    return done


def report_one(wh: Warehouse, summarised: Iterable[Work], context: Mapping) -> list[dict[str, object]]:
    """Write workbook and PDF of every tenant; one piece of work per tenant and export of the forecast side."""
    from include.flows import forecast_reports

    works = []
    for work in summarised:
        tenant, period = str(work["tenant"]), str(work["period"])
        run = {"tenant": tenant, "run_id": context["run_id"], "as_of": _day(work["as_of"]), "period": period}
        with runlog.run(wh, verb="forecast", **run) as entry:
            paths = forecast_reports.write_reports(
                wh,
                tenant,
                period=period,
                simulation_ids=list(work["simulations"]),
                formats=context["params"].get("formats"),
            )
            entry.summary = {"simulations": list(work["simulations"]), "files": [str(p) for p in paths]}
        notifications.record(
            wh,
            tenant=tenant,
            key=f"forecast|{period}|{context['run_id']}",
            subject=f"Compensation forecast for {period} is ready",
            body=", ".join(str(path) for path in paths),
        )
        works.append({"tenant": tenant, "period": period, "as_of": work["as_of"]})
    return [work | export for work in works for export in in_order(of_side("forecast"))]


def export_plan(works: Sequence[Work], context: Mapping, *, into_erp: bool) -> list[dict[str, object]]:
    """One piece of work per tenant and asked export (none asked: the settlement side), into an ERP or elsewhere."""
    asked = context["params"].get("exports")
    exports = [find(name) for name in asked] if asked else of_side("reconcile")
    return [
        dict(work)
        | {
            "period": context["params"].get("period") or str(work["as_of"])[:7],
            **export,
            "resend": bool(context["params"].get("resend")),
        }
        for work in works
        for export in in_order([e for e in exports if (e.channel is not None) == into_erp])
    ]


def acknowledge_one(wh: Warehouse, work: Work, context: Mapping) -> int:
    """Apply what the ERP answered to one tenant's journals; how many answers were new. A dry run applies none."""
    from include.flows import acknowledge

    tenant = str(work["tenant"])
    if is_dry_run(context, "live"):
        log.info("%s · a dry run applies no answers", tenant)
        return 0
    summary = acknowledge.acknowledge(
        wh, tenant, _day(work["as_of"]), run_id=context["run_id"], settings=_settings(wh, tenant)
    )
    return sum(summary.effects.values())


def publish_one(wh: Warehouse, work: Work, context: Mapping) -> str:
    """Publish one export for one tenant, then those that need it; returns the tenant."""
    tenant = str(work["tenant"])
    settings = _settings(wh, tenant)
    erp = Limits.from_settings(settings.publish).erp
    for name in (work["export"], *work["then"]):
        if erp.serves((export := find(str(name))).channel):
            _publish(wh, work, export, settings, context)
        else:
            log.info("%s · %s · skipped: its ERP takes journals by %s", tenant, name, erp.channel)
    return tenant


def _publish(wh: Warehouse, work: Work, export: Export, settings: TenantSettings, context: Mapping) -> None:
    from include.flows import publish

    tenant = str(work["tenant"])
    request = publish.Request(
        tenant=tenant,
        export=export,
        as_of=_day(work["as_of"]),
        period=fiscal.month(str(work["period"])),
        run_id=context["run_id"],
        dry_run=is_dry_run(context, settings.publish_mode),
        resend=bool(work.get("resend")),
    )
    publish.publish(wh, request, lambda: client(export.destination, tenant), settings)


def _asked(context: Mapping) -> dict[str, object]:
    """What came with an event or was typed into the form, for the record of the run."""
    conf = context["dag_run"].conf or {}
    return {name: conf[name] for name in ("trigger", "events", "new_quotas") if conf.get(name)}


@contextmanager
def _failure_marked(wh: Warehouse, tenant: str, simulations: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except Exception:
        from include.flows import forecast

        forecast.mark_failed(wh, tenant, simulations)
        raise


def _settings(wh: Warehouse, tenant: str):
    with wh.pipeline() as conn:
        return load_settings(conn, tenant)


def _day(value: object) -> date:
    return fiscal.day(str(value))
