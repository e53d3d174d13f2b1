"""Posting journals through our NetSuite client to the sandbox: once each, refusals as answers (P4 class A)."""

import threading
from dataclasses import replace
from datetime import date

import httpx
import pytest

from include.errors import TradewindError
from include.flows import publish as flow
from include.flows.reconcile import reconcile
from include.publish.destinations import netsuite
from include.publish.exports import find
from include.publish.netsuite import NetSuiteClient
from include.settings import TenantSettings
from tests.trade_cases import AS_OF, PARENTS, deduction, guid, promotion
from tests.trade_marts import fill

JOURNALS = find("erp_journals")
HOST = "alpha.suitetalk.api.netsuite.com"
SETTINGS = TenantSettings(publish_mode="live")
EARLY = date(2026, 9, 25)


@pytest.fixture
def wh(warehouse, sandbox, tmp_path, monkeypatch):
    """A company with two accruals, a settlement and a debit memo of 2,000 (golden G-31)."""
    monkeypatch.setenv("TRADEWIND_OUTPUT", str(tmp_path))
    fresh_account(sandbox)
    fill(
        warehouse,
        "alpha",
        parents=PARENTS,
        promotions=[promotion("P1", "10000"), promotion("P2", "4000.50", approved_date=EARLY)],
        deductions=[deduction("D1", "12000", customer_key="north", promotion_id=guid("P1"))],
    )
    reconcile(warehouse, "alpha", AS_OF, run_id="made", settings=SETTINGS)
    return warehouse


def fresh_account(sandbox) -> None:
    """An empty account of the tenant: one whose file is taken away begins anew."""
    for file in (sandbox.state / "sandbox" / "netsuite").glob("alpha.sqlite3*"):
        file.unlink()


def publish(wh, run_id, *, settings=SETTINGS, export=JOURNALS, dry_run=False, **more):
    from tradewind.connections import client

    request = flow.Request("alpha", export, AS_OF, "2026-10", run_id, dry_run=dry_run, **more)
    return flow.publish(wh, request, lambda: client(export.destination, "alpha"), settings)


def client() -> NetSuiteClient:
    from tradewind.connections import client

    return client("netsuite", "alpha")


def held(where: str = "t.type = 'Journal'") -> list[dict]:
    return list(client().query(f"SELECT t.externalid, t.id FROM transaction t WHERE {where}"))


def puts(sandbox) -> list[dict]:
    return [r for r in sandbox.requests() if r["method"] == "PUT"]


def test_every_journal_is_created_once_and_unchanged_the_second_time(wh, sandbox):
    first = publish(wh, "run1")
    assert (first.created, first.rejected, first.status) == (4, 0, "published")
    assert first.verification == {"compared": 4, "differences": {}}
    sandbox.clear()
    again = publish(wh, "run2")
    assert (again.created, again.unchanged, again.status) == (0, 4, "unchanged")
    assert sandbox.requests() == [], "a repeated publish makes no remote call at all"
    assert len(held()) == 4


def test_fin04_one_debit_memo_with_the_claim_id_however_often_it_is_sent(wh):
    publish(wh, "run1")
    publish(wh, "run2", resend=True)
    memos = held(f"t.{netsuite.CLAIM_FIELD} = 'D1' AND t.{netsuite.EVENT_FIELD} = 'DEBIT_MEMO'")
    assert len(memos) == 1
    lines = client().record(memos[0]["externalid"])["line"]["items"]
    assert [(line["account"]["id"], line.get("debit", line.get("credit"))) for line in lines] == [
        ("1100", 2000),
        ("1150", 2000),
    ]


def test_tdm25_the_promotion_id_travels_in_every_journal(wh):
    publish(wh, "run1")
    assert len(held(f"t.{netsuite.PROMOTION_FIELD} = '{guid('P1')}'")) == 3
    accrual = held(f"t.{netsuite.PROMOTION_FIELD} = '{guid('P2')}'")[0]
    assert guid("P2") in client().record(accrual["externalid"])["memo"]


