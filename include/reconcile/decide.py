"""Which promotion a claim belongs to, or why a person has to say.

A match is accepted when its score is at least `accept_score` and leads the second by `accept_lead`
(semantics 5b). Guards stand beside that rule, because a wrong automatic settlement costs more than a question:

- Where another open promotion fits equally well but for the amount, the amount must agree with the winner's
  open amount inside `rival_tolerance`. Being merely the nearer of two amounts is not evidence, and neither is
  being within two percent of one of ten.
- Where another promotion has to the cent what was claimed and the winner has not, a person chooses.
- A claim without a telling reason (unmapped, OTHER) needs product lines that overlap.
- A claim whose product lines are none of the promotion's is not that promotion's, whatever else agrees.
- A claim that fits a promotion nobody may claim on (cancelled, a draft, off-invoice, settled, without a window)
  at least as well as any other is a question.
- A promotion of a sibling customer is taken only when product lines confirm it.
- A claim larger than the winner is spread over several promotions only when exactly one combination of
  their open amounts sums to it and no single one nearly does. Filling them by score (golden G-43, second half)
  is proposed to a person, or booked where the rule `fill_by_score` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from include.reconcile.explain import leads
from include.reconcile.rules import Rules
from include.reconcile.score import MICRO
from include.reconcile.settle import exact_subsets, split, within_tolerance
from include.reconcile.weighed import Scored

#: Reasons that do not say what the money was kept for.
WEAK_REASONS = frozenset({None, "OTHER"})


@dataclass(frozen=True)
class Decision:
    """`kind`: single, subset, fill (settle), ambiguous, weak, none, refused (ask). `chosen` are (promotion, amount).

    `score` and `evidence` in millionths, of the accepted set or of the best candidate.
    """

    kind: str
    chosen: tuple[tuple[int, Decimal], ...]
    score: int
    evidence: int
    why: str


def decide(
    claim: Decimal,
    reason: str | None,
    candidates: Sequence[Scored],
    rules: Rules,
    refused: Sequence[Scored] = (),
) -> Decision:
    """The decision on a positive claim; `candidates` and the `refused`, which nobody may claim on, best first."""
    better = _refused(candidates, refused, rules)
    if better is not None:
        return better
    if not candidates:
        why = "no promotion of this customer's tree, currency and reason is near its date"
        return Decision("none", (), 0, 0, why)
    best = candidates[0]
    doubt = _doubt(best, reason, rules)
    if doubt is not None:
        return doubt
    lead = best.score - candidates[1].score if len(candidates) > 1 else MICRO
    over = within_tolerance(
        claim, authorised=best.authorised, settled_before=best.settled_before, tolerance=rules.tolerance
    ).disputed
    if over or lead < rules.accept_lead * MICRO:
        several = _several(claim, reason, candidates, rules, is_over=bool(over))
        if several is not None:
            return several
    if lead < rules.accept_lead * MICRO:
        why = f"the best two are only {_shown(lead)} apart, below {rules.accept_lead}: it"
        return _ask("ambiguous", best, f"{why} {leads(candidates, rules)}")
    rivals = _rivals(best, candidates, rules)
    if rivals and abs(claim - best.open_amount) > rules.rival_tolerance * best.open_amount:
        why = f"only the amount tells it from {rivals[0].promotion_key}, and it does not agree"
        return _ask("ambiguous", best, why)
    exact = None if claim == best.open_amount else _exact(claim, candidates[1:], rules)
    if exact is not None:
        why = f"it is to the cent what {exact.promotion_key} has open, and not what {best.promotion_key} has"
        return _ask("ambiguous", best, why)
    return Decision("single", ((best.promotion, claim),), best.score, best.evidence, leads(candidates, rules))


def _refused(candidates: Sequence[Scored], refused: Sequence[Scored], rules: Rules) -> Decision | None:
    """A question when the claim fits a promotion nobody may claim on at least as well as any other."""
    if not refused or refused[0].score < rules.accept_score * MICRO:
        return None
    first = refused[0]
    if candidates and candidates[0].score > first.score:
        return None
    why = f"it fits {first.promotion_key} ({_shown(first.score)}), which is {first.refusal}"
    if candidates:
        why += f", at least as well as {candidates[0].promotion_key} ({_shown(candidates[0].score)})"
        return _ask("refused", candidates[0], why)
    return Decision("refused", (), 0, 0, why)


def _doubt(best: Scored, reason: str | None, rules: Rules) -> Decision | None:
    """Why the best candidate is not enough, whatever the others are."""
    if best.score < rules.accept_score * MICRO:
        kind = "weak" if best.score >= rules.review_score * MICRO else "none"
        return _ask(kind, best, f"the best candidate scores {_shown(best.score)}, below {rules.accept_score}")
    if best.open_amount is None:
        return _ask("weak", best, "the planned amount of the best candidate is unknown or nothing")
    if best.product_fit == 0:
        return _ask("weak", best, f"its products are none of {best.promotion_key}'s")
    if _needs_lines(best, reason, rules) and not _has_lines(best, rules):
        why = (
            "the reason does not say what it is for"
            if reason in WEAK_REASONS
            else f"{best.promotion_key} is a sibling's promotion"
        )
        return _ask("weak", best, f"{why} and no product lines confirm the match")
    return None


def _needs_lines(candidate: Scored, reason: str | None, rules: Rules) -> bool:
    is_siblings = candidate.relation == "sibling" and rules.sibling_match == "ask"
    return reason in WEAK_REASONS or is_siblings


def _has_lines(candidate: Scored, rules: Rules) -> bool:
    return candidate.product_fit >= float(rules.weak_reason_product_fit)


def _rivals(best: Scored, candidates: Sequence[Scored], rules: Rules) -> list[Scored]:
    margin = rules.accept_lead * MICRO
    return [
        c
        for c in candidates[1:]
        if best.plain_score - c.plain_score < margin and (c.open_amount is None or c.open_amount > 0)
    ]


def _exact(claim: Decimal, others: Sequence[Scored], rules: Rules) -> Scored | None:
    """The best other candidate whose open amount is the claim's and that is not out of the question."""
    return next(
        (
            c
            for c in others
            if c.open_amount == claim and c.product_fit != 0 and c.plain_score >= rules.review_score * MICRO
        ),
        None,
    )


