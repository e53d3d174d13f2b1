"""Did a run change anything? Every kind of change is seen; the time of writing is none."""

from __future__ import annotations

import pytest

from include.local import fingerprint

CLAIM = (
    "INSERT INTO finance.claims (tenant_id, claim_id, source_kind, deduction_key, customer_key, amount, currency,"
    " posting_date, outcome, reason, as_of, run_id, rule_version, input_hash) VALUES"
    " (%s, gen_random_uuid(), 'deduction', %s, 'C1', 10, 'USD', '2026-10-01', 'UNMATCHED', 'none fits',"
    " '2026-10-31', 'run-1', 'v1', 'h')"
)


def _take(warehouse, tenant="alpha"):
    with warehouse.pipeline() as conn:
        return fingerprint.take(conn, tenant)


def _change(warehouse, query, parameters=()):
    with warehouse.admin() as conn:
        conn.execute(query, parameters)


@pytest.fixture
def before(warehouse):
    _change(warehouse, CLAIM, ("alpha", "D1"))
    return _take(warehouse)


def test_a_run_id_alone_is_no_change(warehouse, before):
    _change(warehouse, "UPDATE finance.claims SET run_id = 'run-2'")
    assert fingerprint.changes(before, _take(warehouse)) == []


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (
            "UPDATE finance.claims SET reason = 'another'",
            [
                "finance.claim_history: 1 -> 1 rows, other content",
                "finance.claims: 1 -> 1 rows, other content",
            ],
        ),
        ("DELETE FROM finance.claims", ["finance.claims: 1 -> 0 rows"]),
    ],
)
def test_a_change_is_told_by_table(warehouse, before, query, told):
    _change(warehouse, query)
    assert fingerprint.changes(before, _take(warehouse)) == told


def test_a_new_row_is_a_change_for_its_tenant_only(warehouse, before):
    _change(warehouse, CLAIM, ("beta", "D1"))
    assert fingerprint.changes(before, _take(warehouse)) == []
    assert _take(warehouse, "beta")["finance.claims"].rows == 1