def test_accounts_are_mapped_and_a_new_map_posts_nothing_again(wh, sandbox):
    mapped = {"accounts": {"5500": "215"}}
    chart = [{"id": code, "type": "Other"} for code in ("215", "2200", "1100", "1150")]
    write_world(sandbox, "accounts.json", chart)
    publish(wh, "run1", settings=replace(SETTINGS, publish={"erp": mapped}))
    accrual = held(f"t.{netsuite.EVENT_FIELD} = 'ACCRUAL'")[0]
    assert client().record(accrual["externalid"])["line"]["items"][0]["account"] == {"id": "215"}
    sandbox.clear()
    assert publish(wh, "run2").status == "unchanged"
    assert sandbox.requests() == []


def write_world(sandbox, name, content):
    import json

    folder = sandbox.world / "alpha" / "netsuite"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content))


@pytest.fixture(autouse=True)
def no_world(sandbox):
    yield
    for file in (sandbox.world / "alpha" / "netsuite").glob("*.json"):
        file.unlink()


def test_an_unknown_account_is_refused_with_the_words_of_the_erp(wh):
    receipt = publish(wh, "run1", settings=replace(SETTINGS, publish={"erp": {"accounts": {"2200": "9"}}}))
    assert (receipt.created, receipt.rejected, receipt.status) == (1, 3, "rejected")
    assert refusals(wh)[0] == "USER_ERROR: Invalid account reference key 9 for subsidiary 1. at line.items[1]"


def refusals(wh) -> list[str]:
    with wh.engine("alpha") as conn:
        rows = conn.execute(
            "SELECT last_error FROM publish.ledger WHERE status = 'rejected' ORDER BY business_key"
        ).fetchall()
    return sorted({row[0] for row in rows}, reverse=True)


def test_a_closed_period_is_an_answer_and_is_asked_again_only_with_resend(wh, sandbox):
    write_world(sandbox, "accounting_periods.json", [{"startdate": "2026-09-20", "enddate": "2026-09-26"}])
    first = publish(wh, "run1")
    assert (first.created, first.rejected, first.status) == (3, 1, "rejected")
    assert "not within the date range of your accounting period" in refusals(wh)[0]
    sandbox.clear()
    assert publish(wh, "run2").rejected == 1
    assert puts(sandbox) == []
    write_world(sandbox, "accounting_periods.json", [])
    resent = publish(wh, "run3", resend=True)
    assert (resent.created, resent.rejected) == (1, 0)
    assert len(puts(sandbox)) == 1, "what is there already is confirmed without writing"


def test_too_many_requests_at_once_wait_as_long_as_they_are_told(wh, sandbox):
    sandbox.fault({"host": HOST, "path": "journalEntry", "kind": "status", "status": 429, "retry_after": 0.2, "times": 6})  # fmt: skip
    receipt = publish(wh, "run1")
    assert (receipt.created, receipt.status) == (4, "published")
    assert len(held()) == 4


def test_the_account_never_sees_more_at_once_than_it_allows(wh, sandbox):
    sandbox.fault({"host": HOST, "path": "journalEntry", "kind": "slow", "seconds": 0.1, "times": 0})
    publish(wh, "run1")
    assert {r["status"] for r in sandbox.requests() if "journalEntry" in r["target"]} == {204}


