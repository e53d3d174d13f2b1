"""How a promotion becomes a liability, method by method, and every way its approval can be refused.

Read as documentation. Promotions run from 1 to 30 September 2026 and were approved on 1 August, unless a test
says otherwise. Each test says what is open on which day; the sum of all journals follows from it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from include.money import money
from include.reconcile.accrue import METHODS
from include.reconcile.ledger import LedgerState
from include.reconcile.records import Changes, Fund, StatusChange
from include.reconcile.rules import Rules
from tests.trade_cases import Outcome, decide_all, decision, deduction, guid, payment, performance, promotion

FUND = Fund("F1", money("10000"), "USD")
BLOCK = Rules(fund_overspend="block")


class Ledger:
    """One company's ledger, asked again and again as its days go by."""

    def __init__(self, **always: object):
        self.state = LedgerState()
        self.rows = Changes()
        self.always = always

    def on(self, month: int, day: int, *plans, **inputs: object) -> Outcome:
        """Run on a day of 2026, and once more to see that nothing is left to do."""
        asked = {**self.always, **inputs, "as_of": date(2026, month, day), "state": self.state}
        outcome = decide_all(list(plans), **asked)
        assert decide_all(list(plans), **asked, forget=False).steps == []
        self.rows.extend(outcome.rows)
        return outcome

    def open(self, key: str = "P1") -> Decimal:
        """The open accrual of a promotion."""
        return self.state.open_accrual(key)

    def events(self) -> list[tuple[str, str, int]]:
        """Event, status and generation of every journal so far."""
        return [(j.event, j.status, j.generation) for j in self.rows.journals]


# The methods


def test_full_on_approval():
    """The whole plan on the day of approval, once; what was really earned as soon as performance is complete."""
    books = Ledger()
    plan = promotion("P1", "3000")
    books.on(8, 1, plan)
    assert books.open() == 3000
    assert books.rows.journals[0].posting_date == date(2026, 8, 1)
    books.on(9, 15, replace(plan, earned_amount=money("2700")))
    assert books.open() == 3000  # the window still runs
    books.on(10, 1, replace(plan, earned_amount=money("2700")))
    assert books.open() == 2700
    assert books.events() == [("ACCRUAL", "Posted", 1), ("ACCRUAL_ADJUSTMENT", "Posted", 1)]
    assert [m.amount for m in books.rows.movements] == [3000, -300]


def test_spread():
    """A thirtieth of the plan for every day of the window that has passed."""
    books = Ledger()
    plan = promotion("P1", "3000", accrual_method="spread")
    books.on(8, 31, plan)
    assert (books.open(), books.events()) == (0, [])
    assert books.state.states["P1"].lifecycle_status == "Approved"
    books.on(9, 1, plan)
    assert books.open() == 100
    books.on(9, 10, plan)
    assert books.open() == 1000
    books.on(11, 5, plan)
    assert books.open() == 3000
    assert [event for event, _, _ in books.events()] == [
        "ACCRUAL",
        "ACCRUAL_ADJUSTMENT",
        "ACCRUAL_ADJUSTMENT",
    ]
    assert [j.posting_date.day for j in books.rows.journals] == [1, 10, 5]


def test_spread_of_an_amount_that_does_not_divide():
    """Cents are rounded on the way and right at the end."""
    plan = promotion("P1", "100", accrual_method="spread", window_end=date(2026, 9, 7))
    found = [decide_all([plan], as_of=date(2026, 9, day)).state.open_accrual("P1") for day in range(1, 9)]
    assert [str(amount) for amount in found] == [
        "14.2900", "28.5700", "42.8600", "57.1400", "71.4300", "85.7100", "100.0000", "100.0000",
    ]  # fmt: skip


@pytest.mark.parametrize(("method", "source"), [("on_shipment", "shipped"), ("on_scan", "scanned")])
def test_by_performance(method, source):
    """Rate times units so far; returns take it back, never below nothing; the other source says nothing."""
    books = Ledger()
    plan = promotion("P1", "3000", accrual_method=method)
    other = "scanned" if source == "shipped" else "shipped"
    done = [performance("P1", date(2026, 9, 3), "1000", "0.50", source=source)]
    noise = [performance("P1", date(2026, 9, 3), "77", source=other)]
    books.on(9, 2, plan, performed=done + noise)
    assert books.events() == []
    books.on(9, 5, plan, performed=done + noise)
    assert books.open() == 500
    assert books.rows.journals[0].posting_date == date(2026, 9, 3)
    done.append(performance("P1", date(2026, 9, 8), "-400", "0.50", source=source))
    books.on(9, 8, plan, performed=done + noise)
    assert books.open() == 300
    done.append(performance("P1", date(2026, 9, 9), "-900", "0.50", source=source))
    books.on(9, 9, plan, performed=done + noise)
    assert books.open() == 0


