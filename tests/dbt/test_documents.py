"""The documents of the trade sub-ledger, derived from business rows, against the journals the engine posted."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from datetime import UTC, date, datetime

import psycopg
import pytest

from include.money import money
from include.reconcile import journal
from include.reconcile.journal import Posting, stable_id
from include.reconcile.outcomes import Outcome
from include.reconcile.records import Changes, Movement
from include.reconcile.rules import Accounts, Rules
from include.settings import TenantSettings
from include.warehouse import trade_runs
from include.warehouse.session import Warehouse
from include.warehouse.tenants import ensure_tenant
from include.warehouse.trade import Stamp, write_changes
from tests import dbt_company
from tests.trade_cases import AS_OF, decide_all, decision, deduction, guid, payment, promotion

LAW = "documents_agree_with_journals"
#: The second company posts to accounts of its own.
OWN = {
    "expense": "T-550",
    "accrued": "T-220",
    "clearing": "T-115",
    "receivable": "T-110",
    "slotting": "T-551",
}
EVENTS = {
    "ACCRUAL", "ACCRUAL_ADJUSTMENT", "ACCRUAL_REFUSED", "DEDUCTION_RECEIPT", "SETTLEMENT", "SETTLEMENT_REVERSAL",
    "DEBIT_MEMO", "DEBIT_MEMO_REVERSAL", "RECOVERY", "RECOVERY_REVERSAL", "WRITE_OFF", "WRITE_OFF_REVERSAL",
    "REPAYMENT", "RELEASE", "RELEASE_REVERSAL", "AP_VOUCHER", "AP_PAYMENT",
}  # fmt: skip
PLANS = [
    promotion("P1", "10000", gl_account_code="5520", accrual_account_code="2210"),
    promotion("P2", "50000", customer_key="rival", status="Closed", closed_date=date(2026, 10, 20)),
    promotion("P3", "900"),
    promotion("S1", "20000", tactic_type="Slotting", settlement_method="fixed_fee"),
]
TAKEN = [
    deduction("D1", "6000", promotion_id=guid("P1")),
    deduction("D2", "4300", promotion_id=guid("P1"), posting_date=date(2026, 9, 16)),
    deduction("D3", "45000", customer_key="rival"),
    deduction("D4", "500", reason_code_normalized="TAX"),
    deduction("D5", "1200", promotion_id=guid("P3"), posting_date=date(2026, 9, 18)),
    deduction("D6", "1300", promotion_id=guid("P3"), posting_date=date(2026, 9, 19)),
    deduction("D7", "80", posting_date=date(2026, 9, 20), reason_code_normalized="TAX"),
    deduction("R7", "-30", reversal_of="D7", posting_date=date(2026, 9, 21)),
]
BACK = [
    deduction("R2", "-200", reversal_of="D2", posting_date=date(2026, 11, 1)),
    deduction("R1", "-6000", reversal_of="D1", posting_date=date(2026, 11, 1)),
    deduction("R4", "-100", reversal_of="D4", posting_date=date(2026, 11, 1)),
    deduction("R9", "-11", reversal_of="nobody", posting_date=date(2026, 11, 1)),
]

LATE = [
    deduction("D8", "300", promotion_id=guid("P3"), posting_date=date(2026, 11, 3)),
    deduction("D9", "700", reason_code_normalized=None, posting_date=date(2026, 11, 3)),
]
#: People charge back, collect, give up, hand over, settle, and take it all back again.
DECIDED = [
    decision(
        f"K{number}", claim, action, amount, decided_at=datetime(2026, 11, 4, number, tzinfo=UTC), **more
    )
    for number, (claim, action, amount, more) in enumerate(
        [
            ("D8", "dispute", "250", {}),
            ("D8", "recover", "100", {}),
            ("D8", "write_off", "60", {}),
            ("D8", "reopen", None, {}),
            ("D8", "dispute", "120", {}),
            ("D9", "write_off", "60", {}),
            ("D9", "non_trade", "40", {}),
            ("D9", "settle", "100", {"promotion_key": "P1"}),
            ("D9", "reopen", None, {}),
            ("D9", "settle", "90", {"promotion_key": "P1"}),
            ("V1", "reopen", None, {"claim_kind": "ap_payment"}),
            ("V1", "settle", None, {"claim_kind": "ap_payment", "promotion_key": "S1"}),
        ]
    )
]


def engine_rows(rules: Rules) -> Changes:
    """Two days of a company in which every document of the engine is posted."""
    paid = {"payments": [payment("V1", "20000")], "proofs": {"S1": date(2026, 9, 25)}, "rules": rules}
    first = decide_all(PLANS, TAKEN, **paid)
    # The plan's accounts change after the first posting; the journals stay where they began.
    later = [replace(PLANS[0], gl_account_code="5599", accrual_account_code="2299"), *PLANS[1:]]
    second = decide_all(later, TAKEN + BACK, state=first.state, as_of=date(2026, 11, 2), **paid)
    third = decide_all(
        later, TAKEN + BACK + LATE, state=second.state, as_of=date(2026, 11, 10), decisions=DECIDED, **paid
    )
    assert {r.status for r in third.rows.decisions} == {"applied"}
    rows = first.rows
    rows.extend(second.rows)
    rows.extend(third.rows)
    _people_and_corrections(rows, third.state, rules.accounts)
    return rows


def _people_and_corrections(rows: Changes, state, accounts: Accounts) -> None:
    """What decisions of people, performance and an ERP's refusal post: the same documents, both ways round."""

    def post(event: str, *lines, plan: str | None = None, claim=None, generation: int = 1) -> object:
        rows.journals.append(
            Posting("alpha", event, "USD", AS_OF, plan, claim, generation=generation).journal(*lines)
        )
        return rows.journals[-1]

    def move(event: str, movement: str, amount: str) -> None:
        plan = replace(PLANS[2], **_booked(rows, "P3"))
        entry = post(event, *journal.accrual(money(amount), plan, accounts), plan="P3")
        number = stable_id(entry.journal_id, movement)
        rows.movements.append(
            Movement(number, "P3", movement, money(amount), "USD", AS_OF, entry.journal_id, None, "spread")
        )

    move("ACCRUAL_ADJUSTMENT", "accrued", "120")
    move("ACCRUAL_REFUSED", "accrued", "-120")
    move("RELEASE_REVERSAL", "released", "-15")
    recovered = next(c for c in state.claims.values() if c.source_key == "D5")
    given_up = next(c for c in state.claims.values() if c.source_key == "D6")
    for claim, forward, amount in (
        (recovered, "RECOVERY", recovered.amount_disputed),
        (given_up, "WRITE_OFF", given_up.amount_disputed),
    ):
        document = journal.recovery if forward == "RECOVERY" else journal.write_off
        lines = document(amount, accounts)
        turned = tuple(replace(x, debit_amount=x.credit_amount, credit_amount=x.debit_amount) for x in lines)
        post(forward, *lines, plan="P3", claim=claim.claim_id)
        post(f"{forward}_REVERSAL", *turned, plan="P3", claim=claim.claim_id)
        post(forward, *lines, plan="P3", claim=claim.claim_id, generation=2)
    memo = journal.debit_memo(money("7"), accounts)
    post("DEBIT_MEMO", *memo, plan="P3", claim=recovered.claim_id, generation=2)
    back = tuple(replace(x, debit_amount=x.credit_amount, credit_amount=x.debit_amount) for x in memo)
    post("DEBIT_MEMO_REVERSAL", *back, plan="P3", claim=recovered.claim_id)
    rows.claims.append(
        replace(
            recovered,
            outcome=Outcome.RECOVERED,
            dispute_status="RECOVERED",
            amount_disputed=money("0"),
            amount_recovered=recovered.amount_disputed,
        )
    )
    rows.claims.append(
        replace(
            given_up,
            outcome=Outcome.WRITTEN_OFF,
            dispute_status="WRITEOFF",
            amount_disputed=money("0"),
            amount_written_off=given_up.amount_disputed,
        )
    )


