"""A few promotions of every accrual method in the seeded company, and what each must have recognised by its date."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from include.sandbox.world_claims import Authorised
from include.sandbox.world_ledger import LAST_CLOSED
from include.sandbox.world_promotions import Promotion
from include.sandbox.world_shape import AS_OF, Table

#: How many promotions get each method, and the tactics it suits. Performance is known for scan- and bill-backs.
_EACH = 2
_TACTICS = {
    "spread": ("Display", "Feature", "TPR"),
    "on_shipment": ("Bill-Back",),
    "on_scan": ("Scan-Back",),
    "lump_sum_date": ("Fixed Fee", "Slotting"),
}


def methods(promotions: list[Promotion], authorised: Mapping[str, Authorised]) -> dict[str, str]:
    """Promotion key -> method, for the first ones it suits that stand on no stage; the others keep their default."""
    found: dict[str, str] = {}
    for method, tactics in _TACTICS.items():
        suited = [p for p in promotions if _suits(p, tactics, authorised[p.key])]
        # Those whose window still runs come first: their accrual still moves.
        suited.sort(key=lambda p: (p.window[1] < AS_OF, p.key))
        found.update((p.key, method) for p in suited[:_EACH])
    return found


def truth(
    promotions: list[Promotion], chosen: Mapping[str, str], authorised: Mapping[str, Authorised]
) -> Table:
    """One row per chosen promotion: what its method recognises by the company's date."""
    rows = [
        (p.key, chosen[p.key], _recognised(p, chosen[p.key], authorised[p.key]))
        for p in promotions
        if p.key in chosen
    ]
    return Table(("promotion_key", "accrual_method", "recognised_amount"), rows)


def _suits(promotion: Promotion, tactics: tuple[str, ...], authorised: Authorised) -> bool:
    known = authorised.basis == "earned" or promotion.method not in ("scan_back", "bill_back")
    return (
        promotion.tactic in tactics
        and not promotion.scenario
        and promotion.planned is not None
        and promotion.approved is not None
        # Later approvals are the ERP's: it refuses one of them by the day its plan is accrued.
        and promotion.approved <= LAST_CLOSED
        and promotion.status in ("Approved", "Live", "Closed")
        and promotion.window[0] <= AS_OF
        and known
    )


def _recognised(promotion: Promotion, method: str, authorised: Authorised) -> Decimal:
    if method in ("on_shipment", "on_scan"):
        return authorised.earned
    if method == "lump_sum_date":
        return promotion.planned
    first, last = promotion.window
    days, gone = (last - first).days + 1, (min(AS_OF, last) - first).days + 1
    return (promotion.planned * gone / days).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
