"""The DAGs load, are all there, and keep to the house rules; the forecast is as its specification rows say."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.dags.policies import POLICIES

EXPECTED = {
    "extract__files",
    "extract__salesforce",
    "transform",
    "reconcile",
    "close_period",
    "monthly_compensation_forecast",
    "publish",
    "maintain",
}


def test_every_dag_loads(dagbag):
    # A DagBag over a missing folder has no errors either: the count is part of the check.
    assert dagbag.import_errors == {}
    assert set(dagbag.dags) >= EXPECTED


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.__name__)
def test_policy(dagbag, policy):
    broken = [message for dag in dagbag.dags.values() for message in policy(dag)]
    assert not broken, "\n".join(broken)


def test_every_dag_serialises(dagbag):
    from airflow.serialization.serialized_objects import DagSerialization

    for dag in dagbag.dags.values():
        assert DagSerialization.to_dict(dag)["dag"]["dag_id"] == dag.dag_id


def test_forecast_is_as_specified(dagbag):
    """ORC-01 to ORC-04."""
    dag = dagbag.dags["monthly_compensation_forecast"]
    task = dag.get_task("extract_data.freeze")
    assert (task.owner, task.retries, task.retry_delay) == ("compensation_team", 2, timedelta(minutes=5))
    assert dag.start_date == datetime(2025, 1, 1, tzinfo=UTC)
    groups = dag.task_group.children
    assert {"extract_data", "run_simulation", "publish_results"} <= set(groups)
    assert "run_simulation.blocks" in dag.get_task("extract_data.freeze").downstream_task_ids
    assert "publish_results.report" in dag.get_task("run_simulation.summarise").downstream_task_ids
    assert "0 8 5 * *" in str(dag.timetable.summary)


def test_order_comes_from_data(dagbag):
    """No DAG downstream of an extract is started by the clock, and every asset consumed is produced."""
    produced = {
        outlet.name
        for dag in dagbag.dags.values()
        for task in dag.tasks
        for outlet in task.outlets
        if hasattr(outlet, "name")
    }
    for name in ("transform", "reconcile", "publish"):
        condition = dagbag.dags[name].timetable.asset_condition
        consumed = {asset.name for asset in condition.objects}
        assert consumed, name
        assert consumed <= produced, f"{name} waits for {consumed - produced}, which nothing produces"


def test_events_start_the_forecast_once_and_their_text_is_no_template(dagbag):
    """MCS-12, ORC-11: transform looks for events after the marts are built; run ids come from the events."""
    transform, forecast = dagbag.dags["transform"], dagbag.dags["monthly_compensation_forecast"]
    start = transform.get_task("start_forecast")
    assert start.operator_class.template_fields == ()
    assert start.partial_kwargs["trigger_dag_id"] == forecast.dag_id
    assert start.upstream_task_ids == {"forecast_events"}
    assert "analytics" in transform.get_task("plan").upstream_task_ids
    for name in ("trigger", "new_quotas"):
        assert forecast.params.get_param(name).description
