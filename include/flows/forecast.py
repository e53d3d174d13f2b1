"""Forecast compensation for one tenant: freeze the inputs, simulate blocks, summarise, explain, write the reports.

Each step may be killed and run again: a simulation's id is made from its inputs, a block is stored whole or
not at all, and the statistics are written in one transaction from the stored blocks. Blocks may be computed
by any executor in any order; they meet in the warehouse.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from include import fiscal
from include.errors import TradewindError
from include.faultpoints import point
from include.flows import forecast_blocks, forecast_events, levers
from include.flows.compensation_accrual import book_accruals
from include.flows.compensation_backtest import run_backtests
from include.flows.forecast_reports import write_reports
from include.flows.forecast_settings import CONFIG, load_config
from include.forecast import horizon as horizons
from include.forecast.config import ForecastConfig
from include.forecast.convergence import convergence
from include.forecast.engine import GROUP_KINDS, block_plan, check_size, simulate_block
from include.forecast.groups import group_statistics, rep_statistics
from include.forecast.inputs import SimulationInputs
from include.forecast.new_quotas import lay_over
from include.forecast.prepare import prepare
from include.forecast.summary import summarise as statistics_of
from include.machines.pool import processes
from include.runlog import step
from include.settings import TenantSettings
from include.warehouse import commission_draws, forecast_marts, forecasts, pipeline_marts, win_rates
from include.warehouse.convergence import add_convergence
from include.warehouse.forecasts import Simulation
from include.warehouse.lease import Lease
from include.warehouse.session import Warehouse
from include.warehouse.tenants import load_settings

log = logging.getLogger("tradewind.forecast")


@dataclass(frozen=True)
class Work:
    """One block of one simulation: what a mapped task does."""

    simulation_id: str
    block_no: int


def freeze_inputs(
    wh: Warehouse,
    tenant: str,
    *,
    period: str,
    as_of: date,
    run_id: str,
    settings: TenantSettings | None = None,
    trigger: str | None = None,
    new_quotas: Sequence[Mapping[str, object]] = (),
    lease: Lease | None = None,
    config_path: Path = CONFIG,
) -> list[str]:
    """Read the marts, freeze and hash the inputs; returns ids, one simulation per scenario and currency.

    The fiscal year forecast is the one `period` (YYYY-MM) lies in: the loaded fiscal calendar's, else by the
    tenant's first month. Facts after `as_of` are not used. One run_log row per source. `new_quotas` are typed rows of
    the contract `quotas` that stand over the loaded ones in this run. Raises MissingInput naming an absent input,
    TradewindError for settings out of bounds and sizes that would not fit.
    """
    with wh.engine(tenant) as conn:
        settings = settings or load_settings(conn, tenant)
        year = forecast_marts.fiscal_year_of(conn, settings.fiscal_calendar, fiscal.last_day(period))
        start, end = year or horizons.fiscal_year(period, settings.fiscal_year_start_month)
        ends = forecast_marts.period_ends_of(conn, settings.fiscal_calendar, start, end) if year else ()
        rows = forecast_marts.read_marts(conn, start=start, as_of=as_of)
        config, config_hash = load_config(settings, config_path)
        if config.has_pipeline:
            rows = pipeline_marts.with_deals(conn, rows, as_of=as_of, timezone=settings.timezone)
    for source in sorted(rows.source_rows):
        with step(wh, run_id=run_id, tenant=tenant, name=f"forecast.freeze.{source}") as entry:
            entry.row_count = rows.source_rows[source]
    point("forecast.inputs_read")
    rows, notes = lay_over(rows, new_quotas, settings.currency)
    horizon = horizons.Horizon(period, as_of, start, end, ends)
    simulations = [
        replace(inputs, notes=inputs.notes + notes)
        for inputs in prepare(rows, horizon, config, tenant=tenant, currency=settings.currency)
    ]
    _refuse_too_large(simulations, config)
    plan = block_plan(config.iterations, config.block)
    with wh.engine(tenant, lease) as conn:
        ids = [
            forecasts.add_simulation(
                conn,
                inputs,
                name=config.name,
                seed=config.seed,
                iterations=config.iterations,
                block=config.block,
                block_count=len(plan),
                config_hash=config_hash,
                run_id=run_id,
                trigger=trigger,
            )
            for inputs in simulations
        ]
        facts = forecast_events.facts_of(
            conn, rows, horizon, settings, Decimal(str(config.event_deal_amount))
        )
        forecast_events.remember(conn, tenant, ids, as_of, facts, trigger)
        for simulation_id, inputs in zip(ids, simulations, strict=True):
            win_rates.add_win_rates(conn, simulation_id, inputs)
            commission_draws.add_balances(conn, simulation_id, inputs)
    point("forecast.inputs_frozen")
    for inputs, simulation_id in zip(simulations, ids, strict=True):
        log.info(
            "%s · %s %s · %s: %d reps, %d excluded",
            tenant, inputs.scenario_id, inputs.currency, simulation_id, len(inputs.reps),
            len(inputs.exclusions or {}),
        )  # fmt: skip
    return ids


def pending_work(wh: Warehouse, tenant: str, simulation_ids: Sequence[str]) -> list[Work]:
    """The blocks that are not stored yet, in order."""
    _, orders = forecast_blocks.pending(wh, tenant, simulation_ids)
    return [Work(order.simulation_id, order.block.block_no) for order in orders]


def simulate(
    wh: Warehouse, tenant: str, simulation_id: str, block_no: int, lease: Lease | None = None
) -> bool:
    """Compute and store one block; returns False when it was there already. Safe in parallel and again."""
    with wh.engine(tenant) as conn:
        if forecasts.has_block(conn, simulation_id, block_no):
            return False
        simulation = forecasts.load_simulation(conn, simulation_id)
    plan = block_plan(simulation.iterations, simulation.block_iterations)
    if not 0 <= block_no < len(plan):
        raise TradewindError(
            where=f"block of {simulation_id}",
            expected=f"0 to {len(plan) - 1}",
            got=str(block_no),
            remedy="use the block plan of the simulation",
        )
    block = plan[block_no]
    totals = simulate_block(simulation.inputs, simulation.seed, block.start, block.stop)
    return forecast_blocks.store(wh, tenant, simulation, block_no, totals, lease)


def summarise(wh: Warehouse, tenant: str, simulation_id: str, lease: Lease | None = None) -> str:
    """Write totals per iteration, groups and summary from the stored blocks, in one transaction.

    Returns the result hash. A summarised simulation is left as it is. Raises TradewindError naming the blocks
    that are missing.
    """
    with wh.engine(tenant, lease) as conn:
        simulation = forecasts.load_simulation(conn, simulation_id)
        if simulation.status == "completed":
            return simulation.result_hash
        _require_blocks(simulation, forecasts.blocks_done(conn, simulation_id))
        total = forecasts.group_cents(conn, simulation_id, "total", "")
        budgets = {
            (b["scope"], b["scope_key"]): Decimal(b["budget_amount"]) for b in simulation.inputs.budgets
        }
        summary = statistics_of(total, budgets.get(("total", "")), simulation.inputs.sampling)
        forecasts.add_results(conn, tenant, simulation, total)
        for kind in GROUP_KINDS:
            stats = group_statistics(
                forecasts.groups_of_kind(conn, simulation_id, kind),
                total,
                summary,
                rep_counts=Counter(getattr(rep, kind) for rep in simulation.inputs.reps),
                budgets={key: amount for (scope, key), amount in budgets.items() if scope == kind},
            )
            forecasts.add_groups(conn, tenant, simulation, kind, stats)
        sums = forecasts.rep_sums(conn, simulation_id)
        reps = rep_statistics(simulation.inputs, simulation.seed, simulation.iterations, sums, summary.mean)
        forecasts.add_groups(conn, tenant, simulation, "rep", reps)
        credited, at_target = _known_amounts(simulation.inputs)
        forecasts.add_summary(
            conn,
            tenant,
            simulation,
            summary,
            credited_to_date=credited,
            plan_at_target=at_target,
        )
        add_convergence(conn, tenant, simulation_id, convergence(total, simulation.inputs.sampling))
        result_hash = hashlib.sha256(total.astype("<i8", copy=False).data).hexdigest()
        point("forecast.summary_written")
        forecasts.complete(conn, simulation_id, result_hash)
    point("forecast.summary_committed")
    log.info(
        "%s · %s: mean %s, P95 %s %s",
        tenant, simulation_id, summary.mean, summary.var_95, simulation.currency,
    )  # fmt: skip
    return result_hash


def mark_failed(wh: Warehouse, tenant: str, simulation_ids: Sequence[str]) -> None:
    """Record that the run gave up on these simulations; completed ones stay completed."""
    with wh.engine(tenant) as conn:
        for simulation_id in simulation_ids:
            forecasts.set_progress(conn, simulation_id, "failed", 0)


def run_forecast(
    wh: Warehouse,
    tenant: str,
    *,
    period: str,
    as_of: date,
    run_id: str,
    settings: TenantSettings | None = None,
    trigger: str | None = None,
    lease: Lease | None = None,
    folder: Path | None = None,
    workers: int = 1,
) -> list[str]:
    """All steps, one after the other, the blocks on `workers` processes; returns the simulation ids."""
    ids = freeze_inputs(
        wh, tenant, period=period, as_of=as_of, run_id=run_id, settings=settings, trigger=trigger, lease=lease
    )
    forecast_blocks.simulate_pending(wh, tenant, ids, processes(workers), lease)
    conclude(
        wh, tenant, period=period, as_of=as_of, run_id=run_id, simulation_ids=ids, lease=lease, folder=folder
    )
    return ids


def conclude(
    wh: Warehouse,
    tenant: str,
    *,
    period: str,
    as_of: date,
    run_id: str,
    simulation_ids: Sequence[str],
    lease: Lease | None = None,
    folder: Path | None = None,
) -> None:
    """What follows when all blocks are there: statistics, what moves them, the books, reports."""
    for simulation_id in simulation_ids:
        summarise(wh, tenant, simulation_id, lease)
        levers.explain(wh, tenant, simulation_id, lease)
    book_accruals(wh, tenant, simulation_ids, run_id=run_id, lease=lease)
    run_backtests(wh, tenant, as_of=as_of, run_id=run_id, lease=lease)
    write_reports(wh, tenant, period=period, simulation_ids=simulation_ids, folder=folder)


def _refuse_too_large(simulations: Sequence[SimulationInputs], config: ForecastConfig) -> None:
    for inputs in simulations:
        groups = 1 + sum(len({getattr(rep, kind) for rep in inputs.reps}) for kind in GROUP_KINDS)
        check_size(config.iterations, config.block, groups, config.memory_limit_mb)


def _require_blocks(simulation: Simulation, done: Sequence[int]) -> None:
    missing = sorted(set(range(simulation.block_count)) - set(done))
    if missing:
        raise TradewindError(
            where=f"planning.monte_carlo_blocks of {simulation.simulation_id}",
            expected=f"{simulation.block_count} blocks",
            got=f"{len(done)}, missing {', '.join(map(str, missing[:10]))}",
            remedy="simulate the missing blocks, then summarise again",
        )


def _known_amounts(inputs: SimulationInputs) -> tuple[Decimal, Decimal | None]:
    """Revenue credited to date, and the target incentives of all reps, in the simulation's currency."""
    credited = [
        inputs.worth(rep, line.credited)
        for rep in inputs.reps
        for line in rep.lines
        if line.measure == "revenue"
    ]
    targets = [inputs.worth(rep, r) for rep in inputs.reps if (r := rep.target_incentive) is not None]
    return sum(credited, Decimal(0)), sum(targets, Decimal(0)) if targets else None
