"""A private PostgreSQL server for this clone: made, started, asked, stopped and removed here.

It listens on 127.0.0.1 only, trusts whoever connects there (every local user of the machine can: this is a
server for demonstration and tests, with no data but the clone's own), and runs as an unprivileged user. What a
kill or a power cut leaves behind (a half-made data folder, a stale postmaster.pid, orphaned backends) is
recognised and cleared on the next `ensure`.
"""

from __future__ import annotations

import contextlib
import fcntl
import locale
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from include.errors import TradewindError
from include.local import places, ports, postgres_binaries
from include.local.places import ServerUser
from include.local.postgres_binaries import Binaries

HOST = "127.0.0.1"
SUPERUSER = "postgres"
START_SECONDS = 60

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# A test's database may be lost with the machine; it is made again in a second.
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Server:
    """A running server. `data_dir` is where the files really are."""

    host: str
    port: int
    data_dir: Path
    major: int
    folder: Path

    def dsn(self, database: str = "postgres", user: str = SUPERUSER) -> str:
        """A libpq URL for `user` on `database`; no password is asked on this server."""
        return f"postgresql://{user}@{self.host}:{self.port}/{database}"

    @property
    def superuser_dsn(self) -> str:
        return self.dsn()


def ensure(data_dir: Path, port: int = 0, *, durable: bool) -> Server:
    """The server over `data_dir`, made and started when it is not there; safe to call from several processes.

    `port` 0 takes the running server's port, or any free one. `durable=False` switches fsync off. Under root the
    files may live elsewhere (see `places`); `Server.data_dir` says where.
    Raises TradewindError when no PostgreSQL serves, when `port` is taken, or when it runs on another port.
    """
    data_dir = Path(data_dir).absolute()
    user = places.server_user()
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    with _locked(data_dir):
        actual = _made(data_dir, user)
        running = _running(actual)
        if running is None:
            _clear_stale_pid(actual)
            running = _start(actual, port, user, durable)
        elif port not in (0, running.port):
            raise TradewindError(
                where=f"private PostgreSQL in {actual}",
                expected=f"port {port}",
                got=f"a server running on port {running.port}",
                remedy="make down first",
            )
        return running


def status(data_dir: Path) -> Server | None:
    """The running server over `data_dir`, or None."""
    actual = places.existing_data(Path(data_dir).absolute())
    return _running(actual) if actual else None


def is_alive(data_dir: Path) -> bool:
    """Whether the server's process exists; cheap enough to ask every second."""
    actual = places.existing_data(Path(data_dir).absolute())
    return actual is not None and _postmaster(actual) is not None


def stop(data_dir: Path, *, immediate: bool = False) -> bool:
    """Stop the server over `data_dir`; True when one ran. `immediate` skips the shutdown checkpoint."""
    data_dir = Path(data_dir).absolute()
    actual = places.existing_data(data_dir)
    if actual is None or _postmaster(actual) is None:
        return False
    user = places.server_user()
    binaries = postgres_binaries.find(user, actual.parent, _major(actual))
    mode = "immediate" if immediate else "fast"
    stopped = user.run(
        [binaries.tool("pg_ctl"), "-D", str(actual), "-w", "-t", "60", "-m", mode, "stop"],
        capture_output=True,
    )
    if stopped.returncode != 0 and _postmaster(actual) is not None:
        raise TradewindError(
            where=f"private PostgreSQL in {actual}",
            expected="to stop within 60 s",
            got=(stopped.stderr or stopped.stdout).strip(),
            remedy=f"see {actual / 'server.log'}",
        )
    return True


def remove(data_dir: Path) -> None:
    """Stop the server and delete its files, wherever they are."""
    data_dir = Path(data_dir).absolute()
    actual = places.existing_data(data_dir)
    stop(data_dir, immediate=True)
    if actual is not None:
        places.remove_tree(actual)
    places.remove_tree(data_dir)
    for note in (places.location_file(data_dir), _lock_file(data_dir)):
        note.unlink(missing_ok=True)
    if actual is not None and places.SYSTEM_STATE in actual.parents and not any(actual.parent.iterdir()):
        actual.parent.rmdir()


def _lock_file(data_dir: Path) -> Path:
    return data_dir.with_name(data_dir.name + ".lock")


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    with _lock_file(data_dir).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _made(data_dir: Path, user: ServerUser) -> Path:
    """The initialised data folder for `data_dir`."""
    existing = places.existing_data(data_dir)
    if existing is not None:
        return existing
    home = places.server_home(data_dir, user)
    actual = home / data_dir.name
    if actual.exists():
        # Left by a deleted clone of the same path, or by hand: no cluster of ours is in it.
        if _postmaster(actual) is not None:
            _stop_orphan(actual, user)
        places.remove_tree(actual)
    _initialise(actual, user, postgres_binaries.find(user, home))
    if actual != data_dir:
        places.location_file(data_dir).write_text(f"{actual}\n")
    return actual


def _stop_orphan(actual: Path, user: ServerUser) -> None:
    binaries = postgres_binaries.find(user, actual.parent, _major(actual))
    user.run(
        [binaries.tool("pg_ctl"), "-D", str(actual), "-w", "-m", "immediate", "stop"], capture_output=True
    )


