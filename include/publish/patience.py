"""HTTP calls that are repeated where repeating helps: 429, 5xx and transport errors, and Retry-After is obeyed.

Only for calls that may be repeated without harm, which every write to a destination here is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_base, wait_exponential_jitter

ATTEMPTS = 7
Answer = TypeVar("Answer")


class Transient(Exception):
    """A call that may succeed when repeated; carries the seconds the server asked to wait."""

    def __init__(self, reason: str, wait: float | None = None):
        super().__init__(reason)
        self.wait = wait


class _ObeyRetryAfter(wait_base):
    def __init__(self) -> None:
        self.backoff = wait_exponential_jitter(multiplier=0.5, max=30)

    def __call__(self, retry_state) -> float:
        asked = getattr(retry_state.outcome.exception(), "wait", None)
        return asked if asked is not None else self.backoff(retry_state)


def patiently(call: Callable[..., Answer], *arguments: object, **more: object) -> Answer:
    """Call until it is not `Transient` any more; after seven attempts the last Transient is raised."""
    retrying = Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=_ObeyRetryAfter(),
        retry=retry_if_exception_type(Transient),
        reraise=True,
    )
    return retrying(call, *arguments, **more)


def send_once(http: httpx.Client, method: str, url: str, **more: object) -> httpx.Response:
    """One request; raises Transient for an answer or a failure that may pass."""
    try:
        response = http.request(method, url, **more)
    except httpx.TransportError as error:
        raise Transient(f"{type(error).__name__}: {error}") from error
    if response.status_code == 429 or response.status_code >= 500:
        asked = response.headers.get("Retry-After", "")
        wait = float(asked) if asked.replace(".", "", 1).isdigit() else None
        raise Transient(f"{response.status_code} {response.text[:200]}", wait)
    return response
