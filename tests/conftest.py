"""Fixtures of all tests: a private PostgreSQL, and fresh migrated warehouses cloned from one template."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from include.warehouse.migrate import migrate
from include.warehouse.session import Warehouse
from include.warehouse.tenants import ensure_tenant

ROOT = Path(__file__).resolve().parents[1]

# Airflow reads these once, when it is first imported, by whichever test comes first.
os.environ.update(
    AIRFLOW_HOME=tempfile.mkdtemp(prefix="tradewind-airflow-"),
    AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(ROOT / "plugins"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
    # Fixtures of a module may write outputs; a test has a folder of its own.
    TRADEWIND_OUTPUT=tempfile.mkdtemp(prefix="tradewind-output-"),
)


@pytest.fixture(autouse=True)
def outputs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where this test's flows write files: every warehouse of the tests has the same tenants."""
    monkeypatch.setenv("TRADEWIND_OUTPUT", str(tmp_path / "output"))
    return tmp_path / "output"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Connection string of a private PostgreSQL's administrator, without a database name.

    TRADEWIND_TEST_SERVER names one that runs already; otherwise one is started and stopped here.
    """
    if given := os.environ.get("TRADEWIND_TEST_SERVER"):
        yield given
        return
    from include.local import postgres

    folder = Path("/tmp") / f"tradewind-tests-{uuid.uuid4().hex[:12]}"
    running = postgres.ensure(folder, durable=False)
    yield running.superuser_dsn
    postgres.remove(folder)


def _warehouse(server: str, database: str) -> Warehouse:
    address = psycopg.conninfo.conninfo_to_dict(server)
    place = {"host": address["host"], "port": address["port"], "dbname": database}
    return Warehouse(
        admin_dsn=psycopg.conninfo.make_conninfo(server, dbname=database),
        pipeline_dsn=psycopg.conninfo.make_conninfo(user="tw_pipeline", **place),
        engine_dsn=psycopg.conninfo.make_conninfo(user="tw_engine", **place),
    )


@pytest.fixture(scope="session")
def template(server: str) -> Iterator[str]:
    """Name of a migrated database with the tenants alpha and beta; warehouses are cloned from it."""
    from include.extract.landing import ensure_all

    name = f"tw_template_{uuid.uuid4().hex[:8]}"
    wh = _warehouse(server, name)
    migrate(wh)
    with wh.pipeline() as conn:
        ensure_all(conn)
    ensure_tenant(wh, "alpha", "Alpha Foods", {"currency": "USD"})
    ensure_tenant(wh, "beta", "Beta Foods", {"currency": "EUR"})
    yield name
    _drop(server, name)


def _clone(server: str, template: str) -> Iterator[Warehouse]:
    name = f"tw_test_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, dbname="postgres", autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*map(sql.Identifier, (name, template))))
        # Settings of roles and databases are not part of the template.
        settings = conn.execute(
            "SELECT r.rolname, unnest(s.setconfig) FROM pg_db_role_setting s"
            " JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole"
            " WHERE d.datname = %s",
            (template,),
        ).fetchall()
        for role, assignment in settings:
            key, value = assignment.split("=", 1)
            target = (
                sql.SQL("ROLE {} IN DATABASE {}").format(sql.Identifier(role), sql.Identifier(name))
                if role
                else sql.SQL("DATABASE {}").format(sql.Identifier(name))
            )
            conn.execute(
                sql.SQL("ALTER {} SET {} = {}").format(target, sql.Identifier(key), sql.Literal(value))
            )
        conn.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO tw_pipeline, tw_engine, tw_reader").format(
                sql.Identifier(name)
            )
        )
        conn.execute(
            sql.SQL("GRANT CREATE, TEMPORARY ON DATABASE {} TO tw_pipeline").format(sql.Identifier(name))
        )
    yield _warehouse(server, name)
    _drop(server, name)


def _drop(server: str, name: str) -> None:
    with psycopg.connect(server, dbname="postgres", autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def warehouse(server: str, template: str) -> Iterator[Warehouse]:
    """A fresh warehouse for one test."""
    yield from _clone(server, template)


@pytest.fixture(scope="module")
def module_warehouse(server: str, template: str) -> Iterator[Warehouse]:
    """A fresh warehouse shared by the tests of one module."""
    yield from _clone(server, template)
