"""The loader's promises: nothing twice, nothing lost, every version kept, one bad file for itself."""

from __future__ import annotations

import gzip
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.errors import MissingInput, TradewindError
from include.extract import load as loader
from include.faultpoints import InjectedFault
from include.flows.extract import ExtractSummary, extract_files
from include.warehouse.session import Warehouse

CUSTOMERS = "customer_key,name,customer_type,parent_customer_key\nC-1,One,Banner,\nC-2,Two,Store,C-1\n"
DEDUCTIONS = (
    "deduction_key,customer_key,amount,currency,posting_date\n"
    "D-1,C-1,10.00,USD,2026-01-05\nD-2,C-2,20.50,USD,2026-01-06\n"
)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / "customers.csv").write_text(CUSTOMERS)
    return folder


def extract(wh: Warehouse, folder: Path, run: str, tenant: str = "alpha") -> ExtractSummary:
    return extract_files(wh, tenant, folder, run)


def query(wh: Warehouse, text: str) -> list[tuple]:
    with wh.pipeline() as conn:
        return conn.execute(text).fetchall()


def landed(wh: Warehouse) -> list[tuple]:
    """Every version of every customer, without times."""
    return query(
        wh,
        "SELECT tenant_id, customer_key, name, _source_file, _run_id, _superseded_at IS NULL"
        " FROM staging.raw_files__customers ORDER BY customer_key, _loaded_at, name",
    )


def test_a_second_delivery_writes_no_row_version(warehouse: Warehouse, inbox: Path) -> None:
    (inbox / "deductions.csv").write_text(DEDUCTIONS + "D-3,C-404,1.00,USD,2026-01-07\n")
    extract(warehouse, inbox, "r1")
    tables = ("raw_files__customers", "raw_files__deductions", "rejects")
    before = {
        name: query(warehouse, f"SELECT ctid::text, xmin::text FROM staging.{name} ORDER BY 1")
        for name in tables
    }
    second = extract(warehouse, inbox, "r2")
    assert (second.total("rows_loaded"), second.total("rows_unchanged"), second.total("rows_rejected")) == (
        0,
        4,
        1,
    )
    assert before == {
        name: query(warehouse, f"SELECT ctid::text, xmin::text FROM staging.{name} ORDER BY 1")
        for name in tables
    }


def test_a_changed_row_ends_the_old_version(warehouse: Warehouse, inbox: Path) -> None:
    extract(warehouse, inbox, "r1")
    (inbox / "customers.csv").write_text(CUSTOMERS.replace("Two", "Two renamed"))
    second = extract(warehouse, inbox, "r2")
    assert (second.total("rows_loaded"), second.total("rows_unchanged"), second.total("rows_superseded")) == (
        1,
        1,
        1,
    )
    assert [row[1:] for row in landed(warehouse)] == [
        ("C-1", "One", "customers.csv", "r1", True),
        ("C-2", "Two", "customers.csv", "r1", False),
        ("C-2", "Two renamed", "customers.csv", "r2", True),
    ]


def test_a_row_absent_from_a_newer_file_stays(warehouse: Warehouse, inbox: Path) -> None:
    extract(warehouse, inbox, "r1")
    (inbox / "customers.csv").write_text("customer_key,name,customer_type\nC-1,One,Banner\n")
    extract(warehouse, inbox, "r2")
    assert [(row[1], row[5]) for row in landed(warehouse)] == [("C-1", True), ("C-2", True)]


def test_a_later_part_wins_and_stays_the_winner(warehouse: Warehouse, inbox: Path) -> None:
    """An inbox that keeps last month's part beside this month's must not swing between the two."""
    (inbox / "customers.csv").rename(inbox / "customers_2026-01.csv")
    (inbox / "customers_2026-02.csv").write_text("customer_key,name,customer_type\nC-1,One Inc.,Banner\n")
    extract(warehouse, inbox, "r1")
    first = landed(warehouse)
    assert [(row[2], row[5]) for row in first if row[1] == "C-1"] == [("One", False), ("One Inc.", True)]
    for run in ("r2", "r3"):
        assert extract(warehouse, inbox, run).total("rows_loaded") == 0
    assert landed(warehouse) == first


def test_a_value_may_come_back(warehouse: Warehouse, inbox: Path) -> None:
    for run, name in (("r1", "Two"), ("r2", "Zwei"), ("r3", "Two")):
        (inbox / "customers.csv").write_text(CUSTOMERS.replace("Two", name))
        assert extract(warehouse, inbox, run).total("rows_loaded") >= 1
    assert [row[2] for row in landed(warehouse) if row[1] == "C-2" and row[5]] == ["Two"]


