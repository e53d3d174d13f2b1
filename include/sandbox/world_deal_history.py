"""The seeded deals' way through the stages, as the CRM's OpportunityHistory keeps it.

A won deal passed every stage; a lost one was given up in any of them, so the win rate rises from stage to stage, but
not as the CRM's own probabilities say. The close date that sellers state slips as a rule, and amounts are rounded
until late.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from include.sandbox.world_crm import STAGES, salesforce_id, stamp
from include.sandbox.world_shape import AS_OF

#: Days by which the date stated at a stage is missed: mean and spread.
SLIP_DAYS, SLIP_SPREAD = 9, 16
AMOUNT_SPREAD = 0.12


def history(rng: np.random.Generator, opportunities: list[dict[str, object]]) -> list[dict[str, object]]:
    """One record per stage a deal entered, in order of deals and time."""
    records: list[dict[str, object]] = []
    for deal in opportunities:
        for at, (day, stage, probability, amount, closing) in enumerate(_steps(rng, deal)):
            moment = stamp(day, 8 + at)
            records.append({
                "Id": salesforce_id("008", len(records) + 1), "OpportunityId": deal["Id"], "StageName": stage,
                "Amount": amount, "Probability": probability, "CloseDate": closing.isoformat(),
                "CreatedDate": moment, "SystemModstamp": moment, "IsDeleted": False,
            })  # fmt: skip
    return records


def _steps(
    rng: np.random.Generator, deal: dict[str, object]
) -> list[tuple[date, str, int, float | None, date]]:
    """(day, stage, probability, amount, stated close date) of each stage; the last is the deal as it stands."""
    created, closing = (date.fromisoformat(str(deal[name])[:10]) for name in ("CreatedDate", "CloseDate"))
    stages, now = list(STAGES), str(deal["StageName"])
    if deal["IsClosed"]:
        reached = len(stages) if deal["IsWon"] else int(rng.integers(1, len(stages) + 1))
        end = closing
    else:
        reached = stages.index(now)
        end = date.fromisoformat(str(deal["LastModifiedDate"])[:10])
    days = created + timedelta(days=1), max(end - timedelta(days=1), created)
    entered = sorted(
        days[0] + timedelta(days=int(n))
        for n in rng.integers(0, max(1, (days[1] - days[0]).days), max(0, reached - 1))
    )
    steps = []
    for stage, day in zip(stages[:reached], [created, *entered], strict=False):
        stated = closing - timedelta(days=int(rng.normal(SLIP_DAYS, SLIP_SPREAD)))
        steps.append((day, stage, STAGES[stage], _earlier(rng, deal["Amount"]), max(stated, day)))
    last = min(max(end, steps[-1][0]), AS_OF) if steps else created
    return [*steps, (last, now, deal["Probability"], deal["Amount"], closing)]


def _earlier(rng: np.random.Generator, amount: object) -> float | None:
    """What the seller thought the deal was worth before, in round thousands."""
    if amount is None:
        return None
    return float(round(float(amount) * float(rng.lognormal(0, AMOUNT_SPREAD)) / 1000) * 1000)
