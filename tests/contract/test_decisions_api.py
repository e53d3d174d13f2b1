"""Decisions through Airflow's web server: its own log-in and rights, the contract's own checks, one key space."""

from __future__ import annotations

import json

import pytest

from include.extract.contracts import BY_NAME
from include.extract.posted import POSTABLE, WITNESS

DECISION = {
    "decision_key": "K1",
    "claim_key": "D1",
    "action": "settle",
    "promotion_key": "P1",
    "reason": "agreed",
}


@pytest.fixture
def call(warehouse, monkeypatch):
    """Calls the app as somebody (a user of Airflow's own kind and role), or as nobody, over a fresh warehouse."""
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api import security
    from fastapi.testclient import TestClient

    from tradewind.api import decisions

    monkeypatch.setattr(decisions, "warehouse", lambda: warehouse)
    monkeypatch.setattr(security, "get_auth_manager", SimpleAuthManager)
    monkeypatch.setattr(security.DagModel, "get_team_name", lambda dag_id: None)
    client = TestClient(decisions.app)

    def ask(method: str, path: str, body: object = None, *, who: str | None = "ana", role: str = "user"):
        decisions.app.dependency_overrides.clear()
        if who is not None:
            user = SimpleAuthManagerUser(username=who, role=role)
            decisions.app.dependency_overrides[security.get_user] = lambda: user
        text = body if isinstance(body, str) else json.dumps(body)
        return client.request(method, path, content=text if body is not None else None)

    yield ask
    decisions.app.dependency_overrides.clear()


def submitted(wh) -> list[tuple]:
    with wh.engine("alpha") as conn:
        return conn.execute("SELECT row_key, content, posted_by FROM finance.posted_rows").fetchall()


def test_a_decision_is_stored_in_the_name_of_who_is_logged_in(call, warehouse):
    answer = call("POST", "/alpha/claim_decisions", DECISION | {"amount": 12.5})
    assert answer.status_code == 201
    assert answer.json()["by"] == "ana"
    assert submitted(warehouse) == [
        (
            "K1",
            {"claim_kind": "deduction", "claim_key": "D1", "action": "settle", "promotion_key": "P1",
             "amount": "12.5000", "reason": "agreed"},
            "ana",
        )
    ]  # fmt: skip


def test_the_same_again_is_one_decision_and_another_content_is_a_conflict(call, warehouse):
    assert call("POST", "/alpha/claim_decisions", DECISION).json()["is_new"]
    assert not call("POST", "/alpha/claim_decisions", DECISION).json()["is_new"]
    assert call("POST", "/alpha/claim_decisions", DECISION | {"reason": "else"}).status_code == 409
    assert call("POST", "/alpha/claim_decisions", DECISION, who="bo").status_code == 409
    assert len(submitted(warehouse)) == 1


@pytest.mark.parametrize("column", WITNESS)
def test_nobody_decides_in_the_name_of_another(call, warehouse, column):
    answer = call("POST", "/alpha/claim_decisions", DECISION | {column: "2026-10-01T00:00:00Z"})
    assert answer.status_code == 422
    assert answer.json()["detail"]["column"] == column
    assert submitted(warehouse) == []


@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        ({"action": "pay"}, "action", "none of the listed values"),
        ({"amount": "-5"}, "amount", "below its minimum"),
        ({"amount": 0}, "amount", "below its minimum"),
        ({"amount": "1,000"}, "amount", "thousands separators"),
        ({"amount": 0.30000000000000004}, "amount", "never rounded"),
        ({"amount": [1]}, "amount", "a list or an object"),
        ({"claim_key": ""}, "claim_key", "required and empty"),
        ({"reason": None}, "reason", "required and empty"),
        ({"colour": "red"}, "colour", "no such column"),
        ({"decision_key": "K\u0000"}, "decision_key", "NUL"),
    ],
)
def test_a_bad_row_is_refused_as_a_file_s_row_would_be(call, warehouse, change, column, reason):
    answer = call("POST", "/alpha/claim_decisions", DECISION | change)
    assert answer.status_code == 422
    assert answer.json()["detail"]["column"] == column
    assert reason in answer.json()["detail"]["got"]
    assert submitted(warehouse) == []


