"""Failures reach a person: one row per task of a run in ops.notifications, and mail where SMTP is configured.

Airflow may call a failure callback twice for one failure; the row's key makes the second call nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow.sdk import BaseHook
from airflow.sdk.bases.notifier import BaseNotifier

from include.warehouse.notifications import record
from tradewind.connections import warehouse


class TellSomebody(BaseNotifier):
    """Records what failed and why, and mails it through the connection smtp_default when there is one."""

    def notify(self, context: Mapping) -> None:
        """Called by Airflow with the context of the failed task or DAG run."""
        instance = context.get("task_instance") or context.get("ti")
        dag_run = context["dag_run"]
        task = instance.task_id if instance else "-"
        reason = str(context.get("exception") or context.get("reason") or "failed")
        is_new = record(
            warehouse(),
            key=f"{dag_run.dag_id}|{dag_run.run_id}|{task}",
            subject=f"{dag_run.dag_id}.{task} failed in {dag_run.run_id}",
            body=reason[:4000],
        )
        if is_new:
            _mail(f"{dag_run.dag_id}.{task} failed", reason[:4000])


def late(context: Mapping | None = None, **kwargs: object) -> None:
    """Deadline callback: records that a run is not finished when it should be."""
    run = ((context or {}).get("dag_run") or {}) if isinstance(context, dict) else {}
    dag_id, run_id = (
        (run.get("dag_id"), run.get("dag_run_id")) if isinstance(run, dict) else (run.dag_id, run.run_id)
    )
    record(
        warehouse(),
        key=f"{dag_id}|{run_id}|deadline",
        subject=f"{dag_id} is late: {run_id}",
        body="The run has passed its deadline. Look at its running or queued tasks in the Airflow UI.",
    )


def _mail(subject: str, body: str) -> None:
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection = BaseHook.get_connection("smtp_default")
    except AirflowNotFoundException:
        return
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    with SmtpHook(smtp_conn_id="smtp_default") as smtp:
        smtp.send_email_smtp(
            to=connection.extra_dejson["to"],
            subject=f"[tradewind] {subject}",
            html_content=f"<pre>{body}</pre>",
        )
