"""What starts a forecast between its dates: a large deal closed, or a quota changed, since the one that is current.

Pure: facts in, events out. A fact is new when the current forecast had not seen it when it was frozen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

LARGE_DEAL, QUOTAS = "large_deal_closed", "quota_updated"
KINDS = (LARGE_DEAL, QUOTAS)
#: Changed quotas told one by one in an event; the rest is a number.
_TOLD = 50

QuotaKey = tuple[str, str, str]
QuotaValue = tuple[str, str, str]


@dataclass(frozen=True)
class Deal:
    """A won deal. `converted` is its amount in the tenant's currency, None where no exchange rate is known."""

    key: str
    amount: Decimal
    currency: str
    close_date: date
    converted: Decimal | None


@dataclass(frozen=True)
class Facts:
    """What a forecast has seen: keys of the deals above `threshold` (in `currency`) and the quotas of its year.

    `quotas`: (rep_key, measure, period_start) -> (period_end, quota_amount, currency), all as text.
    """

    threshold: Decimal
    currency: str
    deals: frozenset[str]
    quotas: Mapping[QuotaKey, QuotaValue]

    def as_mapping(self) -> dict[str, object]:
        """Plain JSON values in a fixed order; `from_mapping` reads them back."""
        return {
            "threshold": f"{self.threshold:f}",
            "currency": self.currency,
            "deals": sorted(self.deals),
            "quotas": [[*key, *value] for key, value in sorted(self.quotas.items())],
        }

    @classmethod
    def from_mapping(cls, body: Mapping) -> Facts:
        """The facts behind `as_mapping`."""
        quotas = {tuple(row[:3]): tuple(row[3:]) for row in body["quotas"]}
        return cls(Decimal(body["threshold"]), body["currency"], frozenset(body["deals"]), quotas)


@dataclass(frozen=True)
class Baseline:
    """What the current forecast was frozen from, and where it stands among those of its date."""

    simulation_id: str
    as_of: date
    ordinal: int
    facts: Facts


@dataclass(frozen=True)
class Event:
    """One reason for a forecast. The same reason has the same key, so it is stored once."""

    key: str
    kind: str
    details: Mapping[str, object]


def large(deals: Iterable[Deal], threshold: Decimal) -> list[Deal]:
    """The deals strictly above `threshold` (501,000 is above 500,000, 500,000 is not)."""
    return [deal for deal in deals if deal.converted is not None and deal.converted > threshold]


def quotas_of(rows: Iterable[Mapping], start: date, end: date, currency: str) -> dict[QuotaKey, QuotaValue]:
    """The quota windows that reach into [start, end), as facts. `currency` is the tenant's."""
    return {
        (str(row["rep_key"]), str(row.get("measure") or "revenue"), row["period_start"].isoformat()): (
            row["period_end"].isoformat(),
            "none" if row["quota_amount"] is None else f"{row['quota_amount'].normalize():f}",
            str(row.get("currency") or currency),
        )
        for row in rows
        if row["period_start"] < end and row["period_end"] > start
    }


def find_events(baseline: Baseline, deals: Sequence[Deal], now: Facts) -> list[Event]:
    """Events of the large `deals` and of the quotas in `now` that `baseline` had not seen."""
    events = [
        Event(
            f"{LARGE_DEAL}|{deal.key}",
            LARGE_DEAL,
            {
                "deal": deal.key,
                "amount": f"{deal.amount:f}",
                "currency": deal.currency,
                "close_date": deal.close_date.isoformat(),
                "threshold": f"{now.threshold:f} {now.currency}",
            },
        )
        for deal in sorted(deals, key=lambda deal: deal.key)
        if _is_new(deal, baseline, now)
    ]
    changes = _changes(baseline.facts.quotas, now.quotas)
    if changes:
        # With the baseline's place: a quota that goes there, back and there again is three events.
        said = json.dumps([baseline.simulation_id, baseline.ordinal, changes])
        digest = hashlib.sha256(said.encode()).hexdigest()
        events.append(
            Event(f"{QUOTAS}|{digest}", QUOTAS, {"changed": len(changes), "quotas": changes[:_TOLD]})
        )
    return events


def _is_new(deal: Deal, baseline: Baseline, now: Facts) -> bool:
    seen = baseline.facts
    if deal.key in seen.deals:
        return False
    # A forecast that looked at fewer deals than we do now had seen those closed by its date all the same.
    looked_at_all = (seen.threshold, seen.currency) == (now.threshold, now.currency)
    return looked_at_all or deal.close_date > baseline.as_of


def _changes(before: Mapping[QuotaKey, QuotaValue], after: Mapping[QuotaKey, QuotaValue]) -> list[dict]:
    """Windows that are new, gone or other, in order of their keys."""
    changed = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    return [
        {
            "rep_key": key[0],
            "measure": key[1],
            "period_start": key[2],
            "before": _shown(before.get(key)),
            "after": _shown(after.get(key)),
        }
        for key in changed
    ]


def _shown(value: QuotaValue | None) -> str | None:
    return None if value is None else f"{value[1]} {value[2]} to {value[0]}"
