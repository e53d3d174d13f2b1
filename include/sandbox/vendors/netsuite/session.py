"""OAuth 2.0 client credentials by certificate: a JWT signed with PS256 buys a token for one hour."""

from __future__ import annotations

import os
import secrets
import threading
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

GRANT = "client_credentials"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"
#: The private half of the certificate every sandbox account knows; made when the sandbox starts.
KEY_FILE = "netsuite_m2m.key"
LONGEST_ASSERTION = 3600


def client_id(tenant: str) -> str:
    """The client id of a tenant's integration record in the sandbox."""
    return f"sandbox-client-{tenant}"


def certificate_id(tenant: str) -> str:
    """The id NetSuite gave the uploaded certificate; it names the key in a JWT's header."""
    return f"sandbox-certificate-{tenant}"


def private_key(folder: Path) -> Path:
    """The key clients sign with, made on first use; readable by its owner only."""
    path = folder / KEY_FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        partial = path.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        partial.replace(path)
    return path


class Sessions:
    """Access tokens by account."""

    def __init__(self, folder: Path):
        self.seconds = float(os.environ.get("TRADEWIND_SANDBOX_TOKEN_SECONDS", "3600"))
        key = serialization.load_pem_private_key(private_key(folder).read_bytes(), password=None)
        self._public = key.public_key()
        self._tokens: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def refusal(self, tenant: str, host: str, form: dict[str, str]) -> str | None:
        """Why a token request is refused (an OAuth error code), or None."""
        if form.get("grant_type") != GRANT:
            return "unsupported_grant_type"
        if form.get("client_assertion_type") != ASSERTION:
            return "invalid_request"
        token = form.get("client_assertion", "")
        try:
            if jwt.get_unverified_header(token).get("kid") != certificate_id(tenant):
                return "invalid_client"
            claims = jwt.decode(
                token,
                self._public,
                algorithms=["PS256"],
                audience=f"https://{host}{TOKEN_PATH}",
                options={"require": ["iss", "scope", "iat", "exp", "aud"]},
            )
        except jwt.InvalidTokenError:
            return "invalid_client"
        if claims["iss"] != client_id(tenant) or claims["exp"] - claims["iat"] > LONGEST_ASSERTION:
            return "invalid_client"
        return None if "rest_webservices" in claims["scope"] else "invalid_scope"

    def grant(self, tenant: str) -> str:
        """A new access token for an account."""
        token = f"sandbox.{secrets.token_urlsafe(24)}"
        with self._lock:
            self._tokens[token] = (tenant, time.monotonic() + self.seconds)
        return token

    def holds(self, authorization: str, tenant: str) -> bool:
        """Whether an Authorization header carries a living token of the account."""
        scheme, _, token = authorization.partition(" ")
        held, ends = self._tokens.get(token, ("", 0.0))
        return scheme == "Bearer" and held == tenant and time.monotonic() < ends

    def revoke(self, tenant: str) -> None:
        """End all tokens of an account."""
        with self._lock:
            self._tokens = {t: entry for t, entry in self._tokens.items() if entry[0] != tenant}
