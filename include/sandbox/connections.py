"""What clients need to reach the sandbox: Airflow connections and the environment of a process.

Each vendor declares its own connections; this module names them. `<prefix>_default` leads to the first tenant,
`<prefix>_<tenant>` to each. All credentials are invented and open nothing but invented records.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from include.sandbox import tls
from include.sandbox.settings import LOOPBACK, Ports, state_folder
from include.sandbox.vendors import discover

TENANTS = ("demo", "harbor")


def connections(
    ports: Ports | Mapping[str, int] | None = None, tenants: Sequence[str] = TENANTS
) -> dict[str, str]:
    """AIRFLOW_CONN_* variables with their JSON values, for every vendor and tenant."""
    listening = _ports(ports)
    found: dict[str, str] = {}
    for vendor in discover():
        for position, tenant in enumerate(tenants):
            for prefix, fields in vendor.connections(listening, tenant).items():
                value = json.dumps(fields)
                found[f"AIRFLOW_CONN_{prefix}_{tenant}".upper()] = value
                if position == 0:
                    found[f"AIRFLOW_CONN_{prefix}_DEFAULT".upper()] = value
    return found


def environment(ports: Ports | Mapping[str, int] | None = None, folder: Path | None = None) -> dict[str, str]:
    """Variables that lead a process's HTTPS through the tunnel and make it trust the sandbox's certificate.

    `folder` is the sandbox's own (see `settings.state_folder`). Lower-case twins are given because libraries disagree on which they read.
    """
    listening = _ports(ports)
    proxy = f"http://{LOOPBACK}:{listening.tunnel}"
    bundle = str(tls.bundle_path((folder or state_folder()) / "tls"))
    local = f"{LOOPBACK},localhost"
    return {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": local,
        "no_proxy": local,
        "REQUESTS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
    }


def _ports(ports: Ports | Mapping[str, int] | None) -> Ports:
    if ports is None:
        return Ports.from_environment()
    return ports if isinstance(ports, Ports) else Ports(**ports)
