"""What the database must refuse, and mutants of the engine that the laws must find."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest

from include.errors import TradewindError
from include.money import ZERO, money
from include.reconcile import books, claims, engine, journal, settle
from include.reconcile.books import Books
from include.reconcile.evidence import verify
from include.reconcile.records import Changes
from include.reconcile.release import Release
from include.reconcile.rules import Rules
from include.reconcile.settle import Share
from include.warehouse.trade import Stamp, write_changes
from tests.trade_cases import decide_all, deduction, guid, payment, promotion
from tests.trade_laws import broken_laws

FIRST = hashlib.sha256(b"").hexdigest()
HEADER = (
    "INSERT INTO finance.journals (tenant_id, journal_id, event, status, message, posting_date,"
    " original_posting_date, posted_by, as_of, run_id, rule_version, input_hash)"
    " VALUES ('alpha', %s, 'ACCRUAL', %s, %s, '2026-09-01', '2026-09-01', 'tradewind', '2026-09-01', 'r', 'v', 'h')"
)
LINE = (
    "INSERT INTO finance.journal_lines (tenant_id, journal_id, line_number, posting_date, account_code, currency,"
    " debit_amount, credit_amount, event, posted_by)"
    " VALUES ('alpha', %s, %s, '2026-09-01', %s, %s, %s, %s, 'ACCRUAL', 'tradewind')"
)


def post(wh, *lines: tuple, status: str = "Posted", message: str | None = None) -> None:
    number = uuid4()
    with wh.engine("alpha") as conn:
        conn.execute(HEADER, (number, status, message))
        for position, (account, currency, debit, credit) in enumerate(lines, start=1):
            conn.execute(LINE, (number, position, account, currency, debit, credit))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "needs two"),
        ([("5500", "USD", 10, 0)], "needs two"),
        ([("5500", "USD", 10, 0), ("2200", "USD", 0, 9)], "does not balance"),
        ([("5500", "USD", 10, 0), ("2200", "EUR", 0, 10)], "does not balance"),
        ([("5500", "USD", 10, 10), ("2200", "USD", 10, 10)], "journal_lines_one_side"),
        ([("5500", "USD", 0, 0), ("2200", "USD", 0, 0)], "journal_lines_one_side"),
    ],
)
def test_journals_that_are_no_double_entry(module_warehouse, lines, said):
    with pytest.raises(psycopg.errors.CheckViolation, match=said):
        post(module_warehouse, *lines)


def test_a_failed_journal_has_a_message_and_no_lines(module_warehouse):
    with pytest.raises(psycopg.errors.CheckViolation, match="must have no lines"):
        post(
            module_warehouse, ("5500", "USD", 1, 0), ("2200", "USD", 0, 1), status="Failed", message="closed"
        )
    with pytest.raises(psycopg.errors.CheckViolation):
        post(module_warehouse, status="Failed")
    post(module_warehouse, status="Failed", message="closed")


def test_a_line_cannot_be_added_to_a_balanced_journal_later(module_warehouse):
    number = uuid4()
    with module_warehouse.engine("alpha") as conn:
        conn.execute(HEADER, (number, "Posted", None))
        conn.execute(LINE, (number, 1, "5500", "USD", 5, 0))
        conn.execute(LINE, (number, 2, "2200", "USD", 0, 5))
    with (
        pytest.raises(psycopg.errors.CheckViolation, match="does not balance"),
        module_warehouse.engine("alpha") as conn,
    ):
        conn.execute(LINE, (number, 3, "5500", "USD", 1, 0))


@pytest.mark.parametrize("statement", ["UPDATE {} SET run_id = 'x'", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
@pytest.mark.parametrize("table", ["journals", "accrual_ledger", "gl_snapshots", "ledger_start"])
@pytest.mark.parametrize("role", ["engine", "owner", "superuser", "replica"])
def test_evidence_is_append_only_for_everybody(module_warehouse, statement, table, role):
    _one_row_each(module_warehouse)
    opened = module_warehouse.engine("alpha") if role == "engine" else module_warehouse.admin()
    with pytest.raises(psycopg.errors.InsufficientPrivilege), opened as conn:
        if role == "owner":
            conn.execute("SET LOCAL ROLE tw_owner")
        if role == "replica":
            conn.execute("SET LOCAL session_replication_role = replica")
        conn.execute("SET LOCAL row_security = on")
        conn.execute(statement.format(f"finance.{table}"))
        if role == "owner" and "TRUNCATE" not in statement:
            # The owner is under row security and sees no row to change: that is a refusal too.
            raise psycopg.errors.InsufficientPrivilege


def _one_row_each(wh) -> None:
    number, digest = uuid4(), hashlib.sha256((FIRST + "{}").encode()).hexdigest()
    with wh.engine("alpha") as conn:
        conn.execute(HEADER, (number, "Posted", None))
        conn.execute(LINE, (number, 1, "5500", "USD", 5, 0))
        conn.execute(LINE, (number, 2, "2200", "USD", 0, 5))
        conn.execute(
            "INSERT INTO finance.accrual_ledger VALUES ('alpha', %s, 'P1', 'accrued', 5, 'USD', '2026-09-01', %s,"
            " NULL, 'm', '2026-09-01', 'r', 'v', 'h')",
            (uuid4(), number),
        )
        conn.execute(
            "INSERT INTO finance.gl_snapshots SELECT 'alpha', 1, %s, 'insert', '{}', %s, %s, 'r'"
            " WHERE NOT EXISTS (SELECT FROM finance.gl_snapshots)",
            (uuid4(), FIRST, digest),
        )
        conn.execute(
            "INSERT INTO finance.ledger_start VALUES ('alpha', NULL, '2026-09-01', 'r') ON CONFLICT DO NOTHING"
        )


@pytest.mark.parametrize(
    ("sequence", "previous", "digest"),
    [(2, FIRST, None), (1, "0" * 64, None), (1, FIRST, "0" * 64)],
)
def test_a_snapshot_that_does_not_continue_the_chain(warehouse, sequence, previous, digest):
    digest = digest or hashlib.sha256((previous + "{}").encode()).hexdigest()
    with pytest.raises(psycopg.errors.CheckViolation), warehouse.engine("alpha") as conn:
        conn.execute(
            "INSERT INTO finance.gl_snapshots VALUES ('alpha', %s, %s, 'insert', '{}', %s, %s, 'r')",
            (sequence, uuid4(), previous, digest),
        )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"amount": 100, "amount_settled": 101}, "claims_law"),
        ({"amount": 100, "amount_settled": 60, "amount_disputed": 41}, "claims_law"),
        ({"amount": 100, "amount_settled": -1}, "claims_law"),
        ({"amount": -100, "amount_recovered": 100}, "claims_law"),
        ({"amount": -100, "amount_recovered": -101}, "claims_law"),
        ({"outcome": "PAID"}, "claims_outcome_accepted"),
        ({"match_confidence_score": Decimal("1.000001")}, "match_confidence_score"),
        ({"payment_key": "V1"}, "claims_source"),
        ({"dispute_status": "DISPUTE"}, "dispute_status"),
    ],
)
def test_claims_that_break_the_law(module_warehouse, values, said):
    row = {
        "tenant_id": "alpha", "claim_id": uuid4(), "source_kind": "deduction", "deduction_key": "D1",
        "customer_key": "grocer", "amount": 100, "currency": "USD", "posting_date": date(2026, 9, 1),
        "outcome": "SETTLED", "reason": "r", "as_of": date(2026, 9, 1), "run_id": "r", "rule_version": "v",
        "input_hash": "h", **values,
    }  # fmt: skip
    names, places = ", ".join(row), ", ".join(["%s"] * len(row))
    with pytest.raises(psycopg.errors.CheckViolation, match=said), module_warehouse.engine("alpha") as conn:
        conn.execute(f"INSERT INTO finance.claims ({names}) VALUES ({places})", list(row.values()))


def test_the_same_event_twice_is_an_error_not_a_skip(warehouse):
    rows = decide_all([promotion("P1", "10000")], [deduction("D1", "12000")]).rows
    stamp = Stamp("alpha", date(2026, 10, 31), "r", "v", "h")
    with warehouse.engine("alpha") as conn:
        write_changes(conn, stamp, rows)
    with pytest.raises(TradewindError, match="there already"), warehouse.engine("alpha") as conn:
        write_changes(conn, stamp, Changes(journals=rows.journals))


def test_a_changed_or_missing_link_is_found():
    claims_made = [
        deduction(f"D{n}", str(1000 + n), posting_date=date(2026, 9, n), promotion_id=guid("P1"))
        for n in range(1, 6)
    ]
    chain = decide_all([promotion("P1", "10000")], claims_made).rows.snapshots
    assert len(chain) >= 3
    assert list(verify(chain)) == []
    forged = replace(chain[1], payload=chain[1].payload.replace("1002", "1003"))
    assert list(verify([chain[0], forged, *chain[2:]]))
    assert list(verify([chain[0], *chain[2:]]))
    assert list(verify([chain[1], chain[0], *chain[2:]]))
    resealed = replace(
        forged, hash=hashlib.sha256((forged.previous_hash + forged.payload).encode()).hexdigest()
    )
    assert list(verify([chain[0], resealed, *chain[2:]]))


def busy_company() -> list[str]:
    """A company in which every law is at stake; returns the laws found broken."""
    rules = Rules()
    plans = [
        promotion("P1", "10000"),
        promotion("P2", "50000", customer_key="rival", status="Closed", closed_date=date(2026, 10, 20)),
        promotion("S1", "20000", tactic_type="Slotting", settlement_method="fixed_fee"),
    ]
    taken = [
        deduction("D1", "6000", promotion_id=guid("P1")),
        deduction("D2", "4300", promotion_id=guid("P1"), posting_date=date(2026, 9, 16)),
        deduction("D3", "45000", customer_key="rival"),
        deduction("D4", "500", reason_code_normalized="TAX"),
    ]
    paid = {"payments": [payment("V1", "20000")], "proofs": {"S1": date(2026, 9, 25)}}
    first = decide_all(plans, taken, rules=rules, **paid)
    found = broken_laws(first.rows, first.state, plans, rules)
    back = [
        deduction("R1", "-300", reversal_of="D2", posting_date=date(2026, 11, 1)),
        deduction("R2", "-6000", reversal_of="D1", posting_date=date(2026, 11, 1)),
    ]
    second = decide_all(plans, taken + back, rules=rules, state=first.state, as_of=date(2026, 11, 2), **paid)
    rows = first.rows
    rows.extend(second.rows)
    return found + broken_laws(rows, second.state, plans, rules)


def test_the_laws_hold_without_a_mutant():
    assert busy_company() == []


def _unbalanced(original: Callable) -> Callable:
    return lambda *values: original(*values)[:-1]


def _never_cap(claim, **_):
    return Share(claim, ZERO, False)


def _without_memory(original: Callable) -> Callable:
    return lambda claim, **terms: original(claim, **{**terms, "settled_before": money("0")})


def _release_twice_the_open(open_accrual, *_):
    return Release(open_accrual * 2, True)


def _no_receipt(self, changes, claim):
    """Leaves the ERP's booking out."""


