"""A claim's candidates scored against what is open now, and shown with the reasons for their scores."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from include.money import ZERO
from include.reconcile.candidates import Candidates
from include.reconcile.decide import Decision, Scored, ranked
from include.reconcile.desk import Desk
from include.reconcile.hierarchy import RELATIONS
from include.reconcile.records import Claim, Deduction, MatchCandidate
from include.reconcile.score import MICRO, amount_fit_one, as_decimal, overlap, score_one
from include.reconcile.settle import split

NAN = float("nan")


def scored(desk: Desk, amount: Decimal, d: Deduction, found: Candidates, rows: slice) -> list[Scored]:
    """The candidates in `rows` of `found` for `amount` of the deduction, best first."""
    claimed = _units(amount)
    columns = (found.promotion, found.customer_fit, found.date_fit, found.tactic_fit)
    made = []
    for number, customer, day, tactic in zip(*(column[rows].tolist() for column in columns), strict=True):
        promotion = desk.promotions[number]
        authorised = desk.authorised(promotion)
        settled = desk.state.settled[promotion.promotion_key]
        open_amount = None if authorised is None else max(ZERO, authorised - settled)
        near = NAN if open_amount is None else amount_fit_one(claimed, _units(open_amount))
        product = overlap(d.product_keys, promotion.product_keys)
        value, evidence = score_one(desk.rules, customer, day, near, tactic, product)
        plain, _ = score_one(desk.rules, customer, day, NAN, tactic, product)
        made.append(
            Scored(
                number, promotion.promotion_key, value, evidence, plain, open_amount, authorised, settled, near,
                product,
            )
        )  # fmt: skip
    return ranked(made)


def shown(
    desk: Desk,
    claim: Claim,
    d: Deduction,
    found: Candidates,
    rows: slice,
    candidates: Sequence[Scored],
    decision: Decision,
) -> list[MatchCandidate]:
    """The best candidates and every chosen one, each with the parts of its score."""
    chosen = {number for number, _ in decision.chosen}
    position = {n: rows.start + i for i, n in enumerate(found.promotion[rows].tolist())}
    return [
        MatchCandidate(
            claim.claim_id,
            c.promotion_key,
            as_decimal(c.score),
            as_decimal(c.evidence),
            rank,
            _parts(desk, claim.amount_open, d, found, position[c.promotion], c),
            c.promotion in chosen,
        )
        for rank, c in enumerate(candidates, start=1)
        if rank <= desk.rules.candidates_kept or c.promotion in chosen
    ]


def _parts(
    desk: Desk, amount: Decimal, d: Deduction, found: Candidates, at: int, c: Scored
) -> dict[str, object]:
    """Why a candidate scored what it did: fit and weight of each part that is known, with what was compared."""
    rules = desk.rules
    promotion = desk.promotions[c.promotion]
    parts: dict[str, object] = {
        "customer": {
            "fit": _number(found.customer_fit[at]),
            "weight": str(rules.weight_customer),
            "relation": RELATIONS[found.relation[at]],
        },
        "date": {
            "fit": _number(found.date_fit[at]),
            "weight": str(rules.weight_date),
            "days_outside": int(found.days_outside[at]),
        },
    }
    if c.open_amount is not None:
        parts["amount"] = {
            "fit": _number(c.amount_fit),
            "weight": str(rules.weight_amount),
            "claim": str(amount),
            "open": str(c.open_amount),
        }
    if d.reason_code_normalized is not None:
        parts["tactic"] = {
            "fit": _number(found.tactic_fit[at]),
            "weight": str(rules.weight_tactic),
            "reason": d.reason_code_normalized,
            "tactic": promotion.tactic_type,
        }
    if c.product_fit == c.product_fit:
        parts["product"] = {"fit": _number(c.product_fit), "weight": str(rules.weight_product)}
    return parts


def proposal(claim: Claim, candidates: Sequence[Scored], desk: Desk) -> dict[str, object]:
    """How the claim would be spread over the plausible candidates, for the person who decides."""
    plausible = [
        c
        for c in candidates[: desk.rules.subset_candidates]
        if c.open_amount and c.plain_score >= desk.rules.accept_score * MICRO
    ]
    if not plausible:
        return {}
    spread = split(
        claim.amount_open,
        [c.open_amount for c in plausible],
        size=desk.rules.subset_size,
        among=desk.rules.subset_candidates,
    )
    return {
        "settle": {plausible[i].promotion_key: str(amount) for i, amount in spread.parts},
        "rest": str(spread.rest),
    }


def _units(amount: Decimal) -> int:
    return int(amount.scaleb(4))


def _number(fit: float) -> float:
    return round(float(fit), 6)