def test_lump_sum_date():
    """A fixed amount on the first day of its window, or in parts by week; the contract's short name is the same."""
    for name in ("lump_sum_date", "lump_sum"):
        fee = promotion("P1", "900", accrual_method=name, window_end=date(2026, 9, 18))
        assert decide_all([fee], as_of=date(2026, 8, 31)).state.open_accrual("P1") == 0
        assert decide_all([fee], as_of=date(2026, 9, 1)).state.open_accrual("P1") == 900
    weekly = Rules.from_settings({"granularity": {"lump_sum_date": "period"}})
    # Eighteen days: two whole weeks and four days.
    found = [
        decide_all([fee], as_of=date(2026, 9, day), rules=weekly).state.open_accrual("P1")
        for day in (1, 8, 15)
    ]
    assert found == [350, 700, 900]


def test_off_invoice_never_accrues():
    """Its money left with the invoice, whatever method its source names."""
    for method in METHODS:
        plan = promotion("P1", "3000", is_off_invoice=True, accrual_method=method)
        rows = decide_all([plan], performed=[performance("P1", date(2026, 9, 3), "10")]).rows
        assert (rows.journals, rows.states, rows.methods) == ([], [], [])


def test_a_promotion_without_a_window_accrues_when_approved():
    """Nothing else is left to go by."""
    nowhere = {"window_start": date(9000, 1, 1), "window_end": date(9000, 1, 1)}
    plan = promotion("P1", "3000", accrual_method="spread", **nowhere)
    assert decide_all([plan]).state.open_accrual("P1") == 3000


def test_every_method_side_by_side():
    """What each method would have recognised is stored with the one that is applied, and moves with the days."""
    books = Ledger()
    plan = promotion("P1", "3000", accrual_method="spread")
    done = [
        performance("P1", date(2026, 9, 3), "1000", "0.50", factor="0.4"),
        performance("P1", date(2026, 9, 4), "300", "0.50", source="scanned"),
    ]
    books.on(9, 10, plan, performed=done)
    found = {row.accrual_method: row for row in books.rows.methods}
    assert {name: row.amount for name, row in found.items()} == {
        "full_on_approval": 3000, "spread": 1000, "on_shipment": 200, "on_scan": 150, "lump_sum_date": 3000,
    }  # fmt: skip
    assert [name for name, row in found.items() if row.is_applied] == ["spread"]
    assert (found["on_shipment"].units, found["on_shipment"].accrual_factor) == (1000, Decimal("0.4"))
    moved = books.on(9, 11, plan, performed=done).rows.methods
    assert [(row.accrual_method, row.amount) for row in moved] == [("spread", 1100)]


def test_scenario_d_tempers_shipments_after_a_forward_buy():
    """G-40: a retailer that loaded up ships on what it has. The factor is a switch, and stored with the amount."""
    plan = promotion("P1", None, accrual_method="on_shipment")
    done = [performance("P1", date(2026, 9, 3), "20000", "1", factor="0.088710")]
    assert decide_all([plan], performed=done).state.open_accrual("P1") == Decimal("1774.20")
    off = decide_all([plan], performed=done, rules=Rules(forward_buy_factor="off"))
    assert off.state.open_accrual("P1") == 20000
    assert {row.accrual_factor for row in off.rows.methods} == {None}


# Claims and changes in between


def test_a_claim_before_its_accrual_leaves_the_same_liability_as_one_after():
    """Settled is measured against everything recognised: 1,000 claimed of 3,000 leaves 2,000 on the last day."""
    plan = promotion("P1", "3000", accrual_method="spread")
    claim = deduction("D1", "1000", promotion_id=guid("P1"), posting_date=date(2026, 9, 2))
    early, late = Ledger(deductions=[claim]), Ledger(deductions=[claim])
    for day in (2, 9, 20):
        early.on(9, day, plan)
    assert early.open() == 1000  # two thirds of the plan, less the claim
    early.on(9, 30, plan)
    late.on(9, 30, plan)
    assert early.open() == late.open() == 2000
    assert early.state.balances == late.state.balances


