"""Matching and settlement, slow and obvious: every claim against every promotion, exact fractions.

Covers candidates, score, decision with its guards (refused promotions, siblings, money taken before approval, promotions held back),
splits and the cumulative tolerance, for positive deductions without duplicates, repayments and closed periods. Written from semantics 5b, not from the engine;
the engine must agree with it on every claim.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from itertools import combinations
from math import floor

WEIGHTS = {"customer": 25, "date": 20, "amount": 25, "tactic": 15, "product": 15}
NON_TRADE = {"SHORTAGE", "PRICING", "TAX", "SPOILS", "DAMAGE", "COMPLIANCE", "FREIGHT"}


@dataclass
class Verdict:
    outcome: str
    settled: dict[str, object] = field(default_factory=dict)
    disputed: object = 0
    score: float | None = None


def ancestors(customer, parents):
    chain = []
    above = parents.get(customer)
    while above is not None:
        chain.append(above)
        above = parents.get(above)
    return chain


def customer_fit(promotion, claim, parents):
    if promotion == claim:
        return Fraction(1)
    if promotion in ancestors(claim, parents):
        return Fraction(9, 10)
    if claim in ancestors(promotion, parents):
        return Fraction(8, 10)
    if parents.get(claim) is not None and parents.get(claim) == parents.get(promotion):
        return Fraction(4, 10)
    return None


def may_be_claimed(promotion):
    stated = promotion.window_start <= promotion.window_end
    return promotion.status in {"Approved", "Live", "Closed"} and not promotion.is_off_invoice and stated


def date_fit(promotion, day):
    if promotion.window_start > promotion.window_end:
        return "unknown"
    if day < promotion.window_start:
        early = (promotion.window_start - day).days
        return None if early > 7 else 1 - Fraction(early, 7)
    if day > promotion.window_end:
        late = (day - promotion.window_end).days
        return None if late > 90 else 1 - Fraction(late, 90)
    return Fraction(1)


def millionths(value):
    return floor(value * 1_000_000 + Fraction(1, 2) + Fraction(1, 1_000_000))


def weighed(parts):
    present = {name: fit for name, fit in parts.items() if fit is not None}
    weight = sum(WEIGHTS[name] for name in present)
    return millionths(Fraction(sum(WEIGHTS[name] * fit for name, fit in present.items())) / weight), weight


def candidate_parts(promotion, claim, parents, settled):
    if promotion.currency != claim.currency:
        return None
    customer = customer_fit(promotion.customer_key, claim.customer_key, parents)
    date = date_fit(promotion, claim.posting_date)
    if customer is None or date is None:
        return None
    date = None if date == "unknown" else date
    tactic = {"PROMO": Fraction(1), "OTHER": Fraction(1, 2), None: None}[claim.reason_code_normalized]
    open_amount = open_of(promotion, settled)
    amount = None
    if open_amount is not None:
        larger = max(claim.amount, open_amount)
        amount = max(Fraction(0), 1 - Fraction(abs(claim.amount - open_amount)) / Fraction(larger))
    product = None
    if claim.product_keys and promotion.product_keys:
        both = claim.product_keys & promotion.product_keys
        product = Fraction(len(both), len(claim.product_keys | promotion.product_keys))
    return {"customer": customer, "date": date, "amount": amount, "tactic": tactic, "product": product}


def authorised_of(promotion):
    if promotion.earned_amount is not None:
        return promotion.earned_amount
    planned = promotion.planned_amount
    return planned if planned is not None and planned > 0 else None


def open_of(promotion, settled):
    authorised = authorised_of(promotion)
    return (
        None
        if authorised is None
        else max(authorised * 0, authorised - settled.get(promotion.promotion_key, 0))
    )


def pay(claim, promotion, amount, settled, verdict):
    """The cumulative tolerance rule for one promotion."""
    authorised = authorised_of(promotion)
    before = settled.get(promotion.promotion_key, 0)
    if Fraction(before + amount) <= Fraction(authorised) * Fraction(102, 100):
        taken = amount
        if before + amount > authorised and verdict.outcome == "SETTLED":
            verdict.outcome = "SETTLED_WITHIN_TOLERANCE"
    else:
        taken = min(amount, max(authorised * 0, authorised - before))
    if taken:
        verdict.settled[promotion.promotion_key] = taken
        settled[promotion.promotion_key] = before + taken
    verdict.disputed += amount - taken


def judge(claim, promotions, parents, settled, held=frozenset()):
    """The verdict on one claim; `settled` per promotion moves with it."""
    if claim.promotion_id is not None:
        same_id = [p for p in promotions if p.promotion_id == claim.promotion_id]
        named = same_id[0] if len(same_id) == 1 else None
        fit = named and customer_fit(named.customer_key, claim.customer_key, parents)
        fits = fit is not None and fit and fit > Fraction(4, 10) and named.currency == claim.currency
        allowed = fits and named.status in {"Approved", "Live", "Closed"} and not named.is_off_invoice
        if not allowed or claim.reason_code_normalized in NON_TRADE or authorised_of(named) is None:
            return Verdict("NEEDS_REVIEW")
        if named.has_window and (named.window_start - claim.posting_date).days > 7:
            return Verdict("NEEDS_REVIEW")
        return settle_unless_held(claim, [(named, claim.amount)], settled, 1.0, held)
    if claim.reason_code_normalized in NON_TRADE:
        return Verdict("NON_TRADE")
    rows, refused = [], []
    for promotion in promotions:
        parts = candidate_parts(promotion, claim, parents, settled)
        if parts is not None:
            value, weight = weighed(parts)
            (rows if may_be_claimed(promotion) else refused).append(
                (
                    -value,
                    promotion.promotion_key,
                    promotion,
                    parts,
                    weight,
                    weighed(parts | {"amount": None})[0],
                )
            )
    rows.sort(key=lambda row: row[:2])
    best_refused = max((-row[0] for row in refused), default=0)
    if best_refused >= 800_000 and best_refused >= max((-row[0] for row in rows), default=0):
        return Verdict("NEEDS_REVIEW", score=-rows[0][0] / 1_000_000 if rows else None)
    return choose(claim, rows, settled, held)


def choose(claim, rows, settled, held):
    if not rows:
        return Verdict("UNMATCHED")
    value, best, parts, plain = -rows[0][0], rows[0][2], rows[0][3], rows[0][5]
    shown = value / 1_000_000
    if value < 800_000:
        return Verdict("NEEDS_REVIEW" if value >= 500_000 else "UNMATCHED", score=shown)
    if parts["amount"] is None:
        return Verdict("NEEDS_REVIEW", score=shown)
    if parts["product"] == 0 or not is_confirmed(claim, parts):
        return Verdict("NEEDS_REVIEW", score=shown)
    lead = value + rows[1][0] if len(rows) > 1 else 1_000_000
    before = settled.get(best.promotion_key, 0)
    over = Fraction(before + claim.amount) > Fraction(authorised_of(best)) * Fraction(102, 100)
    if over or lead < 100_000:
        sums = []
        members = [
            r
            for r in rows
            if r[5] >= 800_000
            and r[3]["amount"] is not None
            and r[3]["product"] != 0
            and is_confirmed(claim, r[3])
        ]
        first = members[:12]
        for size in (1, 2, 3, 4):
            for group in combinations(first, size):
                opens = [open_of(r[2], settled) for r in group]
                if all(opens) and sum(opens) == claim.amount:
                    sums.append([(r[2], o) for r, o in zip(group, opens, strict=True)])
        if len(sums) == 1 and len(sums[0]) > 1:
            group = [p.promotion_key for p, _ in sums[0]]
            alone = [
                r
                for r in members
                if r[1] not in group
                and Fraction(abs(claim.amount - open_of(r[2], settled)))
                <= Fraction(2, 100) * Fraction(open_of(r[2], settled))
            ]
            if not alone and (over or best.promotion_key in group):
                return settle_in_time(claim, sums[0], settled, None, held)
    if lead < 100_000:
        return Verdict("AMBIGUOUS", score=shown)
    rivals = [r for r in rows[1:] if plain - r[5] < 100_000 and open_of(r[2], settled) != 0]
    open_amount = open_of(best, settled)
    if rivals and Fraction(abs(claim.amount - open_amount)) > Fraction(5, 1000) * Fraction(open_amount):
        return Verdict("AMBIGUOUS", score=shown)
    for row in rows[1:]:
        is_possible = row[3]["product"] != 0 and row[5] >= 500_000
        if is_possible and open_of(row[2], settled) == claim.amount != open_amount:
            return Verdict("AMBIGUOUS", score=shown)
    return settle_in_time(claim, [(best, claim.amount)], settled, shown, held)


def is_confirmed(claim, parts):
    """A claim without a telling reason and a sibling's promotion need product lines that overlap by half."""
    needs_lines = claim.reason_code_normalized in {None, "OTHER"} or parts["customer"] == Fraction(4, 10)
    return not needs_lines or (parts["product"] is not None and parts["product"] >= Fraction(1, 2))


