"""Deductions that look like one already taken: the same document, the same money, or one reversed before.

A suspicion is a question, never a decision. Of two alike, the later in (posting_date, deduction_key) order
is the suspect, unless the other has been decided already.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import timedelta

from include.reconcile.records import Deduction
from include.reconcile.rules import Rules


class DuplicateFinder:
    """All deductions that may be trade claims, by what a duplicate would share.

    `repaid` are the keys of deductions the retailer has paid back in full. `is_decided` says whether a
    deduction is settled or disputed already.
    """

    def __init__(
        self,
        deductions: Iterable[Deduction],
        rules: Rules,
        *,
        repaid: Collection[str],
        is_decided: Callable[[Deduction], bool],
    ):
        self._rules = rules
        self._repaid = repaid
        self._is_decided = is_decided
        self._by_invoice: dict[tuple, list[Deduction]] = defaultdict(list)
        self._by_check: dict[tuple, list[Deduction]] = defaultdict(list)
        self._by_amount: dict[tuple, list[Deduction]] = defaultdict(list)
        for d in sorted(deductions, key=order):
            if d.amount <= 0 or d.reason_code_normalized in rules.non_trade_reasons:
                continue
            if d.invoice_ref:
                self._by_invoice[d.customer_key, d.currency, d.invoice_ref].append(d)
            if d.check_ref:
                self._by_check[d.customer_key, d.currency, d.check_ref, d.amount].append(d)
            self._by_amount[d.customer_key, d.currency, d.amount].append(d)

    def by_document(self, d: Deduction) -> tuple[Deduction, str] | None:
        """The deduction that has the same invoice, or the same check and amount, or was reversed before."""
        if d.invoice_ref:
            for other in self._before(d, self._by_invoice[d.customer_key, d.currency, d.invoice_ref]):
                if not (d.promotion_id and other.promotion_id and d.promotion_id != other.promotion_id):
                    return other, f"the same invoice {d.invoice_ref}"
        if d.check_ref:
            for other in self._before(d, self._by_check[d.customer_key, d.currency, d.check_ref, d.amount]):
                if not (d.invoice_ref and other.invoice_ref):
                    return other, f"the same check {d.check_ref} and amount"
        for other in self._before(d, self._by_amount[d.customer_key, d.currency, d.amount]):
            if other.deduction_key in self._repaid:
                return other, "the same amount as one that was reversed"
        return None

    def by_amount(self, d: Deduction, has_promotion: Callable[[Deduction], bool]) -> Deduction | None:
        """A deduction of equal amount within `duplicate_days` for which `has_promotion` says yes."""
        alike = self._by_amount[d.customer_key, d.currency, d.amount]
        span = timedelta(days=self._rules.duplicate_days)
        first = bisect_left(alike, d.posting_date - span, key=lambda o: o.posting_date)
        last = bisect_right(alike, d.posting_date + span, key=lambda o: o.posting_date)
        return next((o for o in self._before(d, alike[first:last]) if has_promotion(o)), None)

    def _before(self, d: Deduction, alike: list[Deduction]) -> Iterable[Deduction]:
        for other in alike:
            if other.deduction_key != d.deduction_key and (
                order(other) < order(d) or self._is_decided(other)
            ):
                yield other


def order(d: Deduction) -> tuple:
    """The order in which deductions are evaluated."""
    return d.posting_date, d.deduction_key
