"""Companies of the warehouse: `python -m include.warehouse.tenants ensure <tenant_id> [name] [settings JSON]`."""

from __future__ import annotations

import json
import sys

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from include.close.rules import CloseRules
from include.forecast.compensation_rules import CompensationRules
from include.forecast.config import ForecastConfig
from include.publish.limits import Limits
from include.reconcile.rules import Rules
from include.settings import TenantSettings, tenant_slug
from include.warehouse.session import Warehouse


def ensure_tenant(wh: Warehouse, tenant: str, name: str, settings: dict[str, object] | None = None) -> None:
    """Add `tenant` with its reader log-in, or bring its settings up to date; the same call again changes nothing.

    Given keys replace stored ones, inside the sections of the rooms too; others stay. The result is checked whole
    before it is stored: raises TradewindError for an unknown setting, a value out of bounds or a bad slug.
    """
    tenant_slug(tenant)
    reader = f"tw_reader_{tenant}"
    with wh.admin() as conn:
        conn.execute(
            "INSERT INTO tenancy.tenants (tenant_id, name) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (tenant, name),
        )
        stored = conn.execute(
            "SELECT settings FROM tenancy.tenants WHERE tenant_id = %s FOR UPDATE", (tenant,)
        ).fetchone()[0]
        merged = _merged(stored, settings or {})
        _check(merged)
        conn.execute(
            "UPDATE tenancy.tenants SET name = %s, settings = %s, is_active = true WHERE tenant_id = %s",
            (name, Jsonb(merged), tenant),
        )
        _ensure_reader(conn, reader)
        conn.execute(
            "INSERT INTO tenancy.reader_roles (tenant_id, role_name) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (tenant, reader),
        )


def active_tenants(conn: psycopg.Connection) -> list[str]:
    """Slugs of the active tenants, sorted. `conn` is a pipeline transaction."""
    rows = conn.execute("SELECT tenant_id FROM tenancy.tenants WHERE is_active ORDER BY tenant_id").fetchall()
    return [row[0] for row in rows]


def load_settings(conn: psycopg.Connection, tenant: str) -> TenantSettings:
    """The settings of `tenant`: stored values over the defaults.

    Raises TradewindError when the tenant does not exist.
    """
    row = conn.execute("SELECT settings FROM tenancy.tenants WHERE tenant_id = %s", (tenant,)).fetchone()
    if row is None:
        raise TenantSettings.unknown_tenant(tenant)
    return TenantSettings.from_mapping(row[0])


def _merged(stored: dict[str, object], given: dict[str, object]) -> dict[str, object]:
    sections = {
        key: {**stored[key], **value}
        for key, value in given.items()
        if isinstance(value, dict) and isinstance(stored.get(key), dict)
    }
    return {**stored, **given, **sections}


def _check(settings: dict[str, object]) -> None:
    """A setting that a room would refuse at night is refused now."""
    checked = TenantSettings.from_mapping(settings)
    Rules.from_settings(checked.reconcile)
    ForecastConfig.from_mapping(checked.forecast)
    Limits.from_settings(checked.publish)
    CloseRules.from_settings(checked.close)
    CompensationRules.from_settings(checked.compensation)


def _ensure_reader(conn: psycopg.Connection, role: str) -> None:
    # Roles belong to the cluster: another database's tenant of the same name may have made it.
    if conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE tw_reader").format(sql.Identifier(role)))
    conn.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(sql.Identifier(role)))


def main(arguments: list[str]) -> None:
    """`ensure <tenant_id> [name] [settings JSON]`"""
    if len(arguments) < 2 or arguments[0] != "ensure":
        sys.exit(__doc__)
    tenant = arguments[1]
    name = arguments[2] if len(arguments) > 2 else tenant
    settings = json.loads(arguments[3]) if len(arguments) > 3 else {}
    ensure_tenant(Warehouse.from_environment(), tenant, name, settings)
    sys.stdout.write(f"tenant {tenant}: ready\n")


if __name__ == "__main__":
    main(sys.argv[1:])
