"""Brings the warehouse's schema forward: `python -m include.warehouse.migrate`.

Migrations are the numbered SQL files beside this module. Each runs once, in one transaction, as tw_owner
(the first line `-- run as superuser` says otherwise), and is recorded with its sha256. A file that changed
after it was applied is refused: corrections are new files.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from include.errors import TradewindError
from include.warehouse.session import Warehouse

MIGRATIONS = Path(__file__).with_name("migrations")
_AS_SUPERUSER = "-- run as superuser"


def migrate(wh: Warehouse) -> list[str]:
    """Apply what is not applied yet, creating the database when it is missing; returns the names applied.

    Safe to run twice at once: the second waits. Raises TradewindError when an applied file was edited or
    the warehouse is newer than this code.
    """
    _create_database(wh.admin_dsn)
    applied = []
    with psycopg.connect(wh.admin_dsn) as conn:
        conn.execute("SELECT pg_advisory_lock(hashtextextended('tradewind.migrate', 0))")
        conn.commit()
        done = _recorded(conn)
        _refuse_unknown(done)
        for path in sorted(MIGRATIONS.glob("*.sql")):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if path.stem in done:
                _refuse_edited(path, digest, done[path.stem])
                continue
            _apply(conn, path, digest)
            applied.append(path.stem)
    return applied


def pending(wh: Warehouse) -> list[str]:
    """Names of migrations that are not applied yet."""
    with psycopg.connect(wh.admin_dsn) as conn:
        done = _recorded(conn)
    return [path.stem for path in sorted(MIGRATIONS.glob("*.sql")) if path.stem not in done]


def _create_database(dsn: str) -> None:
    parts = conninfo_to_dict(dsn)
    with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as conn:
        exists = conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (parts["dbname"],)).fetchone()
        if not exists:
            conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(parts["dbname"])))


def _recorded(conn: psycopg.Connection) -> dict[str, str]:
    with conn.transaction():
        if conn.execute("SELECT to_regclass('ops.schema_migrations')").fetchone()[0] is None:
            return {}
        return dict(conn.execute("SELECT name, sha256 FROM ops.schema_migrations").fetchall())


def _apply(conn: psycopg.Connection, path: Path, digest: str) -> None:
    text = path.read_text()
    with conn.transaction():
        if not text.startswith(_AS_SUPERUSER):
            conn.execute("SET LOCAL ROLE tw_owner")
        conn.execute(text)
        conn.execute("SET LOCAL ROLE tw_owner")
        conn.execute(
            "CREATE TABLE IF NOT EXISTS ops.schema_migrations (tenant_id text NOT NULL DEFAULT 'system',"
            " name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(),"
            " PRIMARY KEY (tenant_id, name))"
        )
        conn.execute(
            "INSERT INTO ops.schema_migrations (tenant_id, name, sha256) VALUES ('system', %s, %s)",
            (path.stem, digest),
        )


def _refuse_edited(path: Path, digest: str, recorded: str) -> None:
    if digest != recorded:
        raise TradewindError(
            where=f"migration {path.name}",
            expected=f"the file that was applied (sha256 {recorded[:12]}…)",
            got=f"an edited file (sha256 {digest[:12]}…)",
            remedy="put the file back and write the change as a new migration",
        )


def _refuse_unknown(done: dict[str, str]) -> None:
    unknown = sorted(set(done) - {path.stem for path in MIGRATIONS.glob("*.sql")})
    if unknown:
        raise TradewindError(
            where="warehouse migrations",
            expected="no migration this code does not know",
            got=", ".join(unknown),
            remedy="use the newer code that made them, or restore the backup taken before the upgrade",
        )


def main() -> None:
    """Migrate the warehouse of the environment and say what was done."""
    from include.extract.landing import ensure_all

    wh = Warehouse.from_environment()
    applied = migrate(wh)
    with wh.pipeline() as conn:
        ensure_all(conn)
    sys.stdout.write(f"warehouse: {', '.join(applied) if applied else 'already at the newest migration'}\n")


if __name__ == "__main__":
    main()