def settle_in_time(claim, chosen, settled, score, held):
    """Money taken before its promotion was approved is a question."""
    if any(p.approved_date is not None and claim.posting_date < p.approved_date for p, _ in chosen):
        return Verdict("NEEDS_REVIEW", score=score)
    return settle_unless_held(claim, chosen, settled, score, held)


def settle_unless_held(claim, chosen, settled, score, held):
    """A promotion whose source made a move that is not allowed pays nothing by itself."""
    if any(p.promotion_key in held for p, _ in chosen):
        return Verdict("NEEDS_REVIEW", score=score)
    return settle(claim, chosen, settled, score)


def settle(claim, chosen, settled, score):
    verdict = Verdict("SETTLED", score=score)
    for promotion, amount in chosen:
        pay(claim, promotion, amount, settled, verdict)
    if verdict.disputed:
        verdict.outcome = "SETTLED_EXCESS_DISPUTED" if verdict.settled else "DISPUTED"
    return verdict


def verdicts(promotions, deductions, parents, held=frozenset()):
    """Verdict per deduction key, in the order of (posting_date, deduction_key); `held` are promotions by key."""
    settled: dict[str, object] = {}
    ordered = sorted(deductions, key=lambda d: (d.posting_date, d.deduction_key))
    return {d.deduction_key: judge(d, promotions, parents, settled, held) for d in ordered}


