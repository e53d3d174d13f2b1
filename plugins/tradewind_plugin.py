"""The one file Airflow loads from this folder: the dbt docs in its UI, behind its log-in, and our timetable."""

from airflow.plugins_manager import AirflowPlugin

from tradewind.api.docs import app as docs_app
from tradewind.timetables import NextCronPartition


class TradewindPlugin(AirflowPlugin):
    """Registers Tradewind's pages with the Airflow UI."""

    name = "tradewind"
    timetables = [NextCronPartition]  # noqa: RUF012
    fastapi_apps = [{"app": docs_app, "url_prefix": "/tradewind", "name": "Tradewind docs"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "Data dictionary (dbt docs)",
            "href": "/tradewind/docs",
            "destination": "nav",
            "category": "browse",
            "url_route": "tradewind_docs",
        }
    ]
