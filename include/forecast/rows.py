"""What the kernel computes: every leg whose pay depends on one normal, as a row of numbers.

Everything constant is folded in beforehand: attainment's scale and credits into the pieces of pay, spreads into the
normals, the half cent of rounding into the intercept. Legs that nothing is open in are fixed amounts. Reps
with any other leg (several measures, open deals), or several legs in another currency, are left to the engine's general way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import chain, islice

import numpy as np

from include.forecast.currencies import convert_cents
from include.forecast.draws import rep_entity
from include.forecast.inputs import Leg, RepInput, SimulationInputs
from include.forecast.piecewise import Piecewise, pay_of
from include.forecast.plans import Plan
from include.forecast.tables import CELLS, QuantileTable

GROUP_KINDS = ("role", "region", "segment")
#: Added before rounding down. Half up means that half a cent goes up also where its product came out a few digits
#: short: 2^-26 of a cent is above the error of pays below a million and below any real difference.
ROUNDING = 0.5 + 2.0**-26
#: A lognormal with more spread could leave the kernel's table of exp.
_MOST_SPREAD = 4.6
_LARGEST = 2**30


@dataclass(frozen=True)
class Pieces:
    """cents(y) = floor(start + slope x y' + sum of rise x max(y', knee) + sum of jumps reached), y' = y within low..high.

    Nothing is paid below `gate`. No cents are below `least` or above `most`.
    """

    low: float
    high: float
    slope: float
    start: float
    knees: tuple[tuple[float, float], ...]
    jumps: tuple[tuple[float, float], ...]
    gate: float | None
    least: float
    most: float

    @property
    def make(self) -> tuple[int, int, bool, bool]:
        """Rows of one make run together: how many knees and jumps, has a gate, has ends."""
        return len(self.knees), len(self.jumps), self.gate is not None, self.low > 0 or self.high < math.inf


@dataclass(frozen=True)
class Row:
    """One leg: y = exp(spread x z), or table(z), z from the normal of `entity` and the factors of `region`.

    `place` is the rep's in the inputs, `cell` that of its groups. The cents are converted at `rate`.
    """

    place: int
    cell: int
    entity: str
    region: str
    spread: float
    table: QuantileTable | None
    pieces: Pieces
    rate: Decimal | None


@dataclass(frozen=True)
class Program:
    """A simulation as rows. `fixed`: (place, cell, cents); `others`: places and cells of the remaining reps."""

    cells: tuple[tuple[str, ...], ...]
    rows: tuple[Row, ...]
    fixed: tuple[tuple[int, int, float], ...]
    others: tuple[tuple[int, int], ...]


def program_of(inputs: SimulationInputs) -> Program:
    """The simulation's legs sorted by how they are computed."""
    cells: dict[tuple[str, ...], int] = {}
    rows: list[Row] = []
    fixed: list[tuple[int, int, float]] = []
    others: list[tuple[int, int]] = []
    for place, rep in enumerate(inputs.reps):
        cell = cells.setdefault(tuple(getattr(rep, kind) for kind in GROUP_KINDS), len(cells))
        legs = [leg_row(inputs, rep, leg, place, cell) for leg in rep.legs]
        rate = inputs.rate_of(rep)
        if rep.draws:
            others.append((place, cell))
        elif all(isinstance(leg, float) for leg in legs):
            # The sum of the legs is what is converted.
            fixed.append((place, cell, sum(legs) if rate is None else _converted(sum(legs), rate)))
        elif any(leg is None for leg in legs) or (rate is not None and len(legs) > 1):
            others.append((place, cell))
        else:
            rows += [leg for leg in legs if isinstance(leg, Row)]
            fixed += [(place, cell, leg) for leg in legs if isinstance(leg, float)]
    return Program(tuple(cells), tuple(rows), tuple(fixed), tuple(others))


def leg_row(inputs: SimulationInputs, rep: RepInput, leg: Leg, place: int, cell: int) -> Row | float | None:
    """The leg as a row, as fixed cents, or None when it depends on more than one normal."""
    plan = inputs.plans[leg.plan]
    target = None if leg.target_incentive is None else float(leg.target_incentive)
    if all(line.certain is not None for line in leg.lines):
        return fixed_cents(plan, leg, target)
    if len(leg.lines) != 1 or plan.measures != (leg.lines[0].measure,):
        return None
    line = leg.lines[0]
    if line.deals:
        return None
    quota = float(line.quota)
    unit = line.marginal.unit * float(line.remaining_quota / line.quota)
    base = quota if plan.plan_kind == "rate" else target
    if not base or unit <= 0.0:
        return None
    most = None if plan.cap_multiple is None else plan.cap_multiple * target / base
    is_exp = line.marginal.family == "lognormal" and line.marginal.p0 == 0.0
    is_exp = is_exp and line.marginal.second <= _MOST_SPREAD
    since = None if leg is rep.legs[0] else leg.start
    return Row(
        place,
        cell,
        rep_entity(rep.rep_key, line.measure, since),
        rep.region,
        line.marginal.second if is_exp else 0.0,
        None if is_exp else line.marginal.table,
        _pieces(plan, base, most, float(line.credited / line.quota), unit),
        inputs.rate_of(rep),
    )


