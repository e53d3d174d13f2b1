"""The simulated Salesforce against its real clients: Airflow's hook and simple-salesforce, both unchanged."""

from __future__ import annotations

import csv
import io
import os

import pytest
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceOperationError,
    SalesforceResourceNotFound,
)

from include.sandbox.vendors.salesforce import assertion
from include.sandbox.vendors.salesforce.session import consumer_key, consumer_secret

FORECAST = "composite/sobjects/Monte_Carlo_Forecast__c/Forecast_Id__c"
HOST = "demo.my.salesforce.com"


def org(tenant: str, **changes) -> Salesforce:
    """A logged-in client of a tenant's org."""
    given = {
        "consumer_key": consumer_key(tenant),
        "consumer_secret": consumer_secret(tenant),
        "domain": f"{tenant}.my",
        "version": "66.0",
    }
    return Salesforce(**(given | changes))


def opportunities(count: int) -> list[dict]:
    """Seed records, every 50th deleted, stamps in pairs so that ties exist."""
    return [
        {
            "Id": f"006SBX{number:09d}AAA",
            "Name": f"Deal {number}",
            "Amount": 1000.25 + number,
            "StageName": "Closed Won" if number % 2 else "Prospecting",
            "CloseDate": f"2026-{number % 12 + 1:02d}-15",
            "OwnerId": None,
            "SystemModstamp": f"2026-10-{number // 2 % 28 + 1:02d}T08:00:00.000Z",
            "IsDeleted": number % 50 == 0,
            "Sales_Channel__c": "grocery",
        }
        for number in range(count)
    ]


@pytest.fixture(scope="module", autouse=True)
def seeded(sandbox_process):
    sandbox_process.seed("demo", "Opportunity", opportunities(4500))
    sandbox_process.seed("harbor", "Opportunity", opportunities(3))


def test_hook_reads_all_pages_in_order(sandbox):
    from airflow.providers.salesforce.hooks.salesforce import SalesforceHook

    found = SalesforceHook("salesforce_default").make_query(
        "SELECT Id, Amount, SystemModstamp, Sales_Channel__c FROM Opportunity ORDER BY SystemModstamp, Id"
    )
    keys = [(row["SystemModstamp"], row["Id"]) for row in found["records"]]
    assert found["totalSize"] == 4410 and keys == sorted(set(keys))
    assert found["records"][0]["attributes"]["type"] == "Opportunity"
    pages = sandbox.requests(host=HOST, path="/query")
    assert [entry["status"] for entry in pages] == [200, 200, 200]


def test_page_states_total_and_usage(sandbox):
    client = org("demo")
    first = client.query("SELECT Id FROM Opportunity")
    assert (first["totalSize"], len(first["records"]), first["done"]) == (4410, 2000, False)
    assert client.api_usage["api-usage"].total == 100_000


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("IsDeleted = false", 4410),
        ("SystemModstamp >= 2026-10-28T00:00:00Z AND StageName = 'closed won'", 80),
        ("SystemModstamp > 2026-10-28T08:00:00.000+0000", 0),
        ("CloseDate < 2026-03-01 AND Amount <= 1012.25", 2),
        ("Name IN ('Deal 1', 'Deal 2', 'Deal 50')", 2),
        ("Name NOT IN ('Deal 1')", 4409),
        ("(Amount = 1001.25 OR Amount = 1002.25) AND OwnerId = null", 2),
        ("OwnerId != 'x' AND NOT Amount > 1003", 2),
        ("Name LIKE 'Deal 449_'", 10),
        (r"Name = 'it\'s'", 0),
    ],
)
def test_conditions(sandbox, where, count):
    assert org("demo").query(f"SELECT COUNT() FROM Opportunity WHERE {where}")["totalSize"] == count


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT Id FROM Nothing__c", "INVALID_TYPE"),
        ("SELECT Nope FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE CloseDate = '2026-01-01'", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE Amount > 'x'", "INVALID_FIELD"),
        ("SELECT Id, Account.Name FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE Id = 'x", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity GROUP BY Id", "MALFORMED_QUERY"),
        ("DELETE FROM Opportunity", "MALFORMED_QUERY"),
        ("", "MALFORMED_QUERY"),
    ],
)
def test_bad_query_is_refused_in_the_vendors_shape(sandbox, query, code):
    with pytest.raises(SalesforceMalformedRequest) as refused:
        org("demo").query(query)
    assert isinstance(refused.value.content, list) and refused.value.content[0]["errorCode"] == code


def test_deleted_records_are_in_query_all_only(sandbox):
    client = org("demo")
    query = "SELECT Id, IsDeleted FROM Opportunity WHERE IsDeleted = true"
    assert client.query_all(query)["totalSize"] == 0
    assert client.query_all(query, include_deleted=True)["totalSize"] == 90


def test_users_cannot_be_deleted_and_have_no_column_for_it(sandbox):
    sandbox.seed("harbor", "User", [{"Id": "005SBX000000001AAA", "Name": "Ada Young", "IsActive": "true"}])
    client = org("harbor")
    assert client.query("SELECT IsActive FROM User")["records"][0]["IsActive"] is True
    with pytest.raises(SalesforceMalformedRequest, match="No such column 'IsDeleted'"):
        client.query("SELECT IsDeleted FROM User")


