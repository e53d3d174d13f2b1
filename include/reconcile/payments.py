"""Payments beside each other: the same voucher paid twice, a check voided, a fee that another payment names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from include.reconcile.duplicates import normalised
from include.reconcile.records import ApPayment


class PaymentBook:
    """All payments known by the business date that may be trade fees."""

    def __init__(self, payments: Iterable[ApPayment]):
        self._alike: dict[tuple, list[ApPayment]] = defaultdict(list)
        self._naming: dict[str, list[ApPayment]] = defaultdict(list)
        self._void_of: dict[str, ApPayment] = {}
        self._voided_by: dict[str, ApPayment] = {}
        ordered = sorted(payments, key=order)
        for p in ordered:
            if p.amount > 0 and (number := normalised(p.reference)) is not None:
                self._alike[p.customer_key, p.currency, number, p.amount].append(p)
        for p in ordered:
            if p.amount < 0:
                self._link(p, ordered)
        for p in ordered:
            if p.amount > 0 and p.promotion_id and p.payment_key not in self._voided_by:
                self._naming[p.promotion_id.lower()].append(p)

    def paid_before(self, payment: ApPayment) -> ApPayment | None:
        """The earlier payment of the same voucher: customer, reference and amount, neither voided nor for another promotion."""
        number = normalised(payment.reference)
        alike = self._alike.get((payment.customer_key, payment.currency, number, payment.amount), ())
        return next((p for p in self._standing(alike) if _may_be_same(p, payment)), None)

    def named_by(self, promotion_id: str | None) -> ApPayment | None:
        """The first payment that names a promotion and was not voided."""
        return next(iter(self._naming.get((promotion_id or "").lower(), ())), None)

    def void_of(self, payment: ApPayment) -> ApPayment | None:
        """The negative payment that voids this one."""
        return self._voided_by.get(payment.payment_key)

    def original_of(self, void: ApPayment) -> ApPayment | None:
        """The payment that a negative one voids."""
        return self._void_of.get(void.payment_key)

    def _standing(self, payments: Iterable[ApPayment]) -> Iterator[ApPayment]:
        return (p for p in payments if p.payment_key not in self._voided_by)

    def _link(self, void: ApPayment, ordered: list[ApPayment]) -> None:
        """A void is for the latest payment of the same amount and reference, or of the same promotion, before it."""
        number = normalised(void.reference)
        for p in reversed(ordered):
            is_same_money = (p.customer_key, p.currency, p.amount) == (
                void.customer_key,
                void.currency,
                -void.amount,
            )
            if not is_same_money or order(p) > order(void) or p.payment_key in self._voided_by:
                continue
            if number is not None and normalised(p.reference) is not None:
                is_its_own = number == normalised(p.reference)
            else:
                is_its_own = bool(void.promotion_id) and _may_be_same(p, void)
            if is_its_own:
                self._voided_by[p.payment_key] = void
                self._void_of[void.payment_key] = p
                return


def order(payment: ApPayment) -> tuple:
    """The order in which payments are evaluated."""
    return payment.payment_date, payment.payment_key


def _may_be_same(earlier: ApPayment, later: ApPayment) -> bool:
    if order(earlier) >= order(later):
        return False
    named = {p.promotion_id.lower() for p in (earlier, later) if p.promotion_id}
    return len(named) < 2
