"""A company whose journals were sent to an ERP, without an ERP: the outbox's answers written by hand."""

from __future__ import annotations

from datetime import date

from include.flows.acknowledge import Summary, acknowledge
from include.flows.reconcile import reconcile
from include.settings import TenantSettings
from include.warehouse.session import Warehouse
from tests.trade_cases import AS_OF, PARENTS, deduction, guid, payment, promotion
from tests.trade_marts import fill

SETTINGS = TenantSettings()
CLOSED = "USER_ERROR: the period of 2026-10-08 is closed."


def company(wh: Warehouse) -> None:
    """P1 settles D1 and disputes the rest, P2 has no claim, P3 is closed and releases; S1 is a fee the ERP paid."""
    fill(
        wh,
        "alpha",
        parents=PARENTS,
        promotions=[
            promotion("P1", "10000"),
            promotion("P2", "4000", approved_date=date(2026, 10, 8), window_start=date(2026, 11, 1)),
            promotion("P3", "5000", customer_key="rival", status="Closed", closed_date=date(2026, 10, 20)),
            promotion(
                "S1",
                "20000",
                tactic_type="Slotting",
                settlement_method="fixed_fee",
                gl_account_code="5510",
            ),
        ],
        deductions=[deduction("D1", "12000", promotion_id=guid("P1"))],
        payments=[payment("V1", "20000", promotion_id=guid("S1"))],
        proofs={"S1": date(2026, 9, 25)},
    )
    reconcile(wh, "alpha", AS_OF, run_id="made", settings=SETTINGS)


def answer(wh: Warehouse, refused: dict[tuple[str, str], str] | None = None, generation: int = 1) -> None:
    """Every journal that was to be posted is confirmed, those of (event, promotion) in `refused` are not."""
    refused = refused or {}
    with wh.engine("alpha") as conn:
        for journal_id, event, key in conn.execute(
            "SELECT journal_id::text, event, promotion_key FROM finance.erp_postings WHERE route = 'post'"
        ).fetchall():
            message = refused.get((event, key))
            conn.execute(
                "INSERT INTO publish.ledger (tenant_id, idem_key, destination, object, business_key, generation,"
                " operation, content_sha256, payload, status, external_id, last_error, run_id) VALUES"
                " ('alpha', %s, 'netsuite', 'journal_entry', %s, %s, 'upsert', 'x', '{}', %s, %s, %s, 'sent')",
                (
                    f"{journal_id}|{generation}",
                    journal_id,
                    generation,
                    "rejected" if message else "confirmed",
                    None if message else "17",
                    message,
                ),
            )


def work(wh: Warehouse, run_id: str = "run-1", as_of: date = AS_OF, batch: int = 500) -> Summary:
    """One acknowledgement."""
    return acknowledge(wh, "alpha", as_of, run_id=run_id, settings=SETTINGS, batch=batch)


def rows(wh: Warehouse, query: str) -> list[tuple]:
    """Rows of the tenant."""
    with wh.engine("alpha") as conn:
        return conn.execute(query).fetchall()
