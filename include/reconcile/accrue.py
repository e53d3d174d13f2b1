"""How much of a promotion is a liability by a given day: the accrual methods of resolution C46.

Every method answers one question: what should have been recognised in all by the business date. The books
post the difference to what stands there, so a missed day, a replay or a kill changes no total. Off-invoice
money is deducted on the invoice and never accrues.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor

from include.money import ZERO, allocate, round_half_up
from include.reconcile.records import NO_WINDOW, ClosedPeriod, FiscalPeriod, Performance, Promotion
from include.reconcile.rules import Rules

#: So much closed history makes the first run a take-over of running books: a quarter.
_TAKE_OVER_DAYS = 90
_WEEK = 7

#: Commercial statuses that stand for an approved promotion.
APPROVED = frozenset({"Approved", "Live", "Closed", "Settled"})
DEFAULT_METHOD = "full_on_approval"


@dataclass(frozen=True)
class Basis:
    """What a method looks at: the promotion with its agreed plan, and its performance up to `as_of`."""

    promotion: Promotion
    performance: Sequence[Performance]
    as_of: date
    rules: Rules


@dataclass(frozen=True)
class Recognised:
    """The cumulative amount, the last day it belongs to, and what the first journal states.

    `at_first` differs from `amount` where the plan is accrued and performance corrects it afterwards. `units`
    and `factor` say what was performed and which share of it counts after a forward buy.
    """

    amount: Decimal
    dated_on: date | None
    at_first: Decimal
    units: Decimal | None = None
    factor: Decimal | None = None


def full_on_approval(basis: Basis) -> Recognised:
    """The whole plan on the day of approval; what was earned instead, once the window's performance is complete."""
    plan = _plan(basis.promotion)
    earned = _earned(basis.promotion)
    return Recognised(plan if earned is None else earned, basis.promotion.approved_date, plan)


def spread(basis: Basis) -> Recognised:
    """The plan in equal parts over the days of the window; what was earned once performance is complete."""
    promotion = basis.promotion
    plan = _plan(promotion)
    days = (promotion.window_end - promotion.window_start).days + 1
    passed = min(max((basis.as_of - promotion.window_start).days + 1, 0), days)
    amount = _earned(promotion)
    if amount is None:
        amount = plan if passed == days else round_half_up(plan * passed / days)
    return Recognised(amount, min(basis.as_of, promotion.window_end) if passed else None, amount)


def on_shipment(basis: Basis) -> Recognised:
    """Rate times units shipped so far in the window, tempered by the forward-buy factor (scenario D)."""
    return _performed(basis, "shipped", basis.rules.granularity_of("on_shipment"))


def on_scan(basis: Basis) -> Recognised:
    """Rate times units scanned so far in the window."""
    return _performed(basis, "scanned", basis.rules.granularity_of("on_scan"))


