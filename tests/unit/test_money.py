"""Guards against amounts that change on their way: floats, exponents, lost places, shares that do not sum."""

from decimal import Decimal

import pytest

from include.errors import TradewindError
from include.money import allocate, money, round_half_up


@pytest.mark.parametrize("text", ["0", "-0.0001", "999999999999999.9999", " 12.50 "])
def test_amounts_come_in_exactly(text):
    assert money(text) == Decimal(text.strip())
    assert money(text).as_tuple().exponent == -4


@pytest.mark.parametrize(
    "value", [1.5, True, "1e5", "1,000", "NaN", "Infinity", "", "12.34567", "1000000000000000", None]
)
def test_what_is_not_exact_money_is_refused_with_what_to_do(value):
    with pytest.raises(TradewindError, match="to do"):
        money(value)


@pytest.mark.parametrize(
    ("amount", "rounded"), [("0.125", "0.13"), ("0.115", "0.12"), ("-0.125", "-0.12"), ("2.675", "2.68")]
)
def test_halves_go_up_as_in_sql_and_the_engine(amount, rounded):
    assert round_half_up(Decimal(amount)) == Decimal(rounded)


def test_shares_follow_the_largest_remainder():
    """G-21: three partners on 20,000.00 of 100,000 get 6,666.67, 6,666.67 and 6,666.66."""
    assert allocate(Decimal("20000"), [1, 1, 1]) == [
        Decimal("6666.67"),
        Decimal("6666.67"),
        Decimal("6666.66"),
    ]
    assert allocate(Decimal("333333.33"), [60, 30, 10]) == [
        Decimal("200000.00"),
        Decimal("100000.00"),
        Decimal("33333.33"),
    ]


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1]])
def test_shares_without_a_positive_weight_are_refused(weights):
    with pytest.raises(TradewindError, match="weights"):
        allocate(Decimal("1"), weights)
