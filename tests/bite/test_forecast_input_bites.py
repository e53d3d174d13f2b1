"""Promises about the forecast's inputs, broken on purpose: the check that guards each must fail."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from include.forecast import engine, roster, rows
from include.forecast.commission_draws import Guarantee
from include.forecast.currencies import Rates
from include.forecast.draws import rep_entity
from include.forecast.plans import Plan
from include.forecast.service import Span
from tests.reference import test_forecast_reference as reference
from tests.spec import test_commission_draws as draw_rules
from tests.spec import test_forecast_currencies as currency_rules
from tests.spec import test_forecast_plan_changes as change_rules
from tests.spec import test_forecast_plan_rules as plan_rules


def test_one_stream_for_all_legs_would_be_seen(monkeypatch):
    for module in (engine, rows):
        monkeypatch.setattr(module, "rep_entity", lambda key, measure, since=None: rep_entity(key, measure))
    with pytest.raises(AssertionError):
        reference.test_totals_are_those_of_the_loops()


def test_a_plan_that_pays_the_whole_year_would_be_seen(monkeypatch):
    """The version in force last, for all days: what a forecast without legs does."""
    monkeypatch.setattr(
        roster,
        "spans",
        lambda versions, plan_key, first, end, as_of: ([Span(first, end, versions[-1])], None),
    )
    with pytest.raises((AssertionError, ValueError)):
        change_rules.test_each_version_pays_its_days_by_its_own_quota_and_share_of_the_target()
    with pytest.raises(pytest.fail.Exception):
        change_rules.test_a_gap_or_overlap_of_plan_versions_excludes_and_stops_when_it_hits_everybody(
            [(change_rules.JULY, None)], "plan gap"
        )


def test_a_target_incentive_paid_in_full_would_be_seen(monkeypatch):
    def whole(self, rep, plan, days):
        return rep["target_incentive"]

    monkeypatch.setattr(roster.RosterBuilder, "_target", whole)
    with pytest.raises(AssertionError):
        change_rules.test_the_target_incentive_is_a_years_and_is_served_by_days(
            {"termination_date": date(2026, 6, 30)}, "19835.62", 500_000
        )


def test_conversion_in_floats_would_be_seen(monkeypatch):
    monkeypatch.setattr(
        currency_rules, "convert_cents", lambda cents, rate: np.floor(cents * float(rate) + 0.5)
    )
    with pytest.raises(AssertionError):
        currency_rules.test_a_half_cent_is_rounded_up()


def test_a_rate_of_tomorrow_would_be_seen(monkeypatch):
    known = Rates.on
    monkeypatch.setattr(Rates, "on", lambda self, day, source, target: known(self, date.max, source, target))
    with pytest.raises(AssertionError):
        currency_rules.test_a_reps_pay_is_rounded_in_its_own_currency_and_again_when_converted()


def test_an_advance_counted_as_cost_would_be_seen(monkeypatch):
    def as_cost(inputs, rep):
        return Guarantee(sum((draw.amount for draw in rep.draws), Decimal(0)), Decimal(0), Decimal(0))

    monkeypatch.setattr(engine, "guarantee_of", as_cost)
    with pytest.raises(AssertionError):
        draw_rules.test_a_recoverable_draw_moves_no_cost_of_who_stays()


def test_a_plan_refused_at_its_first_fault_would_be_seen(monkeypatch):
    def first_only(header, tiers, components=(), **more) -> Plan:
        raise plan_rules.PlanError(where="plan P7 version 3", expected="", got="accelerator_mode", remedy="")

    monkeypatch.setattr(plan_rules, "build_plan", first_only)
    with pytest.raises(AssertionError):
        plan_rules.test_everything_wrong_with_a_plan_is_said_at_once()
