"""Pipeline mode: what is read off past deals, what of an open deal is expected in the year, what is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from include.errors import MissingInput, TradewindError
from include.forecast.close_dates import CloseDates, NewDeals, amount_spread
from include.forecast.config import ForecastConfig
from include.forecast.deal_history import read_deals
from include.forecast.engine import simulate_block
from include.forecast.horizon import Horizon
from include.forecast.inputs import SimulationInputs
from include.forecast.mart_rows import MartRows
from include.forecast.pipeline_rules import PipelineRules
from include.forecast.prepare import prepare
from include.forecast.win_rates import WinRates
from include.sandbox.world import SMALL, World, build
from tests.forecast_cases import company
from tests.pipeline_company import AS_OF, change, closed, deal, mart_rows

YEAR = Horizon("2026-10", AS_OF, date(2026, 1, 1), date(2027, 1, 1))


def rates(rows, history=(), **rules) -> WinRates:
    book = read_deals(rows, list(history), AS_OF)
    return WinRates(book.closed, PipelineRules.from_mapping(rules))


def forecast(rows: MartRows, horizon: Horizon = YEAR, currency: str = "USD", **settings) -> SimulationInputs:
    """The inputs of one scenario in pipeline mode."""
    body = {"mode": "pipeline", "goodness_samples": 0, **settings}
    return prepare(rows, horizon, ForecastConfig.from_mapping(body), tenant="alpha", currency=currency)[0]


def with_deals(deals, history=(), **more) -> MartRows:
    return replace(company(4), opportunities=deals, opportunity_history=list(history), **more)


def open_deals(inputs: SimulationInputs) -> dict[str, object]:
    return {d.opportunity_key: d for rep in inputs.reps for line in rep.lines for d in line.deals}


# Win rates


def test_a_rate_is_won_over_closed_among_deals_that_stood_there_at_that_age():
    rows, history = closed(40, 10, age=50, stages=("Proposal",))
    found = rates(rows, history).of("Proposal", 45, 0.9)
    assert (found.source, found.deal_count, found.win_count, found.rate) == ("stage and age", 40, 10, 0.25)
    assert found.rate_low < 0.25 < found.rate_high


@pytest.mark.parametrize(
    ("stage", "age", "crm", "source", "rate"),
    [
        ("Proposal", 10, 0.9, "stage and age", 0.25),
        ("Proposal", 200, 0.9, "stage", 0.25),
        ("Legal", 10, 0.9, "crm_probability", None),
        ("Legal", 10, None, "age", 0.25),
        ("Legal", None, 0.9, "crm_probability", None),
        ("Legal", 200, None, "all", 0.25),
        (None, 10, None, "age", 0.25),
    ],
)
def test_thin_cells_pool_to_stage_then_the_crms_word_then_age_then_all(stage, age, crm, source, rate):
    rows, history = closed(40, 10, age=50, stages=("Proposal",))
    found = rates(rows, history).of(stage, age, crm)
    assert (found.source, found.rate) == (source, rate)


def test_the_rate_by_age_is_among_deals_still_open_at_that_age():
    """Half of all are won; of those that live to 90 days a tenth."""
    young, _ = closed(40, 36, age=20)
    old, _ = closed(40, 4, age=120)
    found = rates(young + old)
    assert found.of(None, 5, None).rate == 0.5
    assert found.of(None, 100, None).rate == 0.1


def test_without_history_and_probability_nothing_is_known():
    assert rates([]).of("Proposal", 10, None) is None


def test_a_deal_counts_once_in_a_cell_however_often_it_changed():
    rows, history = closed(20, 20, age=20, stages=("Proposal", "Legal", "Proposal"))
    assert rates(rows, history).of("Proposal", 3, None).deal_count == 20


# As of


def test_a_deal_that_closed_later_was_open_and_stood_where_its_history_says():
    row = deal("A", created=date(2026, 9, 1), closes=date(2026, 11, 20), won=True, amount=Decimal(90_000))
    history = [
        change("A", date(2026, 9, 1), "Proposal", amount=Decimal(70_000), close_date=date(2026, 12, 15)),
        change("A", date(2026, 11, 20), "Closed Won", amount=Decimal(90_000)),
    ]
    book = read_deals([row], history, AS_OF)
    assert not book.closed
    state = book.open[0].states[-1]
    assert (state.stage, state.amount, state.close_date) == ("Proposal", 70_000, date(2026, 12, 15))
    later = read_deals([row], history, date(2026, 11, 20))
    assert later.closed[0].is_won and later.closed[0].closed == date(2026, 11, 20)


def test_without_history_only_its_age_is_known_of_a_deal_that_closed_later():
    row = deal("A", created=date(2026, 9, 1), closes=date(2026, 11, 20), won=False, probability=Decimal(0))
    book = read_deals([row], [], AS_OF)
    assert book.open[0].states == () and book.open[0].created == date(2026, 9, 1)


def test_deals_created_later_do_not_exist_yet():
    book = read_deals([deal("A", created=date(2026, 11, 1), closes=None)], [], AS_OF)
    assert not book.open and not book.closed


def test_later_changes_of_an_open_deal_are_not_used():
    row = deal("A", created=date(2026, 9, 1), closes=date(2026, 12, 1), stage="Legal")
    history = [
        change("A", date(2026, 9, 1), "Proposal", probability=Decimal("0.3")),
        change("A", date(2026, 11, 5), "Legal", probability=Decimal("0.9")),
    ]
    state = read_deals([row], history, AS_OF).open[0].states[-1]
    assert (state.stage, state.probability, state.amount) == ("Proposal", 0.3, 50_000)


def test_a_closed_deal_without_a_day_of_closing_says_nothing():
    book = read_deals([deal("A", created=date(2026, 1, 1), closes=None, won=True)], [], AS_OF)
    assert (book.closed, book.open, book.undated) == ((), (), 1)


# Close dates


def closing(rows, history, stage, age, stated):
    book = read_deals(rows, history, AS_OF)
    return CloseDates(book.closed, PipelineRules(), AS_OF).of(stage, age, stated)


def test_a_stated_date_slips_as_those_of_won_deals_did():
    rows, history = [], []
    for slip in (-5, 10, 40, 70):
        more = closed(10, 10, age=90, stages=("Proposal",), slip=slip)
        rows += [{**r, "opportunity_key": f"{r['opportunity_key']}{slip}"} for r in more[0]]
        history += [{**h, "opportunity_key": f"{h['opportunity_key']}{slip}"} for h in more[1]]
    found = closing(rows, history, "Proposal", 30, date(2026, 12, 1))
    assert found.source == "slippage of its stage"
    assert found.share(date(2026, 11, 1), date(2027, 1, 1)) == 0.5
    # Ten days overdue and still open: only those that were missed by more than that remain possible.
    overdue = closing(rows, history, "Proposal", 30, date(2026, 10, 21))
    assert overdue.share(date(2026, 11, 1), date(2026, 12, 1)) == 0.5
    assert overdue.share(date(2026, 11, 1), date(2027, 1, 1)) == 1.0
    assert closing(rows, history, "Legal", 30, date(2026, 12, 1)).source == "slippage"


def test_a_deal_long_overdue_closes_as_old_deals_did():
    rows, history = closed(30, 30, age=90, stages=("Proposal",), slip=5)
    found = closing(rows, history, "Proposal", 60, date(2026, 8, 1))
    assert found.source == "age"
    assert found.share(date(2026, 11, 30), date(2026, 12, 1)) == 1.0


def test_a_date_ahead_stands_where_no_slippage_is_known_however_old_won_deals_were():
    rows, _ = closed(30, 30, age=90)
    found = closing(rows, [], "Proposal", 60, date(2027, 3, 15))
    assert found.source == "stated date"
    assert found.share(date(2026, 11, 1), date(2027, 1, 1)) == 0.0
    assert closing(rows, [], "Proposal", 60, date(2026, 8, 1)).source == "age"


def test_without_history_the_stated_date_stands_and_an_overdue_deal_closes_the_next_day():
    assert (
        closing([], [], "Proposal", 60, date(2026, 12, 5)).share(date(2026, 12, 5), date(2026, 12, 6)) == 1.0
    )
    assert (
        closing([], [], "Proposal", 60, date(2026, 8, 5)).share(date(2026, 11, 1), date(2026, 11, 2)) == 1.0
    )
    assert closing([], [], "Proposal", 60, None) is None


def test_amounts_vary_as_those_won_did():
    rows, history = closed(20, 20, age=50, stages=("Proposal",))
    assert amount_spread(read_deals(rows, history, AS_OF).closed) == (0.0, 20)
    for n, row in enumerate(rows):
        row["amount"] = Decimal(40_000) * (2 if n % 2 else Decimal("0.5"))
    spread, count = amount_spread(read_deals(rows, history, AS_OF).closed)
    assert count == 20
    assert spread == pytest.approx(np.sqrt(np.expm1(np.log(2) ** 2)))


# Run-rate


def test_the_run_rate_is_what_an_open_pipeline_would_not_have_held():
    """Deals close at 10 or at 40 days of age: of 20 days, days 11 to 20 see the young ones as new."""
    new = NewDeals([(100.0, 10), (300.0, 40)], AS_OF)
    window = (AS_OF + timedelta(days=1), AS_OF + timedelta(days=21))
    assert new.share([window]) == pytest.approx(0.25 * 10 / 20)
    assert new.share([]) == 0.0


def test_a_replay_of_history_finds_the_same_share():
    """One deal of each kind is created every day; on a day in the middle the next 60 days are looked at."""
    rng = np.random.default_rng(3)
    kinds = [
        (float(a), int(d)) for a, d in zip(rng.lognormal(0, 1, 60), rng.integers(0, 120, 60), strict=True)
    ]
    new = total = 0.0
    for created in range(-130, 61):
        for amount, age in kinds:
            if 0 < created + age <= 60:
                total += amount
                new += amount if created > 0 else 0.0
    window = (AS_OF + timedelta(days=1), AS_OF + timedelta(days=61))
    assert NewDeals(kinds, AS_OF).share([window]) == pytest.approx(new / total)


def test_revenue_the_crm_never_held_counts_as_new():
    """20 deals of 50,000, all older than the year's rest: nothing is new, but half the credits came without a deal."""
    rows, _ = closed(20, 20, age=120)
    one = forecast(with_deals(rows, recent_credits=[{"currency": "USD", "amount": Decimal(2_000_000)}]))
    assert {line.new_share for rep in one.reps for line in rep.lines} == {0.5}
    assert any("50.0% of the revenue credited" in note for note in one.notes)
    alone = forecast(with_deals(rows))
    assert {line.new_share for rep in alone.reps for line in rep.lines} == {0.0}


