"""The one file Airflow loads from this folder: the dbt docs and the decisions behind its log-in, and our timetable."""

from airflow.plugins_manager import AirflowPlugin

from tradewind.api.decisions import app as decisions_app
from tradewind.api.docs import app as docs_app
from tradewind.timetables import NextCronPartition


class TradewindPlugin(AirflowPlugin):
    """Registers Tradewind's pages with the Airflow UI."""

    name = "tradewind"
    timetables = [NextCronPartition]  # noqa: RUF012
    # The longer prefix first: the first mount that fits answers.
    fastapi_apps = [  # noqa: RUF012
        {"app": decisions_app, "url_prefix": "/tradewind/api", "name": "Tradewind decisions"},
        {"app": docs_app, "url_prefix": "/tradewind", "name": "Tradewind docs"},
    ]
    external_views = [  # noqa: RUF012
        {
            "name": "Data dictionary (dbt docs)",
            "href": "/tradewind/docs",
            "destination": "nav",
            "category": "browse",
            "url_route": "tradewind_docs",
        }
    ]
