"""How iterations are drawn: plain, antithetic or Sobol, all behind the face of `draws.Streams`.

Every sampling keeps the laws of the streams: draws are addressed by (entity, iteration), so that blocks, order,
workers and roster change nothing. Antithetic: iterations 2k and 2k+1 see z and -z. Sobol: the factors common to
all reps and to a region come from scrambled Sobol points, each rep's own draws stay plain. The iterations are then
`replications` scramblings of `points` points one after the other; their spread is the error.

Only the factors are Sobol because a rep would need a dimension: dimensions have an order, so a new rep would move
others' draws, and the inverse normal would cost every rep-draw as much as drawing it. The factors carry nine
tenths of the spread of a total. Scramblings are keyed by the factor's name; a new region takes its place in the sorted
regions, and those after it move one dimension on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from include.errors import TradewindError
from include.forecast.draws import GLOBAL_FACTOR, SEGMENT, Streams, region_factor

METHODS = ("plain", "antithetic", "sobol")
#: With fewer replications their spread says too little; with up to twice as many every size has one cutting.
REPLICATIONS = 16
#: Binary digits of a scrambled point, and of SciPy's sequence before it.
_BITS, _SCIPY_BITS = 52, 32
_MASK = np.uint64(2**_BITS - 1)
#: Points of a table that stays in the second-level cache.
_TABLE_DIGITS = 13
#: Dimensions that have direction numbers (Joe and Kuo 2008).
_DIMENSIONS = 21_201


@dataclass(frozen=True)
class Sampling:
    """The method, and for Sobol the points of one scrambling (a power of two)."""

    method: str = "plain"
    points: int = 0

    def cluster(self, iterations: int) -> int:
        """Iterations that depend on each other: 1, a pair, or a replication."""
        return {"plain": 1, "antithetic": 2, "sobol": self.points or iterations}[self.method]


PLAIN = Sampling()


def sampling_of(method: str, iterations: int) -> Sampling:
    """The sampling of a simulation of `iterations`. Raises TradewindError for sizes Sobol cannot be cut into."""
    if method not in METHODS:
        raise TradewindError(
            where="forecast settings, sampling",
            expected=", ".join(METHODS),
            got=repr(method),
            remedy="correct sampling in the forecast's settings",
        )
    if method != "sobol":
        return Sampling(method)
    points = 1 << max(0, iterations.bit_length() - REPLICATIONS.bit_length())
    if iterations < REPLICATIONS or iterations % points:
        lower = max(REPLICATIONS, iterations // points * points)
        raise TradewindError(
            where="forecast settings, iterations with sampling sobol",
            expected=f"{REPLICATIONS} to {2 * REPLICATIONS - 1} times a power of two",
            got=f"{iterations:,}",
            remedy="set iterations to "
            + (f"{REPLICATIONS}" if iterations < REPLICATIONS else f"{lower:,} or {lower + points:,}"),
        )
    return Sampling(method, points)


def open_streams(seed: int, scenario: str, sampling: Sampling, regions: Sequence[str]) -> Streams:
    """The streams of a simulation whose reps work in `regions`. Not for two threads at once."""
    if sampling.method == "antithetic":
        return AntitheticStreams(seed, scenario)
    if sampling.method == "sobol":
        return SobolStreams(seed, scenario, sampling.points, regions)
    return Streams(seed, scenario)


class AntitheticStreams(Streams):
    """Pairs of iterations with opposite normals: a segment's pairs are the first half of its plain draws."""

    def normals(self, entity: str, start: int, stop: int, out: np.ndarray | None = None) -> np.ndarray:
        """Standard normals of iterations start..stop-1, float64; into `out` when there is one."""
        drawn = np.empty(stop - start) if out is None else out
        for first in range(start // SEGMENT * SEGMENT, stop, SEGMENT):
            low, high = max(start, first), min(stop, first + SEGMENT)
            pair, odd = divmod(low - first, 2)
            half = super().normals(entity, first + pair, first + (high - first + 1) // 2)
            both = np.empty(2 * len(half))
            both[0::2] = half
            np.negative(half, out=both[1::2])
            drawn[low - start : high - start] = both[odd : odd + high - low]
        return drawn

    @property
    def quick_step(self) -> int:
        """Twice the plain one: a range has half as many pairs."""
        return 2 * super().quick_step

    def quick_normals(
        self, entities: Sequence[str], scales: np.ndarray, start: int, out: np.ndarray, spare: np.ndarray
    ) -> None:
        """One half of each row as plain streams draw it, the other its opposite."""
        half = out.shape[1] // 2
        first = start // SEGMENT * SEGMENT
        super().quick_normals(entities, scales, first + (start - first) // 2, out[:, :half], spare[:, :half])
        np.negative(out[:, :half], out=out[:, half:])

    def quick_order(self, width: int) -> np.ndarray:
        """Pair k is iterations 2k and 2k + 1."""
        pairs = super().quick_order(width // 2)
        return np.stack([pairs, pairs + width // 2], axis=1).ravel()


class SobolStreams(Streams):
    """Factors from scrambled Sobol points, `points` per replication; everything else as plain streams have it.

    The scrambling is Matoušek's: a random lower triangular matrix over the binary digits and a random shift.
    """

    def __init__(self, seed: int, scenario: str, points: int, regions: Sequence[str]):
        super().__init__(seed, scenario)
        self._keyed_by, self._points = f"{seed}|{scenario}", points
        factors = [GLOBAL_FACTOR, *map(region_factor, sorted(set(regions)))]
        if len(factors) > _DIMENSIONS:
            raise TradewindError(
                where="sampling sobol",
                expected=f"at most {_DIMENSIONS - 1:,} regions",
                got=f"{len(factors) - 1:,}",
                remedy="use sampling antithetic or plain",
            )
        self._dimension = {factor: at for at, factor in enumerate(factors)}

    def normals(self, entity: str, start: int, stop: int, out: np.ndarray | None = None) -> np.ndarray:
        """Standard normals of iterations start..stop-1, float64; into `out` when there is one."""
        if entity not in self._dimension:
            return super().normals(entity, start, stop, out)
        drawn = np.empty(stop - start) if out is None else out
        for replication in range(start // self._points, (stop - 1) // self._points + 1):
            first = replication * self._points
            low, high = max(start, first), min(stop, first + self._points)
            drawn[low - start : high - start] = self._uniforms(entity, replication, low - first, high - first)
        return ndtri(drawn, out=drawn)

    def _uniforms(self, factor: str, replication: int, start: int, stop: int) -> np.ndarray:
        """Points start..stop-1 of one dimension of one scrambling, in the middle of their cells: none is 0 or 1."""
        columns, shift = self._scrambled(factor, replication)
        # The point of index i is the sum (xor) of the columns of i's digits: low digits from a table, high ones once.
        table = np.zeros(1, dtype=np.uint64)
        for column in columns[:_TABLE_DIGITS]:
            table = np.concatenate([table, table ^ column])
        words = np.empty(stop - start, dtype=np.uint64)
        for first in range(start // len(table) * len(table), stop, len(table)):
            low, high = max(start, first), min(stop, first + len(table))
            base = shift
            for digit in range(_TABLE_DIGITS, len(columns)):
                if first >> digit & 1:
                    base ^= columns[digit]
            np.bitwise_xor(table[low - first : high - first], base, out=words[low - start : high - start])
        return (words.astype(np.float64) + 0.5) * 2.0**-_BITS

    def _scrambled(self, factor: str, replication: int) -> tuple[np.ndarray, np.uint64]:
        """Columns of the factor's dimension after the scrambling's matrix, and its shift."""
        digits = self._points.bit_length() - 1
        plain = _directions(len(self._dimension), digits)[self._dimension[factor]]
        name = f"{self._keyed_by}|{factor}|sobol|{replication}"
        words = np.frombuffer(hashlib.shake_256(name.encode()).digest(8 * (_BITS + 1)), dtype="<u8") & _MASK
        # Row r: a one at digit r from the top, random digits above it.
        place = np.arange(_BITS - 1, -1, -1, dtype=np.uint64)
        matrix = (words[:_BITS] >> place | np.uint64(1)) << place
        parity = np.bitwise_count(matrix & plain[:, None]) & np.uint8(1)
        return (parity.astype(np.uint64) << place).sum(axis=1, dtype=np.uint64), words[_BITS]


@lru_cache(maxsize=4)
def _directions(dimensions: int, digits: int) -> np.ndarray:
    """Direction numbers, dimensions x digits, from the points at powers of two of SciPy's unscrambled sequence.

    SciPy counts in Gray code: its point 2^j is the sum (xor) of the directions j and j - 1.
    """
    # Two seconds of import that only this method needs.
    from scipy.stats import qmc

    sequence = qmc.Sobol(dimensions, scramble=False, bits=_SCIPY_BITS)
    sequence.random(1)
    found = np.zeros((dimensions, digits), dtype=np.uint64)
    for digit in range(digits):
        if ahead := 2**digit - sequence.num_generated:
            sequence.fast_forward(ahead)
        point = (sequence.random(1)[0] * 2.0**_BITS).astype(np.uint64)
        found[:, digit] = point ^ found[:, digit - 1] if digit else point
    return found