def test_the_run_rate_keeps_the_mean_of_its_share_and_is_relatively_wider():
    """A share s of the months has s of the mean, and a spread as of s times the months."""
    rows, _ = closed(20, 20, age=30)
    pipe = forecast(with_deals(rows))
    base = forecast(with_deals(rows), mode="attainment")
    for ours, theirs in zip(pipe.reps, base.reps, strict=True):
        line, other = ours.lines[0], theirs.lines[0]
        share = line.new_share
        assert share == pytest.approx(31 / 61)
        assert line.marginal.mean == pytest.approx(share * other.marginal.mean)
        assert line.marginal.positive_cv2 == pytest.approx(other.marginal.positive_cv2 / share)


# A rep's open deals


def test_probability_chance_and_amount_reach_the_engine():
    rows, history = closed(40, 10, age=50, stages=("Proposal",), slip=20)
    mine = deal("O", created=AS_OF - timedelta(days=45), closes=date(2026, 12, 5))
    found = open_deals(forecast(with_deals([*rows, mine], history)))["O"]
    assert (found.amount, found.probability) == (50_000, 0.25)
    # 5 December and 20 days is Christmas; ten of 40 were won, too few for a slippage: the stated date stands.
    assert found.chance == 1.0
    more, changes = closed(40, 40, age=51, stages=("Proposal",), slip=40)
    late = open_deals(forecast(with_deals([*rows, *more, mine], [*history, *changes])))
    assert late["O"].chance == pytest.approx(10 / 50)
    assert late["O"].path[-1] == late["O"].chance and late["O"].path[9] == 0.0


