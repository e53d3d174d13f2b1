"""The bridge from sell-out to promotions, slow and obvious: every row of sell-out against every promotion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

_FOUR = Decimal("0.0001")


@dataclass(frozen=True)
class Window:
    """A running or finished promotion on one product."""

    promotion_key: str
    product_key: str
    customer_key: str
    scan_start: date
    scan_end: date
    planned: Decimal


@dataclass(frozen=True)
class Sale:
    """A row of sell-out."""

    sale_date: date
    customer_key: str
    product_key: str
    units: Decimal


def bridge(
    windows: Sequence[Window], sales: Sequence[Sale], parents: Mapping[str, str | None]
) -> dict[tuple[str, date, str, str], Decimal]:
    """Units by promotion, date, customer and product; a row's parts sum to the row."""
    found = {}
    for sale in sales:
        over = sorted(
            (w for w in windows if w.product_key == sale.product_key
             and w.scan_start <= sale.sale_date <= w.scan_end and w.customer_key in _lineage(sale.customer_key, parents)),
            key=lambda w: w.promotion_key,
        )  # fmt: skip
        total = sum((w.planned for w in over), Decimal(0))
        through, given = Decimal(0), Decimal(0)
        for place, w in enumerate(over, 1):
            through += w.planned / total if total else Decimal(1) / len(over)
            upto = sale.units if place == len(over) else (sale.units * through).quantize(_FOUR, ROUND_HALF_UP)
            found[(w.promotion_key, sale.sale_date, sale.customer_key, sale.product_key)] = upto - given
            given = upto
    return found


def _lineage(customer: str | None, parents: Mapping[str, str | None]) -> set[str]:
    found = set()
    while customer is not None:
        found.add(customer)
        customer = parents.get(customer)
    return found
