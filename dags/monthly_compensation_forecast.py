"""
### Monthly compensation forecast: what variable pay will cost, and how sure that is

**Reads** reps, quotas, plans, credits and budgets of `planning`, frozen and hashed at the start.
**Writes** `planning.monte_carlo_*`, accruals, the workbook and PDF of the output folder, the forecast's exports.
**Runs** at 08:00 on the 5th for the month before; by hand for a period; when transform meets a large closed deal or
changed quotas (docs/forecast_reports.md). **Re-run** freely: the same inputs give the same simulations, written once.
**On call**: a missing input or a failed transform is named and stops that tenant. Mend it, clear the failed task.
"""

from datetime import UTC, datetime

from airflow.sdk import get_current_context, task, task_group

from tradewind import compensation, engines
from tradewind.assets import FORECAST
from tradewind.connections import warehouse
from tradewind.defaults import COMPENSATION_TEAM, SOME, house_dag, leaf
from tradewind.runs import FORECASTING, succeeded, tenant_periods
from tradewind.timetables import NextCronPartition

with house_dag(
    "monthly_compensation_forecast",
    docs=__doc__,
    schedule=NextCronPartition("0 8 5 * *", timezone="UTC", run_offset=-1, key_format="%Y-%m"),
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    params=FORECASTING,
    default_args=COMPENSATION_TEAM,
    tags=["forecast"],
):

    @task_group
    def extract_data():
        @task
        def plan() -> list[dict[str, str]]:
            return tenant_periods(get_current_context())

        @task(map_index_template="{{ task.op_kwargs['work']['tenant'] }}")
        def freeze(work: dict[str, str]) -> dict[str, object]:
            return engines.freeze_one(warehouse(), work, get_current_context())

        (frozen := freeze.expand(work=plan())) >> leaf("all_tenants")
        return frozen

    @task_group
    def run_simulation(frozen):
        @task(trigger_rule=SOME)
        def blocks(frozen: list[dict[str, object]]) -> list[dict[str, object]]:
            return engines.forecast_blocks(succeeded(frozen))

        @task
        def simulate(block: dict[str, object]) -> None:
            engines.simulate_one(warehouse(), block)

        @task(trigger_rule=SOME)
        def summarise(frozen: list[dict[str, object]]) -> list[dict[str, object]]:
            return succeeded(engines.summarise_one(warehouse(), succeeded(frozen)))

        simulated = simulate.expand(block=blocks(frozen))
        simulated >> leaf("all_blocks")
        return simulated >> summarise(frozen)

    @task_group
    def publish_results(simulated):
        @task(outlets=[FORECAST], trigger_rule=SOME)
        def report(simulated: list[dict[str, object]], steps: list) -> list[dict[str, object]]:
            works = succeeded(compensation.of_every_step(simulated, steps))
            return engines.report_one(warehouse(), works, get_current_context())

        @task
        def publish(work: dict[str, str]) -> str:
            return engines.publish_one(warehouse(), work, get_current_context())

        written = report(simulated, compensation.concluded(simulated))
        publish.expand(work=written) >> leaf("all_exports")

    publish_results(run_simulation(extract_data()))
