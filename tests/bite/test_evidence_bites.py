"""Evidence tampered with behind the triggers, each time as a superuser who means it: `make verify` finds every one."""

from __future__ import annotations

import hashlib
import json
from datetime import date

import pytest

from include.errors import CheckFailed
from include.flows.evidence import head_file, publish_head, require_sound, verify_evidence
from include.flows.reconcile import reconcile
from include.local.verify import check
from include.settings import TenantSettings
from include.warehouse.session import Warehouse
from tests.trade_cases import AS_OF, PARENTS, deduction, guid, promotion
from tests.trade_marts import fill


@pytest.fixture
def settled(warehouse: Warehouse) -> Warehouse:
    """Five claims settled against two promotions, the head published."""
    fill(
        warehouse,
        "alpha",
        parents=PARENTS,
        promotions=[promotion("P1", "10000"), promotion("P2", "50000", customer_key="rival")],
        deductions=[
            deduction(f"D{n}", str(1000 + n), promotion_id=guid("P1"), posting_date=date(2026, 9, n))
            for n in range(1, 5)
        ]
        + [deduction("D5", "45000", customer_key="rival")],
    )
    work(warehouse)
    return warehouse


def work(wh: Warehouse, as_of: date = AS_OF, run_id: str = "run-1") -> None:
    reconcile(wh, "alpha", as_of, run_id=run_id, settings=TenantSettings())


def tamper(wh: Warehouse, *statements: str) -> None:
    """Change tables as a superuser with every trigger and the hash constraint out of the way."""
    with wh.admin() as conn:
        conn.execute("ALTER TABLE finance.gl_snapshots DROP CONSTRAINT IF EXISTS gl_snapshots_hash")
        for table in ("gl_snapshots", "journals", "journal_lines", "settlements", "accrual_ledger"):
            conn.execute(f"ALTER TABLE finance.{table} DISABLE TRIGGER ALL")
        for statement in statements:
            conn.execute(statement)


def found(wh: Warehouse) -> list[str]:
    return [fault.where for fault in verify_evidence(wh, "alpha").faults]


def test_untouched_evidence_is_sound(settled):
    verdict = verify_evidence(settled, "alpha")
    assert verdict.faults == ()
    assert (verdict.head.sequence, verdict.counts["settlements"], verdict.published) == (5, 5, 1)


def test_a_chain_that_has_not_begun_is_sound_and_published(warehouse):
    publish_head(warehouse, "alpha", as_of=AS_OF, run_id="run-1")
    assert verify_evidence(warehouse, "alpha").faults == ()


AMOUNT = 'replace(payload, \'"amount_settled":"1002.0000"\', \'"amount_settled":"1003.0000"\')'


def test_a_changed_snapshot(settled):
    tamper(settled, f"UPDATE finance.gl_snapshots SET payload = {AMOUNT}")
    assert "finance.gl_snapshots · snapshot 2" in found(settled)


def test_a_changed_snapshot_with_its_hash_made_right(settled):
    tamper(
        settled,
        f"UPDATE finance.gl_snapshots SET payload = {AMOUNT}",
        "UPDATE finance.gl_snapshots SET hash = encode(sha256(convert_to(previous_hash || payload, 'UTF8')), 'hex')",
    )
    assert "finance.gl_snapshots · snapshot 3" in found(settled)


def test_the_whole_chain_forged_again_from_a_changed_snapshot_on(settled):
    """Every hash is right again and the settlement agrees; only the published head does not."""
    with settled.engine("alpha") as conn:
        rows = conn.execute("SELECT sequence, payload FROM finance.gl_snapshots ORDER BY 1").fetchall()
    previous, statements = hashlib.sha256(b"").hexdigest(), []
    for sequence, payload in rows:
        forged = payload.replace('"amount_settled":"1002.0000"', '"amount_settled":"1003.0000"')
        digest = hashlib.sha256((previous + forged).encode()).hexdigest()
        statements.append(
            f"UPDATE finance.gl_snapshots SET payload = '{forged}', previous_hash = '{previous}', hash = '{digest}'"
            f" WHERE sequence = {sequence}"
        )
        previous = digest
    tamper(
        settled,
        *statements,
        "UPDATE finance.settlements SET amount_settled = 1003 WHERE amount_settled = 1002",
    )
    faults = verify_evidence(settled, "alpha").faults
    assert any("as it was published" in fault.expected for fault in faults)


def test_a_tail_that_was_cut_off(settled):
    tamper(
        settled,
        "DELETE FROM finance.settlements WHERE amount_settled = 45000",
        "DELETE FROM finance.gl_snapshots WHERE sequence = 5",
    )
    faults = verify_evidence(settled, "alpha").faults
    assert any("chain that ends at link 4" in fault.got for fault in faults)
    assert any("settlements" in fault.where and fault.difference == "-1" for fault in faults)


def test_a_tail_cut_off_and_written_anew_by_the_engine(settled):
    """The next run continues the shorter chain and publishes its head; the older head still tells."""
    tamper(
        settled,
        "DELETE FROM finance.settlements WHERE amount_settled = 45000",
        "DELETE FROM finance.gl_snapshots WHERE sequence = 5",
    )
    publish_head(settled, "alpha", as_of=AS_OF, run_id="run-2")
    assert len(head_file("alpha").read_text().splitlines()) == 2
    assert any("chain that ends at link 4" in fault.got for fault in verify_evidence(settled, "alpha").faults)


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("DELETE FROM finance.gl_snapshots WHERE sequence = 2", "snapshot 2"),
        ("DELETE FROM finance.gl_snapshots WHERE sequence = 1", "snapshot 1"),
        ("DELETE FROM finance.gl_snapshots", "snapshot 5"),
    ],
)
def test_a_missing_snapshot(settled, statement, where):
    tamper(settled, statement)
    assert any(fault.endswith(where) for fault in found(settled))


