"""The warehouse's own promises, on a real PostgreSQL: tenants apart, leases fenced, migrations once, rows in bulk."""

import threading
import time

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from include.errors import LeaseLost, TradewindError
from include.runlog import run, step
from include.warehouse import migrate as migrations
from include.warehouse.copy import insert_new
from include.warehouse.lease import acquire
from include.warehouse.notifications import record
from include.warehouse.tenants import ensure_tenant, load_settings


@pytest.fixture
def shared(warehouse):
    """A table and a view on it, made as dbt would, with a row of each tenant."""
    with warehouse.pipeline() as conn:
        conn.execute(
            "CREATE TABLE master.things AS SELECT t AS tenant_id, 1 AS n FROM unnest(ARRAY['alpha','beta']) t"
        )
        conn.execute("CREATE VIEW master.seen_things AS SELECT * FROM master.things")
    return warehouse


def reader(wh, tenant):
    return psycopg.connect(make_conninfo(wh.engine_dsn, user=f"tw_reader_{tenant}"))


@pytest.mark.parametrize("relation", ["master.things", "master.seen_things"])
def test_each_reader_sees_its_tenant_only_and_something(shared, relation):
    for tenant in ("alpha", "beta"):
        with reader(shared, tenant) as conn:
            assert conn.execute(f"SELECT tenant_id FROM {relation}").fetchall() == [(tenant,)]


def test_a_reader_cannot_change_who_it_is(shared):
    with reader(shared, "alpha") as conn:
        conn.execute("SET app.tenant_id = 'beta'")
        assert conn.execute("SELECT tenant_id FROM master.things").fetchall() == [("alpha",)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SET ROLE tw_pipeline")


def test_a_reader_cannot_write(shared):
    with reader(shared, "alpha") as conn, pytest.raises(psycopg.Error):
        conn.execute("INSERT INTO master.things VALUES ('alpha', 2)")
    with reader(shared, "alpha") as conn, pytest.raises(psycopg.Error):
        conn.execute("SET default_transaction_read_only = off")
        conn.rollback()
        conn.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        conn.commit()
        conn.execute("INSERT INTO master.things VALUES ('alpha', 2)")


def test_the_engine_without_a_tenant_sees_nothing(shared):
    with psycopg.connect(shared.engine_dsn) as conn:
        assert conn.execute("SELECT count(*) FROM master.things").fetchone() == (0,)


def test_the_engine_cannot_write_for_another_tenant(warehouse):
    with pytest.raises(psycopg.errors.InsufficientPrivilege), warehouse.engine("alpha") as conn:
        conn.execute(
            "INSERT INTO ops.runs (tenant_id, run_id, verb, as_of, status) VALUES ('beta', 'r', 'v', '2026-01-01', 'running')"
        )


def test_a_pooled_connection_does_not_keep_a_tenant(shared):
    with psycopg.connect(shared.engine_dsn) as conn:
        with conn.transaction():
            conn.execute("SELECT set_config('app.tenant_id', 'alpha', true)")
            assert conn.execute("SELECT count(*) FROM master.things").fetchone() == (1,)
        assert conn.execute("SELECT count(*) FROM master.things").fetchone() == (0,)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE master.open_to_all (n int)",
        "CREATE MATERIALIZED VIEW master.frozen AS SELECT * FROM master.things",
    ],
)
def test_the_guard_refuses_what_it_cannot_protect(shared, statement):
    with pytest.raises(psycopg.errors.RaiseException, match="refused"), shared.pipeline() as conn:
        conn.execute(statement)


def test_a_lost_bypass_is_an_error_and_not_an_empty_table(shared):
    """The pipeline runs with row_security off: without its privilege it fails loudly."""
    with psycopg.connect(shared.engine_dsn) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("SET row_security = off")
        conn.execute("SELECT count(*) FROM master.things")


def test_an_older_attempt_cannot_commit(warehouse):
    older = acquire(warehouse, "alpha", "work")
    newer = acquire(warehouse, "alpha", "work")
    with pytest.raises(LeaseLost), warehouse.engine("alpha", older) as conn:
        conn.execute(
            "INSERT INTO ops.runs (tenant_id, run_id, verb, as_of, status) VALUES ('alpha','x','v','2026-01-01','running')"
        )
    with warehouse.engine("alpha", newer) as conn:
        assert conn.execute("SELECT count(*) FROM ops.runs").fetchone() == (0,)


def test_a_take_over_ends_an_attempt_that_holds_locks(warehouse):
    older = acquire(warehouse, "alpha", "stuck")
    with psycopg.connect(warehouse.engine_dsn, application_name=older.application_name) as conn:
        conn.execute("SELECT set_config('app.tenant_id', 'alpha', true)")
        older.check(conn)
        started = time.monotonic()
        newer = acquire(warehouse, "alpha", "stuck")
        assert time.monotonic() - started < 10
        assert newer.token == older.token + 1
        with pytest.raises(psycopg.OperationalError):
            conn.execute("SELECT 1")


