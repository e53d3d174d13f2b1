"""Every kind of expectation of the arrival gate has an input that fails it, and a sound delivery passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.errors import TradewindError
from include.extract.manifest import systems
from include.flows.extract import extract_files
from include.quality.arrivals import gate
from include.quality.expectations import has_fallen, suite
from include.quality.statements import require_mapped_accounts
from include.warehouse.session import Warehouse

HEADER = "product_key,name,units_per_case"
SOUND = f"{HEADER}\nP-1,One,12\nP-2,Two,6\n"


def deliver(wh: Warehouse, folder: Path, run: str, **files: str) -> list[str]:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return extract_files(wh, "alpha", folder, run).streams


def damage(wh: Warehouse, statement: str) -> None:
    """Change landed rows behind the loader's back: the gate must not trust it."""
    with wh.pipeline() as conn:
        conn.execute(statement)


def insert(table: str, columns: str, values: str) -> str:
    return (
        f"INSERT INTO staging.raw_files__{table} (tenant_id, {columns}, _source_file, _row_number, _row_hash, _run_id)"
        f" VALUES ('alpha', {values}, 'x', 1, 'x', 'x')"
    )


DAMAGES = {
    "key_is_unique": "DROP INDEX staging.raw_files__products_current; "
    + insert("products", "product_key, name", "'P-1', 'Twin'"),
    "name_is_given": insert("products", "product_key, name", "'P-3', NULL"),
    "product_key_is_given": insert("products", "product_key, name", "NULL, 'Nameless'"),
    "units_per_case_is_at_least_1": insert(
        "products", "product_key, name, units_per_case", "'P-3', 'Three', 0"
    ),
    "row_floor": "UPDATE staging.raw_files__products SET _superseded_at = now()",
}


@pytest.mark.parametrize("expectation", DAMAGES)
def test_the_gate_bites(warehouse: Warehouse, tmp_path: Path, expectation: str) -> None:
    streams = deliver(warehouse, tmp_path / "in", "r1", products=SOUND)
    damage(warehouse, DAMAGES[expectation])
    with pytest.raises(TradewindError, match=f"products {expectation}: "):
        gate(warehouse.pipeline_dsn, "alpha", streams, "r1")
    with warehouse.pipeline() as conn:
        stored = conn.execute(
            "SELECT expectation FROM staging.gate_results WHERE tenant_id = 'alpha' AND NOT is_met"
        ).fetchall()
    assert stored == [(expectation,)]


def test_listed_values_and_compound_keys_bite(warehouse: Warehouse, tmp_path: Path) -> None:
    streams = deliver(
        warehouse,
        tmp_path / "in",
        "r1",
        customers="customer_key,name,customer_type\nC-1,One,Banner\n",
        fiscal_periods="calendar,fiscal_year,period,start_date,end_date\nstd,2026,1,2026-01-01,2026-01-31\n",
    )
    damage(warehouse, insert("customers", "customer_key, name, customer_type", "'C-2', 'Two', 'Kiosk'"))
    damage(
        warehouse,
        "DROP INDEX staging.raw_files__fiscal_periods_current; "
        + insert(
            "fiscal_periods",
            "calendar, fiscal_year, period, start_date, end_date",
            "'std', 2026, 1, '2026-02-01', '2026-02-28'",
        ),
    )
    with pytest.raises(TradewindError) as failed:
        gate(warehouse.pipeline_dsn, "alpha", streams, "r1")
    assert "customers customer_type_is_listed: 1 of 2 rows, such as ['Kiosk']" in str(failed.value)
    assert "fiscal_periods key_is_unique: 2 of 2 rows" in str(failed.value)


