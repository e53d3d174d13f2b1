"""What holds for every converted company: headers, keys, required cells, references, one documented source each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from include.extract.contracts import BY_NAME
from tests.real_data import adventureworks
from tests.real_data.contract_files import MAPPINGS, Converted, mapping, records

COMPANIES = ("cinderhaven", "adventureworks")


@dataclass
class Survey:
    """One pass over one contract file: what its rows hold, and every row that breaks the contract."""

    header: list[str] = field(default_factory=list)
    rows: int = 0
    keys: set[tuple[str, ...]] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)
    references: dict[str, set[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def survey(converted: Converted, name: str) -> Survey:
    contract = BY_NAME[name]
    required = [column.name for column in contract.columns if column.required]
    allowed = {column.name: {"", *column.allowed} for column in contract.columns if column.allowed}
    references = [column.name for column in contract.columns if column.references]
    found = Survey(references={name: set() for name in references})
    for row in records(next(converted.folder.glob(f"{name}.csv*"))):
        found.header = list(row) if not found.rows else found.header
        found.rows += 1
        found.keys.add(tuple(row[column] for column in contract.key))
        found.filled.update(column for column, cell in row.items() if cell)
        for column in references:
            found.references[column].add(row[column])
        found.faults += [f"{column} is empty: {row}" for column in required if not row[column]]
        found.faults += [f"{column}: {row}" for column, words in allowed.items() if row[column] not in words]
    return found


@pytest.fixture(scope="module", params=COMPANIES)
def company(request: pytest.FixtureRequest) -> tuple[str, Converted, dict[str, Survey]]:
    converted = request.getfixturevalue(f"{request.param}_files")
    return request.param, converted, {name: survey(converted, name) for name in converted.rows}


def test_files_have_the_contracts_names_and_headers(company) -> None:
    _, converted, surveys = company
    assert {path.name.split(".")[0] for path in converted.folder.iterdir()} == set(converted.rows)
    for name, found in surveys.items():
        assert found.header == [column.name for column in BY_NAME[name].columns]


def test_keys_are_unique(company) -> None:
    _, converted, surveys = company
    for name, found in surveys.items():
        assert len(found.keys) == found.rows == converted.rows[name], name


def test_required_cells_are_filled_and_words_allowed(company) -> None:
    _, _, surveys = company
    assert {name: found.faults[:3] for name, found in surveys.items() if found.faults} == {}


def test_references_lead_somewhere(company) -> None:
    _, _, surveys = company
    for name, found in surveys.items():
        for column, used in found.references.items():
            parent, key = BY_NAME[name].column(column).references.split(".")
            if used := used - {""}:
                place = BY_NAME[parent].key.index(key)
                held = {keys[place] for keys in surveys[parent].keys}
                assert used <= held, f"{name}.{column}: {sorted(used - held)[:5]} are not in {parent}"


def test_every_filled_column_is_documented(company) -> None:
    company_name, _, surveys = company
    documented = {(row["contract"], row["column"]) for row in mapping(f"{company_name}_columns")}
    assert {(name, column) for name, found in surveys.items() for column in found.filled} == documented


def test_a_row_that_breaks_its_contract_is_seen(tmp_path: Path) -> None:
    converted = Converted(tmp_path)
    converted.write("customers", [{"customer_key": "A", "name": "", "customer_type": "Kiosk"}])
    assert len(survey(converted, "customers").faults) == 2


def test_a_column_no_contract_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shoe_size"):
        Converted(tmp_path).write("workers", [{"worker_key": "1", "full_name": "A", "shoe_size": "44"}])


def test_converting_twice_gives_the_same_bytes(
    adventureworks_source: Path, adventureworks_files: Converted, tmp_path: Path
) -> None:
    again = adventureworks.convert(adventureworks_source, tmp_path / "again")
    for path in sorted(adventureworks_files.folder.iterdir()):
        assert (again.folder / path.name).read_bytes() == path.read_bytes(), path.name


def test_code_tables_say_why() -> None:
    for path in sorted(MAPPINGS.glob("*_codes.csv")):
        for row in records(path):
            assert row["reason"], f"{path.name}: {row}"
