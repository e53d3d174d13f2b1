"""Everything else retailers deduct, and how all deductions arrive: with remittances that tie.

Shortages, damages, freight and fines refer to real invoices of the customer; some are repaid, some are taken
twice; a few carry a reason code nobody mapped, or the id of somebody else's promotion.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from include.money import allocate
from include.sandbox.world_claims import CENT, Claim
from include.sandbox.world_decidable import Rivals
from include.sandbox.world_master import Catalogue, Network
from include.sandbox.world_promotions import Promotion
from include.sandbox.world_sales import InvoiceLine
from include.sandbox.world_shape import AS_OF, Table, WorldSize, cents, deck, to_cents

#: normalised reason -> share, usual size, what the retailer writes. None: a code without a mapping.
NON_TRADE = {
    "SHORTAGE": (0.32, 280, "Carton shortage, signed short"),
    "FREIGHT": (0.12, 190, "Freight allowance not invoiced"),
    "DAMAGE": (0.12, 240, "Concealed damage"),
    "COMPLIANCE": (0.16, 150, "Late delivery, OTIF fine"),
    "SPOILS": (0.10, 130, "Unsaleables"),
    "TAX": (0.04, 90, "Tax difference"),
    "PRICING": (0.07, 110, "Price difference PO to invoice"),
    "OTHER": (0.03, 60, "Miscellaneous"),
    "UNMAPPED": (0.04, 85, "See attachment"),
}
#: How a banner writes its codes: reason -> code. Same code, other meaning at another banner.
CODES = (
    {"PROMO": "12", "SHORTAGE": "5", "FREIGHT": "20", "DAMAGE": "28", "COMPLIANCE": "99", "SPOILS": "31",
     "TAX": "40", "PRICING": "11", "OTHER": "87"},
    {"PROMO": "5", "SHORTAGE": "12", "FREIGHT": "F1", "DAMAGE": "D1", "COMPLIANCE": "C4", "SPOILS": "U2",
     "TAX": "T1", "PRICING": "P1", "OTHER": "ZZ"},
    {"PROMO": "PRM", "SHORTAGE": "SHT", "FREIGHT": "FRT", "DAMAGE": "DMG", "COMPLIANCE": "OTIF", "SPOILS": "UNS",
     "TAX": "TAX", "PRICING": "PRC", "OTHER": "MISC"},
)  # fmt: skip
UNMAPPED_CODES = ("77", "X9", "0808", "NOREF")


def complete(
    rng: np.random.Generator,
    net: Network,
    cat: Catalogue,
    invoices: list[InvoiceLine],
    claims: list[Claim],
    promotions: list[Promotion],
    size: WorldSize,
    rivals: Rivals,
) -> list[Claim]:
    """`claims` and everything else retailers deduct, `size.deductions` in all."""
    later = max(8, size.deductions // 16)
    plain = non_trade(rng, net, cat, invoices, max(0, size.deductions - len(claims) - later), rivals)
    after = aftermath(rng, claims + plain, promotions, later, rivals)
    missing = size.deductions - len(claims) - len(plain) - len(after)
    more = non_trade(rng, net, cat, invoices, missing, rivals) if missing > 0 else []
    return claims + plain + (after[:missing] if missing < 0 else after) + more


def non_trade(
    rng: np.random.Generator,
    net: Network,
    cat: Catalogue,
    invoices: list[InvoiceLine],
    count: int,
    rivals: Rivals,
) -> list[Claim]:
    """`count` deductions that no promotion explains, none of an amount that a promotion could explain."""
    by_invoice: dict[str, list[InvoiceLine]] = {}
    for line in invoices:
        if date(2025, 9, 20) <= line.day <= AS_OF - timedelta(days=38):
            by_invoice.setdefault(line.invoice_key, []).append(line)
    keys = list(by_invoice)
    reasons = deck(rng, {k: v[0] for k, v in NON_TRADE.items()}, count)
    claims = []
    for reason, at in zip(
        reasons, rng.permutation(len(keys)).tolist() * (1 + count // len(keys)), strict=False
    ):
        lines = by_invoice[keys[at]]
        ship_to = net.ship_tos[lines[0].ship_to]
        _, usual, text = NON_TRADE[reason]
        customer = ship_to if rng.random() < 0.6 else net.payer_key(ship_to)
        claim = Claim(
            customer=customer, amount=cents(to_cents(usual * float(rng.lognormal(0, 0.7)))),
            day=lines[0].day + timedelta(days=int(rng.integers(28, 37))),
            kind="unmapped_reason" if reason == "UNMAPPED" else f"non_trade_{reason.lower()}",
            reason=reason, description=text, invoice_ref=lines[0].invoice_key,
        )  # fmt: skip
        _unlike_a_promotion(rng, claim, rivals)
        if reason in ("SHORTAGE", "DAMAGE", "SPOILS") and rng.random() < 0.4:
            _product_lines(rng, claim, lines, cat)
        claims.append(claim)
    return claims


def _unlike_a_promotion(rng: np.random.Generator, claim: Claim, rivals: Rivals) -> None:
    for _ in range(60):
        if not rivals.confusable(claim):
            return
        claim.amount = cents(int(rng.integers(900, 60000)))
    claim.reason, claim.description = "SHORTAGE", NON_TRADE["SHORTAGE"][2]
    claim.kind = "non_trade_shortage" if claim.promotion_id is None else claim.kind


def _product_lines(rng: np.random.Generator, claim: Claim, lines: list[InvoiceLine], cat: Catalogue) -> None:
    picked = [lines[i] for i in sorted(rng.permutation(len(lines))[:2].tolist())]
    shares = allocate(claim.amount, [line.gross for line in picked])
    claim.lines = [
        (line.product, max(1, int(share * 100 / int(cat.list_price[line.product]))), share)
        for line, share in zip(picked, shares, strict=True)
    ]


def aftermath(
    rng: np.random.Generator,
    claims: list[Claim],
    promotions: list[Promotion],
    count: int,
    rivals: Rivals,
) -> list[Claim]:
    """Repayments, repeated deductions and wrong references that follow earlier claims; about `count` of them."""
    latest = AS_OF - timedelta(days=30)
    repaid = [c for c in claims if c.kind.startswith("non_trade") and c.day < latest]
    promo = [c for c in claims if c.kind in ("promo_exact", "promo_short") and c.day < latest]
    found = []
    for i in rng.permutation(len(repaid))[: count // 2].tolist():
        origin = repaid[i]
        whole = rng.random() < 0.7
        back = origin.amount if whole else (origin.amount * Decimal("0.6")).quantize(CENT)
        found.append(_follow(rng, origin, "reversal", -back, f"Repayment of {origin.description.lower()}"))
        if whole and len(found) % 6 == 0:
            found.append(_follow(rng, origin, "duplicate", origin.amount, origin.description, 24, 29))
    for i in rng.permutation(len(promo))[: max(2, count // 8)].tolist():
        found.append(_follow(rng, promo[i], "duplicate", promo[i].amount, promo[i].description))
    others = [c for c in repaid if c.amount > 100]
    for i in rng.permutation(len(others))[: count // 4].tolist():
        found.append(_follow(rng, others[i], "duplicate", others[i].amount, others[i].description))
    strangers = _wrong_references(rng, claims, promotions)
    for claim in strangers:
        _unlike_a_promotion(rng, claim, rivals)
    return found + strangers


def _follow(rng, origin: Claim, kind: str, amount: Decimal, text: str, low: int = 7, high: int = 22) -> Claim:
    lines = list(origin.lines) if kind == "duplicate" else []
    return replace(
        origin, kind=kind, amount=amount, day=origin.day + timedelta(days=int(rng.integers(low, high))),
        description=text, lines=lines, parts=[], link=origin, scenario="", key="", remittance=-1,
    )  # fmt: skip


def _wrong_references(
    rng: np.random.Generator, claims: list[Claim], promotions: list[Promotion]
) -> list[Claim]:
    """Claims that name a promotion of another retailer, or one that does not exist."""
    named = [p for p in promotions if p.promotion_id and p.status == "Closed" and not p.scenario]
    hosts = [c for c in claims if c.kind == "non_trade_shortage"][:400]
    found = []
    for p in named[: max(2, len(named) // 20)]:
        stranger = next((c for c in hosts if not c.customer.startswith(p.customer[:3])), None)
        if stranger is not None:
            hosts.remove(stranger)
            day = min(p.window[1] + timedelta(days=15), AS_OF - timedelta(days=3))
            found.append(replace(stranger, kind="wrong_reference", reason="PROMO", day=day, invoice_ref=None, lines=[],
                                 amount=cents(int(rng.integers(15000, 30000))), description="Promotional allowance",
                                 promotion_id=p.promotion_id, candidates=(p.key,)))  # fmt: skip
    return found


@dataclass
class Remittance:
    """A payment of one payer on one day: gross invoices, less deductions (cents until written)."""

    payer: str
    day: date
    gross: int
    key: str = ""
    deducted: int = 0
    misstated: int = 0


def remit(net: Network, invoices: list[InvoiceLine]) -> list[Remittance]:
    """What each payer pays each Thursday: its invoices that fell due since the last one, by day and payer."""
    due: dict[tuple[date, str], int] = {}
    for line in invoices:
        payer = net.payer_key(net.ship_tos[line.ship_to])
        terms = 45 if payer == "D01" else 30
        day = line.day + timedelta(days=terms)
        day += timedelta(days=(3 - day.weekday()) % 7)
        if day <= AS_OF:
            due[day, payer] = due.get((day, payer), 0) + line.net
    found = [Remittance(payer, day, gross) for (day, payer), gross in sorted(due.items())]
    for number, remittance in enumerate(found, start=1):
        remittance.key = f"REM-{number:05d}"
    return found


def post(
    rng: np.random.Generator, net: Network, claims: list[Claim], remittances: list[Remittance]
) -> list[Claim]:
    """Put every claim on the next remittance of its payer that can bear it, and number them by date.

    A few remittances are then misstated, as real ones are: their total is not the sum of their deductions.
    """
    by_payer: dict[str, list[int]] = {}
    for i, remittance in enumerate(remittances):
        by_payer.setdefault(remittance.payer, []).append(i)
    for claim in sorted(claims, key=lambda c: (c.day, c.customer, c.amount, c.kind)):
        queue = by_payer[net.payer_key(claim.customer)]
        days = [remittances[i].day for i in queue]
        start = min(bisect_left(days, claim.day), len(queue) - 1)
        if claim.link is not None:
            start = min(max(start, queue.index(claim.link.remittance) + 1), len(queue) - 1)
        size = int(claim.amount * 100)
        bearing = (i for i in queue[start:] if remittances[i].deducted + size <= 0.9 * remittances[i].gross)
        claim.remittance = next(bearing, queue[start])
        remittances[claim.remittance].deducted += size
        claim.day = remittances[claim.remittance].day
    used = sorted({c.remittance for c in claims})
    for i in rng.permutation(len(used))[:3].tolist():
        remittances[used[i]].misstated = int(rng.integers(500, 9000))
    ordered = sorted(
        claims, key=lambda c: (c.day, c.remittance, c.customer, c.link is not None, c.amount, c.kind)
    )
    for number, claim in enumerate(ordered, start=1):
        claim.key = f"DED-{number:06d}"
    for claim in ordered:
        claim.check_ref = claim.link.check_ref if claim.kind == "duplicate" else f"DM{claim.key[4:]}"
    return ordered


def remittance_rows(remittances: list[Remittance]) -> Table:
    """The remittances contract; net is what was paid, so a misstated total does not tie to its deductions."""
    rows = []
    for r in remittances:
        total = r.deducted + r.misstated
        rows.append((r.key, r.payer, r.day, cents(r.gross), cents(r.gross - total), cents(total)))
    columns = (
        "remittance_key",
        "customer_key",
        "received_date",
        "gross_amount",
        "net_amount",
        "total_deductions",
    )
    return Table(columns, rows)


def codes_of(net: Network, customer: str) -> dict[str, str]:
    """The reason codes the customer's retailer writes."""
    root = customer.split("-")[0]
    return CODES[net.banners.index(root) % len(CODES)] if root in net.banners else CODES[2]


