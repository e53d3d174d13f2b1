"""The snapshot chain: what the ledger looked like when a settlement changed (golden G-34)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from include.errors import CheckFailed
from include.reconcile.records import Snapshot

FIRST = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of a chain at some moment; sequence 0 with the hash FIRST is a chain that has not begun."""

    sequence: int
    hash: str


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


def verify(chain: Iterable[Snapshot], published: Iterable[Head] = ()) -> Iterator[CheckFailed]:
    """What is wrong with a whole chain given in order; nothing when it is sound.

    Recomputes every hash, one link in memory at a time. Changed, missing, added and reordered links show in
    the chain itself. A tail that was cut off, or cut off and written anew, shows only against heads that
    were published elsewhere: each of them must be a link of this chain.
    """
    waiting: dict[int, set[str]] = {}
    for head in published:
        waiting.setdefault(head.sequence, set()).add(head.hash)
    yield from _contradicted(waiting.pop(0, set()), 0, FIRST)
    expected, previous = 1, FIRST
    for link in chain:
        if link.sequence != expected:
            yield _fault(
                f"snapshot {expected}", f"link {expected} of the chain", f"link {link.sequence} in its place"
            )
        if link.previous_hash != previous:
            yield _fault(
                f"snapshot {link.sequence}",
                f"previous hash {previous}, that of the link before it",
                link.previous_hash,
            )
        if (recomputed := chained(link.previous_hash, link.payload)) != link.hash:
            yield _fault(
                f"snapshot {link.sequence}", f"hash {recomputed}, recomputed from its content", link.hash
            )
        if f'"settlement_id":"{link.settlement_id}"' not in link.payload:
            yield _fault(
                f"snapshot {link.sequence}", f"content about settlement {link.settlement_id}", link.payload
            )
        yield from _contradicted(waiting.pop(link.sequence, set()), link.sequence, link.hash)
        expected, previous = link.sequence + 1, link.hash
    for sequence, hashes in sorted(waiting.items()):
        yield _fault(
            f"snapshot {sequence}",
            f"the published link {sequence} with hash {min(hashes)}",
            f"a chain that ends at link {expected - 1}",
        )


def _contradicted(published: set[str], sequence: int, found: str) -> Iterator[CheckFailed]:
    for claimed in sorted(published - {found}):
        yield _fault(f"snapshot {sequence}", f"hash {claimed}, as it was published", found)


def _fault(where: str, expected: str, got: str) -> CheckFailed:
    return CheckFailed(
        where=f"finance.gl_snapshots · {where}",
        expected=expected,
        got=got,
        remedy="the evidence was changed behind the database's back: keep this database as it is, restore a backup"
        " from before the published head that still agrees, and compare the two",
    )


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, Decimal) else str(value)
