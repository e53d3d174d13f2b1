"""`make audit`: the year-end trade audit as one zip that an auditor can open and follow.

python -m include.local.audit       with YEAR and TENANT (default: every active tenant) in the environment
"""

from __future__ import annotations

import os
import sys

from include.errors import MissingInput, TradewindError
from include.flows.audit import export_audit
from include.local import environment, stack
from include.local.verify import asked_tenants
from include.warehouse.session import Warehouse


def export(wh: Warehouse, tenants: list[str], year: int, say=print) -> bool:
    """Write the audit of every tenant that has postings in the year; True when all of it ties and is sound.

    Raises MissingInput when a single tenant was asked for and has none.
    """
    sound, written = True, 0
    for tenant in tenants:
        try:
            done = export_audit(wh, tenant, year)
        except MissingInput as missing:
            if len(tenants) == 1:
                raise
            say(f"{tenant}: {missing}")
            continue
        written += 1
        sound = sound and not done.faults
        rows = ", ".join(f"{each.rows} {each.name.removesuffix('.csv')}" for each in done.index.files)
        say(f"{tenant} {year}: {rows}\n  {done.path}")
        say(f"  {done.index.verdict}")
        for fault in done.faults:
            say(f"  {fault}")
    return sound and written > 0


def main() -> int:
    """0 when the audit was written and everything in it ties, 1 when not, 2 without a year."""
    year, tenant = os.environ.get("YEAR", "").strip(), os.environ.get("TENANT", "").strip()
    if not (year.isascii() and year.isdigit() and len(year) == 4):
        print("make audit YEAR=2026 [TENANT=demo]", file=sys.stderr)
        return 2
    try:
        with stack.database() as ports:
            environment.apply(ports)
            wh = Warehouse.from_environment()
            return 0 if export(wh, asked_tenants(wh, tenant), int(year)) else 1
    except TradewindError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
