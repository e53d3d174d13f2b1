"""Starts and stops the local stand: `python -m include.local.stack up|down|status|clean`.

`up` is idempotent: what runs is kept, what is missing is made. `down` ends every process, the database last.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg import sql

from include.errors import TradewindError
from include.local import environment, places, ports, postgres, processes, supervisor
from include.local.airflow_api import Airflow
from include.local.ports import Ports

START_SECONDS = 420
DOWN_SECONDS = 30

#: Airflow pools the DAGs use: name -> (slots, what it limits).
POOLS = {"dbt": (1, "one dbt process at a time per warehouse")}


def up(say=print) -> Ports:
    """Start what does not run yet and wait until the scheduler schedules; returns the settled ports.

    Raises TradewindError naming the log to read when something does not come up.
    """
    state = environment.state()
    state.mkdir(parents=True, exist_ok=True)
    with _one_command(state):
        supervised = is_running(state)
        settled = _settle(state, supervised)
        if not postgres.is_alive(state / "postgres"):
            say("Starting the private PostgreSQL")
        server = postgres.ensure(state / "postgres", settled.pg, durable=True)
        if not supervised:
            end_leftovers(state)
            _create_metadata(server)
            migrate(settled, state, say)
            _write_password(state)
            say("Starting the sandbox and Airflow")
            _launch(settled, state)
        _await_ready(settled, state)
    return settled


def down(say=print) -> bool:
    """Stop everything, the database last; True when something ran."""
    state = environment.state()
    if not state.exists():
        return False
    with _one_command(state):
        ran = _stop_supervisor(state)
        ran = end_leftovers(state) or ran
        ran = postgres.stop(state / "postgres") or ran
    say("Stopped." if ran else "Nothing was running.")
    return ran


def clean(say=print) -> None:
    """Stop everything and delete all state: databases, logs, results, generated keys."""
    state = environment.state()
    down(say)
    actual = places.existing_data(state / "postgres")
    postgres.remove(state / "postgres")
    if actual is not None and actual.parent != state:
        places.remove_tree(actual.parent)
    places.remove_tree(state)
    say(f"Deleted {state}.")


@contextlib.contextmanager
def database() -> Iterator[Ports]:
    """The private PostgreSQL for a moment: started when it does not run, and then stopped again.

    Raises TradewindError when this clone has no warehouse yet.
    """
    state = environment.state()
    if places.existing_data(state / "postgres") is None:
        raise TradewindError(
            where="warehouse",
            expected="a warehouse of this clone",
            got="none",
            remedy="make demo, or make up",
        )
    with _one_command(state):
        ran_before = postgres.is_alive(state / "postgres")
        settled = ports.remembered(state) if ran_before else _settle(state, is_running(state))
        postgres.ensure(state / "postgres", settled.pg, durable=True)
    try:
        yield settled
    finally:
        if not ran_before and not is_running(state):
            postgres.stop(state / "postgres")


def is_running(state: Path) -> bool:
    """Whether a supervisor of this clone lives."""
    path = supervisor.lock_file(state)
    if not path.exists():
        return False
    with open(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def end_leftovers(state: Path) -> bool:
    """End processes that a killed supervisor left behind; True when there were some."""
    recorded = supervisor.groups_file(state)
    left = processes.working_in(supervisor.workplace(state))
    if not left and sys.platform != "linux" and recorded.exists():
        for group in json.loads(recorded.read_text()).values():
            processes.end_group(group, signal.SIGTERM)
    recorded.unlink(missing_ok=True)
    processes.end(left, seconds=10)
    return bool(left)


@contextlib.contextmanager
def _one_command(state: Path) -> Iterator[None]:
    with open(state / "command.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _settle(state: Path, supervised: bool) -> Ports:
    if supervised:
        return ports.settle(state, held=vars(ports.remembered(state)))
    server = postgres.status(state / "postgres")
    if server is None:
        return ports.settle(state)
    if server.port != ports.remembered(state).pg:
        postgres.stop(state / "postgres")
        return ports.settle(state)
    return ports.settle(state, held={"pg"})


def _create_metadata(server: postgres.Server) -> None:
    """Airflow's own role and database."""
    name = sql.Identifier(environment.METADATA)
    with psycopg.connect(server.superuser_dsn, autocommit=True) as conn:
        if (
            conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (environment.METADATA,)).fetchone()
            is None
        ):
            conn.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        if (
            conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (environment.METADATA,)).fetchone()
            is None
        ):
            conn.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))