def test_a_deal_that_closes_after_the_year_is_not_in_it():
    mine = deal("O", created=date(2026, 9, 1), closes=date(2027, 1, 1), probability=Decimal("0.5"))
    assert open_deals(forecast(with_deals([mine]))) == {}


def test_a_rep_who_leaves_closes_nothing_afterwards():
    rows = with_deals(
        [deal("O", created=date(2026, 9, 1), closes=date(2026, 12, 5), probability=Decimal("0.5"))]
    )
    assert "O" in open_deals(forecast(rows))
    reps = [{**rep, "termination_date": date(2026, 11, 30)} for rep in rows.sales_reps]
    assert open_deals(forecast(replace(rows, sales_reps=reps))) == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount": None}, "without an amount above 0"),
        ({"amount": Decimal(-5)}, "without an amount above 0"),
        ({"owner_rep_key": None}, "without an owner"),
        ({"owner_rep_key": "NOBODY"}, "owners who are not simulated here"),
        ({"probability": None}, "no history and no probability"),
        ({"close_date": None}, "no history and no close date"),
        ({"currency": "CHF"}, "in CHF without an exchange rate"),
    ],
)
def test_what_cannot_be_forecast_is_counted_and_said(change, words):
    mine = deal("O", created=date(2026, 9, 1), closes=date(2026, 12, 5), probability=Decimal("0.5"))
    inputs = forecast(with_deals([{**mine, **change}]))
    assert open_deals(inputs) == {}
    assert any(note.startswith("1 open deals") and words in note for note in inputs.notes), inputs.notes


