"""What moves the forecast, and which setting meets the budget: stored per simulation, and asked as functions.

`explain` is a step of the monthly run. `distributions` and `optimize` answer requests about a stored simulation
(MCS-16, MCS-17, API-05) as plain JSON values and store nothing.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal

from include.errors import TradewindError
from include.faultpoints import point
from include.forecast.drivers import drivers
from include.forecast.families import PARAMETER_NAMES
from include.forecast.inputs import SimulationInputs
from include.forecast.lever_settings import DriverSettings, OptimiseSettings
from include.forecast.levers import OPTIMISED
from include.forecast.optimise import Optimum, optimise
from include.warehouse import forecasts
from include.warehouse import levers as stored
from include.warehouse.forecasts import Simulation
from include.warehouse.lease import Lease
from include.warehouse.session import Warehouse

log = logging.getLogger("tradewind.forecast")


def explain(wh: Warehouse, tenant: str, simulation_id: str, lease: Lease | None = None) -> bool:
    """Compute and store drivers and optima of one completed simulation; False when there was nothing to do.

    What is computed was frozen with the inputs, so the same simulation has the same rows. Raises TradewindError
    when the simulation is not completed.
    """
    with wh.engine(tenant) as conn:
        simulation = _completed(conn, simulation_id)
        config = simulation.inputs.config or {}
        if "drivers" not in config or stored.is_explained(conn, simulation_id):
            return False
    pulled = DriverSettings.from_mapping(config["drivers"])
    budget = _budget(simulation.inputs)
    iterations = min(simulation.iterations, pulled.iterations)
    effects = drivers(simulation.inputs, simulation.seed, iterations, pulled.levers, budget_amount=budget)
    asked = OptimiseSettings.from_mapping(config["optimise"])
    optima = [_search(simulation, lever, asked, budget) for lever in asked.levers if budget is not None]
    point("forecast.levers_pulled")
    with wh.engine(tenant, lease) as conn:
        stored.add_drivers(conn, tenant, simulation, effects, iterations)
        stored.add_optima(conn, tenant, simulation, optima)
    point("forecast.levers_committed")
    log.info("%s · %s: %d drivers, %d optima", tenant, simulation_id, len(effects), len(optima))
    return True


def distributions(wh: Warehouse, tenant: str, simulation_id: str | None = None) -> dict[str, object]:
    """`GET /distributions`: the families, their parameters, what was fitted and which segments use it.

    `simulation_id`: default the current simulation. {"simulation_id", "families": [{"family", "parameters"}],
    "segments": [{"segment", "measure", "family", "parameters", "p0", "observation_count", "positive_count", "aic",
    "ks", "ks_p_value", "pooled_from", "window_months", "reps"}]}; `reps` counts who draws from it.
    """
    with wh.engine(tenant) as conn:
        simulation = forecasts.load_simulation(conn, simulation_id or stored.current(conn))
    users = Counter(
        pair
        for rep in simulation.inputs.reps
        for pair in {(line.measure, line.segment) for line in rep.lines}
    )
    used: dict[str, list[str]] = defaultdict(list)
    segments = []
    for fit in simulation.inputs.fits:
        family = str(fit["family"])
        used[family].append(str(fit["segment"]))
        parameters = {name: fit["parameters"][place] for place, name in PARAMETER_NAMES[family].items()}
        names = ("segment", "measure", "family", "p0", "observation_count", "positive_count", "aic", "ks",
                 "ks_p_value", "pooled_from", "window_months")  # fmt: skip
        segments.append(
            {name: fit[name] for name in names}
            | {"parameters": parameters, "reps": users[(fit["measure"], fit["segment"])]}
        )
    families = [
        {"family": family, "parameters": list(names.values()), "segments": used[family]}
        for family, names in PARAMETER_NAMES.items()
    ]
    return {"simulation_id": simulation.simulation_id, "families": families, "segments": segments}


def optimize(
    wh: Warehouse,
    tenant: str,
    simulation_id: str | None = None,
    *,
    lever: str,
    percentile: int = 95,
    budget: Decimal | None = None,
    bounds: Sequence[float] | None = None,
    step: float | None = None,
) -> dict[str, object]:
    """`POST /optimize`: the setting of `lever` at which the percentile of the total cost meets the budget.

    Defaults: the current simulation, its budget, the bounds and step of its settings. Amounts are decimal text,
    the fields those of `optimise.Optimum`, `percentile_amount` for `amount`. Raises TradewindError for an unknown
    lever or simulation, a percentile outside 1 to 99, bounds or a step out of range, and when there is no budget.
    """
    with wh.engine(tenant) as conn:
        simulation = _completed(conn, simulation_id or stored.current(conn))
    if lever not in OPTIMISED:
        raise _refuse("lever", f"one of {', '.join(OPTIMISED)}", lever)
    frozen = (simulation.inputs.config or {}).get("optimise") or {}
    asked = {**frozen, "percentile": percentile} | ({} if step is None else {"step": step})
    known = {**OptimiseSettings().levers, **frozen.get("levers", {})}
    asked["levers"] = {lever: known[lever] if bounds is None else list(bounds)}
    settings = OptimiseSettings.from_mapping(asked)
    budget = _budget(simulation.inputs) if budget is None else budget
    if budget is None or not budget.is_finite() or budget < 0:
        raise _refuse("budget", "an amount of 0 or more, or a simulation with a budget", str(budget))
    found = asdict(_search(simulation, lever, settings, budget))
    found["budget"], found["percentile_amount"] = found.pop("budget_amount"), found.pop("amount")
    head = {name: getattr(simulation, name) for name in ("simulation_id", "scenario_id", "currency")}
    return head | {name: str(value) if isinstance(value, Decimal) else value for name, value in found.items()}


def _search(simulation: Simulation, lever: str, settings: OptimiseSettings, budget: Decimal) -> Optimum:
    iterations = min(simulation.iterations, settings.iterations)
    return optimise(
        simulation.inputs, simulation.seed, iterations, lever=lever, settings=settings, budget_amount=budget
    )


def _budget(inputs: SimulationInputs) -> Decimal | None:
    amounts = [Decimal(b["budget_amount"]) for b in inputs.budgets if b["scope"] == "total"]
    return amounts[0] if amounts else None


def _completed(conn, simulation_id: str) -> Simulation:
    simulation = forecasts.load_simulation(conn, simulation_id)
    if simulation.status != "completed":
        raise TradewindError(
            where=f"levers of {simulation_id}",
            expected="a completed simulation",
            got=simulation.status,
            remedy="summarise it first",
        )
    return simulation


def _refuse(where: str, expected: str, got: str) -> TradewindError:
    return TradewindError(
        where=f"optimiser, {where}", expected=expected, got=got, remedy="correct the request"
    )
