"""The snapshot chain: what the ledger looked like when a settlement changed (golden G-34)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from include.reconcile.records import Snapshot

FIRST = hashlib.sha256(b"").hexdigest()


def canonical(content: Mapping[str, object]) -> str:
    """Canonical JSON: sorted keys, no spaces, amounts as text with four places."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_text)


def chained(previous_hash: str, payload: str) -> str:
    """sha256 of the previous hash (hex text) followed by the payload."""
    return hashlib.sha256((previous_hash + payload).encode()).hexdigest()


def snapshot(
    head: tuple[int, str], settlement_id: UUID, change: str, content: Mapping[str, object]
) -> Snapshot:
    """The next link after `head` = (sequence, hash); (0, FIRST) starts a chain."""
    sequence, previous = head
    payload = canonical(content)
    return Snapshot(sequence + 1, settlement_id, change, payload, previous, chained(previous, payload))


def verify(chain: Sequence[Snapshot]) -> list[str]:
    """What is wrong with a whole chain given in order; an empty list when nothing is.

    Finds changed, missing and reordered links. A tail cut off is found only against a head published
    elsewhere.
    """
    faults = []
    previous = FIRST
    for expected, link in enumerate(chain, start=1):
        if link.sequence != expected:
            faults.append(f"link {expected} is missing, found {link.sequence}")
            return faults
        if link.previous_hash != previous:
            faults.append(f"link {expected} does not follow the one before it")
        if chained(link.previous_hash, link.payload) != link.hash:
            faults.append(f"link {expected} was changed")
        previous = link.hash
    return faults


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, Decimal) else str(value)