def recognised(method, promotion, performed, day, granularity):
    """The amount `method` recognises by `day`, in whole cents as a Fraction, halves up."""
    days = []
    at = promotion.window_start
    while at <= promotion.window_end:
        days.append(at)
        at += timedelta(days=1)
    plan = Fraction(promotion.planned_amount or 0)
    earned = promotion.earned_amount if plan else None
    if method == "full_on_approval":
        return plan if earned is None else max(Fraction(0), Fraction(earned))
    if method == "spread":
        gone = [at for at in days if at <= day]
        if earned is not None:
            return max(Fraction(0), Fraction(earned))
        return plan if gone == days else cents(plan * len(gone) / len(days))
    if method == "lump_sum_date":
        if day < days[0]:
            return Fraction(0)
        if granularity == "total":
            return plan
        weeks = [days[start : start + 7] for start in range(0, len(days), 7)]
        return sum(
            (
                share
                for share, week in zip(by_largest_remainder(plan, weeks), weeks, strict=True)
                if week[0] <= day
            ),
            Fraction(0),
        )
    source = {"on_shipment": "shipped", "on_scan": "scanned"}[method]
    rows = [p for p in performed if p.source == source and p.performed_on <= day]
    counted = {id(p): p.tempered_amount if source == "shipped" else p.amount for p in rows}
    if granularity == "period":
        return max(Fraction(0), cents(sum(Fraction(amount) for amount in counted.values())))
    rates = []
    for start in range(0, len(days), 7):
        week = [p for p in rows if p.performed_on in days[start : start + 7]]
        moved = sum(Fraction(p.units) for p in week)
        if moved:
            rates.append(sum(Fraction(p.amount) for p in week) / moved)
    whole = sum(Fraction(abs(p.amount)) for p in rows)
    share = sum(Fraction(abs(amount)) for amount in counted.values()) / whole if whole else Fraction(1)
    if not rates:
        return max(Fraction(0), cents(sum(Fraction(amount) for amount in counted.values())))
    units = sum(Fraction(p.units) for p in rows)
    return max(Fraction(0), cents(sum(rates) / len(rates) * units * share))


def by_largest_remainder(plan, weeks):
    """The plan's whole cents by the days of each week; cents left over go to the largest remainders, earlier first."""
    whole = floor(plan * 100)
    total = sum(len(week) for week in weeks)
    exact = [Fraction(whole * len(week), total) for week in weeks]
    shares = [floor(part) for part in exact]
    order = sorted(range(len(weeks)), key=lambda i: (shares[i] - exact[i], i))
    for i in order[: whole - sum(shares)]:
        shares[i] += 1
    found = [Fraction(share, 100) for share in shares]
    found[0] += plan - Fraction(whole, 100)
    return found


def cents(amount):
    return Fraction(floor(amount * 100 + Fraction(1, 2)), 100)
