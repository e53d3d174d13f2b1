"""The dbt docs behind Airflow's log-in."""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI
from fastapi.responses import FileResponse, PlainTextResponse

from include import settings

app = FastAPI(
    title="Tradewind docs",
    dependencies=[Depends(requires_access_view(AccessView.WEBSITE))],
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
)


@app.get("/docs")
def dbt_docs():
    """The generated dbt docs page, or how to make it when it is not there yet."""
    page = settings.state() / "dbt" / "docs" / "index.html"
    if not page.is_file():
        return PlainTextResponse("The dbt docs are not built yet: run `make docs`.", status_code=404)
    return FileResponse(page, media_type="text/html")
