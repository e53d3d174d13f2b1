"""One module per destination, found by name. Adding a destination is adding a module with `connect`.

A destination takes items of an export and says of each what became of it; afterwards it reads back what it
holds. All here are of class A: the destination itself keeps our key unique (external id, path, partition),
so that sending an item again after a crash changes nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from include.publish.exports import Export
from include.publish.items import Item


@dataclass(frozen=True)
class Outcome:
    """What became of one item: confirmed, or rejected with the destination's code and words."""

    key: str
    status: str
    external_id: str | None = None
    code: str | None = None
    error: str | None = None


class Destination(Protocol):
    """Where items go. `batch_size` items at most are handed over at once."""

    batch_size: int

    def send(self, export: Export, items: Sequence[Item]) -> list[Outcome]:
        """Write the items; one outcome per item. Raises when nothing can be said of them (they are sent again)."""

    def missing(self, export: Export, items: Sequence[Item]) -> dict[str, str]:
        """Read back: key -> difference, for each item the destination does not hold as sent."""


def connect(name: str, client: object) -> Destination:
    """The destination called `name` over an open client of its system."""
    return importlib.import_module(f"{__name__}.{name}").connect(client)