def _booked(rows: Changes, key: str) -> dict[str, str]:
    found = next(a for a in rows.accounts if a.promotion_key == key)
    return {"gl_account_code": found.expense, "accrual_account_code": found.accrued}


@pytest.fixture(scope="module")
def posted(module_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory):
    """Two companies with every document posted, and the law as compiled SQL."""
    wh, target = module_warehouse, tmp_path_factory.mktemp("dbt")
    ensure_tenant(wh, "beta", "Beta Foods", {"reconcile": {"accounts": OWN}})
    for command in (
        ["seed"],
        ["run", "--select", "+document_lines", "+chart_of_accounts"],
        ["compile", "--select", LAW],
    ):
        assert dbt_company.failures(dbt_company.run_dbt(wh, target, *command)) == []
    for tenant, rules in (("alpha", Rules()), ("beta", Rules.from_settings({"accounts": OWN}))):
        stamp = Stamp(tenant, AS_OF, "run-1", rules.version, "h")
        with wh.engine(tenant) as conn:
            trade_runs.open_run(conn, stamp, rules, is_replay=False)
            write_changes(conn, stamp, engine_rows(rules))
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    return wh, next(n["compiled_code"] for n in nodes.values() if n["name"] == LAW)


def query(wh: Warehouse, statement: str) -> list[tuple]:
    with wh.pipeline() as conn:
        return conn.execute(statement).fetchall()


