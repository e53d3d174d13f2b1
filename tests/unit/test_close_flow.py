"""The month end against a database: what is closed, what waits, what a closed period still accepts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import psycopg
import pytest

from include.errors import MissingInput, TradewindError
from include.flows.close import PeriodNotTied, close_periods, refuse_open
from include.flows.reconcile import reconcile
from include.money import money
from include.settings import TenantSettings
from tests import close_marts
from tests.close_marts import close_checksums, decide, months
from tests.trade_cases import PARENTS, deduction, guid, promotion
from tests.trade_marts import checksums, fill

SETTINGS = TenantSettings(fiscal_calendar="standard")
END_OF_SEPTEMBER, LATER = date(2026, 9, 30), date(2026, 10, 6)


def company() -> dict[str, list]:
    return {
        "parents": PARENTS,
        "promotions": [
            promotion("P1", "10000", approved_date=date(2026, 9, 1)),
            promotion(
                "P2", "5000", approved_date=date(2026, 9, 2), status="Closed", closed_date=date(2026, 9, 28)
            ),
        ],
        "deductions": [
            deduction("D1", "4000", promotion_id=guid("P1")),
            deduction("D2", "700", reason_code_normalized="SHORTAGE"),
            deduction("D3", "900", reason_code_normalized=None, customer_key="rival"),
        ],
    }


def settle(wh, as_of=END_OF_SEPTEMBER, settings=SETTINGS, tenant="alpha", **changes) -> None:
    fill(wh, tenant, **(company() | changes))
    close_marts.calendar(wh, tenant, months(2026))
    reconcile(wh, tenant, as_of, run_id=f"reconcile-{as_of}", settings=settings)


def close(wh, as_of=LATER, settings=SETTINGS, run_id="close-1", tenant="alpha", **options):
    return close_periods(wh, tenant, as_of, run_id=run_id, settings=settings, **options)


def rows(wh, query: str, tenant: str = "alpha") -> list[tuple]:
    with wh.engine(tenant) as conn:
        return conn.execute(query).fetchall()


def test_missing_marts_are_said_before_anything_is_written(warehouse):
    with pytest.raises(MissingInput, match="run transform first"):
        close(warehouse)


def test_a_period_is_closed_when_its_lag_has_passed_and_not_before(warehouse):
    settle(warehouse)
    early = close(warehouse, date(2026, 10, 5))
    assert (early.closed, early.skipped) == (
        [],
        {"before the ledger begins": 8, "inside the lag": 1, "not ended": 3},
    )
    assert early.next_due == LATER
    assert close(warehouse).closed == ["2026-09"]
    assert rows(warehouse, "SELECT state, end_date FROM finance.period_status") == [
        ("closed", END_OF_SEPTEMBER)
    ]
    assert rows(
        warehouse, "SELECT count(*) FROM finance.close_checklist WHERE status = 'not_tied' AND is_blocking"
    ) == [(0,)]
    assert rows(
        warehouse,
        "SELECT ledger, expected_amount, found_amount FROM finance.balance_assertions ORDER BY 1",
    ) == [("accruals", money("6000"), money("6000")), ("clearing", money("1600"), money("1600"))]


def test_the_same_close_again_changes_nothing(warehouse):
    settle(warehouse)
    close(warehouse)
    before = close_checksums(warehouse, "alpha")
    again = close(warehouse, run_id="close-2")
    assert again.closed == []
    assert again.skipped["closed already"] == 1
    assert close_checksums(warehouse, "alpha") == before


def test_a_period_waits_for_a_reconcile_run_that_covers_its_end(warehouse):
    settle(warehouse, date(2026, 9, 29))
    assert "no finished reconcile run" in close(warehouse).waiting["2026-09"]
    assert rows(warehouse, "SELECT count(*) FROM finance.period_closes") == [(0,)]


def test_after_our_close_everything_lands_on_the_next_open_day(warehouse):
    data = company()
    settle(warehouse)
    close(warehouse)
    claims = checksums(warehouse, "alpha")["claims"]
    reconcile(warehouse, "alpha", LATER, run_id="r2", settings=SETTINGS)
    data["deductions"].append(
        deduction("LATE", "300", promotion_id=guid("P1"), posting_date=date(2026, 9, 20))
    )
    data["promotions"].append(promotion("LATE", "800", approved_date=date(2026, 9, 25)))
    fill(warehouse, "alpha", **data)
    close_marts.calendar(warehouse, "alpha", months(2026))
    reconcile(warehouse, "alpha", LATER, run_id="r3", settings=SETTINGS)
    assert len(checksums(warehouse, "alpha")["claims"]) == len(claims) + 1
    assert rows(
        warehouse,
        "SELECT event, posting_date, original_posting_date FROM finance.journals"
        " WHERE posting_date > original_posting_date ORDER BY event",
    ) == [
        ("ACCRUAL", date(2026, 10, 1), date(2026, 9, 25)),
        ("DEDUCTION_RECEIPT", date(2026, 10, 1), date(2026, 9, 20)),
    ]
    assert close(warehouse, run_id="close-2").moved == {}


def test_a_close_of_ours_asks_no_claim_again(warehouse):
    settle(warehouse)
    close(warehouse)
    again = reconcile(warehouse, "alpha", END_OF_SEPTEMBER, run_id="r2", settings=SETTINGS)
    assert again.is_unchanged


def test_the_database_refuses_a_posting_into_a_closed_period(warehouse):
    settle(warehouse)
    close(warehouse)
    copy = (
        "INSERT INTO finance.journals SELECT tenant_id, gen_random_uuid(), event, 99, status, message, posting_date,"
        " original_posting_date, posted_by, promotion_key, claim_id, as_of, run_id, rule_version, input_hash"
        " FROM finance.journals LIMIT 1"
    )
    said = "we have closed everything up to 2026-09-30"
    with pytest.raises(psycopg.errors.CheckViolation, match=said), warehouse.engine("alpha") as conn:
        conn.execute(copy)


def test_a_deduction_that_reconcile_has_not_seen_keeps_the_period_open_until_it_has(warehouse):
    data = company()
    settle(warehouse)
    data["deductions"].append(deduction("NEW", "250", promotion_id=guid("P1")))
    fill(warehouse, "alpha", **data)
    close_marts.calendar(warehouse, "alpha", months(2026))
    summary = close(warehouse)
    assert "1 differ (NEW) [USD]" in summary.not_tied["2026-09"]
    assert rows(warehouse, "SELECT state FROM finance.close_runs") == [("not_tied",)]
    assert rows(
        warehouse, "SELECT amount, status FROM finance.claim_tasks WHERE task_type = 'PERIOD_NOT_TIED'"
    ) == [(money("250"), "open")]
    with pytest.raises(PeriodNotTied, match="2026-09 is not tied"):
        refuse_open("alpha", summary.problem)
    reconcile(warehouse, "alpha", LATER, run_id="r2", settings=SETTINGS)
    assert close(warehouse, run_id="close-2").closed == ["2026-09"]
    assert rows(warehouse, "SELECT status FROM finance.claim_tasks WHERE task_type = 'PERIOD_NOT_TIED'") == [
        ("closed",)
    ]


def test_later_periods_wait_for_one_that_does_not_tie(warehouse):
    settle(warehouse, date(2026, 11, 1))
    close_marts.account(warehouse, "alpha", "1000", "5")
    summary = close(warehouse, date(2026, 11, 6))
    assert list(summary.not_tied) == ["2026-09"]
    assert summary.waiting == {"2026-10": "2026-09 is not closed"}


def test_what_must_tie_is_a_setting(warehouse):
    settings = replace(SETTINGS, close={"must_tie": ["claim_law"], "lag_days": 0})
    settle(warehouse)
    close_marts.account(warehouse, "alpha", "1000", "5")
    assert close(warehouse, date(2026, 10, 1), settings).closed == ["2026-09"]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"lag": 3}, "keys among lag_days, must_tie"),
        ({"lag_days": -1}, "from 0 to 90"),
        ({"lag_days": True}, "from 0 to 90"),
        ({"must_tie": ["everything"]}, "a list of checks among"),
        ({"must_tie": "clearing"}, "a list of checks among"),
    ],
)
def test_a_bad_setting_is_refused(section, said):
    from include.close.rules import CloseRules

    with pytest.raises(TradewindError, match=said):
        CloseRules.from_settings(section)


def test_a_frozen_statement_that_changes_afterwards_is_told(warehouse):
    settle(warehouse)
    for code, closing in (("1000", "50"), ("4000", "-50")):
        close_marts.account(warehouse, "alpha", code, closing)
    assert close(warehouse).closed == ["2026-09"]
    with warehouse.pipeline() as conn:
        conn.execute("UPDATE finance.trial_balance SET closing = 60, debit = 60 WHERE account_code = '1000'")
    again = close(warehouse, date(2026, 10, 7), run_id="close-2")
    assert again.moved == {"2026-09": "company A account 1000 USD: 50.0000 then, 60.0000 now"}
    assert "says otherwise" in again.problem
    with warehouse.pipeline() as conn:
        conn.execute("UPDATE finance.trial_balance SET closing = 50, debit = 50 WHERE account_code = '1000'")
    assert close(warehouse, date(2026, 10, 8), run_id="close-3").problem == ""
    assert rows(
        warehouse, "SELECT DISTINCT status FROM finance.claim_tasks WHERE task_type = 'PERIOD_NOT_TIED'"
    ) == [("closed",)]


def test_a_stored_balance_that_changes_afterwards_is_told(warehouse):
    settle(warehouse)
    close(warehouse)
    with warehouse.admin() as conn:
        conn.execute("ALTER TABLE finance.accrual_ledger DISABLE TRIGGER USER")
        conn.execute(
            "UPDATE finance.accrual_ledger SET amount = amount + 5 WHERE movement = 'accrued' AND promotion_key = 'P1'"
        )
    assert (
        "accruals 2200 USD by the sub-ledger: 6000.0000 then, 6005.0000 now"
        in close(warehouse, run_id="c2").moved["2026-09"]
    )


def test_signing_and_reopening(warehouse):
    settle(warehouse)
    decide(warehouse, "alpha", "S0", "sign", "Ann", "2026-10-04T12:00:00Z")
    close(warehouse)
    decide(warehouse, "alpha", "S1", "sign", "Ann", "2026-10-06T12:00:00Z")
    decide(warehouse, "alpha", "R0", "reopen", "ann ", "2026-10-06T13:00:00Z", reason="late invoice")
    decide(warehouse, "alpha", "R1", "reopen", "Bob", "2026-10-06T14:00:00Z")
    decide(warehouse, "alpha", "R2", "reopen", "Bob", "2026-10-06T15:00:00Z", reason="late invoice")
    decide(warehouse, "alpha", "S9", "sign", "Cy", "2026-10-07T01:00:00Z")
    summary = close(warehouse, run_id="close-2")
    assert rows(
        warehouse, "SELECT decision_key, status, why FROM finance.period_decisions ORDER BY decided_at"
    ) == [
        ("S0", "applied", "2026-09 signed"),
        ("S1", "refused", "2026-09 is signed by Ann already"),
        ("R0", "refused", "Ann signed 2026-09: somebody else must reopen it"),
        ("R1", "refused", "reopening 2026-09 needs a reason"),
        ("R2", "applied", "2026-09 reopened"),
    ]
    assert summary.decided == ["2026-09"]
    assert rows(warehouse, "SELECT DISTINCT signed_by FROM finance.close_checklist") == [("Ann",)]
    # Open again: what belongs there is posted there, until the lag has passed once more.
    reconcile(warehouse, "alpha", date(2026, 10, 7), run_id="r2", settings=SETTINGS)
    assert close(warehouse, date(2026, 10, 11), run_id="close-3").closed == []
    closed = close(warehouse, date(2026, 10, 12), run_id="close-4")
    assert closed.closed == ["2026-09"]
    assert rows(warehouse, "SELECT generation, event FROM finance.period_closes ORDER BY 1, 2") == [
        (1, "closed"), (1, "reopened"), (1, "signed"), (2, "closed"),
    ]  # fmt: skip


def test_a_past_date_gives_that_days_answer_and_posts_nothing(warehouse):
    settle(warehouse)
    close(warehouse)
    reconcile(warehouse, "alpha", date(2026, 11, 10), run_id="r2", settings=SETTINGS)
    before = close_checksums(warehouse, "alpha")
    stored = close(warehouse, date(2026, 10, 20), run_id="close-2")
    assert (stored.is_replay, stored.stored) == (True, ["2026-09"])
    assert close_checksums(warehouse, "alpha") == before
    never = close(warehouse, date(2026, 11, 8), run_id="close-3")
    assert never.waiting == {"2026-10": "no finished reconcile run covered its end by then"}
    assert close_checksums(warehouse, "alpha") == before


def test_a_replay_asks_a_period_that_was_never_closed_over_what_was_known_then(warehouse):
    settle(warehouse)
    reconcile(warehouse, "alpha", date(2026, 10, 20), run_id="r2", settings=SETTINGS)
    replay = close(warehouse, LATER)
    assert replay.waiting == {"2026-09": "would have been closed"}
    assert rows(warehouse, "SELECT count(*) FROM finance.period_closes") == [(0,)]
    assert rows(warehouse, "SELECT count(DISTINCT check_name) FROM finance.close_replays") == [(14,)]


def test_releases_at_the_close_are_dated_inside_the_period(warehouse):
    settings = replace(SETTINGS, reconcile={"release_timing": "at_close"})
    settle(warehouse, settings=settings)
    assert rows(warehouse, "SELECT count(*) FROM finance.journals WHERE event = 'RELEASE'") == [(0,)]
    assert close(warehouse, settings=settings).closed == ["2026-09"]
    assert rows(
        warehouse, "SELECT promotion_key, posting_date FROM finance.journals WHERE event = 'RELEASE'"
    ) == [("P2", END_OF_SEPTEMBER)]
    reconcile(warehouse, "alpha", LATER, run_id="r2", settings=settings)
    assert rows(warehouse, "SELECT count(*) FROM finance.journals WHERE event = 'RELEASE'") == [(1,)]


def test_one_company_that_does_not_tie_is_no_matter_of_the_other(warehouse):
    settle(warehouse)
    settle(warehouse, tenant="beta")
    close_marts.account(warehouse, "alpha", "1000", "5")
    assert close(warehouse).not_tied
    assert close(warehouse, tenant="beta").closed == ["2026-09"]


def test_a_period_is_closed_by_hand_without_its_lag(warehouse):
    settle(warehouse)
    assert close(warehouse, date(2026, 10, 1), asked="2026-09").closed == ["2026-09"]
    with pytest.raises(TradewindError, match="a period of the tenant's fiscal calendar"):
        close(warehouse, asked="2019-01")
