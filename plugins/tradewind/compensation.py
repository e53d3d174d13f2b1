"""The books of compensation beside the forecast: accrue the period."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from airflow.sdk import get_current_context, task

from tradewind.connections import warehouse

log = logging.getLogger("tradewind")


def books(simulated):
    """The tasks that book what was simulated; reports come after them."""
    return accrue(simulated)


@task
def accrue(simulated: Sequence[Mapping[str, object]]) -> None:
    """Book the period's accrual of every tenant from its completed simulations."""
    from include.flows.compensation_accrual import book_accruals

    run_id = get_current_context()["run_id"]
    for work in simulated:
        tenant = str(work["tenant"])
        added = book_accruals(warehouse(), tenant, list(work["simulations"]), run_id=run_id)
        log.info("%s: %d accruals booked", tenant, added)
