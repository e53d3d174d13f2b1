"""Deductions that look like one already taken: the same document, the same money, in two parts, or one reversed before.

A suspicion is a question, never a decision. Of two alike, the later in (posting_date, deduction_key) order
is the suspect, unless the other has been decided already. What tells two deductions apart (another invoice,
another promotion's id, product lines that do not overlap) ends the suspicion.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import timedelta
from decimal import Decimal

from include.reconcile.hierarchy import CustomerTree
from include.reconcile.records import Deduction
from include.reconcile.rules import Rules

_SEPARATORS = re.compile(r"[\W_]+")
_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")
_PART_NUMBER = re.compile(r"[\W_]+[0-9]{1,2}\s*$")


def normalised(reference: str | None) -> str | None:
    """A document number as it is compared: no case, blanks, dashes or leading zeros ('inv-0007' = 'INV 7').

    None for what names no document, such as 'N/A' or '000'.
    """
    text = _LEADING_ZEROS.sub("", _SEPARATORS.sub("", reference or "").upper())
    return text if any(digit in text for digit in "123456789") else None


def without_part(reference: str | None) -> str | None:
    """The document number before a part number behind it ('DM857932307/1'), None where there is none.

    What is left must still tell documents apart: at least five digits.
    """
    shorter = _PART_NUMBER.sub("", reference or "")
    is_shorter = shorter != (reference or "") and sum(map(str.isdigit, shorter)) >= 5
    return normalised(shorter) if is_shorter else None


class DuplicateFinder:
    """All deductions that may be trade claims, by what a duplicate would share.

    `repaid` are the keys of deductions the retailer has paid back in full. `is_decided` says whether a
    deduction is settled or disputed already.
    """

    def __init__(
        self,
        deductions: Iterable[Deduction],
        rules: Rules,
        tree: CustomerTree,
        *,
        repaid: Collection[str],
        is_decided: Callable[[Deduction], bool],
    ):
        self._span = timedelta(days=rules.duplicate_days)
        self._split_span = timedelta(days=rules.split_days)
        self._tree = tree
        self._repaid = repaid
        self._is_decided = is_decided
        self._by_invoice: dict[tuple, list[Deduction]] = defaultdict(list)
        self._by_whole: dict[tuple, list[Deduction]] = defaultdict(list)
        self._by_check: dict[tuple, list[Deduction]] = defaultdict(list)
        self._by_amount: dict[tuple, list[Deduction]] = defaultdict(list)
        self._by_promotion: dict[tuple, dict[str, Deduction]] = defaultdict(dict)
        self._promotion_of: dict[str, str] = {}
        for d in sorted(deductions, key=order):
            if d.amount <= 0 or d.reason_code_normalized in rules.non_trade_reasons:
                continue
            if (invoice := self._invoice(d)) is not None:
                self._by_invoice[invoice].append(d)
            if (whole := self._whole(d)) is not None:
                self._by_whole[whole].append(d)
            if (check := self._check(d)) is not None:
                self._by_check[check].append(d)
            self._by_amount[d.customer_key, d.currency, d.amount].append(d)

    def _invoice(self, d: Deduction) -> tuple | None:
        number = normalised(d.invoice_ref)
        return None if number is None else (self._tree.root(d.customer_key), d.currency, number)

    def _whole(self, d: Deduction) -> tuple | None:
        number = without_part(d.invoice_ref)
        return None if number is None else (self._tree.root(d.customer_key), d.currency, number)

    def _check(self, d: Deduction) -> tuple | None:
        number = normalised(d.check_ref)
        return None if number is None else (self._tree.root(d.customer_key), d.currency, number, d.amount)

    def note(self, d: Deduction, promotion_key: str | None) -> None:
        """Remember which promotion a deduction was found to be for."""
        before = self._promotion_of.pop(d.deduction_key, None)
        if before is not None:
            self._by_promotion[d.customer_key, d.currency, before].pop(d.deduction_key, None)
        if promotion_key is not None and d.amount > 0:
            self._promotion_of[d.deduction_key] = promotion_key
            self._by_promotion[d.customer_key, d.currency, promotion_key][d.deduction_key] = d

    def by_document(self, d: Deduction) -> tuple[Deduction, str] | None:
        """The deduction of the same retailer with the same invoice, or the same check and amount, or reversed before."""
        for other in self._before(d, self._by_invoice.get(self._invoice(d), ())):
            if not _other_promotion(d, other) and not _other_lines(d, other):
                return other, f"the same invoice {d.invoice_ref}"
        parts = (*self._by_whole.get(self._invoice(d), ()), *self._by_invoice.get(self._whole(d), ()))
        for other in self._before(d, sorted(parts, key=order)):
            if d.amount == other.amount and not _other_promotion(d, other) and not _other_lines(d, other):
                return other, f"the same amount and, but for a part number, the same invoice {d.invoice_ref}"
        for other in self._before(d, self._by_check.get(self._check(d), ())):
            both_invoiced = normalised(d.invoice_ref) and normalised(other.invoice_ref)
            if not both_invoiced and not _other_lines(d, other):
                return other, f"the same check {d.check_ref} and amount"
        for other in self._before(d, self._by_amount[d.customer_key, d.currency, d.amount]):
            if other.deduction_key in self._repaid:
                return other, "the same amount as one that was reversed"
        return None

    def by_amount(self, d: Deduction, promotions: Collection[str]) -> tuple[Deduction, str] | None:
        """A deduction for one of `promotions` within `duplicate_days` of the same amount, whole or in two parts."""
        for other in self._before(d, self._near(d, d.amount)):
            if self._promotion_of.get(other.deduction_key) in promotions:
                return other, "the same amount and promotion within days"
        for key in promotions:
            peers = [
                o
                for o in self._by_promotion[d.customer_key, d.currency, key].values()
                if self._goes_with(d, o)
            ]
            found = self._part_of(d, key, peers) or self._sum_of(d, peers)
            if found is not None:
                return found
        return None

    def _part_of(self, d: Deduction, key: str, peers: list[Deduction]) -> tuple[Deduction, str] | None:
        """One of `peers` was this much and another deduction's amount."""
        for whole in self._before(d, sorted(peers, key=order)):
            for other in self._near(d, whole.amount - d.amount):
                if other in (d, whole) or not (self._are_parts(d, other) and self._goes_with(whole, other)):
                    continue
                if self._promotion_of.get(other.deduction_key, key) == key and self._may_be_for(other, d):
                    return whole, f"with {other.deduction_key} the same amount and promotion"
        return None

    def _sum_of(self, d: Deduction, peers: list[Deduction]) -> tuple[Deduction, str] | None:
        """Two of `peers` sum to this one."""
        seen: dict[Decimal, list[Deduction]] = defaultdict(list)
        for one in self._before(d, sorted(peers, key=order)):
            for other in seen.get(d.amount - one.amount, ()):
                if self._are_parts(one, other):
                    return other, f"with {one.deduction_key} the same amount and promotion"
            seen[one.amount].append(one)
        return None

    def _are_parts(self, one: Deduction, other: Deduction) -> bool:
        """Whether two deductions may be one amount taken in two."""
        return abs(one.posting_date - other.posting_date) <= self._split_span and self._goes_with(one, other)

    def _may_be_for(self, other: Deduction, d: Deduction) -> bool:
        """Whether a deduction whose promotion is not known yet may be for that of `d`."""
        if other.deduction_key in self._promotion_of:
            return True
        return not self._is_decided(other) and other.reason_code_normalized == d.reason_code_normalized

    def _near(self, d: Deduction, amount: Decimal) -> list[Deduction]:
        alike = self._by_amount.get((d.customer_key, d.currency, amount), [])
        first = bisect_left(alike, d.posting_date - self._span, key=lambda o: o.posting_date)
        last = bisect_right(alike, d.posting_date + self._span, key=lambda o: o.posting_date)
        return alike[first:last]

    def _goes_with(self, d: Deduction, other: Deduction) -> bool:
        """Whether two deductions may be about the same money: days apart, and nothing tells them apart."""
        if d.deduction_key == other.deduction_key or abs(d.posting_date - other.posting_date) > self._span:
            return False
        if other.deduction_key in self._repaid or _other_promotion(d, other) or _other_lines(d, other):
            return False
        numbers = {normalised(d.invoice_ref), normalised(other.invoice_ref)} - {None}
        return len(numbers) < 2

    def _before(self, d: Deduction, alike: Iterable[Deduction]) -> Iterator[Deduction]:
        for other in alike:
            if other.deduction_key != d.deduction_key and (
                order(other) < order(d) or self._is_decided(other)
            ):
                yield other


def _other_promotion(d: Deduction, other: Deduction) -> bool:
    return bool(d.promotion_id and other.promotion_id and d.promotion_id != other.promotion_id)


def _other_lines(d: Deduction, other: Deduction) -> bool:
    return bool(d.product_keys and other.product_keys and not d.product_keys & other.product_keys)


def order(d: Deduction) -> tuple:
    """The order in which deductions are evaluated."""
    return d.posting_date, d.deduction_key
