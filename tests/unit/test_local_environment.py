"""The environment of local processes: this clone's own, bound to 127.0.0.1, its keys private."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from include.forecast.config import ForecastConfig
from include.forecast.engine import block_plan
from include.local import environment
from include.local.ports import Ports

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def test_keys_are_made_once_and_readable_by_their_owner_only(state):
    keys = environment.own_secrets(state)
    assert environment.own_secrets(state) == keys
    assert stat.S_IMODE((state / "secrets.json").stat().st_mode) == 0o600
    assert min(map(len, vars(keys).values())) >= 16


def test_every_address_is_local_and_every_port_moves():
    built = environment.build(Ports(pg=5001, ui=5002, sandbox_tunnel=5003, worker_log=5004, trigger_log=5005))
    assert built["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert built["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:5002/execution/"
    assert built["TRADEWIND_DSN_ENGINE"] == "postgresql://tw_engine@127.0.0.1:5001/tradewind"
    assert built["HTTPS_PROXY"] == built["https_proxy"] == "http://127.0.0.1:5003"
    assert built["AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT"] == "5004"
    assert built["AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT"] == "5005"
    assert not [name for name, value in built.items() if "0.0.0.0" in value]


def test_heartbeats_outlast_a_restart():
    """Reliability, fact 10 and T2."""
    built = environment.build()
    assert built["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"] == "60"
    assert built["AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS"] == "20"


def test_a_forecast_of_ten_million_iterations_can_be_mapped():
    """In every scenario of three and in a few currencies; in the containers as here."""
    wanted = 9 * len(block_plan(10_000_000, ForecastConfig().block))
    compose = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["x-tradewind"]["environment"]
    for variables in (environment.build(), compose):
        assert int(variables["AIRFLOW__CORE__MAX_MAP_LENGTH"]) >= wanted


def test_nothing_phones_home():
    built = environment.build()
    assert built["DO_NOT_TRACK"] == "1"
    assert built["GX_ANALYTICS_ENABLED"] == built["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "False"


def test_no_company_gets_the_connections_of_another():
    connections = [name for name in environment.build() if name.startswith("AIRFLOW_CONN_")]
    assert "AIRFLOW_CONN_SALESFORCE_DEMO" in connections
    assert not [name for name in connections if name.endswith("_DEFAULT")]


def test_a_vendor_connection_of_the_user_wins(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SALESFORCE_DEMO", "mine")
    monkeypatch.setenv("AIRFLOW_CONN_TRADEWIND_ENGINE", "stale")
    built = environment.build()
    assert built["AIRFLOW_CONN_SALESFORCE_DEMO"] == "mine"
    assert built["AIRFLOW_CONN_TRADEWIND_ENGINE"].startswith("postgres://tw_engine@127.0.0.1:")


def test_settings_of_libpq_are_not_inherited(monkeypatch):
    monkeypatch.setenv("PGSERVICE", "production")
    assert not [name for name in environment.process() if name.startswith("PG")]
