"""
### Close period: freeze, release, tie out and close each fiscal period, with a checklist that says why

**Reads** the trade sub-ledger, the statements of `finance` and `master.fiscal_periods`.
**Writes** `finance.close_runs`, `close_checklist`, `period_closes`, `balance_assertions`, `period_statements`, releases,
and the close workbook.
**Runs** daily and after publish; by hand for a tenant, a business date or a period. A period is closed when its end
and the tenant's `close.lag_days` have passed; the others are counted as skipped.
**Re-run** freely: a closed period is asked again and must say the same. A business date before the latest one is a
replay: the stored answer, or what the checklist would have said then; nothing is posted.
**On call**: a red `verdict` names the check that does not tie, or what moved in a closed period; everything else was
done. See `finance.close_checklist` and the PERIOD_NOT_TIED tasks, correct at the source; it is asked again tomorrow.
"""

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, get_current_context, task

from tradewind import closing
from tradewind.assets import CLOSES, RECEIPTS, announce
from tradewind.connections import warehouse
from tradewind.defaults import NEVER_LATE, SOME, house_dag, leaf
from tradewind.engines import publish_one
from tradewind.operators.dbt import DbtSelection
from tradewind.runs import AS_OF, DRY_RUN, FISCAL_PERIOD, TENANT, chosen_date, succeeded, tenant_runs

NAMED = "{{ task.op_kwargs['work']['tenant'] }}"
DAILY = CronTriggerTimetable("30 9 * * *", timezone="UTC", run_immediately=NEVER_LATE)

with house_dag(
    "close_period",
    docs=__doc__,
    schedule=AssetOrTimeSchedule(timetable=DAILY, assets=[RECEIPTS]),
    params={"tenant": TENANT, "as_of": AS_OF, "period": FISCAL_PERIOD, "dry_run": DRY_RUN},
    tags=["close"],
):

    @task
    def plan() -> list[dict[str, str]]:
        return tenant_runs(get_current_context())

    @task(map_index_template=NAMED)
    def prepare(work: dict[str, str]) -> dict[str, object]:
        return closing.prepare_one(warehouse(), work, get_current_context())

    @task(trigger_rule=SOME)
    def posted(prepared: list[dict[str, object]]) -> None:
        closing.require_postings(succeeded(prepared))

    @task(trigger_rule=SOME)
    def frozen(prepared: list[dict[str, object]]) -> list[dict[str, object]]:
        return succeeded(prepared)

    @task(map_index_template=NAMED)
    def close(work: dict[str, object]) -> dict[str, object]:
        return closing.close_one(warehouse(), work, get_current_context())

    @task(outlets=[CLOSES], trigger_rule=SOME)
    def workbooks(closed: list[dict[str, object]], *, outlet_events=None) -> list[dict[str, object]]:
        tenants = [work["tenant"] for work in succeeded(closed)]
        announce(outlet_events, CLOSES, tenants, chosen_date(get_current_context()))
        return closing.workbook_plan(closed)

    @task(map_index_template=NAMED)
    def publish(work: dict[str, object]) -> str:
        return publish_one(warehouse(), work, get_current_context())

    @task(map_index_template=NAMED, trigger_rule=SOME)
    def verdict(work: dict[str, object]) -> None:
        closing.refuse_open(work)

    prepared = prepare.expand(work=plan())
    # A release is dated inside the period: the statements are made anew before they are tied and frozen.
    ledgers = DbtSelection(task_id="ledgers", select="tag:after_reconcile+", exclude="tag:gate")
    posted(prepared) >> ledgers >> (ready := frozen(prepared))
    closed = close.expand(work=ready)
    published = publish.expand(work=workbooks(closed))
    published >> verdict.expand(work=closed)
    [prepared, closed, published] >> leaf("all_tenants")
