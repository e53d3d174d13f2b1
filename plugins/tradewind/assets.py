"""The data events that order the DAGs, and what travels with them.

An event says which tenants changed and, when a person chose a business date, which one. Everything
downstream keeps that date, so that a hand-started extract of last month settles last month.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from airflow.sdk import Asset

MARTS = Asset("tradewind.marts")
SETTLEMENTS = Asset("tradewind.settlements")
FORECAST = Asset("tradewind.forecast")
RECEIPTS = Asset("tradewind.receipts")
CLOSES = Asset("tradewind.closes")


def staging(system: str) -> Asset:
    """The asset of one source system's landing tables."""
    return Asset(f"tradewind.staging.{system}")


def announce(outlet_events: Mapping, asset: Asset, tenants: Iterable[str], as_of: str | None) -> None:
    """Attach the tenants and the chosen business date (None: nobody chose one) to this task's event."""
    outlet_events[asset].extra = {"tenants": sorted(set(tenants)), "as_of": as_of}


def triggering(context: Mapping) -> tuple[list[str], str | None]:
    """Tenants and chosen business date of the events that started this run (empty and None when none did)."""
    tenants: set[str] = set()
    dates: set[str] = set()
    for events in (context.get("triggering_asset_events") or {}).values():
        for event in events:
            extra = event.extra or {}
            tenants.update(extra.get("tenants") or [])
            if extra.get("as_of"):
                dates.add(extra["as_of"])
    return sorted(tenants), max(dates, default=None)
