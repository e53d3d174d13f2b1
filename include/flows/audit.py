"""The year-end trade audit of one tenant: one zip that can be followed from promotion to snapshot.

Everything is read in one transaction that sees a single moment, and streamed: memory does not grow with the
ledger. The same data gives the same bytes.
"""

from __future__ import annotations

import csv
import hashlib
import logging
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from include import settings
from include.errors import CheckFailed
from include.flows.evidence import verify_evidence
from include.report.audit_index import Control, Index, Listed, write_index
from include.warehouse import audit
from include.warehouse.audit import AuditFile
from include.warehouse.session import Warehouse

log = logging.getLogger("tradewind.audit")
#: The same data must give the same bytes, so no file of the zip carries the time it was written.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Audit:
    """What was written, and what is wrong with it: totals that do not tie, evidence that is not sound."""

    path: Path
    index: Index
    faults: tuple[CheckFailed, ...]


@dataclass
class _Totals:
    """Rows and sums of one file by currency, counted from the bytes that were written."""

    rows: dict[str | None, int] = field(default_factory=dict)
    sums: dict[str | None, list[Decimal]] = field(default_factory=dict)

    def add(self, currency: str | None, amounts: list[Decimal]) -> None:
        """Count one row."""
        self.rows[currency] = self.rows.get(currency, 0) + 1
        before = self.sums.get(currency) or [Decimal(0)] * len(amounts)
        self.sums[currency] = [a + b for a, b in zip(before, amounts, strict=True)]


def export_audit(wh: Warehouse, tenant: str, year: int) -> Audit:
    """Write the audit of a fiscal year to the tenant's outputs.

    The zip is written even when something is wrong, for that is when it is needed: the faults stand in its
    index and in the result. Raises MissingInput when the year has no postings or the calendar is not built.
    """
    verdict = verify_evidence(wh, tenant)
    path = settings.tenant_output(tenant) / "audit" / f"trade_audit_{tenant}_{year}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with wh.reading(tenant) as conn, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        audit.require_calendar(conn, year)
        listed, controls = [], []
        for file in audit.FILES:
            totals = _Totals()
            listed.append(_write(archive, file, audit.stream(conn, file, year), totals))
            controls += _compared(file, totals, audit.control_totals(conn, file, year))
            log.info("%s · %d · %s · %d rows", tenant, year, file.name, listed[-1].rows)
        for what, currency, one, other in audit.ties(conn, year):
            controls.append(Control("ledger", currency, what, str(one), str(other)))
        index = Index(
            tenant,
            year,
            tuple(listed),
            tuple(controls),
            str(verdict),
            verdict.head.sequence,
            verdict.head.hash,
            tuple(str(fault) for fault in verdict.faults),
        )
        _store(archive, "index.xlsx", write_index(index))
        sums = "".join(f"{each.sha256}  {each.name}\n" for each in listed)
        _store(archive, "SHA256SUMS", sums.encode())
    partial.replace(path)
    return Audit(path, index, (*_untied(index), *verdict.faults))


def _write(archive: zipfile.ZipFile, file: AuditFile, blocks: Iterator[bytes], totals: _Totals) -> Listed:
    name = f"{file.name}.csv"
    digest = hashlib.sha256()
    with archive.open(_entry(name), "w", force_zip64=True) as target:

        def written() -> Iterator[str]:
            for block in blocks:
                digest.update(block)
                target.write(block)
                yield block.decode()

        rows = csv.reader(written())
        header = next(rows)
        places = [header.index(amount) for amount in file.amounts]
        currency_at = header.index("currency") if "currency" in header else None
        for row in rows:
            currency = (row[currency_at] or None) if currency_at is not None else None
            totals.add(currency, [Decimal(row[place] or 0) for place in places])
    return Listed(name, file.title, sum(totals.rows.values()), digest.hexdigest())


def _compared(file: AuditFile, totals: _Totals, ledger) -> Iterator[Control]:
    """One control per currency and measure; what only one side has stands against zero."""
    for currency in sorted({*totals.rows, *ledger}, key=str):
        count, sums = ledger.get(currency, (None if file.name == "promotions" else 0, None))
        zeros = [Decimal(0)] * len(file.amounts)
        if count is not None:
            yield Control(file.name, currency, "rows", str(totals.rows.get(currency, 0)), str(count))
        for name, found, said in zip(
            file.amounts, totals.sums.get(currency, zeros), sums or zeros, strict=True
        ):
            yield Control(file.name, currency, name, str(found), str(said))


def _untied(index: Index) -> Iterator[CheckFailed]:
    for control in index.controls:
        if not control.is_tied:
            yield CheckFailed(
                where=f"trade audit {index.year} · {control.file} · {control.measure} · {control.currency or 'all'}",
                expected=f"{control.ledger}, as the ledger says",
                got=control.found,
                difference=control.difference,
                remedy="do not hand the audit out; report it with the zip",
            )


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _store(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(_entry(name), content)
