"""The worked company and the templates in the docs load as the docs say; generated files are up to date."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from include.extract import generate
from include.extract.contracts import CONTRACTS
from include.flows.extract import extract_files
from include.warehouse.session import Warehouse

DOCS = Path(__file__).resolve().parents[2] / "docs" / "contracts"
EXAMPLE = DOCS / "example"


def test_the_example_covers_every_contract_and_loads_without_a_reject(warehouse: Warehouse) -> None:
    summary = extract_files(warehouse, "alpha", EXAMPLE, "example")
    assert set(summary.streams) == {contract.name for contract in CONTRACTS}
    assert summary.total("rows_rejected") == 0
    assert summary.total("rows_loaded") == summary.total("rows_read") > 0
    assert [item.name for item in summary.ignored] == ["README.md"]
    assert not any(load.drift for load in summary.loads)


def test_the_examples_readme_names_every_deduction_with_its_amount() -> None:
    text = (EXAMPLE / "README.md").read_text()
    with open(EXAMPLE / "deductions.csv") as file:
        for row in csv.DictReader(file):
            assert f"| {row['deduction_key']} | {row['amount']} {row['currency']} |" in text


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.name)
def test_a_template_is_a_valid_empty_delivery(contract) -> None:
    header = (DOCS / "templates" / f"{contract.name}.csv").read_text().strip().split(",")
    assert header == [column.name for column in contract.columns]


def test_generated_files_are_up_to_date() -> None:
    assert generate.stale_files() == {}


def test_a_stale_a_missing_and_a_left_over_file_are_found(tmp_path: Path) -> None:
    generate.write(tmp_path)
    assert generate.stale_files(tmp_path) == {}
    folder = generate.MODELS / "unified"
    (tmp_path / folder / "unified_customers.sql").write_text("select 1")
    (tmp_path / folder / "unified_products.sql").unlink()
    (tmp_path / folder / "unified_gone.sql").write_text("select 1")
    assert generate.stale_files(tmp_path) == {
        folder / "unified_customers.sql": "stale",
        folder / "unified_products.sql": "missing",
        folder / "unified_gone.sql": "left over",
    }
    generate.write(tmp_path)
    assert generate.stale_files(tmp_path) == {}


def test_a_new_staging_model_joins_the_union(tmp_path: Path) -> None:
    """Adding a source is adding a file: the unified model takes it in, below the files."""
    folder = tmp_path / generate.MODELS / "netsuite"
    folder.mkdir(parents=True)
    (folder / "stg_netsuite__products.sql").write_text("select 1")
    text = generate.expected_files(tmp_path)[generate.MODELS / "unified" / "unified_products.sql"]
    assert "ref('stg_netsuite__products')" in text
    assert text.index("1 as priority from files") < text.index("2 as priority from netsuite")
    assert "partition by tenant_id, product_key order by priority" in text
