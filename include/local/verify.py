"""`make verify`: recompute the evidence and say what is wrong with it.

    python -m include.local.verify      with TENANT (default: every active tenant) and HEADS in the environment

HEADS is another copy of a tenant's published chain heads, such as the one downloaded from SharePoint.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from include.errors import MissingInput, TradewindError
from include.flows.evidence import Verdict, verify_evidence
from include.local import environment, stack
from include.warehouse.session import Warehouse
from include.warehouse.tenants import active_tenants

_SHOWN = 50


def check(wh: Warehouse, tenants: list[str], heads: Path | None, say=print) -> bool:
    """Verify every tenant and print each verdict and fault; True when all evidence is sound."""
    verdicts = [verify_evidence(wh, tenant, heads) for tenant in tenants]
    for verdict in verdicts:
        say(str(verdict))
        _show(verdict, say)
    return not any(verdict.faults for verdict in verdicts)


def asked_tenants(wh: Warehouse, tenant: str) -> list[str]:
    """The tenant a command was given, or all active ones; TradewindError when there is no such tenant."""
    with wh.pipeline() as conn:
        active = active_tenants(conn)
    if tenant and tenant not in active:
        raise TradewindError(
            where="TENANT",
            expected=f"an active tenant ({', '.join(active) or 'none yet'})",
            got=tenant,
            remedy="correct the tenant's name",
        )
    return [tenant] if tenant else active


def _show(verdict: Verdict, say) -> None:
    for fault in verdict.faults[:_SHOWN]:
        say(f"  where     {fault.where}")
        say(f"  expected  {fault.expected}")
        say(f"  got       {fault.got}")
        say(f"  to do     {fault.remedy}\n")
    if len(verdict.faults) > _SHOWN:
        say(f"  … and {len(verdict.faults) - _SHOWN} more")


def _heads(path: str, tenant: str) -> Path | None:
    if not path:
        return None
    if not tenant or not Path(path).is_file():
        raise MissingInput(
            where="HEADS",
            expected="a file of published heads, and TENANT whose heads they are",
            got=f"HEADS={path} TENANT={tenant}",
            remedy="make verify TENANT=<tenant> HEADS=<file>",
        )
    return Path(path)


def main() -> int:
    """0 when the evidence is sound, 1 when it is not or cannot be looked at."""
    tenant = os.environ.get("TENANT", "").strip()
    try:
        heads = _heads(os.environ.get("HEADS", "").strip(), tenant)
        with stack.database() as ports:
            environment.apply(ports)
            wh = Warehouse.from_environment()
            return 0 if check(wh, asked_tenants(wh, tenant), heads) else 1
    except TradewindError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
