"""Funds, the promotion contracts as files hold them, and fixed fees paid through accounts payable with their proofs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np

from include.sandbox.world_claims import Claim
from include.sandbox.world_master import Catalogue, Network
from include.sandbox.world_promotions import Promotion
from include.sandbox.world_shape import AS_OF, Table, cents

Columns = tuple[str, ...]


def funds(promotions: list[Promotion], net: Network, currency: str) -> Table:
    """One fund per banner and year, with room for about a sixth more than its promotions plan."""
    planned: dict[str, Decimal] = {}
    for p in promotions:
        planned[p.fund] = planned.get(p.fund, Decimal(0)) + (p.planned or 0)
    rows = []
    for key in sorted(planned):
        _, banner, year = key.split("-")
        name = next(row[1] for row in net.customers.rows if row[0] == banner).removesuffix(" Corporate")
        budget = Decimal((int(planned[key] * Decimal("1.17")) // 5000 + 1) * 5000).quantize(Decimal("0.01"))
        rows.append((key, f"{name} trade fund {year}", budget, currency, date(int(year), 1, 1), date(int(year), 12, 31),
                     f"Key account {name}", 5))  # fmt: skip
    columns = (
        "fund_key",
        "name",
        "total_budget",
        "currency",
        "start_date",
        "end_date",
        "owner",
        "overdraw_pct",
    )
    return Table(columns, rows)


def promotion_rows(
    rng: np.random.Generator,
    promotions: list[Promotion],
    claims: list[Claim],
    currency: str,
    methods: Mapping[str, str],
) -> Table:
    """The promotions contract, with the accrual `methods` of those that have one of their own; now and then the currency is left to the tenant and the account to the tactic.

    Some promotions that no claim names have no id yet: it is derived downstream.
    """
    named = {claim.promotion_id for claim in claims} | {
        p.promotion_id for p in promotions if p.method == "fixed_fee"
    }
    rows = []
    for p in promotions:
        fee = p.tactic in ("Slotting", "Fixed Fee")
        account = ("5510" if fee else "5500") if rng.random() < 0.8 else None
        accrual = None if p.method == "off_invoice" else ("full_on_approval" if rng.random() < 0.5 else None)
        uplift = Decimal(round((p.lift - 1) * 100, 1)) if p.lift > 1 else None
        rows.append((
            p.key, None if p.promotion_id not in named and rng.random() < 0.3 else p.promotion_id, p.name, p.customer, p.fund, p.status, p.tactic, p.method, *p.sellin, *p.scan,
            uplift.quantize(Decimal("0.1")) if uplift is not None else None, p.planned, p.approved, p.closed, methods.get(p.key, accrual),
            None, account, currency if rng.random() < 0.93 else None,
        ))  # fmt: skip
    columns = (
        "promotion_key", "promotion_id", "name", "customer_key", "fund_key", "status", "tactic_type",
        "settlement_method", "sellin_start", "sellin_end", "scan_start", "scan_end", "forecast_uplift_pct",
        "total_planned_spend", "approved_date", "closed_date", "accrual_method", "funding_rate", "gl_account_code",
        "currency",
    )  # fmt: skip
    return Table(columns, rows)


def promotion_product_rows(promotions: list[Promotion], cat: Catalogue) -> Table:
    """Products on promotion; lump-sum tactics have no discount per unit."""
    rows = [(p.key, cat.keys[product], *figures) for p in promotions for product, *figures in p.lines]
    columns = (
        "promotion_key", "product_key", "discount_per_unit", "forecasted_base_units", "forecasted_uplift_units",
    )  # fmt: skip
    return Table(columns, rows)


def status_history(promotions: list[Promotion]) -> Table:
    """Every status a promotion passed through up to the as-of date, with its financial state."""
    rows = []
    for p in promotions:
        start = min(p.sellin[0], p.scan[0])
        drafted = min(start - timedelta(days=75), AS_OF - timedelta(days=4))
        steps = [(drafted, "Draft", "Draft")]
        if p.status != "Draft":
            asked = min(start - timedelta(days=60), AS_OF - timedelta(days=2))
            steps.append((asked, "Pending Approval", "Draft"))
        if p.status in ("Approved", "Live", "Closed", "Settled"):
            steps.append((p.approved or min(start, AS_OF), "Approved", "Approved"))
        if p.status in ("Live", "Closed", "Settled"):
            steps.append((min(max(start, steps[-1][0]), AS_OF), "Live", "Committed"))
        if p.status in ("Closed", "Settled"):
            steps.append((p.closed, "Closed", "Committed"))
        if p.status == "Settled":
            steps.append((p.closed, "Settled", "Settled"))
        if p.status == "Cancelled":
            steps.append((min((p.approved or steps[-1][0]) + timedelta(days=3), AS_OF), "Cancelled", "Draft"))
        for n, (day, status, lifecycle) in enumerate(steps):
            stamp = datetime.combine(day, time(9 + n)).isoformat() + "Z"
            rows.append((p.key, stamp, status, lifecycle))
    return Table(("promotion_key", "changed_at", "status", "lifecycle_status"), rows)


def fee_payments(
    rng: np.random.Generator, promotions: list[Promotion], net: Network, currency: str
) -> tuple[Table, Table, Table]:
    """Fees paid by check or ACH, proofs of performance, and the truth about each payment.

    Classes: fee_exact, fee_over, fee_proof_missing, not_a_fee (another account, no promotion).
    """
    payments: list[tuple] = []
    proofs: list[tuple] = []
    truth: list[tuple] = []

    def pay(customer, account, amount, day, promotion, kind):
        key = f"AP-{len(payments) + 1:05d}"
        named = promotion.promotion_id if promotion is not None and rng.random() < 0.5 else None
        method = ("check", "ach", "check", "wire")[int(rng.integers(4))]
        payments.append(
            (key, customer, account, amount, currency, day, method, f"CHK{70000 + len(payments)}", named)
        )
        truth.append((key, kind, promotion.key if promotion is not None else None))

    for p in promotions:
        if p.method != "fixed_fee" or p.status not in ("Approved", "Live", "Closed"):
            continue
        day = p.sellin[0] + timedelta(days=int(rng.integers(10, 40)))
        if day > AS_OF:
            continue
        proof = {"slotting_proof": True, "slotting_no_proof": False}.get(
            p.scenario, bool(rng.random() < 0.65)
        )
        over = not p.scenario and rng.random() < 0.15
        amount = (p.planned * Decimal("1.2")).quantize(Decimal("0.01")) if over else p.planned
        pay(
            p.customer,
            "5510",
            amount,
            day,
            p,
            "fee_over" if over else "fee_exact" if proof else "fee_proof_missing",
        )
        if proof:
            received = min(day + timedelta(days=int(rng.integers(3, 25))), AS_OF)
            proofs.append(
                (
                    f"POP-{len(proofs) + 1:04d}",
                    p.key,
                    f"https://documents.sandbox.test/proof/{p.key}.jpg",
                    received,
                )
            )
    for customer in net.banners:
        pay(customer, "6000", cents(int(rng.integers(20000, 90000))), date(2026, 5, 14), None, "not_a_fee")
    return (
        Table(("payment_key", "customer_key", "account_code", "amount", "currency", "payment_date", "method", "reference",
               "promotion_id"), payments),
        Table(("proof_key", "promotion_key", "document_url", "received_date"), proofs),
        Table(("payment_key", "true_class", "promotion_key"), truth),
    )  # fmt: skip


def ideal_settlement(
    claims: list[Claim], authorised: dict, tolerance: Decimal = Decimal("1.02")
) -> dict[str, Decimal]:
    """Claim key -> amount a matcher that knows every truth would settle, by the cumulative tolerance rule (G-33)."""
    before: dict[str, Decimal] = {}
    settled: dict[str, Decimal] = {}
    for claim in claims:
        for p, part in claim.parts:
            whole = authorised[p.key].amount
            if whole is None or claim.kind in ("cancelled_promotion", "off_invoice_double_dip"):
                continue
            so_far = before.get(p.key, Decimal(0))
            grant = part if so_far + part <= whole * tolerance else min(part, max(Decimal(0), whole - so_far))
            before[p.key] = so_far + grant
            settled[claim.key] = settled.get(claim.key, Decimal(0)) + grant
    return settled
