"""The inner loop: rows of normals into cents, many rows at once, in few passes over memory.

The buffers of one batch stay in the second-level cache, and a pass over them costs its arithmetic and no calls.
`ExactKernel` computes in float64, from additions, multiplications, roots and tables only, so that its cents are the
same on every processor. `FastKernel` draws and computes in float32: its pays differ from the exact ones of the same
normals by less than a millionth, and are whole cents all the same.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from include.forecast.draws import SEGMENT, Streams
from include.forecast.rows import Batch
from include.forecast.tables import CELLS

#: exp(k / _PER_E) from a table, and a cubic for the rest: as good as libm's, and cheaper by a third.
_PER_E, _EXP_CELLS = 1024, 131072
_CUBIC, _SQUARE, _LINEAR = 1.0 / 6.0 / _PER_E**3, 0.5 / _PER_E**2, 1.0 / _PER_E
#: Adding them rounds to a whole number, which is then in the last digits of the sum.
_ROUND64, _ROUND32 = 1.5 * 2.0**52, np.float32(1.5 * 2.0**23)
#: Eight numbers below fit a 32-bit sum.
_NARROW = 2.0**28


class Kernel(ABC):
    """Buffers for `size` rows of a segment, and the passes over them. Not for two threads at once.

    Takes batches of at most `size` rows, made for its `per` and `dtype`. Ranges of iterations begin and end at multiples of `step` and lie in one segment.
    """

    dtype: type
    size: int
    per: float

    def __init__(self, streams: Streams):
        self._streams = streams
        self._y, self._spare, self._cents = (np.empty((self.size, SEGMENT), self.dtype) for _ in range(3))
        self._is_reached = np.empty((self.size, SEGMENT), bool)

    @property
    @abstractmethod
    def step(self) -> int:
        """See the class."""

    @abstractmethod
    def order(self, width: int) -> np.ndarray | slice:
        """Which of this kernel's columns each iteration of a range is."""

    @abstractmethod
    def normals(self, entity: str, start: int, stop: int) -> np.ndarray:
        """Normals of a rep's entity in the order of iterations, float64."""

    def cents(self, batch: Batch, factors: Mapping[str, np.ndarray], start: int) -> np.ndarray:
        """Whole cents, rows x columns of the range from `start` on; valid until the next call.

        `factors`: common normals by region, in this kernel's order.
        """
        rows, width = len(batch.entities), len(factors[batch.factors[0][1]])
        y, spare, cents = (part[:rows, :width] for part in (self._y, self._spare, self._cents))
        self._draw(batch, start, y, spare)
        for where, region, gain, offset in batch.factors:
            np.multiply(factors[region], gain, out=spare[0])
            if offset:
                spare[0] += offset
            y[where] += spare[0]
        if batch.is_exp:
            self._exp(y, spare, cents)
        else:
            self._look_up(batch, y, spare, cents)
        self._pay(batch, y, spare, cents)
        return self._whole(batch, spare, cents)

    def _pay(self, batch: Batch, y: np.ndarray, spare: np.ndarray, cents: np.ndarray) -> None:
        is_reached = self._is_reached[: len(y), : y.shape[1]]
        if batch.has_ends:
            np.clip(y, batch.low, batch.high, out=y)
        np.multiply(y, batch.slope, out=cents)
        for knee, rise in batch.knees:
            self._at_least(y, knee, batch.high, spare)
            spare *= rise
            cents += spare
        cents += batch.start
        for edge, height in batch.jumps:
            np.greater_equal(y, edge, out=is_reached)
            np.multiply(is_reached, height, out=spare)
            cents += spare
        if batch.gate is not None:
            np.greater_equal(y, batch.gate, out=is_reached)
            np.copyto(spare, is_reached)
            cents *= spare

    def _in_cells(self, batch: Batch, y: np.ndarray) -> None:
        np.clip(y, 0.0, batch.top, out=y)
        if batch.is_root:
            np.sqrt(y, out=y)
            y *= batch.root_gain


class ExactKernel(Kernel):
    """float64 from NumPy's ziggurat."""

    dtype, size, per = np.float64, 4, float(_PER_E)

    def __init__(self, streams: Streams):
        super().__init__(streams)
        self._line = np.empty(SEGMENT)

    @property
    def step(self) -> int:
        """Wide enough for columns to be the inner dimension of every pass."""
        return 64

    def order(self, width: int) -> slice:
        """As they come."""
        return slice(width)

    def normals(self, entity: str, start: int, stop: int) -> np.ndarray:
        """As drawn."""
        return self._streams.normals(entity, start, stop)

    def row_sums(self, cents: np.ndarray) -> np.ndarray:
        """Sum of each row, exact below 2^53."""
        return cents.sum(axis=1)

    def sum_of(self, rows: np.ndarray) -> np.ndarray:
        """Sum of some rows by column, exact below 2^53."""
        return rows[0] if len(rows) == 1 else rows.sum(axis=0)

    def _draw(self, batch: Batch, start: int, y: np.ndarray, spare: np.ndarray) -> None:
        for row, entity in zip(y, batch.entities, strict=True):
            self._streams.normals(entity, start, start + len(row), row)
        y *= batch.own[:, None]

    def _exp(self, y: np.ndarray, spare: np.ndarray, free: np.ndarray) -> None:
        cell = self._split(y, spare, free, _EXP_CELLS)
        np.take(_exp_table(), cell, out=spare, mode="clip")
        np.multiply(y, _CUBIC, out=free)
        free += _SQUARE
        free *= y
        free += _LINEAR
        free *= y
        free *= spare
        np.add(spare, free, out=y)

    def _look_up(self, batch: Batch, y: np.ndarray, spare: np.ndarray, free: np.ndarray) -> None:
        self._in_cells(batch, y)
        cell = self._split(y, spare, free, CELLS)
        line = self._line[: y.shape[1]]
        for where, table in batch.tables:
            for i in range(where.start, where.stop):
                value = spare[i]
                np.take(table.bend, cell[i], out=value, mode="clip")
                value *= y[i]
                value += np.take(table.slope, cell[i], out=line, mode="clip")
                value *= y[i]
                np.add(value, np.take(table.middle, cell[i], out=line, mode="clip"), out=y[i])

    def _split(self, y: np.ndarray, spare: np.ndarray, free: np.ndarray, cells: int) -> np.ndarray:
        """The whole number nearest to y, modulo `cells` (a power of two), in the place of `free`; y keeps the rest."""
        cell = free.view(np.int64)
        np.add(y, _ROUND64, out=spare)
        np.bitwise_and(spare.view(np.int64), cells - 1, out=cell)
        spare -= _ROUND64
        y -= spare
        return cell

    def _at_least(self, y: np.ndarray, knee: np.ndarray, high: np.ndarray, out: np.ndarray) -> None:
        np.maximum(y, knee, out=out)

    def _whole(self, batch: Batch, spare: np.ndarray, cents: np.ndarray) -> np.ndarray:
        return np.floor(cents, out=cents)


