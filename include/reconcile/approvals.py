"""The first steps of a run: moves of the status, approvals against their funds, accruals and their adjustments.

Approvals are decided in the order of (approved_date, promotion_key), which is also the order in which several
on one fund use up its room. An approval its fund had no room for is asked again by later runs, once per business
date, inputs and rules: room that the same run frees further on must not change the answer of a resumed one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from include.money import ZERO
from include.reconcile import overpaid
from include.reconcile.accrue import APPROVED, Recognised, method_of, recognised, side_by_side
from include.reconcile.desk import Desk
from include.reconcile.funds import FundRoom
from include.reconcile.journal import stable_id
from include.reconcile.plans import is_approved_anew, is_changed
from include.reconcile.records import Changes, MethodAmount, Promotion, PromotionState, Task

OVERSPENT, PLAN_CHANGED = "FUND_OVERSPENT", overpaid.TASK


def steps(desk: Desk) -> Iterator[tuple[str, str, Changes]]:
    """(phase, key, changes) of everything that comes before the claims."""
    found = desk.review.changes
    if found.moves or found.tasks or found.closed_tasks:
        desk.state.statuses.update(desk.review.statuses)
        _remember(desk, found)
        yield "move", "statuses", found
    compared = _compared(desk)
    if compared.methods:
        yield "accrual", "methods", compared
    withdrawn = _withdrawn(desk)
    if withdrawn.closed_tasks:
        _remember(desk, withdrawn)
        yield "accrual", "withdrawn", withdrawn
    room = FundRoom(desk.funds, desk.promotions, desk.state)
    for promotion in sorted(_approved(desk), key=lambda p: (p.approved_date, p.promotion_key)):
        changes = Changes()
        _decide(desk, changes, promotion, room)
        if changes.states or changes.journals or changes.tasks or changes.closed_tasks:
            _remember(desk, changes)
            yield "accrual", promotion.promotion_key, changes


def last(desk: Desk) -> Iterator[tuple[str, str, Changes]]:
    """What can only be said of plans once everything else of the run is done."""
    found = overpaid.at_the_end(desk)
    if found.tasks or found.closed_tasks:
        _remember(desk, found)
        yield "accrual", "overpaid", found


def _approved(desk: Desk) -> list[Promotion]:
    return [
        p
        for p in desk.promotions
        if p.status in APPROVED and p.approved_date is not None and not p.is_off_invoice
        and p.promotion_key not in desk.review.held
    ]  # fmt: skip


def _withdrawn(desk: Desk) -> Changes:
    """What a fund had no room for and nobody wants any more is no question either."""
    changes = Changes()
    for promotion in desk.promotions:
        state = desk.state.states.get(promotion.promotion_key)
        if state is not None and state.refused_by == "fund" and promotion.status not in APPROVED:
            _end(desk, changes, promotion, OVERSPENT, None)
    return changes


def _compared(desk: Desk) -> Changes:
    """What every method stands at, where that has moved; a released promotion keeps its last comparison."""
    changes = Changes()
    for promotion in _approved(desk):
        key = promotion.promotion_key
        if desk.state.is_released(key):
            continue
        applied = method_of(promotion)
        found = side_by_side(promotion, desk.performance.get(key, ()), desk.as_of, desk.rules)
        for method, value in found.items():
            row = MethodAmount(
                key, method, value.amount, promotion.currency, method == applied, value.units, value.factor
            )
            if desk.state.methods.get((key, method)) != row:
                desk.state.methods[key, method] = row
                changes.methods.append(row)
    return changes


def _decide(desk: Desk, changes: Changes, promotion: Promotion, room: FundRoom) -> None:
    state = desk.state.states.get(promotion.promotion_key)
    target = desk.due.get(promotion.promotion_key)
    if state is not None and state.lifecycle_status != "Failed":
        if state.released_date is None:
            _go_on(desk, changes, promotion, state, room)
    elif target is not None and _may_be_asked(desk, promotion, state, target):
        _begin(desk, changes, promotion, target, room)
    if changes.states:
        room.take(promotion)


def _may_be_asked(desk: Desk, promotion: Promotion, state: PromotionState | None, target: Recognised) -> bool:
    if state is None:
        # A plan of nothing is an unknown plan: there is nothing to approve.
        return bool(promotion.planned_amount) or target.amount > ZERO
    if state.refused_by == "fund":
        return promotion.promotion_key not in desk.state.asked
    if desk.rules.on_closed_period != "next_open":
        return False
    # The ERP refused a day, not the promotion: once our calendar leads to another day, that is asked.
    wanted = max(target.dated_on or promotion.approved_date, promotion.approved_date)
    return state.refused_by != "erp" or desk.books.posting_date(wanted)[0] != state.accrual_date


def _begin(desk: Desk, changes: Changes, promotion: Promotion, target: Recognised, room: FundRoom) -> None:
    """Approve against the fund, then accrue what is due already."""
    method = method_of(promotion)
    start = desk.state.cutover_date
    is_opening = start is not None and promotion.approved_date < start
    if not _has_room(desk, changes, promotion, room, may_block=not is_opening):
        why = changes.tasks[-1].detail
        desk.books.refuse(changes, promotion, method, "fund", why)
        desk.state.asked.add(promotion.promotion_key)
        return
    state = desk.state.states.get(promotion.promotion_key)
    if state is not None and state.refused_by == "fund":
        _end(desk, changes, promotion, OVERSPENT, None)
    desk.books.approve(changes, promotion, method, promotion.planned_amount)
    _first(desk, changes, promotion, target)


def _first(desk: Desk, changes: Changes, promotion: Promotion, target: Recognised) -> None:
    if target.at_first > ZERO and target.dated_on is not None:
        wanted = max(target.dated_on, promotion.approved_date)
        if desk.books.accrue(changes, promotion, target.at_first, method_of(promotion), wanted):
            desk.books.adjust(changes, promotion)


def _go_on(desk: Desk, changes: Changes, promotion: Promotion, state: PromotionState, room: FundRoom) -> None:
    """Follow the plan and the performance of a promotion that was approved before."""
    key = promotion.promotion_key
    stated = replace(promotion, planned_amount=desk.stated_plans[key])
    _ask_about_plan(desk, changes, stated, state)
    overpaid.ask(desk, changes, promotion, state)
    if is_changed(promotion, state) or (state.approved_amount is None and promotion.planned_amount):
        rise = promotion.planned_amount > (state.approved_amount or ZERO)
        if key in desk.state.asked or (
            rise and not _has_room(desk, changes, promotion, room, may_block=True)
        ):
            _hold(desk, changes, promotion, state)
        else:
            _end(desk, changes, promotion, OVERSPENT, {t.task_id for t in changes.tasks})
            desk.books.approve(changes, promotion, method_of(promotion), promotion.planned_amount)
    elif is_approved_anew(promotion, state) or state.accrual_method != method_of(promotion):
        desk.books.approve(changes, promotion, method_of(promotion), state.approved_amount)
    if state.accrual_date is None and key in desk.due:
        _first(desk, changes, promotion, desk.due[key])
    else:
        desk.books.adjust(changes, promotion)


def _hold(desk: Desk, changes: Changes, promotion: Promotion, state: PromotionState) -> None:
    """The fund has no room for a raised plan: go on with the approved one, and ask again another day."""
    key = promotion.promotion_key
    held = replace(promotion, planned_amount=state.approved_amount)
    target = recognised(held, desk.performance.get(key, ()), desk.as_of, desk.rules)
    if target is not None:
        desk.due[key] = target
        desk.books.targets[key] = target.amount
    if key not in desk.state.asked:
        desk.state.asked.add(key)
        desk.books.approve(changes, held, method_of(held), state.approved_amount)


def _has_room(desk: Desk, changes: Changes, promotion: Promotion, room: FundRoom, *, may_block: bool) -> bool:
    """Whether the approval may go on; a task says by how much the fund is short, blocked or not."""
    amount = promotion.planned_amount or ZERO
    short = room.short_by(promotion, amount)
    if not short:
        return True
    is_blocked = may_block and desk.rules.fund_overspend == "block"
    effect = "is not approved here and accrues nothing" if is_blocked else "is approved beyond it"
    changes.tasks.append(
        Task(
            stable_id(desk.tenant, promotion.promotion_key, "TASK", OVERSPENT),
            OVERSPENT,
            short,
            promotion.currency,
            f"Fund {promotion.fund_key} is short by {short} {promotion.currency} for {promotion.promotion_key}"
            f" of {amount}: it {effect}. Raise the budget, close other promotions or lower the plan",
            promotion_key=promotion.promotion_key,
            proposal={"fund_key": promotion.fund_key, "short_by": str(short)},
        )
    )
    return not is_blocked


def _ask_about_plan(desk: Desk, changes: Changes, stated: Promotion, state: PromotionState) -> None:
    """A plan that is gone, or one that changed where the rule is to ask, is put to a person once."""
    key, was, now = stated.promotion_key, state.approved_amount, stated.planned_amount
    gone = was is not None and now is None
    asks = desk.rules.on_plan_change == "ask" and is_changed(stated, state)
    overcut = overpaid.question(desk, desk.by_key[key])
    if not gone and not (asks and not is_approved_anew(stated, state)):
        _end(desk, changes, stated, PLAN_CHANGED, {overcut})
        return
    question = stable_id(desk.tenant, key, "TASK", PLAN_CHANGED, now)
    _end(desk, changes, stated, PLAN_CHANGED, {question, overcut})
    if question in desk.state.questions.get((key, PLAN_CHANGED), ()):
        return
    says = "states no plan any more" if gone else f"now plans {now} {stated.currency}"
    detail = (
        f"{key} was approved with {was} {stated.currency} and {says}. The accrual stays at the approved plan:"
        " approve the change in the source with a new approval date, or restore the plan"
    )
    changes.tasks.append(
        Task(
            question,
            PLAN_CHANGED,
            now if now is not None else was,
            stated.currency,
            detail,
            promotion_key=key,
            proposal={"approved": str(was), "planned": None if now is None else str(now)},
        )
    )


def _end(desk: Desk, changes: Changes, promotion: Promotion, kind: str, keep: set | None) -> None:
    """The open questions of one kind about a promotion are answered, except those in `keep`."""
    asked = desk.state.questions.get((promotion.promotion_key, kind), set())
    changes.closed_tasks.extend(sorted(asked - (keep or set())))


def _remember(desk: Desk, changes: Changes) -> None:
    """Keep in mind which questions about promotions stand open."""
    questions, ended = desk.state.questions, set(changes.closed_tasks)
    for asked in questions.values() if ended else ():
        asked.difference_update(ended)
    for task in changes.tasks:
        questions.setdefault((task.promotion_key, task.task_type), set()).add(task.task_id)