def test_every_event_is_posted(posted):
    assert {row[0] for row in query(posted[0], "SELECT DISTINCT event FROM finance.journals")} == EVENTS


def test_the_events_are_those_the_database_accepts(posted):
    check = query(
        posted[0],
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'journals_event_check'",
    )
    assert set(re.findall(r"'([A-Z_]+)'", check[0][0])) == EVENTS


def test_the_documents_are_the_journals(posted):
    assert query(posted[0], posted[1]) == []


def test_every_document_has_lines_of_both_companies(posted):
    found = query(
        posted[0], "SELECT document, count(DISTINCT tenant_id) FROM finance.document_lines GROUP BY 1"
    )
    netted = {"DEBIT_MEMO_REVERSAL", "REPAYMENT", "RECOVERY_REVERSAL", "WRITE_OFF_REVERSAL"}
    assert dict(found) == dict.fromkeys(EVENTS - netted, 2)


def test_what_was_accrued_on_an_account_is_reversed_there(posted):
    """P1 was given other accounts after its first posting; nothing was posted to them."""
    codes = query(
        posted[0],
        "SELECT DISTINCT account_code FROM finance.journal_lines WHERE promotion_key = 'P1' AND tenant_id = 'alpha'"
        " AND event IN ('ACCRUAL', 'SETTLEMENT', 'SETTLEMENT_REVERSAL', 'RELEASE') ORDER BY 1",
    )
    assert codes == [("1150",), ("2210",), ("5520",)]


BUSINESS = {
    "finance.accrual_ledger": "UPDATE {} SET amount = amount + 1 WHERE movement = 'accrued'",
    "finance.settlements": "UPDATE {} SET amount_settled = amount_settled + 1",
    "finance.claims": "UPDATE {} SET amount_written_off = amount_written_off + 1",
}
LINES = [
    "DELETE FROM {} WHERE event = 'REPAYMENT'",
    "UPDATE {} SET account_code = '9999' WHERE event = 'RELEASE' AND line_number = 1",
    "UPDATE {} SET debit_amount = credit_amount, credit_amount = debit_amount WHERE event = 'SETTLEMENT'",
    "UPDATE {} SET debit_amount = debit_amount + 1 WHERE event = 'AP_PAYMENT' AND debit_amount > 0",
    "UPDATE {} SET currency = 'EUR' WHERE event = 'WRITE_OFF'",
]


@pytest.mark.parametrize(
    ("relation", "statement"), [*BUSINESS.items(), *(("finance.journal_lines", line) for line in LINES)]
)
def test_the_law_bites(posted, relation, statement):
    with psycopg.connect(posted[0].admin_dsn) as conn:
        for trigger in (
            "finance.accrual_ledger",
            "finance.settlements",
            "finance.claims",
            "finance.journal_lines",
        ):
            conn.execute(f"ALTER TABLE {trigger} DISABLE TRIGGER ALL")
        conn.execute("ALTER TABLE finance.claims DROP CONSTRAINT claims_law")
        conn.execute(statement.format(relation))
        assert conn.execute(posted[1]).fetchall()
        conn.rollback()


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_a_journal_without_its_document_is_found(posted, event):
    """An event whose documents nobody derives cannot slip in: its lines have no counterpart."""
    with psycopg.connect(posted[0].admin_dsn) as conn:
        conn.execute("ALTER TABLE finance.journal_lines DISABLE TRIGGER ALL")
        conn.execute(
            "UPDATE finance.journal_lines SET debit_amount = debit_amount * 2, credit_amount = credit_amount * 3 WHERE event = %s",
            (event,),
        )
        assert conn.execute(posted[1]).fetchall()
        conn.rollback()


def test_accounts_are_declared_once(posted):
    """The engine's defaults are the seed's, and a tenant's setting is the chart's account."""
    roles = query(posted[0], "SELECT tenant_id, role, account_code FROM master.trade_account_roles")
    for tenant, settings in (("alpha", {}), ("beta", {"accounts": OWN})):
        accounts = Rules.from_settings(TenantSettings(reconcile=settings).reconcile).accounts
        declared = {f.name: getattr(accounts, f.name) for f in fields(accounts)}
        assert {role: code for t, role, code in roles if t == tenant} == declared
    in_force = query(posted[0], "SELECT * FROM finance.accounts_in_force WHERE tenant_id = 'beta'")[0]
    own = Rules.from_settings({"accounts": OWN}).accounts
    assert in_force[2:] == (
        own.cash,
        own.receivable,
        own.clearing,
        own.payable,
        own.accrued,
        own.expense,
        own.slotting,
        own.write_off,
    )
    charted = query(
        posted[0],
        "SELECT account_code FROM master.chart_of_accounts WHERE tenant_id = 'beta' AND is_trade_spend",
    )
    assert ("T-550",) in charted and ("5500",) not in charted
