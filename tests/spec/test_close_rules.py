"""The month end's rules, one sentence a test: which periods are due, when a check ties, who may sign and reopen."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from include import fiscal
from include.close.balances import Posted, at_ends, moved
from include.close.checklist import CHECKS, Finding, judge, why_not
from include.close.decisions import PeriodDecision, answer
from include.close.periods import Event, Standing, agenda, calendar_months, chosen, closed_through, standings
from include.close.rules import CloseRules
from include.money import money
from tests.close_marts import months, weeks

BEGIN = date(2026, 1, 1)


def due(periods, as_of, found=(), lag=5, begins=BEGIN, asked=None):
    return [p.name for p in agenda(periods, found, begins=begins, as_of=as_of, lag_days=lag, asked=asked).due]


def closed(period, generation=1, state="closed", as_of=date(2026, 2, 10), by=None) -> Standing:
    return Standing(period, generation, state, as_of, by)


def test_a_period_is_due_the_day_after_its_lag():
    assert due(months(2026), date(2026, 2, 5)) == []
    assert due(months(2026), date(2026, 2, 6)) == ["2026-01"]
    assert due(months(2026), date(2026, 2, 1), lag=0) == ["2026-01"]


def test_a_year_of_thirteen_periods_closes_thirteen_times():
    periods = weeks(date(2026, 1, 4), [4] * 13, 2026)
    assert (
        due(periods, periods[-1].end_date + timedelta(days=6), begins=periods[0].start_date)[-1] == "2026-13"
    )


def test_a_53rd_week_belongs_to_the_last_period_of_a_4_4_5_calendar():
    periods = weeks(date(2026, 1, 4), [4, 4, 5] * 3 + [4, 4, 6], 2026)
    assert periods[-1].end_date - periods[0].start_date == timedelta(weeks=53, days=-1)
    last = periods[-1].end_date
    begins = periods[0].start_date
    assert due(periods, last - timedelta(days=1), begins=begins)[-1] == "2026-11"
    assert due(periods, last + timedelta(days=6), begins=begins)[-1] == "2026-12"


def test_without_a_calendar_months_of_the_fiscal_year_are_closed():
    found = calendar_months(date(2026, 6, 15), date(2026, 8, 2), start_month=7)
    assert [p.name for p in found] == ["2026-12", "2027-01", "2027-02"]
    assert (found[0].start_date, found[0].end_date) == (date(2026, 6, 1), date(2026, 6, 30))


def test_one_delivered_calendar_is_the_companys_and_of_several_the_named_one():
    one, other = months(2026, calendar="A"), months(2026, calendar="B")
    assert chosen(one, "X") == one
    assert chosen(one + other, "B") == other
    assert chosen(one + other, "X") == []


def test_what_ended_before_the_ledger_began_is_history():
    assert due(months(2026), date(2026, 4, 6), begins=date(2026, 3, 10)) == ["2026-03"]
    assert due(months(2026), date(2026, 4, 6), begins=None) == []


def test_the_lag_of_a_reopened_period_counts_from_its_reopening():
    january = months(2026)[0]
    found = [closed(january, state="reopened", as_of=date(2026, 2, 10))]
    assert due(months(2026), date(2026, 2, 15), found) == []
    assert due(months(2026), date(2026, 2, 16), found) == ["2026-01"]


def test_a_period_asked_for_needs_no_lag_but_the_ones_before_it():
    assert due(months(2026), date(2026, 2, 1), asked="2026-01") == ["2026-01"]
    assert due(months(2026), date(2026, 1, 31), asked="2026-01") == []
    assert due(months(2026), date(2026, 3, 20), asked="2026-02") == []


@pytest.mark.parametrize(
    ("zone", "day"), [("America/Chicago", date(2026, 2, 5)), ("Europe/Amsterdam", date(2026, 2, 6))]
)
def test_the_day_ends_in_the_companys_own_zone(zone, day):
    as_of = fiscal.business_date(
        partition_key=None,
        param=None,
        event=None,
        run_after=datetime(2026, 2, 6, 2, tzinfo=UTC),
        timezone=zone,
    )
    assert as_of == day
    assert bool(due(months(2026), as_of)) == (day == date(2026, 2, 6))


@pytest.mark.parametrize("check", [c for c in CHECKS if not c.lists], ids=lambda c: c.name)
def test_two_sides_tie_when_they_are_equal_item_by_item(check):
    must = CloseRules().must_tie
    assert judge(check.name, [Finding("USD", money(5), money(5), 0)], must)[0].status == "tied"
    unequal = judge(check.name, [Finding("USD", money(5), money(7), 1, "D1")], must)
    assert (unequal[0].status, unequal[0].difference) == ("not_tied", money(2))
    assert bool(why_not(unequal)) == check.is_blocking
    assert judge(check.name, [Finding("USD", money(5), money(5), 2, "D1, D2")], must)[0].status == "not_tied"
    assert judge(check.name, [], must)[0].status == "not_applicable"


@pytest.mark.parametrize("check", [c for c in CHECKS if c.lists], ids=lambda c: c.name)
def test_a_list_ties_when_it_is_empty(check):
    must = CloseRules().must_tie
    assert judge(check.name, [], must)[0].status == "tied"
    assert judge(check.name, [Finding("USD", money(0), money(9), 1, "X")], must)[0].status == "not_tied"
    assert judge(check.name, None, must)[0].status == "not_applicable"


def test_balances_roll_from_end_to_end_and_say_what_moved():
    def posted(amount, day, found=None):
        return Posted("accruals", "2200", "USD", day, money(amount), money(found or amount))

    ends = [date(2026, 1, 31), date(2026, 2, 28)]
    rows = [posted("100", date(2026, 1, 5)), posted("-40", date(2026, 2, 5)), posted("9", date(2026, 3, 1))]
    found = at_ends(rows, ends)
    assert [found[end][0].found for end in ends] == [money(100), money(60)]
    late = at_ends([*rows, posted("1", date(2026, 1, 9))], ends)
    assert moved(found[ends[0]], found[ends[0]]) == []
    assert (
        moved(found[ends[1]], late[ends[1]])[0]
        == "accruals 2200 USD by the sub-ledger: 60.0000 then, 61.0000 now"
    )


def decision(action, by="Bob", reason=None, period=1) -> PeriodDecision:
    return PeriodDecision("K", 2026, period, action, reason, by, datetime(2026, 2, 11, tzinfo=UTC))


JANUARY, FEBRUARY = months(2026)[:2]


@pytest.mark.parametrize(
    ("given", "found", "said"),
    [
        (decision("sign"), [], "is not closed, so there is nothing to sign"),
        (decision("sign"), [closed(JANUARY, state="reopened")], "is not closed again"),
        (decision("sign"), [closed(JANUARY, state="signed", by="Ann")], "is signed by Ann already"),
        (decision("sign", by=" "), [closed(JANUARY)], "nobody is named"),
        (decision("reopen"), [closed(JANUARY)], "needs a reason"),
        (decision("reopen", "ANN ", "why"), [closed(JANUARY, state="signed", by="Ann")], "somebody else"),
        (decision("reopen", reason="why"), [closed(JANUARY), closed(FEBRUARY)], "reopen that one first"),
    ],
)
def test_refused(given, found, said):
    refused = answer(given, found)
    assert refused.standing is None
    assert said in refused.why


def test_signed_and_reopened():
    assert answer(decision("sign"), [closed(JANUARY)]).standing is not None
    assert (
        answer(decision("reopen", reason="why"), [closed(JANUARY, state="signed", by="Ann")]).standing
        is not None
    )


def test_a_period_stands_as_its_events_up_to_the_day_say():
    events = [
        Event(JANUARY, 1, "closed", date(2026, 2, 6), "tradewind"),
        Event(JANUARY, 1, "signed", date(2026, 2, 7), "Ann"),
        Event(JANUARY, 1, "reopened", date(2026, 2, 9), "Bob"),
        Event(JANUARY, 2, "closed", date(2026, 2, 15), "tradewind"),
    ]
    states = {day: standings(events, date(2026, 2, day)) for day in (5, 7, 9, 15)}
    assert states[5] == []
    assert (states[7][0].state, states[7][0].signed_by) == ("signed", "Ann")
    assert closed_through(states[9]) is None
    assert (states[15][0].generation, states[15][0].signed_by) == (2, None)
