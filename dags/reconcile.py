"""
### Reconcile: settle retailer deductions against trade promotions, with a ledger that ties

**Reads** `master.customers`, `planning.promotions`, `finance.deductions` and the tables beside them.
**Writes** `finance.claims`, `match_candidates`, `settlements`, `journals`, `journal_lines`, `accrual_ledger`,
`gl_snapshots`, `claim_tasks`.
**Runs** after transform, once per tenant; by hand for a tenant and a business date.
**Re-run** freely: ids are deterministic and each batch commits as a whole. A business date before the
tenant's latest one is a replay: its answer is stored beside, nothing is posted.
**On call**: a failed law names the journal, claim or promotion that breaks it; nothing is published then.
`finance.claim_tasks` lists what a person must decide.
"""

from airflow.sdk import get_current_context, task

from tradewind.assets import MARTS, SETTLEMENTS, announce
from tradewind.connections import warehouse
from tradewind.defaults import SOME, house_dag, leaf
from tradewind.engines import reconcile_one
from tradewind.operators.dbt import DbtSelection
from tradewind.runs import AS_OF, TENANT, chosen_date, succeeded, tenant_runs

with house_dag(
    "reconcile",
    docs=__doc__,
    schedule=[MARTS],
    params={"tenant": TENANT, "as_of": AS_OF},
    tags=["reconcile"],
):

    @task
    def plan() -> list[dict[str, str]]:
        return tenant_runs(get_current_context())

    @task(map_index_template="{{ task.op_kwargs['work']['tenant'] }}")
    def settle(work: dict[str, str]) -> str:
        return reconcile_one(warehouse(), work, get_current_context())

    @task(trigger_rule=SOME)
    def settled(tenants: list[str]) -> list[str]:
        return succeeded(tenants)

    @task(outlets=[SETTLEMENTS])
    def finish(tenants: list[str], *, outlet_events=None) -> None:
        announce(outlet_events, SETTLEMENTS, tenants, chosen_date(get_current_context()))

    done = settle.expand(work=plan())
    done >> leaf("all_tenants")
    # Standalone ledgers carry our journals; then every law of the books is asked before anything is published.
    ledgers = DbtSelection(task_id="ledgers", select="tag:after_reconcile+", exclude="tag:gate")
    laws = DbtSelection(task_id="laws", command="test", select="tag:law")
    (tenants := settled(done)) >> ledgers >> laws >> finish(tenants)
