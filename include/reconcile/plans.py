"""Which plan of a promotion is agreed when its source changes it after the approval."""

from __future__ import annotations

from dataclasses import replace

from include.reconcile.records import Promotion, PromotionState
from include.reconcile.rules import Rules


def agreed(promotion: Promotion, state: PromotionState | None, rules: Rules) -> Promotion:
    """The promotion with the plan that counts.

    `adjust`: the source's. `ask`: the one that was approved, until the source approves it anew with a later
    date. A plan that has become unknown is nobody's: it stays unknown, and what is accrued stands.
    """
    if (
        rules.on_plan_change == "adjust"
        or not is_changed(promotion, state)
        or is_approved_anew(promotion, state)
    ):
        return promotion
    return replace(promotion, planned_amount=state.approved_amount)


def is_changed(promotion: Promotion, state: PromotionState | None) -> bool:
    """Whether the source states another plan than the one that was approved."""
    known = state is not None and state.approved_amount is not None and promotion.planned_amount is not None
    return known and promotion.planned_amount != state.approved_amount


def is_approved_anew(promotion: Promotion, state: PromotionState) -> bool:
    """Whether the promotion was approved again after the approval the ledger knows."""
    both = promotion.approved_date is not None and state.approved_date is not None
    return both and promotion.approved_date > state.approved_date
