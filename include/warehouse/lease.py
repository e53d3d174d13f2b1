"""Leases with fencing tokens: one attempt at a time writes for a scope.

Airflow's retry is not a fence: a task believed dead can finish its work minutes later (measured), and a
frozen one can hold row locks. So each attempt takes the scope's next token, ends the database sessions of
older attempts, and every commit and every send checks that the token is still the highest. Recipe and
measurements: reliability T4.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import psycopg

from include.errors import LeaseLost
from include.warehouse.session import Warehouse

#: PostgreSQL cuts application_name at 63 bytes; a digest keeps scope and token readable by the take-over.
_PREFIX = "tw:"
_ANY_TOKEN = 2**62


@dataclass(frozen=True)
class Lease:
    """The right of one attempt to write for `scope` of `tenant`, until a newer attempt takes it over."""

    tenant: str
    scope: str
    token: int

    @property
    def application_name(self) -> str:
        """The name every session of this attempt carries; the take-over finds older ones by it."""
        return f"{_marker(self.tenant, self.scope)}#{self.token}"

    def check(self, conn: psycopg.Connection) -> None:
        """Raise LeaseLost when a newer attempt holds the scope.

        The row stays share-locked until the transaction ends, so a take-over waits for this commit or comes
        before it, never between check and commit.
        """
        row = conn.execute(
            "SELECT token FROM ops.lease WHERE tenant_id = %s AND scope = %s FOR SHARE",
            (self.tenant, self.scope),
        ).fetchone()
        if row is None or row[0] != self.token:
            raise LeaseLost(
                where=f"lease {self.scope} of {self.tenant}",
                expected=f"token {self.token} to be the newest",
                got=f"token {row[0] if row else 'none'}",
                remedy="nothing: a newer attempt is doing this work; this one has written nothing since",
            )


def acquire(wh: Warehouse, tenant: str, scope: str) -> Lease:
    """Take `scope` of `tenant` over from any older attempt and end that attempt's sessions.

    Sessions are ended before the token rises too: a frozen attempt may hold the lease's row lock.
    """
    _end_older_sessions(wh, tenant, scope, None)
    with wh.engine(tenant) as conn:
        conn.execute("SET LOCAL lock_timeout = '30s'")
        token = conn.execute(
            "INSERT INTO ops.lease (tenant_id, scope, token) VALUES (%s, %s, 1)"
            " ON CONFLICT (tenant_id, scope) DO UPDATE SET token = lease.token + 1, taken_at = now()"
            " RETURNING token",
            (tenant, scope),
        ).fetchone()[0]
    _end_older_sessions(wh, tenant, scope, token)
    return Lease(tenant, scope, token)


def _end_older_sessions(wh: Warehouse, tenant: str, scope: str, token: int | None) -> None:
    """End sessions of attempts older than `token` (None: of all). A role may only end its own sessions."""
    for dsn in (wh.engine_dsn, wh.pipeline_dsn):
        with psycopg.connect(dsn, autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
                "   AND CASE WHEN split_part(application_name, '#', 1) = %s"
                "            THEN split_part(application_name, '#', 2)::bigint < %s ELSE false END",
                (_marker(tenant, scope), token if token is not None else _ANY_TOKEN),
            )


def _marker(tenant: str, scope: str) -> str:
    return _PREFIX + hashlib.sha256(f"{tenant}:{scope}".encode()).hexdigest()[:32]
