"""The simulation: blocks of iterations into integer cents per group.

Bit-identical totals for any block size, order of blocks, number of workers and order of the roster: draws
are addressed by (entity, iteration), every payout is rounded to cents as a payroll does, and cents are summed
as integers (below 2^53 also inside float64). Cost per rep-draw is flat; memory is groups x block.
"""

from __future__ import annotations

import math
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from include.errors import TradewindError
from include.forecast.commission_draws import guarantee_of
from include.forecast.currencies import convert_cents
from include.forecast.deals import deal_revenue
from include.forecast.draws import GLOBAL_FACTOR, SEGMENT, region_factor, rep_entity
from include.forecast.inputs import Line, RepInput, SimulationInputs
from include.forecast.kernel import KERNELS
from include.forecast.rows import GROUP_KINDS, ROUNDING, Batch, Row, batches, program_of
from include.forecast.sampling import open_streams

_EXACT = 2**53
#: Buffers of the kernel, and pieces that are summed.
_WORKING = 2**24


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
    """Bytes the simulation needs at its largest: one block of all groups being stored, or the totals being summarised.

    A block is its groups and one of them on its way to the database as text; summarising holds the totals, a group,
    and their sorted copies.
    """
    width = min(block, iterations)
    storing = 8 * width * (groups + 10) + 16 * SEGMENT * groups
    plan = 200 * -(-iterations // block)
    return max(storing, 8 * iterations * 4) + plan + _WORKING


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
    run = _Run(inputs, seed)
    length = stop - start
    groups: dict[tuple[str, str], np.ndarray] = {("total", ""): np.zeros(length, dtype=np.int64)}
    for cell in run.program.cells:
        for kind_and_key in zip(GROUP_KINDS, cell, strict=True):
            groups.setdefault(kind_and_key, np.zeros(length, dtype=np.int64))
    rep_sums = np.zeros(len(inputs.reps), dtype=np.int64)
    for first, last in _strides(start, stop):
        cells = run.cells(first, last, rep_sums)
        _roll_up(groups, dict(zip(run.program.cells, cells, strict=True)), slice(first - start, last - start))
    return BlockTotals(start, stop, groups, rep_sums)


def rep_cents(
    inputs: SimulationInputs, seed: int, start: int, stop: int
) -> Iterator[tuple[RepInput, np.ndarray]]:
    """Each rep's own cents (int64) over iterations start..stop-1: the same draws as in the totals."""
    run = _Run(inputs, seed)
    rows: dict[int, list[Row]] = {}
    for row in run.program.rows:
        rows.setdefault(row.place, []).append(row)
    fixed = Counter()
    for place, _, cents in run.program.fixed:
        fixed[place] += int(cents)
    others = {place for place, _ in run.program.others}
    frames = [run.frame(first, last) for first, last in _strides(start, stop)]
    for place, rep in enumerate(inputs.reps):
        whole = np.full(stop - start, fixed[place], dtype=np.int64)
        own = [batch for row in rows.get(place, ()) for batch in run.prepared.batches_of([row])]
        for frame in frames:
            part = whole[frame.first - start : frame.last - start]
            if place in others:
                part[:] = run.general(rep, frame)
            for batch in own:
                part += frame.in_order(run.batch_cents(batch, frame)[0]).astype(np.int64)
        yield rep, whole


@dataclass(frozen=True)
class _Frame:
    """Iterations first..last-1 of a segment, and the wider range that the kernel computes.

    `wanted`: its columns for them, None when these are all of its columns, in its `order`. `factors` by region: of the
    iterations in their order, and of the kernel's columns.
    """

    first: int
    last: int
    begin: int
    order: np.ndarray | slice
    wanted: np.ndarray | slice | None
    factors: Mapping[str, np.ndarray]
    columns: Mapping[str, np.ndarray]

    def in_order(self, values: np.ndarray) -> np.ndarray:
        """Values of the frame's columns in the order of iterations."""
        return values[self.order] if self.wanted is None else values


class _Prepared:
    """What all blocks of the same inputs share, whatever their seed. Nothing changes it, and it does not hold the inputs."""

    def __init__(self, inputs: SimulationInputs):
        self.program = program_of(inputs)
        self.regions = sorted({rep.region for rep in inputs.reps})
        self.own_share = math.sqrt(1.0 - inputs.correlation_global - inputs.correlation_region)
        self.kernel = KERNELS[inputs.profile]

    @cached_property
    def batches(self) -> list[Batch]:
        """All rows of the program."""
        return self.batches_of(self.program.rows)

    def batches_of(self, rows: Sequence[Row]) -> list[Batch]:
        """The rows in batches that the kernel takes."""
        return batches(rows, self.kernel.size, self.own_share, self.kernel.per, self.kernel.dtype)


#: By the identity of inputs that are alive: they are frozen, but hold mappings and have no hash.
_known: dict[int, _Prepared] = {}


def _prepared(inputs: SimulationInputs) -> _Prepared:
    """Made once for an object of inputs, and forgotten with it."""
    found = _known.get(id(inputs))
    if found is None:
        found = _known[id(inputs)] = _Prepared(inputs)
        weakref.finalize(inputs, _known.pop, id(inputs), None)
    return found


class _Run:
    """One simulation being computed: its streams, program and kernel."""

    def __init__(self, inputs: SimulationInputs, seed: int):
        self.inputs, self.prepared = inputs, _prepared(inputs)
        self.program = self.prepared.program
        self._regions, self._own_share = self.prepared.regions, self.prepared.own_share
        self._streams = open_streams(seed, inputs.streams, inputs.sampling, self._regions)
        self.kernel = self.prepared.kernel(self._streams)

    def frame(self, first: int, last: int) -> _Frame:
        """The frame of some iterations of one segment, with the factors common to reps."""
        step = self.kernel.step
        begin, end = first // step * step, -(-last // step) * step
        shared = math.sqrt(self.inputs.correlation_global) * self._streams.normals(GLOBAL_FACTOR, begin, end)
        order = self.kernel.order(end - begin)
        place = np.arange(end - begin)[order]
        factors, columns = {}, {}
        for region in self._regions:
            own = self._streams.normals(region_factor(region), begin, end)
            own *= math.sqrt(self.inputs.correlation_region)
            own += shared
            factors[region] = own[first - begin : last - begin]
            columns[region] = np.empty_like(own)
            columns[region][place] = own
        is_whole = (first, last) == (begin, end)
        wanted = None if is_whole else place[first - begin : last - begin]
        return _Frame(first, last, begin, order, wanted, factors, columns)

    def batch_cents(self, batch: Batch, frame: _Frame) -> np.ndarray:
        """Cents of a batch's rows by the frame's columns; valid until the next call."""
        cents = self.kernel.cents(batch, frame.columns, frame.begin)
        if frame.wanted is not None:
            cents = cents[:, frame.wanted]
        return cents if batch.rate is None else convert_cents(cents, batch.rate)

    def cells(self, first: int, last: int, rep_sums: np.ndarray) -> list[np.ndarray]:
        """Cents per iteration of every cell, as whole float64 numbers; `rep_sums` grows by those of the reps."""
        frame = self.frame(first, last)
        cells = [np.zeros(last - first) for _ in self.program.cells]
        for batch in self.prepared.batches:
            cents = self.batch_cents(batch, frame)
            sums = self.kernel.row_sums(cents)
            _whole(sums.max())
            np.add.at(rep_sums, batch.places, sums.astype(np.int64))
            for where, cell in batch.cells:
                cells[cell] += self.kernel.sum_of(cents[where])
        cells = [frame.in_order(cents) for cents in cells]
        for place, cell in self.program.others:
            cents = self.general(self.inputs.reps[place], frame)
            rep_sums[place] += _whole(cents.sum())
            cells[cell] += cents
        for place, cell, cents in self.program.fixed:
            rep_sums[place] += _whole(cents) * (last - first)
            cells[cell] += cents
        return cells

    def general(self, rep: RepInput, frame: _Frame) -> np.ndarray:
        """Cents per iteration of a rep whose pay depends on several normals, in the simulation's currency.

        Each leg is rounded half up in the rep's currency; the sum of the legs, with what draws add, is converted.
        """
        total = np.zeros(frame.last - frame.first)
        for leg in rep.legs:
            since = None if leg is rep.legs[0] else leg.start
            attainment = {
                line.measure: self._attainment(
                    line, rep_entity(rep.rep_key, line.measure, since), rep.region, frame
                )
                for line in leg.lines
            }
            quota = {line.measure: float(line.quota) for line in leg.lines}
            target = None if leg.target_incentive is None else float(leg.target_incentive)
            pay = self.inputs.plans[leg.plan].payout(attainment, target_incentive=target, quota=quota)
            pay *= 100.0
            pay += ROUNDING
            total += np.floor(pay, out=pay)
        if rep.draws:
            total = guarantee_of(self.inputs, rep).cost(total)
        rate = self.inputs.rate_of(rep)
        return total if rate is None else convert_cents(total, rate)

    def _attainment(self, line: Line, entity: str, region: str, frame: _Frame) -> np.ndarray:
        """Attainment of one line: what was reached, its share of the quota still to come as drawn, its open deals."""
        common, start, stop = frame.factors[region], frame.first, frame.last
        if line.certain is not None:
            return np.full(stop - start, line.certain)
        reached: float | np.ndarray = float(line.credited / line.quota)
        if line.deals:
            revenue = deal_revenue(line.deals, self._streams, self._own_share, common, start, stop)
            reached = (revenue + float(line.credited)) / float(line.quota)
        if line.remaining_quota == 0 or line.new_share == 0:
            return np.full(stop - start, reached)
        z = self.kernel.normals(entity, start, stop)
        z *= self._own_share
        z += common
        a = line.marginal.attainment(z)
        a *= float(line.remaining_quota / line.quota)
        a += reached
        return a


def _strides(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """start..stop-1 in pieces that end where the streams' segments end."""
    while start < stop:
        last = min(stop, (start // SEGMENT + 1) * SEGMENT)
        yield start, last
        start = last


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
