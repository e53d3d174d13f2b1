"""Broken promises of the events and the exports: the checks that guard them must fail."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from include.forecast import events
from include.report import exporters
from tests.spec import test_forecast_event_rules as rules
from tests.unit import test_forecast_exporters as exports


def test_an_amount_that_is_only_reached_would_be_seen(monkeypatch):
    monkeypatch.setattr(rules, "large", lambda deals, limit: [d for d in deals if d.converted >= limit])
    with pytest.raises(AssertionError):
        rules.test_a_deal_must_be_strictly_above_the_amount("500000", is_large=False)


def test_a_comparison_by_date_would_miss_a_deal_recorded_late(monkeypatch):
    monkeypatch.setattr(events, "_is_new", lambda deal, baseline, now: deal.close_date > baseline.as_of)
    with pytest.raises(AssertionError):
        rules.test_a_deal_recorded_late_is_an_event_though_it_closed_before_the_forecasts_date()


def test_a_key_without_the_baselines_place_would_be_seen(monkeypatch):
    found = events.find_events
    monkeypatch.setattr(
        rules, "find_events", lambda baseline, deals, now: found(replace(baseline, ordinal=1), deals, now)
    )
    with pytest.raises(AssertionError):
        rules.test_a_quota_that_changes_back_and_again_is_an_event_each_time()


def test_amounts_rounded_on_their_way_out_would_be_seen(monkeypatch, tmp_path):
    cents = Decimal("0.01")
    monkeypatch.setattr(
        exporters, "_places", lambda value: None if value is None else Decimal(value).quantize(cents)
    )
    report = exports.report_of()
    for exporter in exporters.EXPORTERS.values():
        exporter.write(report, tmp_path / exporter.file)
    with pytest.raises(AssertionError):
        exports.test_every_format_adds_up_to_the_total(report, tmp_path, "base", "rep")
