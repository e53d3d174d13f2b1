"""The ERP of the seeded company: its chart with internal ids, and a week it has closed although our calendar has not.

Our fiscal calendar is closed to the end of September; this ERP closes by the week and has closed one week of
October. An accrual dated in it is refused (golden G-36); which one that is, is the truth of this room.
"""

from __future__ import annotations

from datetime import date, timedelta

from include.sandbox.world_ledger import ACCOUNTS, ACCRUED, LAST_CLOSED
from include.sandbox.world_promotions import Promotion
from include.sandbox.world_shape import AS_OF, Table

RECEIVABLE = "1100"


def internal_ids(tenant: str) -> dict[str, str]:
    """Account code -> the ERP's internal id. The demo company's ERP numbers accounts as the chart does."""
    return {code: code if tenant == "demo" else str(211 + n) for n, (code, *_) in enumerate(ACCOUNTS)}


def chart(tenant: str) -> list[dict[str, str]]:
    """The accounts as the ERP knows them."""
    return [
        {"id": number, "acctnumber": code, "type": "AcctRec" if code == RECEIVABLE else "Other"}
        for code, number in internal_ids(tenant).items()
    ]


def accounting_periods(promotions: list[Promotion]) -> list[dict[str, str]]:
    """The periods the ERP has closed: the week of the first approval after our last closed period."""
    days = [day for _, day in _accruals(promotions)]
    if not days:
        return []
    start = min(days) - timedelta(days=min(days).isoweekday() % 7)
    return [
        {"periodname": f"Week {start + timedelta(days=1):%V of %G}", "startdate": start.isoformat(),
         "enddate": (start + timedelta(days=6)).isoformat()}
    ]  # fmt: skip


def refusals(promotions: list[Promotion]) -> Table:
    """The promotions whose accrual this ERP refuses, with its date."""
    closed = accounting_periods(promotions)
    rows = [
        (key, day)
        for key, day in _accruals(promotions)
        if any(p["startdate"] <= day.isoformat() <= p["enddate"] for p in closed)
    ]
    return Table(("promotion_key", "accrual_date"), rows)


def _accruals(promotions: list[Promotion]) -> list[tuple[str, date]]:
    """Accruals we post ourselves: those approved since the books were taken over."""
    return [
        (p.key, p.approved)
        for p in promotions
        if p.status in ACCRUED and p.planned and p.method != "off_invoice"
        and p.approved is not None and LAST_CLOSED < p.approved <= AS_OF
    ]  # fmt: skip