def reason_code_rows(net: Network) -> Table:
    """Codes of every customer that deducts, and one rule for all customers."""
    rows: list[tuple] = [(None, "TAXDIF", "TAX")]
    for customer in (*net.banners, *net.payers, *net.ship_tos):
        rows += [(customer, code, reason) for reason, code in codes_of(net, customer).items()]
    return Table(("customer_key", "reason_code_erp", "reason_code_normalized"), rows)


def written_code(rng: np.random.Generator, net: Network, claim: Claim) -> str:
    """The code as it stands on the remittance: unmapped ones as they come, numbers with stray zeros in front."""
    if claim.reason == "UNMAPPED":
        return UNMAPPED_CODES[int(rng.integers(len(UNMAPPED_CODES)))]
    code = codes_of(net, claim.customer)[claim.reason]
    return code.zfill(int(rng.choice([1, 2, 3, 4]))) if code.isdigit() else code


def deduction_rows(
    rng: np.random.Generator, net: Network, cat: Catalogue, claims: list[Claim], remittances, currency: str
):
    """The deductions and deduction_lines contracts."""
    rows, lines = [], []
    for c in claims:
        document = rng.random() < 0.3
        rows.append((
            c.key, c.customer, c.amount, currency, c.day, c.invoice_ref, c.order_ref, c.check_ref,
            remittances[c.remittance].key, written_code(rng, net, c), c.description, c.promotion_id, "1150",
            c.day + timedelta(days=90) if c.amount > 0 else None,
            f"https://documents.sandbox.test/backup/{c.key}.pdf" if document else None,
            c.link.key if c.kind == "reversal" else None,
        ))  # fmt: skip
        lines += [
            (c.key, n, cat.keys[p], units, amount) for n, (p, units, amount) in enumerate(c.lines, start=1)
        ]
    columns = (
        "deduction_key", "customer_key", "amount", "currency", "posting_date", "invoice_ref", "order_ref", "check_ref",
        "remittance_key", "reason_code_erp", "description", "promotion_id", "gl_account_code", "dispute_deadline",
        "backup_doc_url", "reversal_of",
    )  # fmt: skip
    return (
        Table(columns, rows),
        Table(("deduction_key", "line_number", "product_key", "units", "amount"), lines),
    )