def _snapshot_lost(self, *_):
    """Writes no snapshot."""


def _flipped(original: Callable) -> Callable:
    return lambda *values: tuple(
        replace(x, debit_amount=x.credit_amount, credit_amount=x.debit_amount) for x in original(*values)
    )


MUTANTS: dict[str, tuple[object, str, Callable]] = {
    "a line is lost": (journal, "settlement", _unbalanced(journal.settlement)),
    "a sign is flipped": (journal, "release", _flipped(journal.release)),
    "the excess is settled": (claims, "within_tolerance", _never_cap),
    "earlier claims are forgotten": (claims, "within_tolerance", _without_memory(settle.within_tolerance)),
    "more is released than is open": (engine, "releasable", _release_twice_the_open),
    "the receipt is not copied": (Books, "receive", _no_receipt),
    "the debit memo is not written": (Books, "dispute", lambda *_: None),
    "snapshots are lost": (Books, "_snapshot", _snapshot_lost),
    "a repayment leaves the settlement": (Books, "undo_settlement", lambda *_: None),
    "a repayment leaves the charge-back": (Books, "repay", lambda *_: None),
    "the generation never moves": (books, "stable_id", lambda *parts: journal.NAMESPACE),
    "the fee's accrual is reversed twice": (
        journal,
        "ap_voucher",
        lambda amount, *rest: journal.debit_memo(amount, rest[-1]),
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_laws_find_the_mutant(monkeypatch, name):
    place, attribute, mutant = MUTANTS[name]
    monkeypatch.setattr(place, attribute, mutant)
    try:
        found = busy_company()
    except Exception as error:  # a mutant that cannot even run is found as well
        found = [str(error)]
    assert found