def test_tenants_do_not_meet(warehouse: Warehouse, inbox: Path) -> None:
    extract(warehouse, inbox, "r1")
    assert extract(warehouse, inbox, "r1", tenant="beta").total("rows_loaded") == 2
    (inbox / "customers.csv").unlink()
    (inbox / "deductions.csv").write_text(DEDUCTIONS)
    with warehouse.pipeline() as conn:
        conn.execute("DELETE FROM staging.raw_files__customers WHERE tenant_id = 'beta'")
    result = extract(warehouse, inbox, "r2", tenant="beta")
    assert result.total("rows_rejected") == 2
    assert query(warehouse, "SELECT DISTINCT tenant_id, reason FROM staging.rejects") == [
        ("beta", "no rows of customers were ever loaded")
    ]


def test_rejects_of_a_corrected_file_go(warehouse: Warehouse, inbox: Path) -> None:
    (inbox / "deductions.csv").write_text(DEDUCTIONS.replace("20.50", "20,50x"))
    extract(warehouse, inbox, "r1")
    assert query(warehouse, "SELECT row_number, column_name, found, run_id FROM staging.rejects") == [
        (3, None, "D-2,C-2,20,50x,USD,2026-01-06", "r1")
    ]
    (inbox / "deductions.csv").write_text(DEDUCTIONS)
    extract(warehouse, inbox, "r2")
    assert query(warehouse, "SELECT * FROM staging.rejects") == []


def test_a_rejected_parent_takes_its_children_along(warehouse: Warehouse, inbox: Path) -> None:
    (inbox / "customers.csv").write_text(
        "customer_key,name,customer_type,parent_customer_key\n"
        "C-1,One,Banner,C-404\nC-2,Two,Bill-to,C-1\nC-3,Three,Store,C-2\nC-4,Four,Banner,\n"
        "L-1,Loop,Store,L-2\nL-2,Loop,Store,L-1\nL-3,Under the loop,Store,L-1\n"
    )
    (inbox / "deductions.csv").write_text(DEDUCTIONS)
    result = extract(warehouse, inbox, "r1")
    assert [(load.rows_loaded, load.rows_rejected) for load in result.loads] == [(1, 6), (0, 2)]
    found = dict(
        query(
            warehouse,
            "SELECT raw_row ->> 'customer_key', reason FROM staging.rejects WHERE stream = 'customers'",
        )
    )
    assert {key for key, reason in found.items() if "cycle" in reason} == {"L-1", "L-2"}
    assert {key for key, reason in found.items() if "no customers row" in reason} == {
        "C-1",
        "C-2",
        "C-3",
        "L-3",
    }


def test_unreadable_files_are_named_and_the_others_load(warehouse: Warehouse, inbox: Path) -> None:
    (inbox / "products.csv").write_bytes(b"")
    (inbox / "funds.csv.gz").write_bytes(
        gzip.compress(b"fund_key,name,total_budget\nF-1,Fund,1\n" * 50)[:-20]
    )
    (inbox / "quotas.parquet").write_bytes(b"PAR1 not really")
    (inbox / "invoices.xlsx").write_bytes(b"PK not really")
    (inbox / "workers.csv").write_text("worker_key;full_name\nW-1;Ana\n")
    (inbox / "accounts_payable.csv").write_text("vendor,amount\nV,1\n")
    (inbox / "notes.txt").write_text("hello")
    (inbox / "customers").mkdir()
    result = extract(warehouse, inbox, "r1")
    refused = {load.file: load.message for load in result.loads if load.status == "refused"}
    assert set(refused) == {"products.csv", "funds.csv.gz", "quotas.parquet", "invoices.xlsx", "workers.csv"}
    assert "an empty file" in refused["products.csv"]
    assert "separated by ';'" in refused["workers.csv"]
    assert {item.name for item in result.ignored} == {"accounts_payable.csv", "notes.txt", "customers"}
    assert result.total("rows_loaded") == 2
    findings = query(warehouse, "SELECT file, row_number FROM staging.rejects ORDER BY file")
    assert findings == [(name, None) for name in sorted(refused)]
    assert "refused" in "\n".join(result.lines())


