"""
### Extract: bring rows of one source system into staging

**Reads** the tenant's inbox folder (files) or the system's API, through the connection `<system>_<tenant>`.
**Writes** `staging.raw_<system>__*`, `staging.loads`, `staging.rejects`; files also `intelligence.pos_facts`.
**Runs** daily; by hand with a tenant, a folder or a business date. One DAG per system in `include/extract/systems`.
**Re-run** freely: rows that did not change are not touched, and data and watermark commit together.
**On call**: a failed gate names the expectation and the figures; bad rows are in `staging.rejects` with file,
row and reason. Correct them at the source and run again. Good rows are loaded already.
"""

from airflow.sdk import Param, get_current_context, task

from include.extract.manifest import System, systems
from tradewind.assets import announce, staging
from tradewind.connections import warehouse
from tradewind.defaults import SOME, house_dag, leaf
from tradewind.extracting import extract_one, gate_one
from tradewind.runs import AS_OF, TENANT, chosen_date, succeeded, tenant_runs

FOLDER = Param(
    None,
    type=["null", "string"],
    title="Folder",
    description="Folder of contract files. Empty: the tenant's inbox.",
)


def build(system: System):
    """The DAG of one source system."""
    params = {"tenant": TENANT, "as_of": AS_OF} | ({"folder": FOLDER} if system.conn_id is None else {})
    with house_dag(
        f"extract__{system.name}",
        docs=f"{__doc__}\n\n{system.title}",
        schedule=system.schedule,
        params=params,
        tags=["extract", system.name],
    ) as dag:

        @task
        def plan() -> list[dict[str, str]]:
            return tenant_runs(get_current_context())

        @task(map_index_template="{{ task.op_kwargs['work']['tenant'] }}")
        def extract(work: dict[str, str]) -> dict[str, object]:
            return extract_one(warehouse(), system, work, get_current_context())

        @task(map_index_template="{{ task.op_kwargs['arrived']['tenant'] }}")
        def gate(arrived: dict[str, object]) -> str:
            return gate_one(warehouse(), system, arrived, get_current_context())

        @task(outlets=[staging(system.name)], trigger_rule=SOME)
        def arrive(tenants: list[str], *, outlet_events=None) -> None:
            announce(
                outlet_events, staging(system.name), succeeded(tenants), chosen_date(get_current_context())
            )

        gated = gate.expand(arrived=extract.expand(work=plan()))
        arrive(gated)
        gated >> leaf("all_tenants")
    return dag


for each in systems().values():
    globals()[f"extract__{each.name}"] = build(each)