def migrate(settled: Ports, state: Path, say) -> None:
    """Bring both databases to this code's schema, side by side; Airflow's only when it is not there already."""
    commands = {"warehouse": ("-m", "include.warehouse.migrate")}
    if _metadata_mark(settled) != _remembered_mark(state):
        commands["Airflow metadata"] = ("-m", "airflow", "db", "migrate")
    say(f"Migrating: {', '.join(commands)}")
    env = environment.process(settled, sandbox=False)
    running = {
        name: subprocess.Popen(
            [sys.executable, *argv],
            cwd=supervisor.workplace(state),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, argv in commands.items()
    }
    outputs = {name: process.communicate()[0] for name, process in running.items()}
    for name, process in running.items():
        if process.returncode != 0:
            raise TradewindError(
                where=f"migration of the {name}",
                expected="success",
                got=" ".join(outputs[name].splitlines()[-5:]),
                remedy="mend what it names; the database is as it was before this step",
            )
    (state / "metadata.mark").write_text(_metadata_mark(settled))


def _metadata_mark(settled: Ports) -> str:
    """Airflow's version and the revision its database is at; empty when the database has no schema."""
    with psycopg.connect(environment.dsn(settled, environment.METADATA, environment.METADATA)) as conn:
        if conn.execute("SELECT to_regclass('alembic_version')").fetchone()[0] is None:
            return ""
        revision = conn.execute("SELECT string_agg(version_num, ',') FROM alembic_version").fetchone()[0]
    return f"{version('apache-airflow')} {revision}"


def _remembered_mark(state: Path) -> str:
    mark = state / "metadata.mark"
    return mark.read_text() if mark.exists() else "none"


def _write_password(state: Path) -> None:
    """The log-in of the local UI, in the file Airflow's simple auth manager reads."""
    password = environment.own_secrets(state).admin_password
    (state / "airflow").mkdir(exist_ok=True)
    environment.private_file(state / "airflow" / "passwords.json", json.dumps({"admin": password}))


def _launch(settled: Ports, state: Path) -> None:
    (state / "logs").mkdir(exist_ok=True)
    with open(state / "logs" / "supervisor.log", "ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "include.local.supervisor"],
            cwd=supervisor.workplace(state),
            env=environment.process(settled, sandbox=False),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _await_ready(settled: Ports, state: Path) -> None:
    airflow = Airflow(settled.ui, environment.own_secrets(state).admin_password)
    deadline = time.monotonic() + START_SECONDS
    while (missing := airflow.unhealthy()) or not _sandbox_answers(settled):
        if time.monotonic() > deadline or not _supervisor_lives(state):
            raise TradewindError(
                where="local stand",
                expected=f"sandbox and Airflow ready within {START_SECONDS} s",
                got=f"not ready: {', '.join(missing) or 'sandbox'}",
                remedy=f"see the logs in {state / 'logs'}",
            )
        time.sleep(0.5)
    for name, (slots, description) in POOLS.items():
        airflow.ensure_pool(name, slots, description)


def end_interrupted_runs(settled: Ports) -> int:
    """Mark failed what a stand that was killed left running, so that new runs need not wait for its time-outs."""
    airflow = Airflow(settled.ui, environment.own_secrets(environment.state()).admin_password)
    left = list(airflow.pages("/dags/~/dagRuns", "dag_runs", state=["running", "queued"]))
    for run in left:
        airflow.fail_run(run["dag_id"], run["dag_run_id"])
    return len(left)


def _supervisor_lives(state: Path) -> bool:
    # A supervisor needs a moment to take its lock.
    return any(is_running(state) or time.sleep(0.5) for _ in range(20))


def _sandbox_answers(settled: Ports) -> bool:
    return not ports.is_free(settled.sandbox_tunnel) and not ports.is_free(settled.sandbox_tls)


def _stop_supervisor(state: Path) -> bool:
    if not is_running(state):
        return False
    pid = int(supervisor.lock_file(state).read_text() or 0)
    if pid:
        processes.end([pid], seconds=DOWN_SECONDS)
    return True


def summary(settled: Ports) -> list[str]:
    """What runs where, for people."""
    password = environment.own_secrets(environment.state()).admin_password
    return [
        f"Airflow UI     http://{ports.HOST}:{settled.ui}   user admin, password {password}",
        f"dbt docs       http://{ports.HOST}:{settled.docs}",
        f"Sandbox        http://{ports.HOST}:{settled.sandbox_admin}   (faults and request log)",
        f"PostgreSQL     {environment.dsn(settled, 'tw_reader_demo')}   (local connections need no password)",
        f"Logs           {environment.state() / 'logs'}",
    ]


def main(arguments: list[str]) -> int:
    """Run one command; 1 with the reason when it fails, 3 for `status` when nothing runs."""
    command = arguments[0] if len(arguments) == 1 else ""
    try:
        if command == "up":
            print("\n".join(summary(up())))
        elif command == "down":
            down()
        elif command == "clean":
            clean()
        elif command == "status":
            running = is_running(environment.state())
            print(
                "\n".join(summary(ports.remembered(environment.state())))
                if running
                else "Nothing is running."
            )
            return 0 if running else 3
        else:
            print(__doc__)
            return 2
    except TradewindError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
