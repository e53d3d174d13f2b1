"""The bodies of the month end's tasks: freeze and release, tie out and close, write the workbooks, say what is open."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from airflow.sdk.exceptions import AirflowSkipException

from include import fiscal
from include.publish.exports import in_order, of_side
from include.warehouse.session import Warehouse
from include.warehouse.tenants import load_settings

log = logging.getLogger("tradewind")
Work = Mapping[str, object]


def prepare_one(wh: Warehouse, work: Work, context: Mapping) -> dict[str, object]:
    """Freeze one tenant's due periods and release what is left over in them; returns the work with what was posted to."""
    from include.flows import close

    return dict(work) | {"posted": close.prepare(wh, str(work["tenant"]), **_options(wh, work, context))}


def require_postings(prepared: Iterable[Work]) -> None:
    """Skip the rebuilding of the statements when no tenant's close posted anything."""
    if not any(work["posted"] for work in prepared):
        raise AirflowSkipException("no close posted anything: the statements are up to date")


def close_one(wh: Warehouse, work: Work, context: Mapping) -> dict[str, object]:
    """Tie out and close one tenant's periods, and write their workbooks; returns the work with what came of it."""
    from include.flows import close, close_report

    tenant, options = str(work["tenant"]), _options(wh, work, context)
    summary = close.close(wh, tenant, **options)
    log.info("%s", summary)
    paths = close_report.write_workbooks(wh, tenant, options["as_of"], summary.touched)
    return dict(work) | {
        "period": str(work["as_of"])[:7],
        "problem": summary.problem,
        "workbooks": [path.name for path in paths],
    }


def workbook_plan(closed: Iterable[Work]) -> list[dict[str, object]]:
    """One piece of work per tenant whose workbooks were written and export of the month end."""
    return [
        {name: work[name] for name in ("tenant", "as_of", "period")} | export
        for work in closed
        if work["workbooks"]
        for export in in_order(of_side("close"))
    ]


def refuse_open(work: Work) -> None:
    """Raise PeriodNotTied when the tenant's month end left something for a person."""
    from include.flows import close

    close.refuse_open(str(work["tenant"]), str(work["problem"]))


def _options(wh: Warehouse, work: Work, context: Mapping) -> dict[str, object]:
    tenant = str(work["tenant"])
    with wh.pipeline() as conn:
        settings = load_settings(conn, tenant)
    return {
        "as_of": fiscal.day(str(work["as_of"])),
        "run_id": context["run_id"],
        "settings": settings,
        "asked": context["params"].get("period"),
    }
