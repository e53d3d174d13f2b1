"""The deduction queue's workbook: what an analyst sees, and that data never becomes a formula."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from openpyxl import load_workbook

from include.report.queue import KPIS, QUEUE, write_queue

AS_OF = date(2026, 10, 31)


def row(position: int, **values: object) -> dict[str, object]:
    made = dict.fromkeys((column.field for column in QUEUE), None)
    return (
        made
        | {"queue_position": position, "claim": f"D{position}", "value_amount": Decimal("1200.5000")}
        | {"claim_kind": "deduction"}
        | values
    )


def test_header_filter_and_formats(tmp_path):
    path = tmp_path / "queue.xlsx"
    rows = [
        row(1, days_to_dispute=-3, posting_date=date(2026, 9, 15), lead_over_second=Decimal("0.38")),
        row(2, customer_name='=HYPERLINK("x")', why="leads P2 by 0.38: customer 1.0 vs 0.4"),
    ]
    write_queue(path, AS_OF, queue=rows)
    sheet = load_workbook(path)["Queue"]
    titles = [cell.value for cell in sheet[2]]
    assert titles == [column.title for column in QUEUE]
    assert sheet["A1"].value == "As of 2026-10-31: 2 claims wait for a decision"
    assert sheet.freeze_panes == "D3"
    assert sheet.auto_filter.ref == "A2:Z4"
    cells = dict(zip(titles, sheet[3], strict=True))
    assert (cells["Value at stake"].value, cells["Value at stake"].number_format) == (
        1200.5,
        "#,##0.00;[Red]-#,##0.00",
    )
    assert cells["Days left to dispute"].number_format == "0;[Red]-0"
    assert cells["Posted"].number_format == "yyyy-mm-dd"
    named = dict(zip(titles, sheet[4], strict=True))
    assert named["Customer"].data_type == "s"
    assert named["Why it is first"].value == "leads P2 by 0.38: customer 1.0 vs 0.4"


def test_the_same_rows_give_the_same_bytes_and_no_rows_a_sheet(tmp_path):
    made = [tmp_path / name for name in ("a.xlsx", "b.xlsx")]
    for path in made:
        write_queue(path, AS_OF, queue=[row(1)])
    assert made[0].read_bytes() == made[1].read_bytes()
    write_queue(made[0], AS_OF, queue=[])
    assert load_workbook(made[0])["Queue"]["A1"].value.endswith("0 claims wait for a decision")


def test_the_figures_of_the_team_stand_beside_the_queue(tmp_path):
    blank = dict.fromkeys(column.field for column in KPIS)
    row = blank | {"scope": "customer", "what": "=cmd()", "open_amount": Decimal("300000.0000")}
    kpis = [row, row | {"what": "Kroger", "days_deductions_outstanding": Decimal("30.00")}]
    first, second = tmp_path / "first.xlsx", tmp_path / "second.xlsx"
    for path in (first, second):
        write_queue(path, AS_OF, queue=[], kpis=kpis)
    assert first.read_bytes() == second.read_bytes()
    sheet = load_workbook(first)["KPIs"]
    place = [cell.value for cell in sheet[2]].index("Days outstanding") + 1
    assert [cell.value for cell in sheet["B"]][2:] == ["=cmd()", "Kroger"]
    assert sheet["B3"].data_type == "s"
    assert [sheet.cell(3, place).value, sheet.cell(4, place).value] == [None, 30]
