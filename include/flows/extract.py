"""Runs extraction for one tenant: a folder of contract files, or an org of Salesforce.

Each file and each stream is one transaction (rows, rejects, watermark, load row) and one row of the run log.
One that fails does not keep the others from loading; the run then ends with an error that lists what failed.
A second attempt of the same run takes up behind the files it has finished.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from include.errors import LeaseLost, MissingInput, TradewindError
from include.extract import pos_facts, soql
from include.extract.check import Checked, Reject, RowChecker
from include.extract.files import Arrival, Ignored, arrivals
from include.extract.load import Delivery, LoadResult, load, refuse_whole
from include.extract.manifest import Stream
from include.extract.rows import FileRefused, Reader, used_rows
from include.extract.systems import files as inbox
from include.extract.systems import salesforce
from include.faultpoints import InjectedFault, point
from include.runlog import step
from include.settings import TenantSettings
from include.warehouse.lease import Lease, acquire
from include.warehouse.session import Warehouse
from include.warehouse.tenants import load_settings

log = logging.getLogger("tradewind")
_PROGRESS_ROWS = 250_000


@dataclass
class ExtractSummary:
    """What one extraction did: a result per file or stream, what was ignored, what failed."""

    tenant: str
    run_id: str
    system: str
    loads: list[LoadResult] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def streams(self) -> list[str]:
        """Names of the streams that arrived, in loading order."""
        return list(dict.fromkeys(result.stream for result in self.loads))

    def total(self, figure: str) -> int:
        """Sum of one figure (such as `rows_read`) over all loads."""
        return sum(getattr(result, figure) for result in self.loads)

    def lines(self) -> list[str]:
        """One line per file for people, then what was ignored."""
        out = []
        for result in self.loads:
            name = result.file or result.stream
            if result.status == "refused":
                out.append(f"{name}: refused · {result.message}")
                continue
            out.append(
                f"{name}: {result.rows_read} read · {result.rows_loaded} loaded · {result.rows_unchanged} unchanged"
                f" · {result.rows_rejected} rejected"
            )
        out += [f"{name}: failed · {reason}" for name, reason in self.failures.items()]
        return out + [f"{item.name}: ignored · {item.reason}" for item in self.ignored]


def extract_files(
    wh: Warehouse, tenant: str, folder: Path | str, run_id: str, settings: TenantSettings | None = None
) -> ExtractSummary:
    """Load every contract file of `folder` for `tenant`, parents first.

    Raises MissingInput when the folder holds no contract file, TradewindError when a file failed for a reason
    that is not in the file (the others are loaded then).
    """
    if settings is None:
        with wh.pipeline() as conn:
            settings = load_settings(conn, tenant)
    found, ignored = arrivals(Path(folder), inbox.SYSTEM)
    summary = ExtractSummary(tenant, run_id, inbox.SYSTEM.name, ignored=ignored)
    if not found:
        raise MissingInput(
            where=str(folder),
            expected="at least one contract file, such as customers.csv",
            got=", ".join(item.name for item in ignored) or "an empty folder",
            remedy="name the files as the templates in docs/contracts/templates",
        )
    lease = acquire(wh, tenant, f"extract:{inbox.SYSTEM.name}")
    for arrival in found:
        _attempt(
            summary, arrival.name, lambda a=arrival: _extract_file(wh, lease, tenant, run_id, a, settings)
        )
    _raise_failures(summary)
    return summary


def extract_salesforce(
    wh: Warehouse,
    tenant: str,
    client: soql.Client,
    run_id: str,
    *,
    login: Callable[[], soql.Client] | None = None,
    patience: soql.Patience | None = None,
) -> ExtractSummary:
    """Load what changed in the org since the last run: accounts, users, opportunities, deletions included.

    `client` is a simple_salesforce client; `login` makes a fresh one when its session has ended for good.
    Raises TradewindError when a stream failed; the others are loaded then, and the failed one is as before.
    """
    with wh.pipeline() as conn:
        load_settings(conn, tenant)
    summary = ExtractSummary(tenant, run_id, salesforce.SYSTEM.name)
    lease = acquire(wh, tenant, f"extract:{salesforce.SYSTEM.name}")
    org = soql.Org(client, login=login, patience=patience or soql.Patience())
    for stream in salesforce.SYSTEM.streams:
        _attempt(summary, stream.name, lambda s=stream: _extract_stream(wh, lease, tenant, run_id, s, org))
    _raise_failures(summary)
    return summary


def _attempt(summary: ExtractSummary, name: str, work: Callable[[], LoadResult]) -> None:
    """Run one file or stream; a failure is kept for the end, except where going on cannot help."""
    try:
        summary.loads.append(work())
    except (LeaseLost, psycopg.OperationalError, InjectedFault):
        raise
    except (TradewindError, psycopg.Error) as error:
        log.error("%s · %s", name, error)
        summary.failures[name] = str(error)
    except Exception as error:
        # A defect of ours in one file is a failure of that file: the trace is in the log, the others load.
        log.exception("%s", name)
        summary.failures[name] = f"{error.__class__.__name__}: {error}"


def _raise_failures(summary: ExtractSummary) -> None:
    if summary.failures:
        raise TradewindError(
            where=f"extract {summary.system} · {summary.tenant}",
            expected="every file and stream to load",
            got="; ".join(f"{name}: {reason}" for name, reason in summary.failures.items()),
            remedy="what did load is stored; correct the cause and run again",
        )


def _extract_file(
    wh: Warehouse, lease: Lease, tenant: str, run_id: str, arrival: Arrival, settings: TenantSettings
) -> LoadResult:
    delivery = Delivery(
        tenant, run_id, inbox.SYSTEM, arrival.stream, file=arrival.name, content_sha256=arrival.sha256()
    )
    if (done := _finished(wh, delivery)) is not None:
        return done
    with step(wh, run_id=run_id, tenant=tenant, name=f"extract.{arrival.name}") as entry:
        try:
            result = _load_file(wh, lease, delivery, arrival.open(), settings)
        except FileRefused as refusal:
            reject = Reject(None, None, refusal.got, refusal.expected, str(refusal), None)
            with wh.pipeline(lease) as conn:
                result = refuse_whole(conn, delivery, reject)
        entry.row_count = result.rows_read
        entry.message = f"{result.rows_loaded} loaded, {result.rows_rejected} rejected"
    point("extract.file_committed")
    return result


def _load_file(
    wh: Warehouse, lease: Lease, delivery: Delivery, reader: Reader, settings: TenantSettings
) -> LoadResult:
    def into_facts(conn: psycopg.Connection, loaded: Delivery) -> None:
        pos_facts.refresh(conn, loaded, settings.currency)

    def notes() -> dict[str, object]:
        unknown = sorted(reader.layout.extras)
        return {**reader.notes, **({"unknown_columns": unknown} if unknown else {})}

    with wh.pipeline(lease) as conn:
        result = load(
            conn,
            delivery,
            _checked(delivery, reader),
            notes=notes,
            then=into_facts if delivery.stream.name == "pos_sales" else None,
        )
        point("extract.file_loaded")
    return result


def _checked(delivery: Delivery, reader: Reader) -> Iterator[Checked]:
    checker = RowChecker(delivery.stream, reader.layout)
    read = 0
    for batch in used_rows(reader, delivery.stream):
        checked = checker.check(batch)
        if (read + checked.rows_read) // _PROGRESS_ROWS > read // _PROGRESS_ROWS:
            log.info("%s · %s · %s rows read", delivery.tenant, delivery.file, read + checked.rows_read)
        read += checked.rows_read
        yield checked
        point("extract.batch_copied")


def _finished(wh: Warehouse, delivery: Delivery) -> LoadResult | None:
    """What an earlier attempt of this run stored for the same content, if anything."""
    with wh.pipeline() as conn, conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT stream, file, rows_read, rows_loaded, rows_unchanged, rows_superseded, rows_rejected,"
            " amount_read, amount_loaded, amount_unchanged, amount_rejected, drift, status, message"
            " FROM staging.loads WHERE tenant_id = %s AND run_id = %s AND source = %s AND stream = %s"
            " AND file = %s AND content_sha256 = %s",
            (
                delivery.tenant,
                delivery.run_id,
                delivery.system.name,
                delivery.stream.name,
                delivery.file,
                delivery.content_sha256,
            ),
        ).fetchone()
    return None if row is None else LoadResult(**row)


def _extract_stream(
    wh: Warehouse, lease: Lease, tenant: str, run_id: str, stream: Stream, org: soql.Org
) -> LoadResult:
    with wh.pipeline() as conn:
        row = conn.execute(
            "SELECT watermark FROM staging.watermarks WHERE tenant_id = %s AND source = %s AND stream = %s",
            (tenant, salesforce.SYSTEM.name, stream.name),
        ).fetchone()
    since = row[0] if row else None
    delivery = Delivery(tenant, run_id, salesforce.SYSTEM, stream, is_incremental=since is not None)
    with step(wh, run_id=run_id, tenant=tenant, name=f"extract.salesforce.{stream.name}") as entry:
        result = soql.until_complete(org, stream, since, lambda walk: _load_walk(wh, lease, delivery, walk))
        entry.row_count = result.rows_read
        entry.message = f"{result.rows_loaded} loaded, {result.rows_unchanged} unchanged"
    point("extract.stream_committed")
    return result


def _load_walk(wh: Warehouse, lease: Lease, delivery: Delivery, walk: soql.Walk) -> LoadResult:
    with wh.pipeline(lease) as conn:
        result = load(
            conn,
            delivery,
            walk.checked(),
            notes=lambda: walk.notes,
            watermark=lambda: walk.watermark,
            ended_keys=lambda: walk.deleted,
        )
        point("extract.stream_loaded")
    return result
