"""Following runs: what an event started is waited for, silence is no success, a reason is always given."""

from __future__ import annotations

import pytest

from include.errors import TradewindError
from include.local import follow
from include.local.follow import Follower, Run


class FakeAirflow:
    """Answers of the REST API as data: states per run, events per run, task instances per run."""

    def __init__(self):
        self.states: dict[str, list[str]] = {}
        self.events: dict[str, list[dict]] = {}
        self.tasks: dict[str, list[dict]] = {}
        self.logs: list[str] = []

    def get(self, path, **_):
        if path.endswith("/dagRuns"):
            return {"total_entries": 0}
        states = self.states[path.rsplit("/", 1)[-1]]
        return {"state": states.pop(0) if len(states) > 1 else states[0]}

    def pages(self, path, field, **parameters):
        if field == "dag_runs":
            return iter({"dag_run_id": run_id} for run_id in self.states)
        if field == "asset_events":
            return iter(self.events.get(parameters["source_run_id"], []))
        return iter(self.tasks.get(path.split("/")[-2], []))

    def log_tail(self, task, lines):
        return self.logs[-lines:]


def _task(state: str, name: str = "settle") -> dict:
    return {
        "task_id": name, "map_index": -1, "state": state, "try_number": 1, "rendered_map_index": None,
        "dag_id": "reconcile", "dag_run_id": "r1",
    }  # fmt: skip


@pytest.fixture
def airflow(monkeypatch):
    monkeypatch.setattr(follow, "POLL_SECONDS", 0.0)
    return FakeAirflow()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def follower(airflow, told):
    return Follower(airflow, "/logs", say=told.append)


def test_waits_until_every_run_is_over_and_names_the_failed(airflow, follower):
    airflow.states = {"a": ["running", "success"], "b": ["running", "running", "failed"]}
    runs = [follower.watch("transform", "a"), follower.watch("reconcile", "b")]
    assert follower.wait(runs) == [runs[1]]


def test_the_run_an_event_started_is_found(airflow, follower):
    airflow.events = {"a": [{"created_dagruns": [{"dag_id": "reconcile", "run_id": "asset-1"}]}]}
    assert follower.next_run([Run("transform", "a", "success")]).run_id == "asset-1"


def test_a_forecast_that_an_event_started_is_waited_for(airflow, follower):
    airflow.states = {"event__alpha__2026-10-31__1": ["queued", "success"]}
    [run] = follower.active("monthly_compensation_forecast")
    assert follower.wait([run]) == []
    assert follower.active("monthly_compensation_forecast") == [run]


def test_a_run_that_announced_nothing_starts_nothing(follower):
    assert follower.next_run([Run("transform", "a", "failed")]) is None


def test_an_event_that_starts_nothing_is_an_error(airflow, follower, monkeypatch):
    monkeypatch.setattr(follow, "EVENT_SECONDS", 0.0)
    airflow.events = {"a": [{"created_dagruns": []}]}
    with pytest.raises(TradewindError, match="reconcile after transform"):
        follower.next_run([Run("transform", "a", "success")])


def test_a_failure_is_explained_with_its_last_lines_and_the_log(airflow, follower):
    airflow.tasks = {"r1": [_task("failed"), _task("upstream_failed", "finish")]}
    airflow.logs = [f"line {number}" for number in range(30)]
    lines = follower.explain(Run("reconcile", "r1", "failed"))
    assert "settle failed after 1 attempt" in lines[0]
    assert lines[-2].strip() == "line 29"
    assert "task_id=settle" in lines[-1]


def test_a_retry_is_told_once(airflow, follower, told):
    airflow.states = {"r1": ["running", "running", "running", "success"]}
    airflow.tasks = {"r1": [_task("up_for_retry")]}
    airflow.logs = ["ValueError: no"]
    follower.wait([follower.watch("reconcile", "r1")])
    assert len([line for line in told if "will be tried again" in line]) == 1


def test_a_missing_input_is_recognised_by_its_name(airflow, follower):
    airflow.tasks = {"r1": [_task("up_for_retry")]}
    airflow.logs = ["Task failed with exception | MissingInput: sales_reps · expected reps · got none"]
    assert follower.missing_input(Run("monthly", "r1")) == "sales_reps · expected reps · got none"
    airflow.logs = ["Task failed with exception | ValueError: no"]
    assert follower.missing_input(Run("monthly", "r1")) == ""
