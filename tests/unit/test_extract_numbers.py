"""Numbers on arrival: what is accepted leaves room for its sums in NUMERIC(19,4)."""

import pytest

from include.extract.parse import CellRefused, parse_money, parse_units


@pytest.mark.parametrize(
    ("parse", "largest", "refused"),
    [
        (parse_money, "99999999999999.9999", "100000000000000"),
        (parse_money, "-99999999999999.9999", "999999999999999.9999"),
        (parse_units, "99999999999.9999", "100000000000"),
    ],
)
def test_the_largest_number_is_exact_and_the_next_is_refused(parse, largest, refused):
    assert parse(largest) == largest
    with pytest.raises(CellRefused, match="too large"):
        parse(refused)
