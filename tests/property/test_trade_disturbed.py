"""The laws hold whatever disturbs a company: periods closed and reopened, a process killed between two commits."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.trade_company import DisturbedCompany


def test_the_laws_hold_after_every_run():
    sizes = settings(max_examples=60, stateful_step_count=25, deadline=None, derandomize=True)
    run_state_machine_as_test(DisturbedCompany, settings=sizes)


@pytest.mark.nightly
def test_the_laws_hold_in_long_lives():
    sizes = settings(max_examples=1500, stateful_step_count=60, deadline=None)
    run_state_machine_as_test(DisturbedCompany, settings=sizes)
