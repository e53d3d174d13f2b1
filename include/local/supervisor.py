"""The process that keeps the local stand alive: `python -m include.local.supervisor`, started by `stack`.

Each service runs in a process group of its own and is started again when it dies, after a pause that doubles
up to half a minute; the private PostgreSQL likewise. Airflow's scheduler ends itself when its database is away
for a moment, so without this a restarted server would leave a stand that schedules nothing (reliability,
fact 10). A lock on `.state/stack.lock` says that a supervisor lives; nothing trusts a process number alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from include.local import environment, postgres, processes
from include.local.ports import remembered

LONGEST_PAUSE = 30.0
HEALTHY_AFTER = 60.0
STOP_SECONDS = 15.0
LOG_LIMIT_BYTES = 20_000_000

#: How Airflow titles processes that wait for a parent that may be gone.
IDLE = ("LocalExecutor: <idle>", "airflow serve-logs")

SERVICES = {
    "sandbox": ("-m", "include.sandbox.serve"),
    "api-server": ("-m", "airflow", "api-server"),
    "dag-processor": ("-m", "airflow", "dag-processor"),
    "scheduler": ("-m", "airflow", "scheduler"),
    "triggerer": ("-m", "airflow", "triggerer"),
    "docs": ("-m", "include.local.docs_server"),
}


@dataclass
class Service:
    """One supervised program; `pid` is also its process group."""

    name: str
    argv: tuple[str, ...]
    pid: int = 0
    started: float = 0.0
    pause: float = 1.0
    due: float = field(default_factory=time.monotonic)

    def start(self, env: dict[str, str], logs: Path, workplace: Path) -> None:
        """Start the program in its own group, its output appended to `<logs>/<name>.log`."""
        with open(logs / f"{self.name}.log", "ab") as log:
            child = subprocess.Popen(
                [sys.executable, *self.argv],
                cwd=workplace,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=processes.end_with_parent,
            )
        self.pid, self.started = child.pid, time.monotonic()
        # The supervisor waits for every child itself, adopted ones included.
        child.returncode = 0

    def ended(self) -> None:
        """Take note of the program's end and plan its next start."""
        if time.monotonic() - self.started > HEALTHY_AFTER:
            self.pause = 1.0
        self.pid, self.due = 0, time.monotonic() + self.pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE)


class Supervisor:
    """Runs SERVICES until told to stop."""

    def __init__(self, state: Path):
        self.state = state
        self.logs = state / "logs"
        self.workplace = workplace(state)
        self.services = [Service(name, argv) for name, argv in SERVICES.items()]
        self.stop = threading.Event()
        self.ports = remembered(state)
        self.env = environment.process(self.ports)

    def run(self) -> None:
        """Start everything, restart what dies, and end it all on SIGTERM or SIGINT."""
        processes.adopt_orphans()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop.set())
        self.logs.mkdir(parents=True, exist_ok=True)
        for service in self.services:
            _rotate(self.logs / f"{service.name}.log")
        while not self.stop.is_set():
            self._keep_database()
            self._start_due()
            self.stop.wait(1.0)
            self._reap()
            self._end_idle_orphans()
        self._end()

    def _start_due(self) -> None:
        for service in self.services:
            if not service.pid and service.due <= time.monotonic():
                service.start(self.env, self.logs, self.workplace)
                self._say(f"{service.name}: started, process {service.pid}")
                self._record()

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                for service in self.services:
                    if service.pid == found[0]:
                        code = os.waitstatus_to_exitcode(found[1])
                        service.ended()
                        self._say(
                            f"{service.name}: ended with {code}, next start in {service.due - time.monotonic():.0f} s"
                        )

    def _keep_database(self) -> None:
        data_dir = self.state / "postgres"
        if postgres.is_alive(data_dir):
            return
        self._say("postgres: not running, starting it")
        try:
            postgres.ensure(data_dir, self.ports.pg, durable=True)
        except Exception as error:  # The next round tries again; the reason is in the log.
            self._say(f"postgres: {error}")

    def _end_idle_orphans(self) -> None:
        """End what a killed scheduler left and nobody will use again; a task that still works is left to finish."""
        services = {service.pid for service in self.services}
        for pid in processes.children(os.getpid()):
            if pid not in services and any(mark in processes.title(pid) for mark in IDLE):
                processes.end([pid], seconds=0)

    def _end(self) -> None:
        groups = [service.pid for service in self.services if service.pid]
        for group in groups:
            processes.end_group(group, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while processes.descendants(os.getpid()) and time.monotonic() < deadline:
            time.sleep(0.1)
            self._reap()
        for group in groups:
            processes.end_group(group, signal.SIGKILL)
        processes.end(processes.descendants(os.getpid()), seconds=1.0)
        self._reap()
        self._say("stopped")

    def _record(self) -> None:
        groups = {service.name: service.pid for service in self.services if service.pid}
        partial = groups_file(self.state).with_suffix(".partial")
        partial.write_text(json.dumps(groups) + "\n")
        partial.replace(groups_file(self.state))

    def _say(self, text: str) -> None:
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", flush=True)


def workplace(state: Path) -> Path:
    """The working directory of every process of the stand, and of no other: leftovers are known by it."""
    folder = state / "run"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def groups_file(state: Path) -> Path:
    """Where the process groups of the running services are noted."""
    return state / "stack.json"


def lock_file(state: Path) -> Path:
    """Locked for as long as a supervisor lives."""
    return state / "stack.lock"


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))


def main() -> int:
    """Supervise until told to stop; 1 when another supervisor holds the lock."""
    state = environment.state()
    with open(lock_file(state), "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another supervisor runs already")
            return 1
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        Supervisor(state).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
