"""Shares always sum to the whole, whatever the amount, the weights and the sign."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from include.money import CENT, allocate

amounts = st.decimals(min_value=Decimal("-1e12"), max_value=Decimal("1e12"), places=4)
weights = st.lists(st.integers(0, 10_000), min_size=1, max_size=12).filter(any)


@given(amounts, weights)
def test_parts_sum_to_the_whole(amount, shares):
    assert sum(allocate(amount, shares)) == amount


@given(amounts, weights)
def test_no_part_is_more_than_a_unit_from_its_exact_share(amount, shares):
    total = sum(shares)
    for part, weight in zip(allocate(amount, shares), shares, strict=True):
        assert abs(part - amount * weight / total) <= 2 * CENT
