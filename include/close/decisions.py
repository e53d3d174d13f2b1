"""Signing and reopening: who may, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from include.close.periods import Standing, closed_through


@dataclass(frozen=True)
class PeriodDecision:
    """What a person decided about a fiscal period."""

    decision_key: str
    fiscal_year: int
    period: int
    action: str
    reason: str | None
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True)
class Answer:
    """What becomes of a decision: applied to `standing`, or refused (no standing), and why."""

    decision: PeriodDecision
    standing: Standing | None
    why: str


def answer(decision: PeriodDecision, found: Sequence[Standing]) -> Answer:
    """Sign: the period is closed, which it only is when it ties, and not signed yet. Reopen: a reason, somebody other
    than who signed, and nothing later is closed.
    """
    name = f"{decision.fiscal_year}-{decision.period:02d}"
    standing = _latest(decision, found)
    refusal = _refusal(decision, standing, found, name)
    if refusal:
        return Answer(decision, None, refusal)
    return Answer(decision, standing, f"{name} {'signed' if decision.action == 'sign' else 'reopened'}")


def _latest(decision: PeriodDecision, found: Sequence[Standing]) -> Standing | None:
    mine = [
        s for s in found if (s.period.fiscal_year, s.period.period) == (decision.fiscal_year, decision.period)
    ]
    return max(mine, key=lambda s: (s.as_of, s.generation), default=None)


def _refusal(
    decision: PeriodDecision, standing: Standing | None, found: Sequence[Standing], name: str
) -> str | None:
    if not decision.decided_by.strip():
        return "nobody is named as who decided"
    if standing is None:
        return f"{name} is not closed, so there is nothing to {decision.action}"
    if standing.state == "reopened":
        return f"{name} was reopened on {standing.as_of} and is not closed again"
    if decision.action == "sign":
        return f"{name} is signed by {standing.signed_by} already" if standing.signed_by else None
    if not (decision.reason or "").strip():
        return f"reopening {name} needs a reason"
    if standing.signed_by and _same(standing.signed_by, decision.decided_by):
        return f"{standing.signed_by} signed {name}: somebody else must reopen it"
    last = closed_through(found)
    if last is not None and last > standing.period.end_date:
        return f"a later period is closed up to {last}: reopen that one first"
    return None


def _same(one: str, other: str) -> bool:
    return " ".join(one.lower().split()) == " ".join(other.lower().split())
