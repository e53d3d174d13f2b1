"""What stands between a simulation and its reports: accrue, back-test, say what moves the total. One task per tenant."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from airflow.sdk import get_current_context, task

from include import fiscal
from tradewind.connections import warehouse
from tradewind.defaults import leaf

log = logging.getLogger("tradewind")
Work = Mapping[str, object]
_TENANT = "{{ task.op_kwargs['work']['tenant'] }}"


def concluded(simulated):
    """The tasks that conclude from what was simulated; each gives the tenants it succeeded for."""
    steps = [step.expand(work=simulated) for step in (accrue, explain, backtest)]
    steps >> leaf("all_concluded")
    return steps


def of_every_step(simulated: Iterable[Work] | None, steps: Sequence[Iterable[str]]) -> list[Work]:
    """The work of the tenants for whom every step succeeded; none where nothing was summarised."""
    tenants = [set(step) for step in steps]
    return [work for work in simulated or () if all(work["tenant"] in found for found in tenants)]


@task(map_index_template=_TENANT)
def accrue(work: Work) -> str:
    """Book the period's accrual of a tenant from its completed simulations."""
    from include.flows.compensation_accrual import book_accruals

    tenant, run_id = str(work["tenant"]), get_current_context()["run_id"]
    added = book_accruals(warehouse(), tenant, list(work["simulations"]), run_id=run_id)
    log.info("%s: %d accruals booked", tenant, added)
    return tenant


@task(map_index_template=_TENANT)
def explain(work: Work) -> str:
    """Store what moves each simulation's total, and the settings at which it meets its budget."""
    from include.flows import levers

    for simulation_id in work["simulations"]:
        levers.explain(warehouse(), str(work["tenant"]), simulation_id)
    return str(work["tenant"])


@task(map_index_template=_TENANT)
def backtest(work: Work) -> str:
    """Compare past forecasts of a tenant with what was paid, where that is not done yet."""
    from include.flows.compensation_backtest import run_backtests

    tenant, as_of = str(work["tenant"]), fiscal.day(str(work["as_of"]))
    made = run_backtests(warehouse(), tenant, as_of=as_of, run_id=get_current_context()["run_id"])
    log.info("%s: %d back-tests made", tenant, made)
    return tenant
