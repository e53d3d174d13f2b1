"""Writes the close workbooks of the periods a run closed, found not tied, or took a decision about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from include import settings as places
from include.close.checklist import CHECKS
from include.report.close_workbook import write_close
from include.warehouse.close_rows import read_close
from include.warehouse.session import Warehouse


def write_workbooks(wh: Warehouse, tenant: str, as_of: date, names: Iterable[str]) -> list[Path]:
    """One workbook per period of `names` in the folder of the business date's month; returns their paths."""
    paths = []
    for name in names:
        fiscal_year, period = (int(part) for part in name.split("-"))
        with wh.engine(tenant) as conn:
            found = read_close(conn, fiscal_year, period, [check.name for check in CHECKS])
        if found is None:
            continue
        latest, sheets = found
        path = places.output(tenant, f"{as_of:%Y-%m}") / f"close_{fiscal_year}_{period:02d}.xlsx"
        state = str(sheets["history"][-1]["event"] if sheets["history"] else latest["state"]).replace(
            "_", " "
        )
        write_close(path, name=name, state=state, as_of=latest["as_of"], sheets=sheets)
        paths.append(path)
    return paths
