"""Each promise of pipeline mode, broken on purpose: the check that guards it must fail."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from scipy.special import ndtri

from include.forecast import close_dates, deal_history, deals, run_rate, win_rates
from tests.golden import test_forecast_goldens as goldens
from tests.pipeline_company import AS_OF
from tests.spec import test_pipeline_deals as drawn
from tests.spec import test_pipeline_rules as rules


def test_a_deal_drawn_apart_in_every_leg_would_be_seen(monkeypatch):
    """A leg that forgets what closed before it counts deals twice."""
    alone = property(lambda self: (float(-ndtri(self.probability * self.chance)), np.inf))
    monkeypatch.setattr(deals.Deal, "bounds", alone)
    with pytest.raises(AssertionError):
        drawn.test_a_deal_counts_in_one_leg_at_most()


def test_a_probability_that_is_used_the_wrong_way_round_would_be_seen(monkeypatch):
    mirrored = property(lambda self: (float(ndtri(self.probability * self.chance)), np.inf))
    monkeypatch.setattr(deals.Deal, "bounds", mirrored)
    with pytest.raises(AssertionError):
        goldens.test_pipeline_outcomes_pay_as_enumerated()


def test_one_stream_for_all_deals_would_be_seen(monkeypatch):
    monkeypatch.setattr(deals, "deal_entity", lambda key: "deal")
    with pytest.raises(AssertionError):
        goldens.test_pipeline_outcomes_pay_as_enumerated()


def test_noise_whose_mean_is_not_one_would_be_seen(monkeypatch):
    monkeypatch.setattr(deals.math, "log1p", lambda x: x)
    with pytest.raises(AssertionError):
        drawn.test_noise_spreads_the_amount_and_keeps_its_mean()


def test_a_look_into_the_future_would_be_seen(monkeypatch):
    """Reading deals as they are today, not as they were."""
    honest = deal_history.read_deals
    monkeypatch.setattr(rules, "read_deals", lambda rows, history, as_of: honest(rows, history, date.max))
    for check in (
        rules.test_a_deal_that_closed_later_was_open_and_stood_where_its_history_says,
        rules.test_later_changes_of_an_open_deal_are_not_used,
        rules.test_deals_created_later_do_not_exist_yet,
    ):
        with pytest.raises((AssertionError, IndexError)):
            check()


def test_a_deal_counted_for_each_of_its_changes_would_be_seen(monkeypatch):
    honest = win_rates.WinRates._passed
    monkeypatch.setattr(win_rates.WinRates, "_passed", lambda self, deal: [*honest(self, deal)] * 2)
    with pytest.raises(AssertionError):
        rules.test_a_deal_counts_once_in_a_cell_however_often_it_changed()


def test_slippage_that_has_passed_already_would_be_seen(monkeypatch):
    """An overdue deal cannot close before the day it is still open on."""

    def careless(self, shift, offsets, source):
        return None if offsets is None else close_dates.Closing(self._as_of, shift, offsets, source)

    monkeypatch.setattr(close_dates.CloseDates, "_after", careless)
    with pytest.raises(AssertionError):
        rules.test_a_stated_date_slips_as_those_of_won_deals_did()


def test_counting_what_is_open_as_new_would_be_seen(monkeypatch):
    """A run-rate of everything that history won doubles the pipeline."""
    monkeypatch.setattr(run_rate.RunRate, "share", lambda self, role, windows: 1.0 if windows else 0.0)
    world = rules.build(20260117, rules.SMALL, "harbor")
    with pytest.raises(AssertionError):
        rules.test_pipeline_and_run_rate_together_expect_what_attainment_mode_does(world, AS_OF)