def test_order_limit_and_nulls(sandbox):
    found = org("demo").query("SELECT Name FROM Opportunity ORDER BY Amount DESC NULLS LAST LIMIT 2 OFFSET 1")
    assert [row["Name"] for row in found["records"]] == ["Deal 4498", "Deal 4497"]


def test_describe_names_types_and_external_ids(sandbox):
    client = org("demo")
    described = {field["name"]: field for field in client.Monte_Carlo_Forecast__c.describe()["fields"]}
    assert described["Forecast_Id__c"]["externalId"] and described["Forecast_Id__c"]["unique"]
    assert (described["Mean__c"]["type"], described["Mean__c"]["scale"]) == ("currency", 4)
    assert {field["name"] for field in client.Opportunity.describe()["fields"]} >= {
        "Sales_Channel__c",
        "Amount",
    }
    with pytest.raises(SalesforceResourceNotFound):
        client.Nothing__c.describe()


def test_wrong_credentials_are_refused(sandbox):
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid client credentials"):
        org("demo", consumer_secret="wrong")
    with pytest.raises(SalesforceAuthenticationFailed):
        org("demo", consumer_key=consumer_key("harbor"), consumer_secret=consumer_secret("harbor"))


def test_jwt_bearer_login(sandbox):
    key = assertion.private_key(sandbox.state / "sandbox").read_text()
    given = {"consumer_secret": None, "username": "integration@demo.example", "privatekey": key}
    assert org("demo", **given).query("SELECT COUNT() FROM Opportunity")["totalSize"] == 4410
    with pytest.raises(SalesforceAuthenticationFailed, match="issuer"):
        org("demo", **given, consumer_key="somebody-else")


def test_orgs_do_not_mix(sandbox):
    demo, harbor = org("demo"), org("harbor")
    assert harbor.query("SELECT COUNT() FROM Opportunity")["totalSize"] == 2
    demo.Monte_Carlo_Forecast__c.upsert("Forecast_Id__c/only-demo", {"Mean__c": 1})
    with pytest.raises(SalesforceResourceNotFound):
        harbor.Monte_Carlo_Forecast__c.get_by_custom_id("Forecast_Id__c", "only-demo")
    borrowed = Salesforce(instance="harbor.my.salesforce.com", session_id=demo.session_id, version="66.0")
    with pytest.raises(SalesforceExpiredSession):
        borrowed.query("SELECT Id FROM Opportunity")


def test_single_upsert_creates_then_updates(sandbox):
    forecast = org("demo").Monte_Carlo_Forecast__c
    assert forecast.upsert("Forecast_Id__c/single-1", {"Mean__c": 10.5}) == 201
    assert forecast.upsert("Forecast_Id__c/SINGLE-1", {"Mean__c": 11.5}) == 200
    kept = forecast.get_by_custom_id("Forecast_Id__c", "single-1")
    assert kept["Mean__c"] == 11.5 and len(kept["Id"]) == 18


def test_collection_answers_record_by_record(sandbox):
    client = org("demo")
    records = [
        {"Forecast_Id__c": "c-1", "Mean__c": 1.25, "As_Of__c": "2026-10-31"},
        {"Forecast_Id__c": "c-2", "Mean__c": "much"},
        {"Forecast_Id__c": "c-3", "Nope__c": 1},
        {"Forecast_Id__c": "c-4", "Currency__c": "DOLLAR"},
        {"Mean__c": 1},
        {"Forecast_Id__c": "c-6", "Mean__c": 10**15},
        {"Forecast_Id__c": "twice"},
        {"Forecast_Id__c": "TWICE"},
        {"Forecast_Id__c": "c-9", "As_Of__c": "31.10.2026"},
        {"Forecast_Id__c": "c-10", "OwnerId": "005000000000000AAA"},
    ]
    sent = {"allOrNone": False, "records": [{"attributes": {"type": "x"}, **record} for record in records]}
    first = client.restful(FORECAST, method="PATCH", json=sent)
    codes = [None if answer["success"] else answer["errors"][0]["statusCode"] for answer in first]
    assert codes == [
        None,
        "INVALID_TYPE_ON_FIELD_IN_RECORD",
        "INVALID_FIELD",
        "STRING_TOO_LONG",
        "MISSING_ARGUMENT",
        "NUMBER_OUTSIDE_VALID_RANGE",
        "DUPLICATE_VALUE",
        "DUPLICATE_VALUE",
        "INVALID_TYPE_ON_FIELD_IN_RECORD",
        "INVALID_CROSS_REFERENCE_KEY",
    ]
    again = client.restful(FORECAST, method="PATCH", json={"records": sent["records"][:1]})
    assert (first[0]["created"], again[0]["created"], first[0]["id"]) == (True, False, again[0]["id"])


