"""Publish one export for one tenant: plan, claim, send, read back, receipt.

Every step commits before the next begins, and each may be killed: what is planned waits in the outbox, what
was being sent is sent again by the attempt that takes over (the destinations keep our key unique), and the
receipt is written last. Semantics: 5g; promises P1, P4, P6, P16.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from include import settings as places
from include.errors import CheckFailed, MissingInput, TradewindError
from include.faultpoints import point
from include.publish import destinations, erp, items
from include.publish.destinations import Destination, Outcome
from include.publish.erp import Erp
from include.publish.exports import Export
from include.publish.items import Item
from include.publish.limits import Limits
from include.publish.plan import Plan, classify, guard
from include.report.statements import write_statements
from include.settings import TenantSettings
from include.warehouse import publishing
from include.warehouse.lease import Lease, acquire
from include.warehouse.publishing import Receipt
from include.warehouse.session import Warehouse
from include.warehouse.statements import read_statements

log = logging.getLogger("tradewind.publish")
_RECEIPTS = uuid5(NAMESPACE_URL, "urn:tradewind:receipt")


class RemoteRejection(CheckFailed):
    """A destination refused records; the good ones are stored. Sending the same again would not help."""


@dataclass(frozen=True)
class Request:
    """One publish: what, for whom, for when, and whether to write.

    `resend` sends again what is unchanged or was refused before, for a destination that lost data.
    """

    tenant: str
    export: Export
    as_of: date
    period: str
    run_id: str
    dry_run: bool = True
    resend: bool = False


def publish(
    wh: Warehouse, request: Request, open_client: Callable[[], object | None], settings: TenantSettings
) -> Receipt:
    """Bring the destination to what the marts say, or only say what would be done (a dry run).

    `open_client` is called only when something is to be sent, so that a repeated publish makes no remote
    call. Raises RemoteRejection after the good items are stored and the receipt is written; TradewindError
    for stale results, a missing connection, a guard or a failed read-back. Refusals of an answered export are
    answers and raise nothing; without a connection it is skipped, which its receipt counts.
    """
    limits = Limits.from_settings(settings.publish)
    started = datetime.now(UTC)
    export = request.export
    folder = places.output(request.tenant, request.period)
    client = open_client() if export.is_answered and not request.dry_run else None
    is_unconnected = export.is_answered and not request.dry_run and client is None
    sends = not request.dry_run and not is_unconnected
    # A dry run has a scope of its own, so that looking never takes the work from a publish that writes.
    scope = "publish_plan" if request.dry_run else "publish"
    lease = acquire(wh, request.tenant, f"{scope}:{export.name}")
    with wh.engine(request.tenant, lease) as conn:
        publishing.require_fresh(
            conn, export, as_of=request.as_of, period=request.period, max_age_days=limits.max_age_days
        )
        desired = _desired(conn, request, folder, limits.erp)
        known = publishing.known(conn, export)
        plan = classify(desired, known, resend=request.resend)
        guard(plan, len(known), max_changed_share=limits.max_changed_share, where=f"publish {export.name}")
        if sends:
            publishing.enqueue(conn, request.tenant, export, plan.to_send, request.run_id)
    payload_path, payload_sha256 = _write_payload(request, desired, plan, folder)
    point("publish.planned")

    outcomes: dict[str, Outcome] = {}
    verification: dict[str, object] = {}
    if plan.to_send and sends:
        destination = _connect(request, (lambda: client) if client else open_client)
        outcomes = _send(wh, request, lease, destination)
        verification = _read_back(wh, request, lease, destination, plan, outcomes)
    rejects = _rejects(plan, outcomes)
    receipt = _receipt(
        request, lease, plan, outcomes, rejects, payload_path, payload_sha256, verification, started
    )
    if is_unconnected and plan.to_send:
        receipt = _skipped(receipt, request)
    with wh.engine(request.tenant, lease) as conn:
        publishing.store_receipt(conn, request.tenant, receipt, rejects)
    point("publish.receipt_stored")
    log.info("%s · %s · %s · %s", request.tenant, export.name, receipt.status, plan.counts())
    if rejects and not export.is_answered:
        raise _rejection(request, rejects)
    if verification.get("differences"):
        raise _read_back_failed(request, verification["differences"])
    return receipt


def _desired(conn, request: Request, folder, settings: Erp) -> list[Item]:
    export = request.export
    if export.shape == "file":
        if export.options["file"] == "deduction_queue.xlsx":
            _write_queue(conn, request, folder)
        elif export.options["file"] == "financial_statements.json":
            write_statements(read_statements(conn), folder / export.options["file"])
        elif export.channel == "file":
            rows = publishing.read_rows(conn, export, period=request.period, as_of=request.as_of)
            _write_file(folder / export.options["file"], erp.journal_file(rows, settings))
        return items.file(export, folder, request.period)
    if export.shape == "statement":
        return items.statement(export)
    rows = publishing.read_rows(conn, export, period=request.period, as_of=request.as_of)
    if export.shape == "journal":
        return erp.documents(rows, settings)
    if export.shape == "partition":
        return items.partitions(export, rows, folder / "publish")
    return items.records(export, rows)


def _write_queue(conn, request: Request, folder) -> None:
    from include.report.queue import write_queue
    from include.warehouse.kpis import read_kpis
    from include.warehouse.queue import read_queue

    place = folder / "deduction_queue.xlsx"
    write_queue(place, request.as_of, queue=read_queue(conn), kpis=read_kpis(conn))


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_payload(request: Request, desired: Iterable[Item], plan: Plan, folder) -> tuple[str, str]:
    """Write what the destination is to hold and the plan; the same bytes for a dry and a live run."""
    lines = [
        items.canonical({"key": item.key, "sha256": item.content_sha256, "payload": dict(item.payload)})
        for item in sorted(desired, key=lambda item: item.key)
    ]
    content = "".join(f"{line}\n" for line in lines).encode()
    place = folder / "publish" / f"{request.export.name}.jsonl"
    _write_file(place, content)
    place.with_suffix(".plan.json").write_text(
        items.canonical(
            {
                "create": [e.item.key for e in plan.create],
                "update": [e.item.key for e in plan.update],
                "unchanged": [i.key for i in plan.unchanged],
                "reject": [[i.key, reason] for i, reason in plan.reject],
            }
        )
    )
    return str(place), hashlib.sha256(content).hexdigest()


def _connect(request: Request, open_client: Callable[[], object | None]) -> Destination:
    client = open_client()
    if client is None:
        name = request.export.destination
        raise MissingInput(
            where=f"publish {request.export.name} for {request.tenant}",
            expected=f"an Airflow connection {name}_{request.tenant}",
            got="none",
            remedy="add the connection, or publish as a dry run",
        )
    return destinations.connect(request.export.destination, client)


def _send(wh: Warehouse, request: Request, lease: Lease, destination: Destination) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    while True:
        with wh.engine(request.tenant, lease) as conn:
            batch = publishing.claim(conn, request.export, lease, destination.batch_size)
        if not batch:
            return outcomes
        point("publish.claimed")
        with wh.engine(request.tenant) as conn:
            lease.check(conn)
        done = destination.send(request.export, batch)
        point("publish.sent")
        with wh.engine(request.tenant, lease) as conn:
            publishing.settle(conn, request.export, lease, done)
        point("publish.recorded")
        outcomes |= {outcome.key: outcome for outcome in done}
        log.info("%s · %s · %d sent", request.tenant, request.export.name, len(outcomes))


def _read_back(
    wh: Warehouse,
    request: Request,
    lease: Lease,
    destination: Destination,
    plan: Plan,
    outcomes: dict[str, Outcome],
) -> dict[str, object]:
    sent = [e.item for e in plan.to_send if outcomes.get(e.item.key, Outcome("", "")).status == "confirmed"]
    differences = destination.missing(request.export, sent) if sent else {}
    if differences:
        with wh.engine(request.tenant, lease) as conn:
            publishing.mark_unknown(conn, request.export, differences)
    return {"compared": len(sent), "differences": differences}


def _rejects(plan: Plan, outcomes: dict[str, Outcome]) -> list[tuple[Item, str, str]]:
    refused = [(item, "NOT_SENT", reason) for item, reason in plan.reject]
    for entry in plan.to_send:
        outcome = outcomes.get(entry.item.key)
        if outcome is not None and outcome.status == "rejected":
            refused.append((entry.item, outcome.code or "REJECTED", outcome.error or "no reason given"))
    return refused


def _receipt(
    request: Request,
    lease: Lease,
    plan: Plan,
    outcomes: dict[str, Outcome],
    rejects: list,
    payload_path: str,
    payload_sha256: str,
    verification: dict[str, object],
    started: datetime,
) -> Receipt:
    refused = {item.key for item, _, _ in rejects}
    created = sum(e.item.key not in refused for e in plan.create)
    updated = sum(e.item.key not in refused for e in plan.update)
    if verification.get("differences"):
        status = "failed"
    elif rejects:
        status = "rejected"
    elif request.dry_run and plan.to_send:
        status = "planned"
    else:
        status = "published" if plan.to_send else "unchanged"
    name = f"{request.tenant}|{request.export.name}|{request.run_id}|{lease.token}"
    return Receipt(
        receipt_id=uuid5(_RECEIPTS, name),
        export=request.export.name,
        target=request.export.destination,
        object=request.export.object,
        mode=request.export.shape,
        dry_run=request.dry_run,
        period=request.period,
        as_of=request.as_of,
        created=created,
        updated=updated,
        unchanged=len(plan.unchanged),
        deleted=0,
        rejected=len(rejects),
        payload_sha256=payload_sha256,
        payload_path=payload_path,
        remote_ids=[o.external_id for o in outcomes.values() if o.external_id][:1000],
        verification=verification,
        status=status,
        run_id=request.run_id,
        started_at=started,
        ended_at=datetime.now(UTC),
    )


def _skipped(receipt: Receipt, request: Request) -> Receipt:
    """The receipt of an export that has nowhere to go; what waits is counted and sent once there is a connection."""
    reason = f"no Airflow connection {request.export.destination}_{request.tenant}"
    waiting = receipt.created + receipt.updated
    verification = {"reason": reason, "waiting": waiting}
    return replace(receipt, status="skipped", created=0, updated=0, verification=verification)


def _rejection(request: Request, rejects: list[tuple[Item, str, str]]) -> RemoteRejection:
    item, code, message = rejects[0]
    return RemoteRejection(
        where=f"publish {request.export.name} for {request.tenant}",
        expected="every record to be accepted",
        got=f"{len(rejects)} refused; first {item.key}: {code} {message}",
        remedy="see publish.rejects; correct the data and publish again (the accepted ones are stored)",
    )


def _read_back_failed(request: Request, differences: object) -> TradewindError:
    key, text = next(iter(dict(differences).items()))
    return TradewindError(
        where=f"read-back of {request.export.name} for {request.tenant}",
        expected="what was sent",
        got=f"{len(differences)} differences; first {key}: {text}",
        remedy="publish again; what differs is sent again",
    )
