"""Which file belongs to which contract, what a manifest declares, and how Salesforce answers are taken."""

from __future__ import annotations

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.errors import TradewindError
from include.extract.contracts import BY_NAME, CONTRACTS
from include.extract.files import stream_for
from include.extract.manifest import holders, systems
from include.extract.rows import Layout
from include.extract.soql import Incomplete, Org, Patience, Walk
from include.extract.systems.files import SYSTEM

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "stream", "is_guess"),
    [
        ("customers", "customers", False),
        ("Customers", "customers", False),
        ("pos_sales", "pos_sales", False),
        ("POS Sales", "pos_sales", False),
        ("pos-sales", "pos_sales", False),
        ("pos_sales_2026-01", "pos_sales", False),
        ("pos_sales-part2", "pos_sales", False),
        ("pos_sales (1)", "pos_sales", False),
        ("promotion_products_v2", "promotion_products", False),
        ("deduction_lines_2026", "deduction_lines", False),
        ("accounts_payable", "accounts", True),
        ("customers-east", "customers", True),
        ("customersegments", None, False),
        ("sales", None, False),
    ],
)
def test_a_file_name_and_its_contract(name: str, stream: str | None, is_guess: bool) -> None:
    found, guessed = stream_for(name, SYSTEM)
    assert (found.name if found else None, guessed) == (stream, is_guess)


def test_parents_stand_before_the_rows_that_refer_to_them() -> None:
    """The order of the contracts is the order of loading; only loose references may look forward."""
    place = {contract.name: n for n, contract in enumerate(CONTRACTS)}
    for contract in CONTRACTS:
        for column in contract.columns:
            if column.references:
                parent, key = column.references.split(".")
                assert key in BY_NAME[parent].key
                assert place[parent] <= place[contract.name] or column.orphan == "report", (
                    contract.name,
                    column.name,
                )


def test_every_reference_has_a_table_to_look_in() -> None:
    for contract in CONTRACTS:
        for column in contract.columns:
            if column.references:
                assert holders(*column.references.split("."))


def test_every_system_is_found_and_its_streams_are_sound() -> None:
    found = systems()
    assert {"files", "salesforce"} <= set(found)
    for system in found.values():
        for stream in system.streams:
            assert set(stream.key) <= set(stream.names)
            assert len(f"raw_{system.name}__{stream.name}_history") <= 63
            assert stream.amount is None or stream.column(stream.amount).type == "money"
            assert {c for columns in stream.contract_key.values() for c in columns} <= set(stream.names)
            if stream.contract:
                assert set(stream.contract_key) <= set(BY_NAME[stream.contract].key)


def test_headers_are_compared_without_case_blanks_and_dashes() -> None:
    stream = SYSTEM.stream("customers")
    layout = Layout.of(["\ufeffCustomer Key", "NAME ", "customer-type", "", "Segment", "segment"], stream)
    assert layout.positions == {"customer_key": 0, "name": 1, "customer_type": 2}
    assert layout.extras == {"column_4": 3, "segment": 4, "segment_again": 5}
    assert layout.absent == () and layout.repeated == ()


def test_great_expectations_is_imported_inside_functions_only() -> None:
    """Importing it costs five seconds; the scheduler parses DAG files all day."""
    for folder in ("include", "dags", "plugins"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.parse(path.read_text()).body:
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
                assert not any(name.startswith("great_expectations") for name in [*names, module]), path


class _Client:
    """A client whose answers are a script."""

    def __init__(self, *answers: object):
        self.answers = list(answers)
        self.session_id = "s"

    def query(self, query: str, include_deleted: bool = False, **kwargs: object) -> object:
        return self._next()

    query_more = restful = query

    def _next(self) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def _page(n: int, following: str | None) -> dict:
    return {
        "totalSize": 9,
        "done": following is None,
        "nextRecordsUrl": following,
        "records": [{"Id": f"x{n}", "SystemModstamp": "2026-01-01T00:00:00.000+0000"}],
    }


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/services/data/v66.0/query/1",
        "@evil.example/",
        "/services/data/v66.0/../../x",
        "",
    ],
)
def test_a_next_page_elsewhere_is_not_followed(following: str) -> None:
    org = Org(_Client(_page(1, following)), patience=Patience(sleep=lambda _: None))
    with pytest.raises(Incomplete, match="no page of this org"):
        list(org.pages("Account", ["Id"], None))


def test_a_page_that_leads_back_to_itself_ends_the_walk() -> None:
    link = "/services/data/v66.0/query/01g-2000"
    org = Org(
        _Client(_page(1, link), _page(2, link), _page(3, link)), patience=Patience(sleep=lambda _: None)
    )
    with pytest.raises(Incomplete, match="leads back"):
        list(org.pages("Account", ["Id"], None))


@pytest.mark.parametrize("body", [[], [{"errorCode": "X"}], {"records": None}, {"done": True}, "html", None])
def test_a_body_that_is_no_page_is_asked_for_again_then_refused(body: object) -> None:
    waits: list[float] = []
    patience = Patience(attempts_if_broken=3, sleep=waits.append)
    org = Org(_Client(body, body, {"totalSize": 4, "done": True, "records": []}), patience=patience)
    assert org.count("Account", None) == 4
    assert len(waits) == 2
    with pytest.raises(TradewindError, match="not a page of records"):
        Org(_Client(*[body] * 3), patience=patience).count("Account", None)


@pytest.mark.parametrize("name", ["Account; DROP", "A'", "", "1st", "Account WHERE"])
def test_names_that_are_no_api_names_never_reach_soql(name: str) -> None:
    with pytest.raises(ValueError, match="no API name"):
        Org(_Client(), patience=Patience(attempts_if_broken=1)).count(name, None)


def _described(**types: str) -> dict:
    """A describe answer of Account with every field the stream reads, changed by `types` (None: gone)."""
    stream = systems()["salesforce"].stream("account")
    plain = {
        "money": "currency",
        "integer": "int",
        "timestamp": "datetime",
        "boolean": "boolean",
        "date": "date",
    }
    there = {stream.source[c.name]: plain.get(c.type, "string") for c in stream.columns}
    there |= types
    return {"fields": [{"name": name, "type": type} for name, type in there.items() if type != "gone"]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"AnnualRevenue": "gone"}, "AnnualRevenue · expected a field of this org · got no such field"),
        ({"AnnualRevenue": "string"}, "AnnualRevenue · expected a field for money · got type string"),
        ({"Name": "double"}, "Name · expected a field for text · got type double"),
    ],
)
def test_a_field_removed_or_retyped_stops_the_stream_before_it_is_read(change: dict, words: str) -> None:
    client = _Client(_described(**change))
    walk = Walk(Org(client), systems()["salesforce"].stream("account"), None)
    with pytest.raises(TradewindError, match=words):
        list(walk.checked())


def test_an_optional_field_the_org_does_not_have_is_left_out() -> None:
    client = _Client(
        _described(Customer_Key__c="gone"),
        {"totalSize": 0, "done": True, "records": []},
        {"totalSize": 0, "done": True, "records": []},
    )
    assert list(Walk(Org(client), systems()["salesforce"].stream("account"), None).checked()) == []


def test_a_walk_looks_back_fifteen_minutes_behind_the_watermark() -> None:
    """A record stamped before the last read may be committed after it (reliability P12)."""
    mark = datetime(2026, 10, 31, 12, 0, tzinfo=UTC)
    walk = Walk(Org(_Client()), systems()["salesforce"].stream("account"), mark)
    assert walk.since == mark - timedelta(minutes=15)
