"""G-09: draws against commission, window by window, and what they do to the cost of the year."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from include.forecast.commission_draws import Guarantee, guarantee_of, settle, settlements
from include.forecast.engine import rep_cents, simulate_block
from include.forecast.inputs import Draw, SimulationInputs, from_json
from include.forecast.mart_rows import MartRows
from tests.forecast_cases import company
from tests.spec.test_forecast_input_rules import HORIZON, frozen, with_rep
from tests.spec.test_forecast_plan_changes import changed_in_july, credits_of, rep_of

YEAR_END = replace(HORIZON, as_of=date(2026, 12, 31))


def draws(amount: int, count: int, *, is_recoverable: bool) -> list[Draw]:
    return [
        Draw(f"2026-{n:02d}-01", f"2026-{n + 1:02d}-01", Decimal(amount), is_recoverable, (), ())
        for n in range(1, count + 1)
    ]


@pytest.mark.parametrize(
    ("is_recoverable", "earned", "paid", "balances"),
    [
        (True, (500, 3000), (1500, 2000), (1000, 0)),
        (False, (500, 3000), (1500, 3000), (0, 0)),
        (True, (500, 2000, 4000), (1500, 1500, 3500), (1000, 500, 0)),
        (True, (0, 0, 1400), (1500, 1500, 1500), (1500, 3000, 3100)),
        (True, (-200, 4000), (1500, 2300), (1700, 0)),
    ],
)
def test_a_draw_is_paid_at_least_and_recovered_from_later_earnings(is_recoverable, earned, paid, balances):
    settled = settle(draws(1500, len(earned), is_recoverable=is_recoverable), [Decimal(e) for e in earned])
    assert tuple(s.paid for s in settled) == paid
    assert tuple(s.balance for s in settled) == balances
    # Cash is what was earned and what is still owed: a recoverable draw costs nothing else.
    if is_recoverable:
        assert sum(paid) == sum(earned) + balances[-1]


def test_a_guarantee_leaves_an_older_balance_alone():
    advance, guarantee = draws(1500, 2, is_recoverable=True)
    settled = settle([advance, replace(guarantee, is_recoverable=False)], [Decimal(500), Decimal(200)])
    assert [(s.paid, s.balance) for s in settled] == [(1500, 1000), (1500, 1000)]


def with_draws(
    rows: MartRows, *windows: tuple[date, date, int], is_recoverable: bool, **more: object
) -> MartRows:
    """The company where R000 has draws."""
    found = [
        {"rep_key": "R000", "period_start": start, "period_end": end, "draw_amount": Decimal(amount),
         "is_recoverable": is_recoverable, "currency": "USD", **more}
        for start, end, amount in windows
    ]  # fmt: skip
    return replace(rows, compensation_draws=found)


def cents(simulation: SimulationInputs, key: str = "R000", count: int = 400) -> np.ndarray:
    return next(c for rep, c in rep_cents(simulation, 3, 0, count) if rep.rep_key == key)


QUARTERS = [
    (date(2026, 1, 1), date(2026, 4, 1)),
    (date(2026, 4, 1), date(2026, 7, 1)),
    (date(2026, 7, 1), date(2026, 10, 1)),
]
#: Credits of 100,000, 500,000 and 200,000 by quarter: on 40,000 target, 50 % threshold, a quota of 1,000,000 the year's
#: pay grows to 0, 24,000 and 32,000.
CREDITS = [(date(2026, 2, 1), 100_000), (date(2026, 6, 30), 500_000), (date(2026, 7, 1), 200_000)]


def test_earned_in_a_window_is_what_the_years_pay_grew_by():
    rows = credits_of(company(), "R000", *CREDITS)
    simulation = frozen(with_draws(rows, *((*q, 10_000) for q in QUARTERS), is_recoverable=True))[0]
    assert [(s.earned, s.paid, s.balance) for s in settlements(simulation, rep_of(simulation))] == [
        (0, 10_000, 10_000), (24_000, 14_000, 0), (8_000, 10_000, 2_000),
    ]  # fmt: skip


def test_a_recoverable_draw_moves_no_cost_of_who_stays():
    rows = credits_of(company(), "R000", *CREDITS)
    plain, drawn = (
        frozen(r)[0] for r in (rows, with_draws(rows, *((*q, 10_000) for q in QUARTERS), is_recoverable=True))
    )
    assert np.array_equal(cents(plain), cents(drawn))


def test_what_a_leaver_has_not_paid_back_is_cost():
    """Left on 30 September, 2,000 owed: with 75 % of the quota and of the target, and the year's pay known."""
    rows = with_rep(credits_of(company(), "R000", *CREDITS), termination_date=date(2026, 9, 30))
    drawn = with_draws(rows, *((*q, 20_000) for q in QUARTERS), is_recoverable=True)
    plain, owing = (frozen(r)[0] for r in (rows, drawn))
    balance = settlements(owing, rep_of(owing))[-1].balance
    assert balance > 0
    assert (cents(owing) - cents(plain)).tolist() == [int(balance * 100)] * 400