def test_snapshots_in_another_order(settled):
    tamper(
        settled,
        "ALTER TABLE finance.gl_snapshots DROP CONSTRAINT gl_snapshots_pkey",
        "UPDATE finance.gl_snapshots SET sequence = 5 - sequence WHERE sequence IN (2, 3)",
    )
    assert {"finance.gl_snapshots · snapshot 2", "finance.gl_snapshots · snapshot 3"} <= set(found(settled))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE finance.settlements SET amount_settled = amount_settled + 1 WHERE amount_settled = 1002",
        "UPDATE finance.settlements SET status = 'Posted to ERP' WHERE amount_settled = 1002",
        "UPDATE finance.settlements SET promotion_key = 'P2' WHERE amount_settled = 1002",
        "DELETE FROM finance.settlements WHERE amount_settled = 1002",
        (
            "INSERT INTO finance.settlements SELECT tenant_id, gen_random_uuid(), claim_id, promotion_key, amount_settled,"
            " currency, 'Draft', audit_flag, late_after_release, NULL, '{}', settled_as_of, run_id, rule_version, input_hash"
            " FROM finance.settlements WHERE amount_settled = 1002"
        ),
        "UPDATE finance.gl_snapshots SET settlement_id = gen_random_uuid() WHERE sequence = 2",
    ],
)
def test_a_settlement_that_is_not_what_its_last_snapshot_says(settled, statement):
    tamper(settled, statement)
    assert any(fault.startswith(("finance.settlements", "finance.gl_snapshots")) for fault in found(settled))


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE finance.journal_lines SET account_code = '9999' WHERE {}", "finance.settlements"),
        (
            "UPDATE finance.journal_lines SET credit_amount = 1 WHERE {} AND credit_amount > 0",
            "finance.journals",
        ),
        ("DELETE FROM finance.journal_lines WHERE {}", "finance.journals"),
        (
            "UPDATE finance.journals SET status = 'Failed', message = 'x' WHERE event = 'SETTLEMENT'",
            "finance.settlements",
        ),
        ("UPDATE finance.settlements SET gl_posting_json = '{{}}'", "finance.settlements"),
    ],
)
def test_a_settlement_without_its_sound_journal(settled, statement, where):
    tamper(settled, statement.format("event = 'SETTLEMENT'"))
    assert any(fault.startswith(where) for fault in found(settled))


def test_a_journal_that_was_removed(settled):
    tamper(
        settled,
        "DELETE FROM finance.journal_lines WHERE event = 'DEDUCTION_RECEIPT'",
        "DELETE FROM finance.journals WHERE event = 'DEDUCTION_RECEIPT'",
    )
    assert found(settled) == ["finance · journals", "finance · journal lines"]


@pytest.mark.parametrize("line", ["no json", "[]", "{}", '{"tenant": "beta"}'])
def test_a_head_file_that_was_edited(settled, line):
    with head_file("alpha").open("a") as handle:
        handle.write(line + "\n")
    assert any("line 2" in fault for fault in found(settled))


def test_no_head_was_ever_published(settled):
    head_file("alpha").unlink()
    assert found(settled) == [str(head_file("alpha"))]


def test_another_copy_of_the_heads_is_taken_when_it_is_given(settled, tmp_path):
    copy = tmp_path / "from_sharepoint.jsonl"
    copy.write_bytes(head_file("alpha").read_bytes())
    head_file("alpha").write_text("")
    assert verify_evidence(settled, "alpha", copy).faults == ()


def test_the_task_fails_and_the_command_says_what_to_do(settled):
    assert require_sound(settled, "alpha").faults == ()
    tamper(settled, "DELETE FROM finance.gl_snapshots WHERE sequence = 5")
    with pytest.raises(CheckFailed, match="faults"):
        require_sound(settled, "alpha")
    said: list[str] = []
    assert not check(settled, ["alpha", "beta"], None, said.append)
    text = "\n".join(said)
    for word in ("where", "expected", "got", "to do", "restore a backup"):
        assert word in text
    assert "beta · 0 snapshots" in text


def test_a_head_is_published_once_and_only_when_it_moved(settled):
    before = head_file("alpha").read_bytes()
    head = json.loads(before)
    assert (head["tenant"], head["sequence"], head["as_of"], head["run_id"]) == (
        "alpha",
        5,
        "2026-10-31",
        "run-1",
    )
    assert head["counts"]["settlements"] == 5
    work(settled, run_id="run-2")
    work(settled, date(2026, 11, 1), "run-3")
    assert head_file("alpha").read_bytes() == before
    fill(
        settled,
        "alpha",
        parents=PARENTS,
        promotions=[promotion("P1", "10000")],
        deductions=[deduction("D9", "500", promotion_id=guid("P1"), posting_date=date(2026, 10, 1))],
    )
    work(settled, date(2026, 11, 2), "run-4")
    after = head_file("alpha").read_bytes()
    assert after.startswith(before)
    assert [json.loads(line)["sequence"] for line in after.splitlines()] == [5, 6]
    assert verify_evidence(settled, "alpha").faults == ()
