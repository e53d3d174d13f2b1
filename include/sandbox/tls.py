"""A private certificate authority and one certificate for every vendor's host name.

The authority is made once and kept, because clients that run for hours have read its bundle. The certificate is
made again whenever the set of host names changes, which is what adding a vendor does.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import certifi
import trustme
from cryptography import x509


@dataclass(frozen=True)
class Authority:
    """Paths of the files a listener and its clients need: certificate with key, and the trust bundle."""

    certificate: Path
    key: Path
    bundle: Path


def prepare(folder: Path, hosts: tuple[str, ...]) -> Authority:
    """Make or reuse authority, certificate and bundle under `folder`; keys are readable by their owner only."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    ca_cert, ca_key = folder / "ca.pem", folder / "ca.key"
    if not (ca_cert.exists() and ca_key.exists()):
        made = trustme.CA(organization_name="Tradewind sandbox", organization_unit_name="this machine only")
        _write(ca_key, made.private_key_pem.bytes(), secret=True)
        _write(ca_cert, made.cert_pem.bytes())
        (folder / "server.pem").unlink(missing_ok=True)
    authority = Authority(folder / "server.pem", folder / "server.key", bundle_path(folder))
    if not (authority.key.exists() and _names(authority.certificate) == set(hosts)):
        ca = trustme.CA.from_pem(ca_cert.read_bytes(), ca_key.read_bytes())
        leaf = ca.issue_cert(*hosts)
        _write(authority.key, leaf.private_key_pem.bytes(), secret=True)
        _write(authority.certificate, b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
    # Written on every start: the public roots in certifi change when the environment is upgraded.
    _write(authority.bundle, Path(certifi.where()).read_bytes() + b"\n" + ca_cert.read_bytes())
    return authority


def bundle_path(folder: Path) -> Path:
    """Where the trust bundle (public roots and ours) is or will be."""
    return folder / "bundle.pem"


def _names(certificate: Path) -> set[str]:
    if not certificate.exists():
        return set()
    loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}


def _write(path: Path, content: bytes, *, secret: bool = False) -> None:
    """Replace `path` in one step, so that a reader never meets half a file; mkstemp gives mode 0600."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    if not secret:
        Path(temporary).chmod(0o644)
    Path(temporary).replace(path)
