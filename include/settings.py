"""Settings: where this installation keeps its files, and what a tenant may change.

A tenant's values live in tenancy.tenants.settings (JSON); the defaults are here. The sections `reconcile`,
`forecast`, `publish`, `close` and `compensation` belong to their rooms, which check the keys and store the version
they used with every result.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from include.errors import TradewindError

_SLUG = re.compile(r"[a-z][a-z0-9_]{0,30}")
_CURRENCY = re.compile(r"[A-Z]{3}")


def home() -> Path:
    """The root of the checkout (TRADEWIND_HOME, else the folder above this package)."""
    return Path(os.environ.get("TRADEWIND_HOME") or Path(__file__).resolve().parents[1])


def state() -> Path:
    """Where everything that is not code is kept (TRADEWIND_STATE, else `.state` in the checkout)."""
    return Path(os.environ.get("TRADEWIND_STATE") or home() / ".state")


def inbox(tenant: str) -> Path:
    """The folder where a tenant's contract files arrive (TRADEWIND_INBOX/<tenant>)."""
    return Path(os.environ.get("TRADEWIND_INBOX") or state() / "inbox") / tenant_slug(tenant)


def output_root() -> Path:
    """The folder of all tenants' outputs (TRADEWIND_OUTPUT)."""
    return Path(os.environ.get("TRADEWIND_OUTPUT") or state() / "output")


def tenant_output(tenant: str) -> Path:
    """The folder of a tenant's outputs: one folder per period, and what belongs to none."""
    return output_root() / tenant_slug(tenant)


def output(tenant: str, period: str) -> Path:
    """The folder of a tenant's workbooks, PDFs and publish payloads of one period."""
    if not re.fullmatch(r"\d{4}-\d{2}", period):
        raise _bad_setting("period", "YYYY-MM", period)
    return tenant_output(tenant) / period


def tenant_slug(text: str) -> str:
    """`text` when it may name a tenant (lower case letters, digits, underscore; a letter first; 31 at most)."""
    if not _SLUG.fullmatch(text):
        raise _bad_setting(
            "tenant", "lower-case letters, digits and underscores, a letter first, at most 31", text
        )
    return text


@dataclass(frozen=True)
class TenantSettings:
    """What a tenant may change; every field has a default."""

    currency: str = "USD"
    timezone: str = "UTC"
    fiscal_calendar: str = "standard"
    fiscal_year_start_month: int = 1
    #: `live` lets scheduled runs write to destinations; everything else is a dry run unless a run says otherwise.
    publish_mode: str = "dry_run"
    #: `standalone` adds our own journals to the trial balance where no ERP ledger is loaded.
    ledger_mode: str = "erp"
    #: Trade spend as `expense`, or as `contra_revenue` (ASC 606-10-32-25); net income is equal.
    trade_presentation: str = "expense"
    #: Names of the legal entities by company code; one without a name is shown as `Company_<code>`.
    company_names: Mapping[str, str] = field(default_factory=dict)
    reconcile: Mapping[str, object] = field(default_factory=dict)
    forecast: Mapping[str, object] = field(default_factory=dict)
    publish: Mapping[str, object] = field(default_factory=dict)
    close: Mapping[str, object] = field(default_factory=dict)
    compensation: Mapping[str, object] = field(default_factory=dict)

    _ALLOWED: ClassVar[dict[str, tuple[str, ...]]] = {
        "publish_mode": ("dry_run", "live"),
        "ledger_mode": ("erp", "standalone"),
        "trade_presentation": ("expense", "contra_revenue"),
    }

    def __post_init__(self) -> None:
        for name, allowed in self._ALLOWED.items():
            if getattr(self, name) not in allowed:
                raise _bad_setting(name, " or ".join(allowed), getattr(self, name))
        if not _CURRENCY.fullmatch(str(self.currency)):
            raise _bad_setting("currency", "an ISO 4217 code such as USD", self.currency)
        if not isinstance(self.company_names, Mapping):
            raise _bad_setting(
                "company_names", 'names by company code, such as {"1000": "Acme Inc."}', self.company_names
            )
        if self.fiscal_year_start_month not in range(1, 13):
            raise _bad_setting("fiscal_year_start_month", "1 to 12", self.fiscal_year_start_month)
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise _bad_setting("timezone", "a zone such as America/Chicago", self.timezone) from None

    @classmethod
    def from_mapping(cls, stored: Mapping[str, object]) -> TenantSettings:
        """Settings from stored JSON; TradewindError names a key that does not exist or a value out of bounds."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(stored) - known)
        if unknown:
            raise _bad_setting(
                "tenant settings", f"keys among {', '.join(sorted(known))}", ", ".join(unknown)
            )
        return cls(**stored)

    @staticmethod
    def unknown_tenant(tenant: str) -> TradewindError:
        """The error for a tenant that is not in the warehouse."""
        return TradewindError(
            where="tenancy.tenants",
            expected="a tenant of this warehouse",
            got=tenant,
            remedy=f"add it: python -m include.warehouse.tenants ensure {tenant} 'Its name'",
        )


def _bad_setting(where: str, expected: str, got: object) -> TradewindError:
    return TradewindError(where=where, expected=expected, got=repr(got), remedy="correct the setting")
