"""Starts a run of another DAG whose id and conf come from data."""

from __future__ import annotations

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator


class StartRun(TriggerDagRunOperator):
    """Airflow's TriggerDagRunOperator without templates, once per run id: a run that exists is skipped.

    Keys of deals and reps are text of other systems: as a template, one with braces would be executed.
    """

    template_fields = ()

    def __init__(self, **kwargs: object):
        super().__init__(logical_date=None, skip_when_already_exists=True, **kwargs)