def test_past_guarantees_add_what_they_paid_above_earnings():
    rows = credits_of(company(), "R000", *CREDITS)
    drawn = with_draws(rows, *((*q, 10_000) for q in QUARTERS), is_recoverable=False)
    plain, topped = (frozen(r)[0] for r in (rows, drawn))
    # 10,000 above 0, nothing above 24,000, 2,000 above 8,000.
    assert (cents(topped) - cents(plain)).tolist() == [12_000_00] * 400


def test_an_open_guarantee_is_a_floor_for_what_is_still_to_come():
    """November and December pay at least 10,000 above the pay earned by October."""
    rows = credits_of(company(), "R000", *CREDITS)
    window = (date(2026, 11, 1), date(2027, 1, 1), 10_000)
    plain, floored = (frozen(r)[0] for r in (rows, with_draws(rows, window, is_recoverable=False)))
    assert guarantee_of(floored, rep_of(floored)) == Guarantee(Decimal(0), Decimal(10_000), Decimal(32_000))
    before, after = cents(plain), cents(floored)
    assert np.array_equal(after, np.maximum(before, 42_000_00))
    assert (before < 42_000_00).any()
    assert (before > 42_000_00).any()


def test_draws_of_a_changed_plan_count_the_pay_of_both_legs():
    rows = changed_in_july(credits_of(company(), "R000", *CREDITS), cap_value=Decimal(2))
    simulation = frozen(with_draws(rows, *((*q, 1) for q in QUARTERS), is_recoverable=True))[0]
    earned = [s.earned for s in settlements(simulation, rep_of(simulation))]
    # First half: 600,000 of 500,000 pay 130 % of 19,835.62. Second: 200,000 of 500,000 is below the threshold.
    assert earned == [Decimal(0), Decimal("25786.31"), Decimal(0)]


def test_totals_count_draws_once_and_the_fan_ends_where_the_year_does():
    rows = credits_of(company(), "R000", *CREDITS)
    windows = [*((*q, 10_000) for q in QUARTERS), (date(2026, 10, 1), date(2027, 1, 1), 30_000)]
    simulation = frozen(with_draws(rows, *windows, is_recoverable=False))[0]
    block = simulate_block(simulation, 3, 0, 200)
    assert block.rep_sums.sum() == block.groups["total", ""].sum()
    again = from_json(simulation.to_json())
    assert np.array_equal(simulate_block(again, 3, 0, 200).groups["total", ""], block.groups["total", ""])
    last = simulation.at_month_end(11)
    assert np.array_equal(cents(last), cents(simulation))
    march = simulation.at_month_end(2)
    assert cents(march).tolist() == [10_000_00] * 400


def test_a_window_over_the_edge_of_the_year_counts_by_its_days():
    rows = with_draws(company(), (date(2025, 12, 2), date(2026, 1, 11), 4_000), is_recoverable=True)
    [draw] = rep_of(frozen(rows)[0]).draws
    assert (draw.start, draw.end, draw.amount) == ("2026-01-01", "2026-01-11", 1_000)


@pytest.mark.parametrize(
    ("windows", "more", "reason"),
    [
        ([(*QUARTERS[0], 1)], {"currency": "EUR"}, "draw in EUR, pay in USD"),
        ([(*QUARTERS[0], -1)], {}, "the draw from 2026-01-01 has no amount, a negative one or no days"),
        ([(*QUARTERS[0], 1), (date(2026, 3, 31), date(2026, 5, 1), 1)], {}, "the draw from 2026-03-31 overlaps"),
    ],
)  # fmt: skip
def test_draws_that_cannot_be_settled_exclude_their_rep(windows, more, reason):
    rows = with_draws(company(), *windows, is_recoverable=True, **more)
    assert reason in frozen(rows)[0].exclusions["R000"]
