"""The queue's workbook goes out, an analyst fills its decisions in, and the workbook loads as it is."""

from __future__ import annotations

from datetime import date, datetime

from openpyxl import load_workbook

from include.extract.contracts import BY_NAME
from include.flows.extract import extract_files
from include.report.decision_sheet import SHEET
from include.report.queue import write_queue
from tests.unit.test_queue_workbook import row

AS_OF = date(2026, 10, 31)
HEADER = [column.name for column in BY_NAME["claim_decisions"].columns]


def queue(folder) -> object:
    path = folder / "deduction_queue.xlsx"
    claims = [row(1, claim="0017"), row(2, claim="D-2"), row(3, claim="V-9", claim_kind="ap_payment"), row(4)]
    write_queue(path, AS_OF, queue=claims)
    return path


def fill(path, line: int, **values: object) -> None:
    book = load_workbook(path)
    for name, value in values.items():
        book[SHEET].cell(line, HEADER.index(name) + 1).value = value
    book.save(path)


def landed(wh) -> list[tuple]:
    with wh.pipeline() as conn:
        return conn.execute(
            "SELECT decision_key, claim_kind, claim_key, action, promotion_key, amount::text, decided_by,"
            " decided_at::text FROM staging.raw_files__claim_decisions ORDER BY claim_key"
        ).fetchall()


def test_the_sheet_is_a_delivery_of_its_contract(tmp_path):
    sheet = load_workbook(queue(tmp_path))[SHEET]
    assert [cell.value for cell in sheet[1]] == HEADER
    assert [cell.value for cell in sheet[2]][:3] == ["Q-2026-10-31-0017", "deduction", "0017"]
    assert {cell.value for cell in sheet[2][3:]} == {None}


def test_what_an_analyst_fills_in_loads_and_the_rest_is_left(warehouse, tmp_path):
    path = queue(tmp_path)
    said = {
        "reason": "their mail",
        "decided_by": "ana",
        "decided_at": datetime.fromisoformat("2026-11-02T09:30"),
    }
    fill(path, 2, action="settle", promotion_key="P1", amount=1234.5, **said)
    fill(path, 4, action="Non_Trade", **said)
    summary = extract_files(warehouse, "alpha", tmp_path, "back")
    assert landed(warehouse) == [
        (
            "Q-2026-10-31-0017",
            "deduction",
            "0017",
            "settle",
            "P1",
            "1234.5000",
            "ana",
            "2026-11-02 09:30:00+00",
        ),
        ("Q-2026-10-31-V-9", "ap_payment", "V-9", "non_trade", None, None, "ana", "2026-11-02 09:30:00+00"),
    ]
    [load] = summary.loads
    assert (load.rows_read, load.rows_loaded, load.rows_rejected) == (2, 2, 0)
    assert load.drift["unused_rows"] == 2


def test_a_line_filled_in_halfway_is_rejected_with_its_reason(warehouse, tmp_path):
    path = queue(tmp_path)
    fill(path, 2, action="settle")
    assert extract_files(warehouse, "alpha", tmp_path, "back").total("rows_rejected") == 1


def test_nothing_filled_in_is_a_delivery_of_nothing(warehouse, tmp_path):
    queue(tmp_path)
    summary = extract_files(warehouse, "alpha", tmp_path, "back")
    assert (summary.total("rows_read"), summary.total("rows_rejected")) == (0, 0)


def test_a_csv_row_without_the_claim_is_no_unused_line(warehouse, tmp_path):
    (tmp_path / "claim_decisions.csv").write_text(",".join(HEADER) + "\nK1" + "," * (len(HEADER) - 1) + "\n")
    assert extract_files(warehouse, "alpha", tmp_path, "csv").total("rows_rejected") == 1
