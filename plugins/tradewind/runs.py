"""Which tenants a run is about and what its business date is, resolved once per run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowSkipException

from include import fiscal
from include.errors import TradewindError
from include.forecast.config import EXPORT_FORMATS
from include.publish.exports import BY_NAME
from include.warehouse.tenants import active_tenants, load_settings
from tradewind.assets import triggering
from tradewind.connections import warehouse

TENANT = Param(
    None,
    type=["null", "string"],
    pattern=r"^[a-z][a-z0-9_]{0,30}$",
    title="Tenant",
    description="One tenant, or empty for all active tenants (or those of the triggering event).",
)
AS_OF = Param(
    None,
    type=["null", "string"],
    format="date",
    title="As of",
    description="Business date. Empty: the triggering event's, else today in the tenant's time zone.",
)
PERIOD = Param(
    None,
    type=["null", "string"],
    pattern=r"^\d{4}-(0[1-9]|1[0-2])$",
    title="Period",
    description="Fiscal month YYYY-MM. Empty: the month before the run, in the tenant's time zone.",
)
FISCAL_PERIOD = Param(
    None,
    type=["null", "string"],
    pattern=r"^\d{4}-(0[1-9]|1[0-3])$",
    title="Fiscal period",
    description="Fiscal year and period of the tenant's calendar, such as 2026-07. Empty: every period that is due.",
)

DRY_RUN = Param(
    None,
    type=["null", "boolean"],
    title="Dry run",
    description=(
        "Empty: scheduled and event-driven runs write for tenants with publish_mode=live, runs by hand only plan. "
        "No: this run writes. Yes: this run only plans."
    ),
)

EXPORTS = Param(
    None,
    type=["null", "array"],
    items={"type": "string", "enum": sorted(BY_NAME)},
    title="Exports",
    description="Empty: the exports of the settlement side.",
)
RESEND = Param(
    False,
    type="boolean",
    title="Resend",
    description="Send again what is unchanged or was refused: for a destination that lost data.",
)

#: The form of a publish.
PUBLISHING = {
    "tenant": TENANT,
    "as_of": AS_OF,
    "period": PERIOD,
    "dry_run": DRY_RUN,
    "exports": EXPORTS,
    "resend": RESEND,
}

TRIGGER = Param(
    None,
    type=["null", "string"],
    pattern=r"^[A-Za-z0-9_+ .-]{1,80}$",
    title="Trigger",
    description=(
        "What asked for this run; stored with its simulations. Events fill in large_deal_closed or quota_updated. "
        "Empty: scheduled or manual."
    ),
)
NEW_QUOTAS = Param(
    None,
    type=["null", "array"],
    items={"type": "object"},
    title="New quotas",
    description=(
        "Rows of the contract quotas that stand over the loaded ones in this run only, such as "
        '[{"rep_key": "R1", "period_start": "2026-10-01", "period_end": "2027-01-01", "quota_amount": "300000"}].'
    ),
)

FORMATS = Param(
    None,
    type=["null", "array"],
    items={"type": "string", "enum": list(EXPORT_FORMATS)},
    title="Formats",
    description="Files written beside the workbook and the PDF. Empty: the tenant's setting forecast.exports.",
)

#: The form of a forecast.
FORECASTING = {
    "tenant": TENANT,
    "period": PERIOD,
    "as_of": AS_OF,
    "dry_run": DRY_RUN,
    "trigger": TRIGGER,
    "new_quotas": NEW_QUOTAS,
    "formats": FORMATS,
}


def tenant_runs(context: Mapping) -> list[dict[str, str]]:
    """One piece of work per tenant of this run: {tenant, as_of}, sorted by tenant."""
    event_tenants, event_date = triggering(context)
    work = []
    for tenant, zone in _tenants(context, event_tenants):
        as_of = fiscal.business_date(
            partition_key=context.get("partition_key") or context["dag_run"].partition_key,
            param=context["params"].get("as_of"),
            event=event_date,
            run_after=context["dag_run"].run_after,
            timezone=zone,
        )
        work.append({"tenant": tenant, "as_of": as_of.isoformat()})
    return work


def tenant_periods(context: Mapping) -> list[dict[str, str]]:
    """One piece of work per tenant of a monthly run: {tenant, period, as_of}.

    Without an `as_of` param the business date is the last day of the period.
    """
    work = []
    for tenant, zone in _tenants(context, []):
        period = fiscal.business_period(
            partition_key=context.get("partition_key") or context["dag_run"].partition_key,
            param=context["params"].get("period"),
            run_after=context["dag_run"].run_after,
            timezone=zone,
        )
        as_of = context["params"].get("as_of") or fiscal.last_day(period).isoformat()
        work.append({"tenant": tenant, "period": period, "as_of": as_of})
    return work


def chosen_date(context: Mapping) -> str | None:
    """The business date a person chose for this run or for the one that started it; None when nobody did."""
    return context["params"].get("as_of") or triggering(context)[1]


def succeeded(values: Iterable) -> list:
    """What the mapped tasks before this one returned, where they succeeded; skips this task when none did."""
    found = list(values)
    if not found:
        raise AirflowSkipException("nothing before this task succeeded")
    return found


def is_dry_run(context: Mapping, publish_mode: str) -> bool:
    """Whether this run may not write to destinations (C29): its own word first, then how it was started."""
    asked = context["params"].get("dry_run")
    if asked is not None:
        return bool(asked)
    by_hand = str(context["dag_run"].run_type).rsplit(".", 1)[-1].lower() == "manual"
    return by_hand or publish_mode != "live"


def _tenants(context: Mapping, from_events: list[str]) -> list[tuple[str, str]]:
    wh = warehouse()
    with wh.pipeline() as conn:
        active = active_tenants(conn)
        asked = context["params"].get("tenant")
        wanted = [asked] if asked else (from_events or active)
        unknown = sorted(set(wanted) - set(active))
        if unknown or not wanted:
            raise TradewindError(
                where="tenants of this run",
                expected=f"active tenants ({', '.join(active) or 'none yet'})",
                got=", ".join(unknown) or "none",
                remedy="add one: python -m include.warehouse.tenants ensure <tenant> 'Its name'",
            )
        return [(tenant, load_settings(conn, tenant).timezone) for tenant in sorted(wanted)]