def lump_sum_date(basis: Basis) -> Recognised:
    """A fixed amount: on the first day of the window, or in parts on the first day of each of its weeks."""
    promotion = basis.promotion
    plan = _plan(promotion)
    first = max(promotion.window_start, promotion.approved_date or promotion.window_start)
    if basis.as_of < promotion.window_start:
        return Recognised(ZERO, None, ZERO)
    if basis.rules.granularity_of("lump_sum_date") == "total":
        return Recognised(plan, first, plan)
    days = (promotion.window_end - promotion.window_start).days + 1
    parts = allocate(plan, [min(_WEEK, days - start) for start in range(0, days, _WEEK)])
    begun = min((basis.as_of - promotion.window_start).days // _WEEK + 1, len(parts))
    last = promotion.window_start + timedelta(days=_WEEK * (begun - 1))
    amount = sum(parts[:begun], ZERO)
    return Recognised(amount, max(first, last), amount)


#: What is recognised by a day, by method. A method that is not here accrues as DEFAULT_METHOD.
METHODS: dict[str, Callable[[Basis], Recognised]] = {
    DEFAULT_METHOD: full_on_approval,
    "spread": spread,
    "on_shipment": on_shipment,
    "on_scan": on_scan,
    "lump_sum_date": lump_sum_date,
}
#: Other spellings of a method in the contract.
_ALIASES = {"lump_sum": "lump_sum_date"}
#: What was performed is the amount; no plan is needed to recognise it.
_BY_PERFORMANCE = frozenset({"on_shipment", "on_scan"})


def method_of(promotion: Promotion) -> str:
    """The accrual method that is applied; without a window only the day of approval is left to go by."""
    method = _ALIASES.get(promotion.accrual_method, promotion.accrual_method)
    return method if method in METHODS and promotion.window_start < NO_WINDOW else DEFAULT_METHOD


def recognised(
    promotion: Promotion, performance: Sequence[Performance], as_of: date, rules: Rules
) -> Recognised | None:
    """What the promotion's own method recognises by `as_of`; None when it does not accrue (yet).

    An unknown plan has nothing to accrue, unless the method goes by performance alone.
    """
    if not _accrues(promotion, as_of):
        return None
    method = method_of(promotion)
    if method not in _BY_PERFORMANCE and promotion.planned_amount is None:
        return None
    return METHODS[method](Basis(promotion, performance, as_of, rules))


def side_by_side(
    promotion: Promotion, performance: Sequence[Performance], as_of: date, rules: Rules
) -> dict[str, Recognised]:
    """What every method would have recognised by `as_of`; empty when the promotion does not accrue."""
    if not _accrues(promotion, as_of):
        return {}
    basis = Basis(promotion, performance, as_of, rules)
    known = promotion.window_start < NO_WINDOW
    return {name: method(basis) for name, method in METHODS.items() if known or name == DEFAULT_METHOD}


def _share(rows: Sequence[Performance]) -> Fraction:
    """The part of shipments and returns that counts after a forward buy, from 0 to 1."""
    if all(row.tempered_amount == row.amount for row in rows):
        return Fraction(1)
    whole = Fraction(sum(abs(row.amount) for row in rows))
    return Fraction(sum(abs(row.tempered_amount) for row in rows)) / whole if whole else Fraction(1)


def _plan(promotion: Promotion) -> Decimal:
    return max(promotion.planned_amount or ZERO, ZERO)


def _earned(promotion: Promotion) -> Decimal | None:
    """What performance came to once its window is complete, for a promotion with a plan to correct."""
    known = promotion.earned_amount is not None and _plan(promotion) > ZERO
    return max(promotion.earned_amount, ZERO) if known else None


def _accrues(promotion: Promotion, as_of: date) -> bool:
    approved = promotion.status in APPROVED and promotion.approved_date is not None
    return approved and promotion.approved_date <= as_of and not promotion.is_off_invoice


def _performed(basis: Basis, source: str, granularity: str) -> Recognised:
    """`period`: every week of the window at its own rate. `total`: all units at the mean of the weeks' rates."""
    rows = [p for p in basis.performance if p.source == source and p.performed_on <= basis.as_of]
    if not rows:
        return Recognised(ZERO, None, ZERO)
    tempered = source == "shipped" and basis.rules.forward_buy_factor == "on"
    units, amounts = defaultdict(Decimal), defaultdict(Decimal)
    for row in rows:
        week = (row.performed_on - basis.promotion.window_start).days // _WEEK
        units[week] += row.units
        amounts[week] += row.amount
    share = _share(rows) if tempered else Fraction(1)
    if granularity == "total" and any(units.values()):
        # Exact: a mean of thirds that comes to half a cent must round as half a cent.
        rates = [Fraction(amounts[week]) / Fraction(units[week]) for week in units if units[week]]
        exact = sum(rates) / len(rates) * Fraction(sum(units.values())) * share
        whole = Decimal(floor(exact * 100 + Fraction(1, 2))) / 100
    else:
        whole = sum((row.tempered_amount if tempered else row.amount for row in rows), ZERO)
    amount = max(ZERO, round_half_up(whole))
    last = max(row.performed_on for row in rows)
    return Recognised(
        amount,
        last,
        amount,
        sum(units.values(), Decimal(0)),
        Decimal(floor(share * 10**6 + Fraction(1, 2))).scaleb(-6) if tempered else None,
    )


def open_date(wanted: date, closed: Sequence[ClosedPeriod]) -> date:
    """`wanted`, or the first day after it that is in no closed period."""
    for period in sorted(closed, key=lambda p: (p.start_date, p.end_date)):
        if period.start_date <= wanted <= period.end_date:
            wanted = period.end_date + timedelta(days=1)
    return wanted


def cutover_date(periods: Sequence[FiscalPeriod], as_of: date) -> date | None:
    """Where the ledger of a company begins whose books are closed up to the present, None for any other.

    Asked once, by a tenant's first run. When every period begun by `as_of` is closed (the present one and the
    one before may still be open, for closing takes weeks) and they hold at least a quarter, the company has
    a history that was accrued in its time. Such approvals are opening balances, dated the first open day
    (control C59), and not postings to a closed period. With a single month closed, or an open one before it,
    a posting dated there is refused (golden G-36), as it is in every later run.
    """
    begun = sorted((p for p in periods if p.start_date <= as_of), key=lambda p: p.start_date)
    for _ in range(2):
        if begun and not begun[-1].is_closed:
            begun.pop()
    if not begun or not all(p.is_closed for p in begun):
        return None
    if (begun[-1].end_date - begun[0].start_date).days + 1 < _TAKE_OVER_DAYS:
        return None
    return begun[-1].end_date + timedelta(days=1)