def plausible(candidates: Sequence[Scored], reason: str | None, rules: Rules) -> list[Scored]:
    """The candidates that fit whatever the amount: those a claim may be spread over, best first."""
    return [
        c
        for c in candidates
        if c.plain_score >= rules.accept_score * MICRO
        and c.open_amount is not None
        and c.product_fit != 0
        and (not _needs_lines(c, reason, rules) or _has_lines(c, rules))
    ]


def _several(
    claim: Decimal, reason: str | None, candidates: Sequence[Scored], rules: Rules, *, is_over: bool
) -> Decision | None:
    members = plausible(candidates, reason, rules)
    combined = _combination(claim, members, rules)
    if combined is not None and not is_over and candidates[0].promotion not in dict(combined.chosen):
        return None  # the best could take all of it alone
    if combined is None and is_over and rules.fill_by_score == "book":
        return _filled(claim, members, rules)
    return combined


def _combination(claim: Decimal, members: Sequence[Scored], rules: Rules) -> Decision | None:
    """The only combination of open amounts that sums to the claim, when it has at least two promotions."""
    amounts = [c.open_amount for c in members]
    found = exact_subsets(claim, amounts, size=rules.subset_size, among=rules.subset_candidates, limit=2)
    if len(found) != 1 or len(found[0]) < 2:
        return None
    chosen = [members[i] for i in found[0]]
    alone = [c for c in members if c not in chosen]
    if any(abs(claim - c.open_amount) <= rules.tolerance * c.open_amount for c in alone):
        return None
    why = f"the open amounts of {_names(chosen)} sum to it, and no others do"
    return _set("subset", [(c, c.open_amount) for c in chosen], MICRO, why, rules)


def _filled(claim: Decimal, members: Sequence[Scored], rules: Rules) -> Decision | None:
    """The claim spread over the plausible promotions in the order of their scores, the rest left over."""
    spread = split(claim, [c.open_amount for c in members])
    if len(spread.parts) < 2:
        return None
    chosen = [(members[i], amount) for i, amount in spread.parts]
    near = int((claim - spread.rest) * MICRO / claim)
    why = f"filled by score: {_names(c for c, _ in chosen)}, {spread.rest} left over"
    return _set("fill", chosen, near, why, rules)


def _set(kind: str, chosen: Sequence[tuple[Scored, Decimal]], near: int, why: str, rules: Rules) -> Decision:
    """Several promotions as one match: how near their sum is, the other parts those of the weakest member."""
    weight = int(rules.weight_amount * MICRO)
    score = min((c.plain_score * (c.evidence - weight) + near * weight) // c.evidence for c, _ in chosen)
    evidence = min(c.evidence for c, _ in chosen)
    return Decision(kind, tuple((c.promotion, amount) for c, amount in chosen), score, evidence, why)


def _ask(kind: str, best: Scored, why: str) -> Decision:
    return Decision(kind, (), best.score, best.evidence, why)


def _names(candidates: Iterable[Scored]) -> str:
    return ", ".join(c.promotion_key for c in candidates)


def _shown(millionths: int) -> str:
    return f"{millionths / MICRO:.2f}"