def test_a_sound_delivery_passes_and_another_tenants_rows_do_not_count(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    streams = deliver(warehouse, tmp_path / "in", "r1", products=SOUND)
    damage(warehouse, insert("products", "product_key, name", "'P-9', NULL").replace("'alpha'", "'beta'"))
    result = gate(warehouse.pipeline_dsn, "alpha", streams, "r1")
    assert not result.failed and not result.warnings
    assert {f.expectation for f in result.findings} == {
        "delivery_has_rows",
        *(e.name for e in suite(systems()["files"].stream("products"))),
    }


def test_a_delivery_without_rows_stops(warehouse: Warehouse, tmp_path: Path) -> None:
    streams = deliver(warehouse, tmp_path / "in", "r1", products=HEADER + "\n")
    with pytest.raises(TradewindError, match="delivery_has_rows: 0 rows accepted"):
        gate(warehouse.pipeline_dsn, "alpha", streams, "r1")


def test_an_empty_optional_file_beside_a_full_one_is_a_warning(warehouse: Warehouse, tmp_path: Path) -> None:
    streams = deliver(warehouse, tmp_path / "in", "r1", products=SOUND, funds="fund_key,name,total_budget\n")
    result = gate(warehouse.pipeline_dsn, "alpha", streams, "r1")
    assert [(f.stream, f.expectation) for f in result.warnings] == [("funds", "row_floor")]


def test_a_file_of_bad_rows_only_is_a_warning_beside_a_good_one(warehouse: Warehouse, tmp_path: Path) -> None:
    streams = deliver(
        warehouse, tmp_path / "in", "r1", products=SOUND, funds="fund_key,name,total_budget\nF1,One,much\n"
    )
    result = gate(warehouse.pipeline_dsn, "alpha", streams, "r1")
    assert [(f.stream, f.expectation) for f in result.warnings] == [("funds", "row_floor")]


def test_a_delivery_of_bad_rows_only_stops(warehouse: Warehouse, tmp_path: Path) -> None:
    streams = deliver(warehouse, tmp_path / "in", "r1", products=HEADER + "\n,Nameless,1\n")
    with pytest.raises(TradewindError, match="delivery_has_rows: 0 rows accepted"):
        gate(warehouse.pipeline_dsn, "alpha", streams, "r1")


def test_an_org_that_shows_nothing_stops(warehouse: Warehouse) -> None:
    with pytest.raises(TradewindError, match="account row_floor: observed 0"):
        gate(warehouse.pipeline_dsn, "alpha", ["account"], "r1", source="salesforce")


def test_a_delivery_that_fell_by_half_stops(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = "".join(f"P-{n},Product {n},1\n" for n in range(20))
    for run in range(6):
        deliver(warehouse, tmp_path / "in", f"full{run}", products=f"{HEADER}\n{rows}")
    streams = deliver(warehouse, tmp_path / "in", "short", products=f"{HEADER}\n" + "P-1,One,1\n" * 9)
    with pytest.raises(TradewindError, match="9 rows, the median of the six deliveries before is 20"):
        gate(warehouse.pipeline_dsn, "alpha", streams, "short")


def test_half_is_not_fallen_and_five_loads_are_no_history() -> None:
    assert has_fallen(10, [20] * 6) == (False, 20)
    assert has_fallen(9, [20] * 6) == (True, 20)
    assert has_fallen(1, [20] * 5) == (False, None)
    assert has_fallen(9, [20, 20, 20, 20, 1, 1, 1000]) == (True, 20)


def test_the_statement_gate_names_the_accounts_of_the_runs_tenants(warehouse: Warehouse) -> None:
    """One company's gap in its chart is no failure of another company's run."""
    with warehouse.pipeline() as conn:
        conn.execute(
            "CREATE TABLE finance.unmapped_accounts (tenant_id text, company_code text, account_code text, fiscal_year int,"
            " fiscal_period int, currency text, scenario text, debit numeric, credit numeric, closing numeric)"
        )
        conn.execute(
            "INSERT INTO finance.unmapped_accounts VALUES"
            " ('alpha', 'US01', '680999', 2026, 2, 'USD', 'actual', 500, 0, 500),"
            " ('alpha', 'US01', '680999', 2026, 3, 'USD', 'actual', 0, 0, 500)"
        )
    require_mapped_accounts(warehouse, ["beta"])
    with pytest.raises(TradewindError) as failed:
        require_mapped_accounts(warehouse, ["alpha", "beta"])
    expected = "alpha: company US01, account 680999, actual USD, periods 202602 to 202603, balance 500"
    assert failed.value.got == expected