def _initialise(actual: Path, user: ServerUser, binaries: Binaries) -> None:
    """initdb into a folder beside the final one, renamed when complete: a kill leaves no half-made cluster."""
    partial = actual.with_name(f".{actual.name}.partial")
    places.remove_tree(partial)
    partial.mkdir(mode=0o700)
    user.give(partial)
    made = user.run(
        [
            binaries.tool("initdb"),
            *("-D", str(partial), "-U", SUPERUSER, "--auth=trust", "-E", "UTF8"),
            *(f"--locale={_locale()}", "--lc-messages=C", "--no-instructions", "--no-sync"),
        ],
        capture_output=True,
    )
    if made.returncode != 0:
        raise TradewindError(
            where=f"initdb in {actual}",
            expected="a new cluster",
            got=(made.stderr or made.stdout).strip()[-400:],
            remedy="free disk space or fix what it names, then run make again",
        )
    partial.rename(actual)


def _locale() -> str:
    """UTF-8 rules for lower() and ltree labels where the system has them."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return "C"
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return "C.UTF-8"


def _major(actual: Path) -> int:
    return int((actual / "PG_VERSION").read_text().strip())


def _postmaster(actual: Path) -> int | None:
    """The process id in postmaster.pid when that process lives and is a PostgreSQL."""
    try:
        pid = int((actual / "postmaster.pid").read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    command = Path(f"/proc/{pid}/cmdline")
    if command.exists():
        program, *arguments = command.read_bytes().decode(errors="replace").split("\0")
        if Path(program).name != "postgres" or str(actual) not in arguments:
            # After a reboot the number may belong to any other program.
            return None
    return pid


def _running(actual: Path) -> Server | None:
    """The server over `actual` once it answers; waits for one that is starting or recovering."""
    deadline = time.monotonic() + START_SECONDS
    while _postmaster(actual) is not None:
        lines = (actual / "postmaster.pid").read_text().splitlines()
        if len(lines) >= 4:
            server = _answering(actual, int(lines[3]))
            if server is not None:
                return server
        if time.monotonic() > deadline:
            raise TradewindError(
                where=f"private PostgreSQL in {actual}",
                expected=f"an answer within {START_SECONDS} s",
                got="a process that does not accept connections",
                remedy=f"see {actual / 'server.log'}, then make down",
            )
        time.sleep(0.2)
    return None


def _answering(actual: Path, port: int) -> Server | None:
    try:
        with psycopg.connect(
            host=HOST, port=port, user=SUPERUSER, dbname="postgres", connect_timeout=5, autocommit=True
        ) as conn:
            served = conn.execute("SHOW data_directory").fetchone()[0]
    except psycopg.OperationalError:
        return None
    if Path(served) != actual:
        return None
    executable = (actual / "postmaster.opts").read_text().split(" ", 1)[0]
    return Server(HOST, port, actual, _major(actual), Path(executable).parent)


def _clear_stale_pid(actual: Path) -> None:
    """Remove the lock file of a server that a kill or a power cut ended."""
    (actual / "postmaster.pid").unlink(missing_ok=True)


def _start(actual: Path, port: int, user: ServerUser, durable: bool) -> Server:
    binaries = postgres_binaries.find(user, actual.parent, _major(actual))
    if port:
        _demand_free(port)
    settings = SETTINGS if durable else SETTINGS | NOT_DURABLE
    deadline = time.monotonic() + START_SECONDS
    while True:
        chosen = port or ports.free()
        options = " ".join([f"-p {chosen}", *(f"-c {name}='{value}'" for name, value in settings.items())])
        started = user.run(
            [
                binaries.tool("pg_ctl"),
                *("-D", str(actual), "-l", str(actual / "server.log"), "-w", "-t", str(START_SECONDS)),
                *("-o", options, "start"),
            ],
            capture_output=True,
        )
        if started.returncode == 0:
            server = _running(actual)
            if server is not None:
                return server
        # Backends of a killed server hold its shared memory for a moment; a chosen port may be lost in a race.
        if time.monotonic() > deadline or not _worth_retrying(actual, bool(port)):
            raise TradewindError(
                where=f"private PostgreSQL in {actual}",
                expected="a start",
                got=_log_tail(actual) or (started.stderr or started.stdout).strip(),
                remedy=f"see {actual / 'server.log'}",
            )
        time.sleep(0.5)


def _worth_retrying(actual: Path, fixed_port: bool) -> bool:
    tail = _log_tail(actual)
    return "shared memory block" in tail or (not fixed_port and "could not bind" in tail)


def _log_tail(actual: Path) -> str:
    log = actual / "server.log"
    return " ".join(log.read_text(errors="replace").splitlines()[-6:]) if log.exists() else ""


def _demand_free(port: int) -> None:
    if not ports.is_free(port):
        raise TradewindError(
            where="private PostgreSQL",
            expected=f"port {port} of {HOST} to be free",
            got="another program listening on it",
            remedy="choose another with PG_PORT=<port>",
        )
