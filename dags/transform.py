"""
### Transform: build master, planning, finance, intelligence and analytics marts with dbt

**Reads** `staging.raw_*`. **Writes** everything dbt builds, for all tenants, latest state; then `measure` compares what
promotions sold with what would have been sold anyway: `intelligence.baseline_regressions`, `baseline_fits`,
`planning.promotion_results`, `promotion_lifts`, and a notification per forward buy. Deals that closed and quotas that
changed since the current forecast go to `planning.forecast_events` and start one.
**Runs** after any extract, one run at a time; by hand at any time.
**Re-run** freely: dbt rebuilds; a retry repeats only what failed. Row security is put back by the database.
The statement gate comes last: an account with a balance that nothing maps withholds the statements of that company
and period and turns the runs about that tenant red, and everything else goes on.
**On call**: the failing model or test and its message are in the task log and in `ops.dbt_results`; the gate names the accounts.
"""

from airflow.sdk import AssetAny, chain, get_current_context, task

from include.extract.manifest import systems
from tradewind.assets import MARTS, announce, staging
from tradewind.connections import warehouse
from tradewind.defaults import house_dag, leaf
from tradewind.engines import check_statements, forecasts_called_for, measure_one
from tradewind.operators.dbt import DbtSelection
from tradewind.operators.start import StartRun
from tradewind.runs import AS_OF, TENANT, chosen_date, tenant_runs

LAYERS = ("staging", "master", "intelligence", "planning", "finance", "analytics")

with house_dag(
    "transform",
    docs=__doc__,
    schedule=AssetAny(*[staging(name) for name in systems()]),
    params={"tenant": TENANT, "as_of": AS_OF},
    tags=["transform"],
):

    @task(outlets=[MARTS])
    def finish(*, outlet_events=None) -> None:
        context = get_current_context()
        tenants = [work["tenant"] for work in tenant_runs(context)]
        announce(outlet_events, MARTS, tenants, chosen_date(context))

    @task
    def plan() -> list[dict[str, str]]:
        return tenant_runs(get_current_context())

    @task(map_index_template="{{ task.op_kwargs['work']['tenant'] }}")
    def measure(work: dict[str, str]) -> str:
        return measure_one(warehouse(), work, get_current_context())

    @task
    def forecast_events(works: list[dict[str, str]]) -> list[dict[str, object]]:
        return forecasts_called_for(warehouse(), works, get_current_context())

    start = StartRun.partial(task_id="start_forecast", trigger_dag_id="monthly_compensation_forecast")
    seeds = DbtSelection(task_id="seeds", select="path:seeds")
    layers = [DbtSelection(task_id=n, select=f"path:models/{n}", exclude="tag:gate") for n in LAYERS]

    @task
    def statement_gate() -> None:
        check_statements(warehouse(), tenant_runs(get_current_context()))

    chain(seeds, *layers, finish(), statement_gate())
    # Beside what settles: nothing there waits for it, and it reads no layer that is being rebuilt.
    layers[-1] >> (works := plan())
    start.expand_kwargs(forecast_events(works))
    measure.expand(work=works) >> leaf("all_tenants")
