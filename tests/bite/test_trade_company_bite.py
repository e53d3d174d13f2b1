"""Faults of the engine, one at a time, each of which the company of tests/trade_company.py must stumble over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from include.money import ZERO
from include.reconcile import candidates, claims, engine, journal
from include.reconcile.books import Books
from include.reconcile.duplicates import DuplicateFinder
from include.reconcile.release import Release
from include.reconcile.settle import Share, within_tolerance
from tests.trade_company import PERIODS, DisturbedCompany


def _all_of_it(claim, **_) -> Share:
    return Share(claim, ZERO, False)


def _forgetful(claim, **terms) -> Share:
    return within_tolerance(claim, **{**terms, "settled_before": ZERO})


def _twice(open_accrual, *_) -> Release:
    return Release(open_accrual * 2, True)


def _nothing(*_, **__) -> None:
    """Leaves out what it should do."""


def _short(document: Callable) -> Callable:
    return lambda *values: document(*values)[:-1]


def _turned(document: Callable) -> Callable:
    return lambda *values: tuple(
        replace(line, debit_amount=line.credit_amount, credit_amount=line.debit_amount)
        for line in document(*values)
    )


MUTANTS: dict[str, tuple[object, str, Callable]] = {
    "more is settled than authorised": (claims, "within_tolerance", _all_of_it),
    "earlier claims are forgotten": (claims, "within_tolerance", _forgetful),
    "the residual is released twice over": (engine, "releasable", _twice),
    "duplicates are ignored": (DuplicateFinder, "by_document", _nothing),
    "a settlement loses a line": (journal, "settlement", _short(journal.settlement)),
    "a release has the wrong sign": (journal, "release", _turned(journal.release)),
    "a charge-back has the wrong sign": (journal, "debit_memo", _turned(journal.debit_memo)),
    "the receipt is not copied": (Books, "receive", _nothing),
    "the excess is not charged back": (Books, "dispute", _nothing),
    "a repayment leaves the settlement": (Books, "undo_settlement", _nothing),
    "a repayment leaves the charge-back": (Books, "repay", _nothing),
    "snapshots are lost": (Books, "_snapshot", _nothing),
    "decided claims are decided again": (engine, "_is_due", lambda *_: True),
    "closed periods are posted to": (Books, "posting_date", lambda self, wanted: (wanted, None)),
    "anything may be claimed on": (candidates, "refusal", _nothing),
}


class Choices:
    """Answers of the machine's draws, in order."""

    def __init__(self, *answers: str):
        self._answers = list(answers)

    def draw(self, _strategy) -> str:
        return self._answers.pop(0)


def life() -> None:
    """A month in which every law is at stake: AssertionError when one breaks."""
    company = DisturbedCompany()
    company.begin("on_close", "fail", "propose", False)
    for planned, customer, kind in (
        ("10000", "grocer", 3),
        ("4000", "rival", 3),
        ("2500", "north", 2),
        ("1000", "rival", 0),
    ):
        company.approve(planned, customer, kind, 5)
    trade = {"reason": "PROMO", "currency": "USD"}
    company.deduct("10000", "1.3", "grocer", named=0, invoice=None, **trade)
    company.deduct("2500", "1", "rival", named=1, invoice="INV-1", **trade)
    company.deduct("1000", "1", "rival", named=1, invoice="inv 01", **trade)
    company.deduct("2500", "1", "north", named=None, invoice=None, **trade)
    company.run(1)
    company.deduct("3333.33", "1", "rival", named=1, invoice=None, **trade)
    company.run(1)
    company.repay(Choices("D00"), "0.1")
    company.run(2)
    company.repay(Choices("D01"), "1")
    company.run_that_is_killed_and_retried(2, 3)
    company.decide(Choices("D02", "P1"), "settle", None)
    company.pay_fee(Choices("P3"), False)
    company.run(1)
    company.close_or_reopen(PERIODS[1])
    company.deduct("0.01", "1", "rival", named=1, invoice=None, **trade)
    company.run(1)
    company.close_or_reopen(PERIODS[1])
    company.end(Choices("P0"), "Closed")
    company.end(Choices("P1"), "Closed")
    company.run(10)
    company.run_that_is_killed_and_retried(10, 4)


def test_the_life_is_lawful_without_a_fault():
    life()


@pytest.mark.parametrize("name", MUTANTS)
def test_the_company_stumbles_over_the_fault(monkeypatch, name):
    place, attribute, mutant = MUTANTS[name]
    monkeypatch.setattr(place, attribute, mutant)
    with pytest.raises(Exception):  # noqa: B017  a law that is broken, or a fault that cannot even run
        life()


@pytest.mark.nightly
@pytest.mark.parametrize("name", MUTANTS)
def test_any_life_finds_the_fault(monkeypatch, name):
    place, attribute, mutant = MUTANTS[name]
    monkeypatch.setattr(place, attribute, mutant)
    search = settings(
        max_examples=3000,
        stateful_step_count=40,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises(Exception):  # noqa: B017
        run_state_machine_as_test(DisturbedCompany, settings=search)
