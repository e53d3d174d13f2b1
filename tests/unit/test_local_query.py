"""`make sql`: CSV as the tenant's reader, who sees one tenant and changes nothing."""

from __future__ import annotations

import io

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from include.local import query


def _ask(warehouse, text: str, tenant: str = "alpha") -> str:
    out = io.StringIO()
    query.ask(make_conninfo(warehouse.engine_dsn, user=f"tw_reader_{tenant}"), text, out)
    return out.getvalue()


def test_answer_is_csv_with_a_header(warehouse):
    assert _ask(warehouse, "SELECT 1 AS a, NULL AS b, 'x,\"y' AS c") == 'a,b,c\n1,,"x,""y"\n'


def test_an_empty_answer_still_has_its_header(warehouse):
    assert _ask(warehouse, "select claim_id, amount from finance.claims") == "claim_id,amount\n"


def test_a_reader_sees_its_own_tenant_only(warehouse):
    assert _ask(warehouse, "select tenant_id from tenancy.tenants", "beta") == "tenant_id\nbeta\n"


@pytest.mark.parametrize("statement", ["DELETE FROM finance.claims", "CREATE TABLE finance.mine (a int)"])
def test_a_reader_changes_nothing(warehouse, statement):
    with pytest.raises(psycopg.Error):
        _ask(warehouse, statement)


def test_what_is_no_query_is_answered_too(warehouse):
    assert _ask(warehouse, "SHOW server_encoding") == "server_encoding\nUTF8\n"
