"""The simulation: blocks of iterations into integer cents per group.

Bit-identical totals for any block size, order of blocks, number of workers and order of the roster: draws
are addressed by (entity, iteration), every payout is rounded to cents as a payroll does, and cents are summed
as integers (below 2^53 also inside float64). Cost per rep-draw is flat; memory is groups x block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from include.errors import TradewindError
from include.forecast.currencies import convert_cents
from include.forecast.deals import deal_revenue
from include.forecast.draws import GLOBAL_FACTOR, SEGMENT, Streams, region_factor, rep_entity
from include.forecast.inputs import Line, RepInput, SimulationInputs
from include.forecast.sampling import open_streams

GROUP_KINDS = ("role", "region", "segment")

#: Iterations computed at once, a segment of the streams: a few such buffers stay in the second-level cache.
_STRIDE = SEGMENT
_EXACT = 2**53


@dataclass(frozen=True)
class Block:
    """Iterations start..stop-1."""

    block_no: int
    start: int
    stop: int


@dataclass(frozen=True)
class BlockTotals:
    """Cents of one block. `groups`: (kind, key) -> int64 per iteration, ("total", "") among them.

    `rep_sums`: int64 per rep in the order of the inputs, summed over the block's iterations.
    """

    start: int
    stop: int
    groups: dict[tuple[str, str], np.ndarray]
    rep_sums: np.ndarray


def block_plan(iterations: int, block: int) -> list[Block]:
    """The blocks that cover 0..iterations-1; the last may be short. Raises TradewindError below 1."""
    if iterations < 1 or block < 1:
        raise TradewindError(
            where="block plan",
            expected="iterations and block of at least 1",
            got=f"{iterations} iterations in blocks of {block}",
            remedy="correct iterations and block in the forecast's settings",
        )
    starts = range(0, iterations, block)
    return [Block(i, start, min(start + block, iterations)) for i, start in enumerate(starts)]


def memory_estimate(iterations: int, block: int, groups: int) -> int:
    """Bytes the simulation needs at its largest: one block of all groups, or the totals being summarised.

    Summarising holds the totals, their sorted copy, one group and the selection of the tail.
    """
    width = min(block, iterations)
    block_bytes = 8 * width * (groups + 1) * 2 + 8 * _STRIDE * 64
    return max(block_bytes, 8 * iterations * 5)


def check_size(iterations: int, block: int, groups: int, limit_mb: int) -> None:
    """Refuse a simulation that would not fit, naming the memory it would need."""
    needed = memory_estimate(iterations, block, groups)
    if needed > limit_mb * 2**20:
        raise TradewindError(
            where="size of the simulation",
            expected=f"at most {limit_mb} MB (memory_limit_mb)",
            got=f"{needed / 2**20:,.0f} MB for {iterations:,} iterations in blocks of {block:,}, {groups} groups",
            remedy="fewer iterations, smaller blocks, or a higher memory_limit_mb on a machine that has it",
        )


def simulate_block(inputs: SimulationInputs, seed: int, start: int, stop: int) -> BlockTotals:
    """Simulate iterations start..stop-1 of all reps.

    Raises TradewindError when totals reach 2^53 cents, where float64 stops being exact.
    """
    if not 0 <= start < stop:
        raise TradewindError(
            where="simulate_block",
            expected="0 <= start < stop",
            got=f"{start}, {stop}",
            remedy="use block_plan",
        )
    length = stop - start
    groups: dict[tuple[str, str], np.ndarray] = {("total", ""): np.zeros(length, dtype=np.int64)}
    for rep in inputs.reps:
        for kind in GROUP_KINDS:
            groups.setdefault((kind, getattr(rep, kind)), np.zeros(length, dtype=np.int64))
    rep_sums = np.zeros(len(inputs.reps), dtype=np.int64)
    streams = _streams(inputs, seed)
    for first, last in _strides(start, stop):
        where = slice(first - start, last - start)
        cells: dict[tuple[str, ...], np.ndarray] = {}
        for i, cents in enumerate(_payouts(inputs, streams, first, last)):
            rep = inputs.reps[i]
            cell = tuple(getattr(rep, kind) for kind in GROUP_KINDS)
            if cell in cells:
                cells[cell] += cents
            else:
                cells[cell] = cents
            rep_sums[i] += _whole(cents.sum())
        _roll_up(groups, cells, where)
    return BlockTotals(start, stop, groups, rep_sums)


def _strides(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """start..stop-1 in pieces that end where the streams' segments end."""
    while start < stop:
        last = min(stop, (start // _STRIDE + 1) * _STRIDE)
        yield start, last
        start = last


def rep_cents(
    inputs: SimulationInputs, seed: int, start: int, stop: int
) -> Iterator[tuple[RepInput, np.ndarray]]:
    """Each rep's own cents (int64) over iterations start..stop-1: the same draws as in the totals."""
    streams = _streams(inputs, seed)
    for rep, cents in zip(inputs.reps, _payouts(inputs, streams, start, stop), strict=True):
        yield rep, cents.astype(np.int64)


def _streams(inputs: SimulationInputs, seed: int) -> Streams:
    return open_streams(seed, inputs.streams, inputs.sampling, [rep.region for rep in inputs.reps])


def _payouts(inputs: SimulationInputs, streams: Streams, start: int, stop: int) -> Iterator[np.ndarray]:
    """Cents per iteration of each rep in order, as whole float64 numbers in the simulation's currency.

    Each leg is rounded half up in the rep's currency; the sum of the legs is converted.
    """
    rho_global, rho_region = inputs.correlation_global, inputs.correlation_region
    own_share = np.sqrt(1.0 - rho_global - rho_region)
    common: dict[str, np.ndarray] = {}
    global_part = np.sqrt(rho_global) * streams.normals(GLOBAL_FACTOR, start, stop)
    for rep in inputs.reps:
        if rep.region not in common:
            factor = streams.normals(region_factor(rep.region), start, stop)
            common[rep.region] = global_part + np.sqrt(rho_region) * factor
        cents: np.ndarray | None = None
        for leg in rep.legs:
            since = None if cents is None else leg.start
            attainment, quota = {}, {}
            for line in leg.lines:
                entity = rep_entity(rep.rep_key, line.measure, since)
                quota[line.measure] = float(line.quota)
                attainment[line.measure] = _attainment(
                    line, streams, entity, own_share, common[rep.region], start, stop
                )
            target = None if leg.target_incentive is None else float(leg.target_incentive)
            pay = inputs.plans[leg.plan].payout(attainment, target_incentive=target, quota=quota)
            pay *= 100.0
            pay += 0.5
            pay = np.floor(pay, out=pay)
            cents = pay if cents is None else np.add(cents, pay, out=cents)
        rate = inputs.rate_of(rep)
        yield cents if rate is None else convert_cents(cents, rate)


def _attainment(
    line: Line,
    streams: Streams,
    entity: str,
    own_share: float,
    common: np.ndarray,
    start: int,
    stop: int,
) -> np.ndarray:
    """Attainment of one line: what was reached, its share of the quota still to come as drawn, its open deals."""
    reached: float | np.ndarray = float(line.credited / line.quota)
    if line.deals:
        revenue = deal_revenue(line.deals, streams, own_share, common, start, stop)
        reached = (revenue + float(line.credited)) / float(line.quota)
    if line.remaining_quota == 0 or line.new_share == 0:
        return np.full(stop - start, reached)
    z = streams.normals(entity, start, stop)
    z *= own_share
    z += common
    a = line.marginal.attainment(z)
    if line.remaining_quota != line.quota:
        a *= float(line.remaining_quota / line.quota)
    if line.credited or line.deals:
        a += reached
    return a


def _roll_up(
    groups: dict[tuple[str, str], np.ndarray], cells: dict[tuple[str, ...], np.ndarray], where: slice
) -> None:
    total = np.zeros(where.stop - where.start)
    for cell, cents in cells.items():
        total += cents
        exact = cents.astype(np.int64)
        for kind, key in zip(GROUP_KINDS, cell, strict=True):
            groups[(kind, key)][where] += exact
    _whole(total.max())
    groups[("total", "")][where] = total.astype(np.int64)


def _whole(value: float) -> int:
    if not value < _EXACT:
        raise TradewindError(
            where="simulate_block",
            expected=f"sums below {_EXACT} cents, where float64 counts exactly",
            got=f"{value:.6g}",
            remedy="check quotas, target incentives and rates for a wrong unit",
        )
    return int(value)
