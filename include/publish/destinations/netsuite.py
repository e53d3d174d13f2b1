"""Journal entries in NetSuite, one per journal of ours, unique by external id = our journal id (class A).

A debit memo is a journal entry too: NetSuite's own records that charge a customer (invoice, customer deposit)
would post through an item's income account and not against deduction clearing. The custom body fields below say
which claim, promotion and event an entry is about; a saved search on them is the ERP's list of debit memos.

What is there already with the same amounts is confirmed without writing: an entry whose answer was lost stays
right although its period has been closed since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from include.publish.destinations import Outcome
from include.publish.erp import in_cents
from include.publish.exports import Export
from include.publish.items import Item
from include.publish.netsuite import NetSuiteClient, Refusal, literal

CLAIM_FIELD, PROMOTION_FIELD, EVENT_FIELD = (
    "custbody_tradewind_claim",
    "custbody_tradewind_promotion",
    "custbody_tradewind_event",
)
#: Entries asked for by one query; a SuiteQL list of literals is limited to 1,000.
ASKED_AT_ONCE = 500
Amounts = tuple[Decimal, Decimal]


def connect(client: NetSuiteClient) -> NetSuiteDestination:
    """The destination over an account."""
    return NetSuiteDestination(client)


class NetSuiteDestination:
    """Writes journal entries side by side, as many at once as the client's `concurrency`."""

    batch_size = ASKED_AT_ONCE

    def __init__(self, client: NetSuiteClient):
        self.client = client

    def send(self, export: Export, items: Sequence[Item]) -> list[Outcome]:
        """Create the entries that are not there; a refusal is an outcome with NetSuite's code and words."""
        there = self._held(items)
        with ThreadPoolExecutor(self.client.concurrency) as workers:
            return list(workers.map(lambda item: self._send(item, there.get(item.key)), items))

    def missing(self, export: Export, items: Sequence[Item]) -> dict[str, str]:
        """Compare debit and credit totals of every entry with what NetSuite holds."""
        differences = {}
        for start in range(0, len(items), ASKED_AT_ONCE):
            part = items[start : start + ASKED_AT_ONCE]
            held = self._held(part)
            for item in part:
                found = held.get(item.key)
                if found is None:
                    differences[item.key] = "the journal entry is not there"
                elif found[1] != _amounts(item):
                    differences[item.key] = f"sent {_shown(_amounts(item))}, found {_shown(found[1])}"
        return differences

    def _send(self, item: Item, there: tuple[str, Amounts] | None) -> Outcome:
        if there is not None and there[1] == _amounts(item):
            return Outcome(item.key, "confirmed", external_id=there[0])
        answer = self.client.upsert(item.key, journal_entry(item.payload))
        if isinstance(answer, Refusal):
            return Outcome(item.key, "rejected", code=answer.code, error=answer.message)
        return Outcome(item.key, "confirmed", external_id=answer)

    def _held(self, items: Sequence[Item]) -> dict[str, tuple[str, Amounts]]:
        keys = ", ".join(literal(item.key) for item in items)
        rows = self.client.query(
            "SELECT t.externalid, t.id, SUM(tl.debitforeignamount) AS debit, SUM(tl.creditforeignamount) AS credit"
            " FROM transaction t JOIN transactionline tl ON tl.transaction = t.id"
            f" WHERE t.type = 'Journal' AND t.externalid IN ({keys}) GROUP BY t.externalid, t.id"
        )
        return {
            str(row["externalid"]): (
                str(row["id"]),
                (Decimal(row["debit"] or "0"), Decimal(row["credit"] or "0")),
            )
            for row in rows
        }


def journal_entry(payload: Mapping[str, object]) -> dict[str, object]:
    """A journal as the record service takes it; amounts stay Decimal."""
    erp, customer = payload["erp"], payload["customer_key"]
    # Lines of receivables need a customer; on the other lines it does no harm and helps a search.
    entity = {"entity": {"externalId": customer}} if customer else {}
    return {
        "subsidiary": {"id": erp["subsidiary"]},
        "currency": {"id": erp["currency"]},
        "tranDate": payload["posting_date"],
        "memo": payload["memo"],
        CLAIM_FIELD: payload["claim"],
        PROMOTION_FIELD: payload["promotion_id"],
        EVENT_FIELD: payload["event"],
        "line": {
            "items": [
                {
                    "account": {"id": erp["accounts"][account]},
                    **({"debit": debit} if debit else {"credit": credit}),
                    "memo": payload["memo"],
                    **entity,
                }
                for account, debit, credit in in_cents(payload["lines"])
            ]
        },
    }


def _amounts(item: Item) -> Amounts:
    lines = in_cents(item.payload["lines"])
    return sum((debit for _, debit, _ in lines), Decimal(0)), sum((c for *_, c in lines), Decimal(0))


def _shown(amounts: Amounts) -> str:
    return f"debit {amounts[0]:.2f}, credit {amounts[1]:.2f}"
