"""Sell-out and sell-in of the seeded company: point-of-sale weeks, and the invoices that refill the shelves.

Invoices follow from sales: every ship-to keeps an inventory per product and orders whole cases up to what it
expects to sell, so that shipped and sold differ only by the change of inventory, except in one planted
forward-buy episode.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from include.sandbox.world_master import Catalogue, Network
from include.sandbox.world_names import Profile
from include.sandbox.world_promotions import LIFT, Promotion
from include.sandbox.world_shape import FIRST_WEEK_END, WEEK_ENDS, WEEKS, Table, cents

#: Shoppers who stocked up stay away: demand in the first and second week after a promotion.
DIP = (0.84, 0.93)
RUNNING = ("Live", "Closed", "Settled")
FORWARD_BUY_MONTH = (date(2026, 3, 1), date(2026, 3, 31))


@dataclass(frozen=True)
class SellOut:
    """Sold eaches, store x product x week, with the discount in force; `reported` is false for missing weeks."""

    units: np.ndarray
    discount: np.ndarray
    shelf_price: np.ndarray
    reported: np.ndarray


@dataclass(frozen=True)
class InvoiceLine:
    """A shipped line in eaches and cents."""

    invoice_key: str
    line_number: int
    day: date
    ship_to: int
    product: int
    eaches: int
    in_cases: bool
    gross: int
    off_invoice: int

    @property
    def net(self) -> int:
        """Cents invoiced."""
        return self.gross - self.off_invoice


def weeks_of(window: tuple[date, date]) -> list[int]:
    """Positions of the weeks whose last day lies in `window`; weeks outside the data are left out."""
    first = -((FIRST_WEEK_END - window[0]).days // 7)
    last = (window[1] - FIRST_WEEK_END).days // 7
    return [w for w in range(first, last + 1) if 0 <= w < WEEKS]


def sell_out(
    rng: np.random.Generator, net: Network, cat: Catalogue, demand: np.ndarray, promotions: list[Promotion]
) -> tuple[SellOut, np.ndarray]:
    """What was sold, and the mean demand with promotions that orders are planned by."""
    mean = demand.copy()
    discount = np.zeros(mean.shape, dtype=np.int64)
    busy = np.zeros((mean.shape[0], WEEKS), dtype=bool)
    for p in promotions:
        if p.status not in RUNNING or p.tactic not in LIFT:
            continue
        weeks = weeks_of(p.scan)
        busy[np.ix_(p.stores, weeks)] = True
        for product, per_unit, _, _ in p.lines:
            at = np.ix_(p.stores, [product], weeks)
            mean[at] *= p.lift
            discount[at] = int(per_unit * 100)
            for k, left in enumerate(DIP):
                if weeks and weeks[-1] + 1 + k < WEEKS:
                    mean[p.stores, product, weeks[-1] + 1 + k] *= left
    units = rng.poisson(mean)
    reported = (rng.random(busy.shape) > 0.004) | busy
    reported &= net.has_pos[:, None]
    markup = rng.uniform(1.32, 1.48, len(net.banners) + 1)
    shelf = (cat.list_price[None, :] * markup[:, None] / 10).astype(np.int64) * 10 + 9
    return SellOut(units, discount, shelf, reported), mean


def pos_rows(
    rng: np.random.Generator, net: Network, cat: Catalogue, sold: SellOut, profile: Profile
) -> Table:
    """Weekly rows dated by the week's last day; the last store of the company reports by day."""
    rows = []
    daily_store = len(net.stores) - 1
    share = np.array([0.17, 0.11, 0.11, 0.12, 0.13, 0.16, 0.20])
    flags = (None, True)
    for w, end in enumerate(WEEK_ENDS):
        for s in np.flatnonzero(sold.reported[:, w]).tolist():
            store, shelf = net.stores[s], sold.shelf_price[net.banner_of[s]]
            for p in np.flatnonzero(sold.units[s, :, w]).tolist():
                units, off = int(sold.units[s, p, w]), int(sold.discount[s, p, w])
                price = int(shelf[p]) - off
                detected, saved = (cents(price), cents(off)) if off else (None, None)
                if s != daily_store:
                    rows.append((end, store, cat.keys[p], units, cents(units * price), "week", flags[off > 0] or False,
                                 detected, saved, profile.currency))  # fmt: skip
                    continue
                for d, n in enumerate(rng.multinomial(units, share).tolist()):
                    if n:
                        rows.append((end - timedelta(days=6 - d), store, cat.keys[p], n, cents(n * price), "day",
                                     off > 0, detected, saved, profile.currency))  # fmt: skip
    columns = (
        "sale_date", "customer_key", "product_key", "units_sold", "sales_value", "period", "is_promotion",
        "promo_price_detected", "retail_discount", "currency",
    )  # fmt: skip
    return Table(columns, rows)


