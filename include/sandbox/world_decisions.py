"""What the company's people decided by the end of October: applied, waiting for a second pair of eyes, refused.

Each decision is planted with the status it must get, on claims whose truth makes that certain whatever the seed.
A company that lacks such a claim goes without the decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from include.sandbox.world_shape import AS_OF, Table

COLUMNS = (
    "decision_key", "claim_kind", "claim_key", "action", "promotion_key", "amount", "reason", "decided_by",
    "decided_at", "approved_by", "approved_at",
)  # fmt: skip
ANALYST, CONTROLLER = "ana.lopez", "carl.weber"
#: Below what one person decides alone, above what one person writes off alone (the default rules).
_ALONE, _SMALL = Decimal(50_000), Decimal(1_000)
_NOON = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 12, tzinfo=UTC)
_MAY_BE_CLAIMED = ("Approved", "Live", "Closed")


def decisions(tables: dict[str, Table], truth: dict[str, Table]) -> tuple[Table, Table]:
    """The contract's rows, and the truth: decision_key and the status it gets (None: it waits for its date)."""
    rows, answers = [], []
    for number, (status, fields) in enumerate(_Company(tables, truth).told(), start=1):
        row = dict.fromkeys(COLUMNS) | {"claim_kind": "deduction", "decided_by": ANALYST} | fields
        row["decision_key"] = f"DEC-{number:03}"
        at = row["decided_at"] or _NOON - timedelta(days=4) + timedelta(minutes=number)
        row["decided_at"] = at.isoformat()
        if row["approved_by"]:
            row["approved_at"] = (at + timedelta(hours=2)).isoformat()
        rows.append(tuple(row[name] for name in COLUMNS))
        answers.append((row["decision_key"], row["claim_key"], row["action"], status))
    return Table(COLUMNS, rows), Table(("decision_key", "claim_key", "action", "status"), answers)


class _Company:
    """Picks the claims: each once, never one that was paid back."""

    def __init__(self, tables: dict[str, Table], truth: dict[str, Table]):
        self._repaid = set(tables["deductions"].column("reversal_of")) - {None}
        self._customer = {r["deduction_key"]: r["customer_key"] for r in tables["deductions"].records()}
        self._parent = {r["customer_key"]: r["parent_customer_key"] for r in tables["customers"].records()}
        self._promotions = {r["promotion_key"]: r for r in tables["promotions"].records()}
        self._authorised = {r["promotion_key"]: r["authorised_amount"] for r in truth["promotions"].records()}
        self._claims = list(truth["deductions"].records())
        self._used: set[str] = set()

    def told(self) -> Iterator[tuple[str | None, dict[str, object]]]:
        """(status, fields) of every decision."""
        yield from self._charge_back()
        yield from self._choice()
        if claim := self._pick("unmapped_reason"):
            yield "applied", _on(claim, "non_trade", "Their clerk says it was a shortage")
        yield from self._write_offs()
        if claim := self._pick("non_trade_damage"):
            yield "applied", _on(claim, "reopen", "The pallets arrived whole: not damage")
        if claim := self._pick("non_trade_shortage"):
            yield "refused", _on(claim, "recover", "Nothing was charged back yet")
            yield "refused", _on(claim, "not_duplicate", "Nobody had said it was")
        yield "refused", {"claim_key": "DED-999999", "action": "dispute", "reason": "A key nobody knows"}
        yield from self._stranger()
        if claim := self._pick("unmapped_reason"):
            later = {"decided_at": _NOON + timedelta(days=16)}
            yield None, _on(claim, "dispute", "Decided in November") | later

    def _charge_back(self) -> Iterator[tuple[str, dict[str, object]]]:
        if claim := self._pick("unmapped_reason", least=Decimal(20), most=_SMALL):
            half = (claim["amount"] / 2).quantize(Decimal("0.01"))
            yield "applied", _on(claim, "dispute", "No agreement covers it")
            yield "applied", _on(claim, "recover", "Their check came in") | {"amount": half}
            yield "applied", _on(claim, "write_off", "The rest is not worth a letter")

    def _choice(self) -> Iterator[tuple[str, dict[str, object]]]:
        for claim in self._claims:
            keys = (claim["candidate_promotion_keys"] or "").split(";")
            if claim["true_class"] != "ambiguous" or claim["amount"] > _ALONE or not self._is_free(claim):
                continue
            for key in keys:
                status = self._promotions[key]["status"]
                if status in _MAY_BE_CLAIMED and (self._authorised[key] or 0) >= claim["amount"]:
                    self._used.add(claim["deduction_key"])
                    yield "applied", _on(claim, "settle", "Their buyer named it") | {"promotion_key": key}
                    return

    def _write_offs(self) -> Iterator[tuple[str, dict[str, object]]]:
        bounds = {"least": _SMALL + 1, "most": _ALONE}
        if claim := self._pick("off_invoice_double_dip", **bounds):
            yield "applied", _on(claim, "dispute", "The discount was on the invoice already")
            yield "waiting_for_approval", _on(claim, "write_off", "A favour to their buyer")
        if claim := self._pick("cancelled_promotion", **bounds):
            herself = {"approved_by": "Ana.Lopez "}
            yield "waiting_for_approval", _on(claim, "write_off", "Told too late that it was off") | herself
        if claim := self._pick("cancelled_promotion", **bounds):
            yield "applied", _on(claim, "write_off", "Told too late") | {"approved_by": CONTROLLER}

    def _stranger(self) -> Iterator[tuple[str, dict[str, object]]]:
        """A promotion of another retailer is nobody's to settle to."""
        if claim := self._pick("unmapped_reason"):
            root = self._root(self._customer[claim["deduction_key"]])
            for key, promotion in self._promotions.items():
                if self._root(promotion["customer_key"]) != root:
                    yield "refused", _on(claim, "settle", "The wrong retailer's") | {"promotion_key": key}
                    return

    def _pick(
        self, kind: str, *, least: Decimal = Decimal(0), most: Decimal = _ALONE
    ) -> dict[str, object] | None:
        """The first free claim of a class with an amount in [least, most]."""
        for claim in self._claims:
            if claim["true_class"] == kind and least <= claim["amount"] <= most and self._is_free(claim):
                self._used.add(claim["deduction_key"])
                return claim
        return None

    def _is_free(self, claim: dict[str, object]) -> bool:
        return claim["deduction_key"] not in self._repaid | self._used

    def _root(self, customer: str) -> str:
        while (parent := self._parent[customer]) is not None:
            customer = parent
        return customer


def _on(claim: dict[str, object], action: str, reason: str) -> dict[str, object]:
    return {"claim_key": claim["deduction_key"], "action": action, "reason": reason}
