"""Random numbers: a stream of its own for every entity and segment of iterations (semantics 5a, G-11).

A segment is SEGMENT iterations. Its stream is SFC64 started from sha256("seed|scenario|entity|segment"), so that
neither the roster's order, nor a new rep, nor the cutting into blocks moves anybody's draws: a block that begins
inside a segment draws the segment's beginning and leaves it away. SFC64 (Doty-Humphrey, PractRand) passes BigCrush
and 32 TB of PractRand; two streams meet only if 192 bits of their digests do. Normals are NumPy's ziggurat, whose
values depend on no instruction set; a NumPy that changes them is seen by a test, and asks for another
ENGINE_VERSION. Quick normals, for the fast profile, are Box and Muller's in float32 from the same streams' bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.random import SFC64, Generator

#: Iterations of one stream. Starting one costs two microseconds, a fortieth of drawing it.
SEGMENT = 8192
#: Iterations that quick normals are drawn by.
QUICK = 2048

_LITTLE_ENDIAN = np.dtype("<u8")
_HALF, _TO_UNIT, _TO_ANGLE = np.float32(0.5), np.float32(2.0**-31), np.float32(np.pi * 2.0**-31)

GLOBAL_FACTOR = "factor:global"


def region_factor(region: str) -> str:
    """Entity of a region's common factor."""
    return f"factor:region:{region}"


def rep_entity(rep_key: str, measure: str, since: str | None = None) -> str:
    """Entity of a rep's own draw for one measure; `since` is the start of a leg after the rep's first."""
    leg = rep_key if since is None else f"{rep_key}@{since}"
    return f"rep:{leg}" if measure == "revenue" else f"rep:{leg}:{measure}"


def deal_entity(opportunity_key: str) -> str:
    """Entity of an open deal, whoever owns it."""
    return f"deal:{opportunity_key}"


def stream_state(seed: int, scenario: str, entity: str, segment: int) -> np.ndarray:
    """SFC64's four words: three of the digest, and the counter at its start."""
    digest = hashlib.sha256(f"{seed}|{scenario}|{entity}|{segment}".encode()).digest()
    words = np.frombuffer(digest, _LITTLE_ENDIAN).astype(np.uint64)
    words[3] = 1
    return words


class Streams:
    """Draws of a simulation by entity and range of iterations. Not for two threads at once."""

    def __init__(self, seed: int, scenario: str):
        self._seed, self._scenario = seed, scenario
        self._bits = SFC64(0)
        self._generator = Generator(self._bits)
        self._state = self._bits.state

    def normals(self, entity: str, start: int, stop: int, out: np.ndarray | None = None) -> np.ndarray:
        """Standard normals of iterations start..stop-1, float64; into `out` when there is one."""
        drawn = np.empty(stop - start) if out is None else out
        if start % SEGMENT == 0 and stop - start <= SEGMENT:
            self._seek(entity, start // SEGMENT)
            return self._generator.standard_normal(out=drawn)
        for segment in range(start // SEGMENT, (stop - 1) // SEGMENT + 1):
            first = segment * SEGMENT
            low, high = max(start, first), min(stop, first + SEGMENT)
            self._seek(entity, segment)
            part = drawn[low - start : high - start]
            if low == first:
                self._generator.standard_normal(out=part)
            else:
                part[:] = self._generator.standard_normal(high - first)[low - first :]
        return drawn

    @property
    def quick_step(self) -> int:
        """Ranges of quick normals begin and end at multiples of this many iterations."""
        return QUICK

    def quick_normals(
        self, entities: Sequence[str], scales: np.ndarray, start: int, out: np.ndarray, spare: np.ndarray
    ) -> None:
        """Normals times `scales` of several entities in float32, one row of `out` each, in `quick_order`.

        The range lies in one segment; `out` and `spare` are as wide as it is. Box and Muller (1958): pair j of a piece
        of QUICK iterations is made of the two halves of 64 random bits, its cosine for the piece's first half and
        its sine for the second.
        """
        segment, skipped = start // SEGMENT, start % SEGMENT // 2
        rows, width = out.shape
        half = width // 2
        words = out.view(np.uint64)
        for row, entity in zip(words, entities, strict=True):
            self._seek(entity, segment)
            row[:] = self._bits.random_raw(skipped + half)[skipped:]
        pieces = words.astype("<u8", copy=False).view("<i4").reshape(rows, -1, 2, QUICK // 2)
        np.copyto(spare.reshape(rows, 2, -1, QUICK // 2).swapaxes(1, 2), pieces, casting="unsafe")
        radius, angle = spare[:, :half], spare[:, half:]
        # u in (0, 1] is the size of a signed word: the smallest keep all their digits.
        np.abs(radius, out=radius)
        radius += _HALF
        radius *= _TO_UNIT
        np.log(radius, out=radius)
        radius *= (-2.0 * scales**2).astype(np.float32)[:, None]
        np.sqrt(radius, out=radius)
        angle *= _TO_ANGLE
        np.cos(angle, out=out[:, :half])
        np.sin(angle, out=out[:, half:])
        out[:, :half] *= radius
        out[:, half:] *= radius

    def quick_order(self, width: int) -> np.ndarray:
        """Where in a row of `quick_normals` each of its `width` iterations is."""
        piece, rest = np.divmod(np.arange(width), QUICK)
        is_sine, place = np.divmod(rest, QUICK // 2)
        return is_sine * (width // 2) + piece * (QUICK // 2) + place

    def _seek(self, entity: str, segment: int) -> None:
        self._state["state"]["state"] = stream_state(self._seed, self._scenario, entity, segment)
        self._bits.state = self._state
