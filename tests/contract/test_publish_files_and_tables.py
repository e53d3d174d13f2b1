"""Publishing files to SharePoint (Graph) and partitions to Snowflake, through the real clients."""

import hashlib
import os

import pytest

from include.errors import TradewindError
from include.flows.evidence import publish_head
from include.publish import exports
from tests.contract import publish_cases as cases

HOST = "graph.microsoft.com"


@pytest.fixture
def wh(warehouse, sandbox, tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_OUTPUT", str(tmp_path))
    cases.prepare(warehouse)
    return warehouse


def write(tmp_path, content):
    folder = tmp_path / "alpha/2026-10"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "book.xlsx").write_bytes(content)


def stored(path="Tests/Output/Book_2026-10.xlsx"):
    from tradewind.connections import client

    return client("sharepoint", "alpha").content(path)


def test_a_file_arrives_whole_and_is_not_sent_twice(wh, sandbox, tmp_path):
    content = os.urandom(12_000_000)
    write(tmp_path, content)
    receipt = cases.run(wh, cases.WORKBOOK, "run1")
    assert (receipt.created, receipt.verification) == (1, {"compared": 1, "differences": {}})
    assert hashlib.sha256(stored()).digest() == hashlib.sha256(content).digest()
    sandbox.clear()
    assert cases.run(wh, cases.WORKBOOK, "run2").status == "unchanged"
    assert sandbox.requests() == []
    write(tmp_path, b"new content")
    assert cases.run(wh, cases.WORKBOOK, "run3").updated == 1
    assert stored() == b"new content"


def test_the_heads_of_the_snapshot_chain_leave_the_database_with_a_receipt(wh):
    with wh.engine("alpha") as conn:
        conn.execute(
            "INSERT INTO ops.runs (tenant_id, run_id, verb, as_of, status) VALUES ('alpha', 'r', 'reconcile', %s, 'success')",
            (cases.AS_OF,),
        )
    export = exports.find("sharepoint_chain_head")
    place = publish_head(wh, "alpha", as_of=cases.AS_OF, run_id="run1")
    assert cases.run(wh, export, "run1").status == "published"
    assert stored("Trade/Evidence/Chain_Heads.jsonl") == place.read_bytes() != b""
    assert cases.run(wh, export, "run2").status == "unchanged"


@pytest.mark.parametrize(
    "fault",
    [
        {"method": "PUT", "kind": "status", "status": 503, "skip": 1, "times": 2},
        {"method": "PUT", "kind": "truncate", "skip": 1, "times": 1},
        {"method": "PATCH", "kind": "status", "status": 429, "times": 1},
        {"kind": "status", "status": 401, "skip": 2, "times": 1},
    ],
    ids=lambda fault: f"{fault.get('method', 'any')}-{fault.get('status', fault['kind'])}",
)
def test_an_interrupted_upload_is_resumed(wh, sandbox, tmp_path, fault):
    content = os.urandom(11_000_000)
    write(tmp_path, content)
    sandbox.fault({"host": "*", **fault} if fault.get("method") == "PUT" else {"host": HOST, **fault})
    assert cases.run(wh, cases.WORKBOOK, "run").status == "published"
    assert stored() == content


def test_a_missing_file_names_the_verb_that_makes_it(wh):
    with pytest.raises(TradewindError, match="run forecast for this period first"):
        cases.run(wh, cases.WORKBOOK, "run")


def totals(wh, rows):
    with wh.pipeline() as conn:
        conn.execute("DELETE FROM planning.test_totals")
        with conn.cursor() as cursor:
            cursor.executemany("INSERT INTO planning.test_totals VALUES ('alpha', %s, %s)", rows)


def held():
    from tradewind.connections import client

    with client("snowflake", "alpha").cursor() as cursor:
        rows = cursor.execute(
            "SELECT scenario, count(*), sum(total) FROM test_totals GROUP BY scenario ORDER BY 1"
        )
        return [(name, count, str(total)) for name, count, total in rows.fetchall()]


def test_a_partition_is_replaced_as_a_whole(wh):
    """C39: the scope of a replace is the partition, and the others stay as they are."""
    totals(wh, [("base", "1.2500"), ("base", "2"), ("high", "10")])
    assert cases.run(wh, cases.TOTALS, "run1").created == 2
    assert held() == [("base", 2, "3.2500"), ("high", 1, "10.0000")]
    totals(wh, [("base", "5"), ("high", "10")])
    receipt = cases.run(wh, cases.TOTALS, "run2")
    assert (receipt.updated, receipt.unchanged) == (1, 1)
    assert held() == [("base", 1, "5.0000"), ("high", 1, "10.0000")]


def test_a_view_is_made_over_the_published_table(wh):
    from tradewind.connections import client

    destination = exports.find("snowflake_mc_summary")
    table = exports.find("snowflake_monte_carlo_results")
    columns = ", ".join(f"{f.target} VARCHAR" for f in table.fields[:5])
    with client("snowflake", "alpha").cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS monte_carlo_results ({columns}, total_compensation NUMBER(19,4))"
        )
    assert cases.run(wh, destination, "run1").status == "published"
    assert cases.run(wh, destination, "run2").status == "unchanged"
