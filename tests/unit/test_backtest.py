"""The back-test of the match rule: what it compares, how it counts, and what it decides about clearing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from include.errors import MissingInput
from include.flows import backtest as flow
from include.flows.reconcile import reconcile
from include.money import money
from include.reconcile.backtest import Decided, backtest, wilson
from include.reconcile.records import Inputs
from include.reconcile.rules import Rules
from include.settings import TenantSettings
from tests.trade_cases import AS_OF, PARENTS, deduction, guid, promotion
from tests.trade_marts import fill

PLANS = [
    promotion("P1", "10000"),
    promotion(
        "P2",
        "4000",
        window_start=date(2026, 6, 1),
        window_end=date(2026, 6, 30),
        approved_date=date(2026, 5, 1),
    ),
]


def tried(decided: list[Decided], deductions, rules: Rules | None = None, plans=PLANS):
    inputs = Inputs(promotions=tuple(plans), deductions=tuple(deductions), parents=PARENTS)
    return backtest("alpha", inputs, decided, rules or Rules())


def answer(key: str, settled: dict[str, str], source: str = "person", day: int = 20) -> Decided:
    return Decided(key, date(2026, 9, day), {p: money(a) for p, a in settled.items()}, source)


def test_a_proposal_is_confirmed_when_the_claim_was_settled_on_it():
    claims = [deduction("D1", "10000"), deduction("D2", "3000", posting_date=date(2026, 6, 15))]
    result = tried([answer("D1", {"P1": "10000"}), answer("D2", {})], claims)
    assert [(b.low, b.claims, b.confirmed, b.wrong) for b in result.bands] == [(Decimal("0.9"), 2, 1, 1)]
    present = result.present
    assert (present.cleared, present.confirmed, present.precision, present.recall) == (
        2,
        1,
        Decimal("0.5"),
        1,
    )


def test_each_claim_meets_what_the_true_answers_had_left():
    """The first 8,000 was owed to nobody, so the 10,000 still found all of P1 open."""
    claims = [deduction("D1", "8000"), deduction("D2", "10000", posting_date=date(2026, 9, 16))]
    wrong_first = tried([answer("D1", {}), answer("D2", {"P1": "10000"})], claims)
    assert (wrong_first.present.cleared, wrong_first.present.confirmed) == (2, 1)
    right_first = tried([answer("D1", {"P1": "8000"}), answer("D2", {})], claims)
    assert (right_first.present.cleared, right_first.present.confirmed) == (1, 1), (
        "2,000 were left for the second"
    )


def test_it_is_asked_with_what_was_known_on_the_day_it_was_decided():
    """P1 was approved on the 25th; a claim decided on the 20th could not be its."""
    plans = [promotion("P1", "10000", approved_date=date(2026, 9, 25))]
    for day, cleared in ((20, 0), (30, 1)):
        result = tried(
            [answer("D1", {"P1": "10000"}, day=day)],
            [deduction("D1", "10000")],
            Rules(before_approval="settle"),
            plans,
        )
        assert result.present.cleared == cleared


def test_a_repayment_that_came_later_is_part_of_the_answer_only():
    claims = [
        deduction("D1", "10000"),
        deduction("R1", "-10000", reversal_of="D1", posting_date=date(2026, 9, 18)),
    ]
    result = tried([answer("D1", {}, "undone")], claims)
    assert (result.present.cleared, result.present.confirmed) == (1, 0)


def test_other_thresholds_are_tried_beside_the_rules_own():
    claims = [deduction("D1", "8000")]
    result = tried([answer("D1", {"P1": "8000"})], claims, Rules(clear_score=Decimal("0.97")))
    assert [(t.clear_score, t.cleared) for t in result.thresholds] == [
        (Decimal(score), cleared)
        for score, cleared in (("0.80", 1), ("0.85", 1), ("0.90", 1), ("0.95", 0), ("0.97", 0), ("1", 0))
    ]
    assert result.present.precision is None


@pytest.mark.parametrize(
    ("confirmed", "claims", "low", "high"),
    [
        (9, 10, "0.595850", "0.982124"),
        (0, 0, "0", "1"),
        (10, 10, "0.722467", "1.000000"),
        (50, 100, "0.403832", "0.596168"),
    ],
)
def test_wilson_intervals(confirmed, claims, low, high):
    assert wilson(confirmed, claims) == (Decimal(low), Decimal(high))


REQUIRED = {"auto_clear_backtest": "required"}


def settle(wh, settings: TenantSettings, run_id: str):
    return reconcile(wh, "alpha", AS_OF, run_id=run_id, settings=settings)


def test_required_and_none_made_nothing_is_cleared_until_there_is_one(warehouse):
    claims = [
        deduction("D1", "2500", promotion_id=guid("P1")),
        deduction("D2", "4000", posting_date=date(2026, 6, 15)),
    ]
    fill(warehouse, "alpha", parents=PARENTS, promotions=PLANS, deductions=claims)
    settings = TenantSettings(reconcile=REQUIRED)
    with pytest.raises(MissingInput, match="a reconciled ledger"):
        flow.run(warehouse, "alpha", run_id="b", settings=settings)
    first = settle(warehouse, settings, "r1")
    assert "nothing is cleared without a person" in str(first)
    assert cleared(warehouse) == []

    report = flow.run(warehouse, "alpha", run_id="b1", settings=settings)
    assert report.result.present.precision == 1
    assert "0.90-1.00" in str(report) and "the present rule" in str(report)
    again = flow.run(warehouse, "alpha", run_id="b2", settings=settings)
    assert again.backtest_id == report.backtest_id
    assert rows(warehouse, "SELECT count(*), min(run_id) FROM finance.backtests") == [(1, "b1")]

    third = deduction("D3", "1500", promotion_id=guid("P1"), posting_date=date(2026, 9, 25))
    fill(warehouse, "alpha", parents=PARENTS, promotions=PLANS, deductions=[*claims, third])
    assert "without a person" not in str(settle(warehouse, settings, "r2"))
    assert cleared(warehouse) == ["D3"]
    other = TenantSettings(reconcile=REQUIRED | {"clear_score": "0.91"})
    assert "no back-test of rules" in str(settle(warehouse, other, "r3"))


def test_a_claim_that_was_undone_is_counted_against_the_rule(warehouse):
    claims = [deduction("D1", "10000")]
    fill(warehouse, "alpha", parents=PARENTS, promotions=PLANS, deductions=claims)
    settle(warehouse, TenantSettings(), "r1")
    back = deduction("R1", "-10000", reversal_of="D1", posting_date=date(2026, 10, 31))
    fill(warehouse, "alpha", parents=PARENTS, promotions=PLANS, deductions=[*claims, back])
    settle(warehouse, TenantSettings(), "r2")
    settings = TenantSettings(reconcile=REQUIRED)
    report = flow.run(warehouse, "alpha", run_id="b1", settings=settings, first=date(2026, 9, 1))
    assert (report.result.present.cleared, report.result.present.confirmed) == (1, 0)
    assert "not enough to clear" in str(report)
    assert "was right in 0.0%, below 0.99" in str(settle(warehouse, settings, "r3"))
    with pytest.raises(MissingInput, match="claims decided"):
        flow.run(warehouse, "alpha", run_id="b2", settings=settings, last=date(2026, 1, 1))


def rows(wh, query: str) -> list[tuple]:
    with wh.engine("alpha") as conn:
        return conn.execute(query).fetchall()


def cleared(wh) -> list[str]:
    return [
        key for (key,) in rows(wh, "SELECT deduction_key FROM finance.claims WHERE auto_cleared ORDER BY 1")
    ]
