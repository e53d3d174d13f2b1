"""
### Maintain: look after what the pipeline leaves behind

**Reads** `finance.gl_snapshots`, `settlements`, `journals`, `journal_lines` and the tenant's published chain heads.
**Writes** nothing but its log.
**Runs** daily, once per tenant; by hand for one tenant.
**Re-run** freely: it only looks.
**On call**: a failed tenant's evidence was changed outside the engine. The log lists every fault with what was
expected and found. Keep the database as it is and see docs/evidence.md; `make verify TENANT=…` says the same.
"""

from airflow.sdk import get_current_context, task

from tradewind.connections import warehouse
from tradewind.defaults import house_dag
from tradewind.engines import check_evidence_of
from tradewind.runs import TENANT, tenant_runs

with house_dag("maintain", docs=__doc__, schedule="0 4 * * *", params={"tenant": TENANT}, tags=["maintain"]):

    @task
    def plan() -> list[dict[str, str]]:
        return tenant_runs(get_current_context())

    @task(map_index_template="{{ task.op_kwargs['work']['tenant'] }}")
    def audit_chain(work: dict[str, str]) -> None:
        check_evidence_of(warehouse(), work)

    audit_chain.expand(work=plan())
