"""Which promotion a claim belongs to, or why a person has to say.

A match is accepted when its score is at least `accept_score` and leads the second by `accept_lead`
(semantics 5b). Four guards stand beside that rule, because a wrong automatic settlement costs more than a
question:

- Where another open promotion fits equally well but for the amount, the amount must agree with the winner's
  open amount inside the tolerance. Being merely the nearer of two amounts is not evidence.
- A claim without a telling reason (unmapped, OTHER) needs product lines that overlap.
- A claim whose product lines are none of the promotion's is not that promotion's, whatever else agrees.
- A claim larger than the winner is spread over several promotions only when exactly one combination of
  their open amounts sums to it; otherwise the spread is proposed to a person, not booked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from include.reconcile.rules import Rules
from include.reconcile.score import MICRO
from include.reconcile.settle import exact_subsets, within_tolerance

#: Reasons that do not say what the money was kept for.
WEAK_REASONS = frozenset({None, "OTHER"})


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate with its score. Scores and evidence in millionths.

    `plain_score` leaves the amount out: how plausible the promotion is whatever was claimed. `open_amount`
    None = the promotion's authorised amount is unknown, and `amount_fit` NaN. `product_fit` NaN = no product lines.
    """

    promotion: int
    promotion_key: str
    score: int
    evidence: int
    plain_score: int
    open_amount: Decimal | None
    authorised: Decimal | None
    settled_before: Decimal
    amount_fit: float
    product_fit: float


@dataclass(frozen=True)
class Decision:
    """`kind`: single, subset (settle), ambiguous, weak, none (ask). `chosen` are (promotion, amount) pairs.

    `score` and `evidence` in millionths, of the accepted set or of the best candidate.
    """

    kind: str
    chosen: tuple[tuple[int, Decimal], ...]
    score: int
    evidence: int
    why: str


def ranked(candidates: Sequence[Scored]) -> list[Scored]:
    """Best first; ties by promotion key, so that the order never depends on the input's."""
    return sorted(candidates, key=lambda c: (-c.score, c.promotion_key))


def decide(claim: Decimal, reason: str | None, candidates: Sequence[Scored], rules: Rules) -> Decision:
    """The decision on a positive claim; `candidates` as `ranked` returns them."""
    if not candidates:
        return Decision(
            "none", (), 0, 0, "no promotion of this customer's tree, currency and reason is near its date"
        )
    best = candidates[0]
    if best.score < rules.accept_score * MICRO:
        kind = "weak" if best.score >= rules.review_score * MICRO else "none"
        return _ask(kind, best, f"the best candidate scores {_shown(best.score)}, below {rules.accept_score}")
    if best.open_amount is None:
        return _ask("weak", best, "the planned amount of the best candidate is unknown")
    if reason in WEAK_REASONS and not best.product_fit >= float(rules.weak_reason_product_fit):
        return _ask(
            "weak", best, "the reason does not say what it is for and no product lines confirm the match"
        )
    if best.product_fit == 0:
        return _ask("weak", best, f"its products are none of {best.promotion_key}'s")
    lead = best.score - candidates[1].score if len(candidates) > 1 else MICRO
    over = within_tolerance(
        claim, authorised=best.authorised, settled_before=best.settled_before, tolerance=rules.tolerance
    ).disputed
    if over or lead < rules.accept_lead * MICRO:
        combined = _combination(claim, candidates, rules)
        if combined is not None:
            return combined
    if lead < rules.accept_lead * MICRO:
        return _ask(
            "ambiguous", best, f"the best two are only {_shown(lead)} apart, below {rules.accept_lead}"
        )
    rivals = _rivals(best, candidates, rules)
    if rivals and abs(claim - best.open_amount) > rules.tolerance * best.open_amount:
        return _ask(
            "ambiguous",
            best,
            f"only the amount tells it from {rivals[0].promotion_key}, and it does not agree",
        )
    why = f"leads the second by {_shown(lead)}" if len(candidates) > 1 else "the only candidate"
    return Decision("single", ((best.promotion, claim),), best.score, best.evidence, why)


def _rivals(best: Scored, candidates: Sequence[Scored], rules: Rules) -> list[Scored]:
    margin = rules.accept_lead * MICRO
    return [
        c
        for c in candidates[1:]
        if best.plain_score - c.plain_score < margin and (c.open_amount is None or c.open_amount > 0)
    ]


def _combination(claim: Decimal, candidates: Sequence[Scored], rules: Rules) -> Decision | None:
    """The only combination of open amounts that sums to the claim, when it has at least two promotions."""
    members = [
        c
        for c in candidates
        if c.plain_score >= rules.accept_score * MICRO and c.open_amount is not None and c.product_fit != 0
    ]
    amounts = [c.open_amount for c in members]
    found = exact_subsets(claim, amounts, size=rules.subset_size, among=rules.subset_candidates, limit=2)
    if len(found) != 1 or len(found[0]) < 2:
        return None
    chosen = [members[i] for i in found[0]]
    weight = int(rules.weight_amount * MICRO)
    # The set's own score: its amount fits exactly, the other parts are those of its weakest member.
    score = min((c.plain_score * (c.evidence - weight) + MICRO * weight) // c.evidence for c in chosen)
    return Decision(
        "subset",
        tuple((c.promotion, c.open_amount) for c in chosen),
        score,
        min(c.evidence for c in chosen),
        f"the open amounts of {', '.join(c.promotion_key for c in chosen)} sum to it, and no others do",
    )


def _ask(kind: str, best: Scored, why: str) -> Decision:
    return Decision(kind, (), best.score, best.evidence, why)


def _shown(millionths: int) -> str:
    return f"{millionths / MICRO:.6f}"
