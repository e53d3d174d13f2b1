"""Journals posted to the ERP and its answers applied, killed at any point: run again, everything ends as if never killed.

The control sends journals by a name that changes with every attempt: then the ERP does get duplicates, so the
sweep would see them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from include import faultpoints
from include.publish.netsuite import NetSuiteClient
from tests import erp_cases as cases
from tests.contract.test_publish_netsuite import fresh_account, held, publish
from tests.erp_cases import CLOSED, work
from tests.trade_marts import checksums

ROOT = Path(__file__).resolve().parents[2]
BATCH = 2
POINTS = {
    "acknowledge.lease_taken": 1,
    "acknowledge.batch_written": 4,
    "acknowledge.batch_committed": 4,
}
#: The sample of `make test`; the others are swept by `make test-nightly` (C58).
SAMPLE = [("acknowledge.batch_written", 3), ("acknowledge.batch_committed", 2)]
EVERY_POINT = SAMPLE + [
    pytest.param(name, nth, marks=pytest.mark.nightly)
    for name, count in POINTS.items()
    for nth in range(1, count + 1)
    if (name, nth) not in SAMPLE
]
REFUSED = {("ACCRUAL", "P2"): CLOSED, ("RELEASE", "P3"): CLOSED}
SENDING = ["publish.sent"] + [
    pytest.param(name, marks=pytest.mark.nightly) for name in ("publish.planned", "publish.claimed", "publish.recorded")
]  # fmt: skip
CHILD = """
from tests.contract.test_publish_netsuite import publish
from include.warehouse.session import Warehouse
publish(Warehouse.from_environment(), "run1")
"""


@pytest.fixture
def wh(warehouse, tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_OUTPUT", str(tmp_path))
    monkeypatch.setenv("TRADEWIND_FAULTS", "1")
    monkeypatch.setenv("TRADEWIND_DSN_PIPELINE", warehouse.pipeline_dsn)
    monkeypatch.setenv("TRADEWIND_DSN_ENGINE", warehouse.engine_dsn)
    cases.company(warehouse)
    monkeypatch.setattr(faultpoints, "_passed", Counter())
    return warehouse


@pytest.fixture(scope="module")
def undisturbed(module_warehouse, tmp_path_factory) -> dict[str, tuple]:
    before = os.environ.get("TRADEWIND_OUTPUT")
    os.environ["TRADEWIND_OUTPUT"] = str(tmp_path_factory.mktemp("undisturbed"))
    cases.company(module_warehouse)
    cases.answer(module_warehouse, REFUSED)
    work(module_warehouse)
    os.environ.pop("TRADEWIND_OUTPUT") if before is None else os.environ.update(TRADEWIND_OUTPUT=before)
    return books(module_warehouse)


def books(wh) -> dict[str, tuple]:
    """The result tables and the answers, without the columns of the attempt."""
    answers = cases.rows(
        wh, "SELECT (to_jsonb(a) - 'run_id')::text FROM finance.erp_answers a ORDER BY journal_id, channel"
    )
    return checksums(wh, "alpha") | {"erp_answers": tuple(answers)}


def plant(wh, name: str, nth: int, action: str) -> None:
    with wh.admin() as conn:
        conn.execute("INSERT INTO ops.fault (name, nth, action) VALUES (%s, %s, %s)", (name, nth, action))


def test_the_sweep_knows_every_point(wh):
    cases.answer(wh, REFUSED)
    work(wh, batch=BATCH)
    passed = {name: n for name, n in faultpoints.passed().items() if name.startswith("acknowledge.")}
    assert passed == POINTS


@pytest.mark.parametrize(("name", "nth"), EVERY_POINT)
def test_broken_off_and_run_again(wh, undisturbed, name, nth):
    cases.answer(wh, REFUSED)
    plant(wh, name, nth, "raise")
    with pytest.raises(faultpoints.InjectedFault):
        work(wh, batch=BATCH)
    work(wh, "run-2", batch=BATCH)
    assert books(wh) == undisturbed
    assert work(wh, "run-3").effects == {}


def child(script: str) -> int:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"}
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=False).returncode


def test_killed_and_run_again(wh, undisturbed):
    cases.answer(wh, REFUSED)
    plant(wh, "acknowledge.batch_written", 2, "kill")
    script = "from include.warehouse.session import Warehouse; from tests.erp_cases import work; "
    assert child(script + f"work(Warehouse.from_environment(), batch={BATCH})") == -9
    work(wh, "run-2")
    assert books(wh) == undisturbed


@pytest.mark.parametrize("name", SENDING)
def test_a_publish_killed_in_mid_run_leaves_every_journal_in_the_erp_once(wh, sandbox, name):
    fresh_account(sandbox)
    plant(wh, name, 1, "kill")
    assert child(CHILD) == -9
    assert child(CHILD) == 0
    assert len(held()) == len({entry["externalid"] for entry in held()}) == 7
    assert work(wh).standing == {"confirmed": 7}
    assert publish(wh, "run2").status == "unchanged"


def test_the_sweep_would_see_duplicates(wh, sandbox, monkeypatch):
    """Class A rests on the external id: under another one each time, the entries are there twice."""
    fresh_account(sandbox)
    plain, attempt = NetSuiteClient.upsert, iter(range(1000))
    monkeypatch.setattr(
        NetSuiteClient, "upsert", lambda client, key, body: plain(client, f"{key}#{next(attempt)}", body)
    )
    plant(wh, "publish.sent", 1, "raise")
    with pytest.raises(faultpoints.InjectedFault):
        publish(wh, "run1")
    with pytest.raises(Exception, match="read-back"):
        publish(wh, "run1")
    assert len(held()) == 14
