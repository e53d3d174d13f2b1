"""Salesforce into the landing tables, through the real client against the sandbox: complete, or loudly not.

Guards against a green run that read a part (reliability P9-P13): every way a walk can break in transit ends
with the same rows as an undisturbed one, or with an error and the rows as before.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from simple_salesforce import Salesforce

from include.errors import TradewindError
from include.extract.load import LoadResult
from include.extract.soql import Patience
from include.flows.extract import ExtractSummary, extract_salesforce
from include.warehouse.session import Warehouse
from tests.contract.test_sandbox_salesforce import org

HOST = "alpha.my.salesforce.com"
COUNT, DELETED = 2500, 50
LIVE = COUNT - DELETED
SECOND_PAGE = {"host": HOST, "path": "-2000", "method": "GET"}


def _deals() -> list[dict]:
    return [
        {
            "Id": f"006ALF{number:09d}AAA",
            "Name": f"Deal {number}",
            "Amount": 1000.25 + number,
            "StageName": "Closed Won" if number % 2 else "Prospecting",
            "IsWon": bool(number % 2),
            "IsClosed": bool(number % 2),
            "Probability": 100 if number % 2 else 10,
            "CloseDate": f"2026-{number % 12 + 1:02d}-15",
            "AccountId": "001ALF000000001AAA",
            "OwnerId": "005ALF000000001AAA",
            "Opportunity_Key__c": f"OPP-{number:05d}",
            "CreatedDate": "2026-01-01T08:00:00.000Z",
            # Pairs share a stamp: ties must not lose rows.
            "SystemModstamp": f"2026-10-{number // 2 % 28 + 1:02d}T08:00:00.000Z",
            "IsDeleted": number % 50 == 0,
        }
        for number in range(COUNT)
    ]


@pytest.fixture(scope="module", autouse=True)
def seeded(sandbox_process) -> None:
    stamp = {"CreatedDate": "2026-01-01T08:00:00.000Z", "SystemModstamp": "2026-10-01T08:00:00.000Z"}
    sandbox_process.seed("alpha", "Opportunity", _deals())
    sandbox_process.seed("alpha", "Account", [{"Id": "001ALF000000001AAA", "Name": "Harvest Lane", **stamp}])
    sandbox_process.seed(
        "alpha",
        "User",
        [{"Id": "005ALF000000001AAA", "Name": "Rep One", "Rep_Key__c": "R-1", "IsActive": True, **stamp}],
    )
    change = {"OpportunityId": "006ALF000000001AAA", "StageName": "Proposal", "Probability": 50, **stamp}
    sandbox_process.seed(
        "alpha", "OpportunityHistory", [{"Id": "008ALF000000001AAA", "Amount": 900, **change}]
    )


@pytest.fixture
def client(sandbox) -> Iterator[Salesforce]:
    yield org("alpha")


def extract(wh: Warehouse, client: Salesforce, run: str = "r1", **more: object) -> ExtractSummary:
    waits: list[float] = []
    return extract_salesforce(
        wh,
        "alpha",
        client,
        run,
        patience=Patience(attempts=8, attempts_if_broken=4, sleep=waits.append),
        **more,
    )


def deals(summary: ExtractSummary) -> LoadResult:
    """The load of the opportunities."""
    return next(load for load in summary.loads if load.stream == "opportunity")


def state(wh: Warehouse) -> tuple[int, object]:
    """Rows and amount of the current opportunities."""
    with wh.pipeline() as conn:
        return conn.execute(
            "SELECT count(*), sum(amount) FROM staging.raw_salesforce__opportunity"
            " WHERE tenant_id = 'alpha' AND _superseded_at IS NULL"
        ).fetchone()


EXPECTED = sum(1000.25 + n for n in range(COUNT) if n % 50)


def test_all_streams_land_and_a_second_run_changes_nothing(warehouse: Warehouse, client: Salesforce) -> None:
    first = extract(warehouse, client)
    assert first.streams == ["account", "user", "opportunity", "opportunityhistory"]
    assert state(warehouse) == (LIVE, pytest.approx(EXPECTED))
    load = deals(first)
    assert (load.rows_read, load.rows_loaded, load.rows_rejected) == (LIVE, LIVE, 0)
    assert load.drift["deleted"] == DELETED
    second = extract(warehouse, client, "r2")
    assert second.total("rows_loaded") == second.total("rows_superseded") == 0
    # The overlap of fifteen minutes re-reads the last stamp only.
    assert 0 < deals(second).rows_read < LIVE
    assert deals(second).rows_read == deals(second).rows_unchanged
    assert state(warehouse) == (LIVE, pytest.approx(EXPECTED))


HEALED = {
    "429 with Retry-After": {"kind": "status", "status": 429, "retry_after": 3, "times": 5},
    "503 twice": {"kind": "status", "status": 503, "times": 2},
    "connection cut": {"kind": "cut"},
    "body truncated": {"kind": "truncate", "fraction": 0.5},
    "half the JSON": {"kind": "half_json"},
    "session expired": {"kind": "status", "status": 401},
    "page repeated": {"kind": "mutate", "change": "repeat_page"},
    "rows twice on a page": {"kind": "mutate", "change": "dup_rows", "count": 20},
    "page replaced by the one before, once": {"kind": "mutate", "change": "replace_by_previous"},
    "page dropped once": {"kind": "mutate", "change": "drop_page"},
    "rows dropped once": {"kind": "mutate", "change": "drop_rows", "count": 3},
}


@pytest.mark.parametrize("fault", HEALED)
def test_a_broken_walk_ends_complete(warehouse: Warehouse, client: Salesforce, sandbox, fault: str) -> None:
    sandbox.fault({**SECOND_PAGE, **HEALED[fault]})
    extract(warehouse, client)
    assert state(warehouse) == (LIVE, pytest.approx(EXPECTED))
    assert len(sandbox.requests(host=HOST, path="/oauth2/token")) <= 2


LOUD = {
    "storm without end": ({"kind": "status", "status": 429, "times": 0}, "REQUEST_LIMIT_EXCEEDED"),
    "server down": ({"kind": "status", "status": 500, "times": 0}, "UNKNOWN_EXCEPTION"),
    "daily limit": ({"kind": "status", "status": 403, "times": 0}, "REQUEST_LIMIT_EXCEEDED"),
    "page always dropped": ({"kind": "mutate", "change": "drop_page", "times": 0}, "the org counts"),
    "number becomes text": ({"kind": "mutate", "change": "num_to_text", "field": "Amount"}, "Amount"),
    "field gone from records": (
        {"kind": "mutate", "change": "drop_field", "field": "StageName"},
        "StageName",
    ),
}


@pytest.mark.parametrize("fault", LOUD)
def test_a_walk_that_cannot_be_whole_stores_nothing(
    warehouse: Warehouse, client: Salesforce, sandbox, fault: str
) -> None:
    rule, words = LOUD[fault]
    sandbox.fault({**SECOND_PAGE, **rule})
    with pytest.raises(TradewindError, match=words):
        extract(warehouse, client)
    assert state(warehouse) == (0, None)
    with warehouse.pipeline() as conn:
        loaded = conn.execute("SELECT stream FROM staging.loads ORDER BY stream").fetchall()
        marks = conn.execute("SELECT stream FROM staging.watermarks ORDER BY stream").fetchall()
    # The other streams went on.
    assert loaded == marks == [("account",), ("opportunityhistory",), ("user",)]


def test_a_deals_changes_land_as_the_org_keeps_them(warehouse: Warehouse, client: Salesforce) -> None:
    extract(warehouse, client)
    with warehouse.pipeline() as conn:
        rows = conn.execute(
            "SELECT opportunity_id, stage_name, amount::text, probability::text"
            " FROM staging.raw_salesforce__opportunityhistory WHERE tenant_id = 'alpha'"
        ).fetchall()
    assert rows == [("006ALF000000001AAA", "Proposal", "900.0000", "50.000000000")]


def test_a_new_field_is_kept_and_reported(warehouse: Warehouse, client: Salesforce, sandbox) -> None:
    sandbox.fault(
        {**SECOND_PAGE, "kind": "mutate", "change": "add_field", "field": "Tier__c", "value": "gold"}
    )
    summary = extract(warehouse, client)
    assert deals(summary).drift["unknown_columns"] == ["Tier__c"]
    with warehouse.pipeline() as conn:
        kept = conn.execute(
            "SELECT count(*) FROM staging.raw_salesforce__opportunity WHERE _extra ->> 'Tier__c' = 'gold'"
        ).fetchone()[0]
    assert kept > 0


def test_changes_and_deletions_follow(warehouse: Warehouse, client: Salesforce) -> None:
    extract(warehouse, client)
    client.Opportunity.update("006ALF000000001AAA", {"Amount": 5.5})
    client.Opportunity.delete("006ALF000000003AAA")
    summary = extract(warehouse, client, "r2")
    load = deals(summary)
    assert (load.rows_loaded, load.rows_superseded) == (1, 2)
    with warehouse.pipeline() as conn:
        versions = conn.execute(
            "SELECT id, amount, _superseded_at IS NULL FROM staging.raw_salesforce__opportunity"
            " WHERE id IN ('006ALF000000001AAA', '006ALF000000003AAA') ORDER BY id, _loaded_at"
        ).fetchall()
    assert [(key[:15], float(amount), current) for key, amount, current in versions] == [
        ("006ALF000000001", 1001.25, False),
        ("006ALF000000001", 5.5, True),
        ("006ALF000000003", 1003.25, False),
    ]


def test_an_expired_session_of_a_fixed_token_logs_in_once(
    warehouse: Warehouse, client: Salesforce, sandbox
) -> None:
    fixed = Salesforce(session_id=client.session_id, instance=client.sf_instance, version="66.0")
    sandbox.fault({**SECOND_PAGE, "kind": "status", "status": 401})
    logins = []

    def login() -> Salesforce:
        logins.append(1)
        return org("alpha")

    extract(warehouse, fixed, login=login)
    # What the test before this one changed in the org stays changed: count rows against the org itself.
    assert state(warehouse)[0] == client.query("SELECT COUNT() FROM Opportunity")["totalSize"]
    assert len(logins) == 1


def test_a_storm_of_fifty_is_waited_out_and_retry_after_is_honoured(
    warehouse: Warehouse, client: Salesforce, sandbox
) -> None:
    waits: list[float] = []
    sandbox.fault({**SECOND_PAGE, "kind": "status", "status": 429, "retry_after": 3, "times": 50})
    summary = extract_salesforce(warehouse, "alpha", client, "r1", patience=Patience(sleep=waits.append))
    assert deals(summary).rows_loaded > 0
    assert len(waits) == 50 and min(waits) >= 3