def test_leases_of_other_scopes_and_tenants_stay(warehouse):
    mine = acquire(warehouse, "alpha", "a")
    acquire(warehouse, "alpha", "b")
    acquire(warehouse, "beta", "a")
    with warehouse.engine("alpha", mine) as conn:
        conn.execute("SELECT 1")


def test_eight_attempts_at_once_leave_one_owner(warehouse):
    leases, lock = [], threading.Lock()

    def take():
        try:
            lease = acquire(warehouse, "alpha", "race")
        except psycopg.OperationalError:
            return  # a newer attempt ended this one while it was taking the lease
        with lock:
            leases.append(lease)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({lease.token for lease in leases}) == len(leases) >= 1
    owners = 0
    for lease in leases:
        try:
            with warehouse.engine("alpha", lease) as conn:
                lease.check(conn)
                owners += 1
        except LeaseLost:
            continue
    assert owners == 1


def test_insert_new_is_idempotent(warehouse):
    rows = [("alpha", "k1", "s", "b"), ("alpha", "k2", "s", "b")]
    columns = ("tenant_id", "notification_key", "subject", "body")
    with warehouse.engine("alpha") as conn:
        assert insert_new(conn, "ops.notifications", columns, rows) == 2
        assert insert_new(conn, "ops.notifications", columns, [*rows, ("alpha", "k3", "s", "b")]) == 1


def test_a_person_is_told_once(warehouse):
    assert record(warehouse, key="k", subject="s", body="b") is True
    assert record(warehouse, key="k", subject="s", body="b") is False


def test_migrations_run_once_and_refuse_edited_files(warehouse, tmp_path, monkeypatch):
    assert migrations.migrate(warehouse) == []
    for file in migrations.MIGRATIONS.glob("*.sql"):
        (tmp_path / file.name).write_text(file.read_text())
    edited = tmp_path / "0005_publish.sql"
    edited.write_text(edited.read_text() + "\n-- edited\n")
    monkeypatch.setattr(migrations, "MIGRATIONS", tmp_path)
    with pytest.raises(TradewindError, match="new migration"):
        migrations.migrate(warehouse)
    edited.unlink()
    with pytest.raises(TradewindError, match="newer code"):
        migrations.migrate(warehouse)


def test_unknown_settings_and_tenants_are_refused(warehouse):
    with pytest.raises(TradewindError, match="keys among"):
        ensure_tenant(warehouse, "alpha", "Alpha", {"tolerance": 1})
    with pytest.raises(TradewindError, match="lower-case"):
        ensure_tenant(warehouse, "Alpha Foods", "Alpha")
    with warehouse.pipeline() as conn, pytest.raises(TradewindError, match="add it"):
        load_settings(conn, "nobody")


@pytest.mark.parametrize(
    "section",
    [
        {"reconcile": {"tolerance_rate": "0.02"}},
        {"reconcile": {"watch_accounts": "5510"}},
        {"forecast": {"iteration": 10}},
        {"publish": {"max_changed_share": 2}},
    ],
)
def test_a_section_that_its_room_would_refuse_is_refused_at_once(warehouse, section):
    with pytest.raises(TradewindError, match="setting"):
        ensure_tenant(warehouse, "alpha", "Alpha", section)


def test_sections_are_merged_key_by_key(warehouse):
    ensure_tenant(warehouse, "alpha", "Alpha", {"reconcile": {"tolerance": "0.03"}})
    ensure_tenant(warehouse, "alpha", "Alpha", {"reconcile": {"on_closed_period": "next_open"}})
    with warehouse.pipeline() as conn:
        assert load_settings(conn, "alpha").reconcile == {
            "tolerance": "0.03",
            "on_closed_period": "next_open",
        }


def test_settings_are_added_to_and_kept(warehouse):
    ensure_tenant(warehouse, "alpha", "Alpha", {"timezone": "America/Chicago"})
    with warehouse.pipeline() as conn:
        settings = load_settings(conn, "alpha")
    assert (settings.currency, settings.timezone) == ("USD", "America/Chicago")


def test_runs_and_steps_say_how_they_ended(warehouse):
    from datetime import date

    with (
        pytest.raises(ValueError, match="bad"),
        run(warehouse, tenant="alpha", run_id="r", verb="v", as_of=date(2026, 1, 1)),
    ):
        with step(warehouse, run_id="r", tenant="alpha", name="s") as entry:
            entry.row_count = 5
        with step(warehouse, run_id="r", tenant="alpha", name="t"):
            raise ValueError("bad input")
    with warehouse.engine("alpha") as conn:
        assert conn.execute("SELECT status, error FROM ops.runs").fetchone() == ("failed", "bad input")
        steps = conn.execute("SELECT step, status, row_count FROM ops.run_log ORDER BY step").fetchall()
    assert steps == [("s", "success", 5), ("t", "failed", None)]
