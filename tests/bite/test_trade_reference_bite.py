"""Mutants of the matching that the reference must disagree with."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import Phase, find, settings

from include.reconcile import claims, decide, weigh
from include.reconcile.rules import Rules
from include.reconcile.settle import exact_subsets, within_tolerance
from tests.property.test_trade_agrees_with_reference import agree, companies, crowds

EAGER = Rules(accept_lead=Decimal(0))


def _first_subset(*values, **terms) -> list:
    return exact_subsets(*values, **{**terms, "limit": 1})


def _wide(claim, **terms):
    return within_tolerance(claim, **{**terms, "tolerance": Decimal("0.05")})


MUTANTS: dict[str, tuple[object, str, Callable, Callable]] = {
    "a near tie is accepted": (
        claims,
        "decide",
        lambda c, r, rows, _, refused: decide.decide(c, r, rows, EAGER, refused),
        crowds,
    ),
    "the first of several combinations is taken": (decide, "exact_subsets", _first_subset, crowds),
    "no rival is seen": (decide, "_rivals", lambda *_: [], crowds),
    "what a cancelled promotion explains is settled elsewhere": (
        decide,
        "_refused",
        lambda *_: None,
        companies,
    ),
    "a weak reason or a sibling needs no lines": (decide, "_needs_lines", lambda *_: False, companies),
    "approval may come afterwards": (claims, "_not_before_approval", lambda *values: values[-1], companies),
    "the tolerance is wider": (claims, "within_tolerance", _wide, companies),
    "the amount does not count": (weigh, "amount_fit_one", lambda *_: 1.0, companies),
    "product lines do not count": (weigh, "overlap", lambda *_: float("nan"), companies),
}


def disagrees(company) -> bool:
    try:
        agree(company)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("name", MUTANTS)
def test_the_reference_finds_the_mutant(monkeypatch, name):
    place, attribute, mutant, strategy = MUTANTS[name]
    monkeypatch.setattr(place, attribute, mutant)
    search = settings(max_examples=1000, database=None, deadline=None, phases=[Phase.generate])
    assert find(strategy(), disagrees, settings=search)
