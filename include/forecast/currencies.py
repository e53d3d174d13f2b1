"""Exchange rates of the forecast: the latest known on a day, and cents converted without a float."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from include.forecast.mart_rows import Row
from include.money import QUANTUM


class Rates:
    """Exchange rates by pair; a pair's rate on a day is the latest on or before it."""

    def __init__(self, rows: Iterable[Row]):
        self._by_pair: dict[tuple[object, object], list[tuple[date, Decimal]]] = defaultdict(list)
        for row in rows:
            self._by_pair[(row["from_currency"], row["to_currency"])].append((row["rate_date"], row["rate"]))
        for rates in self._by_pair.values():
            rates.sort()

    def on(self, day: date, source: object, target: str) -> Decimal | None:
        """Units of `target` for one of `source`, None when no rate is known by then."""
        if source == target:
            return Decimal(1)
        known = [rate for rate_date, rate in self._by_pair.get((source, target), ()) if rate_date <= day]
        return known[-1] if known else None

    def convert(self, amount: Decimal, source: object, target: str, on: date) -> Decimal | None:
        """`amount` in `target`, None when no rate is known by then."""
        if source == target:
            return amount
        rate = self.on(on, source, target)
        return None if rate is None else (amount * rate).quantize(QUANTUM)