def test_a_raised_and_a_lowered_plan_adjust_by_the_difference():
    """The second journal is the difference, numbered; a plan below what is settled leaves nothing open."""
    books = Ledger()
    plan = promotion("P1", "3000")
    claim = [deduction("D1", "1000", promotion_id=guid("P1"))]
    books.on(9, 20, plan, deductions=claim)
    books.on(9, 21, replace(plan, planned_amount=money("5000")), deductions=claim)
    assert books.open() == 4000
    books.on(9, 22, replace(plan, planned_amount=money("1500")), deductions=claim)
    assert books.open() == 500
    books.on(9, 23, replace(plan, planned_amount=money("800")), deductions=claim)
    assert books.open() == 0
    adjusted = [
        (j.generation, j.posting_date) for j in books.rows.journals if j.event == "ACCRUAL_ADJUSTMENT"
    ]
    assert adjusted == [(1, date(2026, 9, 21)), (2, date(2026, 9, 22)), (3, date(2026, 9, 23))]


def test_a_changed_plan_can_be_a_question():
    """`on_plan_change: ask`: the approved plan stands until the source approves the new one with a later date."""
    books = Ledger(rules=Rules(on_plan_change="ask"))
    plan = promotion("P1", "3000")
    raised = replace(plan, planned_amount=money("5000"))
    books.on(8, 5, plan)
    asked = books.on(8, 6, raised)
    assert [(t.task_type, t.amount) for t in asked.rows.tasks] == [("PLAN_CHANGED", 5000)]
    assert books.on(8, 7, raised).rows.tasks == []
    assert books.open() == 3000
    agreed = books.on(8, 9, replace(raised, approved_date=date(2026, 8, 8)))
    assert books.open() == 5000
    assert agreed.rows.closed_tasks == [asked.rows.tasks[0].task_id]


def test_a_plan_that_is_gone_is_asked_about_and_what_is_accrued_stands():
    """Nobody knows what to give back."""
    books = Ledger()
    books.on(8, 5, promotion("P1", "3000"))
    gone = books.on(8, 6, promotion("P1", None))
    assert [t.task_type for t in gone.rows.tasks] == ["PLAN_CHANGED"]
    assert books.open() == 3000
    assert books.on(8, 7, promotion("P1", "3000")).rows.closed_tasks == [gone.rows.tasks[0].task_id]


@pytest.mark.parametrize(("plan", "excess"), [("6000", 2000), ("0", 8000), ("7999.99", "0.01")])
def test_a_plan_cut_below_what_is_settled_is_asked_about_once(plan, excess):
    """Nobody takes money back by itself; the question ends when the plan is restored."""
    books, agreed = Ledger(), promotion("P1", "10000")
    taken = {"deductions": [deduction("D1", "8000", promotion_id=guid("P1"))]}
    books.on(9, 20, agreed, **taken)
    cut = books.on(9, 21, replace(agreed, planned_amount=money(plan)), **taken)
    (task,) = cut.rows.tasks
    assert (task.task_type, task.amount, task.promotion_key) == ("PLAN_CHANGED", money(excess), "P1")
    assert f"8000.0000 is settled: {money(excess)} more than it authorises" in task.detail
    assert books.on(9, 22, replace(agreed, planned_amount=money(plan)), **taken).rows.tasks == []
    restored = books.on(9, 23, agreed, **taken)
    assert (restored.rows.tasks, restored.rows.closed_tasks) == ([], [task.task_id])


def test_another_cut_is_another_question_and_a_claim_taken_back_answers_it():
    """Cut twice: the first question ends with its plan. Reopened, nothing is settled beyond the plan any more."""
    books, agreed = Ledger(), promotion("P1", "10000")
    taken = {"deductions": [deduction("D1", "8000", promotion_id=guid("P1"))]}
    books.on(9, 20, agreed, **taken)
    first = books.on(9, 21, replace(agreed, planned_amount=money("6000")), **taken)
    lower = replace(agreed, planned_amount=money("5000"))
    second = books.on(9, 22, lower, **taken)
    assert [t.amount for t in second.rows.tasks] == [3000]
    assert second.rows.closed_tasks == [first.rows.tasks[0].task_id]
    back = decision("K1", "D1", "reopen", decided_at=datetime(2026, 9, 23, 9, tzinfo=UTC))
    ended = books.on(9, 23, lower, **taken, decisions=[back])
    assert second.rows.tasks[0].task_id in ended.rows.closed_tasks


