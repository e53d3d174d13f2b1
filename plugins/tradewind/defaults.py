"""House rules every DAG shares: retries, time limits, one run at a time, who is told.

Four retries with growing pauses outlast an API server restart (reliability, fact 10); the lease and the
deterministic keys of the flows make each retry safe.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    DAG,
    CronTriggerTimetable,
    DeadlineAlert,
    DeadlineReference,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
    SyncCallback,
)

from include.errors import CheckFailed, LeaseLost, MissingInput
from tradewind.notify import TellSomebody, late

#: Only one dbt process may work on a warehouse at a time; the pool has one slot.
DBT_POOL = "dbt"
#: A joining task of mapped work goes on with the tenants that succeeded (`runs.succeeded`); a `leaf` beside it fails
#: the run. Not `all_done_min_one_success`: one skipped tenant, or no block left to do, would skip the join.
SOME = "all_done"
#: A DAG that is unpaused soon after its time waits for the next one; Airflow's own default would run the missed one.
NEVER_LATE = timedelta(0)
#: What a retry cannot mend: an absent input, data that breaks a rule, work that a newer attempt has taken over.
HOPELESS = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[MissingInput, CheckFailed, LeaseLost],
            action=RetryAction.FAIL,
            reason="the same attempt would end the same way",
        )
    ]
)
DEFAULT_ARGS = {
    "owner": "revenue_operations",
    "retries": 4,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": HOPELESS,
    "execution_timeout": timedelta(hours=1),
    "on_failure_callback": TellSomebody(),
}
#: The forecast's own rules (ORC-02, C49); its inner calls carry their own retries.
COMPENSATION_TEAM = {
    "owner": "compensation_team",
    "retries": 2,
    "retry_delay": timedelta(minutes=5),
    "retry_exponential_backoff": False,
}


def leaf(task_id: str) -> EmptyOperator:
    """An empty end beside what goes on with some tenants: the run is red when one of them failed (D7)."""
    return EmptyOperator(task_id=task_id, trigger_rule="none_failed")


def house_dag(dag_id: str, *, docs: str, deadline: timedelta = timedelta(hours=3), **options: object) -> DAG:
    """A DAG under the house rules (C60): no catch-up, one active run, a deadline, failures told.

    `docs` is the module's docstring, which becomes the DAG's page in the UI. Options override the rules
    where a specification row asks for other values.
    """
    arguments = DEFAULT_ARGS | options.pop("default_args", {})
    if isinstance(options.get("schedule"), str):
        options["schedule"] = CronTriggerTimetable(
            options["schedule"], timezone="UTC", run_immediately=NEVER_LATE
        )
    # No start date, for the same reason as NEVER_LATE: with one, unpausing runs the last time that was missed, for a
    # business date that nobody asked for.
    rules = {
        "catchup": False,
        "max_active_runs": 1,
        "doc_md": docs,
        "default_args": arguments,
        "deadline": DeadlineAlert(
            reference=DeadlineReference.DAGRUN_QUEUED_AT, interval=deadline, callback=SyncCallback(late)
        ),
        "render_template_as_native_obj": True,
    }
    return DAG(dag_id, **(rules | options))
