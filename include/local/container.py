"""What the containers of docker-compose.yaml need once: `python -m include.local.container init|exports`.

`init` migrates the warehouse, gives its log-in roles the password of TRADEWIND_DB_PASSWORD, writes the UI's
password file from TRADEWIND_UI_PASSWORD, and adds the sandbox companies with their files. `exports` prints, for
the container that runs tasks beside the sandbox, the connections and the proxy that lead there.
"""

from __future__ import annotations

import json
import os
import shlex
import sys

import psycopg
from psycopg import sql

from include import settings
from include.errors import MissingInput
from include.local import company, environment
from include.sandbox import world
from include.sandbox.connections import connections
from include.sandbox.connections import environment as route_to_sandbox
from include.warehouse import migrate
from include.warehouse.session import Warehouse
from include.warehouse.tenants import ensure_tenant

LOGINS = ("tw_pipeline", "tw_engine")


def set_passwords(admin_dsn: str, password: str) -> None:
    """Give the warehouse's log-in roles their password; `admin_dsn` is a superuser's."""
    with psycopg.connect(admin_dsn) as conn:
        for role in LOGINS:
            conn.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
            )


def init() -> None:
    """Bring database, password file and companies to where the other containers can start."""
    migrate.main()
    wh = Warehouse.from_environment()
    set_passwords(wh.admin_dsn, _required("TRADEWIND_DB_PASSWORD"))
    environment.private_file(
        settings.state() / "passwords.json", json.dumps({"admin": _required("TRADEWIND_UI_PASSWORD")})
    )
    for each in company.DEMO:
        ensure_tenant(wh, each.tenant, each.name, each.settings)
    world.write_companies(settings.state() / "inbox", settings.state())


def exports() -> list[str]:
    """Shell lines that lead vendors' host names to the sandbox."""
    vendors = {name: value for name, value in connections().items() if not name.endswith("_DEFAULT")}
    return [f"export {name}={shlex.quote(value)}" for name, value in (vendors | route_to_sandbox()).items()]


def _required(name: str) -> str:
    if not os.environ.get(name):
        raise MissingInput(where="environment", expected=f"{name}", got="nothing", remedy=f"set {name}")
    return os.environ[name]


def main(arguments: list[str]) -> int:
    """Run one of the two commands."""
    if arguments == ["init"]:
        init()
    elif arguments == ["exports"]:
        print("\n".join(exports()))
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
