"""The systems this sandbox plays: one module or package each, found by looking, never by a list.

A module here takes part by defining `VENDOR`. It says which host names it answers, how to build its ASGI
application, what its own error bodies look like (the fault layer asks for them), which extra faults it understands
and which Airflow connections lead to it.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from include.sandbox.settings import Ports
from include.sandbox.store import Store

TENANT = r"[a-z][a-z0-9_]{0,30}"


@dataclass(frozen=True)
class Context:
    """What a vendor is built from: its persistent store and the folder of the seeded world."""

    store: Store
    world: Path
    folder: Path


ErrorBody = Callable[[int, str | None], tuple[Any, dict[str, str]]]


@dataclass(frozen=True)
class Vendor:
    """One simulated system.

    `hosts` are host names, a leading `*.` standing for exactly one label. `listener` names the port it is served
    on (see `settings.Ports`). `error(status, message)` gives the JSON body and extra headers of the vendor's own
    error. `faults` are the fault kinds that only this vendor can play; they reach it as `scope["sandbox.fault"]`.
    `connections(ports, tenant)` gives Airflow connections as {conn_id prefix: fields}.
    """

    name: str
    hosts: tuple[str, ...]
    build: Callable[[Context], Any]
    error: ErrorBody
    connections: Callable[[Ports, str], dict[str, dict[str, Any]]]
    faults: tuple[str, ...] = ()
    listener: str = "tls"
    patterns: tuple[re.Pattern[str], ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        compiled = tuple(
            re.compile(re.escape(host).replace(r"\*", r"[a-z0-9_-]+") + r"\Z") for host in self.hosts
        )
        object.__setattr__(self, "patterns", compiled)

    def answers(self, host: str) -> bool:
        """Whether this vendor plays `host` (no port, lower case)."""
        return any(pattern.match(host) for pattern in self.patterns)


@cache
def discover() -> tuple[Vendor, ...]:
    """Every vendor of this package, by name."""
    found = []
    for module in pkgutil.iter_modules(__path__):
        vendor = getattr(importlib.import_module(f"{__name__}.{module.name}"), "VENDOR", None)
        if vendor is not None:
            found.append(vendor)
    return tuple(sorted(found, key=lambda vendor: vendor.name))


def tenant_of(host: str) -> str:
    """The tenant an org host belongs to: its first label. Host names cannot carry `_`, so `-` stands for it."""
    return host.split(".", 1)[0].replace("-", "_")


def label_of(tenant: str) -> str:
    """The host label of a tenant; the inverse of `tenant_of`."""
    return tenant.replace("_", "-")
