"""A warehouse of an earlier release comes forward with its rows, its protection and its readers."""

import shutil
import uuid

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from include.extract.landing import ensure_all
from include.warehouse import migrate as migrations
from include.warehouse.session import Warehouse
from include.warehouse.tenants import ensure_tenant

NEWEST = sorted(path.name for path in migrations.MIGRATIONS.glob("*.sql"))


@pytest.fixture
def empty(server):
    """A database that nothing was migrated in."""
    name = f"tw_upgrade_{uuid.uuid4().hex[:8]}"
    address = conninfo_to_dict(server)
    place = {"host": address["host"], "port": address["port"], "dbname": name}
    yield Warehouse(
        admin_dsn=make_conninfo(server, dbname=name),
        pipeline_dsn=make_conninfo(user="tw_pipeline", **place),
        engine_dsn=make_conninfo(user="tw_engine", **place),
    )
    with psycopg.connect(server, dbname="postgres", autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.mark.parametrize("release", range(1, len(NEWEST)))
def test_every_earlier_release_comes_forward(empty, release, tmp_path, monkeypatch):
    for name in NEWEST[:release]:
        shutil.copy(migrations.MIGRATIONS / name, tmp_path / name)
    with monkeypatch.context() as earlier:
        earlier.setattr(migrations, "MIGRATIONS", tmp_path)
        assert len(migrations.migrate(empty)) == release
    ensure_tenant(empty, "alpha", "Alpha Foods", {"currency": "USD"})
    with empty.engine("alpha") as conn:
        conn.execute(
            "INSERT INTO ops.runs (tenant_id, run_id, verb, as_of, status)"
            " VALUES ('alpha', 'before', 'extract', '2026-01-01', 'success')"
        )

    assert migrations.migrate(empty) == [name.removesuffix(".sql") for name in NEWEST[release:]]

    with empty.pipeline() as conn:
        ensure_all(conn)
        unprotected = conn.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname IN ('tenancy','staging','finance','planning','publish','intelligence','ops')"
            " AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        ).fetchall()
    assert unprotected == []
    reader = make_conninfo(empty.engine_dsn, user="tw_reader_alpha")
    with psycopg.connect(reader) as conn:
        assert conn.execute("SELECT run_id FROM ops.runs").fetchall() == [("before",)]
