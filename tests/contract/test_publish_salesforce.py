"""Publishing records through Airflow's Salesforce hook and simple_salesforce to the sandbox (semantics 5g)."""

import json

import pytest

from include.errors import TradewindError
from include.flows.publish import RemoteRejection
from tests.contract import publish_cases as cases

WRITES = ("POST", "PATCH", "PUT", "DELETE")


@pytest.fixture
def wh(warehouse, sandbox, tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_OUTPUT", str(tmp_path))
    cases.prepare(warehouse)
    return warehouse


def writes(sandbox):
    return [r for r in sandbox.requests() if r["method"] in WRITES and "token" not in r["target"]]


def test_g70_a_refused_record_fails_the_run_after_the_good_ones_are_stored(wh, sandbox):
    cases.forecasts(
        wh, "alpha", {"g70-1": "1", "g70-2": "2", "g70-3": "3", "g70-4": "4", "g70-5": "not a number"}
    )
    with pytest.raises(RemoteRejection, match="g70-5"):
        cases.run(wh, cases.FORECASTS, "run1")
    with wh.engine("alpha") as conn:
        receipt = conn.execute(
            "SELECT created, updated, unchanged, rejected, status FROM publish.receipts"
        ).fetchone()
        assert receipt == (4, 0, 0, 1, "rejected")
        code = conn.execute("SELECT business_key, code FROM publish.rejects").fetchone()
        assert code == ("g70-5", "INVALID_TYPE_ON_FIELD_IN_RECORD")

    cases.forecasts(wh, "alpha", {"g70-1": "1", "g70-2": "2", "g70-3": "3", "g70-4": "4", "g70-5": "5"})
    second = cases.run(wh, cases.FORECASTS, "run2")
    assert (second.created, second.unchanged, second.status) == (1, 4, "published")

    sandbox.clear()
    third = cases.run(wh, cases.FORECASTS, "run3")
    assert (third.created, third.updated, third.unchanged, third.status) == (0, 0, 5, "unchanged")
    assert sandbox.requests() == [], "a repeated publish makes no remote call at all"


def test_the_same_bad_record_is_not_sent_again(wh, sandbox):
    cases.forecasts(wh, "alpha", {"same-bad": "x"})
    with pytest.raises(RemoteRejection):
        cases.run(wh, cases.FORECASTS, "run1")
    sandbox.clear()
    with pytest.raises(RemoteRejection, match="same-bad"):
        cases.run(wh, cases.FORECASTS, "run2")
    assert writes(sandbox) == []


def test_a_dry_run_writes_the_same_bytes_and_sends_nothing(wh, sandbox, tmp_path):
    cases.forecasts(wh, "alpha", {"dry-1": "10.5000", "dry-2": "20"})
    sandbox.clear()
    planned = cases.run(wh, cases.FORECASTS, "dry", dry_run=True)
    assert (planned.status, planned.created) == ("planned", 2)
    assert sandbox.requests() == []
    assert cases.ledger(wh, cases.FORECASTS) == []
    payload = (tmp_path / "alpha/2026-10/publish/test_forecasts.jsonl").read_bytes()
    live = cases.run(wh, cases.FORECASTS, "live")
    assert (tmp_path / "alpha/2026-10/publish/test_forecasts.jsonl").read_bytes() == payload
    assert live.payload_sha256 == planned.payload_sha256


def test_going_back_to_an_earlier_content_is_sent(wh):
    for run_id, mean in (("a", "1"), ("b", "2"), ("c", "1")):
        cases.forecasts(wh, "alpha", {"back": mean})
        receipt = cases.run(wh, cases.FORECASTS, run_id)
    assert (receipt.updated, receipt.verification["differences"]) == (1, {})
    assert [g for key, g, _ in cases.ledger(wh, cases.FORECASTS) if key == "back"] == [1, 2, 3]


def test_more_than_a_collection_goes_through_a_bulk_job_once(wh, sandbox):
    cases.forecasts(wh, "alpha", {f"bulk-{n:04d}": str(n) for n in range(450)})
    receipt = cases.run(wh, cases.FORECASTS, "bulk")
    assert (receipt.created, receipt.status) == (450, "published")
    assert any("/jobs/ingest" in r["target"] for r in sandbox.requests())
    assert cases.run(wh, cases.FORECASTS, "again").unchanged == 450


@pytest.mark.parametrize("status", [429, 500, 503])
def test_transient_answers_are_retried(wh, sandbox, status):
    cases.forecasts(wh, "alpha", {f"transient-{status}": "1"})
    sandbox.fault(
        {
            "host": "alpha.my.salesforce.com",
            "path": "composite",
            "kind": "status",
            "status": status,
            "times": 2,
        }
    )
    assert cases.run(wh, cases.FORECASTS, "run").status == "published"


def test_an_expired_session_is_renewed(wh, sandbox):
    cases.forecasts(wh, "alpha", {"expired": "1"})
    sandbox.fault(
        {"host": "alpha.my.salesforce.com", "path": "composite", "kind": "status", "status": 401, "times": 1}
    )
    assert cases.run(wh, cases.FORECASTS, "run").status == "published"


def test_resend_repairs_a_destination_that_lost_a_record(wh):
    from tradewind.connections import client

    cases.forecasts(wh, "alpha", {"lost": "1", "kept": "1"})
    cases.run(wh, cases.FORECASTS, "run1")
    org = client("salesforce", "alpha")
    found = org.query("SELECT Id FROM Monte_Carlo_Forecast__c WHERE Forecast_Id__c = 'lost'")["records"]
    org.Monte_Carlo_Forecast__c.delete(found[0]["Id"])
    assert cases.run(wh, cases.FORECASTS, "run2").status == "unchanged"
    assert cases.run(wh, cases.FORECASTS, "run3", resend=True).updated == 2
    assert (
        org.query("SELECT COUNT() FROM Monte_Carlo_Forecast__c WHERE Forecast_Id__c = 'lost'")["totalSize"]
        == 1
    )


def test_tenants_do_not_meet(wh):
    from tradewind.connections import client

    cases.succeed(wh, "beta")
    cases.forecasts(wh, "alpha", {"mine": "1"})
    cases.run(wh, cases.FORECASTS, "run1")
    cases.forecasts(wh, "beta", {"theirs": "1"})
    cases.run(wh, cases.FORECASTS, "run1", tenant="beta")
    org = client("salesforce", "beta")
    names = {
        r["Forecast_Id__c"]
        for r in org.query("SELECT Forecast_Id__c FROM Monte_Carlo_Forecast__c")["records"]
    }
    assert names == {"theirs"}
    assert cases.ledger(wh, cases.FORECASTS, "beta") == [("theirs", 1, "confirmed")]


@pytest.mark.parametrize(
    ("as_of", "status", "message"),
    [("2026-08-01", "success", "days older"), ("2026-10-31", "failed", "to have succeeded")],
)
def test_stale_or_failed_results_are_not_published(wh, as_of, status, message):
    from datetime import date

    cases.succeed(wh, "alpha", date.fromisoformat(as_of), status)
    cases.forecasts(wh, "alpha", {"stale": "1"})
    with pytest.raises(TradewindError, match=message):
        cases.run(wh, cases.FORECASTS, "run")


def test_a_tenant_without_a_connection_is_told_which_one_is_missing(wh, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_SALESFORCE_ALPHA")
    cases.forecasts(wh, "alpha", {"nowhere": "1"})
    with pytest.raises(TradewindError, match="salesforce_alpha"):
        cases.run(wh, cases.FORECASTS, "run")


def test_payload_is_readable(wh, tmp_path):
    cases.forecasts(wh, "alpha", {"read": "1"})
    cases.run(wh, cases.FORECASTS, "run", dry_run=True)
    line = json.loads((tmp_path / "alpha/2026-10/publish/test_forecasts.jsonl").read_text())
    assert line["payload"] == {"Forecast_Id__c": "read", "Mean__c": "1"}