def test_all_or_none_takes_everything_back(sandbox):
    client = org("demo")
    records = [{"Forecast_Id__c": "none-1", "Mean__c": 1}, {"Forecast_Id__c": "none-2", "Mean__c": "x"}]
    answers = client.restful(FORECAST, method="PATCH", json={"allOrNone": True, "records": records})
    assert answers[0]["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    with pytest.raises(SalesforceResourceNotFound):
        client.Monte_Carlo_Forecast__c.get_by_custom_id("Forecast_Id__c", "none-1")


def test_collection_takes_200_at_most_and_only_json(sandbox):
    client = org("demo")
    records = [{"Forecast_Id__c": f"many-{number}"} for number in range(201)]
    with pytest.raises(SalesforceMalformedRequest):
        client.restful(FORECAST, method="PATCH", json={"records": records})
    with pytest.raises(SalesforceMalformedRequest, match="JSON_PARSER_ERROR"):
        client.restful(
            FORECAST, method="PATCH", data='{"records": [{"Forecast_Id__c": "n", "Mean__c": NaN}]}'
        )


def test_bulk_query_walks_locators(sandbox):
    pages = list(
        org("demo").bulk2.Opportunity.query("SELECT Id, Amount FROM Opportunity", max_records=2000, wait=0)
    )
    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
    assert len(pages) == 3 and len({row["Id"] for row in rows}) == 4410


def test_bulk_upsert_twice_creates_then_updates(sandbox):
    client = org("demo")
    records = [{"Forecast_Id__c": f"bulk-{number}", "Mean__c": f"{number}.25"} for number in range(1200)]
    records.append({"Forecast_Id__c": "bulk-bad", "Mean__c": "line\nbreak"})
    created = []
    for _ in range(2):
        (job,) = client.bulk2.Monte_Carlo_Forecast__c.upsert(
            records=records, external_id_field="Forecast_Id__c", wait=0
        )
        assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (1201, 1)
        done = client.bulk2.Monte_Carlo_Forecast__c.get_successful_records(job["job_id"])
        created.append(sum(row["sf__Created"] == "true" for row in csv.DictReader(io.StringIO(done))))
        failed = list(
            csv.DictReader(
                io.StringIO(client.bulk2.Monte_Carlo_Forecast__c.get_failed_records(job["job_id"]))
            )
        )
        assert failed[0]["sf__Error"].startswith("INVALID_TYPE") and failed[0]["Mean__c"] == "line\nbreak"
    assert created == [1200, 0]


def test_bulk_job_with_an_unknown_column_fails_whole(sandbox):
    handler = org("demo").bulk2.Monte_Carlo_Forecast__c
    with pytest.raises(SalesforceOperationError, match="Field name not found : Nope__c"):
        handler.upsert(
            records=[{"Forecast_Id__c": "b", "Nope__c": "1"}], external_id_field="Forecast_Id__c", wait=0
        )


def test_bulk_job_half_applied(sandbox):
    sandbox.fault({"host": HOST, "path": "/jobs/ingest/", "method": "PATCH", "kind": "reject_rows"}
                  | {"failed": 3, "unprocessed": 2, "code": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain"})  # fmt: skip
    handler = org("demo").bulk2.Monte_Carlo_Forecast__c
    records = [{"Forecast_Id__c": f"half-{number}"} for number in range(10)]
    (job,) = handler.upsert(records=records, external_id_field="Forecast_Id__c", wait=0)
    assert job["numberRecordsFailed"] == 3
    found = handler.get_all_ingest_records(job["job_id"])
    assert [len(found[name]) for name in ("successfulRecords", "failedRecords", "unprocessedRecords")] == [
        5,
        3,
        2,
    ]
    assert found["failedRecords"][0]["sf__Error"].startswith("UNABLE_TO_LOCK_ROW")


def test_expired_session_takes_its_locators_with_it(sandbox):
    client = org("demo")
    first = client.query("SELECT Id FROM Opportunity")
    sandbox.fault({"host": HOST, "path": "/query/01g", "kind": "expire_session"})
    # The library logs in again by itself and asks for the old locator, which is gone as in the real service.
    with pytest.raises(SalesforceMalformedRequest, match="INVALID_QUERY_LOCATOR"):
        client.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert len(sandbox.requests(host=HOST, path="/oauth2/token")) == 2
    assert client.query_all("SELECT Id FROM Opportunity")["totalSize"] == 4410


def test_seeds_are_read_again_when_they_change(sandbox):
    assert org("harbor").query("SELECT COUNT() FROM Account")["totalSize"] == 0
    sandbox.seed("harbor", "Account", [{"Id": "001SBX000000001AAA", "Name": "Corner Shop"}])
    found = org("harbor").query("SELECT Name, SystemModstamp, IsDeleted FROM Account")["records"][0]
    assert (found["Name"], found["IsDeleted"]) == ("Corner Shop", False) and found["SystemModstamp"]
    os.utime(sandbox.world / "harbor" / "salesforce" / "Account.json", (1, 1))
    assert org("harbor").query("SELECT COUNT() FROM Account")["totalSize"] == 1