def test_a_cut_after_the_release_is_asked_about_as_well():
    """The promotion is over, and what was settled for it is still more than its plan."""
    books, agreed = Ledger(), promotion("P1", "10000", status="Closed", closed_date=date(2026, 10, 5))
    taken = {"deductions": [deduction("D1", "8000", promotion_id=guid("P1"))]}
    books.on(10, 6, agreed, **taken)
    assert books.state.is_released("P1")
    cut = books.on(10, 7, replace(agreed, planned_amount=money("6000")), **taken)
    assert [(t.task_type, t.amount) for t in cut.rows.tasks] == [("PLAN_CHANGED", 2000)]
    assert books.on(10, 8, agreed, **taken).rows.closed_tasks == [cut.rows.tasks[0].task_id]


def test_a_cancelled_plan_gives_everything_back():
    """By the release that ends its life; a spread one that had not begun ends without a journal."""
    books = Ledger()
    plan, waiting = promotion("P1", "3000"), promotion("P2", "900", accrual_method="spread")
    books.on(8, 5, plan, waiting)
    books.on(8, 6, *(replace(p, status="Cancelled") for p in (plan, waiting)))
    assert (books.open(), books.open("P2")) == (0, 0)
    assert [event for event, _, _ in books.events()] == ["ACCRUAL", "RELEASE"]
    assert {state.lifecycle_status for state in books.state.states.values()} == {"Settled"}


def test_a_promotion_approved_twice_accrues_once():
    """A later approval date is another approval of the same promotion, not another promotion."""
    books = Ledger()
    books.on(8, 5, promotion("P1", "3000"))
    books.on(8, 20, promotion("P1", "3000", approved_date=date(2026, 8, 20)))
    assert books.events() == [("ACCRUAL", "Posted", 1)]
    assert books.state.states["P1"].approved_date == date(2026, 8, 20)


def test_a_repaid_settlement_opens_the_accrual_again():
    """What the retailer pays back can be claimed again, as far as it is still recognised."""
    books = Ledger()
    plan = promotion("P1", "3000", accrual_method="spread")
    taken = [deduction("D1", "1000", promotion_id=guid("P1"), posting_date=date(2026, 9, 2))]
    books.on(9, 2, plan, deductions=taken)
    books.on(9, 12, plan, deductions=taken)
    assert books.open() == 200
    taken.append(deduction("R1", "-1000", reversal_of="D1", posting_date=date(2026, 9, 12)))
    books.on(9, 13, plan, deductions=taken)
    assert books.open() == 1300


# Refusals


def test_a_closed_period_refuses_the_first_accrual_and_never_an_adjustment():
    """G-36 for the first. A spread one is dated by the day it recognises; later ones go to the next open day."""
    august, september = (date(2026, 8, 1), date(2026, 8, 31)), (date(2026, 9, 1), date(2026, 9, 30))
    refused = decide_all([promotion("P1", "3000")], as_of=date(2026, 9, 5), closed=[august])
    assert refused.rows.journals[0].status == "Failed"
    assert refused.state.states["P1"].refused_by == "closed_period"
    books = Ledger()
    plan = promotion("P1", "3000", accrual_method="spread")
    books.on(9, 10, plan, closed=[august])
    assert books.open() == 1000
    books.on(9, 30, plan, closed=[august, september])
    last = books.rows.journals[-1]
    assert (last.event, last.posting_date) == ("ACCRUAL_ADJUSTMENT", date(2026, 10, 1))
    assert last.original_posting_date == date(2026, 9, 30)


