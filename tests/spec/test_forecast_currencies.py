"""Pay in several currencies: one simulation each, and one over all of them in the tenant's currency."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import ROUND_FLOOR, Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.errors import TradewindError
from include.forecast.config import ForecastConfig
from include.forecast.currencies import convert_cents
from include.forecast.engine import GROUP_KINDS, rep_cents, simulate_block
from include.forecast.inputs import from_json
from include.forecast.mart_rows import MartRows
from tests.forecast_cases import company
from tests.spec.test_forecast_input_rules import frozen

RATE = Decimal("1.0873")
PAID_IN = {f"R{i:03d}": ("USD", "EUR", "GBP")[i % 3] for i in range(24)}


def three_currencies(*rates: tuple[str, Decimal]) -> MartRows:
    """The company where every third rep is paid in EUR and GBP; rates to USD of 1 October, older ones beside."""
    rows = company()

    def change(items):
        return [{**x, "currency": PAID_IN[x["rep_key"]]} for x in items]

    known = [
        {"from_currency": code, "to_currency": "USD", "rate_date": day, "rate": value}
        for code, rate in rates
        for day, value in (
            (date(2026, 1, 1), Decimal(7)),
            (date(2026, 10, 1), rate),
            (date(2026, 11, 1), Decimal(9)),
        )
    ]
    return replace(
        rows,
        sales_reps=change(rows.sales_reps),
        quotas=change(rows.quotas),
        sales_credits=change(rows.sales_credits),
        exchange_rates=known,
    )


def half_up(cents: int, rate: Decimal) -> int:
    return int((cents * rate + Decimal("0.5")).to_integral_value(rounding=ROUND_FLOOR))


def test_all_reps_in_the_tenants_currency_are_a_simulation_beside_the_single_ones():
    simulations = frozen(three_currencies(("EUR", RATE), ("GBP", Decimal("1.25"))), scenarios={"base": {}})
    assert [(s.scenario_id, s.currency, len(s.reps)) for s in simulations] == [
        ("base", "EUR", 8), ("base", "GBP", 8), ("base", "USD", 8), ("base:consolidated", "USD", 24),
    ]  # fmt: skip
    assert simulations[-1].rates == {"EUR": "1.0873", "GBP": "1.25"}
    assert (
        "pay in EUR is converted at 1.0873 USD, the latest rate known on 2026-10-31" in simulations[-1].notes
    )
    assert len({s.simulation_id(1, 100) for s in simulations}) == 4


def test_a_reps_pay_is_rounded_in_its_own_currency_and_again_when_converted():
    *single, together = frozen(three_currencies(("EUR", RATE), ("GBP", Decimal("1.25"))))
    rates = {"USD": Decimal(1), "EUR": RATE, "GBP": Decimal("1.25")}
    own = {
        rep.rep_key: [half_up(int(c), rates[s.currency]) for c in cents]
        for s in single
        for rep, cents in rep_cents(s, 9, 0, 50)
    }
    assert {rep.rep_key: cents.tolist() for rep, cents in rep_cents(together, 9, 0, 50)} == own
    block = simulate_block(together, 9, 0, 50)
    assert block.groups["total", ""].tolist() == [sum(c) for c in zip(*own.values(), strict=True)]
    for kind in GROUP_KINDS:
        parts = [cents for (k, _), cents in block.groups.items() if k == kind]
        assert np.array_equal(np.sum(parts, axis=0), block.groups["total", ""])


@settings(max_examples=200, deadline=None)
@given(
    cents=st.lists(st.integers(0, 10**11), min_size=1, max_size=20),
    rate=st.integers(1, 20_000 * 10**9).map(lambda n: Decimal(n).scaleb(-9)),
)
def test_conversion_is_the_exact_one_half_up(cents, rate):
    converted = convert_cents(np.array(cents, dtype=float), rate)
    assert [int(c) for c in converted] == [half_up(c, rate) for c in cents]


def test_a_half_cent_is_rounded_up():
    """1.005 x 300 is 301.5, though its nearest double lies below."""
    assert convert_cents(np.array([100.0, 300.0]), Decimal("1.005")).tolist() == [101, 302]
    assert convert_cents(np.array([1.0, 100.0, 300.0]), Decimal("1.085")).tolist() == [1, 109, 326]
    assert convert_cents(np.array([2.0, 6.0]), Decimal("1.25")).tolist() == [3, 8]


def test_amounts_that_cannot_be_counted_exactly_are_refused():
    with pytest.raises(TradewindError, match="where float64 counts exactly"):
        convert_cents(np.array([1e12]), Decimal(16_000))


def test_a_currency_without_a_rate_is_left_out_by_name():
    *single, together = frozen(three_currencies(("EUR", RATE)))
    assert [len(s.reps) for s in (*single, together)] == [8, 8, 8, 16]
    pounds = {key for key, code in PAID_IN.items() if code == "GBP"}
    reason = "paid in GBP, and no exchange rate to USD for 2026-10-31"
    assert together.exclusions == dict.fromkeys(sorted(pounds), reason)
    assert not any(s.exclusions for s in single)


def test_without_rates_there_is_no_common_simulation_and_a_note_says_so():
    simulations = frozen(three_currencies())
    assert [s.scenario_id for s in simulations] == ["base"] * 3
    assert {s.notes[-1] for s in simulations} == {
        "no simulation over all currencies: no exchange rate to USD for 2026-10-31"
    }


def test_one_currency_is_simulated_once_whatever_rates_there_are():
    rates = three_currencies(("EUR", RATE)).exchange_rates
    assert [s.scenario_id for s in frozen(replace(company(), exchange_rates=rates))] == ["base"]


def budget(scope: str, key: str | None, amount: int, currency: str) -> dict:
    return {"scope": scope, "scope_key": key, "period_start": date(2026, 1, 1),
            "period_end": date(2027, 1, 1), "budget_amount": Decimal(amount), "currency": currency}  # fmt: skip


def test_budgets_of_all_currencies_are_converted_and_added():
    rows = replace(
        three_currencies(("EUR", RATE), ("GBP", Decimal("1.25"))),
        compensation_budgets=[
            budget("total", None, 400_000, "USD"), budget("total", None, 300_000, "EUR"), budget("total", None, 100_001, "GBP"),
            budget("role", "AE", 500_000, "USD"),
        ],
    )  # fmt: skip
    *single, together = frozen(rows)
    assert [b["budget_amount"] for s in single for b in s.budgets] == ["300000", "100001", "400000"]
    # The role's; 400,000 + 300,000 x 1.0873 + 100,001 x 1.25
    assert [b["budget_amount"] for b in together.budgets] == ["500000.0000", "851191.2500"]


def test_a_budget_stated_once_is_the_companys_and_not_one_currencys():
    rows = replace(
        three_currencies(("EUR", RATE), ("GBP", Decimal("1.25"))),
        compensation_budgets=[budget("total", None, 800_000, "EUR")],
    )
    *single, together = frozen(rows)
    assert [s.budgets for s in single] == [(), (), ()]
    for simulation in single:
        assert (
            "budget total is in EUR, its reps are paid in EUR, GBP, USD: compared with all currencies together"
            in simulation.notes
        )
    assert [b["budget_amount"] for b in together.budgets] == ["869840.0000"]


def test_a_budget_in_another_currency_than_all_pay_is_not_passed_over_in_silence():
    rows = replace(company(), compensation_budgets=[budget("total", None, 800_000, "EUR")])
    [simulation] = frozen(rows)
    assert simulation.budgets == ()
    assert "budget total is in EUR, its reps are paid in USD: compared with nothing" in simulation.notes


def test_the_frozen_rate_decides_and_survives_its_json():
    together = frozen(three_currencies(("EUR", RATE)))[-1]
    again = from_json(together.to_json())
    assert (again.reps, again.rates) == (together.reps, {"EUR": "1.0873"})
    assert again.input_hash == together.input_hash
    other = replace(together, rates={"EUR": "2"})
    assert other.input_hash != together.input_hash
    with pytest.raises(TradewindError, match="none for EUR"):
        replace(together, rates={})


def test_no_scenario_may_take_the_name():
    with pytest.raises(TradewindError, match="does not end with :consolidated"):
        ForecastConfig.from_mapping({"scenarios": {"base:consolidated": {}}})