def test_amounts_are_converted_at_the_rate_of_the_day_they_are_known():
    mine = deal(
        "O", created=date(2026, 9, 1), closes=date(2026, 12, 5), probability=Decimal("0.5"), currency="EUR"
    )
    exchange = [
        {"from_currency": "EUR", "to_currency": "USD", "rate_date": day, "rate": Decimal(rate)}
        for day, rate in ((date(2026, 10, 1), "1.1"), (date(2026, 11, 1), "1.3"))
    ]
    found = open_deals(forecast(with_deals([mine], exchange_rates=exchange)))["O"]
    assert found.amount == Decimal("55000")


def test_reps_of_several_currencies_have_deals_in_their_own_and_rates_in_the_tenants():
    """A deal of 50,000 US dollars of a rep paid in euros at 1.25: 40,000 for the rep, 50,000 again over all reps."""
    mine = deal("O", created=date(2026, 9, 1), closes=date(2026, 12, 5), probability=Decimal("0.5"))
    pairs = (("EUR", "USD", "1.25"), ("USD", "EUR", "0.8"))
    rows = with_deals(
        [mine, {**mine, "opportunity_key": "P", "owner_rep_key": "R001"}],
        exchange_rates=[
            {"from_currency": a, "to_currency": b, "rate_date": date(2026, 1, 1), "rate": Decimal(rate)}
            for a, b, rate in pairs
        ],
    )
    rows = replace(
        rows,
        sales_reps=[{**r, "currency": "EUR" if r["rep_key"] == "R000" else "USD"} for r in rows.sales_reps],
        quotas=[{**q, "currency": None} for q in rows.quotas],
    )
    config = ForecastConfig.from_mapping({"mode": "pipeline", "goodness_samples": 0})
    euros, dollars, together = prepare(rows, YEAR, config, tenant="alpha", currency="USD")
    assert {d.amount for d in open_deals(euros).values()} == {40_000}
    assert {d.amount for d in open_deals(dollars).values()} == {50_000}
    assert {key: d.amount for key, d in open_deals(together).items()} == {"O": 40_000, "P": 50_000}
    assert [rate["open_amount"] for rate in together.win_rates] == ["100000.0000"]


def test_what_is_left_of_a_deal_is_shared_as_its_credits_were():
    """50,000, of which 10,000 and 5,000 are credited: of 35,000 left, two thirds and one third."""
    mine = deal("O", created=date(2026, 9, 1), closes=date(2026, 12, 5), probability=Decimal("0.5"))
    credits = [
        {"opportunity_key": "O", "rep_key": key, "currency": "USD", "amount": Decimal(amount)}
        for key, amount in (("R001", 10_000), ("R002", 5_000))
    ]
    inputs = forecast(with_deals([mine], deal_credits=credits))
    parts = {rep.rep_key: d.amount for rep in inputs.reps for line in rep.lines for d in line.deals}
    assert parts == {"R001": Decimal("23333.33"), "R002": Decimal("11666.67")}
    credits[0]["amount"] = Decimal(45_000)
    inputs = forecast(with_deals([mine], deal_credits=credits))
    assert open_deals(inputs) == {}
    assert any("credited in full already" in note for note in inputs.notes)


def test_other_measures_stay_in_attainment_mode():
    mine = deal("O", created=date(2026, 9, 1), closes=date(2026, 12, 5), probability=Decimal("0.5"))
    rows = with_deals([mine])
    component = {
        "plan_key": "P1",
        "version": "1",
        "component": "team",
        "measure": "team_revenue",
        "weight": Decimal(1),
        "gate_measure": None,
        "gate_attainment": None,
        "kicker_amount": None,
    }
    team = replace(
        rows,
        compensation_plan_components=[component],
        quotas=[{**q, "measure": "team_revenue"} for q in rows.quotas],
        rep_attainment=[{**a, "measure": "team_revenue"} for a in rows.rep_attainment],
    )
    pipe, base = forecast(team), forecast(team, mode="attainment")
    assert [rep.lines for rep in pipe.reps] == [rep.lines for rep in base.reps]
    assert any(note.startswith("team_revenue: no deals are credited to it") for note in pipe.notes)
    assert "1 open deals of reps who are not measured by revenue are left out" in pipe.notes


# Modes and settings


