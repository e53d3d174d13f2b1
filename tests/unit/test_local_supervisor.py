"""The supervisor starts again what dies, stops everything in order, and leaves nothing when it is killed itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from include.local import processes, stack, supervisor

# A service that ignores nothing, and one that leaves a child in a session of its own behind when it is killed.
SLEEPER = "import time; time.sleep(600)"
PARENT = (
    "import subprocess, sys, time;"
    f" subprocess.Popen([sys.executable, '-c', {SLEEPER!r}], start_new_session=True); time.sleep(600)"
)
PROGRAM = f"""
from include.local import supervisor
supervisor.SERVICES = {{"sleeper": ("-c", {SLEEPER!r}), "parent": ("-c", {PARENT!r})}}
supervisor.Supervisor._keep_database = lambda self: None
supervisor.main()
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="adoption of orphans is a Linux feature")


def _until(condition: Callable[[], object], seconds: float = 30) -> object:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
    return found


def _groups(state: Path) -> dict[str, int]:
    path = supervisor.groups_file(state)
    groups = json.loads(path.read_text()) if path.exists() else {}
    return groups if len(groups) == 2 and all(map(processes.is_alive, groups.values())) else {}


@pytest.fixture
def state(tmp_path, monkeypatch) -> Iterator[Path]:
    monkeypatch.setenv("TRADEWIND_STATE", str(tmp_path))
    yield tmp_path
    stack.end_leftovers(tmp_path)


@pytest.fixture
def running(state) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.DEVNULL)
    _until(
        lambda: stack.is_running(state) and _groups(state) and len(processes.descendants(process.pid)) == 3
    )
    yield process
    process.kill()
    process.wait()


def test_a_dead_service_is_started_again_and_a_working_orphan_lives_on(state, running):
    before = _groups(state)
    orphan = next(iter(processes.descendants(before["parent"])))
    os.kill(before["parent"], signal.SIGKILL)
    after = _until(lambda: (now := _groups(state)) and now["parent"] != before["parent"] and now)
    assert after["sleeper"] == before["sleeper"]
    assert processes.is_alive(orphan)


def test_stopping_ends_everything_orphans_too(state, running):
    os.kill(_groups(state)["parent"], signal.SIGKILL)
    everything = processes.descendants(running.pid)
    running.terminate()
    assert running.wait(timeout=30) == 0
    assert [pid for pid in everything if processes.is_alive(pid)] == []
    assert not stack.is_running(state)


def test_nothing_survives_a_killed_supervisor_for_long(state, running):
    everything = processes.descendants(running.pid)
    running.kill()
    running.wait()
    assert not stack.is_running(state)
    stack.end_leftovers(state)
    _until(lambda: not any(map(processes.is_alive, everything)))


def test_a_second_supervisor_gives_way(state, running):
    second = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert "another supervisor runs already" in second.stdout
    assert _groups(state)