def test_a_fund_without_room_blocks_an_approval():
    """`fund_overspend: block`: no accrual, no active budget, asked again until the fund has room."""
    books = Ledger(rules=BLOCK, funds=[FUND])
    first, second = promotion("P1", "8000"), promotion("P2", "3000")
    blocked = books.on(8, 5, first, second)
    assert [(t.task_type, t.amount) for t in blocked.rows.tasks] == [("FUND_OVERSPENT", 1000)]
    assert "short by 1000.0000 USD" in blocked.rows.tasks[0].detail
    assert books.state.states["P2"].lifecycle_status == "Failed"
    assert [event for event, _, _ in books.events()] == ["ACCRUAL"]
    again = books.on(8, 6, replace(first, planned_amount=money("6500")), second)
    assert books.state.states["P2"].lifecycle_status == "Approved"
    assert again.rows.closed_tasks == [blocked.rows.tasks[0].task_id]
    assert (books.open(), books.open("P2")) == (6500, 3000)


def test_a_blocked_promotion_that_is_cancelled_is_no_question_any_more():
    """Its task is closed, and nothing was ever posted for it."""
    books = Ledger(rules=BLOCK, funds=[FUND])
    blocked = books.on(8, 5, promotion("P1", "12000"))
    ended = books.on(8, 6, promotion("P1", "12000", status="Cancelled"))
    assert ended.rows.closed_tasks == [blocked.rows.tasks[0].task_id]
    assert books.events() == []


def test_a_fund_without_room_flags_an_approval_by_default():
    """It accrues, and a person is told by how much the fund is short."""
    books = Ledger(funds=[FUND])
    told = books.on(8, 5, promotion("P1", "8000"), promotion("P2", "3000"))
    assert [(t.task_type, t.amount, t.promotion_key) for t in told.rows.tasks] == [
        ("FUND_OVERSPENT", 1000, "P2")
    ]
    assert books.open("P2") == 3000


@pytest.mark.parametrize(("overdraw", "approved"), [("9.99", {"P1"}), ("10", {"P1", "P2"})])
def test_a_fund_may_be_overdrawn_by_a_share_of_its_budget(overdraw, approved):
    """C53: ten percent of 10,000 is exactly what the second promotion lacks."""
    fund = replace(FUND, overdraw_pct=Decimal(overdraw))
    result = decide_all([promotion("P1", "8000"), promotion("P2", "3000")], rules=BLOCK, funds=[fund])
    assert {
        key for key, state in result.state.states.items() if state.lifecycle_status == "Approved"
    } == approved


def test_approvals_on_one_fund_are_decided_by_date_and_key():
    """The earlier approval is served first; on one day the key decides; a later smaller one may still fit."""
    plans = [
        promotion("P1", "6000", approved_date=date(2026, 8, 2)),
        promotion("P2", "5000", approved_date=date(2026, 8, 1)),
        promotion("P3", "5000", approved_date=date(2026, 8, 2)),
        promotion("P4", "4000", approved_date=date(2026, 8, 3), currency="EUR"),
    ]
    result = decide_all(plans, rules=BLOCK, funds=[FUND])
    failed = {key for key, state in result.state.states.items() if state.lifecycle_status == "Failed"}
    assert failed == {"P1"}  # P4 is in another currency than the fund and draws on nothing


def test_a_raised_plan_needs_room_as_well():
    """Blocked, the approved plan goes on; with more budget the raise is accepted."""
    books = Ledger(rules=BLOCK)
    plan, raised = promotion("P1", "8000"), promotion("P1", "12000")
    books.on(8, 5, plan, funds=[FUND])
    short = books.on(8, 6, raised, funds=[FUND])
    assert [(t.task_type, t.amount) for t in short.rows.tasks] == [("FUND_OVERSPENT", 2000)]
    assert (books.open(), books.state.states["P1"].lifecycle_status) == (8000, "Approved")
    books.on(8, 7, raised, funds=[replace(FUND, total_budget=money("12000"))])
    assert books.open() == 12000


# The life cycle


@pytest.mark.parametrize(
    ("was", "now"), [("Settled", "Draft"), ("Cancelled", "Live"), ("Live", "Draft"), ("Closed", "Live")]
)
def test_an_illegal_move_moves_no_money(was, now):
    """A task names both statuses and what to do; the promotion stays where it was until the source is right."""
    books = Ledger()
    plan = promotion("P1", "3000", status=was)
    books.on(10, 5, plan)
    journals = len(books.rows.journals)
    moved = books.on(10, 6, replace(plan, status=now, planned_amount=money("9000")))
    (task,) = moved.rows.tasks
    assert task.task_type == "ILLEGAL_TRANSITION"
    assert (was in task.detail, now in task.detail, "Set it back" in task.detail) == (True, True, True)
    assert len(books.rows.journals) == journals
    back = books.on(10, 7, plan)
    assert back.rows.closed_tasks == [task.task_id]
    assert [(m.from_status, m.to_status, m.is_legal) for m in books.rows.moves] == [
        (None, was, True), (was, now, False), (now, was, True),
    ]  # fmt: skip


