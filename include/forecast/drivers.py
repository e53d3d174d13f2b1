"""Drivers: what each lever does to the total, paired iteration by iteration (semantics 5a, What-if).

Base and variant use the same streams, so their difference has the noise of the difference only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from include.forecast.accuracy import clusters, standard_error
from include.forecast.draws import stream_state
from include.forecast.engine import simulate_block
from include.forecast.inputs import SimulationInputs
from include.forecast.levers import DRIVERS, NotApplicable
from include.forecast.sampling import Sampling
from include.forecast.summary import Summary, summarise
from include.money import QUANTUM, round_half_up

RESAMPLES = 200
_PERCENT = 95


@dataclass(frozen=True)
class Effect:
    """One lever at one size. Money in currency; deltas are variant minus base, each with its standard error.

    `reason` says why a lever does not apply; it has no figures then. Without a budget there is no p_exceed, with fewer
    than two independent iterations no error.
    """

    lever: str
    size: float
    reason: str | None = None
    mean: Decimal | None = None
    p95: Decimal | None = None
    p_exceed: float | None = None
    delta_mean: Decimal | None = None
    delta_mean_se: Decimal | None = None
    delta_p95: Decimal | None = None
    delta_p95_se: Decimal | None = None
    delta_p_exceed: float | None = None
    delta_p_exceed_se: float | None = None


def totals(inputs: SimulationInputs, seed: int, iterations: int) -> np.ndarray:
    """Cents of the total in the simulation's first `iterations` iterations."""
    return simulate_block(inputs, seed, 0, iterations).groups[("total", "")]


def drivers(
    inputs: SimulationInputs,
    seed: int,
    iterations: int,
    levers: Mapping[str, Sequence[float]],
    *,
    budget_amount: Decimal | None = None,
) -> list[Effect]:
    """Effects of `levers` (name -> sizes), the largest move of P95 first, those that do not apply last.

    Each variant is a whole simulation of the changed inputs; memory is variants x iterations.
    """
    base = _Variant(totals(inputs, seed, iterations), budget_amount, inputs.sampling)
    reasons: dict[tuple[str, float], str] = {}
    variants: dict[tuple[str, float], _Variant] = {}
    for name, lever in DRIVERS.items():
        for size in levers.get(name, ()):
            try:
                changed = lever.apply(inputs, lever.setting(size))
                variants[(name, size)] = _Variant(
                    totals(changed, seed, iterations), budget_amount, inputs.sampling
                )
            except NotApplicable as reason:
                reasons[(name, size)] = str(reason)
    errors = _p95_errors(base, list(variants.values()), seed, inputs.streams)
    effects = [
        _effect(name, size, base, variant, error)
        for ((name, size), variant), error in zip(variants.items(), errors, strict=True)
    ]
    effects.sort(key=lambda effect: -abs(effect.delta_p95))
    return effects + [Effect(name, size, reason) for (name, size), reason in reasons.items()]


class _Variant:
    """Totals of one simulation, sorted once."""

    def __init__(self, cents: np.ndarray, budget_amount: Decimal | None, sampling: Sampling):
        self.cents, self.sampling = cents, sampling
        self.order = np.argsort(cents, kind="stable").astype(np.int32)
        self.ordered = cents[self.order]
        self.summary: Summary = summarise(cents, budget_amount, sampling)

    @property
    def p_exceed(self) -> float | None:
        over = self.summary.exceedance
        return None if over is None else over.share

    def resampled_p95(self, counts: np.ndarray) -> float:
        """P95 in cents of the sample that holds iteration i `counts[i]` times."""
        reached = np.cumsum(counts[self.order])
        whole, part = divmod((int(reached[-1]) - 1) * _PERCENT, 100)
        ranks = (whole, min(whole + 1, int(reached[-1]) - 1))
        low, high = self.ordered[np.searchsorted(reached, ranks, side="right")]
        return low + (high - low) * part / 100


def _effect(name: str, size: float, base: _Variant, variant: _Variant, p95_error: float | None) -> Effect:
    before, after = base.summary, variant.summary
    mean_error = standard_error((variant.cents - base.cents).astype(float), base.sampling)
    crossed = crossed_error = None
    if before.exceedance is not None:
        limit = int((before.exceedance.budget_amount * 100).to_integral_value(rounding="ROUND_FLOOR"))
        crossings = (variant.cents > limit).astype(float) - (base.cents > limit)
        crossed, crossed_error = float(crossings.mean()), standard_error(crossings, base.sampling)
    return Effect(
        lever=name,
        size=size,
        mean=after.mean,
        p95=after.var_95,
        p_exceed=variant.p_exceed,
        delta_mean=after.mean - before.mean,
        delta_mean_se=_currency(mean_error),
        delta_p95=after.var_95 - before.var_95,
        delta_p95_se=_currency(p95_error),
        delta_p_exceed=crossed,
        delta_p_exceed_se=crossed_error,
    )


def _p95_errors(base: _Variant, variants: Sequence[_Variant], seed: int, streams: str) -> list[float | None]:
    """Standard errors in cents of the differences of P95: their spread over RESAMPLES bootstrap samples.

    What is resampled are the independent units (iterations, antithetic pairs, Sobol replications), for base and
    variants at once; few units make the spread too small by (k - 1) / k of its square.
    """
    n = len(base.cents)
    units, width = clusters(n, base.sampling), base.sampling.cluster(n)
    if units < 2:
        return [None] * len(variants)
    bits = np.random.SFC64(0)
    state = bits.state
    state["state"]["state"] = stream_state(seed, streams, "resamples", 0)
    bits.state = state
    generator = np.random.Generator(bits)
    moved = np.empty((RESAMPLES, len(variants)))
    for row in moved:
        taken = np.bincount(generator.integers(0, units, units), minlength=units)
        counts = np.repeat(taken, width)[:n]
        from_base = base.resampled_p95(counts)
        row[:] = [variant.resampled_p95(counts) - from_base for variant in variants]
    return [float(error) for error in moved.std(axis=0, ddof=1) * np.sqrt(units / (units - 1))]


def _currency(cents: float | None) -> Decimal | None:
    return None if cents is None else round_half_up(Decimal(repr(float(cents))) / 100, QUANTUM)
