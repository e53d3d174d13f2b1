"""Money: Decimal with four places, one rounding rule, shares that always sum to the whole.

The database side of the same promises is NUMERIC(19,4). Binary floats are refused, not converted.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal, InvalidOperation

from include.errors import TradewindError

QUANTUM = Decimal("0.0001")
CENT = Decimal("0.01")
LARGEST = Decimal("999999999999999.9999")
ZERO = Decimal("0.0000")


def money(value: Decimal | int | str) -> Decimal:
    """`value` as a Decimal with exactly four places.

    Raises TradewindError for floats, exponent forms, more than four places, and amounts beyond NUMERIC(19,4):
    an amount is never rounded on its way in.
    """
    if isinstance(value, float | bool) or not isinstance(value, Decimal | int | str):
        raise _refusal(value, "a Decimal, an int or decimal text")
    text = str(value).strip()
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise _refusal(value, "decimal text such as 1234.50") from None
    if not amount.is_finite() or (isinstance(value, str) and "e" in text.lower()):
        raise _refusal(value, "decimal text without an exponent")
    if abs(amount) > LARGEST:
        raise _refusal(value, f"at most {LARGEST}")
    exact = amount.quantize(QUANTUM)
    if exact != amount:
        raise _refusal(value, "at most four decimal places")
    return exact


def round_half_up(amount: Decimal, unit: Decimal = CENT) -> Decimal:
    """`amount` rounded to a multiple of `unit`, halves towards plus infinity (resolution C50).

    The engine's `floor(100 x + 0.5)` and SQL's `floor(x * 100 + 0.5) / 100` give the same answer.
    """
    return ((amount / unit + Decimal("0.5")).to_integral_value(rounding="ROUND_FLOOR") * unit).quantize(
        QUANTUM
    )


def allocate(amount: Decimal, weights: Sequence[Decimal | int], unit: Decimal = CENT) -> list[Decimal]:
    """Shares of `amount` in proportion to `weights`, whole units each, summing to `amount` exactly.

    Largest-remainder method (Hamilton); ties go to the earlier weight. What `amount` holds below one unit is
    given to the first share with a weight, so that the sum stays exact. Raises TradewindError when no weight
    is positive or one is negative.
    """
    shares = [Decimal(w) for w in weights]
    total = sum(shares, Decimal(0))
    if not shares or total <= 0 or min(shares) < 0:
        raise TradewindError(
            where="allocate",
            expected="weights >= 0 with a positive sum",
            got=str([str(w) for w in weights]),
            remedy="give at least one positive weight",
        )
    sign = -1 if amount < 0 else 1
    units = (abs(amount) / unit).to_integral_value(rounding=ROUND_DOWN)
    rest = abs(amount) - units * unit
    exact = [units * w / total for w in shares]
    whole = [e.to_integral_value(rounding=ROUND_DOWN) for e in exact]
    left = int(units - sum(whole))
    by_remainder = sorted(range(len(shares)), key=lambda i: (whole[i] - exact[i], i))
    for i in by_remainder[:left]:
        whole[i] += 1
    parts = [w * unit for w in whole]
    if rest:
        parts[next(i for i, w in enumerate(shares) if w > 0)] += rest
    return [(sign * p).quantize(QUANTUM) for p in parts]


def _refusal(value: object, expected: str) -> TradewindError:
    return TradewindError(
        where="an amount of money",
        expected=expected,
        got=f"{value!r} ({type(value).__name__})",
        remedy="correct the amount at its source",
    )
