"""A plan cut below what has been settled: nobody takes the money back by itself, so a person is told.

Asked once per new plan, in the step that accepts it, or at the end of a run where the promotion is released and
accepts none any more. It ends when no more is settled than authorised, by another plan or by what people decide;
that is looked at last in a run, because decisions of the same run move what is settled.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from include.money import ZERO
from include.reconcile.accrue import APPROVED
from include.reconcile.desk import Desk
from include.reconcile.journal import stable_id
from include.reconcile.plans import is_changed
from include.reconcile.records import Changes, Promotion, PromotionState, Task

TASK = "PLAN_CHANGED"


def question(desk: Desk, promotion: Promotion) -> UUID:
    """The id of the question about the promotion's present plan."""
    return stable_id(desk.tenant, promotion.promotion_key, "TASK", TASK, "settled", promotion.planned_amount)


def ask(desk: Desk, changes: Changes, promotion: Promotion, state: PromotionState) -> None:
    """Put the question where the plan is below the approved one and below what is settled."""
    number, excess = question(desk, promotion), _excess(desk, promotion)
    is_cut = is_changed(promotion, state) and promotion.planned_amount < state.approved_amount
    if (
        not is_cut
        or excess <= ZERO
        or number in desk.state.questions.get((promotion.promotion_key, TASK), ())
    ):
        return
    settled, currency = desk.state.settled[promotion.promotion_key], promotion.currency
    detail = (
        f"{promotion.promotion_key} was approved with {state.approved_amount} {currency} and now plans"
        f" {promotion.planned_amount}, but {settled} is settled: {excess} more than it authorises. Nothing is taken"
        " back by itself: restore the plan in the source, or reopen what was too much"
    )
    proposal = {
        "approved": str(state.approved_amount),
        "planned": str(promotion.planned_amount),
        "settled": str(settled),
        "excess": str(excess),
    }
    changes.tasks.append(
        Task(number, TASK, excess, currency, detail, promotion_key=promotion.promotion_key, proposal=proposal)
    )


def at_the_end(desk: Desk) -> Changes:
    """What is true no longer, and cuts of promotions that are released."""
    changes = Changes()
    for promotion in desk.promotions:
        key = promotion.promotion_key
        state = desk.state.states.get(key)
        if state is None or state.lifecycle_status == "Failed" or key in desk.review.held:
            continue
        if promotion.planned_amount is None:
            continue
        open_ones = desk.state.questions.get((key, TASK), set())
        ended = open_ones & {question(desk, promotion)}
        if state.released_date is not None and promotion.status in APPROVED:
            ask(desk, changes, promotion, state)
            ended = open_ones  # and those about plans it had before
        standing = {question(desk, promotion)} if _excess(desk, promotion) > ZERO else set()
        changes.closed_tasks.extend(sorted(ended - standing))
    return changes


def _excess(desk: Desk, promotion: Promotion) -> Decimal:
    """Settled beyond what is authorised; a plan of nothing authorises nothing here."""
    return desk.state.settled[promotion.promotion_key] - (desk.authorised(promotion) or ZERO)
