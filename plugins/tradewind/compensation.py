"""What stands between a simulation and its reports: accrue, back-test, say what moves the total."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from airflow.sdk import get_current_context, task

from include import fiscal
from tradewind.connections import warehouse

log = logging.getLogger("tradewind")


def concluded(simulated):
    """The tasks that conclude from what was simulated; reports come after them."""
    return [accrue(simulated), explain(simulated), backtest(simulated)]


@task
def accrue(simulated: Sequence[Mapping[str, object]]) -> None:
    """Book the period's accrual of every tenant from its completed simulations."""
    from include.flows.compensation_accrual import book_accruals

    run_id = get_current_context()["run_id"]
    for work in simulated:
        tenant = str(work["tenant"])
        added = book_accruals(warehouse(), tenant, list(work["simulations"]), run_id=run_id)
        log.info("%s: %d accruals booked", tenant, added)


@task
def explain(simulated: Sequence[Mapping[str, object]]) -> None:
    """Store what moves each simulation's total, and the settings at which it meets its budget."""
    from include.flows import levers

    for work in simulated:
        for simulation_id in work["simulations"]:
            levers.explain(warehouse(), str(work["tenant"]), simulation_id)


@task
def backtest(simulated: Sequence[Mapping[str, object]]) -> None:
    """Compare past forecasts of every tenant with what was paid, where that is not done yet."""
    from include.flows.compensation_backtest import run_backtests

    run_id = get_current_context()["run_id"]
    for work in simulated:
        tenant, as_of = str(work["tenant"]), fiscal.day(str(work["as_of"]))
        made = run_backtests(warehouse(), tenant, as_of=as_of, run_id=run_id)
        log.info("%s: %d back-tests made", tenant, made)
