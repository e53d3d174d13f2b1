"""`make backup`, `make restore`, `make upgrade`.

    python -m include.local.backup backup|restore|upgrade        with FILE in the environment

A backup is one tar file, readable by its owner only: both databases (pg_dump, as the superuser, so that no row
security hides a row), the roles, the sandbox's store, inbox, outputs and this clone's keys. The packaged PostgreSQL
has no pg_dump; a client of its version or newer on PATH serves. A restore puts everything aside first and back
again when it fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from include import settings
from include.errors import TradewindError
from include.local import environment, places, postgres, stack
from include.local.environment import DATABASE, METADATA
from include.local.postgres import Server

FOLDERS = ("sandbox", "inbox", "output")
FILES = ("secrets.json", "folders.json")
ASIDE = "_before_restore"


def backup(archive: Path, say=print) -> Path:
    """Write everything worth keeping to `archive`; it exists only when it is complete."""
    state = environment.state()
    archive.parent.mkdir(parents=True, exist_ok=True)
    partial = archive.with_name(archive.name + ".partial")
    with stack.database(), tempfile.TemporaryDirectory() as scratch:
        server = postgres.status(state / "postgres")
        dumps = _dump(server, Path(scratch), say)
        private = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(private, "wb") as handle, tarfile.open(fileobj=handle, mode="w:gz", compresslevel=3) as tar:
            for path in dumps:
                tar.add(path, path.name)
            for name in (*FOLDERS, *FILES):
                if (state / name).exists():
                    tar.add(state / name, f"state/{name}")
    partial.replace(archive)
    say(
        f"Backup: {archive} ({archive.stat().st_size / 1e6:,.1f} MB). It holds this clone's keys: keep it private."
    )
    return archive


def restore(archive: Path, say=print) -> None:
    """Put a backup back over this clone's state; what was there returns when it fails.

    Raises TradewindError when the archive is none of ours or PostgreSQL refuses it.
    """
    state = environment.state()
    with tempfile.TemporaryDirectory() as scratch:
        manifest = _unpack(archive, Path(scratch))
        stack.down(say=lambda _: None)
        state.mkdir(parents=True, exist_ok=True)
        # The server's user may not be able to read our scratch folder; its clients are run by ourselves.
        with _server(state, manifest["postgres"]) as server:
            _restore_roles(server, Path(scratch) / "roles.sql")
            with contextlib.ExitStack() as undo:
                for name in (DATABASE, METADATA):
                    _restore_database(server, name, Path(scratch) / f"{name}.dump", undo)
                _restore_files(Path(scratch) / "state", state, undo)
                undo.pop_all()
            for name in (DATABASE, METADATA):
                _drop(server, name + ASIDE)
    for name in FOLDERS:
        places.remove_tree(state / (name + ASIDE))
    say(f"Restored {archive} of {manifest['made_at']}.")


def upgrade(say=print) -> None:
    """Bring both databases forward to this code; the stand is stopped for it and started again when it ran."""
    state = environment.state()
    ran = stack.is_running(state)
    if ran:
        stack.down(say)
    with stack.database() as ports:
        stack.migrate(ports, state, say)
    say("Metadata and warehouse are at this code's schema.")
    if ran:
        stack.up(say)


def _dump(server: Server, scratch: Path, say) -> list[Path]:
    """The databases, roles and manifest as files in `scratch`."""
    tools = {name: _client(server, name) for name in ("pg_dump", "pg_dumpall")}
    for name in (DATABASE, METADATA):
        say(f"Dumping {name}")
        _call([tools["pg_dump"], "-Fc", "-f", str(scratch / f"{name}.dump"), server.dsn(name)])
    _call([tools["pg_dumpall"], "--roles-only", "-f", str(scratch / "roles.sql"), "-d", server.superuser_dsn])
    with psycopg.connect(server.dsn(DATABASE)) as conn:
        migrations = [row[0] for row in conn.execute("SELECT name FROM ops.schema_migrations ORDER BY name")]
    manifest = {
        "format": 1,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "postgres": server.major,
        "migrations": migrations,
    }
    (scratch / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return sorted(scratch.iterdir())


def _client(server: Server, name: str) -> str:
    """A PostgreSQL client program: beside the server, else on PATH when it is not older than the server."""
    beside = server.folder / name
    if beside.exists():
        return str(beside)
    found = shutil.which(name)
    if found:
        told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
        if int(told.rsplit(" ", 1)[-1].split(".")[0]) >= server.major:
            return found
    raise TradewindError(
        where="backup",
        expected=f"{name} of PostgreSQL {server.major} or newer",
        got="none beside the packaged server or on PATH",
        remedy=f"sudo apt-get install -y postgresql-client-{server.major}   (from apt.postgresql.org where Debian's is older)",
    )


def _unpack(archive: Path, scratch: Path) -> dict:
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")
        manifest = json.loads((scratch / "manifest.json").read_text())
    except (OSError, tarfile.TarError, ValueError) as error:
        raise TradewindError(
            where=str(archive),
            expected="a file made by make backup",
            got=str(error),
            remedy="name one with FILE=",
        ) from None
    unknown = set(manifest["migrations"]) - {
        path.stem for path in (settings.home() / "include" / "warehouse" / "migrations").glob("*.sql")
    }
    if unknown:
        raise TradewindError(
            where=str(archive),
            expected="a backup of this code or an earlier one",
            got=f"migrations {', '.join(sorted(unknown))}",
            remedy="check out the newer code it was made with",
        )
    return manifest


@contextlib.contextmanager
def _server(state: Path, major: int) -> Iterator[Server]:
    if places.existing_data(state / "postgres") is None:
        postgres.ensure(state / "postgres", durable=True)
        postgres.stop(state / "postgres")
    with stack.database():
        server = postgres.status(state / "postgres")
        if server.major < major:
            raise TradewindError(
                where="restore",
                expected=f"PostgreSQL {major} or newer, which made the backup",
                got=f"PostgreSQL {server.major}",
                remedy="install it, make clean, and restore again",
            )
        yield server


def _restore_roles(server: Server, script: Path) -> None:
    """Create the roles that are missing, and set all as they were."""
    with psycopg.connect(server.superuser_dsn, autocommit=True) as conn:
        for statement in script.read_text().split(";\n"):
            lines = [line for line in statement.splitlines() if line and not line.startswith(("--", "\\"))]
            if lines:
                with contextlib.suppress(psycopg.errors.DuplicateObject):
                    conn.execute("\n".join(lines))


def _restore_database(server: Server, name: str, dump: Path, undo: contextlib.ExitStack) -> None:
    _drop(server, name + ASIDE)
    _rename(server, name, name + ASIDE)
    undo.callback(_rename, server, name + ASIDE, name)
    undo.callback(_drop, server, name)
    _call(
        [_client(server, "pg_restore"), "--create", "--exit-on-error", "-d", server.superuser_dsn, str(dump)]
    )


def _restore_files(source: Path, state: Path, undo: contextlib.ExitStack) -> None:
    for name in FOLDERS:
        there, aside = state / name, state / (name + ASIDE)
        places.remove_tree(aside)
        if there.exists():
            there.rename(aside)
            undo.callback(aside.rename, there)
        if (source / name).exists():
            undo.callback(places.remove_tree, there)
            shutil.copytree(source / name, there)
    for name in FILES:
        if (source / name).exists():
            environment.private_file(state / name, (source / name).read_text())


def _rename(server: Server, old: str, new: str) -> None:
    with psycopg.connect(server.superuser_dsn, autocommit=True) as conn:
        if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (old,)).fetchone():
            conn.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
            )


def _drop(server: Server, name: str) -> None:
    with psycopg.connect(server.superuser_dsn, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _call(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise TradewindError(
            where=Path(argv[0]).name,
            expected="success",
            got=done.stderr.strip()[-600:],
            remedy="mend what it names",
        )


def main(arguments: list[str]) -> int:
    """Run one command with FILE from the environment; 1 with the reason when it fails."""
    given = os.environ.get("FILE", "")
    try:
        if arguments == ["backup"]:
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            backup(
                Path(given).absolute() if given else settings.home() / "backups" / f"tradewind-{stamp}.tar.gz"
            )
        elif arguments == ["restore"] and given:
            restore(Path(given).absolute())
        elif arguments == ["upgrade"]:
            upgrade()
        else:
            print("make backup [FILE=path] · make restore FILE=path · make upgrade", file=sys.stderr)
            return 2
    except TradewindError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