def ship(
    rng: np.random.Generator,
    net: Network,
    cat: Catalogue,
    sold: SellOut,
    mean: np.ndarray,
    promotions: list[Promotion],
) -> list[InvoiceLine]:
    """Invoice lines of all ship-tos: an order every Tuesday up to three weeks of demand, in whole cases.

    In March 2026 the first banner stocks up three times as much of its first category and then runs it down.
    """
    n_ship, products = len(net.ship_tos), len(cat.keys)
    demand = np.zeros((n_ship, products, WEEKS))
    out = np.zeros((n_ship, products, WEEKS), dtype=np.int64)
    np.add.at(demand, net.ship_to_of, mean)
    np.add.at(out, net.ship_to_of, sold.units)
    banner = np.array([net.banner_of[np.flatnonzero(net.ship_to_of == i)[0]] for i in range(n_ship)])
    stock = np.ceil(demand[:, :, :2].sum(axis=2)).astype(np.int64)
    off_invoice = _off_invoice(net, promotions)
    eaches_only = rng.random(products) < 0.08
    lines: list[InvoiceLine] = []
    for w in range(WEEKS):
        day = WEEK_ENDS[w] - timedelta(days=4)
        for i in range(n_ship):
            ahead = demand[i, :, w : w + 3].sum(axis=1)
            if FORWARD_BUY_MONTH[0] <= day <= FORWARD_BUY_MONTH[1] and banner[i] == 0:
                ahead = np.where(cat.category_of == 0, 3 * ahead, ahead)
            need = np.maximum(0, ahead - stock[i])
            case = np.where(eaches_only, 1, cat.units_per_case)
            eaches = (np.ceil(need / case) * case).astype(np.int64)
            eaches[need <= 0.25 * cat.units_per_case] = 0
            price = cat.price_on(day)[banner[i]]
            for number, p in enumerate(np.flatnonzero(eaches).tolist(), start=1):
                off = max(
                    (int(d * 100) for (a, b), who, d in off_invoice.get(p, ()) if a <= day <= b and i in who),
                    default=0,
                )
                n = int(eaches[p])
                lines.append(InvoiceLine(
                    f"INV-{net.ship_tos[i]}-{day:%y%m%d}", number, day, i, p, n, not eaches_only[p], n * int(price[p]), n * off
                ))  # fmt: skip
            stock[i] += eaches
        stock -= out[:, :, w]
        np.maximum(stock, 0, out=stock)
    return lines


def _off_invoice(net: Network, promotions: list[Promotion]) -> dict[int, list]:
    """Product position -> (sell-in window, ship-to positions, discount) of the off-invoice promotions in force."""
    found: dict[int, list] = {}
    for p in promotions:
        if p.method == "off_invoice" and p.status in (*RUNNING, "Approved"):
            who = {int(i) for i in net.ship_to_of[p.stores]}
            for product, discount, _, _ in p.lines:
                found.setdefault(product, []).append((p.sellin, who, discount))
    return found


def invoice_rows(lines: list[InvoiceLine], net: Network, cat: Catalogue, profile: Profile) -> Table:
    """The invoices contract: units in cases unless the product is ordered in eaches."""
    rows = [
        (
            x.invoice_key, x.line_number, x.day, net.ship_tos[x.ship_to], cat.keys[x.product],
            x.eaches // int(cat.units_per_case[x.product]) if x.in_cases else x.eaches,
            "case" if x.in_cases else "each",
            cents(x.gross), cents(x.off_invoice) if x.off_invoice else None, cents(x.net), profile.currency,
        )
        for x in lines
    ]  # fmt: skip
    columns = (
        "invoice_key", "line_number", "invoice_date", "customer_key", "product_key", "units_shipped",
        "unit_of_measure", "gross_amount", "off_invoice_amount", "net_amount", "currency",
    )  # fmt: skip
    return Table(columns, rows)


def earned(promotion: Promotion, net: Network, sold: SellOut, lines: list[InvoiceLine]) -> Decimal | None:
    """Units x rate of a scan-back (eaches sold in the scan weeks) or bill-back (eaches shipped in the sell-in).

    None for every other settlement method.
    """
    rate = {product: discount for product, discount, _, _ in promotion.lines}
    if promotion.method == "scan_back":
        counted = sold.units[promotion.stores][:, :, weeks_of(promotion.scan)]
        counted = counted * sold.reported[promotion.stores][:, None, weeks_of(promotion.scan)]
        return sum((rate[p] * int(counted[:, p].sum()) for p in promotion.products), Decimal("0.00"))
    if promotion.method == "bill_back":
        who = set(net.ship_to_of[promotion.stores].tolist())
        first, last = promotion.sellin
        shipped = [x for x in lines if x.product in rate and x.ship_to in who and first <= x.day <= last]
        return sum((rate[x.product] * x.eaches for x in shipped), Decimal("0.00"))
    return None
