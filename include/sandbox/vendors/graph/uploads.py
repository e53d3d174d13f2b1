"""Upload sessions: a large file in fragments, resumable, at an address that needs no token.

Rules kept from the real service: fragments start where the last one ended and are multiples of 320 KiB except the
last; a fragment that overlaps what is there is 416; a finished, cancelled or expired session is 404.
"""

from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from include.sandbox.vendors.graph.drive import NOT_FOUND, Drive, GraphError

FRAGMENT = 320 * 1024
LARGEST = 60 * 1024 * 1024
LIFETIME_SECONDS = 24 * 3600
RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)\Z")
SPACE = "graph:uploads"


def open_session(drive: Drive, parent: str, name: str, conflict: str, if_match: str | None) -> dict[str, Any]:
    """Start a session for a name in a folder and return it as kept."""
    existing = drive.child(parent, name)
    drive.check_match(existing, if_match)
    if existing and conflict == "fail":
        raise GraphError(409, "nameAlreadyExists", "The specified item name already exists.")
    session = {
        "id": secrets.token_hex(16),
        "drive": drive.id,
        "parent": parent,
        "name": name,
        "conflict": conflict,
        "if_match": if_match,
        "received": 0,
        "total": None,
        "expires": time.time() + LIFETIME_SECONDS,
    }
    _part(drive, session).touch()
    drive.store.put(SPACE, "session", session["id"], session)
    return session


def find(store: Any, session_id: str, *, expire: bool = False) -> dict[str, Any]:
    """A live session; 404 for one that is over. `expire` ends it first."""
    session = store.get(SPACE, "session", session_id)
    if session and (expire or session["expires"] < time.time()):
        store.delete(SPACE, "session", session_id)
        session = None
    if session is None:
        raise GraphError(404, "itemNotFound", "The upload session was not found")
    return session


def status(session: dict[str, Any]) -> dict[str, Any]:
    """What is still expected of a session."""
    expires = datetime.fromtimestamp(session["expires"], UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    last = "" if session["total"] is None else str(session["total"] - 1)
    return {"expirationDateTime": expires, "nextExpectedRanges": [f"{session['received']}-{last}"]}


def cancel(drive: Drive, session: dict[str, Any]) -> None:
    """Forget a session and its fragments."""
    drive.store.delete(SPACE, "session", session["id"])
    _part(drive, session).unlink(missing_ok=True)


def receive(
    drive: Drive, session: dict[str, Any], content_range: str, body: bytes
) -> tuple[dict[str, Any], bool] | None:
    """Take one fragment; returns (item, created) when it was the last, None before."""
    first, last, total = _checked_range(session, content_range, len(body))
    part = _part(drive, session)
    with open(part, "r+b") as file:
        # A process killed between writing and saving leaves bytes that were never acknowledged.
        file.truncate(first)
        file.seek(first)
        file.write(body)
    session |= {"received": last + 1, "total": total}
    if last + 1 < total:
        drive.store.put(SPACE, "session", session["id"], session)
        return None
    if drive.item(session["parent"]) is None:
        raise GraphError(404, "itemNotFound", NOT_FOUND)
    with drive.lock, drive.store.transaction():
        drive.store.delete(SPACE, "session", session["id"])
        return drive.write_file(
            session["parent"], session["name"], part, session["conflict"], session["if_match"]
        )


def _checked_range(session: dict[str, Any], content_range: str, length: int) -> tuple[int, int, int]:
    found = RANGE.match(content_range)
    if not found:
        raise GraphError(400, "invalidRequest", "The Content-Range header is missing or malformed.")
    first, last, total = (int(group) for group in found.groups())
    if last < first or last >= total or last - first + 1 != length:
        raise GraphError(400, "invalidRequest", "The Content-Range header does not match the content.")
    if length > LARGEST:
        raise GraphError(413, "requestEntityTooLarge", "A fragment may hold at most 60 MiB.")
    if session["total"] not in (None, total):
        raise GraphError(400, "invalidRequest", "The total length differs from the first fragment's.")
    if first < session["received"]:
        raise GraphError(
            416, "invalidRange", "The uploaded fragment overlaps with data that has already been received.",
            "fragmentOverlap",
        )  # fmt: skip
    if first > session["received"]:
        raise GraphError(416, "invalidRange", "The uploaded fragment is out of order.", "fragmentOutOfOrder")
    if length % FRAGMENT and last + 1 < total:
        raise GraphError(
            400, "invalidRequest", "Fragments other than the last must be a multiple of 320 KiB."
        )
    return first, last, total


def _part(drive: Drive, session: dict[str, Any]) -> Path:
    return drive.store.folder / f"session-{session['id']}.part"
