"""Who may decide about how much: limits, a second pair of eyes, lists of people (control C59).

Names are compared without case and blanks. A control never changes a decision: it lets it through, makes it
wait for an approval, or refuses it for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from include.reconcile.decision_records import ClaimDecision
from include.reconcile.rules import Rules, same_person

APPLIED = "applied"
WAITING = "waiting_for_approval"
NEXT_PERIOD = "waiting_for_period"
REFUSED = "refused"


@dataclass(frozen=True)
class Verdict:
    """What the controls say: status and, unless it is `applied`, why."""

    status: str
    why: str = ""


def control(decision: ClaimDecision, amount: Decimal, rules: Rules) -> Verdict:
    """Whether `decision`, which moves `amount` (>= 0) of its claim, may be applied."""
    who = same_person(decision.decided_by)
    if not who:
        return Verdict(REFUSED, "it does not say who decided")
    if rules.deciders and who not in _people(rules.deciders):
        return Verdict(REFUSED, f"{decision.decided_by} is not among those who may decide")
    is_write_off = decision.action == "write_off"
    if is_write_off and rules.write_off_maximum is not None and amount > rules.write_off_maximum:
        return Verdict(
            REFUSED, f"{amount} is above {rules.write_off_maximum}, which nobody may write off at once"
        )
    limit = _limit(who, is_write_off, rules)
    if amount <= limit:
        return Verdict(APPLIED)
    lack = _missing_approval(decision, who, amount, rules)
    if lack:
        return Verdict(
            WAITING, f"{amount} is above {limit}, what {decision.decided_by} may decide alone: {lack}"
        )
    return Verdict(APPLIED)


def _limit(who: str, is_write_off: bool, rules: Rules) -> Decimal:
    own = _people(rules.deciders).get(who)
    if is_write_off:
        return rules.write_off_limit if own is None else min(own, rules.write_off_limit)
    return rules.approval_limit if own is None else own


def _missing_approval(decision: ClaimDecision, who: str, amount: Decimal, rules: Rules) -> str | None:
    """What is wrong with the approval, None when it counts."""
    approver = same_person(decision.approved_by or "")
    if not approver:
        return "another person must approve it"
    if approver == who:
        return "who decides is not who approves"
    approvers = _people(rules.approvers)
    if approvers and approver not in approvers:
        return f"{decision.approved_by} is not among those who may approve"
    own = approvers.get(approver)
    if own is not None and amount > own:
        return f"{decision.approved_by} may approve up to {own}"
    if decision.approved_at is not None and decision.approved_at < decision.decided_at:
        return "it was approved before it was decided"
    return None


def _people(listed: Mapping[str, Decimal | None]) -> dict[str, Decimal | None]:
    return {same_person(name): own for name, own in listed.items()}
