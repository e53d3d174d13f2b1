"""`make backtest`: the match rule over last year's decided claims, before it clears claims without a person.

    python -m include.local.backtest    with TENANT (default demo), FROM, TO and SETTINGS in the environment

SETTINGS are rules to try as JSON, such as {"clear_score": "0.85"}; the tenant's own are not changed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import date

from include.errors import TradewindError
from include.flows.backtest import run
from include.local import environment, stack
from include.local.verify import asked_tenants
from include.warehouse.session import Warehouse
from include.warehouse.tenants import load_settings


def _date(name: str) -> date | None:
    text = os.environ.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise _bad(name, "a date YYYY-MM-DD", text) from None


def _rules() -> Mapping[str, object]:
    text = os.environ.get("SETTINGS", "").strip()
    try:
        rules = json.loads(text or "{}")
    except json.JSONDecodeError:
        raise _bad("SETTINGS", "JSON", text) from None
    if not isinstance(rules, dict):
        raise _bad("SETTINGS", 'rules by name, such as {"clear_score": "0.85"}', text)
    return rules


def _bad(name: str, expected: str, got: str) -> TradewindError:
    return TradewindError(where=name, expected=expected, got=got, remedy="correct it and run again")


def main() -> int:
    """Print the reliability table; 1 with the reason when there is none."""
    try:
        first, last, rules = _date("FROM"), _date("TO"), _rules()
        with stack.database() as ports:
            environment.apply(ports)
            wh = Warehouse.from_environment()
            [tenant] = asked_tenants(wh, os.environ.get("TENANT", "").strip() or "demo")
            with wh.pipeline() as conn:
                settings = load_settings(conn, tenant)
            print(
                run(
                    wh,
                    tenant,
                    run_id="make backtest",
                    settings=settings,
                    first=first,
                    last=last,
                    changes=rules,
                )
            )
    except TradewindError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
