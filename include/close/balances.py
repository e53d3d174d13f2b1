"""Control accounts at the end of periods: what the sub-ledger says, what the journals say, and what moved since."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from include.money import ZERO


@dataclass(frozen=True)
class Posted:
    """What one day added to a control account, by the sub-ledger (expected) and by the journals (found)."""

    ledger: str
    account_code: str
    currency: str
    day: date
    expected: Decimal
    found: Decimal


@dataclass(frozen=True, order=True)
class Balance:
    """A control account at the end of a period."""

    ledger: str
    account_code: str
    currency: str
    expected: Decimal
    found: Decimal


def at_ends(posted: Iterable[Posted], ends: Sequence[date]) -> dict[date, list[Balance]]:
    """The balances on each of the days `ends`."""
    ends = sorted(ends)
    added: dict[tuple[str, str, str], list[list[Decimal]]] = defaultdict(lambda: [[ZERO, ZERO] for _ in ends])
    for p in posted:
        first = bisect_left(ends, p.day)
        if first < len(ends):
            both = added[p.ledger, p.account_code, p.currency][first]
            both[0] += p.expected
            both[1] += p.found
    found: dict[date, list[Balance]] = {end: [] for end in ends}
    for key, parts in sorted(added.items()):
        expected = actual = ZERO
        for end, (more_expected, more_found) in zip(ends, parts, strict=True):
            expected, actual = expected + more_expected, actual + more_found
            found[end].append(Balance(*key, expected, actual))
    return found


def moved(stored: Iterable[Balance], now: Iterable[Balance]) -> list[str]:
    """One line per control account that no longer says what it said; an account at zero is an absent one."""
    before = {(b.ledger, b.account_code, b.currency): (b.expected, b.found) for b in stored}
    after = {(b.ledger, b.account_code, b.currency): (b.expected, b.found) for b in now}
    lines = []
    for key in sorted(before.keys() | after.keys()):
        then, today = before.get(key, (ZERO, ZERO)), after.get(key, (ZERO, ZERO))
        for side, a, b in zip(("sub-ledger", "journals"), then, today, strict=True):
            if a != b:
                lines.append(f"{key[0]} {key[1]} {key[2]} by the {side}: {a} then, {b} now")
    return lines
