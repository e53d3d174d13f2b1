"""Each DAG policy refuses a DAG that breaks it."""

from datetime import datetime, timedelta, timezone

import pytest
from airflow.sdk import DAG, BaseOperator

from tests.dags import policies


class DbtSelection(BaseOperator):
    """Stands in for the operator of that name: the policy asks for the name."""


def bad_dag():
    dag = DAG(
        "bad",
        schedule=None,
        start_date=datetime(2025, 1, 1, tzinfo=timezone.utc),  # noqa: UP017
        catchup=True,
        max_active_runs=3,
        doc_md="Does something.",
        params={"tenant": "x"},
    )
    with dag:
        DbtSelection(
            task_id="build",
            retries=0,
            trigger_rule="all_done_min_one_success",
            execution_timeout=timedelta(days=1),
        )
    return dag


@pytest.mark.parametrize("policy", policies.POLICIES, ids=lambda policy: policy.__name__)
def test_policy_bites(policy):
    assert policy(bad_dag())
