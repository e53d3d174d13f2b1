"""Exchange rates of the forecast: the latest known on a day, and cents converted without a float."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import numpy as np

from include.errors import TradewindError
from include.forecast.mart_rows import Row
from include.money import QUANTUM

#: Exchange rates have nine decimal places.
_PLACES = 9
_UNIT = 10**_PLACES
_EXACT, _LARGEST = 2**53, 2**62


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


def convert_cents(cents: np.ndarray, rate: Decimal) -> np.ndarray:
    """Whole cents (float64) times `rate`, half up to whole cents: exact, in integers.

    Raises TradewindError when an amount reaches 2^53 cents, where float64 stops being exact.
    """
    if not float(cents.max()) * float(rate) < _EXACT:
        raise TradewindError(
            where="conversion of pay",
            expected=f"amounts below {_EXACT} cents, where float64 counts exactly",
            got=f"{float(cents.max()):.6g} cents at {rate:f}",
            remedy="check the exchange rate and the pay for a wrong unit",
        )
    whole, part = divmod(int(rate.scaleb(_PLACES)), _UNIT)
    amounts = cents.astype(np.int64)
    if int(amounts.max()) * int(rate.scaleb(_PLACES)) < _LARGEST:
        return ((amounts * int(rate.scaleb(_PLACES)) + _UNIT // 2) // _UNIT).astype(np.float64)
    high, low = np.divmod(amounts, _UNIT)
    converted = amounts * whole + high * part + (low * part + _UNIT // 2) // _UNIT
    return converted.astype(np.float64)
