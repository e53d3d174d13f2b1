"""Why the winner won and the runner-up lost, in words: the parts that decided between two candidates."""

from __future__ import annotations

from collections.abc import Sequence

from include.reconcile.rules import Rules
from include.reconcile.score import MICRO, PARTS
from include.reconcile.weighed import Scored

#: A part that moves the score by less is not what decided.
_TELLING = 0.005
_PARTS_NAMED = 3


def leads(candidates: Sequence[Scored], rules: Rules) -> str:
    """Why the first of `candidates` (best first) is first: 'leads P2 by 0.38: customer 1.0 vs 0.4'."""
    if len(candidates) == 1:
        return "is the only candidate"
    return compared(candidates[0], candidates[1], rules)


def compared(one: Scored, other: Scored, rules: Rules) -> str:
    """How `one` stands to `other` and which parts of the score make the difference, the weightiest first."""
    distance = one.score - other.score
    parts = _telling(one, other, rules)
    because = f": {', '.join(parts)}" if parts else ", nothing tells them apart"
    if distance == 0:
        return f"is level with {other.promotion_key}{because}"
    verb = "leads" if distance > 0 else "trails"
    return f"{verb} {other.promotion_key} by {_short(abs(distance) / MICRO)}{because}"


def _telling(one: Scored, other: Scored, rules: Rules) -> list[str]:
    effects = []
    for name, weight, fit, beside in zip(PARTS, rules.float_weights, one.fits, other.fits, strict=True):
        effect = _share(weight, fit, one) - _share(weight, beside, other)
        if abs(effect) >= _TELLING and _said(fit) != _said(beside):
            effects.append((-abs(effect), f"{name} {_said(fit)} vs {_said(beside)}"))
    return [text for _, text in sorted(effects)[:_PARTS_NAMED]]


def _share(weight: float, fit: float, candidate: Scored) -> float:
    """What a part adds to the score; a part that is missing adds nothing."""
    return weight * fit * MICRO / candidate.evidence if fit == fit and candidate.evidence else 0.0


def _said(fit: float) -> str:
    return "unknown" if fit != fit else _short(fit)


def _short(value: float) -> str:
    """Two places, the last dropped when it is nothing."""
    text = f"{value:.2f}"
    return text[:-1] if text.endswith("0") else text
