"""
### Publish: send results out, with a receipt for every write

Journals go to the ERP first; what it answers is applied to the books, and everything else is sent after that.
**Reads** `finance.*`, `planning.monte_carlo_*` and the files of the output folder.
**Writes** the destinations (NetSuite, Salesforce, SharePoint, Snowflake), `publish.receipts`, `ledger`, `rejects`;
from the ERP's answers `finance.erp_answers`, `settlements`, `promotion_state`, `claim_tasks`.
**Runs** after reconcile for the settlement side; by hand for any export. A run by hand is a dry run unless it
says otherwise; an event-driven run writes for tenants with `publish_mode=live`.
**Re-run** freely: what is confirmed and unchanged is not sent again.
**On call**: a record a destination refused is in `publish.rejects` with its code; the good ones are stored. A
journal the ERP refused fails nothing: it is an ERP_REFUSED or ACCRUAL_REFUSED task (docs/erp.md).
"""

from airflow.sdk import get_current_context, task

from tradewind.assets import RECEIPTS, SETTLEMENTS, announce
from tradewind.connections import warehouse
from tradewind.defaults import SOME, house_dag, leaf
from tradewind.engines import acknowledge_one, export_plan, publish_one
from tradewind.operators.dbt import DbtSelection
from tradewind.runs import PUBLISHING, chosen_date, succeeded, tenant_runs

with house_dag(
    "publish",
    docs=__doc__,
    schedule=[SETTLEMENTS],
    params=PUBLISHING,
    tags=["publish"],
):
    NAMED = "{{ task.op_kwargs['work']['tenant'] }} {{ task.op_kwargs['work'].get('export', '') }}"

    @task
    def plan() -> list[dict[str, str]]:
        return tenant_runs(get_current_context())

    @task(trigger_rule="none_failed")
    def exports(works: list[dict[str, str]], into_erp: bool) -> list[dict[str, str]]:
        return export_plan(works, get_current_context(), into_erp=into_erp)

    @task(map_index_template=NAMED)
    def publish(work: dict[str, str]) -> str:
        return publish_one(warehouse(), work, get_current_context())

    @task(map_index_template=NAMED, trigger_rule=SOME)
    def acknowledge(work: dict[str, str]) -> int:
        return acknowledge_one(warehouse(), work, get_current_context())

    @task.short_circuit(trigger_rule=SOME, ignore_downstream_trigger_rules=False)
    def changed(applied: list[int]) -> bool:
        return any(applied)

    @task(outlets=[RECEIPTS], trigger_rule=SOME)
    def finish(tenants: list[str], *, outlet_events=None) -> None:
        announce(outlet_events, RECEIPTS, succeeded(tenants), chosen_date(get_current_context()))

    posted = publish.override(task_id="post").expand(
        work=exports.override(task_id="journals")(works := plan(), True)
    )
    posted >> (answered := acknowledge.expand(work=works))
    # What the answers changed in the books is built and held to the laws before anything else is sent.
    ledgers = DbtSelection(task_id="ledgers", select="tag:after_reconcile+", exclude="tag:gate")
    laws = DbtSelection(task_id="laws", command="test", select="tag:law")
    changed(answered) >> ledgers >> laws >> (others := exports(works, False))
    finish(published := publish.expand(work=others))
    [posted, answered, published] >> leaf("all_exports")
