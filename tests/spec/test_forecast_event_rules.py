"""What starts a forecast between its dates, and what does not (MCS-12, MCS-13, ORC-11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from include.errors import TradewindError
from include.extract.posted import RowRefused, typed_rows
from include.forecast.events import Baseline, Deal, Facts, find_events, large, quotas_of
from include.forecast.new_quotas import lay_over
from tests.forecast_cases import company

LIMIT = Decimal(500_000)
QUOTA = {("R1", "revenue", "2026-01-01"): ("2027-01-01", "1000000", "USD")}
SEEN = Facts(LIMIT, "USD", frozenset({"D-old"}), QUOTA)
BASELINE = Baseline("sim_1", date(2026, 10, 31), 1, SEEN)


def deal(key: str = "D1", amount: object = 501_000, day: str = "2026-11-10", **changes: object) -> Deal:
    """A won deal in the tenant's currency."""
    amount = Decimal(str(amount))
    values = {"key": key, "amount": amount, "currency": "USD", "close_date": date.fromisoformat(day)}
    return Deal(**{**values, "converted": amount, **changes})


@pytest.mark.parametrize(
    ("amount", "is_large"),
    [("501000", True), ("500000.01", True), ("500000.0001", True), ("500000", False), ("499999.99", False)],
)
def test_a_deal_must_be_strictly_above_the_amount(amount, is_large):
    assert bool(large([deal(amount=amount)], LIMIT)) is is_large


@pytest.mark.parametrize(("converted", "is_large"), [("600000", True), ("400000", False), (None, False)])
def test_a_deal_counts_in_the_tenants_currency_and_not_without_a_rate(converted, is_large):
    foreign = deal(amount=450_000, currency="EUR", converted=converted and Decimal(converted))
    assert bool(large([foreign], LIMIT)) is is_large


def keys(events) -> list[str]:
    return [event.key for event in events]


def test_a_deal_the_forecast_had_seen_is_no_event():
    events = find_events(BASELINE, [deal("D-old"), deal("D-new")], SEEN)
    assert keys(events) == ["large_deal_closed|D-new"]
    assert events[0].details["amount"] == "501000"


def test_a_deal_recorded_late_is_an_event_though_it_closed_before_the_forecasts_date():
    assert keys(find_events(BASELINE, [deal("D-late", day="2026-10-02")], SEEN)) == [
        "large_deal_closed|D-late"
    ]


def test_a_lower_amount_makes_events_of_later_deals_only():
    """A forecast that looked above 500,000 had seen a deal of 300,000 all the same, when it closed before."""
    now = replace(SEEN, threshold=Decimal(200_000))
    found = find_events(BASELINE, [deal("A", 300_000, "2026-10-02"), deal("B", 300_000, "2026-11-02")], now)
    assert keys(found) == ["large_deal_closed|B"]


@pytest.mark.parametrize(
    ("quotas", "changed"),
    [
        (QUOTA, 0),
        ({("R1", "revenue", "2026-01-01"): ("2027-01-01", "1100000", "USD")}, 1),
        ({("R1", "revenue", "2026-01-01"): ("2026-12-01", "1000000", "USD")}, 1),
        ({("R1", "revenue", "2026-01-01"): ("2027-01-01", "1000000", "EUR")}, 1),
        ({**QUOTA, ("R2", "revenue", "2026-01-01"): ("2027-01-01", "5", "USD")}, 1),
        ({("R2", "revenue", "2026-01-01"): ("2027-01-01", "5", "USD")}, 2),
        ({}, 1),
    ],
)
def test_any_change_of_quotas_is_one_event(quotas, changed):
    events = find_events(BASELINE, [], replace(SEEN, quotas=quotas))
    assert [event.details["changed"] for event in events] == ([changed] if changed else [])


