"""Transactions in the right role.

Three log-ins, one purpose each: `admin` migrates and adds tenants, `pipeline` loads and runs dbt over all
tenants (BYPASSRLS with row_security off), `engine` works for one tenant under row security. Every context
manager here is exactly one transaction: it commits when the block ends and rolls back when it raises, so
that a killed process leaves nothing half done.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from include.errors import MissingInput

if TYPE_CHECKING:
    from include.warehouse.lease import Lease


@dataclass(frozen=True)
class Warehouse:
    """The warehouse as seen by one process; `admin_dsn` may be empty where nothing is migrated."""

    pipeline_dsn: str
    engine_dsn: str
    admin_dsn: str = ""

    @classmethod
    def from_environment(cls) -> Warehouse:
        """The warehouse named by TRADEWIND_DSN_PIPELINE, _ENGINE and (optional) _ADMIN.

        Raises MissingInput naming the variable that is not set.
        """
        for name in ("TRADEWIND_DSN_PIPELINE", "TRADEWIND_DSN_ENGINE"):
            if not os.environ.get(name):
                raise MissingInput(
                    where="environment",
                    expected=f"{name} set to a PostgreSQL connection string",
                    got="nothing",
                    remedy='run `eval "$(python -m include.local env)"`, or set it as your deployment does',
                )
        return cls(
            pipeline_dsn=os.environ["TRADEWIND_DSN_PIPELINE"],
            engine_dsn=os.environ["TRADEWIND_DSN_ENGINE"],
            admin_dsn=os.environ.get("TRADEWIND_DSN_ADMIN", ""),
        )

    @contextmanager
    def pipeline(self, lease: Lease | None = None) -> Iterator[psycopg.Connection]:
        """One transaction as tw_pipeline, over all tenants. With a lease, its token is checked before commit."""
        with _transaction(self.pipeline_dsn, lease) as conn:
            yield conn

    @contextmanager
    def engine(self, tenant: str, lease: Lease | None = None) -> Iterator[psycopg.Connection]:
        """One transaction as tw_engine that sees and writes rows of `tenant` only."""
        with _transaction(self.engine_dsn, lease) as conn:
            conn.execute("SELECT set_config('app.tenant_id', %s, true)", (tenant,))
            yield conn

    @contextmanager
    def reading(self, tenant: str) -> Iterator[psycopg.Connection]:
        """One read-only transaction of `tenant` as tw_engine that sees a single moment, however long it lasts."""
        with _transaction(self.engine_dsn, None, psycopg.IsolationLevel.REPEATABLE_READ) as conn:
            conn.execute("SELECT set_config('app.tenant_id', %s, true)", (tenant,))
            yield conn

    @contextmanager
    def admin(self) -> Iterator[psycopg.Connection]:
        """One transaction as the administrator: migrations and tenants only."""
        with _transaction(self.admin_dsn, None) as conn:
            yield conn


@contextmanager
def _transaction(
    dsn: str, lease: Lease | None, reads_at: psycopg.IsolationLevel | None = None
) -> Iterator[psycopg.Connection]:
    name = lease.application_name if lease else "tradewind"
    with psycopg.connect(dsn, application_name=name) as conn:
        conn.isolation_level = reads_at
        conn.read_only = reads_at is not None or None
        yield conn
        if lease is not None:
            lease.check(conn)
