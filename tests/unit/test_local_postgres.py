"""The private PostgreSQL: made, found again, and brought back after a kill, a power cut, a half-made folder."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from include.errors import TradewindError
from include.local import places, ports, postgres, postgres_binaries


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that any user can enter, with a space in its path."""
    base = Path("/tmp") / f"tradewind test {uuid.uuid4().hex[:8]}"
    base.mkdir(mode=0o755)
    yield base / "postgres"
    postgres.remove(base / "postgres")
    shutil.rmtree(base)


def test_server_keeps_its_data_over_stop_and_kill(folder):
    server = postgres.ensure(folder, durable=True)
    assert server.host == "127.0.0.1"
    with psycopg.connect(server.superuser_dsn) as conn:
        conn.execute("CREATE EXTENSION ltree")
        conn.execute("CREATE TABLE kept AS SELECT 'a.b'::ltree AS path")
    assert postgres.ensure(folder, durable=True) == server

    os.kill(int((server.data_dir / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    deadline = time.monotonic() + 10
    while postgres.is_alive(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    again = postgres.ensure(folder, durable=True)
    with psycopg.connect(again.superuser_dsn) as conn:
        assert conn.execute("SELECT path::text FROM kept").fetchone() == ("a.b",)

    assert postgres.stop(folder)
    assert postgres.status(folder) is None
    assert not postgres.stop(folder)


def test_lock_file_of_another_program_is_stale(folder):
    server = postgres.ensure(folder, durable=False)
    postgres.stop(folder)
    (server.data_dir / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data_dir}\n0\n{server.port}\n")
    assert postgres.ensure(folder, durable=False).data_dir == server.data_dir


def test_half_made_folder_is_made_again(folder):
    (folder / "base").mkdir(parents=True)
    folder.with_name(f".{folder.name}.partial").mkdir()
    assert postgres.ensure(folder, durable=False).port


def test_a_named_port_that_is_taken_is_refused(folder):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(TradewindError, match=r"to be free.*another program.*PG_PORT"):
            postgres.ensure(folder, taken.getsockname()[1], durable=False)


def test_a_running_server_does_not_move(folder):
    server = postgres.ensure(folder, durable=False)
    with pytest.raises(TradewindError, match="make down first"):
        postgres.ensure(folder, ports.free() if server.port != 1 else 2, durable=False)


@pytest.mark.parametrize(
    ("share", "version", "told"),
    [
        (True, "15.18", None),
        (True, "14.2", "version 14 is not one of 15 to 18"),
        (True, "19.0", "version 19 is not one of 15 to 18"),
        (False, "16.1", "no ltree extension"),
    ],
)
def test_binaries_are_judged_with_their_reason(tmp_path, monkeypatch, share, version, told):
    base = Path("/tmp") / f"tradewind-bin-{uuid.uuid4().hex[:8]}"
    try:
        (base / "extension").mkdir(parents=True, mode=0o755)
        if share:
            (base / "extension" / "ltree.control").touch()
        answers = {
            "postgres": f"echo 'postgres (PostgreSQL) {version}'",
            "initdb": f"echo share_path={base}",
            "pg_ctl": "true",
        }
        for name, line in answers.items():
            program = base / name
            program.write_text(f"#!/bin/sh\n{line}\n")
            program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        base.chmod(0o755)
        monkeypatch.setenv("TRADEWIND_PGBIN", str(base))
        if told is None:
            assert postgres_binaries.find(places.server_user(), tmp_path).major == 15
        else:
            with pytest.raises(TradewindError, match=told):
                postgres_binaries.find(places.server_user(), tmp_path)
    finally:
        shutil.rmtree(base)


def test_without_any_postgresql_the_remedy_is_a_command(tmp_path, monkeypatch):
    monkeypatch.delenv("TRADEWIND_PGBIN", raising=False)
    monkeypatch.setattr(postgres_binaries, "_candidates", lambda: iter(()))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TradewindError, match="npm is not installed") as refused:
        postgres_binaries.find(places.server_user(), tmp_path)
    assert "install" in refused.value.remedy