class FastKernel(Kernel):
    """float32 from Box and Muller."""

    dtype, size, per = np.float32, 8, 1.0

    def __init__(self, streams: Streams):
        super().__init__(streams)
        self._chord, self._cell = np.empty(SEGMENT), np.empty(SEGMENT, np.intp)

    @property
    def step(self) -> int:
        """The streams' own."""
        return self._streams.quick_step

    def order(self, width: int) -> np.ndarray:
        """The streams' own."""
        return self._streams.quick_order(width)

    def normals(self, entity: str, start: int, stop: int) -> np.ndarray:
        """Quick normals of the segments' ranges around it."""
        drawn = np.empty(stop - start)
        for low in range(start // SEGMENT * SEGMENT, stop, SEGMENT):
            first, last = max(start, low), min(stop, low + SEGMENT)
            begin, end = first // self.step * self.step, -(-last // self.step) * self.step
            y, spare = (part[:1, : end - begin] for part in (self._y, self._spare))
            self._streams.quick_normals([entity], np.ones(1), begin, y, spare)
            drawn[first - start : last - start] = y[0, self.order(end - begin)][first - begin : last - begin]
        return drawn

    def row_sums(self, cents: np.ndarray) -> np.ndarray:
        """Sum of each row, exact."""
        if cents.dtype == np.int32 and cents.shape[1] % 8 == 0:
            cents = cents.reshape(len(cents), 8, -1).sum(axis=1, dtype=np.int32)
        return cents.sum(axis=1, dtype=np.float64)

    def sum_of(self, rows: np.ndarray) -> np.ndarray:
        """Sum of some rows by column, exact."""
        return rows.sum(axis=0, dtype=rows.dtype)

    def _draw(self, batch: Batch, start: int, y: np.ndarray, spare: np.ndarray) -> None:
        self._streams.quick_normals(batch.entities, batch.own, start, y, spare)

    def _exp(self, y: np.ndarray, spare: np.ndarray, free: np.ndarray) -> None:
        np.exp(y, out=y)

    def _look_up(self, batch: Batch, y: np.ndarray, spare: np.ndarray, free: np.ndarray) -> None:
        self._in_cells(batch, y)
        np.add(y, _ROUND32, out=spare)
        cells = free.view(np.int32)
        np.bitwise_and(spare.view(np.int32), CELLS - 1, out=cells)
        spare -= _ROUND32
        y -= spare
        chord, cell = self._chord[: y.shape[1]], self._cell[: y.shape[1]]
        slope, middle = chord.view(np.float32).reshape(-1, 2).T
        for where, table in batch.tables:
            for i in range(where.start, where.stop):
                np.copyto(cell, cells[i])
                np.take(table.chords, cell, out=chord, mode="clip")
                y[i] *= slope
                y[i] += middle

    def _at_least(self, y: np.ndarray, knee: np.ndarray, high: np.ndarray, out: np.ndarray) -> None:
        # y is at most `high` already; in float32 a clip is twice as fast as a maximum.
        np.clip(y, knee, high, out=out)

    def _whole(self, batch: Batch, spare: np.ndarray, cents: np.ndarray) -> np.ndarray:
        """Integers, or float64 where sums of integers could overflow; no further than the pay's own bounds."""
        if not (batch.most.max() < _NARROW or cents.max() < _NARROW):
            return np.clip(np.floor(cents.astype(np.float64)), batch.least, batch.most)
        whole = spare.view(np.int32)
        np.copyto(whole, cents, casting="unsafe")
        return np.clip(whole, batch.least_whole, batch.most_whole, out=whole)


#: By the profile of the inputs.
KERNELS: dict[str, type[Kernel]] = {"exact": ExactKernel, "fast": FastKernel}


@lru_cache(maxsize=1)
def _exp_table() -> np.ndarray:
    """exp(k / _PER_E) by k modulo _EXP_CELLS: the upper half are the k below zero. From libm, whatever NumPy has."""
    half = _EXP_CELLS // 2
    return np.array([math.exp((k if k < half else k - _EXP_CELLS) / _PER_E) for k in range(_EXP_CELLS)])
