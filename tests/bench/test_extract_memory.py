"""A large file is read in flat memory: the loader's own process stays below 300 MB."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from include.flows.extract import extract_files
from include.warehouse.session import Warehouse

ROWS = 400_000
CHILD = """
import resource, sys
from include.flows.extract import extract_files
from include.warehouse.session import Warehouse
summary = extract_files(Warehouse(sys.argv[1], sys.argv[2]), "alpha", sys.argv[3], "big")
print(summary.total("rows_loaded"), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.nightly
def test_a_pos_file_is_loaded_in_flat_memory(warehouse: Warehouse, tmp_path: Path) -> None:
    parents, big = tmp_path / "parents", tmp_path / "big"
    parents.mkdir()
    big.mkdir()
    (parents / "customers.csv").write_text("customer_key,name,customer_type\nC-1,One,Store\n")
    (parents / "products.csv").write_text(
        "product_key,name\n" + "".join(f"P-{n},Product {n}\n" for n in range(ROWS // 400))
    )
    extract_files(warehouse, "alpha", parents, "parents")
    with open(big / "pos_sales.csv", "w") as file:
        file.write("sale_date,customer_key,product_key,units_sold,sales_value\n")
        for n in range(ROWS):
            day, product = divmod(n, ROWS // 400)
            file.write(
                f"{2025 + day // 336}-{day // 28 % 12 + 1:02d}-{day % 28 + 1:02d},C-1,P-{product},{n % 50},{n}.25\n"
            )
    done = subprocess.run(
        [sys.executable, "-c", CHILD, warehouse.pipeline_dsn, warehouse.engine_dsn, str(big)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    loaded, megabytes = map(int, done.stdout.split())
    assert loaded == ROWS
    assert megabytes < 300
