"""The year-end trade audit: what is in it, that it ties, that it can be followed and is the same twice."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from dataclasses import replace
from datetime import date
from decimal import Decimal

import openpyxl
import pytest

from include.errors import MissingInput
from include.flows.audit import export_audit
from include.flows.reconcile import reconcile
from include.local.audit import export
from include.report.audit_index import Control
from include.settings import TenantSettings
from include.warehouse import audit
from include.warehouse.session import Warehouse
from tests.trade_cases import PARENTS, deduction, guid, payment, promotion
from tests.trade_marts import fill

#: The company's fiscal year 2027 begins with October 2026.
_PERIODS = """
    CREATE TABLE IF NOT EXISTS finance.posting_periods AS
    SELECT t.tenant_id, d.posting_date::date,
           extract(year FROM d.posting_date)::integer + (extract(month FROM d.posting_date) >= 10)::integer AS fiscal_year,
           (extract(month FROM d.posting_date)::integer + 2) % 12 + 1 AS fiscal_period
    FROM (VALUES ('alpha'), ('beta')) t (tenant_id), generate_series('2025-01-01', '2027-12-31', interval '1 day') d (posting_date)
"""


@pytest.fixture(scope="module")
def company(module_warehouse: Warehouse) -> Warehouse:
    """Two fiscal years of settlements, disputes, a repayment, a fee, a release and a refused accrual, two currencies."""
    wh = module_warehouse
    plans = [
        promotion("P1", "10000"),
        promotion("P2", "50000", customer_key="rival", status="Closed", closed_date=date(2026, 10, 20)),
        promotion("E1", "700", currency="EUR", customer_key="rival"),
        promotion("S1", "20000", tactic_type="Slotting", settlement_method="fixed_fee"),
        promotion("S2", "900", tactic_type="Slotting", settlement_method="fixed_fee", customer_key="rival"),
    ]
    taken = [
        deduction("D1", "12000", promotion_id=guid("P1")),
        deduction("D2", "45000", customer_key="rival"),
        deduction("D3", "600", customer_key="rival", currency="EUR", promotion_id=guid("E1")),
        deduction("D4", "80", reason_code_normalized="TAX"),
        deduction("D5", "900", customer_key="rival", promotion_id=guid("S2"), posting_date=date(2026, 9, 20)),
    ]
    later = [deduction("R1", "-11000", reversal_of="D1", posting_date=date(2026, 10, 5))]
    marts = {
        "parents": PARENTS,
        "promotions": plans,
        "payments": [payment("V1", "20000")],
        "proofs": {"S1": date(2026, 9, 25)},
    }
    fill(wh, "alpha", deductions=taken, **marts)
    _work(wh, date(2026, 9, 30), "run-1")
    fill(wh, "alpha", deductions=taken + later, **marts)
    _work(wh, date(2026, 10, 31), "run-2")
    with wh.pipeline() as conn:
        conn.execute(_PERIODS)
    return wh


def _work(wh: Warehouse, as_of: date, run_id: str) -> None:
    reconcile(wh, "alpha", as_of, run_id=run_id, settings=TenantSettings())


def rows(path, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(path) as archive:
        return list(csv.DictReader(io.StringIO(archive.read(f"{name}.csv").decode())))


@pytest.mark.parametrize("year", [2026, 2027])
def test_every_file_ties_to_the_ledger(company, year):
    done = export_audit(company, "alpha", year)
    assert [c for c in done.index.controls if not c.is_tied] == []
    assert {c.file for c in done.index.controls} >= {
        "journal_lines",
        "settlements",
        "claims",
        "accruals",
        "ledger",
    }
    # The chain was published by runs of other output folders: this one has no head, and the audit says so.
    assert [fault.where for fault in done.faults if "chain_heads" not in fault.where] == []


def test_the_years_together_are_the_ledger(company):
    """Recomputed outside the project's SQL: lines of both fiscal years are all lines, by currency and side."""
    found: dict[tuple[str, str], Decimal] = {}
    for year in (2026, 2027):
        for row in rows(export_audit(company, "alpha", year).path, "journal_lines"):
            for side in ("debit_amount", "credit_amount"):
                key = (row["currency"], side)
                found[key] = found.get(key, Decimal(0)) + Decimal(row[side])
    with company.engine("alpha") as conn:
        said = conn.execute(
            "SELECT currency, sum(debit_amount), sum(credit_amount) FROM finance.journal_lines GROUP BY 1"
        ).fetchall()
    assert found == {
        (currency, side): amount
        for currency, *amounts in said
        for side, amount in zip(("debit_amount", "credit_amount"), amounts, strict=True)
    }


