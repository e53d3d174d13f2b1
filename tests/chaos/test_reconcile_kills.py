"""Killed at any of its points and run again, reconcile ends as if nothing had happened.

The company is made so that order matters: D01 is ambiguous when its turn comes, but would be clear once D02
has used up P2. A resumed run that asked D01 again would settle it, and the tables would differ. P7 finds its fund
full; the release of P6 makes room further on, which a resumed run must not use. The last test
is the control: with that memory taken away, the sweep does find the difference.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from datetime import date
from pathlib import Path

import psycopg
import pytest

from include import faultpoints
from include.errors import LeaseLost
from include.flows import reconcile as flow
from include.money import money
from include.reconcile.records import Fund, StatusChange
from include.settings import TenantSettings
from tests.trade_cases import AS_OF, PARENTS, decision, deduction, guid, payment, performance, promotion
from tests.trade_marts import checksums, fill

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = TenantSettings(reconcile={"fund_overspend": "block"})
BATCH = 3
RUNS = 9
POINTS = {
    "reconcile.lease_taken": 1,
    "reconcile.run_opened": 1,
    "reconcile.batch_written": RUNS,
    "reconcile.batch_committed": RUNS,
    "reconcile.run_closed": 1,
    "evidence.head_published": 1,
}
EVERY_POINT = [(name, nth) for name, count in POINTS.items() for nth in range(1, count + 1)]
SAMPLE = [("reconcile.batch_written", 2), ("reconcile.batch_committed", 4)]


def company(wh) -> None:
    fill(
        wh,
        "alpha",
        parents=PARENTS,
        promotions=[
            promotion("P1", "10000"),
            promotion("P2", "9500"),
            promotion("P3", "50000", customer_key="rival", status="Closed", closed_date=date(2026, 10, 20)),
            promotion("S1", "20000", tactic_type="Slotting", settlement_method="fixed_fee"),
            promotion("P5", "700", customer_key="rival", fund_key="F2", accrual_method="on_shipment"),
            promotion("P6", "900", customer_key="rival", fund_key="F2", status="Closed"),
            promotion("P7", "800", customer_key="rival", fund_key="F2", accrual_method="spread"),
            promotion("P8", "600", customer_key="rival"),
        ],
        performance=[performance("P5", date(2026, 9, 20), "300", "2", factor="0.5")],
        funds=[Fund("F2", money("1700"), "USD")],
        status_changes=[StatusChange("P8", date(2026, 8, 20), "Cancelled")],
        deductions=[
            deduction("D01", "10000", posting_date=date(2026, 9, 10)),
            deduction("D02", "9500", posting_date=date(2026, 9, 12), promotion_id=guid("P2")),
            deduction("D03", "45000", customer_key="rival"),
            deduction(
                "D04", "-1000", customer_key="rival", reversal_of="D03", posting_date=date(2026, 9, 18)
            ),
            deduction("D05", "300", reason_code_normalized="TAX"),
            deduction("D06", "400", customer_key="rival", promotion_id=guid("P1")),
        ],
        payments=[payment("V1", "20000")],
        # Before and after the engine's own; one waits, one is refused; D06 is decided, taken back, decided again.
        decisions=[
            decision("K1", "D06", "dispute", "150"),
            decision("K2", "D06", "recover", "100"),
            decision("K3", "D06", "reopen"),
            decision("K4", "D06", "non_trade"),
            decision("K5", "D03", "reopen"),
            decision("K6", "D03", "settle", "44000", promotion_key="P3", decided_by="bo", approved_by="ana"),
            decision("K7", "D07", "write_off"),
            decision("K8", "D02", "reopen", approved_by="bo"),
            decision("K9", "D02", "dispute"),
        ],
    )


def work(wh, run_id: str = "run-1") -> flow.Summary:
    return flow.reconcile(wh, "alpha", AS_OF, run_id=run_id, settings=SETTINGS, batch=BATCH)


@pytest.fixture(scope="module")
def undisturbed(module_warehouse) -> dict[str, tuple]:
    company(module_warehouse)
    work(module_warehouse)
    return checksums(module_warehouse, "alpha")


@pytest.fixture
def faults(warehouse, monkeypatch):
    """Plants a one-shot fault in a fresh company; fault points count from one."""
    company(warehouse)
    monkeypatch.setenv("TRADEWIND_FAULTS", "1")
    monkeypatch.setenv("TRADEWIND_DSN_PIPELINE", warehouse.pipeline_dsn)
    monkeypatch.setenv("TRADEWIND_DSN_ENGINE", warehouse.engine_dsn)
    monkeypatch.setattr(faultpoints, "_passed", Counter())

    def plant(name: str, nth: int, action: str) -> None:
        with warehouse.admin() as conn:
            conn.execute("INSERT INTO ops.fault (name, nth, action) VALUES (%s, %s, %s)", (name, nth, action))

    return plant


def test_the_sweep_knows_every_point(faults, warehouse):
    work(warehouse)
    assert faultpoints.passed() == POINTS


@pytest.mark.parametrize(("name", "nth"), EVERY_POINT)
def test_broken_off_and_run_again(faults, warehouse, undisturbed, name, nth):
    faults(name, nth, "raise")
    with pytest.raises(faultpoints.InjectedFault):
        work(warehouse)
    work(warehouse, "run-2")
    assert checksums(warehouse, "alpha") == undisturbed


def kill(faults, warehouse, name: str, nth: int) -> None:
    faults(name, nth, "kill")
    script = (
        "from datetime import date; from include.flows.reconcile import reconcile;"
        "from include.settings import TenantSettings; from include.warehouse.session import Warehouse;"
        f"reconcile(Warehouse.from_environment(), 'alpha', date.fromisoformat('{AS_OF}'), run_id='run-1',"
        f" settings=TenantSettings(reconcile={SETTINGS.reconcile}), batch={BATCH})"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=ROOT, check=False, timeout=120
    )
    assert ended.returncode == -9


@pytest.mark.parametrize(("name", "nth"), SAMPLE)
def test_killed_and_run_again(faults, warehouse, undisturbed, name, nth):
    kill(faults, warehouse, name, nth)
    work(warehouse, "run-2")
    assert checksums(warehouse, "alpha") == undisturbed
    assert work(warehouse, "run-3").is_unchanged


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "nth"), EVERY_POINT)
def test_killed_anywhere_and_run_again(faults, warehouse, undisturbed, name, nth):
    kill(faults, warehouse, name, nth)
    work(warehouse, "run-2")
    assert checksums(warehouse, "alpha") == undisturbed


def test_two_at_once_end_as_one(warehouse, undisturbed):
    company(warehouse)
    start = threading.Barrier(2)
    ends: list[object] = []

    def attempt(run_id: str) -> None:
        start.wait()
        try:
            ends.append(work(warehouse, run_id))
        except (LeaseLost, psycopg.OperationalError) as error:
            ends.append(error)

    threads = [threading.Thread(target=attempt, args=(f"run-{n}",)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(ends) == 2
    assert any(isinstance(end, flow.Summary) for end in ends)
    assert checksums(warehouse, "alpha") == undisturbed


def test_the_sweep_would_see_a_run_that_asks_again(faults, warehouse, undisturbed, monkeypatch):
    faults("reconcile.batch_committed", 4, "raise")
    with pytest.raises(faultpoints.InjectedFault):
        work(warehouse)
    remembered = flow.read_state

    def forgetful(*args, **keywords):
        state = remembered(*args, **keywords)
        state.evaluated.clear()
        return state

    monkeypatch.setattr(flow, "read_state", forgetful)
    work(warehouse, "run-2")
    assert checksums(warehouse, "alpha")["claims"] != undisturbed["claims"]
