"""Master data of the seeded company: the customer hierarchy, products, costs and price lists."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from include.sandbox.world_names import PRODUCT_GROUPS, Profile
from include.sandbox.world_shape import Table, WorldSize, cents

PRICE_DATES = (date(2025, 1, 1), date(2026, 2, 1))
COST_DATES = (date(2025, 1, 1), date(2026, 1, 1), date(2026, 7, 1))


@dataclass(frozen=True)
class Network:
    """The customer hierarchy as the generator walks it.

    Stores are indexed 0..n-1; `banner_of`, `payer_of`, `ship_to_of` give each store's ancestors by position in
    `banners`, `payers`, `ship_tos`. The last ship-to is the distributor's: its store is a stand-in for demand
    that no retailer reports (`has_pos` false). `parent` is the whole forest by key.
    """

    customers: Table
    parent: dict[str, str | None]
    banners: list[str]
    payers: list[str]
    ship_tos: list[str]
    stores: list[str]
    banner_of: np.ndarray
    payer_of: np.ndarray
    ship_to_of: np.ndarray
    has_pos: np.ndarray

    def payer_key(self, customer: str) -> str:
        """Who pays for `customer`: its ancestor among the payers; a banner's first payer for a banner."""
        node: str | None = customer
        while node is not None:
            if node in self.payers:
                return node
            node = self.parent[node]
        return next(p for p in self.payers if self.parent[p] == customer)

    def stores_under(self, customer: str) -> np.ndarray:
        """Positions of the stores in the subtree of `customer`."""
        level = {
            **{key: self.banner_of == i for i, key in enumerate(self.banners)},
            **{key: self.payer_of == i for i, key in enumerate(self.payers)},
            **{key: self.ship_to_of == i for i, key in enumerate(self.ship_tos)},
        }
        return np.flatnonzero(level[customer])


@dataclass(frozen=True)
class Catalogue:
    """Products as the generator uses them: positions 0..n-1, prices and costs in cents per each."""

    products: Table
    product_costs: Table
    price_lists: Table
    keys: list[str]
    group_of: np.ndarray
    units_per_case: np.ndarray
    list_price: np.ndarray
    price: np.ndarray
    cogs: np.ndarray

    @property
    def category_of(self) -> np.ndarray:
        """Each product's category by number: two product groups make one."""
        return self.group_of % len(PRODUCT_GROUPS) // 2

    def price_on(self, day: date) -> np.ndarray:
        """Invoice price per each in cents, banner x product (last row: no banner), as of `day`."""
        return self.price[sum(day >= d for d in PRICE_DATES) - 1]

    def cogs_on(self, day: date) -> np.ndarray:
        """Cost per each in cents by product, as of `day`."""
        return self.cogs[sum(day >= d for d in COST_DATES) - 1]


CUSTOMER_COLUMNS = (
    "customer_key", "name", "customer_type", "parent_customer_key", "channel", "region", "trade_group",
    "payment_terms", "currency", "attributes",
)  # fmt: skip


def network(rng: np.random.Generator, size: WorldSize, profile: Profile) -> Network:
    """Banner > payer (Bill-to or Sold-to) > Ship-to > Store, and one distributor outside any banner."""
    rows: list[tuple] = []
    banners, payers, ship_tos, stores = [], [], [], []
    places: list[tuple[int, int, int]] = []

    def add(key, name, kind, parent, channel, region, group, terms, **attributes):
        text = json.dumps(attributes, sort_keys=True) if attributes else None
        rows.append((key, name, kind, parent, channel, region, group, terms, profile.currency, text))

    for b in range(size.banners):
        name, banner = profile.banners[b % len(profile.banners)], f"B{b + 1:02d}"
        channel = ("Grocery", "Grocery", "Natural", "Club", "Mass")[b % 5]
        group = "Meridian Buying Alliance" if b in (1, 2) else None
        add(banner, f"{name} Corporate", "Banner", None, channel, None, group, "Net 30", week_ends="Saturday")
        banners.append(banner)
        kind = "Sold-to" if b == 1 else "Bill-to"
        for p in range(size.payers_per_banner):
            payer, region = f"{banner}-{p + 1:02d}", profile.regions[(b + p) % 4]
            add(payer, f"{name} {region}", kind, banner, channel, region, group, "Net 30")
            payers.append(payer)
            for s in range(size.ship_tos_per_payer):
                ship_to = f"{payer}-{s + 1}"
                add(
                    ship_to, f"{name} {region} DC {s + 1}", "Ship-to", payer, channel, region, group, "Net 30"
                )
                ship_tos.append(ship_to)
                for t in range(size.stores_per_ship_to):
                    store = f"{ship_to}-{t + 1:03d}"
                    tier = "ABC"[int(rng.integers(3))]
                    add(
                        store,
                        f"{name} Store {len(stores) + 101}",
                        "Store",
                        ship_to,
                        channel,
                        region,
                        group,
                        None,
                        tier=tier,
                    )
                    stores.append(store)
                    places.append((b, len(payers) - 1, len(ship_tos) - 1))
    region = profile.regions[3]
    add("D01", profile.distributor, "Bill-to", None, "Distributor", region, None, "Net 45")
    add("D01-1", f"{profile.distributor} Hub", "Ship-to", "D01", "Distributor", region, None, "Net 45")
    payers.append("D01")
    ship_tos.append("D01-1")
    places.append((len(banners), len(payers) - 1, len(ship_tos) - 1))
    place = np.array(places)
    return Network(
        customers=Table(CUSTOMER_COLUMNS, rows),
        parent={row[0]: row[3] for row in rows},
        banners=banners, payers=payers, ship_tos=ship_tos, stores=stores,
        banner_of=place[:, 0], payer_of=place[:, 1], ship_to_of=place[:, 2],
        has_pos=np.arange(len(places)) < len(stores),
    )  # fmt: skip