def test_a_promotion_can_be_followed_to_the_head(company):
    path = export_audit(company, "alpha", 2026).path
    claim = next(r for r in rows(path, "claims") if r["source_key"] == "D1")
    assert claim["promotion_key"] in {r["promotion_key"] for r in rows(path, "promotions")}
    settlement = next(r for r in rows(path, "settlements") if r["claim_id"] == claim["claim_id"])
    lines = [r for r in rows(path, "journal_lines") if r["journal_id"] == settlement["journal_id"]]
    assert {r["settlement_id"] for r in lines} == {settlement["settlement_id"]}
    assert sum(Decimal(r["debit_amount"]) - Decimal(r["credit_amount"]) for r in lines) == 0
    snapshot = next(r for r in rows(path, "snapshots") if r["settlement_id"] == settlement["settlement_id"])
    assert settlement["settlement_id"] in snapshot["payload"]
    digest = hashlib.sha256((snapshot["previous_hash"] + snapshot["payload"]).encode()).hexdigest()
    assert digest == snapshot["hash"]
    previous = hashlib.sha256(b"").hexdigest()
    for link in rows(path, "chain"):
        assert link["previous_hash"] == previous
        previous = link["hash"]
    book = openpyxl.load_workbook(io.BytesIO(zipfile.ZipFile(path).read("index.xlsx")))
    assert previous in {cell.value for line in book["chain"].iter_rows() for cell in line}
    assert claim["rule_version"] in {r["rule_version"] for r in rows(path, "rules")}


def test_the_fiscal_calendar_parts_the_years(company):
    """The repayment of 5 October is in fiscal 2027 for this company, with the claim it belongs to."""
    events = {
        y: {r["event"] for r in rows(export_audit(company, "alpha", y).path, "journals")}
        for y in (2026, 2027)
    }
    assert "SETTLEMENT_REVERSAL" in events[2027] - events[2026]
    assert "ACCRUAL" in events[2026] - events[2027]
    keys = {r["source_key"] for r in rows(export_audit(company, "alpha", 2027).path, "claims")}
    assert keys == {"D1", "R1"}
    proposals = [
        r for r in rows(export_audit(company, "alpha", 2026).path, "settlements") if r["status"] == "Draft"
    ]
    assert [r["journal_id"] for r in proposals] == [""]


def test_the_same_data_gives_the_same_bytes(company):
    first = export_audit(company, "alpha", 2026).path.read_bytes()
    assert export_audit(company, "alpha", 2026).path.read_bytes() == first


def test_the_checksums_are_those_of_the_files(company):
    with zipfile.ZipFile(export_audit(company, "alpha", 2026).path) as archive:
        for line in archive.read("SHA256SUMS").decode().splitlines():
            digest, name = line.split("  ")
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest


@pytest.mark.parametrize("year", [2024, 2030])
def test_a_year_without_postings_is_refused(company, year):
    with pytest.raises(MissingInput, match="fiscal years"):
        export_audit(company, "alpha", year)


def test_the_command_goes_over_all_companies_and_says_what_is_wrong(company):
    said: list[str] = []
    assert not export(company, ["alpha", "beta"], 2026, said.append)
    text = "\n".join(said)
    assert "trade_audit_alpha_2026.zip" in text
    assert "beta: trade audit" in text
    assert "no head" in text


@pytest.mark.parametrize(
    "name", ["promotions", "claims", "settlements", "journals", "journal_lines", "accruals", "snapshots"]
)
def test_a_file_that_lost_its_last_row_does_not_tie(company, monkeypatch, name):
    whole = audit.stream

    def cut(conn, file, year):
        blocks = list(whole(conn, file, year))
        return iter(blocks[:-1] if file.name == name else blocks)

    monkeypatch.setattr(audit, "stream", cut)
    done = export_audit(company, "alpha", 2026)
    assert any(f"· {name} ·" in fault.where for fault in done.faults)
    assert any(c.file == name for c in done.index.controls if not c.is_tied)


def test_a_control_that_does_not_tie_shows():
    control = Control("claims", "USD", "amount", "10.0000", "11.0000")
    assert (control.is_tied, control.difference) == (False, "-1.0000")
    assert replace(control, ledger="10").is_tied
