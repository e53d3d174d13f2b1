"""Guards against a business date taken from a clock, or from the wrong zone."""

from datetime import UTC, date, datetime

import pytest

from include.errors import TradewindError
from include.fiscal import business_date, business_period, last_day, previous_month

LATE_EVENING = datetime(2026, 4, 1, 3, 30, tzinfo=UTC)


def resolve(**given):
    arguments = {
        "partition_key": None,
        "param": None,
        "event": None,
        "run_after": LATE_EVENING,
        "timezone": "UTC",
    }
    return business_date(**(arguments | given))


def test_partition_comes_before_param_before_event_before_the_run():
    assert resolve(partition_key="2026-01", param="2026-02-02", event="2026-03-03") == date(2026, 1, 31)
    assert resolve(param="2026-02-02", event="2026-03-03") == date(2026, 2, 2)
    assert resolve(event="2026-03-03") == date(2026, 3, 3)
    assert resolve() == date(2026, 4, 1)


def test_the_run_is_read_in_the_tenants_zone():
    assert resolve(timezone="America/Chicago") == date(2026, 3, 31)
    assert resolve(timezone="Asia/Tokyo") == date(2026, 4, 1)


def test_the_run_of_5_december_is_about_november():
    """Resolution C48."""
    run_after = datetime(2026, 12, 5, 8, 0, tzinfo=UTC)
    assert business_period(partition_key=None, param=None, run_after=run_after, timezone="UTC") == "2026-11"
    assert previous_month("2026-01") == "2025-12"


@pytest.mark.parametrize("text", ["2026-13", "31.10.2026", "2026-02-30", "yesterday"])
def test_a_date_that_is_none_is_refused(text):
    with pytest.raises(TradewindError, match="business date"):
        resolve(param=text)


def test_last_day_knows_leap_years():
    assert last_day("2028-02") == date(2028, 2, 29)
