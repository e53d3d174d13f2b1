"""What every DAG must keep to (C60), as functions over one parsed DAG: each returns what breaks it."""

from __future__ import annotations

from datetime import timedelta


def _mine(dag):
    return [task for task in dag.tasks if task.task_type != "EmptyOperator"]


def one_run_at_a_time(dag):
    """Two runs at once would fight for the same leases."""
    return (
        [] if dag.max_active_runs == 1 else [f"{dag.dag_id}: max_active_runs is {dag.max_active_runs}, set 1"]
    )


def no_catchup(dag):
    """A start date in the past must not start a backlog."""
    return [f"{dag.dag_id}: catchup is on"] if dag.catchup else []


def says_what_it_is(dag):
    """The docstring is the DAG's page in the UI."""
    missing = [
        word
        for word in ("Reads", "Writes", "Runs", "Re-run", "On call")
        if f"**{word}" not in (dag.doc_md or "")
    ]
    return [f"{dag.dag_id}: its docstring does not say {', '.join(missing)}"] if missing else []


def has_deadline(dag):
    """Somebody hears when a run is late."""
    return [] if dag.deadline else [f"{dag.dag_id}: no deadline"]


def tasks_end(dag):
    """A task that hangs is killed."""
    return [
        f"{dag.dag_id}.{task.task_id}: execution_timeout missing or over 4 hours"
        for task in _mine(dag)
        if not task.execution_timeout or task.execution_timeout > timedelta(hours=4)
    ]


def tasks_are_retried(dag):
    """Four retries outlast an API server restart; the forecast's two are its specification (ORC-02)."""
    wanted = 2 if dag.dag_id == "monthly_compensation_forecast" else 4
    return [
        f"{dag.dag_id}.{task.task_id}: retries {task.retries}, expected {wanted}"
        for task in _mine(dag)
        if task.retries != wanted
    ]


def failures_are_told(dag):
    """Every task has the failure notifier."""
    return [
        f"{dag.dag_id}.{t.task_id}: nobody is told of its failure"
        for t in _mine(dag)
        if not t.on_failure_callback
    ]


def dbt_has_its_pool(dag):
    """One dbt process at a time per warehouse."""
    return [
        f"{dag.dag_id}.{t.task_id}: dbt outside the pool"
        for t in dag.tasks
        if t.task_type == "DbtSelection" and t.pool != "dbt"
    ]


def joins_survive_skips(dag):
    """A skipped tenant, or mapped work that is done already, must not skip what comes after."""
    return [
        f"{dag.dag_id}.{t.task_id}: all_done_min_one_success skips on one skip; use all_done and `succeeded`"
        for t in dag.tasks
        if t.trigger_rule == "all_done_min_one_success"
    ]


def params_are_typed(dag):
    """The form in the UI says what a field is."""
    found = []
    for name in dag.params:
        param = dag.params.get_param(name)
        if "type" not in param.schema or not param.schema.get("title"):
            found.append(f"{dag.dag_id}: param {name} has no type or title")
    return found


POLICIES = (
    one_run_at_a_time, no_catchup, says_what_it_is, has_deadline, tasks_end, tasks_are_retried, failures_are_told,
    dbt_has_its_pool, params_are_typed, joins_survive_skips,
)  # fmt: skip