def fixed_cents(plan: Plan, leg: Leg, target: float | None) -> float:
    """Whole cents of a leg that nothing is open in."""
    reached = {line.measure: np.array([line.certain]) for line in leg.lines}
    quota = {line.measure: float(line.quota) for line in leg.lines}
    return float(np.floor(plan.payout(reached, target_incentive=target, quota=quota)[0] * 100.0 + ROUNDING))


def _converted(cents: float, rate: Decimal) -> float:
    return float(convert_cents(np.array([cents]), rate)[0])


@lru_cache(maxsize=8192)
def _pieces(plan: Plan, base: float, most: float | None, reached: float, unit: float) -> Pieces:
    return pieces_of(pay_of(plan, base, most).times(base * 100.0).of_rest(reached, unit))


def pieces_of(cents: Piecewise) -> Pieces:
    """The form that is computed, of cents by y; the half cent is added here."""
    at, value, slope = cents.at, cents.value, cents.slope
    first, gate, low = 0, None, 0.0
    if len(at) > 1 and value[0] == slope[0] == 0.0:
        first = 1
        gate, low = (at[1], 0.0) if cents.jump(1) else (None, at[1])
    start = value[first] - slope[first] * at[first]
    knees, jumps = [], []
    for k in range(first + 1, len(at)):
        if rise := slope[k] - slope[k - 1]:
            knees.append((at[k], rise))
            start -= rise * at[k]
        if jump := cents.jump(k):
            jumps.append((at[k], jump))
    ends = [v + s * (b - a) for v, s, a, b in zip(value, slope, at, at[1:], strict=False)]
    is_flat = slope[-1] == 0.0
    high = at[-1] if is_flat and len(at) > 1 else math.inf
    most = max((*value, *ends)) if is_flat else math.inf
    return Pieces(
        low, high, slope[first], start + ROUNDING, tuple(knees), tuple(jumps), gate, min(value), most
    )


class Batch:
    """Rows of one make with their numbers as columns; neighbours with the same factors, table or cell in runs.

    `per`: the kernel's units of an exponent.
    """

    def __init__(self, rows: Sequence[Row], own_share: float, per: float, dtype: type):
        self.entities = [row.entity for row in rows]
        self.places = np.array([row.place for row in rows])
        self.cells = [(where, row.cell) for where, row in _runs(rows, lambda row: row.cell)]
        self.tables = [(where, row.table) for where, row in _runs(rows, lambda row: id(row.table))]
        self.rate = rows[0].rate
        self.is_exp = rows[0].table is None
        self.is_root = not self.is_exp and rows[0].table.is_root
        gain = [row.spread * per if row.table is None else row.table.gain for row in rows]
        self.own = np.array(gain) * own_share
        self.factors = [
            (where, row.region, gain[where.start], 0.0 if row.table is None else row.table.offset)
            for where, row in _runs(rows, lambda row: (row.region, id(row.table), row.spread))
        ]
        pieces = [row.pieces for row in rows]
        knees, jumps, has_gate, self.has_ends = pieces[0].make
        numbers = np.array([_numbers(row) for row in rows])
        columns = iter(numbers.astype(dtype).T[:, :, None])
        self.low, self.high, self.slope, self.start, self.top, self.root_gain, gate = islice(columns, 7)
        self.gate = gate if has_gate else None
        self.knees = [(next(columns), next(columns)) for _ in range(knees)]
        self.jumps = [(next(columns), next(columns)) for _ in range(jumps)]
        # Not in float32: half a cent more than the cap would be a cent more.
        bounds = np.floor(np.array([(p.least, p.most) for p in pieces]).T[:, :, None] + ROUNDING)
        self.least, self.most = bounds
        self.least_whole, self.most_whole = np.clip(bounds, -_LARGEST, _LARGEST).astype(np.int32)


def _numbers(row: Row) -> list[float]:
    """What a batch has columns of, in the order of its columns."""
    p, table = row.pieces, row.table
    # What lies in the last cell of a table, and its cells per root of a distance.
    ends = (CELLS - 1.0, 1.0) if table is None else (table.end, table.per)
    gate = 0.0 if p.gate is None else p.gate
    return [p.low, p.high, p.slope, p.start, *ends, gate, *chain(*p.knees), *chain(*p.jumps)]


def batches(rows: Sequence[Row], size: int, own_share: float, per: float, dtype: type) -> list[Batch]:
    """All rows in batches of at most `size`."""
    tables = {id(row.table): n for n, row in enumerate(rows)}

    def order(row: Row) -> tuple:
        source = -1 if row.table is None else int(row.table.is_root)
        rate = Decimal(0) if row.rate is None else row.rate
        return (source, rate, row.pieces.make), row.region, tables[id(row.table)], row.spread, row.cell

    runs: list[list[Row]] = []
    make: tuple | None = None
    for key, row in sorted(((order(row), row) for row in rows), key=lambda pair: pair[0]):
        if not runs or len(runs[-1]) == size or key[0] != make:
            runs.append([])
        make = key[0]
        runs[-1].append(row)
    return [Batch(run, own_share, per, dtype) for run in runs]


def _runs(rows: Sequence[Row], key: Callable[[Row], object]) -> Iterator[tuple[slice, Row]]:
    first = 0
    for i in range(1, len(rows) + 1):
        if i == len(rows) or key(rows[i]) != key(rows[first]):
            yield slice(first, i), rows[first]
            first = i
