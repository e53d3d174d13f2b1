"""Files and posts share one key space: what came first counts, other content is kept with the conflict."""

from __future__ import annotations

import pytest

from include.extract.contracts import BY_NAME
from include.flows.submit import approve_row, post_row
from include.warehouse.trade_decisions import read_decisions
from tests import dbt_company
from tests.trade_cases import AS_OF

CONTRACT = BY_NAME["claim_decisions"]
FILED = {
    "claim_kind": "deduction", "claim_key": "D1", "action": "dispute", "reason": "no deal", "decided_by": "ana",
    "decided_at": "2026-10-20T10:00:00Z",
}  # fmt: skip
POSTED = {"claim_key": "D1", "action": "dispute", "reason": "no deal"}


@pytest.fixture(scope="module")
def built(module_warehouse, tmp_path_factory):
    """The landing and the view over it, as dbt makes them."""
    rows = [FILED | {"decision_key": key} for key in ("same", "other", "filed")]
    with module_warehouse.pipeline() as conn:
        dbt_company.land(conn, "alpha", "staging.raw_files__claim_decisions", rows)
    post_row(
        module_warehouse, "alpha", CONTRACT, POSTED | {"decision_key": "posted", "amount": "12.50"}, "bo"
    )
    approve_row(module_warehouse, "alpha", CONTRACT, "posted", "carl")
    approve_row(module_warehouse, "alpha", CONTRACT, "filed", "dora")
    for key, said in (("same", POSTED), ("other", POSTED | {"reason": "else"})):
        with pytest.raises(Exception, match="came in a file before"):
            post_row(module_warehouse, "alpha", CONTRACT, said | {"decision_key": key}, "ana")
    target = tmp_path_factory.mktemp("dbt")
    made = dbt_company.run_dbt(module_warehouse, target, "run", "--select", "+submitted_decisions")
    assert dbt_company.failures(made) == []
    return module_warehouse


def submitted(wh) -> dict:
    with wh.engine("alpha") as conn:
        found = conn.execute(
            "SELECT decision_key, source, amount, decided_by, approved_by, conflict FROM finance.submitted_decisions"
        ).fetchall()
    return {(key, source): tuple(rest) for key, source, *rest in found}


def test_one_key_space(built):
    found = submitted(built)
    assert set(found) == {
        ("same", "file"), ("other", "file"), ("other", "posted"), ("filed", "file"), ("posted", "posted"),
    }  # fmt: skip
    assert found["other", "file"][-1] is None
    assert "was submitted before (file) with other content" in found["other", "posted"][-1]


def test_approvals_reach_posted_rows_and_files_alike(built):
    found = submitted(built)
    assert found["posted", "posted"][1:3] == ("bo", "carl")
    assert found["filed", "file"][1:3] == ("ana", "dora")


def test_the_engine_reads_them_with_their_dates(built):
    """What is posted now is dated now: a business date before it leaves it alone."""
    with built.engine("alpha") as conn:
        by_then = read_decisions(conn, AS_OF.replace(year=2026, month=10, day=31))
        ever = read_decisions(conn, AS_OF.replace(year=2199))
    assert {d.decision_key for d in by_then} == {"same", "other", "filed"}
    assert {d.decision_key for d in ever} == {"same", "other", "filed", "posted"}
    with built.engine("beta") as conn:
        assert read_decisions(conn, AS_OF.replace(year=2199)) == ()
