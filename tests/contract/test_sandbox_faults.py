"""Every fault kind, as a real client sees it: the same request works again once the rule is spent."""

from __future__ import annotations

import csv
import io
import json
import time

import httpx
import pytest
import requests
from simple_salesforce.exceptions import SalesforceGeneralError, SalesforceRefusedRequest
from snowflake.connector.errors import ProgrammingError

from tests.contract.test_sandbox_salesforce import HOST, opportunities, org

QUERY = "SELECT Id, Name, Amount FROM Opportunity ORDER BY Id"
PAGES = {"host": HOST, "path": "/query", "method": "GET"}
TOTAL = 4410


@pytest.fixture
def client(sandbox):
    sandbox.seed("demo", "Opportunity", opportunities(4500))
    return org("demo")


def names(client) -> list[str]:
    return [row["Name"] for row in client.query_all(QUERY)["records"]]


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (403, SalesforceRefusedRequest, "REQUEST_LIMIT_EXCEEDED"),
        (429, SalesforceGeneralError, "REQUEST_LIMIT_EXCEEDED"),
        (500, SalesforceGeneralError, "UNKNOWN_EXCEPTION"),
        (503, SalesforceGeneralError, "SERVER_UNAVAILABLE"),
    ],
)
def test_status_on_the_second_page(sandbox, client, status, error, code):
    sandbox.fault({**PAGES, "kind": "status", "status": status, "skip": 1})
    with pytest.raises(error) as seen:
        names(client)
    assert seen.value.status == status and seen.value.content[0]["errorCode"] == code
    assert len(names(client)) == TOTAL


def test_expired_token_once_is_healed_by_the_library(sandbox, client):
    sandbox.fault({**PAGES, "kind": "status", "status": 401, "skip": 1})
    assert len(set(names(client))) == TOTAL
    assert len(sandbox.requests(host=HOST, path="/oauth2/token")) == 2


def test_retry_after_and_storm(sandbox, client):
    sandbox.fault({**PAGES, "kind": "status", "status": 429, "retry_after": 7, "times": 3})
    url = f"https://{HOST}/services/data/v66.0/query?q=SELECT+Id+FROM+Opportunity"
    headers = {"Authorization": f"Bearer {client.session_id}"}
    seen = [httpx.get(url, headers=headers) for _ in range(4)]
    assert [answer.status_code for answer in seen] == [429, 429, 429, 200]
    assert seen[0].headers["retry-after"] == "7"


def test_graph_and_snowflake_errors_have_their_own_shape(sandbox):
    sandbox.fault(
        {"host": "graph.microsoft.com", "kind": "status", "status": 429, "retry_after": 1},
        {"host": "localhost", "path": "/queries/", "skip": 1, "kind": "status", "status": 200, "body": {"success": False}
         | {"code": "000630", "message": "Statement reached its timeout", "data": {"sqlState": "57014"}}},
    )  # fmt: skip
    throttled = httpx.get("https://graph.microsoft.com/v1.0/drives/x")
    assert (
        throttled.json()["error"]["code"] == "activityLimitReached"
        and throttled.headers["retry-after"] == "1"
    )
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

    with pytest.raises(ProgrammingError, match="reached its timeout"):
        SnowflakeHook("snowflake_default").get_first("select 1")


def test_slow(sandbox, client):
    sandbox.fault({**PAGES, "kind": "slow", "seconds": 0.6})
    began = time.monotonic()
    assert len(names(client)) == TOTAL and time.monotonic() - began > 0.6


