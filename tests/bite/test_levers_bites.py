"""Promises of levers and optimiser, broken on purpose: the check that guards each must fail."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from include.forecast import drivers, levers, optimise, sampling
from tests.property import test_levers as guarded

CLOSED, LAWS = guarded.TestClosedForms(), guarded.TestLaws()


def test_unpaired_draws_would_be_seen(monkeypatch):
    seeds, paired = count(), drivers.totals
    monkeypatch.setattr(drivers, "totals", lambda inputs, seed, n: paired(inputs, seed + next(seeds), n))
    with pytest.raises(AssertionError):
        CLOSED.test_pairing_is_what_makes_errors_small()


def test_pay_scaled_instead_of_plans_would_be_seen(monkeypatch):
    """A cap that is lowered by scaling everybody's pay."""
    scaled = replace(levers.DRIVERS["cap"], apply=levers.DRIVERS["target_incentive"].apply)
    monkeypatch.setitem(levers.DRIVERS, "cap", scaled)
    with pytest.raises(AssertionError):
        CLOSED.test_means_of_changed_plans("cap", -0.2, (guarded.TIERS, 0.5, 2.0))


def test_pairs_resampled_as_if_independent_would_be_seen(monkeypatch):
    monkeypatch.setattr(sampling.Sampling, "cluster", lambda self, iterations: 1)
    with pytest.raises(AssertionError):
        CLOSED.test_errors_know_which_iterations_depend_on_each_other(sampling.Sampling("antithetic"))


def test_an_answer_that_is_merely_affordable_would_be_seen(monkeypatch):
    """The cheap end meets every budget that can be met."""
    monkeypatch.setattr(optimise._Search, "run", lambda self, first, last, budget: (last, last - 1, "met"))
    with pytest.raises(AssertionError):
        CLOSED.test_quota_scale_of_a_flat_plan()


def test_quotas_that_move_sales_would_be_seen(monkeypatch):
    def sold_more(inputs, factor):
        changed = levers.scaled_quota(inputs, factor)
        return levers.DRIVERS["attainment"].apply(changed, factor)

    monkeypatch.setitem(levers.DRIVERS, "quota", replace(levers.DRIVERS["quota"], apply=sold_more))
    with pytest.raises(AssertionError):
        LAWS.test_a_scaled_quota_does_not_change_what_is_sold()
