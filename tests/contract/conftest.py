"""A running sandbox for the tests that speak to vendors: one process per test session, on free ports."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from include.sandbox import connections
from include.sandbox.settings import Ports

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Sandbox:
    """One sandbox process; `start` and `stop` may be called as often as a test likes, its files stay."""

    state: Path
    ports: Ports = field(default_factory=lambda: Ports(*free_ports(4)))
    variables: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen | None = None

    @property
    def world(self) -> Path:
        """Where seeded records of a tenant are read from."""
        return self.state / "sandbox" / "world"

    @property
    def admin(self) -> str:
        """Address of the fault administration."""
        return f"http://127.0.0.1:{self.ports.admin}/__faults"

    def environment(self) -> dict[str, str]:
        """What a process needs to find this sandbox, listeners, proxy, trust and connections."""
        ports = {Ports.variable(name): str(port) for name, port in self.ports.as_dict().items()}
        return {
            "TRADEWIND_STATE": str(self.state),
            **ports,
            **connections.environment(self.ports, self.state / "sandbox"),
            **connections.connections(self.ports, ("demo", "harbor", "alpha", "beta")),
        }

    def start(self) -> str:
        """Start it and return the line it printed when it was ready."""
        for _ in range(3):
            if line := self._launch():
                return line
            # Between asking for a free port and using it, somebody else may have taken it.
            self.ports = Ports(*free_ports(4))
        raise AssertionError("the sandbox did not start; its reason is on standard error")

    def _launch(self) -> str:
        own = {**os.environ, **self.environment(), **self.variables, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "include.sandbox.serve"],
            cwd=ROOT,
            env=own,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        line = self.process.stdout.readline()
        if line.startswith("sandbox ready:"):
            return line
        self.process.wait(15)
        return ""

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal its process group and wait; returns the exit code."""
        os.killpg(self.process.pid, number)
        return self.process.wait(30)

    def fault(self, *rules: dict[str, Any]) -> None:
        """Post fault rules; a rule the sandbox refuses fails the test."""
        answer = httpx.post(self.admin, content=json.dumps(list(rules)), trust_env=False)
        assert answer.status_code == 201, answer.text

    def clear(self) -> None:
        """Drop all rules and the request log."""
        httpx.delete(self.admin, params={"log": "true"}, trust_env=False).raise_for_status()

    def requests(self, **filters: str) -> list[dict[str, Any]]:
        """The request log since the last `clear`."""
        return httpx.get(self.admin, params=filters, trust_env=False).json()["requests"]

    def seed(self, tenant: str, name: str, records: list[dict[str, Any]]) -> None:
        """Give a tenant's Salesforce org its records of one object."""
        folder = self.world / tenant / "salesforce"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(records))


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on at the moment."""
    sockets = [socket.socket() for _ in range(count)]
    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The session's sandbox, running."""
    running = Sandbox(tmp_path_factory.mktemp("sandbox"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def sandbox(sandbox_process: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The running sandbox without faults, this process's HTTPS and Airflow connections leading to it."""
    sandbox_process.clear()
    for name, value in sandbox_process.environment().items():
        monkeypatch.setenv(name, value)
    yield sandbox_process
    sandbox_process.clear()
