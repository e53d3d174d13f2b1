"""What shoppers would buy without promotions: the mean demand every other figure of the company follows from."""

from __future__ import annotations

import numpy as np

from include.sandbox.world_master import Catalogue, Network
from include.sandbox.world_shape import WEEK_ENDS, WEEKS

#: Week of the year at which a category peaks, and by how much of its mean.
SEASONS = {0: (50, 0.12), 1: (27, 0.10), 2: (30, 0.28), 3: (44, 0.08), 4: (3, 0.25)}


def mean_demand(rng: np.random.Generator, net: Network, cat: Catalogue) -> np.ndarray:
    """Mean eaches sold per store x product x week with seasonality and a slight trend, no promotion.

    Products a banner does not list have zero demand in all its stores.
    """
    stores, products = len(net.banner_of), len(cat.keys)
    banners = len(net.banners) + 1
    store_size = rng.lognormal(0.0, 0.35, stores)
    store_size[~net.has_pos] *= 6
    velocity = rng.lognormal(np.log(70), 0.45, products)
    listed = rng.random((banners, products)) < 0.85
    # A group is promoted together: every banner lists at least its first two products.
    listed[:, np.arange(products) % 4 < 2] = True
    base = store_size[:, None] * velocity[None, :] * listed[net.banner_of]
    week = np.array([d.isocalendar().week for d in WEEK_ENDS])
    category = cat.category_of
    season = np.empty((products, WEEKS))
    for c, (peak, depth) in SEASONS.items():
        season[category == c] = 1 + depth * np.cos(2 * np.pi * (week - peak) / 52)
    trend = 1 + 0.04 * np.arange(WEEKS) / 52
    return base[:, :, None] * season[None] * trend[None, None]
