"""What an ERP's answers change (TPM-05 to TPM-08, golden G-36): each test reads as one rule of docs/erp.md."""

from datetime import date, timedelta

import pytest

from include.flows.evidence import verify_evidence
from include.flows.reconcile import reconcile
from include.settings import TenantSettings
from tests import erp_cases as cases
from tests.erp_cases import CLOSED, rows, work
from tests.trade_cases import AS_OF
from tests.trade_marts import checksums

STATES = "SELECT promotion_key, lifecycle_status, message FROM finance.promotion_state ORDER BY 1"
SETTLED = "SELECT promotion_key, status FROM finance.settlements ORDER BY 1"
OPEN = "SELECT task_type, promotion_key, detail FROM finance.claim_tasks WHERE status = 'open' AND task_type IN ('ERP_REFUSED', 'ACCRUAL_REFUSED')"


@pytest.fixture
def wh(warehouse, tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_OUTPUT", str(tmp_path))
    cases.company(warehouse)
    return warehouse


def test_what_is_to_be_posted_is_ours_and_neither_the_erps_nor_an_opening_balance(wh):
    found = rows(wh, "SELECT event, route, count(*) FROM finance.erp_postings GROUP BY 1, 2 ORDER BY 1, 2")
    assert found == [
        ("ACCRUAL", "post", 4),
        ("AP_PAYMENT", "erp", 1),
        ("AP_VOUCHER", "erp", 1),
        ("DEBIT_MEMO", "post", 1),
        ("DEDUCTION_RECEIPT", "erp", 1),
        ("RELEASE", "post", 1),
        ("SETTLEMENT", "post", 1),
    ]


def test_a_confirmed_settlement_is_posted_and_its_promotion_committed(wh):
    cases.answer(wh)
    summary = work(wh)
    assert rows(wh, SETTLED) == [("P1", "Posted to ERP"), ("S1", "Posted to ERP")]
    assert rows(wh, STATES) == [
        ("P1", "Committed", None),
        ("P2", "Committed", None),
        ("P3", "Settled", None),
        ("S1", "Committed", None),
    ]
    assert summary.standing == {"confirmed": 7}


def test_the_payload_and_the_chain_of_snapshots_survive_the_change(wh):
    before = rows(wh, "SELECT settlement_id, gl_posting_json FROM finance.settlements ORDER BY 1")
    cases.answer(wh)
    work(wh)
    assert rows(wh, "SELECT settlement_id, gl_posting_json FROM finance.settlements ORDER BY 1") == before
    assert (
        rows(wh, "SELECT change, payload::jsonb ->> 'status' FROM finance.gl_snapshots ORDER BY sequence")
        == [("insert", "Queued")] * 2 + [("update", "Posted to ERP")] * 2
    )
    verdict = verify_evidence(wh, "alpha")
    assert verdict.faults == () and verdict.unpublished_links == 0


def test_applied_once_a_second_run_changes_nothing(wh):
    cases.answer(wh, {("ACCRUAL", "P2"): CLOSED, ("SETTLEMENT", "P1"): CLOSED})
    work(wh)
    before = checksums(wh, "alpha")
    assert work(wh, "run-2").effects == {}
    reconcile(wh, "alpha", AS_OF, run_id="again", settings=cases.SETTINGS)
    assert checksums(wh, "alpha") == before


def test_g36_a_refused_accrual_fails_the_promotion_with_the_erps_words(wh):
    cases.answer(wh, {("ACCRUAL", "P2"): CLOSED})
    summary = work(wh)
    assert ("P2", "Failed", CLOSED) in rows(wh, STATES)
    reversal = rows(
        wh,
        "SELECT account_code, debit_amount, credit_amount, posting_date FROM finance.journal_lines"
        " WHERE event = 'ACCRUAL_REFUSED' ORDER BY 1",
    )
    assert reversal == [
        ("2200", 4000, 0, date(2026, 10, 8)),
        ("5500", 0, 4000, date(2026, 10, 8)),
    ]
    assert rows(wh, "SELECT sum(amount) FROM finance.accrual_ledger WHERE promotion_key = 'P2'") == [(0,)]
    assert rows(wh, OPEN) == [
        ("ACCRUAL_REFUSED", "P2", f"Accrual of P2 refused by the ERP: {CLOSED}"),
    ]
    assert summary.standing == {"confirmed": 6, "withdrawn": 1}
    assert rows(wh, "SELECT count(*) FROM finance.erp_postings WHERE route = 'post'") == [(6,)], (
        "neither the refused accrual nor its reversal is ever sent"
    )


def test_with_next_open_a_failed_accrual_waits_for_a_day_the_erp_has_not_refused(wh):
    cases.answer(wh, {("ACCRUAL", "P2"): CLOSED})
    work(wh)
    settings = TenantSettings(reconcile={"on_closed_period": "next_open"})
    tomorrow = AS_OF + timedelta(days=1)
    reconcile(wh, "alpha", tomorrow, run_id="again", settings=settings)
    assert ("P2", "Failed", CLOSED) in rows(wh, STATES)
    with wh.pipeline() as conn:
        conn.execute(
            "INSERT INTO finance.closed_periods VALUES ('alpha', 'standard', '2026-10-01', '2026-10-10')"
        )
    reconcile(wh, "alpha", tomorrow, run_id="closed here too", settings=settings)
    assert ("P2", "Approved", None) in rows(wh, STATES)
    assert rows(
        wh,
        "SELECT event, generation, posting_date FROM finance.journals WHERE promotion_key = 'P2' ORDER BY 3, 1",
    ) == [
        ("ACCRUAL", 1, date(2026, 10, 8)),
        ("ACCRUAL_REFUSED", 1, date(2026, 10, 8)),
        ("ACCRUAL", 2, date(2026, 10, 11)),
    ]


def test_a_refused_accrual_that_claims_have_used_is_a_persons(wh):
    cases.answer(wh, {("ACCRUAL", "P1"): CLOSED})
    work(wh)
    assert ("P1", "Approved", None) in rows(wh, STATES)
    assert rows(wh, OPEN) == [
        ("ERP_REFUSED", "P1", f"ACCRUAL P1 dated 2026-08-01 refused by the ERP (netsuite): {CLOSED}")
    ]


@pytest.mark.parametrize("event", ["SETTLEMENT", "DEBIT_MEMO"])
def test_a_refused_posting_of_a_claim_waits_for_a_person_and_ends_when_resent(wh, event):
    cases.answer(wh, {(event, "P1"): CLOSED})
    work(wh)
    assert ("P1", "Queued" if event == "SETTLEMENT" else "Posted to ERP") in rows(wh, SETTLED)
    assert [row[:2] for row in rows(wh, OPEN)] == [("ERP_REFUSED", "P1")]
    assert rows(wh, "SELECT lifecycle_status FROM finance.promotion_state WHERE promotion_key = 'P1'") == [
        ("Committed",)
    ]
    cases.answer(wh, generation=2)
    work(wh, "run-2")
    assert ("P1", "Posted to ERP") in rows(wh, SETTLED)
    assert rows(wh, OPEN) == []


def test_a_refused_release_leaves_the_release_and_asks(wh):
    cases.answer(wh, {("RELEASE", "P3"): CLOSED})
    work(wh)
    assert ("P3", "Settled", None) in rows(wh, STATES)
    assert [row[:2] for row in rows(wh, OPEN)] == [("ERP_REFUSED", "P3")]


def test_an_erp_without_an_api_confirms_through_its_own_ledger(wh):
    show(wh, "RELEASE")
    summary = work(wh)
    assert summary.standing == {"confirmed": 1, "waiting": 6}
    assert rows(
        wh, "SELECT channel, external_id FROM finance.erp_answers WHERE channel = 'gl_journal_lines'"
    ) == [("gl_journal_lines", "GL-1")]


def test_other_amounts_in_the_erps_ledger_are_a_persons_until_they_agree(wh):
    show(wh, "SETTLEMENT", factor=2)
    work(wh)
    (task,) = rows(wh, OPEN)
    assert task[0] == "ERP_REFUSED" and "GL-1 debits 40000.0000, ours 20000.0000" in task[2]
    with wh.pipeline() as conn:
        conn.execute("UPDATE finance.gl_lines SET debit_amount = debit_amount / 2")
    work(wh, "run-2")
    assert rows(wh, OPEN) == []
    assert ("P1", "Posted to ERP") in rows(wh, SETTLED)


def show(wh, event: str, factor: int = 1) -> None:
    """The ERP's ledger shows our journals of one event, as dbt builds finance.gl_lines."""
    with wh.pipeline() as conn:
        conn.execute(
            "CREATE TABLE finance.gl_lines (tenant_id text, journal_key text, posting_date date, scenario text,"
            " debit_amount numeric(19, 4), credit_amount numeric(19, 4), confirmed_journal_id uuid,"
            " is_confirmation boolean)"
        )
        conn.execute(
            "INSERT INTO finance.gl_lines SELECT tenant_id, 'GL-1', posting_date, 'actual', debit_amount * %s,"
            " credit_amount, journal_id, true FROM finance.journal_lines WHERE event = %s",
            (factor, event),
        )


def test_without_answers_only_what_the_erp_booked_itself_is_posted(wh):
    assert work(wh).effects == {"settlement posted": 1}
    assert rows(wh, SETTLED) == [("P1", "Queued"), ("S1", "Posted to ERP")]


def test_a_past_business_date_applies_nothing(wh):
    cases.answer(wh)
    assert work(wh, as_of=date(2026, 10, 30)).is_past
    assert rows(wh, "SELECT count(*) FROM finance.erp_answers") == [(0,)]


def test_a_tenant_that_was_never_reconciled_has_nothing_to_apply(warehouse):
    assert work(warehouse).effects == {}


def test_an_answer_that_is_no_row_of_ours_is_refused_by_the_database(wh):
    with pytest.raises(Exception, match="append-only"), wh.admin() as conn:
        cases.answer(wh)
        work(wh)
        conn.execute("DELETE FROM finance.erp_answers")