def gtin(body: str) -> str:
    """`body` (12 or 13 digits) with its GS1 check digit."""
    weights = [3 if i % 2 == 0 else 1 for i in range(len(body))]
    total = sum(int(d) * w for d, w in zip(reversed(body), weights, strict=True))
    return body + str(-total % 10)


def catalogue(rng: np.random.Generator, size: WorldSize, profile: Profile, banners: list[str]) -> Catalogue:
    """Products in groups of four, their costs and their price lists; a price rise in February 2026."""
    n = size.products
    groups = np.arange(n) // 4
    keys = [f"SKU-{1001 + i}" for i in range(n)]
    per_case = rng.choice([6, 8, 12, 24], size=n)
    old = (rng.integers(36, 110, size=n) * 5 - 1).astype(np.int64)
    new = old + np.maximum(5, old * 3 // 100)
    cogs = np.array([old * 56 // 100, old * 57 // 100, old * 58 // 100]) + rng.integers(-4, 5, size=n)
    price = np.stack([np.tile(p, (len(banners) + 1, 1)) for p in (old, new)])
    product_rows, cost_rows, price_rows = [], [], []
    for i, key in enumerate(keys):
        brand, category, sub_category, words = PRODUCT_GROUPS[groups[i] % len(PRODUCT_GROUPS)]
        grams = int(rng.choice([150, 250, 330, 400, 500]))
        word = words[i % 4] + (
            f" {groups[i] // len(PRODUCT_GROUPS) + 1}" if groups[i] >= len(PRODUCT_GROUPS) else ""
        )
        product_rows.append((
            key, f"{brand} {sub_category} {word} {grams} g", brand, category, sub_category,
            gtin(f"0850742{10000 + i}"), int(per_case[i]), cents(new[i]), cents(cogs[2][i]), profile.currency,
            json.dumps({"net_weight_g": grams}),
        ))  # fmt: skip
        for d, day in enumerate(COST_DATES):
            landed = (Decimal(int(cogs[d][i])) * Decimal("0.0106")).quantize(Decimal("0.0001"))
            cost_rows.append((key, day, cents(cogs[d][i]), landed, profile.currency))
        for d, day in enumerate(PRICE_DATES):
            price_rows.append((key, None, day, cents((old, new)[d][i]), profile.currency))
    for b in range(min(2, len(banners))):
        for d, day in enumerate(PRICE_DATES):
            price[d, b] = price[d, b] * (97 - b) // 100
            price_rows += [
                (keys[i], banners[b], day, cents(price[d, b, i]), profile.currency) for i in range(n)
            ]
    return Catalogue(
        products=Table(
            ("product_key", "name", "brand", "category", "sub_category", "gtin", "units_per_case", "list_price",
             "cogs_standard", "currency", "attributes"),
            product_rows,
        ),
        product_costs=Table(("product_key", "effective_date", "cogs", "landed_cost", "currency"), cost_rows),
        price_lists=Table(("product_key", "customer_key", "effective_date", "price", "currency"), price_rows),
        keys=keys, group_of=groups, units_per_case=per_case, list_price=new, price=price, cogs=cogs,
    )  # fmt: skip
