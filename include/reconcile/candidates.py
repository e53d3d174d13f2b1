"""Which promotions a claim may belong to: hierarchy, dates, currency, reason, all claims at once.

Promotions are sorted by (customer, window start); a claim's promotions at one related customer are then one
slice found by binary search. Slices are expanded chunk by chunk, so memory does not grow with the number
of claims. The answer does not depend on the chunk size or on the order of claims or promotions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from include.reconcile.hierarchy import RELATIONS, CustomerTree
from include.reconcile.records import Promotion
from include.reconcile.rules import Rules

#: Commercial statuses a claim may be matched to (semantics 5b).
MATCHABLE = frozenset({"Approved", "Live", "Closed"})
OFF_INVOICE = "Off-Invoice"
#: Claims whose candidates are held at a time.
CHUNK = 8192
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


def refusal(promotion: Promotion) -> str | None:
    """Why no deduction may be matched to it by score, None when one may."""
    if promotion.is_off_invoice:
        return "an off-invoice promotion, whose discount was on the invoice already"
    if promotion.status not in MATCHABLE:
        return promotion.status
    return None if promotion.has_window else "without a window"


class CandidateIndex:
    """Promotions prepared for candidate search: those that may be matched, or with `refused` those that may not.

    The refused ones are searched too, because a claim that fits one of them better than any other is a
    question, whatever else it fits. What is unknown about them (no window, a tactic no reason names) is left out.
    """

    def __init__(
        self, promotions: Sequence[Promotion], tree: CustomerTree, rules: Rules, *, refused: bool = False
    ):
        self._rules = rules
        self._tree = tree
        self._refused = refused
        usable = [i for i, p in enumerate(promotions) if (refusal(p) is not None) == refused]
        customers = sorted({promotions[i].customer_key for i in usable})
        self._relatives = tree.index(customers)
        self._currencies = {c: n for n, c in enumerate(sorted({promotions[i].currency for i in usable}))}
        self._tactics = sorted({promotions[i].tactic_type for i in usable})
        tactic_number = {tactic: n for n, tactic in enumerate(self._tactics)}
        node = _int([self._relatives.positions[promotions[i].customer_key] for i in usable])
        has_window = np.array([promotions[i].has_window for i in usable], dtype=bool)
        start = _int(
            [promotions[i].window_start.toordinal() if promotions[i].has_window else 0 for i in usable]
        )
        end = [p.window_end.toordinal() if p.has_window else _DAYS for p in (promotions[i] for i in usable)]
        key = node * _DAYS + start
        order = np.lexsort((_int(usable), key))
        self._key = key[order]
        self._promotion = _int(usable)[order]
        self._start = start[order]
        self._end = _int(end)[order]
        self._has_window = has_window[order]
        self._currency = _int([self._currencies[promotions[i].currency] for i in usable])[order]
        self._tactic = _int([tactic_number[promotions[i].tactic_type] for i in usable])[order]
        self._longest = np.zeros(len(customers), dtype=np.int64)
        np.maximum.at(self._longest, node[order], self._end - self._start)
        self._relation_fits = np.array([float(rules.relation_fits[name]) for name in RELATIONS])

    def find(self, claims: ClaimColumns, chunk: int = CHUNK) -> Candidates:
        """Every claim's candidates in one piece. Claims of a non-trade reason get none."""
        return _joined(list(self.in_chunks(claims, chunk)))

    def in_chunks(self, claims: ClaimColumns, chunk: int = CHUNK) -> Iterator[Candidates]:
        """The candidates of `chunk` claims at a time, in order: memory does not grow with the number of claims."""
        customer, related = self._related(claims.customers)
        day = _each(len(claims), (d.toordinal() for d in claims.dates))
        currency = _each(len(claims), (self._currencies.get(c, -1) for c in claims.currencies))
        reason, fits = self._reason_fits(claims.reasons)
        for first in range(0, len(claims), chunk):
            rows = slice(first, first + chunk)
            yield self._chunk(customer[rows], related, day[rows], currency[rows], reason[rows], fits)

    def _related(
        self, customers: Sequence[str]
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        number: dict[str, int] = {}
        of_claim = _each(len(customers), (number.setdefault(c, len(number)) for c in customers))
        rows = [self._tree.relatives(c, self._relatives) for c in number]
        offsets = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
        node = _int([position for row in rows for position, _ in row])
        relation = _int([kind for row in rows for _, kind in row])
        return of_claim, (offsets, node, relation)

    def _reason_fits(self, reasons: Sequence[str | None]) -> tuple[np.ndarray, np.ndarray]:
        number: dict[str | None, int] = {}
        of_claim = _each(len(reasons), (number.setdefault(r, len(number)) for r in reasons))
        fits = np.array(
            [[self._fit(reason, tactic) for tactic in self._tactics] for reason in number], dtype=np.float64
        ).reshape(len(number), len(self._tactics))
        return of_claim, fits

    def _fit(self, reason: str | None, tactic: str) -> float:
        fit = None if reason is None else float(self._rules.reason_fit.get(reason, {}).get(tactic, 0))
        # What was given on the invoice may be taken again under any trade reason.
        is_taken_again = self._refused and tactic == OFF_INVOICE and reason in self._rules.reason_fit
        return float("nan") if fit is None or is_taken_again else fit

    def _chunk(self, customer, related, day, currency, reason, fits) -> Candidates:
        offsets, nodes, relations = related
        claim, at = _expand(offsets[customer], offsets[customer + 1])
        node, relation = nodes[at], relations[at]
        when = day[claim].astype(np.int64)
        # Starts from (claim day - after - longest window) to (claim day + before) may contain the claim's day.
        low = node * _DAYS + np.maximum(when - self._rules.days_after_window - self._longest[node], 0)
        high = node * _DAYS + when + self._rules.days_before_window
        pair, at = _expand(
            np.searchsorted(self._key, low, side="left"), np.searchsorted(self._key, high, side="right")
        )
        claim, when = claim[pair], when[pair]
        after = when - self._end[at]
        keep = np.flatnonzero(
            (after <= self._rules.days_after_window) & (self._currency[at] == currency[claim])
        )
        claim, at, after, relation = claim[keep], at[keep], after[keep], relation[pair[keep]]
        tactic_fit = fits[reason[claim], self._tactic[at]]
        if (tactic_fit == 0).any():
            keep = np.flatnonzero(tactic_fit != 0)
            claim, at, after, relation = claim[keep], at[keep], after[keep], relation[keep]
            tactic_fit = tactic_fit[keep]
        before = self._start[at] - day[claim]
        outside = np.where(after > 0, after, np.where(before > 0, -before, 0))
        limit = np.where(outside >= 0, self._rules.days_after_window, self._rules.days_before_window)
        date_fit = 1.0 - np.abs(outside) / np.maximum(limit, 1)
        date_fit[~self._has_window[at]] = np.nan
        return Candidates(
            offsets=np.searchsorted(claim, np.arange(len(customer) + 1)),
            promotion=self._promotion[at],
            relation=relation.astype(np.int8),
            customer_fit=self._relation_fits[relation],
            date_fit=date_fit,
            tactic_fit=tactic_fit,
            days_outside=outside,
        )


def _joined(parts: list[Candidates]) -> Candidates:
    if not parts:
        none = np.array([], dtype=np.float64)
        return Candidates(_int([0]), _int([]), _int([]).astype(np.int8), none, none, none, _int([]))
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("promotion", "relation", "customer_fit", "date_fit", "tactic_fit", "days_outside")
    }
    ends = np.cumsum([0] + [len(part.promotion) for part in parts])
    offsets = [part.offsets[:-1] + first for part, first in zip(parts, ends, strict=False)]
    return Candidates(offsets=np.concatenate([*offsets, ends[-1:]]), **columns)


def _expand(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of slices [first, last) end to end, and which slice each belongs to."""
    count = np.maximum(last - first, 0)
    owner = np.repeat(np.arange(len(first)), count)
    ends = np.cumsum(count)
    return owner, np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - count, count) + first[owner]


def _int(values) -> np.ndarray:
    return np.asarray(values, dtype=np.int64)


def _each(count: int, values: Iterator[int]) -> np.ndarray:
    """One whole number per claim; half the width is enough and there are many."""
    return np.fromiter(values, dtype=np.int32, count=count)
