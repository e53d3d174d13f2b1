"""The index of the year-end trade audit as a workbook: what is in the zip, what ties, how to follow it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import xlsxwriter

#: Fixed, so that the same audit has the same bytes.
_CREATED = datetime(2000, 1, 1)  # noqa: DTZ001

_GUIDE = (
    ("Start at a promotion", "promotions.csv: promotion_key. Its accrual's movements are in accruals.csv."),
    ("To its claims", "claims.csv: promotion_key. amount = settled + disputed + recovered + written off + non-trade + open."),
    ("To the settlement", "settlements.csv: claim_id and promotion_key."),
    ("To the posting", "journals.csv and journal_lines.csv: journal_id; the lines carry all the other ids too."),
    ("To the snapshot", "snapshots.csv: settlement_id, or snapshot_sequence. hash = sha256(previous_hash + payload)."),
    ("To the head", "chain.csv: every link's previous_hash is the hash before it; the last one is the head on the sheet `chain`."),
    ("Outside the database", "The head was published in chain_heads.jsonl (SharePoint: Trade/Evidence); they must agree."),
    ("To the rules", "rules.csv: rule_version of any row gives every weight, tolerance and account in force."),
    ("Check the files", "sha256sum -c SHA256SUMS in the unpacked folder."),
)  # fmt: skip


@dataclass(frozen=True)
class Listed:
    """One file of the zip."""

    name: str
    title: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Control:
    """One total counted in a file, and what the ledger says it must be."""

    file: str
    currency: str | None
    measure: str
    found: str
    ledger: str

    @property
    def difference(self) -> str:
        """Found less ledger."""
        return str(Decimal(self.found) - Decimal(self.ledger))

    @property
    def is_tied(self) -> bool:
        """Whether both are the same amount."""
        return Decimal(self.found) == Decimal(self.ledger)


@dataclass(frozen=True)
class Index:
    """What the workbook says about one audit."""

    tenant: str
    year: int
    files: tuple[Listed, ...]
    controls: tuple[Control, ...]
    verdict: str
    head_sequence: int
    head_hash: str
    faults: tuple[str, ...]


def write_index(index: Index) -> bytes:
    """The workbook's bytes. Text from data never becomes a formula; amounts are exact text."""
    target = io.BytesIO()
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "in_memory": True,
    }
    with xlsxwriter.Workbook(target, options) as book:
        book.set_properties({"title": f"Trade audit {index.tenant} {index.year}", "created": _CREATED})
        head = book.add_format({"bold": True, "bg_color": "#1F3A5F", "font_color": "#FFFFFF"})
        untied = sum(not control.is_tied for control in index.controls)
        files = [(f.name, f.title, f.rows, f.sha256) for f in index.files]
        _sheet(book, head, "index", ("File", "What it holds", "Rows", "SHA-256"), (20, 90, 12, 68), files)
        _sheet(
            book,
            head,
            "controls",
            ("File", "Currency", "Measure", "In the file", "In the ledger", "Difference", "Ties"),
            (16, 10, 52, 22, 22, 16, 8),
            [
                (
                    c.file,
                    c.currency or "",
                    c.measure,
                    c.found,
                    c.ledger,
                    c.difference,
                    "yes" if c.is_tied else "NO",
                )
                for c in index.controls
            ],
        )
        chain = [
            ("Company", index.tenant),
            ("Fiscal year", str(index.year)),
            ("Head of the chain, link", str(index.head_sequence)),
            ("Head of the chain, hash", index.head_hash),
            ("Verified", index.verdict),
            ("Controls", f"{len(index.controls)} totals, {untied} do not tie"),
            *(("Fault", fault) for fault in index.faults),
        ]
        _sheet(book, head, "chain", ("What", "Value"), (30, 120), chain)
        _sheet(book, head, "how to follow", ("Step", "Where"), (26, 130), _GUIDE)
    return target.getvalue()


def _sheet(
    book, head, name: str, titles: Sequence[str], widths: Sequence[int], rows: Sequence[Sequence]
) -> None:
    sheet = book.add_worksheet(name)
    for column, (title, width) in enumerate(zip(titles, widths, strict=True)):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, title, head)
    for line, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            if isinstance(value, int):
                sheet.write_number(line, column, value)
            else:
                sheet.write_string(line, column, value)
    sheet.freeze_panes(1, 1)