def test_the_sandbox_itself_blocks_what_is_above_its_limit(wh, sandbox):
    greedy = client()
    greedy.record("warm-up")
    sandbox.fault({"host": HOST, "path": "suiteql", "kind": "slow", "seconds": 0.0, "times": 0})
    clients = [client() for _ in range(12)]
    heavy = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000) SELECT count(*) AS c FROM n"
    start = threading.Barrier(len(clients))

    def ask(one):
        start.wait()
        list(one.query(f"SELECT * FROM ({heavy})"))

    threads = [threading.Thread(target=ask, args=(one,)) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 429 in {r["status"] for r in sandbox.requests() if "suiteql" in r["target"]}


def test_a_cut_connection_after_the_erp_committed_makes_no_duplicate(wh, sandbox):
    sandbox.fault(
        {"host": HOST, "path": "journalEntry", "method": "PUT", "kind": "lose_response", "times": 3}
    )
    assert publish(wh, "run1").status == "published"
    assert len(puts(sandbox)) == 7
    assert len(held()) == 4
    for entry in held():
        assert len(client().record(entry["externalid"])["line"]["items"]) in (2, 4), "no line twice"


@pytest.mark.parametrize("kind", ["truncate", "half_json"])
def test_a_damaged_answer_is_asked_for_again(wh, sandbox, kind):
    sandbox.fault({"host": HOST, "path": "suiteql", "kind": kind, "times": 1})
    assert publish(wh, "run1").status == "published"
    assert len(held()) == 4


def test_an_expired_token_is_renewed(wh, sandbox):
    sandbox.fault({"host": HOST, "path": "journalEntry", "kind": "expire_token", "times": 2})
    assert publish(wh, "run1").status == "published"


def test_what_the_erp_lost_is_found_and_sent_again(wh, sandbox):
    publish(wh, "run1")
    fresh_account(sandbox)
    assert publish(wh, "run2").status == "unchanged"
    resent = publish(wh, "run3", resend=True)
    assert resent.verification == {"compared": 4, "differences": {}}
    assert len(held()) == 4


def test_a_tenant_without_a_connection_is_skipped_and_counted(wh, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_NETSUITE_ALPHA")
    receipt = publish(wh, "run1")
    assert (receipt.status, receipt.created) == ("skipped", 0)
    assert receipt.verification == {"reason": "no Airflow connection netsuite_alpha", "waiting": 4}
    with wh.engine("alpha") as conn:
        assert conn.execute("SELECT count(*) FROM publish.ledger").fetchone() == (0,)


def test_a_dry_run_plans_and_sends_nothing(wh, sandbox):
    sandbox.clear()
    assert publish(wh, "dry", dry_run=True).status == "planned"
    assert sandbox.requests() == []


def test_an_erp_without_an_api_gets_a_file_to_import(wh, tmp_path):
    settings = replace(SETTINGS, publish={"erp": {"channel": "file", "accounts": {"5500": "215"}}})
    assert publish(wh, "run1", settings=settings, export=find("erp_journal_file")).status == "published"
    lines = (tmp_path / "alpha/2026-10/erp_journals.csv").read_text().splitlines()
    assert lines[0] == "journal_id,line,date,account,debit,credit,currency,reference,memo"
    assert len(lines) == 1 + 2 + 2 + 4 + 2
    assert {line.split(",")[3] for line in lines[1:]} == {"215", "2200", "1150", "1100"}
    assert publish(wh, "run2", settings=settings, export=find("erp_journal_file")).status == "unchanged"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"line": {"items": [{"account": {"id": "5500"}, "debit": 5}, {"account": {"id": "2200"}, "credit": 4}]}}, "not in balance"),
        ({"line": {"items": [{"account": {"id": "1100"}, "debit": 5}, {"account": {"id": "2200"}, "credit": 5}]}}, "need a name"),
        ({"tranDate": "soon"}, "tranDate"),
        ({"subsidiary": None}, "Subsidiary"),
    ],
)  # fmt: skip
def test_what_netsuite_refuses(wh, change, words):
    lines = [{"account": {"id": "5500"}, "debit": 5}, {"account": {"id": "2200"}, "credit": 5}]
    body = {"tranDate": "2026-10-01", "subsidiary": {"id": "1"}, "currency": {"id": "USD"}, "line": {"items": lines}}  # fmt: skip
    assert words in client().upsert("refused", body | change).message
    assert client().record("refused") is None


def test_without_replace_the_lines_are_added_which_is_why_we_replace(wh, sandbox):
    one = client()
    lines = [{"account": {"id": "5500"}, "debit": 5}, {"account": {"id": "2200"}, "credit": 5}]
    body = {"tranDate": "2026-10-01", "subsidiary": {"id": "1"}, "currency": {"id": "USD"}, "line": {"items": lines}}  # fmt: skip
    one.upsert("twice", body)
    one.upsert("twice", body)
    assert len(one.record("twice")["line"]["items"]) == 2
    url = f"https://{HOST}/services/rest/record/v1/journalEntry/eid:twice"
    httpx.put(url, json=body, headers={"Authorization": f"Bearer {one._bearer(None)}"})
    assert len(one.record("twice")["line"]["items"]) == 4


def test_a_forged_assertion_buys_no_token(wh):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    forged = NetSuiteClient(
        host=HOST,
        client_id="sandbox-client-alpha",
        certificate_id="sandbox-certificate-alpha",
        private_key=key.decode(),
    )
    with pytest.raises(TradewindError, match="invalid_client"):
        forged.record("any")


def test_state_survives_a_kill_of_the_erp(wh, sandbox):
    publish(wh, "run1")
    sandbox.stop(9)
    sandbox.start()
    assert len(held()) == 4
