"""The optimiser: the setting of one lever at which a percentile of the total cost still meets the budget (MCS-17).

A one-dimensional search with common random numbers over multiples of a step. With them every payout moves one way
as the lever does, so the percentile is a step function without noise; it may jump over the budget, therefore
the answer is the dearest setting that meets it, with what the next step would cost. Nine settings between the
bounds are looked at first: they show which way is cheaper, and whether the percentile moves one way at all (a
decelerator may see to it that it does not). Then the bracket is halved.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from include.forecast.drivers import totals
from include.forecast.inputs import SimulationInputs
from include.forecast.lever_settings import OptimiseSettings
from include.forecast.levers import OPTIMISED, Lever, NotApplicable
from include.forecast.summary import Summary, quantile, summarise

#: Met inside the bounds; met even at the dear end; exceeded even at the cheap end; no such lever in these plans.
STATUSES = ("met", "met_everywhere", "unattainable", "not_applicable")
_LOOKS = 9


@dataclass(frozen=True)
class Optimum:
    """The answer. `setting` is the dearest that meets the budget; unattainable: the cheapest there is.

    `amount` is the percentile at `setting`, `next_amount` at `next_setting`, one step dearer. `is_monotone`:
    the percentile moved one way over all settings evaluated; where it did not, settings between the cheapest one
    looked at and the answer meet the budget as far as they were looked at.
    """

    lever: str
    percentile: int
    budget_amount: Decimal
    lowest: float
    highest: float
    step: float
    iterations: int
    status: str
    reason: str | None = None
    setting: float | None = None
    amount: Decimal | None = None
    mean: Decimal | None = None
    p95: Decimal | None = None
    p_exceed: float | None = None
    next_setting: float | None = None
    next_amount: Decimal | None = None
    is_monotone: bool | None = None
    evaluations: int = 0


def optimise(
    inputs: SimulationInputs,
    seed: int,
    iterations: int,
    *,
    lever: str,
    settings: OptimiseSettings,
    budget_amount: Decimal,
) -> Optimum:
    """Search one lever of `settings` (a name of `levers.OPTIMISED`)."""
    lowest, highest = settings.levers[lever]
    question = {
        "lever": lever, "percentile": settings.percentile, "budget_amount": budget_amount, "lowest": lowest,
        "highest": highest, "step": settings.step, "iterations": iterations,
    }  # fmt: skip
    search = _Search(inputs, seed, iterations, OPTIMISED[lever], settings)
    try:
        answer, dearer, status = search.run(*settings.steps(lever), budget_amount)
    except NotApplicable as reason:
        return Optimum(**question, status="not_applicable", reason=str(reason))
    found = search.summary(answer, budget_amount)
    return Optimum(
        **question,
        status=status,
        setting=search.setting(answer),
        amount=search.amount(answer),
        mean=found.mean,
        p95=found.var_95,
        p_exceed=found.exceedance.share,
        next_setting=None if dearer is None else search.setting(dearer),
        next_amount=None if dearer is None else search.amount(dearer),
        is_monotone=search.is_monotone(),
        evaluations=search.evaluations,
    )


class _Search:
    """Settings by number of steps; each is simulated once."""

    def __init__(
        self, inputs: SimulationInputs, seed: int, iterations: int, lever: Lever, settings: OptimiseSettings
    ):
        self._inputs, self._seed, self._iterations = inputs, seed, iterations
        self._lever, self._percentile = lever, settings.percentile
        self._step = Decimal(str(settings.step))
        self._amounts: dict[int, Decimal] = {}

    @property
    def evaluations(self) -> int:
        return len(self._amounts)

    def setting(self, steps: int) -> float:
        return float(self._step * steps)

    def amount(self, steps: int) -> Decimal:
        if steps not in self._amounts:
            self._amounts[steps] = quantile(np.sort(self._totals(steps)), self._percentile)
        return self._amounts[steps]

    def summary(self, steps: int, budget_amount: Decimal) -> Summary:
        return summarise(self._totals(steps), budget_amount, self._inputs.sampling)

    def run(self, first: int, last: int, budget: Decimal) -> tuple[int, int | None, str]:
        """(answer, one step dearer, status) between `first` and `last` steps."""
        looks = sorted({round(at) for at in np.linspace(first, last, _LOOKS)})
        if self.amount(looks[0]) > self.amount(looks[-1]):
            looks.reverse()
        cheapest = min(range(len(looks)), key=lambda at: self.amount(looks[at]))
        if self.amount(looks[cheapest]) > budget:
            return looks[cheapest], None, "unattainable"
        meets = looks[cheapest]
        for exceeds in looks[cheapest + 1 :]:
            if self.amount(exceeds) > budget:
                break
            meets = exceeds
        else:
            return meets, None, "met_everywhere"
        while abs(exceeds - meets) > 1:
            middle = (meets + exceeds) // 2
            if self.amount(middle) > budget:
                exceeds = middle
            else:
                meets = middle
        return meets, exceeds, "met"

    def is_monotone(self) -> bool:
        """Whether the percentile moved one way; a cent per rep is rounding."""
        moved = np.diff([float(self._amounts[steps]) for steps in sorted(self._amounts)])
        slack = 0.01 * len(self._inputs.reps)
        return bool(np.all(moved <= slack) or np.all(moved >= -slack))

    def _totals(self, steps: int) -> np.ndarray:
        changed = self._lever.apply(self._inputs, self.setting(steps))
        return totals(changed, self._seed, self._iterations)
