"""The DAGs load, are all there, and keep to the house rules; the forecast is as its specification rows say."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.dags.policies import POLICIES
from tradewind.compensation import of_every_step

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


def test_a_tenant_whose_forecast_fails_stops_no_other(dagbag):
    """D7: what joins tenants goes on with those that succeeded, and an empty leaf beside it fails the run."""
    dag = dagbag.dags["monthly_compensation_forecast"]
    leaves = {"run_simulation.all_blocks": {"run_simulation.simulate"}}
    leaves["publish_results.all_concluded"] = {
        f"publish_results.{n}" for n in ("accrue", "explain", "backtest")
    }
    for leaf, upstream in leaves.items():
        task = dag.get_task(leaf)
        assert (task.trigger_rule, task.upstream_task_ids) == ("none_failed", upstream)
        assert not task.downstream_task_ids
    joins = {"run_simulation.summarise", "publish_results.report"}
    assert {dag.get_task(join).trigger_rule for join in joins} == {"all_done"}
    assert dag.get_task("publish_results.report").upstream_task_ids >= upstream


def test_a_report_is_written_for_who_came_through_every_step():
    works = [{"tenant": name} for name in ("alpha", "beta", "gamma")]
    steps = [["alpha", "beta", "gamma"], ["alpha", "gamma"], ["beta", "gamma"]]
    assert of_every_step(works, steps) == [{"tenant": "gamma"}]
    assert of_every_step(None, [[], [], []]) == []


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
