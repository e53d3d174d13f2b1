"""Which promotions a claim may belong to: hierarchy, dates, currency, reason, all claims at once.

Promotions are sorted by (customer, window start); a claim's promotions at one related customer are then one
slice found by binary search. Slices are expanded chunk by chunk, so memory does not grow with the number
of claims. The answer does not depend on the chunk size or on the order of claims or promotions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from include.reconcile.hierarchy import RELATIONS, CustomerTree
from include.reconcile.records import Promotion
from include.reconcile.rules import Rules

#: Commercial statuses a claim may be matched to (semantics 5b).
MATCHABLE = frozenset({"Approved", "Live", "Closed"})
_DAYS = 1 << 22  # more days than any date.toordinal() gives: room for one customer's dates in a key


@dataclass(frozen=True)
class ClaimColumns:
    """Claims as columns of equal length: customer, date, currency, normalised reason (None = unmapped)."""

    customers: Sequence[str]
    dates: Sequence[date]
    currencies: Sequence[str]
    reasons: Sequence[str | None]

    def __len__(self) -> int:
        return len(self.customers)


@dataclass(frozen=True)
class Candidates:
    """Pairs in claim order, then by customer and window start: claim i owns rows offsets[i] to offsets[i + 1].

    `promotion` int64 index into the promotions given to the index; `relation` int8 index into RELATIONS;
    `customer_fit`, `date_fit`, `tactic_fit` float64 (NaN tactic_fit = the claim's reason is unmapped);
    `days_outside` int64, negative before the window.
    """

    offsets: np.ndarray
    promotion: np.ndarray
    relation: np.ndarray
    customer_fit: np.ndarray
    date_fit: np.ndarray
    tactic_fit: np.ndarray
    days_outside: np.ndarray

    def of(self, claim: int) -> slice:
        """Rows of one claim."""
        return slice(int(self.offsets[claim]), int(self.offsets[claim + 1]))


def is_matchable(promotion: Promotion) -> bool:
    """Whether deductions may be matched to it at all: accepted status, not already given on the invoice."""
    return promotion.status in MATCHABLE and not promotion.is_off_invoice


class CandidateIndex:
    """Promotions prepared for candidate search."""

    def __init__(self, promotions: Sequence[Promotion], tree: CustomerTree, rules: Rules):
        self._rules = rules
        self._tree = tree
        usable = [i for i, p in enumerate(promotions) if is_matchable(p)]
        customers = sorted({promotions[i].customer_key for i in usable})
        self._relatives = tree.index(customers)
        self._currencies = {c: n for n, c in enumerate(sorted({promotions[i].currency for i in usable}))}
        self._tactics = sorted({promotions[i].tactic_type for i in usable})
        tactic_number = {tactic: n for n, tactic in enumerate(self._tactics)}
        node = _int([self._relatives.positions[promotions[i].customer_key] for i in usable])
        start = _int([promotions[i].window_start.toordinal() for i in usable])
        key = node * _DAYS + start
        order = np.lexsort((_int(usable), key))
        self._key = key[order]
        self._promotion = _int(usable)[order]
        self._start = start[order]
        self._end = _int([promotions[i].window_end.toordinal() for i in usable])[order]
        self._currency = _int([self._currencies[promotions[i].currency] for i in usable])[order]
        self._tactic = _int([tactic_number[promotions[i].tactic_type] for i in usable])[order]
        self._longest = np.zeros(len(customers), dtype=np.int64)
        np.maximum.at(self._longest, node[order], self._end - self._start)

    def find(self, claims: ClaimColumns, chunk: int = 8192) -> Candidates:
        """Every claim's candidates. Claims of a non-trade reason get none."""
        customer, related = self._related(claims.customers)
        day = _int([d.toordinal() for d in claims.dates])
        currency = _int([self._currencies.get(c, -1) for c in claims.currencies])
        reason, fits = self._reason_fits(claims.reasons)
        parts = [
            self._chunk(slice(first, first + chunk), customer, related, day, currency, reason, fits)
            for first in range(0, len(claims), chunk)
        ]
        return _joined(parts, len(claims), self._rules)

    def _related(
        self, customers: Sequence[str]
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        number: dict[str, int] = {}
        of_claim = _int([number.setdefault(c, len(number)) for c in customers])
        rows = [self._tree.relatives(c, self._relatives) for c in number]
        offsets = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
        node = _int([position for row in rows for position, _ in row])
        relation = _int([kind for row in rows for _, kind in row])
        return of_claim, (offsets, node, relation)

    def _reason_fits(self, reasons: Sequence[str | None]) -> tuple[np.ndarray, np.ndarray]:
        number: dict[str | None, int] = {}
        of_claim = _int([number.setdefault(r, len(number)) for r in reasons])
        fits = np.array(
            [[self._fit(reason, tactic) for tactic in self._tactics] for reason in number], dtype=np.float64
        ).reshape(len(number), len(self._tactics))
        return of_claim, fits

    def _fit(self, reason: str | None, tactic: str) -> float:
        if reason is None:
            return float("nan")
        return float(self._rules.reason_fit.get(reason, {}).get(tactic, 0))

    def _chunk(self, rows, customer, related, day, currency, reason, fits):
        offsets, nodes, relations = related
        who = customer[rows]
        claim, at = _expand(offsets[who], offsets[who + 1])
        node, relation = nodes[at], relations[at]
        when = day[rows][claim]
        # Starts from (claim day - after - longest window) to (claim day + before) may contain the claim's day.
        low = node * _DAYS + np.maximum(when - self._rules.days_after_window - self._longest[node], 0)
        high = node * _DAYS + when + self._rules.days_before_window
        pair, at = _expand(
            np.searchsorted(self._key, low, side="left"), np.searchsorted(self._key, high, side="right")
        )
        claim, relation, when = claim[pair], relation[pair], when[pair]
        after = when - self._end[at]
        before = self._start[at] - when
        outside = np.where(after > 0, after, np.where(before > 0, -before, 0))
        tactic_fit = fits[reason[rows][claim], self._tactic[at]]
        keep = (after <= self._rules.days_after_window) & (self._currency[at] == currency[rows][claim])
        keep &= ~(tactic_fit == 0)
        return (
            claim[keep] + rows.start,
            self._promotion[at[keep]],
            relation[keep],
            outside[keep],
            tactic_fit[keep],
        )


def _joined(parts, claim_count: int, rules: Rules) -> Candidates:
    empty = (_int([]), _int([]), _int([]), _int([]), np.array([], dtype=np.float64))
    claim, promotion, relation, outside, tactic_fit = (
        np.concatenate(columns) for columns in zip(*([empty, *parts]), strict=True)
    )
    fits = np.array([float(rules.relation_fits[name]) for name in RELATIONS])
    limit = np.where(outside >= 0, rules.days_after_window, rules.days_before_window)
    return Candidates(
        offsets=np.searchsorted(claim, np.arange(claim_count + 1)),
        promotion=promotion,
        relation=relation.astype(np.int8),
        customer_fit=fits[relation],
        date_fit=1.0 - np.abs(outside) / np.maximum(limit, 1),
        tactic_fit=tactic_fit,
        days_outside=outside,
    )


def _expand(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of slices [first, last) end to end, and which slice each belongs to."""
    count = np.maximum(last - first, 0)
    owner = np.repeat(np.arange(len(first)), count)
    ends = np.cumsum(count)
    return owner, np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - count, count) + first[owner]


def _int(values) -> np.ndarray:
    return np.asarray(values, dtype=np.int64)
