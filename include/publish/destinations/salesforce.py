"""Records in Salesforce, upserted by external id through simple_salesforce.

Up to 200 records go through one sObject-collections call, more through a Bulk API 2.0 job. Transport
errors and 429/5xx are retried on the session (an upsert by external id may be repeated); codes that
Salesforce calls transient are sent again record by record; everything else is the record's rejection.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal

from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce, format_soql
from simple_salesforce.exceptions import SalesforceExpiredSession
from urllib3.util.retry import Retry

from include.errors import TradewindError
from include.publish.destinations import Outcome
from include.publish.exports import Export
from include.publish.items import Item

COLLECTION_LIMIT = 200
TRANSIENT = {"UNABLE_TO_LOCK_ROW", "API_TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED"}
ATTEMPTS = 4


def connect(client: Salesforce) -> SalesforceDestination:
    """The destination over a logged-in client; its session is given retries and a timeout."""
    retry = Retry(
        total=6,
        backoff_factor=0.5,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=None,
        respect_retry_after_header=True,
        raise_on_status=False,
    )
    client.session.mount("https://", HTTPAdapter(max_retries=retry))
    return SalesforceDestination(client)


class SalesforceDestination:
    """Upserts and read-back for one object with one external id field."""

    batch_size = 10_000

    def __init__(self, client: Salesforce, pause: float = 1.0):
        self.client = client
        self.pause = pause

    def send(self, export: Export, items: Sequence[Item]) -> list[Outcome]:
        """Upsert the items; transient refusals are sent again up to four times."""
        outcomes: dict[str, Outcome] = {}
        waiting = list(items)
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(self.pause * 2**attempt)
            for outcome in self._upsert(export, waiting):
                outcomes[outcome.key] = outcome
            waiting = [i for i in waiting if outcomes[i.key].code in TRANSIENT]
            if not waiting:
                break
        if waiting:
            raise TradewindError(
                where=f"Salesforce {export.object}",
                expected="the lock on the records to be released",
                got=f"{outcomes[waiting[0].key].code} for {len(waiting)} records after {ATTEMPTS} attempts",
                remedy="run publish again; what is confirmed is not sent twice",
            )
        return list(outcomes.values())

    def missing(self, export: Export, items: Sequence[Item]) -> dict[str, str]:
        """Compare every field of every item with what Salesforce holds now."""
        external = export.key[0]
        names = [spec.target for spec in export.fields]
        held: dict[str, Mapping[str, object]] = {}
        for start in range(0, len(items), COLLECTION_LIMIT):
            keys = [item.key for item in items[start : start + COLLECTION_LIMIT]]
            held |= {r[external]: r for r in self._by_query(export, external, names, keys)}
        differences = {}
        for item in items:
            record = held.get(item.key)
            if record is None:
                differences[item.key] = "the record is not there"
                continue
            for spec in export.fields:
                if not _same(item.payload[spec.target], record.get(spec.target), spec.kind):
                    differences[item.key] = (
                        f"{spec.target}: sent {item.payload[spec.target]!r}, found {record.get(spec.target)!r}"
                    )
                    break
        return differences

    def _by_query(self, export: Export, external: str, names: Sequence[str], keys: Sequence[str]):
        # Object and field names are ours (exports.py); keys are data and are quoted.
        soql = format_soql(
            f"SELECT {', '.join(names)} FROM {export.object} WHERE {external} IN {{keys}}", keys=list(keys)
        )
        page = self.client.query(soql)
        yield from page["records"]
        while not page["done"]:
            page = self.client.query_more(page["nextRecordsUrl"], True)
            yield from page["records"]

    def _upsert(self, export: Export, items: Sequence[Item]) -> list[Outcome]:
        if len(items) <= COLLECTION_LIMIT:
            return self._collection(export, items)
        try:
            return self._bulk(export, items)
        except SalesforceExpiredSession:
            # The library renews an expired session for REST calls only.
            self.client._refresh_session()
            return self._bulk(export, items)

    def _collection(self, export: Export, items: Sequence[Item]) -> list[Outcome]:
        body = {
            "allOrNone": False,
            "records": [{"attributes": {"type": export.object}, **item.payload} for item in items],
        }
        path = f"composite/sobjects/{export.object}/{export.key[0]}"
        results = self.client.restful(path, method="PATCH", json=body, timeout=120)
        if len(results) != len(items):
            raise TradewindError(
                where=f"Salesforce {export.object}",
                expected=f"{len(items)} results",
                got=str(len(results)),
                remedy="run publish again; an upsert by external id may be repeated",
            )
        return [_outcome(item, result) for item, result in zip(items, results, strict=True)]

    def _bulk(self, export: Export, items: Sequence[Item]) -> list[Outcome]:
        handler = getattr(self.client.bulk2, export.object)
        external = export.key[0]
        rows = [{k: "" if v is None else v for k, v in item.payload.items()} for item in items]
        outcomes = {
            i.key: Outcome(i.key, "rejected", code="UNPROCESSED", error="job ended first") for i in items
        }
        for job in handler.upsert(records=rows, external_id_field=external, wait=2):
            for row in _csv(handler.get_successful_records(job["job_id"])):
                outcomes[row[external]] = Outcome(row[external], "confirmed", external_id=row["sf__Id"])
            for row in _csv(handler.get_failed_records(job["job_id"])):
                code, _, message = row["sf__Error"].partition(":")
                outcomes[row[external]] = Outcome(row[external], "rejected", code=code, error=message or code)
        unprocessed = [item for item in items if outcomes[item.key].code == "UNPROCESSED"]
        for start in range(0, len(unprocessed), COLLECTION_LIMIT):
            for outcome in self._collection(export, unprocessed[start : start + COLLECTION_LIMIT]):
                outcomes[outcome.key] = outcome
        return list(outcomes.values())


def _outcome(item: Item, result: Mapping[str, object]) -> Outcome:
    if result["success"]:
        return Outcome(item.key, "confirmed", external_id=result["id"])
    error = result["errors"][0]
    return Outcome(item.key, "rejected", code=error["statusCode"], error=error["message"])


def _csv(text: str) -> list[dict[str, str]]:
    # Not splitlines: a field may hold a line break.
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _same(sent: object, found: object, kind: str) -> bool:
    if sent is None or found is None:
        return sent is None and found is None
    if kind in ("money", "rate"):
        return Decimal(str(sent)) == Decimal(str(found))
    return str(sent) == str(found)