@pytest.mark.parametrize("body", ["", "{", "[]", '"x"', "1", "[" * 5000, "null"])
def test_a_body_that_is_no_object_is_refused(call, body):
    assert call("POST", "/alpha/claim_decisions", body).status_code == 422


def test_a_body_beyond_reason_is_refused(call):
    assert call("POST", "/alpha/claim_decisions", DECISION | {"reason": "x" * 70_000}).status_code == 413


def test_nobody_gets_in_without_a_log_in(call, warehouse):
    assert call("POST", "/alpha/claim_decisions", DECISION, who=None).status_code == 401
    assert call("POST", "/alpha/claim_decisions/K1/approval", who=None).status_code == 401
    assert call("GET", "/alpha/tasks", who=None).status_code == 401
    assert submitted(warehouse) == []


def test_who_may_only_look_decides_nothing(call, warehouse):
    assert call("POST", "/alpha/claim_decisions", DECISION, role="viewer").status_code == 403
    assert call("GET", "/alpha/tasks", role="viewer").status_code == 200
    assert submitted(warehouse) == []


@pytest.mark.parametrize("tenant", ["nobody", "Alpha", "a' OR true --", "system"])
def test_an_unknown_tenant_is_not_found(call, tenant):
    assert call("POST", f"/{tenant}/claim_decisions", DECISION).status_code == 404
    assert call("GET", f"/{tenant}/tasks").status_code == 404


def test_a_period_is_signed_and_reopened_by_post(call, warehouse):
    """The same way in: a row of period_decisions, in the name of who is logged in; nobody approves it."""
    row = {"decision_key": "p1", "fiscal_year": 2026, "period": 9, "action": "sign"}
    assert call("POST", "/alpha/period_decisions", row).status_code == 201
    with warehouse.engine("alpha") as conn:
        kept = conn.execute(
            "SELECT posted_by, content FROM finance.posted_rows WHERE contract = 'period_decisions'"
        ).fetchall()
    assert kept == [("ana", {"fiscal_year": "2026", "period": "9", "action": "sign"})]
    refused = call("POST", "/alpha/period_decisions", row | {"decision_key": "p2", "action": "shred"})
    assert (refused.status_code, refused.json()["detail"]["column"]) == (422, "action")
    assert call("POST", "/alpha/period_decisions/p1/approval").status_code == 404


def test_an_approval_is_another_person_s(call, warehouse):
    call("POST", "/alpha/claim_decisions", DECISION)
    assert call("POST", "/alpha/claim_decisions/K1/approval", who=" ANA").status_code == 409
    assert call("POST", "/alpha/claim_decisions/K9/approval", who="carl").status_code == 404
    assert call("POST", "/alpha/claim_decisions/K1/approval", who="carl").json()["is_new"]
    assert not call("POST", "/alpha/claim_decisions/K1/approval", who="carl").json()["is_new"]
    with warehouse.engine("alpha") as conn:
        query = "SELECT row_key, approved_by FROM finance.posted_approvals"
        assert conn.execute(query).fetchall() == [("K1", "carl")]


def test_one_tenant_s_decision_is_not_the_other_s(call):
    call("POST", "/alpha/claim_decisions", DECISION)
    assert call("POST", "/beta/claim_decisions/K1/approval", who="carl").status_code == 404
    assert call("POST", "/beta/claim_decisions", DECISION | {"reason": "other"}).status_code == 201


def test_contracts_that_are_not_decisions_are_not_posted(call):
    assert call("POST", "/alpha/deductions", {"deduction_key": "D1"}).status_code == 404


@pytest.mark.parametrize("name", POSTABLE)
def test_what_may_be_posted_has_a_key_and_says_who(name):
    contract = BY_NAME[name]
    assert len(contract.key) == 1
    assert contract.column(contract.key[0]).type == "text"
    assert contract.column("decided_by").required and contract.column("decided_at").required
