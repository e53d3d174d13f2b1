"""Random numbers: a stream of its own for every entity and segment of iterations (semantics 5a, G-11).

A segment is SEGMENT iterations. Its stream is SFC64 started from sha256("seed|scenario|entity|segment"), so that
neither the roster's order, nor a new rep, nor the cutting into blocks moves anybody's draws: a block that begins
inside a segment draws the segment's beginning and leaves it away. SFC64 (Doty-Humphrey, PractRand) passes BigCrush
and 32 TB of PractRand; two streams meet only if 192 bits of their digests do. Normals are NumPy's ziggurat, whose
values depend on no instruction set; a NumPy that changes them is seen by a test, and asks for another
ENGINE_VERSION.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.random import SFC64, Generator

#: Iterations of one stream. Starting one costs two microseconds, a fortieth of drawing it.
SEGMENT = 8192

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
    words = np.frombuffer(digest, dtype="<u8").astype(np.uint64)
    words[3] = 1
    return words


class Streams:
    """Draws of a simulation by entity and range of iterations. Not for two threads at once."""

    def __init__(self, seed: int, scenario: str):
        self._seed, self._scenario = seed, scenario
        self._bits = SFC64(0)
        self._generator = Generator(self._bits)
        self._state = self._bits.state

    def normals(self, entity: str, start: int, stop: int) -> np.ndarray:
        """Standard normals of iterations start..stop-1, float64."""
        drawn = np.empty(stop - start)
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

    def _seek(self, entity: str, segment: int) -> None:
        self._state["state"]["state"] = stream_state(self._seed, self._scenario, entity, segment)
        self._bits.state = self._state
