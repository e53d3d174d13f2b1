"""What the tests of publishing share: an export over a small table, and the Airflow-opened clients."""

from __future__ import annotations

from datetime import date

from include.flows import publish as flow
from include.publish.exports import Export, Field
from include.settings import TenantSettings
from include.warehouse.session import Warehouse

AS_OF = date(2026, 10, 31)
PERIOD = "2026-10"
SETTINGS = TenantSettings(publish_mode="live")

FORECASTS = Export(
    name="test_forecasts",
    title="Forecasts of a test",
    side="forecast",
    destination="salesforce",
    object="Monte_Carlo_Forecast__c",
    shape="record",
    query="SELECT forecast_id, mean FROM planning.test_forecasts ORDER BY forecast_id",
    key=("Forecast_Id__c",),
    # The column is text, so that a test can send what Salesforce must refuse.
    fields=(
        Field("Forecast_Id__c", "forecast_id", required=True, length=255),
        Field("Mean__c", "mean", "money"),
    ),
)
TOTALS = Export(
    name="test_totals",
    title="Totals of a test",
    side="forecast",
    destination="snowflake",
    object="test_totals",
    shape="partition",
    query="SELECT scenario, total::numeric(19,4) FROM planning.test_totals ORDER BY scenario, total",
    fields=(Field("scenario", "scenario", required=True), Field("total", "total", "money", required=True)),
    partition=("scenario",),
    checksum="total",
)
WORKBOOK = Export(
    name="test_workbook",
    title="A file of a test",
    side="forecast",
    destination="sharepoint",
    object="test_workbook",
    shape="file",
    options={"file": "book.xlsx", "path": "Tests/Output/Book_{period}.xlsx"},
)


def prepare(wh: Warehouse, tenant: str = "alpha") -> None:
    """Tables the test exports read, and a successful forecast so that the results are fresh."""
    with wh.pipeline() as conn:
        conn.execute("CREATE TABLE planning.test_forecasts (tenant_id text, forecast_id text, mean text)")
        conn.execute("CREATE TABLE planning.test_totals (tenant_id text, scenario text, total numeric)")
    succeed(wh, tenant)


def succeed(wh: Warehouse, tenant: str, as_of: date = AS_OF, status: str = "success") -> None:
    """Record a forecast run."""
    with wh.engine(tenant) as conn:
        conn.execute(
            "INSERT INTO ops.runs (tenant_id, run_id, verb, as_of, period, status) VALUES (%s, 'made', 'forecast',"
            " %s, %s, %s) ON CONFLICT (tenant_id, verb, run_id) DO UPDATE SET as_of = EXCLUDED.as_of,"
            " status = EXCLUDED.status",
            (tenant, as_of, PERIOD, status),
        )


def forecasts(wh: Warehouse, tenant: str, means: dict[str, str]) -> None:
    """Make these the rows of the forecast export."""
    with wh.pipeline() as conn:
        conn.execute("DELETE FROM planning.test_forecasts WHERE tenant_id = %s", (tenant,))
        with conn.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO planning.test_forecasts VALUES (%s, %s, %s)",
                [(tenant, key, mean) for key, mean in means.items()],
            )


def run(wh: Warehouse, export: Export, run_id: str, *, tenant: str = "alpha", dry_run: bool = False, **more):
    """Publish through the client that Airflow's hook opens."""
    from tradewind.connections import client

    request = flow.Request(
        tenant=tenant, export=export, as_of=AS_OF, period=PERIOD, run_id=run_id, dry_run=dry_run, **more
    )
    return flow.publish(wh, request, lambda: client(export.destination, tenant), SETTINGS)


def ledger(wh: Warehouse, export: Export, tenant: str = "alpha") -> list[tuple]:
    """Key, generation and status of everything in the outbox of an export."""
    with wh.engine(tenant) as conn:
        return conn.execute(
            "SELECT business_key, generation, status FROM publish.ledger WHERE object = %s ORDER BY 1, 2",
            (export.object,),
        ).fetchall()
