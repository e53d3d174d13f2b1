"""One company through the flows in this process: load its files, build the marts, reconcile or forecast.

What Airflow's tasks wrap is called here directly, so that a failure points at the flow and not at a scheduler.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from include.warehouse.session import Warehouse

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"


@contextmanager
def database(warehouse: Warehouse):
    """Point dbt's profile at the database of `warehouse` while the block runs."""
    place = conninfo_to_dict(warehouse.pipeline_dsn)
    ours = {
        "TRADEWIND_PGHOST": place["host"],
        "TRADEWIND_PGPORT": str(place["port"]),
        "TRADEWIND_PGDATABASE": place["dbname"],
        "TRADEWIND_PGUSER": place["user"],
    }
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def build_marts(warehouse: Warehouse, target: Path) -> None:
    """`dbt build` of the whole project with its tests; raises AssertionError naming the nodes that failed."""
    _dbt(warehouse, target, "build")


def ask_the_laws(warehouse: Warehouse, target: Path) -> None:
    """The laws over what the engines have booked, as the reconcile DAG asks them; raises as `build_marts` does."""
    _dbt(warehouse, target, "build", "--select", "tag:after_reconcile+", "--exclude", "tag:gate")
    _dbt(warehouse, target, "test", "--select", "tag:law")


def _dbt(warehouse: Warehouse, target: Path, *command: str) -> None:
    from dbt.cli.main import dbtRunner

    project = str(PROJECT)
    place = ["--project-dir", project, "--profiles-dir", project, "--target-path", str(target)]
    with database(warehouse):
        result = dbtRunner().invoke([*command, *place, "--log-path", str(target / "logs"), "--quiet"])
    failed = [
        f"{node.node.unique_id}: {node.message}"
        for node in getattr(result.result, "results", None) or ()
        if str(node.status) in ("error", "fail", "runtime error")
    ]
    assert result.success, "\n".join(failed) or str(result.exception)


def query(warehouse: Warehouse, tenant: str, statement: str, *values: object) -> list[tuple]:
    """Rows of a statement as the tenant's engine sees them, under row security."""
    with warehouse.engine(tenant) as conn:
        return conn.execute(statement, values).fetchall()
