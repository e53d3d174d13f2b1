"""A backup put back after a loss: every table, every role, every file as it was; a failed restore changes nothing."""

from __future__ import annotations

import shutil
import tarfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from include.errors import TradewindError
from include.local import backup, fingerprint, places, postgres
from include.local.environment import DATABASE, METADATA
from include.warehouse.migrate import migrate
from include.warehouse.session import Warehouse
from include.warehouse.tenants import ensure_tenant


@pytest.fixture
def stand(monkeypatch) -> Iterator[Path]:
    """State folder of a stand with a migrated warehouse, one tenant's row in it, metadata and an output file."""
    state = Path("/tmp") / f"tradewind-restore-{uuid.uuid4().hex[:8]}"
    state.mkdir(mode=0o755)
    monkeypatch.setenv("TRADEWIND_STATE", str(state))
    server = postgres.ensure(state / "postgres", durable=False)
    if not (server.folder / "pg_dump").exists() and shutil.which("pg_dump") is None:
        postgres.remove(state / "postgres")
        pytest.skip("the packaged PostgreSQL has no pg_dump, and none is on PATH")
    wh = Warehouse(admin_dsn=server.dsn(DATABASE), pipeline_dsn=server.dsn(DATABASE), engine_dsn="")
    migrate(wh)
    with psycopg.connect(server.superuser_dsn, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(METADATA)))
    ensure_tenant(wh, "alpha", "Alpha", {"currency": "EUR"})
    with psycopg.connect(server.dsn(DATABASE)) as conn:
        conn.execute(
            "INSERT INTO finance.ledger_start (tenant_id, as_of, run_id) VALUES ('alpha', '2026-03-31', 'r1')"
        )
    postgres.stop(state / "postgres")
    (state / "output").mkdir()
    (state / "output" / "report.txt").write_text("as it was")
    yield state
    postgres.remove(state / "postgres")
    places.remove_tree(state)


@contextmanager
def _warehouse(state: Path) -> Iterator[psycopg.Connection]:
    """The stand's warehouse for a moment: the commands under test find it stopped."""
    server = postgres.ensure(state / "postgres", durable=False)
    with psycopg.connect(server.dsn(DATABASE)) as conn:
        yield conn
    postgres.stop(state / "postgres")


def _rows(state: Path) -> dict:
    with _warehouse(state) as conn:
        tables = fingerprint.take(conn, "alpha")
        roles = conn.execute(
            "SELECT array_agg(rolname ORDER BY rolname) FROM pg_roles WHERE rolname LIKE 'tw%'"
        ).fetchone()
        names = conn.execute("SELECT tenant_id, name, settings FROM tenancy.tenants ORDER BY 1").fetchall()
    return {"tables": tables, "roles": roles, "tenants": names}


def _lose(state: Path) -> None:
    with _warehouse(state) as conn:
        conn.execute("DROP TABLE finance.ledger_start CASCADE")
        conn.execute("UPDATE tenancy.tenants SET name = 'Lost' WHERE tenant_id = 'alpha'")
    (state / "output" / "report.txt").write_text("lost")


def test_a_backup_restores_what_was_lost(stand, tmp_path):
    before = _rows(stand)
    assert before["tables"]["finance.ledger_start"].rows == 1
    archive = backup.backup(tmp_path / "kept.tar.gz", say=lambda _: None)
    assert archive.stat().st_mode & 0o077 == 0, "it holds keys"

    _lose(stand)
    backup.restore(archive, say=lambda _: None)

    assert _rows(stand) == before
    assert (stand / "output" / "report.txt").read_text() == "as it was"


def test_a_damaged_backup_changes_nothing(stand, tmp_path):
    archive = backup.backup(tmp_path / "kept.tar.gz", say=lambda _: None)
    broken = tmp_path / "broken.tar.gz"
    with tarfile.open(archive) as whole, tarfile.open(broken, "w:gz") as cut:
        for member in whole.getmembers():
            if member.isfile():
                data = whole.extractfile(member).read()
                if member.name == f"{DATABASE}.dump":
                    data = data[: len(data) // 2]
                    member.size = len(data)
                (tmp_path / "part").write_bytes(data)
                with open(tmp_path / "part", "rb") as part:
                    cut.addfile(member, part)
    before = _rows(stand)
    with pytest.raises(TradewindError):
        backup.restore(broken, say=lambda _: None)
    assert _rows(stand) == before
    assert (stand / "output" / "report.txt").read_text() == "as it was"
