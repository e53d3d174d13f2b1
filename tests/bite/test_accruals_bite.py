"""Mutants of the accruals that the reference, the cadence of runs or a spec test must disagree with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from include.money import ZERO
from include.reconcile import accrue, approvals, transitions
from include.reconcile.accrue import Recognised
from include.reconcile.books import Books
from tests.property import test_accruals_agree_with_reference as properties
from tests.spec import test_accruals as spec
from tests.trade_cases import deduction, guid, performance, promotion

PLAN = promotion("P1", "3000", accrual_method="spread")
CLAIM = deduction("D1", "1000", promotion_id=guid("P1"), posting_date=date(2026, 9, 2))


def the_reference() -> None:
    """Every method on one busy day, against the count by hand."""
    kinds = {"on_shipment": "total", "on_scan": "period", "lump_sum_date": "period"}
    done = [
        performance("P1", date(2026, 9, 3), "100", "0.1", factor="0.5"),
        performance("P1", date(2026, 9, 9), "200", "0.2"),
        performance("P1", date(2026, 9, 9), "300", "0.3", source="scanned"),
    ]
    rules = properties.Rules.from_settings({"granularity": kinds})
    found = accrue.side_by_side(PLAN, done, date(2026, 9, 10), rules)
    for method, value in found.items():
        expected = properties.recognised(method, PLAN, done, date(2026, 9, 10), kinds.get(method))
        assert value.amount == Decimal(expected.numerator) / Decimal(expected.denominator), method


def the_cadence() -> None:
    """A claim in the first days of a spread promotion, run early and late or late only."""
    life = (PLAN, [], [CLAIM], None, None)
    often, once = properties._end(life, [1, 20, 61], {})[0], properties._end(life, [61], {})[0]
    assert often.open_accrual("P1") == once.open_accrual("P1")


def _nothing_settled(self, changes, promotion) -> None:
    settled, self.state.settled = self.state.settled, type(self.state.settled)(lambda: ZERO)
    try:
        ADJUST(self, changes, promotion)
    finally:
        self.state.settled = settled


ADJUST = Books.adjust
SPREAD = accrue.spread
PERFORMED = accrue._performed


def _a_day_early(basis) -> Recognised:
    return SPREAD(replace(basis, as_of=date.fromordinal(basis.as_of.toordinal() + 1)))


def _all_at_once(basis) -> Recognised:
    return Recognised(basis.promotion.planned_amount, basis.as_of, basis.promotion.planned_amount)


MUTANTS: dict[str, tuple[Callable, Callable[[pytest.MonkeyPatch], None]]] = {
    "a day too many is recognised": (
        the_reference,
        lambda patch: patch.setitem(accrue.METHODS, "spread", _a_day_early),
    ),
    "a lump by week comes at once": (
        the_reference,
        lambda patch: patch.setitem(accrue.METHODS, "lump_sum_date", _all_at_once),
    ),
    "the granularity is not asked": (
        the_reference,
        lambda patch: patch.setattr(accrue, "_performed", lambda b, s, _: PERFORMED(b, s, "period")),
    ),
    "the forward buy is forgotten": (
        spec.test_scenario_d_tempers_shipments_after_a_forward_buy,
        lambda patch: patch.setitem(
            accrue.METHODS,
            "on_shipment",
            lambda b: accrue.on_shipment(
                replace(b, performance=[replace(p, tempered_amount=p.amount) for p in b.performance])
            ),
        ),
    ),
    "what is settled is accrued again": (
        the_cadence,
        lambda patch: patch.setattr(Books, "adjust", _nothing_settled),
    ),
    "nothing is adjusted": (
        spec.test_spread,
        lambda patch: patch.setattr(Books, "adjust", lambda *_: None),
    ),
    "every move is legal": (
        lambda: spec.test_an_illegal_move_moves_no_money("Cancelled", "Live"),
        lambda patch: patch.setattr(
            transitions,
            "reachable",
            lambda direct: dict.fromkeys({a for a, _ in direct} | {"Cancelled"}, ALL),
        ),
    ),
    "the fund is not asked": (
        spec.test_a_fund_without_room_blocks_an_approval,
        lambda patch: patch.setattr(approvals.FundRoom, "short_by", lambda *_: ZERO),
    ),
    "a blocked approval is never asked again": (
        spec.test_a_fund_without_room_blocks_an_approval,
        lambda patch: patch.setattr(approvals, "_may_be_asked", lambda d, p, state, t: state is None),
    ),
    "the order of approvals is lost": (
        spec.test_approvals_on_one_fund_are_decided_by_date_and_key,
        lambda patch: patch.setattr(approvals, "sorted", lambda rows, **_: list(rows), raising=False),
    ),
}
ALL = frozenset({"Draft", "Pending Approval", "Approved", "Live", "Closed", "Settled", "Cancelled"})


@pytest.mark.parametrize("check", [the_reference, the_cadence])
def test_the_checks_pass_without_a_mutant(check):
    check()


@pytest.mark.parametrize("name", MUTANTS)
def test_the_mutant_is_found(monkeypatch, name):
    check, plant = MUTANTS[name]
    plant(monkeypatch)
    with pytest.raises(Exception):  # noqa: B017 - a mutant that cannot even run is found as well
        check()