def test_archives_that_swell_are_refused(
    warehouse: Warehouse, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.extract.delimited.SWELL_FREE", 1 << 20)
    monkeypatch.setattr("include.extract.spreadsheet.SWELL_FREE", 1 << 20)
    (inbox / "products.csv.gz").write_bytes(gzip.compress(b"product_key,name\n" + b"0" * (8 << 20)))
    with zipfile.ZipFile(inbox / "funds.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (8 << 20))
    result = extract(warehouse, inbox, "r1")
    refused = {load.file: load.message for load in result.loads if load.status == "refused"}
    assert set(refused) == {"products.csv.gz", "funds.xlsx"}
    assert all("200 times" in message for message in refused.values())


def test_a_folder_without_contract_files_is_an_error(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "readme.md").write_text("x")
    with pytest.raises(MissingInput, match="at least one contract file"):
        extract(warehouse, tmp_path, "r1")
    with pytest.raises(MissingInput, match="no such folder"):
        extract(warehouse, tmp_path / "absent", "r1")
    with pytest.raises(TradewindError, match="tenants ensure"):
        extract(warehouse, tmp_path, "r1", tenant="nobody")


def test_headers_encodings_and_line_ends_are_forgiven(warehouse: Warehouse, inbox: Path) -> None:
    text = ' Customer Key ,NAME,customer-type,Parent.Customer_Key,segment\r\n0042,"Caf\u00e9, the\r\nsecond",banner,,gold\r\nNA,Ümit,Store,0042,\r\n,,,,\r\n'
    (inbox / "customers.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (inbox / "customers-latin.csv").write_bytes(b"customer_key,name,customer_type\nC-9,Caf\xe9 \x80,Store\n")
    (inbox / "customers (1).csv").write_text(
        "customer_key,name,customer_type\nC-10,Ten,Store\n", encoding="utf-16"
    )
    result = extract(warehouse, inbox, "r1")
    drift = {load.file: load.drift for load in result.loads}
    assert drift["customers.csv"] == {"unknown_columns": ["segment"], "blank_rows": 1}
    assert "2 bytes were not UTF-8" in drift["customers-latin.csv"]["encoding"]
    rows = query(
        warehouse,
        "SELECT customer_key, name, customer_type, _extra, _row_number FROM staging.raw_files__customers ORDER BY 1",
    )
    assert rows == [
        ("0042", "Café, the\r\nsecond", "Banner", {"segment": "gold"}, 2),
        ("C-10", "Ten", "Store", None, 2),
        ("C-9", "Café €", "Store", None, 2),
        ("NA", "Ümit", "Store", None, 4),
    ]


def test_a_missing_or_doubled_column_refuses_the_rows(warehouse: Warehouse, inbox: Path) -> None:
    (inbox / "products.csv").write_text("product_key\nP-1\nP-2\n")
    (inbox / "funds.csv").write_text("fund_key,name,Name,total_budget\nF-1,a,b,1\n")
    result = extract(warehouse, inbox, "r1")
    assert {(load.stream, load.rows_read, load.rows_rejected) for load in result.loads} == {
        ("customers", 2, 0),
        ("products", 2, 2),
        ("funds", 1, 1),
    }
    assert query(
        warehouse, "SELECT DISTINCT stream, column_name, reason FROM staging.rejects ORDER BY 1"
    ) == [
        ("funds", "name", "the header names name more than once"),
        ("products", "name", "the file has no column name, which is required"),
    ]


def test_the_same_rows_from_csv_gz_parquet_and_xlsx(warehouse: Warehouse, inbox: Path) -> None:
    (inbox / "deductions_1.csv.gz").write_bytes(gzip.compress(DEDUCTIONS.encode()))
    extract(warehouse, inbox, "csv")
    (inbox / "deductions_1.csv.gz").unlink()
    pq.write_table(
        pa.table(
            {
                "deduction_key": ["D-1", "D-2"],
                "customer_key": pa.array(["C-1", "C-2"]).dictionary_encode(),
                "amount": pa.array([Decimal("10.00"), Decimal("20.50")], pa.decimal128(10, 2)),
                "currency": ["USD", "USD"],
                "posting_date": [date(2026, 1, 5), date(2026, 1, 6)],
            }
        ),
        inbox / "deductions.parquet",
    )
    assert extract(warehouse, inbox, "parquet").total("rows_unchanged") == 4
    (inbox / "deductions.parquet").unlink()
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    sheet = book.create_sheet("Deductions")
    sheet.append(["deduction_key", "customer_key", "amount", "currency", "posting_date"])
    sheet.append(["D-1", "C-1", 10, "USD", date(2026, 1, 5)])
    sheet.append(["D-2", "C-2", 20.5, "USD", 46028])
    book.save(inbox / "export.xlsx")
    result = extract(warehouse, inbox, "xlsx")
    assert result.total("rows_unchanged") == 4
    assert [item.name for item in result.ignored] == ["export.xlsx · Notes"]


def test_a_second_attempt_of_a_run_takes_up_behind_the_finished_files(
    warehouse: Warehouse, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "deductions.csv").write_text(DEDUCTIONS)
    monkeypatch.setenv("TRADEWIND_FAULTS", "1")
    monkeypatch.setenv("TRADEWIND_DSN_PIPELINE", warehouse.pipeline_dsn)
    monkeypatch.setattr("include.faultpoints._passed", __import__("collections").Counter())
    with warehouse.admin() as conn:
        conn.execute("INSERT INTO ops.fault (name, nth, action) VALUES ('extract.file_loaded', 2, 'raise')")
    with pytest.raises(InjectedFault):
        extract(warehouse, inbox, "r1")
    assert query(warehouse, "SELECT count(*) FROM staging.raw_files__deductions") == [(0,)]
    result = extract(warehouse, inbox, "r1")
    assert [(load.stream, load.rows_loaded) for load in result.loads] == [("customers", 2), ("deductions", 2)]
    loads = query(warehouse, "SELECT stream, rows_read, rows_loaded FROM staging.loads ORDER BY stream")
    assert loads == [("customers", 2, 2), ("deductions", 2, 2)]
    steps = query(warehouse, "SELECT step, attempt, status FROM ops.run_log ORDER BY started_at")
    assert steps == [
        ("extract.customers.csv", 1, "success"),
        ("extract.deductions.csv", 1, "failed"),
        ("extract.deductions.csv", 2, "success"),
    ]


def test_figures_that_do_not_conserve_stop_the_load(
    warehouse: Warehouse, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The conservation check bites: a loader that loses a row on its way stores nothing (P5)."""
    (inbox / "deductions.csv").write_text(DEDUCTIONS)
    apply = loader.apply_set_rules

    def losing(scope):
        found = apply(scope)
        if scope.stream.name == "deductions":
            scope.conn.execute("DELETE FROM incoming WHERE deduction_key = 'D-2'")
        return found

    monkeypatch.setattr(loader, "apply_set_rules", losing)
    with pytest.raises(
        TradewindError, match="2 rows read to be loaded, unchanged or rejected · got 1 · difference -1"
    ):
        extract(warehouse, inbox, "r1")
    assert query(warehouse, "SELECT count(*) FROM staging.raw_files__deductions") == [(0,)]
    assert query(warehouse, "SELECT stream FROM staging.loads") == [("customers",)]


def test_pos_rows_reach_their_month_and_only_theirs(warehouse: Warehouse, inbox: Path) -> None:
    (inbox / "products.csv").write_text("product_key,name\nP-1,One\n")
    header = "sale_date,customer_key,product_key,units_sold,sales_value,currency\n"
    (inbox / "pos_sales_2026-01.csv").write_text(
        header + "2026-01-31,C-2,P-1,5,10.00,\n2026-02-01,C-2,P-1,7,14.00,CAD\n"
    )
    extract(warehouse, inbox, "r1")
    facts = "SELECT tableoid::regclass::text, sale_date::text, units_sold::int, period, currency FROM intelligence.pos_facts ORDER BY 2"
    assert query(warehouse, facts) == [
        ("intelligence.pos_facts_2026_01", "2026-01-31", 5, "day", "USD"),
        ("intelligence.pos_facts_2026_02", "2026-02-01", 7, "day", "CAD"),
    ]
    january = query(warehouse, "SELECT xmin::text FROM intelligence.pos_facts_2026_01")
    (inbox / "pos_sales_2026-02.csv").write_text(
        header + "2026-02-01,C-2,P-1,9,18.00,CAD\n2026-12-31,C-2,P-1,1,2.00,\n"
    )
    extract(warehouse, inbox, "r2")
    assert [row[1:3] for row in query(warehouse, facts)] == [
        ("2026-01-31", 5),
        ("2026-02-01", 9),
        ("2026-12-31", 1),
    ]
    assert query(warehouse, "SELECT xmin::text FROM intelligence.pos_facts_2026_01") == january
    # Another tenant in a month that exists, and the walls between them.
    extract(warehouse, inbox, "r1", tenant="beta")
    with warehouse.engine("beta") as conn:
        assert conn.execute("SELECT DISTINCT tenant_id FROM intelligence.pos_facts").fetchall() == [("beta",)]
        assert conn.execute("SELECT DISTINCT tenant_id FROM intelligence.pos_facts_2026_01").fetchall() == [
            ("beta",)
        ]


def test_a_defect_in_one_file_is_listed_and_the_others_load(
    warehouse: Warehouse, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "products.csv").write_text("product_key,name\nP-1,One\n")
    apply = loader.apply_set_rules

    def failing(scope):
        if scope.stream.name == "customers":
            raise KeyError("a defect")
        return apply(scope)

    monkeypatch.setattr(loader, "apply_set_rules", failing)
    with pytest.raises(TradewindError, match=r"customers\.csv: KeyError: 'a defect'"):
        extract(warehouse, inbox, "r1")
    assert query(warehouse, "SELECT product_key FROM staging.raw_files__products") == [("P-1",)]
    assert query(warehouse, "SELECT step, status FROM ops.run_log ORDER BY step") == [
        ("extract.customers.csv", "failed"),
        ("extract.products.csv", "success"),
    ]