def test_both_modes_stand_side_by_side():
    rows, history = closed(40, 10, age=50, stages=("Proposal",))
    mine = deal("O", created=date(2026, 9, 1), closes=date(2026, 12, 5))
    scenarios = {
        "base": {},
        "deals": {"mode": "pipeline"},
        "more": {"mode": "pipeline", "attainment_scale": 1.1},
    }
    body = {"scenarios": scenarios, "goodness_samples": 0}
    marts = with_deals([*rows, mine], history)
    base, deals, more = prepare(
        marts, YEAR, ForecastConfig.from_mapping(body), tenant="alpha", currency="USD"
    )
    assert [i.config["scenario"]["mode"] for i in (base, deals, more)] == [
        "attainment",
        "pipeline",
        "pipeline",
    ]
    assert open_deals(base) == {} and base.win_rates == () and "pipeline" not in base.config
    assert open_deals(deals)["O"].amount == 50_000 and open_deals(more)["O"].amount == 55_000
    assert deals.win_rates[0]["deal_count"] == 40 and deals.notes == more.notes
    alone = prepare(company(4), YEAR, ForecastConfig.from_mapping({"goodness_samples": 0}), tenant="alpha",
                    currency="USD")[0]  # fmt: skip
    assert alone.reps == base.reps


def test_pipeline_mode_without_deals_stops_and_names_what_is_missing():
    with pytest.raises(MissingInput, match=r"planning\.opportunities"):
        forecast(company(4))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"mode": "forecast"}, "attainment or pipeline"),
        ({"scenarios": {"a": {"mode": "x"}}}, "scenario a, mode"),
        ({"pipeline": {"age_band": [3]}}, "age_band"),
        ({"pipeline": {"age_bands": [60, 30]}}, "rising whole numbers"),
        ({"pipeline": {"age_bands": [0, 30]}}, "rising whole numbers"),
        ({"pipeline": {"minimum_deals": 0}}, "minimum_deals"),
        ({"pipeline": {"amount_spread": -0.1}}, "amount_spread"),
        ({"pipeline": {"run_rate": "yes"}}, "run_rate"),
        ({"pipeline": [1]}, "pipeline"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(body, words):
    with pytest.raises(TradewindError, match=words):
        ForecastConfig.from_mapping(body)


# The seeded company


@pytest.fixture(scope="module")
def world() -> World:
    return build(20260117, SMALL, "harbor")


def expected_revenue(inputs: SimulationInputs) -> Decimal:
    """Mean revenue still to come."""
    return sum(
        line.expected_credited - line.credited
        for rep in inputs.reps
        for line in rep.lines
        if line.measure == "revenue"
    )


@pytest.mark.parametrize("as_of", [date(2025, 12, 31), date(2026, 3, 31), date(2026, 7, 31), AS_OF])
def test_pipeline_and_run_rate_together_expect_what_attainment_mode_does(world, as_of):
    """Nothing is counted twice and nothing is lost: within a quarter of each other, from a year out to two months."""
    rows, horizon = mart_rows(world, as_of), Horizon("2026-10", as_of, YEAR.start, YEAR.end)
    pipe = expected_revenue(forecast(rows, horizon, world.currency))
    base = expected_revenue(forecast(rows, horizon, world.currency, mode="attainment"))
    assert 0.75 < pipe / base < 1.25


def test_the_win_rates_are_calibrated(world):
    """Deals open on 31 March, judged by what had closed by then: as many are won in time as were expected."""
    as_of = date(2026, 3, 31)
    horizon = Horizon("2026-03", as_of, YEAR.start, AS_OF + timedelta(days=1))
    inputs = forecast(mart_rows(world, as_of), horizon, world.currency)
    deals = open_deals(inputs)
    won = {o["Id"] for o in world.salesforce["Opportunity"] if o["IsWon"]}
    chances = np.array([d.probability * d.chance for d in deals.values()])
    actual = sum(key in won for key in deals)
    assert len(deals) > 40
    assert abs(actual - chances.sum()) < 4 * np.sqrt((chances * (1 - chances)).sum())


def test_the_whole_company_simulates_in_pipeline_mode(world):
    inputs = forecast(mart_rows(world, AS_OF), YEAR, world.currency)
    totals = simulate_block(inputs, 1, 0, 500)
    by_role = sum(v for (kind, _), v in totals.groups.items() if kind == "role")
    assert np.array_equal(by_role, totals.groups[("total", "")])
    last = inputs.at_month_end(11)
    assert np.array_equal(simulate_block(last, 1, 0, 500).groups[("total", "")], totals.groups[("total", "")])
    assert simulate_block(inputs.at_month_end(5), 1, 0, 50).groups[("total", "")].std() == 0.0
