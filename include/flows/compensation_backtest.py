"""Compare the forecasts of finished years with what was paid: from 1, 3 and 6 months before each year's end.

A forecast that was stored for that day is taken; else it is made from the facts dated up to it. These simulations are
kept nowhere: they never become the current forecast of a day. An answer stays until what it depends on changes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import psycopg

from include.errors import TradewindError
from include.faultpoints import point
from include.flows.forecast_settings import load_config
from include.forecast import backtest
from include.forecast import horizon as horizons
from include.forecast.backtest import Payment
from include.forecast.compensation_rules import CompensationRules
from include.forecast.config import ForecastConfig, Scenario
from include.forecast.horizon import DAY, Horizon
from include.forecast.inputs import ENGINE_VERSION, SimulationInputs
from include.forecast.mart_rows import MartRows
from include.forecast.prepare import prepare
from include.settings import TenantSettings
from include.warehouse import compensation_backtests as records
from include.warehouse import forecast_marts, forecasts
from include.warehouse.compensation_backtests import Answer, Question
from include.warehouse.lease import Lease
from include.warehouse.session import Warehouse
from include.warehouse.tenants import load_settings

log = logging.getLogger("tradewind.compensation")

_BASE = Scenario("base")


def run_backtests(
    wh: Warehouse,
    tenant: str,
    *,
    as_of: date,
    run_id: str,
    settings: TenantSettings | None = None,
    lease: Lease | None = None,
) -> int:
    """Answer what is not answered yet for every fiscal year finished by `as_of` with payments; returns how many."""
    with wh.reading(tenant) as conn:
        settings = settings or load_settings(conn, tenant)
        payments = records.read_payments(conn)
        years = list(_years(conn, payments, as_of, settings))
    rules = CompensationRules.from_settings(settings.compensation)
    config = _config(settings, rules)
    made = 0
    for start, end in years:
        of_year = [p for p in payments if p.start < end and p.end >= start]
        with wh.reading(tenant) as conn:
            rows = forecast_marts.read_marts(conn, start=start, as_of=end - DAY)
        for lead in sorted(set(rules.backtest_leads)):
            day = backtest.months_before(end, lead)
            known = backtest.known_by(rows, start, end, day)
            with wh.engine(tenant, lease) as conn:
                stored = {
                    currency: records.stored_simulation(
                        conn, rules.accrual_scenario, currency, start, end, day
                    )
                    for currency in sorted({p.currency for p in of_year})
                }
                about = (config.as_mapping(), ENGINE_VERSION, settings.currency, stored)
                question = Question(
                    start=start,
                    end=end,
                    lead_months=lead,
                    as_of=day,
                    source_hash=backtest.digest(known, of_year, about),
                    seed=config.seed,
                    iterations=config.iterations,
                )
                if records.is_answered(conn, question):
                    continue
                frozen = _stored_inputs(conn, stored)
            answers = _answers(tenant, question, known, of_year, frozen, config, settings)
            point("compensation.backtest_computed")
            with wh.engine(tenant, lease) as conn:
                records.replace_answers(conn, tenant, question, answers, run_id)
            _tell(tenant, question, answers)
            made += 1
    return made


def _years(
    conn: psycopg.Connection, payments: Sequence[Payment], as_of: date, settings: TenantSettings
) -> Iterator[tuple[date, date]]:
    """Fiscal years from the first payment's on that have ended by `as_of`."""
    day = min((p.start for p in payments), default=as_of + DAY)
    last = max((p.end for p in payments), default=day)
    while day <= min(as_of, last):
        found = forecast_marts.fiscal_year_of(conn, settings.fiscal_calendar, day)
        start, end = found or horizons.fiscal_year(f"{day:%Y-%m}", settings.fiscal_year_start_month)
        if end <= as_of + DAY:
            yield start, end
        day = end


def _config(settings: TenantSettings, rules: CompensationRules) -> ForecastConfig:
    """The tenant's settings for one plain simulation of the base case, of the back-test's size."""
    config, _ = load_config(settings)
    size = rules.backtest_iterations
    return replace(config, iterations=size, block=size, sampling="plain", scenarios=(_BASE,))


def _stored_inputs(
    conn: psycopg.Connection, stored: dict[str, str | None]
) -> dict[str, forecasts.Simulation]:
    """The stored simulations whose inputs this version can still read."""
    found = {}
    for currency, simulation_id in stored.items():
        if simulation_id is not None:
            try:
                found[currency] = forecasts.load_simulation(conn, simulation_id)
            except TradewindError as error:
                log.info("%s is not compared, it is made again: %s", simulation_id, error)
    return found


def _answers(
    tenant: str,
    question: Question,
    known: MartRows,
    payments: Sequence[Payment],
    stored: dict[str, forecasts.Simulation],
    config: ForecastConfig,
    settings: TenantSettings,
) -> list[Answer]:
    currencies = sorted({p.currency for p in payments})
    paid = {c: backtest.paid_year(payments, question.start, question.end, c) for c in currencies}
    whole = [c for c in currencies if paid[c].is_whole]
    answers = [
        Answer(
            c,
            paid[c],
            not_compared=f"payments cover {paid[c].covered_days} of {paid[c].year_days} days of the year",
        )
        for c in currencies
        if c not in whole
    ]
    made: dict[str, SimulationInputs] = {}
    reason = "no rep is forecast in this currency"
    if set(whole) - set(stored):
        horizon = Horizon(f"{question.as_of:%Y-%m}", question.as_of, question.start, question.end)
        try:
            inputs = prepare(known, horizon, config, tenant=tenant, currency=settings.currency)
            made = {each.currency: each for each in inputs if each.scenario_id == _BASE.scenario_id}
        except TradewindError as error:
            reason = f"no forecast from the facts of {question.as_of}: {error.expected}, got {error.got}"
    for currency in whole:
        simulation = stored.get(currency)
        inputs = simulation.inputs if simulation else made.get(currency)
        if inputs is None:
            answers.append(Answer(currency, paid[currency], not_compared=reason))
            continue
        seed = simulation.seed if simulation else config.seed
        size = min(simulation.iterations, config.iterations) if simulation else config.iterations
        groups, reps = backtest.compare(inputs, paid[currency], seed=seed, iterations=size)
        answers.append(
            Answer(
                currency,
                paid[currency],
                groups,
                reps,
                seed=seed,
                iterations=size,
                basis="stored" if simulation else "recomputed",
                simulation_id=simulation.simulation_id if simulation else None,
                input_hash=inputs.input_hash,
                not_compared=None if groups else "nobody who was forecast was paid",
            )
        )
    return answers


def _tell(tenant: str, question: Question, answers: Sequence[Answer]) -> None:
    for answer in answers:
        total = next((group for group in answer.groups if group.kind == "total"), None)
        log.info(
            "%s · %s %s, %d months before: %s",
            tenant, question.end - DAY, answer.currency, question.lead_months,
            f"paid {total.paid}, percentile {total.percentile:.3f}" if total else answer.not_compared,
        )  # fmt: skip
