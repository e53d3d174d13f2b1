"""The forecast's blocks as a run of Databricks: the flow against the sandbox's workspace, where the job really runs.

Once over plain HTTP, and once over Airflow's hook where its provider is installed (requirements-databricks.txt).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from include.errors import MissingInput, TradewindError
from include.flows import forecast, forecast_blocks, forecast_cluster
from include.flows.forecast_cluster import Cluster, RunEnd, simulate_on_cluster
from include.forecast.config import ForecastConfig
from include.forecast.executor import ExecutorSettings
from include.sandbox.vendors.databricks import token
from include.warehouse.tenants import ensure_tenant
from tests.unit.test_forecast_flow import AS_OF, PERIOD, SETTINGS, query, wh

__all__ = ["wh"]

VOLUME = "/Volumes/main/tradewind/exchange"
EXECUTOR = ExecutorSettings.from_mapping(
    {"kind": "databricks", "parallelism": 3, "volume": VOLUME, "compute": {"existing_cluster_id": "0101-abc"}}
)


class Plain:
    """A workspace by HTTP alone."""

    def __init__(self, key: str = ""):
        headers = {"authorization": f"Bearer {key or token('alpha')}"}
        self.http = httpx.Client(base_url="https://alpha.cloud.databricks.com/api", headers=headers)
        self.runs: list[tuple[int, dict]] = []

    def submit(self, run):
        answer = self.http.post("/2.1/jobs/runs/submit", json=run)
        assert answer.status_code == 200, answer.text
        self.runs.append((answer.json()["run_id"], dict(run)))
        return self.runs[-1][0]

    def look(self, run_id):
        run = self.http.get("/2.1/jobs/runs/get", params={"run_id": run_id}).raise_for_status().json()
        if run["state"]["life_cycle_state"] == "RUNNING":
            return None
        task = run["tasks"][0]["run_id"]
        output = self.http.get("/2.1/jobs/runs/get-output", params={"run_id": task}).raise_for_status()
        return RunEnd(
            run["state"].get("result_state") == "SUCCESS", output.json().get("error", ""), run["run_page_url"]
        )

    def wait(self, run_id):
        while (end := self.look(run_id)) is None:
            time.sleep(0.1)
        return end

    def make_folder(self, folder):
        self.http.put(f"/2.0/fs/directories{folder}").raise_for_status()

    def put(self, path, content):
        self.http.put(
            f"/2.0/fs/files{path}", params={"overwrite": "true"}, content=content
        ).raise_for_status()

    def get(self, path):
        return self.http.get(f"/2.0/fs/files{path}").raise_for_status().content

    def names(self, folder):
        found, page = [], {}
        while True:
            body = self.http.get(f"/2.0/fs/directories{folder}", params=page).raise_for_status().json()
            found += [entry["name"] for entry in body["contents"]]
            if "next_page_token" not in body:
                return found
            page = {"page_token": body["next_page_token"]}


@pytest.fixture
def plain(sandbox) -> Iterator[Callable[..., Plain]]:
    """Makes workspaces, and closes their connections at the end."""
    with ExitStack() as stack:

        def make(key: str = "") -> Plain:
            made = Plain(key)
            stack.callback(made.http.close)
            return made

        yield make


@pytest.fixture(params=["plain HTTP", "Airflow's hook"])
def cluster(request, sandbox, plain) -> Cluster:
    if request.param == "plain HTTP":
        return plain()
    pytest.importorskip(
        "airflow.providers.databricks.hooks.databricks",
        reason="pip install -r requirements-databricks.txt to speak to Databricks over Airflow's hook",
    )
    from tradewind.clients.databricks import open_client

    workspace = open_client("databricks_alpha")
    workspace.poll_seconds = 0.2
    return workspace


@pytest.fixture
def frozen(wh) -> Callable[[int], list[str]]:
    """Freezes with a seed of its own: the sandbox outlives a test, and so do its runs."""

    def freeze(seed: int) -> list[str]:
        forecast_settings = {**SETTINGS["forecast"], "block": 120, "seed": seed}
        ensure_tenant(wh, "alpha", "Alpha Foods", {"forecast": forecast_settings})
        return forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id="run-1")

    return freeze


def test_a_run_on_databricks_ends_as_one_here(wh, frozen, cluster):
    """WHP-12: submitted with its parallelism, polled to its end, stored; called again nothing is submitted."""
    ids = frozen(11 + isinstance(cluster, Plain))
    works = forecast_cluster.mapped_work(wh, "alpha", ids, EXECUTOR)
    assert works == [{"simulation_id": i, "block_no": None} for i in ids]
    assert [simulate_on_cluster(wh, "alpha", i, cluster, EXECUTOR) for i in ids] == [8, 8]
    assert forecast_cluster.mapped_work(wh, "alpha", ids, EXECUTOR) == []
    assert simulate_on_cluster(wh, "alpha", ids[0], cluster, EXECUTOR) == 0
    there = [forecast.summarise(wh, "alpha", i) for i in ids]
    with wh.admin() as conn:
        conn.execute("TRUNCATE planning.monte_carlo_runs CASCADE")
    assert frozen(11 + isinstance(cluster, Plain)) == ids
    forecast_blocks.simulate_pending(wh, "alpha", ids)
    assert [forecast.summarise(wh, "alpha", i) for i in ids] == there
    if isinstance(cluster, Plain):
        first = cluster.runs[0][1]
        task = first["tasks"][0]
        assert first["idempotency_token"] == ids[0]
        assert task["existing_cluster_id"] == "0101-abc"
        assert task["spark_python_task"]["parameters"][-2:] == ["--parallelism", "3"]
        assert len(cluster.runs) == 2


def test_a_run_that_was_submitted_before_a_kill_is_taken_up(wh, frozen, plain, monkeypatch):
    ids, cluster = frozen(21), plain()

    def killed(run_id):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cluster, "wait", killed)
        with pytest.raises(KeyboardInterrupt):
            simulate_on_cluster(wh, "alpha", ids[0], cluster, EXECUTOR)
    assert simulate_on_cluster(wh, "alpha", ids[0], cluster, EXECUTOR) == 8
    (first, _), (second, _) = cluster.runs
    assert first == second


def test_a_failed_run_is_told_with_its_reason_and_the_next_call_starts_another(
    wh, frozen, cluster, monkeypatch
):
    ids = frozen(31 + isinstance(cluster, Plain))
    with monkeypatch.context() as patch:
        patch.setattr(forecast_cluster.bundle, "bundle_bytes", lambda: b"no zip")
        with pytest.raises(TradewindError, match="No module named 'include'"):
            simulate_on_cluster(wh, "alpha", ids[0], cluster, EXECUTOR)
    assert query(wh, "SELECT count(*) FROM planning.monte_carlo_blocks") == [(0,)]
    assert simulate_on_cluster(wh, "alpha", ids[0], cluster, EXECUTOR) == 8


def test_the_mapped_task_takes_a_simulation_to_the_tenants_own_workspace(wh, frozen, plain, monkeypatch):
    """Without a connection of the tenant's the task says which one is missing."""
    from tradewind import engines

    ids = frozen(41)
    executor = {name: value for name, value in vars(EXECUTOR).items() if name != "parallelism"}
    settings = {"forecast": {**SETTINGS["forecast"], "block": 120, "seed": 41, "executor": executor}}
    ensure_tenant(wh, "alpha", "Alpha Foods", settings)
    assert forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id="run-2") == ids
    work = {"tenant": "alpha", "simulation_id": ids[0], "block_no": None}
    monkeypatch.setattr(engines, "client", lambda system, tenant: None)
    with pytest.raises(MissingInput, match="databricks_alpha"):
        engines.simulate_one(wh, work)
    monkeypatch.setattr(engines, "client", lambda system, tenant: plain())
    engines.simulate_one(wh, work)
    assert query(
        wh, "SELECT status, progress FROM planning.monte_carlo_runs WHERE simulation_id = %s", ids[0]
    ) == [("running", 90)]


