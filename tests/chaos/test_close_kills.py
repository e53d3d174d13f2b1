"""Broken off at any of its points and run again, a month end stands as if nothing had happened."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from include import faultpoints
from tests.close_marts import account, close_checksums, decide
from tests.unit.test_close_flow import LATER, SETTINGS, close, settle

ROOT = Path(__file__).resolve().parents[2]
AT_CLOSE = replace(SETTINGS, reconcile={"release_timing": "at_close"})
POINTS = (
    "close.frozen", "close.release_written", "close.released", "close.tied", "close.stated", "close.closed",
    "close.decided",
)  # fmt: skip


def company(wh) -> None:
    settle(wh, settings=AT_CLOSE)
    for code, closing in (("1000", "50"), ("4000", "-50")):
        account(wh, "alpha", code, closing)
    decide(wh, "alpha", "S1", "sign", "Ann", "2026-10-06T12:00:00Z")


@pytest.fixture(scope="module")
def undisturbed(module_warehouse) -> dict[str, tuple]:
    company(module_warehouse)
    close(module_warehouse, settings=AT_CLOSE)
    return close_checksums(module_warehouse, "alpha")


@pytest.fixture
def faults(warehouse, monkeypatch):
    """Plants a one-shot fault in a fresh company."""
    company(warehouse)
    monkeypatch.setenv("TRADEWIND_FAULTS", "1")
    monkeypatch.setenv("TRADEWIND_DSN_PIPELINE", warehouse.pipeline_dsn)
    monkeypatch.setenv("TRADEWIND_DSN_ENGINE", warehouse.engine_dsn)
    monkeypatch.setattr(faultpoints, "_passed", Counter())

    def plant(name: str, action: str) -> None:
        with warehouse.admin() as conn:
            conn.execute("INSERT INTO ops.fault (name, nth, action) VALUES (%s, 1, %s)", (name, action))

    return plant


@pytest.mark.parametrize("name", POINTS)
def test_broken_off_and_run_again(faults, warehouse, undisturbed, name):
    faults(name, "raise")
    with pytest.raises(faultpoints.InjectedFault):
        close(warehouse, settings=AT_CLOSE)
    close(warehouse, settings=AT_CLOSE, run_id="close-2")
    assert close_checksums(warehouse, "alpha") == undisturbed


def test_killed_before_the_close_is_committed_and_run_again(faults, warehouse, undisturbed):
    faults("close.stated", "kill")
    script = (
        "from datetime import date; from include.flows.close import close_periods;"
        "from include.settings import TenantSettings; from include.warehouse.session import Warehouse;"
        f"close_periods(Warehouse.from_environment(), 'alpha', date.fromisoformat('{LATER}'), run_id='close-1',"
        " settings=TenantSettings(fiscal_calendar='standard', reconcile={'release_timing': 'at_close'}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=ROOT, check=False, timeout=120
    )
    assert ended.returncode == -9
    close(warehouse, settings=AT_CLOSE, run_id="close-2")
    assert close_checksums(warehouse, "alpha") == undisturbed
