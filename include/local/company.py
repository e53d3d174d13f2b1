"""Which company a local run is about: the demo's two, or one made from a folder of contract files."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from include.errors import TradewindError
from include.local import environment
from include.sandbox.world_erp import internal_ids
from include.settings import tenant_slug
from include.warehouse.session import Warehouse
from include.warehouse.tenants import ensure_tenant, load_settings

#: Slugs that mean something else than a company of a folder.
RESERVED = ("system", "demo", "harbor")
LONGEST = 31


@dataclass(frozen=True)
class Company:
    """A tenant with its name and the settings it starts with."""

    tenant: str
    name: str
    settings: dict[str, object] = field(default_factory=dict)


#: Live against the sandbox only: their connections lead nowhere else.
DEMO = (
    Company(
        "demo",
        "Demo Foods",
        {
            "currency": "USD",
            "timezone": "America/Chicago",
            "fiscal_calendar": "US-MONTHLY",
            "publish_mode": "live",
            "forecast": {
                "scenarios": {
                    "base": {},
                    "strong_year": {"attainment_scale": 1.1},
                    "open_pipeline": {"mode": "pipeline"},
                }
            },
        },
    ),
    Company(
        "harbor",
        "Harbor Provisions",
        {
            "currency": "EUR",
            "timezone": "Europe/Amsterdam",
            "fiscal_calendar": "EU-MONTHLY",
            "publish_mode": "live",
            # Its ERP has internal ids of its own for the accounts.
            "publish": {"erp": {"accounts": internal_ids("harbor")}},
        },
    ),
)


@dataclass(frozen=True)
class Folder:
    """A folder of contract files and the tenant it is for."""

    path: Path
    tenant: str


def from_folder(files: str, tenant: str) -> Folder:
    """The folder of FILES and its tenant: TENANT, else a slug of the folder's name.

    Two folders of one name are two companies: the second gets a suffix made from its path.
    Raises TradewindError when there is no such folder or TENANT is no slug.
    """
    path = Path(files).expanduser().absolute()
    if not files or not path.is_dir():
        raise TradewindError(
            where="make run",
            expected="FILES=<folder with contract CSVs>",
            got=files or "nothing",
            remedy="name the folder; the templates are in docs/contracts",
        )
    if tenant:
        return Folder(path, tenant_slug(tenant))
    return Folder(path, _remembered_slug(path))


def slug(name: str) -> str:
    """A tenant slug made from any folder name."""
    text = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not text or not text[0].isalpha():
        text = f"c_{text}".rstrip("_")
    return f"{text[: LONGEST - 6]}_files" if text in RESERVED else text[:LONGEST]


def register(wh: Warehouse, folder: Folder, currency: str) -> Company:
    """Make sure the folder's tenant exists; what an existing one is called and set to stays, `currency` aside."""
    with wh.pipeline() as conn:
        row = conn.execute(
            "SELECT name FROM tenancy.tenants WHERE tenant_id = %s", (folder.tenant,)
        ).fetchone()
    name = row[0] if row else folder.path.name
    changes: dict[str, object] = {"currency": currency} if currency else {}
    ensure_tenant(wh, folder.tenant, name, changes)
    return Company(folder.tenant, name)


def business_date(wh: Warehouse, tenant: str, as_of: str) -> tuple[str, str]:
    """AS_OF, else today in the tenant's zone; with words that say which.

    Raises TradewindError when AS_OF is no date.
    """
    if as_of:
        try:
            return date.fromisoformat(as_of).isoformat(), "(given)"
        except ValueError:
            raise TradewindError(
                where="make run", expected="AS_OF=YYYY-MM-DD", got=as_of, remedy="write the date that way"
            ) from None
    with wh.pipeline() as conn:
        zone = load_settings(conn, tenant).timezone
    return datetime.now(
        ZoneInfo(zone)
    ).date().isoformat(), f"(today in {zone}; AS_OF=YYYY-MM-DD sets another)"


def _remembered_slug(path: Path) -> str:
    note = environment.state() / "folders.json"
    owners: dict[str, str] = json.loads(note.read_text()) if note.exists() else {}
    chosen = slug(path.name)
    if owners.get(chosen, str(path)) != str(path):
        digest = hashlib.sha256(str(path).encode()).hexdigest()[:6]
        chosen = f"{chosen[: LONGEST - 7]}_{digest}"
    note.parent.mkdir(parents=True, exist_ok=True)
    partial = note.with_suffix(".partial")
    partial.write_text(json.dumps(owners | {chosen: str(path)}, indent=1) + "\n")
    partial.replace(note)
    return chosen
