"""The reconcile flow against a database: what it writes, what a second run and a later date do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from include.errors import MissingInput
from include.flows.reconcile import reconcile
from include.money import money
from include.reconcile.accrue import cutover_date
from include.reconcile.records import FiscalPeriod
from include.settings import TenantSettings
from include.warehouse.session import Warehouse
from tests.trade_cases import AS_OF, PARENTS, decision, deduction, guid, promotion
from tests.trade_marts import checksums, fill

SETTINGS = TenantSettings()


def company() -> dict[str, list]:
    return {
        "parents": PARENTS,
        "promotions": [
            promotion("P1", "10000"),
            promotion("P2", "50000", customer_key="rival", status="Closed", closed_date=date(2026, 10, 20)),
            promotion("P3", "4000", window_start=date(2026, 10, 1), window_end=date(2026, 10, 31)),
        ],
        "deductions": [
            deduction("D1", "12000", customer_key="north", invoice_ref="INV1"),
            deduction("D2", "45000", customer_key="rival"),
            deduction("D3", "800", reason_code_normalized="SHORTAGE"),
            deduction("D4", "700", reason_code_normalized=None, posting_date=date(2026, 10, 12)),
            deduction("D5", "-2000", customer_key="north", reversal_of="D1", posting_date=date(2026, 10, 25)),
            deduction("D6", "4100", promotion_id=guid("P3"), posting_date=date(2026, 10, 5)),
        ],
    }


def run(wh: Warehouse, as_of: date = AS_OF, run_id: str = "run-1", **options):
    return reconcile(wh, "alpha", as_of, run_id=run_id, settings=SETTINGS, **options)


def rows(wh: Warehouse, query: str) -> list[tuple]:
    with wh.engine("alpha") as conn:
        return conn.execute(query).fetchall()


def outcomes(wh: Warehouse) -> dict[str, str]:
    return dict(rows(wh, "SELECT deduction_key, outcome FROM finance.claims"))


def test_missing_marts_are_said_before_anything_is_written(warehouse):
    with pytest.raises(MissingInput, match="run transform first"):
        run(warehouse)
    assert rows(warehouse, "SELECT count(*) FROM finance.reconciliation_runs") == [(0,)]


def test_a_run_ends_every_deduction_and_ties(warehouse):
    fill(warehouse, "alpha", **company())
    summary = run(warehouse)
    assert outcomes(warehouse) == {
        "D1": "SETTLED",
        "D2": "SETTLED",
        "D3": "NON_TRADE",
        "D4": "NEEDS_REVIEW",
        "D5": "REVERSED",
        "D6": "SETTLED_EXCESS_DISPUTED",
    }
    assert not summary.is_unchanged
    assert rows(
        warehouse,
        "SELECT currency, sum(debit_amount) - sum(credit_amount) FROM finance.journal_lines GROUP BY 1",
    ) == [("USD", 0)]
    # What waits in clearing is what nobody has decided, and what is handed to accounts receivable.
    clearing, waiting = rows(
        warehouse,
        "SELECT (SELECT sum(debit_amount - credit_amount) FROM finance.journal_lines WHERE account_code = '1150'),"
        " (SELECT sum(amount_open + amount_non_trade) FROM finance.claims)",
    )[0]
    assert clearing == waiting


def test_the_same_run_again_changes_nothing_and_says_so(warehouse):
    fill(warehouse, "alpha", **company())
    run(warehouse)
    before = checksums(warehouse, "alpha")
    again = run(warehouse, run_id="run-2")
    assert again.is_unchanged
    assert "nothing to do" in str(again)
    assert checksums(warehouse, "alpha") == before


def test_the_size_of_a_batch_changes_nothing(warehouse):
    fill(warehouse, "alpha", **company())
    fill(warehouse, "beta", **company())
    run(warehouse)
    reconcile(warehouse, "beta", AS_OF, run_id="run-1", settings=SETTINGS, batch=1)
    facts = "SELECT deduction_key, outcome, amount_settled, reason FROM finance.claims ORDER BY 1"
    with warehouse.engine("beta") as conn:
        assert conn.execute(facts).fetchall() == rows(warehouse, facts)


def test_open_claims_are_asked_again_when_the_inputs_move(warehouse):
    data = company()
    fill(warehouse, "alpha", **data)
    run(warehouse)
    data["deductions"][3] = replace(
        data["deductions"][3], reason_code_normalized="PROMO", amount=money("4000")
    )
    data["promotions"].append(
        promotion("P4", "4000", window_start=date(2026, 10, 10), window_end=date(2026, 10, 20))
    )
    fill(warehouse, "alpha", **data)
    run(warehouse, date(2026, 11, 1), "run-2")
    assert outcomes(warehouse)["D4"] == "SETTLED"
    assert rows(warehouse, "SELECT sum(debit_amount) FROM finance.journal_lines WHERE claim_id IN"
                " (SELECT claim_id FROM finance.claims WHERE deduction_key = 'D4') AND event = 'DEDUCTION_RECEIPT'") == [(money("4000"),)]  # fmt: skip


def test_a_changed_amount_of_a_settled_claim_is_a_task_not_an_edit(warehouse):
    data = company()
    fill(warehouse, "alpha", **data)
    run(warehouse)
    data["deductions"][1] = replace(data["deductions"][1], amount=money("46000"))
    fill(warehouse, "alpha", **data)
    run(warehouse, run_id="run-2")
    run(warehouse, date(2026, 11, 1), run_id="run-3")
    assert rows(warehouse, "SELECT amount FROM finance.claims WHERE deduction_key = 'D2'") == [
        (money("45000"),)
    ]
    assert rows(warehouse, "SELECT count(*) FROM finance.claim_tasks WHERE task_type = 'AMOUNT_CHANGED'") == [
        (1,)
    ]


def test_a_date_that_was_answered_gives_its_own_answer_again(warehouse):
    """September was run; then P1 was cut, D4 amended and D9 delivered late. September still says what it said."""
    then = company()
    fill(warehouse, "alpha", **then)
    run(warehouse, date(2026, 9, 30))
    said = rows(
        warehouse, "SELECT deduction_key, amount, outcome, amount_settled FROM finance.claims ORDER BY 1"
    )
    assert [row[0] for row in said] == ["D1", "D2", "D3"]
    now = {
        **then,
        "promotions": [replace(then["promotions"][0], status="Cancelled"), *then["promotions"][1:]],
        "deductions": [
            *(replace(d, amount=money("7")) if d.deduction_key == "D3" else d for d in then["deductions"]),
            deduction("D9", "500", posting_date=date(2026, 9, 20)),
        ],
    }
    fill(warehouse, "alpha", **now)
    run(warehouse, AS_OF, "run-2")
    ledger = checksums(warehouse, "alpha")
    replay = run(warehouse, date(2026, 9, 30), "run-3", batch=1)
    assert replay.is_replay
    again = "SELECT deduction_key, amount, outcome, amount_settled FROM finance.claim_replays ORDER BY 1"
    assert rows(warehouse, again) == said
    changed = {t for t, content in checksums(warehouse, "alpha").items() if content != ledger[t]}
    assert changed == {"claim_replays", "reconciliation_runs"}


def test_a_past_date_is_a_replay_that_posts_nothing(warehouse):
    fill(warehouse, "alpha", **company())
    run(warehouse)
    before = checksums(warehouse, "alpha")
    replay = run(warehouse, date(2026, 9, 30), "run-2")
    after = checksums(warehouse, "alpha")
    assert replay.is_replay
    changed = {table for table in after if after[table] != before[table]}
    assert changed == {"claim_replays", "reconciliation_runs"}
    assert dict(rows(warehouse, "SELECT deduction_key, outcome FROM finance.claim_replays")) == {
        "D1": "SETTLED_EXCESS_DISPUTED",  # the repayment of October was not known in September
        "D2": "SETTLED",
        "D3": "NON_TRADE",
    }
    run(warehouse, date(2026, 9, 30), "run-2")
    assert checksums(warehouse, "alpha") == after


def test_one_tenant_never_sees_the_other(warehouse):
    fill(warehouse, "alpha", **company())
    fill(warehouse, "beta", parents={}, promotions=[], deductions=[])
    reconcile(warehouse, "beta", AS_OF, run_id="run-1", settings=SETTINGS)
    run(warehouse)
    with warehouse.engine("beta") as conn:
        assert conn.execute("SELECT count(*) FROM finance.claims").fetchone() == (0,)


def months(*closed: bool) -> list[FiscalPeriod]:
    """Months of 2026 from January on."""
    starts = [date(2026, number, 1) for number in range(1, len(closed) + 2)]
    return [
        FiscalPeriod(start, following - timedelta(days=1), is_closed)
        for start, following, is_closed in zip(starts, starts[1:], closed, strict=False)
    ]


def test_books_closed_up_to_the_present_are_taken_over_as_opening_balances(warehouse):
    data = company() | {"periods": months(*[True] * 9, False)}
    fill(warehouse, "alpha", **data)
    run(warehouse, date(2026, 10, 31))
    accruals = "SELECT DISTINCT status, posting_date, original_posting_date FROM finance.journals WHERE event = 'ACCRUAL'"
    assert rows(warehouse, accruals) == [("Posted", date(2026, 10, 1), date(2026, 8, 1))]
    data["promotions"].append(promotion("P9", "100"))
    fill(warehouse, "alpha", **data)
    run(warehouse, date(2026, 10, 31), "run-2")
    late = "SELECT status, message FROM finance.journals WHERE promotion_key = 'P9'"
    assert rows(warehouse, late) == [("Failed", "fiscal period of 2026-08-01 is closed")]


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        ([True] * 9 + [False], date(2026, 10, 1)),
        ([True] * 8 + [False, False], date(2026, 9, 1)),
        ([True] * 7 + [False, False, False], None),
        ([False] + [True] * 8 + [False], None),
        ([True] * 10, date(2026, 11, 1)),
        ([False, True] * 5, None),
        ([False] * 8 + [True, False], None),
        ([], None),
    ],
)
def test_when_a_first_run_is_a_take_over(closed, expected):
    assert cutover_date(months(*closed), date(2026, 10, 31)) == expected


def test_two_closed_months_are_no_history():
    assert cutover_date(months(True, True, False), date(2026, 3, 15)) is None


def test_a_replay_takes_the_period_of_its_date_for_open(warehouse):
    fill(warehouse, "alpha", **company(), periods=months(*[True] * 9, False))
    run(warehouse)
    run(warehouse, date(2026, 9, 30), "run-2")
    assert rows(warehouse, "SELECT DISTINCT outcome FROM finance.claim_replays ORDER BY 1") == [
        ("NON_TRADE",),
        ("SETTLED",),
        ("SETTLED_EXCESS_DISPUTED",),
    ]


SAID = [
    decision("K1", "D4", "settle", promotion_key="P3", reason="their mail"),
    decision("K2", "D6", "recover", "60"),
    decision("K3", "D6", "write_off", "2000"),
    decision("K4", "D9", "dispute"),
    decision("K5", "D3", "reopen"),
    decision("K6", "D2", "dispute", "45000"),
    decision("K7", "D1", "reopen", approved_by="carl"),
]


def test_decisions_are_applied_once_and_answered_in_a_table(warehouse):
    fill(warehouse, "alpha", **company(), decisions=SAID)
    run(warehouse)
    answers = dict(rows(warehouse, "SELECT decision_key, status FROM finance.claim_decisions"))
    assert answers == {
        "K1": "applied", "K2": "applied", "K3": "refused", "K4": "refused", "K5": "applied", "K6": "applied",
        "K7": "applied",
    }  # fmt: skip
    who = "SELECT decided_by, reason FROM finance.claims WHERE deduction_key = 'D4'"
    assert rows(warehouse, who) == [("ana", "settled by ana on 2026-10-20: their mail")]
    assert rows(
        warehouse,
        "SELECT j.event FROM finance.claim_decisions d CROSS JOIN unnest(d.journal_ids) AS n (journal_id)"
        " JOIN finance.journals j USING (tenant_id, journal_id) WHERE d.decision_key = 'K2'",
    ) == [("RECOVERY",)]
    refused = (
        "SELECT detail FROM finance.claim_tasks WHERE task_type = 'DECISION_REFUSED' AND status = 'open'"
    )
    assert sorted(rows(warehouse, refused)) == [
        ("dispute of D9 by ana: no deduction D9 is known by 2026-10-31",),
        ("write_off of D6 by ana: only 740.0000 of it is disputed or open",),
    ]
    before = checksums(warehouse, "alpha")
    assert run(warehouse, run_id="run-2").is_unchanged
    assert checksums(warehouse, "alpha") == before


def test_decisions_do_not_depend_on_the_size_of_a_batch(warehouse):
    for tenant in ("alpha", "beta"):
        fill(warehouse, tenant, **company(), decisions=SAID)
        reconcile(
            warehouse, tenant, AS_OF, run_id="r", settings=SETTINGS, batch=1 if tenant == "beta" else 500
        )
    facts = (
        "SELECT task_type, status, detail FROM finance.claim_tasks ORDER BY 1, 2, 3",
        "SELECT deduction_key, outcome, reason FROM finance.claims ORDER BY 1",
    )
    for query in facts:
        with warehouse.engine("beta") as conn:
            assert conn.execute(query).fetchall() == rows(warehouse, query)


def test_an_approval_that_comes_later_is_a_second_answer(warehouse):
    waiting = decision("K1", "D2", "dispute", "45000")
    strict = TenantSettings(reconcile={"approval_limit": "1000"})
    for day, said in ((31, waiting), (31, waiting), (31, replace(waiting, approved_by="carl"))):
        fill(warehouse, "alpha", **company(), decisions=[said])
        reconcile(warehouse, "alpha", date(2026, 10, day), run_id="r", settings=strict)
    answers = "SELECT revision, status, approved_by FROM finance.claim_decisions ORDER BY 1"
    assert rows(warehouse, answers) == [(1, "waiting_for_approval", None), (2, "applied", "carl")]
    tasks = "SELECT status FROM finance.claim_tasks WHERE task_type = 'APPROVAL_NEEDED'"
    assert rows(warehouse, tasks) == [("closed",)]


def test_a_replay_knows_the_decisions_of_its_day(warehouse):
    fill(warehouse, "alpha", **company(), decisions=SAID)
    run(warehouse)
    run(warehouse, date(2026, 10, 19), "run-2")
    past = "SELECT outcome FROM finance.claim_replays WHERE deduction_key = 'D4'"
    assert rows(warehouse, past) == [("NEEDS_REVIEW",)]
    run(warehouse, date(2026, 10, 25), "run-3")
    again = "SELECT outcome FROM finance.claim_replays WHERE deduction_key = 'D4' AND as_of = '2026-10-25'"
    assert rows(warehouse, again) == [("SETTLED",)]
