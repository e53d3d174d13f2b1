"""How a tenant's journals get into its ERP: the section `erp` of its settings' `publish`, and the document sent.

A document is one journal, header and lines together. Its content is what our ledger holds and never changes once
posted; the ERP's own ids stand beside it, so that another account map does not post old journals again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import ROUND_HALF_UP, Decimal

from include.errors import TradewindError
from include.money import CENT, allocate
from include.publish.items import Item, digest

CHANNELS = ("api", "file", "none")
FILE_COLUMNS = (
    "journal_id",
    "line",
    "date",
    "account",
    "debit",
    "credit",
    "currency",
    "reference",
    "memo",
)


@dataclass(frozen=True)
class Erp:
    """`accounts` and `currencies` map our codes to the ERP's internal ids; what is not named keeps its code."""

    channel: str = "api"
    subsidiary: str = "1"
    accounts: Mapping[str, str] = field(default_factory=dict)
    currencies: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Erp:
        """The tenant's section over the defaults; TradewindError names what is unknown or of the wrong kind."""
        if not isinstance(settings, Mapping):
            raise _refusal("publish.erp", "a section with keys", settings)
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(settings) - known)
        if unknown:
            raise _refusal("publish.erp", f"keys among {', '.join(sorted(known))}", ", ".join(unknown))
        for name in ("accounts", "currencies"):
            if not isinstance(settings.get(name, {}), Mapping):
                raise _refusal(
                    f"publish.erp.{name}", "ids by our code, such as {'5500': '215'}", settings[name]
                )
        texts = {k: {str(a): str(b) for a, b in v.items()} if isinstance(v, Mapping) else str(v) for k, v in settings.items()}  # fmt: skip
        erp = cls(**texts)
        if erp.channel not in CHANNELS:
            raise _refusal("publish.erp.channel", " or ".join(CHANNELS), erp.channel)
        return erp

    def serves(self, channel: str | None) -> bool:
        """Whether an export of this channel (None: no ERP export) is the tenant's."""
        return channel is None or channel == self.channel


def documents(rows: Iterable[Mapping[str, object]], erp: Erp) -> list[Item]:
    """One item per journal, keyed by its id; rows carry header and `lines` (account_code, debit, credit as text)."""
    items = []
    for row in rows:
        content = {
            "journal_id": str(row["journal_id"]),
            "event": str(row["event"]),
            "posting_date": row["posting_date"].isoformat(),
            "currency": str(row["currency"]),
            "promotion_key": row["promotion_key"],
            "lines": row["lines"],
        }
        payload = content | {
            "promotion_id": row["promotion_id"],
            "claim": row["claim"],
            "customer_key": row["customer_key"],
            "memo": memo(row),
            "erp": {
                "subsidiary": erp.subsidiary,
                "currency": erp.currencies.get(content["currency"], content["currency"]),
                "accounts": {
                    line["account_code"]: erp.accounts.get(line["account_code"], line["account_code"])
                    for line in row["lines"]
                },
            },
        }
        problem = None if in_cents(row["lines"]) else "less than a cent: nothing an ERP could post"
        items.append(Item(content["journal_id"], payload, digest(content), problem))
    return items


def memo(row: Mapping[str, object]) -> str:
    """What a bookkeeper reads on the journal: the event, the claim, the promotion and its id (TDM-25)."""
    parts = (row["event"], row["claim"], row["promotion_key"], row["promotion_id"])
    return " ".join(str(part) for part in parts if part)


def in_cents(lines: Sequence[Mapping[str, str]]) -> list[tuple[str, Decimal, Decimal]]:
    """(account, debit, credit) in whole cents, as ERPs keep amounts; both sides still sum to the same.

    Amounts in whole cents, which nearly all are, stay as they are. Others are shared out by largest remainder.
    """
    sides = {side: [Decimal(line[side]) for line in lines] for side in ("debit", "credit")}
    total = sum(sides["debit"], Decimal(0)).quantize(CENT, rounding=ROUND_HALF_UP)
    if not total:
        return []
    for side, amounts in sides.items():
        if any(amount != amount.quantize(CENT) for amount in amounts):
            sides[side] = allocate(total, amounts)
    return [
        (line["account_code"], debit, credit)
        for line, debit, credit in zip(lines, sides["debit"], sides["credit"], strict=True)
        if debit or credit
    ]


def journal_file(rows: Iterable[Mapping[str, object]], erp: Erp) -> bytes:
    """The journals as the CSV an ERP imports, one row per line; `journal_id` is the key of the import."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(FILE_COLUMNS)
    for row in rows:
        for number, (account, debit, credit) in enumerate(in_cents(row["lines"]), start=1):
            writer.writerow(
                (
                    row["journal_id"],
                    number,
                    row["posting_date"].isoformat(),
                    erp.accounts.get(account, account),
                    f"{debit:.2f}" if debit else "",
                    f"{credit:.2f}" if credit else "",
                    row["currency"],
                    row["journal_id"],
                    memo(row),
                )
            )
    return buffer.getvalue().encode()


def _refusal(where: str, expected: str, got: object) -> TradewindError:
    return TradewindError(
        where=f"tenant settings, {where}", expected=expected, got=repr(got), remedy="correct the setting"
    )
