"""The JWT bearer grant: one key pair per sandbox, whose public half stands for the app's certificate."""

from __future__ import annotations

from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from include.sandbox.vendors.salesforce.session import consumer_key

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def private_key(folder: Path) -> Path:
    """The key a client signs with, made on first use; readable by its owner only."""
    path = folder / "salesforce_jwt.key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        path.touch(mode=0o600)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return path


def check(folder: Path, tenant: str, assertion: str) -> str | None:
    """Why an assertion is refused, or None: signature, issuer, audience and expiry are checked."""
    key = serialization.load_pem_private_key(private_key(folder).read_bytes(), password=None).public_key()
    try:
        claims = jwt.decode(
            assertion,
            key,
            algorithms=["RS256"],
            options={"verify_aud": False, "require": ["iss", "sub", "aud"]},
        )
    except jwt.InvalidTokenError as error:
        return f"invalid assertion: {error}"
    if claims["iss"] != consumer_key(tenant):
        return "invalid assertion: issuer is not an app of this org"
    if not str(claims["aud"]).endswith(".salesforce.com"):
        return "invalid assertion: audience is invalid"
    return None
