"""`make optimise`: at which setting of one lever a percentile of variable pay still meets a budget.

python -m include.local.optimise    with LEVER, PERCENTILE (default 95), BUDGET (default the simulation's), SIM
                                    (default the current one) and TENANT (default demo) in the environment
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from include.errors import TradewindError
from include.flows.levers import optimize
from include.local import environment, stack
from include.local.verify import asked_tenants
from include.warehouse.session import Warehouse


def described(answer: Mapping[str, object]) -> str:
    """An answer of `optimize` in words."""
    percentile = f"P{answer['percentile']}"
    head = (
        f"{answer['simulation_id']} ({answer['scenario_id']}, {answer['currency']})\n"
        f"{answer['lever']} · {percentile} against a budget of {_money(answer['budget'])}: "
    )
    if answer["status"] == "not_applicable":
        return f"{head}does not apply, {answer['reason']}"
    at = f"at {answer['setting']} {percentile} is {_money(answer['percentile_amount'])}"
    if answer["status"] == "met":
        at += f", at {answer['next_setting']} it is {_money(answer['next_amount'])}"
    said = {
        "met": "",
        "met_everywhere": "met everywhere, ",
        "unattainable": "not attainable, the nearest is: ",
    }
    doubt = "" if answer["is_monotone"] else f"; {percentile} moves both ways between these settings"
    searched = f"settings {answer['lowest']:g} to {answer['highest']:g}, {answer['evaluations']} tried{doubt}"
    return f"{head}{said[answer['status']]}{at} ({searched})"


def _money(amount: object) -> str:
    return f"{Decimal(str(amount)):,.2f}"


def _number(name: str, expected: str) -> Decimal | None:
    text = os.environ.get(name, "").strip()
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        raise TradewindError(
            where=name, expected=expected, got=text, remedy="correct it and run again"
        ) from None


def main() -> int:
    """Print the answer; 1 with the reason when there is none."""
    try:
        percentile = _number("PERCENTILE", "a whole number from 1 to 99")
        if percentile is not None and percentile == percentile.to_integral_value():
            percentile = int(percentile)
        budget = _number("BUDGET", "an amount")
        with stack.database() as ports:
            environment.apply(ports)
            wh = Warehouse.from_environment()
            [tenant] = asked_tenants(wh, os.environ.get("TENANT", "").strip() or "demo")
            answer = optimize(
                wh,
                tenant,
                os.environ.get("SIM", "").strip() or None,
                lever=os.environ.get("LEVER", "").strip() or "quota_scale",
                percentile=95 if percentile is None else percentile,
                budget=budget,
            )
        print(described(answer))
    except TradewindError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
