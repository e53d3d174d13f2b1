"""What a seeded company is made of: its size, its calendar, its tables and its named random streams.

Every room of the generator draws from a stream of its own, keyed by seed, tenant and room: changing how many
numbers one room draws leaves every other room's numbers as they were.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

AS_OF = date(2026, 10, 31)
FIRST_WEEK_END = date(2025, 9, 6)
WEEKS = (AS_OF - FIRST_WEEK_END).days // 7 + 1
WEEK_ENDS = tuple(FIRST_WEEK_END + timedelta(weeks=w) for w in range(WEEKS))
#: Promotions are planned further ahead than there are sales.
PLANNING_END = date(2026, 12, 26)

Cell = str | int | Decimal | date | bool | None


@dataclass(frozen=True)
class WorldSize:
    """How big a company is. `deductions` is exact; `opportunities` is a floor.

    Stores number banners x payers_per_banner x ship_tos_per_payer x stores_per_ship_to.
    """

    name: str
    banners: int
    payers_per_banner: int
    ship_tos_per_payer: int
    stores_per_ship_to: int
    products: int
    promotions: int
    deductions: int
    reps: int
    opportunities: int


TINY = WorldSize("tiny", 3, 1, 1, 2, 12, 30, 120, 12, 60)
SMALL = WorldSize("small", 3, 2, 1, 3, 16, 45, 320, 16, 400)
MEDIUM = WorldSize("medium", 4, 2, 2, 4, 40, 124, 1500, 40, 2300)


@dataclass(frozen=True)
class Table:
    """Rows of one relation. Cells are str, int, Decimal, date, bool or None, in the order of `columns`."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]

    def records(self) -> list[dict[str, Cell]]:
        """The rows as dictionaries."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def column(self, name: str) -> list[Cell]:
        """One column's values, in row order."""
        index = self.columns.index(name)
        return [row[index] for row in self.rows]


@dataclass(frozen=True)
class PlantedRow:
    """A bad row written among the good ones of `contract`: what is wrong with it and after which row it stands.

    `after` counts good rows; `cells` are texts as they stand in the file.
    """

    contract: str
    after: int
    cells: dict[str, str]
    column: str
    found: str
    reason: str


@dataclass(frozen=True)
class World:
    """One company: contract tables, what its CRM answers, and the true answers nobody downstream may read.

    `tables` is keyed by contract; accounts, opportunities and their history are absent: the CRM alone holds them.
    `salesforce` is keyed by object, `truth` by file stem; `netsuite` is what its ERP is set up with.
    """

    tenant: str
    seed: int
    size: WorldSize
    currency: str
    as_of: date
    tables: dict[str, Table]
    salesforce: dict[str, list[dict[str, object]]]
    truth: dict[str, Table]
    planted: tuple[PlantedRow, ...] = field(default=())
    netsuite: dict[str, list[dict[str, str]]] = field(default_factory=dict)


def stream(seed: int, tenant: str, room: str) -> np.random.Generator:
    """The random stream of one room of one company."""
    digest = hashlib.sha256(f"{seed}|{tenant}|{room}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def cents(amount: int) -> Decimal:
    """An integer number of cents as a Decimal with two places."""
    return Decimal(int(amount)).scaleb(-2)


def to_cents(amount: float) -> int:
    """A simulated magnitude as whole cents, halves upwards: where a draw becomes money."""
    return int(np.floor(amount * 100 + 0.5))


def shuffled(rng: np.random.Generator, items: list) -> list:
    """A new list in random order."""
    return [items[i] for i in rng.permutation(len(items))]


def deck(rng: np.random.Generator, shares: dict[str, float], count: int) -> list[str]:
    """`count` names in random order whose frequencies follow `shares`, each at least once if room allows.

    Drawing from a deck, not a die, makes small worlds show every kind.
    """
    names = list(shares)
    total = sum(shares.values())
    quota = [max(1, int(count * shares[name] / total)) for name in names]
    cards = [name for name, n in zip(names, quota, strict=True) for _ in range(n)]
    by_share = sorted(names, key=lambda name: -shares[name])
    while len(cards) < count:
        cards.append(by_share[len(cards) % len(by_share)])
    return shuffled(rng, cards)[:count]