def test_a_quota_that_changes_back_and_again_is_an_event_each_time():
    there = replace(SEEN, quotas={})
    first, again = find_events(BASELINE, [], there), find_events(replace(BASELINE, ordinal=3), [], there)
    assert keys(first) != keys(again)
    assert keys(first) == keys(find_events(BASELINE, [], there))


def test_quotas_of_other_years_and_how_an_amount_is_written_change_nothing():
    def row(start, end, amount):
        return {"rep_key": "R1", "measure": None, "period_start": start, "period_end": end, "quota_amount": Decimal(amount)}  # fmt: skip

    year = (date(2026, 1, 1), date(2027, 1, 1))
    rows = [row(*year, "1000000.0000"), row(date(2027, 1, 1), date(2028, 1, 1), "7"), row(date(2025, 1, 1), year[0], "7")]  # fmt: skip
    assert quotas_of(rows, *year, "USD") == QUOTA


def test_facts_survive_storing():
    assert Facts.from_mapping(SEEN.as_mapping()) == SEEN


NEW = {"rep_key": "R003", "period_start": "2026-10-01", "period_end": "2027-01-01", "quota_amount": "300000"}


def test_a_new_quota_stands_in_for_the_loaded_one():
    rows, notes = lay_over(company(), typed_rows("quotas", [NEW]), "USD")
    [window] = [q for q in rows.quotas if q["rep_key"] == "R003" and q["period_start"] == date(2026, 10, 1)]
    assert window["quota_amount"] == 300_000
    assert len(rows.quotas) == len(company().quotas)
    assert notes[0].startswith("1 quotas were given with the run and are not loaded yet (sha256 ")
    assert notes[1] == (
        "quota of R003, revenue, from 2026-10-01: 300,000.00 USD to 2027-01-01 instead of 250,000.00 USD to 2027-01-01"
    )


def test_a_new_quota_that_has_been_loaded_since_changes_nothing():
    rows = company()
    assert lay_over(rows, typed_rows("quotas", [NEW | {"quota_amount": 250_000}]), "USD") == (rows, ())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rep_key": "nobody"}, "a rep_key of sales_reps · got nobody"),
        (
            {"period_start": "2026-11-01"},
            "R003 revenue: 2026-10-01 to 2027-01-01 and 2026-11-01 to 2027-01-01",
        ),
        ({"period_end": "2027-02-01", "period_start": "2026-12-31"}, "do not overlap"),
    ],
)
def test_new_quotas_that_cannot_stand_are_refused_by_name(changes, message):
    with pytest.raises(TradewindError, match=message):
        lay_over(company(), typed_rows("quotas", [NEW | changes]), "USD")


def test_a_new_quota_given_twice_is_refused():
    with pytest.raises(TradewindError, match="R003 revenue 2026-10-01 twice"):
        lay_over(company(), typed_rows("quotas", [NEW, NEW | {"quota_amount": "1"}]), "USD")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([NEW | {"quota_amount": -1}], r"row 1 of quotas.quota_amount.*at least 0"),
        ([NEW, NEW | {"quota_amount": "1e6"}], r"row 2 of quotas.quota_amount.*exponent form"),
        ([NEW | {"quota_amount": float("nan")}], "quota_amount.*not a number"),
        ([NEW | {"quota_amount": True}], "quota_amount"),
        ([NEW | {"period_start": "2026-13-01"}], "period_start.*no such day"),
        ([NEW | {"period_end": "2026-10-01"}], "row 1 of quotas"),
        ([NEW | {"quota": 5}], "quotas.quota.*a column of the contract"),
        ([{"rep_key": "R003"}], "period_start"),
        ([5], "row 1 is none"),
        ({"rep_key": "R003"}, "a list of rows"),
        ("R003", "a list of rows"),
        ([NEW | {"currency": "DOLLAR"}], "currency.*ISO 4217"),
    ],
)
def test_new_quotas_are_read_as_the_contract_reads_them(given, message):
    with pytest.raises(RowRefused, match=message):
        typed_rows("quotas", given)