def test_a_move_over_statuses_nobody_saw_is_legal():
    """A source looked at weekly may have gone from Draft to Closed in between."""
    books = Ledger()
    plan = promotion("P1", "3000", status="Draft")
    books.on(8, 5, plan)
    books.on(10, 6, replace(plan, status="Closed"))
    assert [m.is_legal for m in books.rows.moves] == [True, True]
    assert books.open() == 0
    assert books.state.states["P1"].lifecycle_status == "Settled"


def test_the_status_history_of_the_source_counts_as_well():
    """Cancelled in August and Live now: nothing accrues, on the very first run."""
    plan = promotion("P1", "3000")
    told = [
        StatusChange("P1", date(2026, 8, 3), "Approved"),
        StatusChange("P1", date(2026, 8, 9), "Cancelled"),
    ]
    result = decide_all([plan], [deduction("D1", "3000")], status_changes=told)
    assert [t.task_type for t in result.rows.tasks if t.promotion_key] == ["ILLEGAL_TRANSITION"]
    assert result.state.states == {}
    assert result.claim("D1").amount_settled == 0


HELD = (
    "P1 is Live here, but its source says Draft: it pays nothing by itself before the source is right again"
)


@pytest.mark.parametrize(
    "taken",
    [
        [deduction("D1", "3000")],
        [deduction("D1", "1000", promotion_id=guid("P1"))],
        [deduction("D1", "7000")],
    ],
    ids=["by score", "by its id", "in a split"],
)
def test_a_promotion_held_back_pays_no_claim_by_itself(taken):
    """Neither by score, nor by its id, nor in a split; once the source is right again the claim settles."""
    books = Ledger()
    plans = [promotion("P1", "3000"), promotion("P2", "4000", customer_key="grocer")]
    plans = plans if taken[0].amount == 7000 else plans[:1]
    books.on(9, 5, *plans)
    went = [replace(plans[0], status="Draft"), *plans[1:]]
    asked = books.on(9, 20, *went, deductions=taken)
    claim = asked.claim("D1")
    assert (claim.outcome, claim.reason, claim.amount_open) == ("NEEDS_REVIEW", HELD, claim.amount)
    (question,) = [t for t in asked.rows.tasks if t.claim_id == claim.claim_id]
    assert sum(Decimal(amount) for amount in question.proposal["settle"].values()) == claim.amount
    assert question.proposal["rest"] == "0.0000"
    paid = books.on(9, 21, *plans, deductions=taken)
    assert (paid.claim("D1").outcome, paid.claim("D1").amount_open) == ("SETTLED", 0)


def test_a_person_may_settle_to_a_promotion_held_back():
    """Who decides has seen the question; what the rules of settling refuse stays refused."""
    books, plan, taken = Ledger(), promotion("P1", "3000"), [deduction("D1", "3000")]
    books.on(9, 5, plan)
    said = decision("K1", "D1", "settle", promotion_key="P1", decided_at=datetime(2026, 9, 20, 9, tzinfo=UTC))
    decided = books.on(9, 20, replace(plan, status="Draft"), deductions=taken, decisions=[said])
    assert (decided.answer("K1")[0], decided.claim("D1").outcome) == ("applied", "SETTLED")


def test_a_fee_held_back_is_not_taken_as_paid():
    """A check for the fee of a promotion whose source went back to Draft is a question as well."""
    books = Ledger()
    fee = promotion("P1", "500", tactic_type="Slotting", settlement_method="fixed_fee")
    books.on(9, 5, fee)
    paid = {"payments": [payment("V1", "500")], "proofs": {"P1": date(2026, 9, 10)}}
    asked = books.on(9, 20, replace(fee, status="Draft"), **paid)
    assert (asked.claim("V1").outcome, asked.claim("V1").reason) == ("NEEDS_REVIEW", HELD)
    assert books.on(9, 21, fee, **paid).claim("V1").outcome == "FIXED_FEE_SETTLED"
