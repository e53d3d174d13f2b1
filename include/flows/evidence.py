"""The snapshot chain outside the database: its head written after every change, and the check against it.

A chain proves that nothing inside it was changed, but not that its end was not cut off. So the head is kept
where the database's administrator does not write: in a file of the tenant's outputs, which publish copies to
SharePoint (export `sharepoint_chain_head`). Whoever holds any copy of that file can find a cut.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from include import settings
from include.errors import CheckFailed
from include.faultpoints import point
from include.reconcile.evidence import Head, canonical, verify
from include.warehouse import evidence
from include.warehouse.session import Warehouse

log = logging.getLogger("tradewind.evidence")
FILE = "chain_heads.jsonl"


@dataclass(frozen=True)
class PublishedHead:
    """One line of the file: a head, when it was published and how many rows of evidence there were."""

    tenant: str
    sequence: int
    hash: str
    as_of: str
    run_id: str
    counts: dict[str, int]

    @property
    def head(self) -> Head:
        """The link it names."""
        return Head(self.sequence, self.hash)


@dataclass(frozen=True)
class Verdict:
    """What a verification looked at and what it found wrong."""

    tenant: str
    head: Head
    counts: dict[str, int]
    published: int
    unpublished_links: int
    faults: tuple[CheckFailed, ...]

    def __str__(self) -> str:
        head = f"evidence · {self.tenant} · {self.head.sequence} snapshots, head {self.head.hash[:16]}"
        if self.faults:
            return f"{head} · {len(self.faults)} faults"
        checked = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in self.counts.items())
        late = (
            f" · {self.unpublished_links} links after the last published head"
            if self.unpublished_links
            else ""
        )
        return f"{head} · sound: {checked}, {self.published} published heads{late}"


def head_file(tenant: str) -> Path:
    """Where the tenant's published heads are kept."""
    return settings.tenant_output(tenant) / FILE


def publish_head(wh: Warehouse, tenant: str, *, as_of: date, run_id: str) -> Path:
    """Append the present head of the tenant's chain to its file, unless it is the last one published there.

    The file is replaced as a whole, so a reader never sees half a line; two writers wait for each other. A
    run killed between its commit and this call leaves a head unpublished until the next one.
    """
    path = head_file(tenant)
    with wh.engine(tenant) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('chain head ' || %s, 0))", (tenant,))
        head = evidence.chain_head(conn)
        before = path.read_bytes() if path.exists() else b""
        last = before.splitlines()[-1] if before.strip() else b"{}"
        said = json.loads(last)
        if (said.get("sequence"), said.get("hash")) == (head.sequence, head.hash):
            return path
        line = PublishedHead(
            tenant, head.sequence, head.hash, as_of.isoformat(), run_id, evidence.counts(conn)
        )
        _replace(path, before + canonical(vars(line)).encode() + b"\n")
    point("evidence.head_published")
    log.info("%s · chain head %d %s published in %s", tenant, head.sequence, head.hash[:16], path)
    return path


def verify_evidence(wh: Warehouse, tenant: str, published_in: Path | None = None) -> Verdict:
    """Recompute the tenant's chain and hold everything against it: heads, settlements, journals.

    `published_in` is another copy of the published heads, such as the one in SharePoint; by default the
    tenant's own file. Faults are values, so that all of them are seen at once.
    """
    path = published_in or head_file(tenant)
    published, unreadable = _read(path, tenant)
    with wh.reading(tenant) as conn:
        head = evidence.chain_head(conn)
        now = evidence.counts(conn)
        faults = [
            *unreadable,
            *verify(evidence.links(conn), (each.head for each in published)),
            *_lost(published, now, path),
            *sorted(evidence.settlements_unlike_their_snapshot(conn), key=lambda fault: fault.where),
            *evidence.postings_unlike_their_settlement(conn),
            *evidence.unbalanced_journals(conn),
        ]
    last = max((each.sequence for each in published), default=0)
    if head.sequence and not published and not unreadable:
        faults.append(_never_published(path, head))
    return Verdict(tenant, head, now, len(published), max(0, head.sequence - last), tuple(faults))


def require_sound(wh: Warehouse, tenant: str) -> Verdict:
    """`verify_evidence`, and CheckFailed with the first fault when there is one; all of them are logged."""
    verdict = verify_evidence(wh, tenant)
    for fault in verdict.faults:
        log.error("%s · %s", tenant, fault)
    if verdict.faults:
        first = verdict.faults[0]
        raise CheckFailed(
            where=f"evidence of {tenant} · {first.where}",
            expected=first.expected,
            got=f"{first.got} (the first of {len(verdict.faults)} faults)",
            remedy=first.remedy,
        )
    log.info("%s", verdict)
    return verdict


def _read(path: Path, tenant: str) -> tuple[list[PublishedHead], list[CheckFailed]]:
    heads, faults = [], []
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            head = PublishedHead(**json.loads(line))
        except (TypeError, ValueError):
            head = None
        if head is None or head.tenant != tenant:
            faults.append(
                CheckFailed(
                    where=f"{path} line {number}",
                    expected=f"a published chain head of {tenant}",
                    got=line[:120],
                    remedy="compare with the copy in SharePoint; the file is written by the engine only",
                )
            )
        else:
            heads.append(head)
    return heads, faults


def _lost(published: list[PublishedHead], now: dict[str, int], path: Path) -> Iterator[CheckFailed]:
    """Rows of append-only tables that a published head counted and that are gone."""
    for name, count in now.items():
        most = max((each.counts.get(name, 0) for each in published), default=0)
        if count < most:
            yield CheckFailed(
                where=f"finance · {name.replace('_', ' ')}",
                expected=f"at least {most} rows, as {path.name} says",
                got=str(count),
                difference=str(count - most),
                remedy="rows of evidence were removed: restore a backup from before",
            )


def _never_published(path: Path, head: Head) -> CheckFailed:
    return CheckFailed(
        where=str(path),
        expected="the heads that reconcile published",
        got=f"no head, though the chain has {head.sequence} links",
        remedy="take the copy from SharePoint (make verify HEADS=<file>); without any, a cut tail cannot be found",
    )


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    partial.replace(path)
