"""Random numbers: one Philox 4x64 stream per entity, addressed by iteration (semantics 5a, G-11).

The stream's key is the first 16 bytes of sha256("seed|scenario|entity") as two little-endian words, so that
neither roster order nor a new rep moves anybody's draws; its counter is the iteration, so that any block can
be drawn by itself. Philox passes BigCrush (Salmon et al., SC 2011). Exactly one uniform per iteration and
entity is used, turned into a normal by ndtri: ziggurat normals use a varying number of words.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.random import Generator, Philox
from scipy.special import ndtri

#: Doubles one step of the counter yields (Philox 4x64).
_WORDS = 4
_LOWEST, _HIGHEST = 2.0**-54, 1.0 - 2.0**-54

GLOBAL_FACTOR = "factor:global"


def region_factor(region: str) -> str:
    """Entity of a region's common factor."""
    return f"factor:region:{region}"


def rep_entity(rep_key: str, measure: str) -> str:
    """Entity of a rep's own draw for one measure."""
    return f"rep:{rep_key}" if measure == "revenue" else f"rep:{rep_key}:{measure}"


def stream_key(seed: int, scenario: str, entity: str) -> np.ndarray:
    """The entity's Philox key, two uint64."""
    digest = hashlib.sha256(f"{seed}|{scenario}|{entity}".encode()).digest()
    return np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)


class Streams:
    """Draws of a simulation by entity and range of iterations. Not for two threads at once."""

    def __init__(self, seed: int, scenario: str):
        self._seed, self._scenario = seed, scenario
        self._bits = Philox(key=np.zeros(2, dtype=np.uint64))
        self._generator = Generator(self._bits)
        self._state = self._bits.state
        self._keys: dict[str, np.ndarray] = {}

    def uniforms(self, entity: str, start: int, stop: int) -> np.ndarray:
        """Uniforms on [0, 1) of iterations start..stop-1, float64."""
        if entity not in self._keys:
            self._keys[entity] = stream_key(self._seed, self._scenario, entity)
        state = self._state
        state["state"]["key"] = self._keys[entity]
        state["state"]["counter"] = np.array([start // _WORDS, 0, 0, 0], dtype=np.uint64)
        state["buffer_pos"] = _WORDS
        self._bits.state = state
        skip = start % _WORDS
        return self._generator.random(stop - start + skip)[skip:]

    def normals(self, entity: str, start: int, stop: int) -> np.ndarray:
        """Standard normals of iterations start..stop-1, float64."""
        u = self.uniforms(entity, start, stop)
        np.clip(u, _LOWEST, _HIGHEST, out=u)
        return ndtri(u, out=u)
