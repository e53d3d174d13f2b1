"""A publish killed with SIGKILL at any point, run again, ends as if it had never been killed (P1, P3, P4).

The negative control switches the outbox's memory off and must end differently: the sweep can fail.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from include.errors import LeaseLost
from include.warehouse.lease import acquire
from tests.contract import publish_cases as cases

ROOT = Path(__file__).resolve().parents[2]
#: The sample of `make test`; the others are swept by `make test-nightly` (C58).
SAMPLE = ["publish.claimed", "publish.sent"]
POINTS = SAMPLE + [
    pytest.param(name, marks=pytest.mark.nightly)
    for name in ("publish.planned", "publish.recorded", "publish.receipt_stored")
]
MEANS = {f"kill-{n}": str(n) for n in range(7)}
CHILD = """
import sys
from include.warehouse.session import Warehouse
from tests.contract import publish_cases as cases
print(cases.run(Warehouse.from_environment(), cases.FORECASTS, sys.argv[1]).status)
"""


@pytest.fixture
def wh(warehouse, sandbox, tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_OUTPUT", str(tmp_path))
    monkeypatch.setenv("TRADEWIND_DSN_PIPELINE", warehouse.pipeline_dsn)
    monkeypatch.setenv("TRADEWIND_DSN_ENGINE", warehouse.engine_dsn)
    cases.prepare(warehouse)
    cases.forecasts(warehouse, "alpha", MEANS)
    return warehouse


def child(run_id, **extra):
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"} | extra
    return subprocess.run(
        [sys.executable, "-c", CHILD, run_id], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def plant(wh, name, action="kill"):
    with wh.admin() as conn:
        conn.execute("INSERT INTO ops.fault (name, action) VALUES (%s, %s)", (name, action))


def remote():
    from tradewind.connections import client

    found = client("salesforce", "alpha").query(
        "SELECT Forecast_Id__c, Mean__c FROM Monte_Carlo_Forecast__c WHERE Forecast_Id__c >= 'kill-' ORDER BY Forecast_Id__c"
    )
    return {
        r["Forecast_Id__c"]: r["Mean__c"] for r in found["records"] if r["Forecast_Id__c"].startswith("kill-")
    }


@pytest.mark.parametrize("name", POINTS)
def test_killed_and_run_again_is_as_if_never_killed(wh, name):
    plant(wh, name)
    killed = child("run1", TRADEWIND_FAULTS="1")
    assert killed.returncode == -9, killed.stderr
    again = child("run1")
    assert again.returncode == 0, again.stderr
    assert remote() == {key: float(mean) for key, mean in MEANS.items()}
    assert cases.ledger(wh, cases.FORECASTS) == [(key, 1, "confirmed") for key in sorted(MEANS)]
    assert cases.run(wh, cases.FORECASTS, "run2").status == "unchanged"


def test_the_sweep_can_fail(wh):
    """Without the outbox's memory, what was sent before the kill is planned as new."""
    plant(wh, "publish.sent")
    child("run1", TRADEWIND_FAULTS="1")
    with wh.admin() as conn:
        conn.execute("DELETE FROM publish.ledger")
    cases.forecasts(wh, "alpha", {"kill-0": "0"})
    assert child("run1").returncode == 0
    assert cases.ledger(wh, cases.FORECASTS) != [(key, 1, "confirmed") for key in sorted(MEANS)]


def test_an_older_attempt_can_neither_send_nor_record(wh, sandbox):
    """P3: the take-over happens between claim and send; the older attempt stops there."""
    from include.flows import publish as flow
    from tradewind.connections import client

    def taken_over():
        acquire(wh, "alpha", "publish:test_forecasts")
        sandbox.clear()
        return client("salesforce", "alpha")

    request = flow.Request(
        tenant="alpha",
        export=cases.FORECASTS,
        as_of=cases.AS_OF,
        period=cases.PERIOD,
        run_id="old",
        dry_run=False,
    )
    with pytest.raises(LeaseLost):
        flow.publish(wh, request, taken_over, cases.SETTINGS)
    assert [r for r in sandbox.requests() if r["method"] == "PATCH"] == []
    assert cases.run(wh, cases.FORECASTS, "new").created == len(MEANS)