def test_the_workspace_keeps_to_the_protocol(plain):
    own, stranger = plain(), plain("another")
    assert stranger.http.get("/2.1/jobs/runs/get", params={"run_id": 1}).status_code == 403
    assert (
        own.http.get("/2.2/jobs/runs/get", params={"run_id": 1}).json()["error_code"]
        == "INVALID_PARAMETER_VALUE"
    )
    assert own.http.post("/2.2/jobs/runs/submit", json={"tasks": [{"task_key": "x"}]}).status_code == 400
    long = {
        "idempotency_token": "x" * 65,
        "tasks": [{"spark_python_task": {"python_file": "x"}, "new_cluster": {}}],
    }
    assert "64" in own.http.post("/2.2/jobs/runs/submit", json=long).json()["message"]
    assert own.http.put(f"/2.0/fs/files{VOLUME}/not/there/x", content=b"1").status_code == 404
    own.make_folder(f"{VOLUME}/own")
    own.put(f"{VOLUME}/own/x", b"1")
    assert own.http.put(f"/2.0/fs/files{VOLUME}/own/x", content=b"2").status_code == 409
    assert own.get(f"{VOLUME}/own/x") == b"1"
    for path in (
        "/Volumes/main/x",
        "/etc/passwd",
        f"{VOLUME}/../../../../etc/passwd",
        f"{VOLUME}/%2e%2e/%2e%2e/x",
    ):
        assert own.http.get(f"/2.0/fs/files{path}").status_code in (400, 404)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"kind": "spark"}, "airflow or databricks"),
        ({"kind": "databricks"}, "executor.volume"),
        ({"kind": "databricks", "volume": "/Volumes/a/b"}, "executor.volume"),
        ({"kind": "databricks", "volume": "/Volumes/a/../b/c"}, "executor.volume"),
        ({"kind": "databricks", "volume": VOLUME}, "executor.compute"),
        ({"kind": "databricks", "volume": VOLUME, "compute": {"cluster": 1}}, "executor.compute"),
        ({"parallelism": 0}, "1 to 100,000"),
        ({"parallelism": True}, "1 to 100,000"),
        ({"workers": 3}, "kind, parallelism"),
        ("databricks", "kind, parallelism"),
    ],
)
def test_an_executor_that_cannot_be_is_refused(settings, named):
    with pytest.raises(TradewindError, match=named):
        ForecastConfig.from_mapping({"executor": settings})
