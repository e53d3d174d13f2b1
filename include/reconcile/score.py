"""How well a promotion fits a claim: weighted parts, rescaled over what is known (golden G-30).

score = sum(weight x fit) / sum(weight of the parts present), evidence = sum(weight of the parts present).
Both are rounded to six places before any comparison, so that a threshold means the same in the engine, in
the database and on paper.
"""

from __future__ import annotations

from decimal import Decimal
from math import floor

import numpy as np

from include.reconcile.rules import Rules

#: Six places; the nudge sends exact halves up although binary fractions may sit a hair below them.
MICRO = 1_000_000
_UP = 0.5 + 1e-6
#: The order of the additions: the amount last, so that a score with and without it begin alike.
_ADDED = (0, 1, 3, 4, 2)
PARTS = ("customer", "date", "amount", "tactic", "product")


def amount_fit(claim: np.ndarray | int, open_amount: np.ndarray) -> np.ndarray:
    """max(0, 1 - |claim - open| / max(claim, open)) for positive claims; int64 ten-thousandths in."""
    larger = np.maximum(claim, open_amount)
    return np.maximum(0.0, 1.0 - np.abs(claim - open_amount) / np.maximum(larger, 1))


def amount_fit_one(claim: int, open_amount: int) -> float:
    """`amount_fit` of one candidate."""
    return max(0.0, 1.0 - abs(claim - open_amount) / max(claim, open_amount, 1))


def score(rules: Rules, *fits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(score, evidence) in millionths (int64) from the five fits in the order of PARTS; NaN = part missing."""
    total = np.zeros(np.shape(fits[0]))
    evidence = np.zeros(np.shape(fits[0]))
    for part in _ADDED:
        weight, fit = rules.float_weights[part], fits[part]
        known = ~np.isnan(fit)
        total += np.where(known, weight * fit, 0.0)
        evidence += np.where(known, weight, 0.0)
    ratio = np.divide(total, evidence, out=np.zeros_like(total), where=evidence > 0)
    return _millionths(ratio), _millionths(evidence)


def score_one(
    weights: tuple[float, ...], customer: float, date: float, amount: float, tactic: float, product: float
) -> tuple[int, int, int]:
    """(score, evidence, score without the amount) of one candidate; quicker than `score` for the few of one claim."""
    total = weights[0] * customer
    evidence = weights[0]
    if date == date:
        total += weights[1] * date
        evidence += weights[1]
    if tactic == tactic:
        total += weights[3] * tactic
        evidence += weights[3]
    if product == product:
        total += weights[4] * product
        evidence += weights[4]
    plain = floor(total / evidence * MICRO + _UP) if evidence else 0
    if amount == amount:
        total += weights[2] * amount
        evidence += weights[2]
    return (floor(total / evidence * MICRO + _UP) if evidence else 0), floor(evidence * MICRO + _UP), plain


def overlap(claim_products: frozenset[str], promotion_products: frozenset[str]) -> float:
    """Jaccard index of two sets of products; NaN when either is unknown."""
    if not claim_products or not promotion_products:
        return float("nan")
    return len(claim_products & promotion_products) / len(claim_products | promotion_products)


def as_decimal(millionths: int) -> Decimal:
    """A score or evidence as a Decimal with six places."""
    return Decimal(int(millionths)).scaleb(-6)


def _millionths(values: np.ndarray) -> np.ndarray:
    return np.floor(values * MICRO + _UP).astype(np.int64)
