"""
### Publish: send results out, with a receipt for every write

**Reads** `finance.settlements`, `finance.claims`, `planning.monte_carlo_*` and the files of the output folder.
**Writes** the destinations (Salesforce, SharePoint, Snowflake) and `publish.receipts`, `ledger`, `rejects`.
**Runs** after reconcile for the settlement side; by hand for any export. A run by hand is a dry run unless it
says otherwise; an event-driven run writes for tenants with `publish_mode=live`.
**Re-run** freely: what is confirmed and unchanged is not sent again.
**On call**: a record a destination refused is in `publish.rejects` with its code; the good ones are stored.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Param, get_current_context, task

from include.publish.exports import BY_NAME
from tradewind.assets import RECEIPTS, SETTLEMENTS, announce
from tradewind.connections import warehouse
from tradewind.defaults import SOME, house_dag
from tradewind.engines import export_plan, publish_one
from tradewind.runs import AS_OF, DRY_RUN, PERIOD, TENANT, chosen_date, succeeded, tenant_runs

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

with house_dag(
    "publish",
    docs=__doc__,
    schedule=[SETTLEMENTS],
    params={
        "tenant": TENANT,
        "as_of": AS_OF,
        "period": PERIOD,
        "dry_run": DRY_RUN,
        "exports": EXPORTS,
        "resend": RESEND,
    },
    tags=["publish"],
):

    @task
    def plan() -> list[dict[str, str]]:
        context = get_current_context()
        return export_plan(tenant_runs(context), context)

    @task(map_index_template="{{ task.op_kwargs['work']['tenant'] }} {{ task.op_kwargs['work']['export'] }}")
    def publish(work: dict[str, str]) -> str:
        return publish_one(warehouse(), work, get_current_context())

    @task(outlets=[RECEIPTS], trigger_rule=SOME)
    def finish(tenants: list[str], *, outlet_events=None) -> None:
        announce(outlet_events, RECEIPTS, succeeded(tenants), chosen_date(get_current_context()))

    published = publish.expand(work=plan())
    finish(published)
    published >> EmptyOperator(task_id="all_exports", trigger_rule="none_failed")
