"""The true answers of the seeded company: what each deduction is, and what was planted where.

Nothing downstream reads these; tests score the pipeline with them.
"""

from __future__ import annotations

from include.sandbox.world_claims import Authorised, Claim
from include.sandbox.world_deductions import Remittance
from include.sandbox.world_funding import ideal_settlement
from include.sandbox.world_master import Catalogue, Network
from include.sandbox.world_promotions import Promotion
from include.sandbox.world_sales import FORWARD_BUY_MONTH
from include.sandbox.world_shape import Table


def trade_truth(
    claims: list[Claim],
    promotions: list[Promotion],
    authorised: dict[str, Authorised],
    remittances: list[Remittance],
    unbalanced: list[str],
    net: Network,
    cat: Catalogue,
) -> dict[str, Table]:
    """Truth tables by file stem: deductions (one row each), deduction_promotions (its parts), promotions
    (authorised basis and amount), remittances and journals planted not to tie, forward_buy episodes."""
    ideal = ideal_settlement(claims, authorised)
    deduction_rows, part_rows = [], []
    for c in claims:
        promotion = c.parts[0][0] if len(c.parts) == 1 else None
        settled = ideal.get(c.key)
        entitled = c.kind.startswith("promo_") and c.kind != "promo_no_plan"
        deduction_rows.append((
            c.key, c.kind, promotion.key if promotion else None, ";".join(c.candidates) or None,
            c.link.key if c.link is not None else None, c.amount, settled, c.amount - settled if settled is not None else None,
            c.promotion_id is not None, bool(promotion and promotion.closed and c.day > promotion.closed),
            entitled, c.scenario or None,
        ))  # fmt: skip
        part_rows += [(c.key, p.key, amount) for p, amount in c.parts]
    promotion_rows = [
        (p.key, p.planned, a.earned, a.basis, a.amount, p.window[0], p.window[1], p.scenario or None)
        for p in promotions
        for a in (authorised[p.key],)
    ]
    episode = [
        (net.banners[0], cat.keys[i], *FORWARD_BUY_MONTH)
        for i in range(len(cat.keys))
        if cat.category_of[i] == 0
    ]
    return {
        "deductions": Table(
            ("deduction_key", "true_class", "promotion_key", "candidate_promotion_keys", "linked_deduction_key", "amount",
             "ideal_settled_amount", "ideal_disputed_amount", "names_promotion_id", "is_after_closing", "may_settle",
             "scenario"),
            deduction_rows,
        ),
        "deduction_promotions": Table(("deduction_key", "promotion_key", "amount"), part_rows),
        "promotions": Table(
            ("promotion_key", "planned_amount", "earned_amount", "authorised_basis", "authorised_amount", "window_start",
             "window_end", "scenario"),
            promotion_rows,
        ),
        "planted_remittances": Table(
            ("remittance_key", "misstated_by"), [(r.key, r.misstated) for r in remittances if r.misstated]
        ),
        "planted_journals": Table(("journal_key",), [(key,) for key in unbalanced]),
        "forward_buy": Table(("customer_key", "product_key", "month_start", "month_end"), episode),
    }  # fmt: skip
