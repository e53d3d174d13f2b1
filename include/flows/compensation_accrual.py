"""Book what compensation a fiscal period has earned, from the completed simulation of the tenant's base scenario.

A period that is accrued again after facts changed gets a new generation, and the periods after it are booked again
from their own estimates, so that the months of a year always add up to what is accrued. A closed period is never
changed: what a later run finds different is in the first open period's true-up.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import psycopg

from include import fiscal
from include.faultpoints import point
from include.forecast.accrual import NOT_SIMULATED, Estimate, accrue, estimates_of
from include.forecast.accrual_periods import booking_period, periods_covering
from include.forecast.compensation_rules import CompensationRules
from include.forecast.horizon import DAY
from include.settings import TenantSettings
from include.warehouse import compensation_accruals as records
from include.warehouse import forecasts
from include.warehouse.closes import read_periods
from include.warehouse.compensation_accruals import Booking, Year
from include.warehouse.forecast_marts import has_relation
from include.warehouse.forecasts import Simulation
from include.warehouse.lease import Lease
from include.warehouse.session import Warehouse
from include.warehouse.tenants import load_settings

log = logging.getLogger("tradewind.compensation")


def book_accruals(
    wh: Warehouse,
    tenant: str,
    simulation_ids: Sequence[str],
    *,
    run_id: str,
    settings: TenantSettings | None = None,
    lease: Lease | None = None,
) -> int:
    """Accrue the fiscal period of every simulation of the base scenario; returns how many bookings were new.

    The same simulations again book nothing. Simulations that are not completed, or of other scenarios, are passed over.
    """
    added = 0
    with wh.engine(tenant, lease) as conn:
        settings = settings or load_settings(conn, tenant)
        rules = CompensationRules.from_settings(settings.compensation)
        records.lock(conn, tenant)
        scenarios = set()
        for simulation_id in simulation_ids:
            simulation = forecasts.load_simulation(conn, simulation_id)
            scenarios.add(simulation.scenario_id)
            if simulation.scenario_id == rules.accrual_scenario and simulation.status == "completed":
                added += _book(conn, tenant, simulation, rules, settings, run_id)
        if rules.accrual_scenario not in scenarios:
            log.warning("%s: nothing is accrued, no scenario is called %s", tenant, rules.accrual_scenario)
        point("compensation.accruals_written")
    return added


def _book(
    conn: psycopg.Connection,
    tenant: str,
    simulation: Simulation,
    rules: CompensationRules,
    settings: TenantSettings,
    run_id: str,
) -> int:
    inputs = simulation.inputs
    year = Year(
        date.fromisoformat(inputs.horizon_start), date.fromisoformat(inputs.horizon_end), simulation.currency
    )
    chain = records.read_chain(conn, year)
    as_of = date.fromisoformat(inputs.as_of)
    closed = records.closed_through(conn, settings.fiscal_calendar)
    period = _period(conn, year, fiscal.last_day(inputs.period), as_of, closed, settings)
    if period is None:
        log.info("%s · %s: no open period to accrue in", tenant, simulation.simulation_id)
        return 0
    through = min(as_of, period.end_date)
    booking = Booking(
        year=year,
        period=period,
        generation=1,
        previous=None,
        simulation_id=simulation.simulation_id,
        as_of=as_of,
        credited_through=through,
        expense_account=rules.expense_account,
        liability_account=rules.liability_account,
        rows=(),
    )
    present = next((b for b in chain if b.period.end_date == period.end_date), None)
    if present is not None and _is_same(present, booking):
        return 0
    estimates = estimates_of(
        inputs,
        records.mean_payouts(conn, simulation.simulation_id),
        start=min(period.start_date, year.end),
        through=through,
    )
    earlier = [b for b in chain if b.period.end_date < period.end_date]
    last = earlier[-1] if earlier else None
    last = _append(conn, tenant, booking, present, estimates, last, run_id)
    added = 1
    for later in (b for b in chain if b.period.end_date > period.end_date):
        last = _append(conn, tenant, later, later, _estimates(later), last, run_id)
        added += 1
    return added


def _period(conn, year: Year, about: date, as_of: date, closed: date | None, settings: TenantSettings):
    delivered = read_periods(conn) if has_relation(conn, "master.fiscal_periods") else []
    calendar, first_month = settings.fiscal_calendar, settings.fiscal_year_start_month
    own = periods_covering(delivered, calendar, year.start, year.end - DAY, first_month)
    later = periods_covering(delivered, calendar, year.end, max(as_of, year.end), first_month)
    return booking_period(own, later, about=about, as_of=as_of, closed_through=closed)


def _is_same(present: Booking, wanted: Booking) -> bool:
    names = ("simulation_id", "credited_through", "expense_account", "liability_account")
    return all(getattr(present, name) == getattr(wanted, name) for name in names)


def _append(
    conn: psycopg.Connection,
    tenant: str,
    booking: Booking,
    replaced: Booking | None,
    estimates: Sequence[Estimate],
    before: Booking | None,
    run_id: str,
) -> Booking:
    new = replace(
        booking,
        generation=replaced.generation + 1 if replaced else 1,
        previous=before.accrual_id(tenant) if before else None,
        rows=tuple(accrue(estimates, before.by_key if before else {})),
    )
    records.append(conn, tenant, new, run_id)
    log.info(
        "%s · %s %s: %s accrued to date, generation %d",
        tenant, new.period.name, new.year.currency, sum(row.cumulative for row in new.rows), new.generation,
    )  # fmt: skip
    return new


def _estimates(booking: Booking) -> list[Estimate]:
    return [row.estimate for row in booking.rows if row.estimate.method != NOT_SIMULATED]
