"""Quantile tables: a distribution's value as a function of one standard normal, in cells of even width.

Inside a cell the value is a parabola through the true values at both ends and in the middle: the relative error
is below 1e-9 for the families used here. The values of a hurdle rise from zero infinitely steeply at its
edge; there the cells are even in the root of the distance from the edge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

#: The knots of an empirical distribution (every 1/8) are ends of cells.
CELLS = 4096
#: A normal beyond (6e-16) counts as one at the edge.
EDGE = 8.0


@dataclass(frozen=True, eq=False)
class QuantileTable:
    """middle[k] + r x (slope[k] + r x bend[k]), where k is the whole number nearest to x and r = x - k.

    x = per x (z + shift), or per x sqrt(z + shift) when `is_root`; cell 0 of the latter is the zeros.
    """

    middle: np.ndarray
    slope: np.ndarray
    bend: np.ndarray
    per: float
    shift: float
    is_root: bool

    @property
    def gain(self) -> float:
        """Units of z, before the root when there is one."""
        return 1.0 if self.is_root else self.per

    @property
    def offset(self) -> float:
        """The shift in those units."""
        return self.gain * self.shift

    @property
    def end(self) -> float:
        """The last cell's middle in those units, before the root when there is one."""
        return ((CELLS - 1) / self.per) ** 2 if self.is_root else CELLS - 1.0

    @cached_property
    def chords(self) -> np.ndarray:
        """Straight lines with the parabolas' means: slope and value in the middle of each cell, float32.

        A pair lies in one float64, so that it is found by one look.
        """
        pairs = np.stack([self.slope, self.middle + self.bend / 12.0], axis=1)
        return pairs.astype(np.float32).view(np.float64)[:, 0].copy()

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Values at z (any shape)."""
        x = np.clip(z * self.gain + self.offset, 0.0, self.end)
        if self.is_root:
            x = np.sqrt(x) * self.per
        cell = np.rint(x)
        r = x - cell
        k = cell.astype(np.intp)
        return self.middle.take(k) + r * (self.slope.take(k) + r * self.bend.take(k))


def plain_table(value: Callable[[np.ndarray], np.ndarray]) -> QuantileTable:
    """A table of `value`, a smooth function of z."""
    per = CELLS / (2 * EDGE)
    ends = np.linspace(-EDGE, EDGE, 2 * CELLS + 1)
    return QuantileTable(*_parabolas(value(ends)), per, EDGE - 0.5 / per, is_root=False)


def hurdle_table(value: Callable[[np.ndarray], np.ndarray], edge: float) -> QuantileTable:
    """A table of what is zero up to z = `edge` and `value` of z above it."""
    edge = float(np.clip(edge, -EDGE, EDGE - 0.01))
    per = (CELLS - 1) / np.sqrt(EDGE - edge)
    ends = (np.arange(2 * CELLS - 1) + 1) / (2 * per)
    values = value(edge + ends**2)
    parts = (np.concatenate([[0.0], part]) for part in _parabolas(values))
    return QuantileTable(*parts, float(per), -edge, is_root=True)


def _parabolas(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients per cell from the values at ends and middles in turn."""
    left, middle, right = values[:-1:2], values[1::2], values[2::2]
    return middle, right - left, 2.0 * (left + right - 2.0 * middle)
