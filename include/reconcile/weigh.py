"""A claim's candidates scored against what is open now, and shown with the reasons for their scores."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from include.reconcile.candidates import Candidates
from include.reconcile.decide import Decision, plausible
from include.reconcile.desk import Desk, units
from include.reconcile.explain import compared, leads
from include.reconcile.hierarchy import RELATIONS
from include.reconcile.records import Claim, Deduction, MatchCandidate, Promotion
from include.reconcile.score import MICRO, PARTS, amount_fit_one, as_decimal, overlap, score_one
from include.reconcile.settle import split
from include.reconcile.weighed import Scored, ranked

NAN = float("nan")


#: Refused promotions kept beside the candidates: enough to say why, not a second ranking.
_REFUSED_KEPT = 2


def scored(desk: Desk, amount: Decimal, d: Deduction, found: Candidates, rows: slice) -> list[Scored]:
    """The candidates in `rows` of `found` for `amount` of the deduction, best first."""
    claimed = units(amount)
    weights = desk.rules.float_weights
    columns = (found.promotion, found.relation, found.customer_fit, found.date_fit, found.tactic_fit)
    made = []
    for number, relation, customer, day, tactic in zip(*(c[rows].tolist() for c in columns), strict=True):
        promotion = desk.promotions[number]
        standing = desk.standing(number)
        near = NAN if standing.open_units is None else amount_fit_one(claimed, standing.open_units)
        product = overlap(d.product_keys, promotion.product_keys)
        value, evidence, plain = score_one(weights, customer, day, near, tactic, product)
        made.append(
            Scored(
                number, promotion.promotion_key, value, evidence, plain, standing.open_amount, standing.authorised,
                standing.settled, (customer, day, near, tactic, product), RELATIONS[relation], standing.refusal,
            )
        )  # fmt: skip
    return ranked(made)


def shown(
    desk: Desk,
    claim: Claim,
    d: Deduction,
    candidates: Sequence[Scored],
    refused: Sequence[Scored],
    decision: Decision,
) -> list[MatchCandidate]:
    """The best candidates and every chosen one with the parts of their scores and why; then the best refused."""
    chosen = {number for number, _ in decision.chosen}
    runner_up = next((c for c in candidates[1:] if c.promotion not in chosen), None)
    kept = [
        (
            rank,
            c,
            _why(candidates, rank, chosen, decision, desk) if _is_told(c, rank, chosen, runner_up) else None,
        )
        for rank, c in enumerate(candidates, start=1)
        if rank <= desk.rules.candidates_kept or c.promotion in chosen
    ]
    kept += [
        (len(candidates) + rank, c, f"is {c.refusal}: nothing is settled against it")
        for rank, c in enumerate(refused[:_REFUSED_KEPT], start=1)
        if c.score >= desk.rules.review_score * MICRO
    ]
    return [
        MatchCandidate(
            claim.claim_id,
            c.promotion_key,
            as_decimal(c.score),
            as_decimal(c.evidence),
            rank,
            _parts(desk, claim.amount_open, d, c) | ({} if why is None else {"why": why}),
            c.promotion in chosen,
        )
        for rank, c, why in kept
    ]


def _is_told(c: Scored, rank: int, chosen: set[int], runner_up: Scored | None) -> bool:
    """Words are for the first, the chosen and the runner-up; the parts of the others speak for themselves."""
    return rank == 1 or c is runner_up or c.promotion in chosen


def _why(candidates: Sequence[Scored], rank: int, chosen: set[int], decision: Decision, desk: Desk) -> str:
    """Why a candidate stands where it does: the first against the second, every other against the first."""
    own = candidates[rank - 1]
    if own.promotion in chosen and len(chosen) > 1:
        return decision.why
    return leads(candidates, desk.rules) if rank == 1 else compared(own, candidates[0], desk.rules)


def _parts(desk: Desk, amount: Decimal, d: Deduction, c: Scored) -> dict[str, object]:
    """What a candidate scored: fit and weight of each part that is known, with what was compared."""
    promotion = desk.promotions[c.promotion]
    said = (
        {"relation": c.relation},
        {"days_outside": days_outside(promotion, d)},
        {"claim": str(amount), "open": str(c.open_amount)},
        {"reason": d.reason_code_normalized, "tactic": promotion.tactic_type},
        {},
    )
    parts: dict[str, object] = {
        name: {"fit": round(fit, 6), "weight": weight, **compared_by}
        for name, weight, fit, compared_by in zip(PARTS, desk.weights_shown, c.fits, said, strict=True)
        if fit == fit
    }
    return parts if c.refusal is None else parts | {"refused": c.refusal}


def days_outside(promotion: Promotion, d: Deduction) -> int:
    """Days of the deduction after the promotion's window, negative before it, 0 inside."""
    if d.posting_date < promotion.window_start:
        return (d.posting_date - promotion.window_start).days
    return max(0, (d.posting_date - promotion.window_end).days)


def proposal(claim: Claim, d: Deduction, candidates: Sequence[Scored], desk: Desk) -> dict[str, object]:
    """How the claim would be spread over the plausible candidates, for the person who decides."""
    members = [
        c
        for c in plausible(candidates, d.reason_code_normalized, desk.rules)[: desk.rules.subset_candidates]
        if c.open_amount
    ]
    if not members:
        return {}
    spread = split(
        claim.amount_open,
        [c.open_amount for c in members],
        size=desk.rules.subset_size,
        among=desk.rules.subset_candidates,
    )
    return {
        "settle": {members[i].promotion_key: str(amount) for i, amount in spread.parts},
        "rest": str(spread.rest),
    }
