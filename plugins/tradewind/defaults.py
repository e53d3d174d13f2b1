"""House rules every DAG shares: retries, time limits, one run at a time, who is told.

Four retries with growing pauses outlast an API server restart (reliability, fact 10); the lease and the
deterministic keys of the flows make each retry safe.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, DeadlineAlert, DeadlineReference, SyncCallback

from tradewind.notify import TellSomebody, late

#: Only one dbt process may work on a warehouse at a time; the pool has one slot.
DBT_POOL = "dbt"
#: A joining task of mapped work goes on with the tenants that succeeded; a leaf `all_…` beside it fails the run.
SOME = "all_done_min_one_success"
DEFAULT_ARGS = {
    "owner": "revenue_operations",
    "retries": 4,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=1),
    "on_failure_callback": TellSomebody(),
}


def house_dag(dag_id: str, *, docs: str, deadline: timedelta = timedelta(hours=3), **options: object) -> DAG:
    """A DAG under the house rules (C60): no catch-up, one active run, a deadline, failures told.

    `docs` is the module's docstring, which becomes the DAG's page in the UI. Options override the rules
    where a specification row asks for other values.
    """
    arguments = DEFAULT_ARGS | options.pop("default_args", {})
    # No start date: a DAG that is unpaused waits for its next time. With one, it would run the missed time at once,
    # for a business date that nobody asked for.
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