@pytest.mark.parametrize("kind", ["truncate", "cut", "lose_response"])
def test_broken_connection(sandbox, client, kind):
    sandbox.fault({**PAGES, "kind": kind, "skip": 1})
    with pytest.raises((requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        names(client)
    assert len(names(client)) == TOTAL


def test_lost_answer_was_work_done_and_cut_request_was_not(sandbox, client):
    forecast = client.Monte_Carlo_Forecast__c
    for kind, created in (("cut", 201), ("lose_response", 200)):
        sandbox.fault({"host": HOST, "path": kind, "method": "PATCH", "kind": kind})
        with pytest.raises(requests.exceptions.ConnectionError):
            forecast.upsert(f"Forecast_Id__c/{kind}", {"Mean__c": 1})
        assert forecast.upsert(f"Forecast_Id__c/{kind}", {"Mean__c": 1}) == created


def test_half_json(sandbox, client):
    sandbox.fault({**PAGES, "kind": "half_json"})
    with pytest.raises(requests.exceptions.JSONDecodeError):
        names(client)


def mutation(change: str, **more) -> dict:
    return {**PAGES, "kind": "mutate", "change": change, "skip": 1, **more}


def test_mutations_of_rows(sandbox, client):
    sandbox.fault(mutation("dup_rows", count=2))
    assert (len(found := names(client)), len(set(found))) == (TOTAL + 2, TOTAL)
    sandbox.fault(mutation("drop_rows", count=3))
    assert len(names(client)) == TOTAL - 3


def test_mutations_of_pages(sandbox, client):
    sandbox.fault(mutation("drop_page"))
    assert len(names(client)) == TOTAL - 2000
    sandbox.fault(mutation("repeat_page"))
    assert (len(found := names(client)), len(set(found))) == (TOTAL + 2000, TOTAL)
    sandbox.fault(mutation("replace_by_previous"))
    assert (len(found := names(client)), len(set(found))) == (TOTAL, TOTAL - 2000), "the count hides the loss"


def test_mutations_of_fields(sandbox, client):
    sandbox.fault(mutation("add_field", field="New__c", value=1, skip=0))
    assert client.query(QUERY)["records"][0]["New__c"] == 1
    sandbox.fault(mutation("drop_field", field="Amount", skip=0))
    assert "Amount" not in client.query(QUERY)["records"][0]
    sandbox.fault(mutation("num_to_text", field="Amount", skip=0))
    assert client.query(QUERY)["records"][0]["Amount"] == "USD 1001.25"


def test_mutations_of_the_page_itself(sandbox, client):
    sandbox.fault(mutation("set_top", field="totalSize", value=9, skip=0))
    assert client.query(QUERY)["totalSize"] == 9
    sandbox.fault(mutation("reverse_rows", skip=0))
    assert client.query(QUERY)["records"][-1]["Name"] == "Deal 1"
    loop = client.query(QUERY)["nextRecordsUrl"]
    sandbox.fault(
        {**PAGES, "path": loop, "kind": "mutate", "change": "set_top", "field": "nextRecordsUrl"}
        | {"value": loop}
    )
    assert client.query_more(loop, identifier_is_url=True)["nextRecordsUrl"] == loop


def test_redirect_and_success_with_an_error_inside(sandbox, client):
    sandbox.fault(
        {**PAGES, "kind": "status", "status": 302, "headers": {"Location": "https://169.254.169.254/latest"}},
        {**PAGES, "kind": "status", "status": 200, "body": {"error": "internal"}},
    )
    with pytest.raises(requests.exceptions.ProxyError, match=r"169\.254\.169\.254 is not played"):
        client.query(QUERY)
    assert client.query(QUERY) == {"error": "internal"}


def test_mutation_of_bulk_results(sandbox, client):
    sandbox.fault({"host": HOST, "path": "/results", "kind": "mutate", "change": "dup_rows", "count": 5})
    (page,) = client.bulk2.Opportunity.query(QUERY, wait=0)
    assert len(list(csv.DictReader(io.StringIO(page)))) == TOTAL + 5


def test_rules_are_counted_listed_and_dropped(sandbox, client):
    sandbox.fault(
        {**PAGES, "kind": "slow", "seconds": 0, "times": 0}, {**PAGES, "kind": "slow", "seconds": 0}
    )
    names(client)
    rules = httpx.get(sandbox.admin, trust_env=False).json()["rules"]
    assert [(rule["matched"], rule["fired"]) for rule in rules] == [(3, 3), (3, 0)]
    assert httpx.delete(sandbox.admin, trust_env=False).json() == {"dropped": 2}
    logged = sandbox.requests(host=HOST, path="/query")
    assert [entry["fault"] for entry in logged] == ["slow"] * 3
    assert "Bearer" not in json.dumps(logged) and logged[0]["bytes_out"] > 1000


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "explode"},
        {"kind": "mutate", "change": "explode"},
        {"kind": "mutate", "change": "set_top"},
        {"kind": "status"},
        {"kind": "slow", "skip": -1},
        {"kind": "slow", "times": "often"},
        "text",
    ],
)
def test_a_rule_that_could_never_fire_is_refused(sandbox, rule):
    answer = httpx.post(sandbox.admin, content=json.dumps([rule]), trust_env=False)
    assert answer.status_code == 400 and "rule 0" in answer.json()["error"]
