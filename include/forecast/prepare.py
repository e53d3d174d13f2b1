"""Mart rows into frozen inputs. What is forecast is defined here.

The forecast is the total variable compensation of the fiscal year that contains `period`, for every rep with
a plan in force and a quota window in that year. A rep's year: quota = the quota windows inside the year (a
window that reaches over its edge counts by its share of days), credited = credits dated inside those windows
up to as_of, remaining = the rest of the windows. Attainment of the year = (credited + remaining quota x a) /
quota, `a` drawn from the fitted distribution of the rep's segment over the remaining months; pay = the plan
at that attainment, on the target incentive of the days served. A plan that changes inside the year makes legs,
each with the quotas, credits and target incentive of its days. A rep who left earns on what was credited,
against the quota of the days served. A new hire's quota windows are taken as they are. Nobody is dropped in
silence: who is not simulated is listed with the reason.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from include.errors import MissingInput
from include.forecast.config import ForecastConfig, Scenario
from include.forecast.deals import Deal
from include.forecast.horizon import Horizon
from include.forecast.inputs import Leg, RepInput, SimulationInputs
from include.forecast.mart_rows import MartRows
from include.forecast.pipeline import Pipeline, PipelineView
from include.forecast.roster import RosterBuilder
from include.forecast.sampling import sampling_of
from include.forecast.scopes import scopes_of
from include.money import CENT, round_half_up

#: Settings that no simulation depends on by what it is: how the work is cut, what is its own column, what comes after.
_DECIDES_NO_NUMBER = (
    "block",
    "memory_limit_mb",
    "executor",
    "scenarios",
    "iterations",
    "name",
    "seed",
    "mode",
    "sampling",
    "profile",
    "event_deal_amount",
    "exports",
)


def prepare(
    rows: MartRows, horizon: Horizon, config: ForecastConfig, *, tenant: str, currency: str
) -> list[SimulationInputs]:
    """Frozen inputs, one per scenario and scope, scenarios in the config's order; scopes as in scopes_of.

    `currency` is the tenant's: of rows without one, and of the simulation over all currencies. Raises MissingInput
    naming every required mart without rows, or when no history can be fitted; TradewindError when every rep is
    excluded or a scenario is unknown.
    """
    config.check_names()
    _require(rows, config)
    builder = RosterBuilder(rows, horizon, config, currency)
    roster = builder.roster()
    scopes = scopes_of(roster, rows, horizon, currency, builder.lines.rates)
    pipeline = Pipeline(rows, horizon, config.pipeline, currency) if config.has_pipeline else None
    simulations = []
    for scenario in config.scenarios:
        for scope in scopes:
            view = PipelineView(scope.reps)
            if scenario.mode == "pipeline":
                view = pipeline.of(scope.reps, scope.currency, scope.rates)
            reps = tuple(under(scenario, rep) for rep in view.reps)
            segments = {(line.measure, line.segment) for rep in reps for line in rep.lines}
            simulations.append(
                SimulationInputs(
                    tenant=tenant,
                    period=horizon.period,
                    as_of=horizon.as_of.isoformat(),
                    horizon_start=horizon.start.isoformat(),
                    horizon_end=horizon.end.isoformat(),
                    scenario_id=scope.named(scenario.scenario_id),
                    streams=scenario.streams,
                    currency=scope.currency,
                    correlation_global=float(config.correlation_global),
                    correlation_region=float(config.correlation_region),
                    sampling=sampling_of(config.sampling, config.iterations),
                    profile=config.profile,
                    plans={
                        key: roster.plans[key]
                        for key in sorted({leg.plan for rep in reps for leg in rep.legs})
                    },
                    reps=reps,
                    rates=scope.rates,
                    budgets=tuple(
                        {"scope": kind, "scope_key": key, "budget_amount": str(amount)}
                        for (kind, key), amount in scope.budgets.items()
                    ),
                    exclusions=scope.exclusions,
                    fits=tuple(builder.lines.fit_rows(segments)),
                    win_rates=view.win_rates,
                    notes=(*scope.notes, *view.notes),
                    config=_scenario_config(config, scenario),
                )
            )
    return simulations


def _require(rows: MartRows, config: ForecastConfig) -> None:
    needed = ["sales_reps", "quotas", "compensation_plans", "sales_credits"]
    if not all(r.get("plan_kind") == "rate" for r in rows.compensation_plans):
        needed.append("compensation_plan_tiers")
    if config.has_pipeline:
        needed.append("opportunities")
    missing = [f"planning.{name}" for name in needed if not rows.count(name)]
    if missing:
        raise MissingInput(
            where="inputs of the forecast",
            expected="rows in reps, quotas, plans with tiers, and credits, and deals for pipeline mode",
            got=f"none in {', '.join(missing)}",
            remedy="load these contracts for the tenant and run transform",
        )


def under(scenario: Scenario, rep: RepInput) -> RepInput:
    """The rep as the scenario has it. A scaled quota does not change what will be sold."""
    return replace(rep, legs=tuple(_leg_under(scenario, leg) for leg in rep.legs))


def _leg_under(scenario: Scenario, leg: Leg) -> Leg:
    lines = tuple(
        replace(
            line,
            quota=max(_scaled(line.quota, scenario.quota_scale), CENT),
            marginal=line.marginal.scaled(scenario.attainment_scale, scenario.spread_scale),
            deals=tuple(_deal_under(scenario, deal) for deal in line.deals),
        )
        for line in leg.lines
    )
    return replace(leg, lines=lines)


def _deal_under(scenario: Scenario, deal: Deal) -> Deal:
    """What is still to come is scaled, whether it is drawn from attainment or from deals."""
    return replace(
        deal,
        amount=_scaled(deal.amount, scenario.attainment_scale),
        spread=deal.spread * float(scenario.spread_scale),
    )


def _scaled(amount: Decimal, factor: float) -> Decimal:
    return amount if factor == 1.0 else round_half_up(amount * Decimal(str(factor)))


def _scenario_config(config: ForecastConfig, scenario: Scenario) -> dict[str, object]:
    """Settings that decide numbers, without those that only decide how the work is cut.

    Drivers and optima are numbers too, of the scenarios they are asked for in.
    """
    body = config.as_mapping()
    for name in _DECIDES_NO_NUMBER:
        del body[name]
    if config.is_explained(scenario):
        del body["drivers"]["scenarios"]
    else:
        del body["drivers"], body["optimise"]
    if scenario.mode != "pipeline":
        del body["pipeline"]
    return {**body, "scenario": vars(scenario)}
