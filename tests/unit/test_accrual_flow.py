"""Accruals, funds and status moves against a database: what a later day reads back is what an earlier one wrote."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from include.flows.reconcile import reconcile
from include.money import money
from include.reconcile.records import Fund, StatusChange
from include.settings import TenantSettings
from tests.trade_cases import PARENTS, deduction, guid, performance, promotion
from tests.trade_marts import checksums, fill

SETTINGS = TenantSettings(reconcile={"fund_overspend": "block"})
FUND = Fund("F2", money("1000"), "USD")
SPREAD = promotion("P1", "3000", accrual_method="spread")
SCANNED = promotion("P2", "500", accrual_method="on_scan")
FIRST, SECOND = promotion("P3", "900", fund_key="F2"), promotion("P4", "400", fund_key="F2")
DONE = [
    performance("P2", date(2026, 9, 3), "100", "0.3333", source="scanned"),
    performance("P2", date(2026, 9, 12), "-50", "0.3333", source="scanned"),
    performance("P1", date(2026, 9, 12), "40", "0.5", factor="0.088710"),
]
CLAIM = deduction("D1", "700", promotion_id=guid("P1"), posting_date=date(2026, 9, 4))


def day(wh, number: int, *plans, **inputs):
    """Fill the marts and run on a day of September, then again: nothing may be left to do."""
    keys = {plan.promotion_key for plan in plans}
    done = [row for row in DONE if row.promotion_key in keys]
    known = {"performance": done, "funds": [FUND], "deductions": [CLAIM], **inputs}
    fill(wh, "alpha", parents=PARENTS, promotions=list(plans), **known)
    as_of = date(2026, 9, number)
    summary = reconcile(wh, "alpha", as_of, run_id=f"run-{number}", settings=SETTINGS)
    again = reconcile(wh, "alpha", as_of, run_id=f"again-{number}", settings=SETTINGS)
    assert again.is_unchanged
    return summary


def rows(wh, query: str) -> list[tuple]:
    with wh.engine("alpha") as conn:
        return conn.execute(query).fetchall()


OPEN = "SELECT promotion_key, sum(amount) FROM finance.accrual_ledger GROUP BY 1 ORDER BY 1"


def test_days_go_on_where_the_tables_stand(warehouse):
    """5, 10 and 12 September: spread, scanned, and a fund that has room only on the last day."""
    plans = [SPREAD, SCANNED, FIRST, SECOND]
    day(warehouse, 5, *plans)
    assert rows(warehouse, OPEN) == [("P1", 0), ("P2", Decimal("33.33")), ("P3", 900)]
    assert rows(warehouse, "SELECT refused_by, approved_amount FROM finance.promotion_state WHERE promotion_key = 'P4'") == [
        ("fund", None)
    ]  # fmt: skip
    day(warehouse, 10, *plans)
    assert rows(warehouse, OPEN) == [("P1", 300), ("P2", Decimal("33.33")), ("P3", 900)]
    day(warehouse, 12, SPREAD, SCANNED, replace(FIRST, planned_amount=money("600")), SECOND)
    assert rows(warehouse, OPEN) == [("P1", 500), ("P2", Decimal("16.67")), ("P3", 600), ("P4", 400)]
    assert rows(warehouse, "SELECT status, amount FROM finance.claim_tasks WHERE task_type = 'FUND_OVERSPENT'") == [
        ("closed", 300)
    ]  # fmt: skip
    assert rows(
        warehouse,
        "SELECT array_agg(lifecycle_status ORDER BY sequence) FROM finance.promotion_state_history"
        " GROUP BY promotion_key ORDER BY promotion_key",
    ) == [(["Approved"],), (["Approved"],), (["Approved"],), (["Failed", "Approved"],)]


def test_methods_side_by_side_are_kept_and_only_what_moved_is_written(warehouse):
    """A day later only the spread promotion's own row is new."""
    day(warehouse, 12, SPREAD)
    day(warehouse, 13, SPREAD)
    assert rows(
        warehouse,
        "SELECT accrual_method, amount, is_applied, units, accrual_factor, as_of - date '2026-09-01'"
        " FROM finance.accrual_methods ORDER BY 1",
    ) == [
        ("full_on_approval", 3000, False, None, None, 11),
        ("lump_sum_date", 3000, False, None, None, 11),
        ("on_scan", 0, False, None, None, 11),
        ("on_shipment", Decimal("1.77"), False, 40, Decimal("0.088710"), 11),
        ("spread", 1300, True, None, None, 12),
    ]


def test_an_illegal_move_is_remembered_and_ends(warehouse):
    """Held while the source errs, on every later day, and released when it is back."""
    day(warehouse, 5, SPREAD)
    journals = rows(warehouse, "SELECT count(*) FROM finance.journals")
    for number in (6, 7):
        day(warehouse, number, replace(SPREAD, status="Draft"))
    assert rows(warehouse, "SELECT count(*) FROM finance.journals") == journals
    task = "SELECT status, detail FROM finance.claim_tasks WHERE task_type = 'ILLEGAL_TRANSITION'"
    [(status, detail)] = rows(warehouse, task)
    assert status == "open"
    assert "from Live to Draft" in detail
    told = [StatusChange("P1", date(2026, 9, 6), "Draft"), StatusChange("P1", date(2026, 9, 8), "Live")]
    day(warehouse, 8, SPREAD, status_changes=told)
    assert [status for status, _ in rows(warehouse, task)] == ["closed"]
    assert rows(warehouse, "SELECT sequence, to_status, is_legal FROM finance.status_moves ORDER BY 1") == [
        (1, "Live", True), (2, "Draft", False), (3, "Live", True),
    ]  # fmt: skip
    assert rows(warehouse, OPEN) == [("P1", 100)]


def test_a_past_date_writes_none_of_it(warehouse):
    """A replay of the 6th after the 12th decides claims only."""
    plans = [SPREAD, SCANNED, FIRST, SECOND]
    day(warehouse, 12, *plans)
    before = checksums(warehouse, "alpha")
    replayed = reconcile(warehouse, "alpha", date(2026, 9, 6), run_id="replay", settings=SETTINGS)
    assert replayed.is_replay
    after = checksums(warehouse, "alpha")
    changed = {table for table in after if after[table] != before[table]}
    assert changed == {"claim_replays", "reconciliation_runs"}


def test_what_is_settled_beyond_a_cut_plan_stays_a_question_after_the_release(warehouse):
    """Cut while live, then closed and released: the excess is still there until the plan is restored."""
    taken = {"deductions": [deduction("D1", "2000", promotion_id=guid("P1"), posting_date=date(2026, 9, 4))]}
    agreed = promotion("P1", "3000")
    cut = replace(agreed, planned_amount=money("500"))
    day(warehouse, 5, agreed, **taken)
    day(warehouse, 6, cut, **taken)
    task = "SELECT status, amount FROM finance.claim_tasks WHERE task_type = 'PLAN_CHANGED'"
    assert rows(warehouse, task) == [("open", 1500)]
    over = {"status": "Closed", "closed_date": date(2026, 9, 7)}
    day(warehouse, 7, replace(cut, **over), **taken)
    assert rows(warehouse, "SELECT released_date IS NOT NULL FROM finance.promotion_state") == [(True,)]
    assert rows(warehouse, task) == [("open", 1500)]
    day(warehouse, 8, replace(agreed, **over), **taken)
    assert rows(warehouse, task) == [("closed", 1500)]
