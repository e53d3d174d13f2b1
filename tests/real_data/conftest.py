"""Third-party companies, read by path and converted once per session; absent data skips its tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real_data import adventureworks, cinderhaven
from tests.real_data.contract_files import Converted, shared_data


def _source(company: str) -> Path:
    folder = shared_data(company)
    if not folder.is_dir():
        pytest.skip(
            f"third-party data of {company} is not at {folder}: it is not part of the repository; set"
            " TRADEWIND_SHARED to the folder that holds data/"
        )
    return folder


@pytest.fixture(scope="session")
def cinderhaven_source() -> Path:
    """Cinderhaven's raw files."""
    return _source("cinderhaven")


@pytest.fixture(scope="session")
def cinderhaven_files(cinderhaven_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """Cinderhaven as contract files."""
    return cinderhaven.convert(cinderhaven_source, tmp_path_factory.mktemp("cinderhaven"))


@pytest.fixture(scope="session")
def adventureworks_source() -> Path:
    """AdventureWorks' raw files."""
    return _source("adventureworks")


@pytest.fixture(scope="session")
def adventureworks_files(adventureworks_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """AdventureWorks as contract files."""
    return adventureworks.convert(adventureworks_source, tmp_path_factory.mktemp("adventureworks"))
