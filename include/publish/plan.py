"""The plan of a publish: desired items against what was confirmed before.

Pure. Semantics 5g and resolution C54: the same content again is nothing to do, going back to an earlier
content is a new generation, and what a destination refused is not sent again until its content changes or
a person asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from include.errors import TradewindError
from include.publish.items import Item


@dataclass(frozen=True)
class Known:
    """What the ledger says of one business key: its newest generation, and the content last confirmed."""

    generation: int
    status: str
    content_sha256: str
    confirmed_sha256: str | None
    last_error: str | None = None


@dataclass(frozen=True)
class Entry:
    """One row of the outbox to be sent: a new generation, or one that waits there already (`is_new` False)."""

    item: Item
    generation: int
    is_new: bool


@dataclass
class Plan:
    """Every desired item in exactly one class."""

    create: list[Entry] = field(default_factory=list)
    update: list[Entry] = field(default_factory=list)
    unchanged: list[Item] = field(default_factory=list)
    reject: list[tuple[Item, str]] = field(default_factory=list)

    @property
    def to_send(self) -> list[Entry]:
        """What goes to the destination, in order of key."""
        return sorted(self.create + self.update, key=lambda entry: entry.item.key)

    def counts(self) -> dict[str, int]:
        """Items per class."""
        return {
            "create": len(self.create),
            "update": len(self.update),
            "unchanged": len(self.unchanged),
            "reject": len(self.reject),
        }


def classify(desired: Iterable[Item], known: Mapping[str, Known], *, resend: bool = False) -> Plan:
    """Put every desired item into its class.

    `resend` sends again what was refused before and what is unchanged: for a destination that lost data.
    """
    plan = Plan()
    for item in desired:
        before = known.get(item.key)
        if item.problem:
            plan.reject.append((item, item.problem))
        elif before is None:
            plan.create.append(Entry(item, 1, is_new=True))
        else:
            _classify_known(plan, item, before, resend)
    return plan


def guard(plan: Plan, known_count: int, *, max_changed_share: float, where: str) -> None:
    """Refuse a plan that changes more of a destination than its owner allows.

    Only asked where at least 20 items were published before: a share of few says nothing.
    """
    if known_count >= 20 and len(plan.update) > max_changed_share * known_count:
        raise TradewindError(
            where=where,
            expected=f"at most {max_changed_share:.0%} of {known_count} published items to change",
            got=f"{len(plan.update)} changes",
            remedy="look at the plan of a dry run; raise publish.max_changed_share if the change is meant",
        )


def _classify_known(plan: Plan, item: Item, before: Known, resend: bool) -> None:
    same = before.content_sha256 == item.content_sha256
    to_class = plan.create if before.confirmed_sha256 is None else plan.update
    if same and before.status == "confirmed" and not resend:
        plan.unchanged.append(item)
    elif same and before.status == "rejected" and not resend:
        plan.reject.append((item, before.last_error or "refused before, unchanged since"))
    elif same and before.status in ("pending", "sending", "unknown"):
        to_class.append(Entry(item, before.generation, is_new=False))
    else:
        to_class.append(Entry(item, before.generation + 1, is_new=True))
