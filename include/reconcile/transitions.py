"""Which moves of a promotion's commercial status may be made, and what stands while one may not (C5).

The direct moves are rows of data; a source that is looked at weekly may have made several since, so a move is
legal when a path of direct ones leads there. An illegal move moves no money: the promotion stays in the last
status that was accepted, nothing of it accrues, is released or pays a claim by itself, and a person is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from include.money import ZERO
from include.reconcile.journal import stable_id
from include.reconcile.ledger import KnownStatus
from include.reconcile.records import Changes, Promotion, StatusChange, StatusMove, Task

TASK = "ILLEGAL_TRANSITION"


@dataclass(frozen=True)
class Review:
    """Promotions in the status that counts, what is to be stored about it, and which of them are held.

    `held` gives the status that the source states and that was refused, by promotion.
    """

    promotions: tuple[Promotion, ...]
    held: Mapping[str, str] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)
    statuses: Mapping[str, KnownStatus] = field(default_factory=dict)


def reachable(direct: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Every status that a path of direct moves leads to, by where it starts."""
    nexts: dict[str, set[str]] = defaultdict(set)
    for start, end in direct:
        nexts[start].add(end)
    reached = {}
    for start in nexts:
        seen, waiting = set(), [start]
        while waiting:
            for end in nexts.get(waiting.pop(), ()):
                if end not in seen:
                    seen.add(end)
                    waiting.append(end)
        reached[start] = frozenset(seen)
    return reached


def review(
    tenant: str,
    promotions: Sequence[tuple[Promotion, bool]],
    changes: Iterable[StatusChange],
    direct: Sequence[tuple[str, str]],
    known: Mapping[str, KnownStatus],
    questions: Mapping[tuple[str, str], set[UUID]],
    as_of: date,
) -> Review:
    """Follow every promotion from its last accepted status; `promotions` come with whether their source says so.

    A status that was only derived for the business date (approved or closed later) is no move of the source.
    """
    if not direct:
        return Review(tuple(p for p, _ in promotions))
    legal = reachable(direct)
    history: dict[str, list[tuple[date, str]]] = defaultdict(list)
    for change in changes:
        history[change.promotion_key].append((change.changed_on, change.status))
    stored, statuses, kept, held = Changes(), {}, [], {}
    for promotion, is_stated in promotions:
        key = promotion.promotion_key
        before = known.get(key)
        seen = [row for row in history.get(key, ()) if before is None or row[0] > before.through]
        if is_stated:
            seen.append((as_of, promotion.status))
        now, moves = _follow(key, before, seen, legal)
        stored.moves.extend(moves)
        if now is not None and now != before:
            statuses[key] = now
        if now is not None and now.refused is not None:
            held[key] = now.refused
            promotion = replace(promotion, status=now.accepted)
        kept.append(promotion)
        _ask(tenant, stored, promotion, now, questions.get((key, TASK), set()))
    return Review(tuple(kept), held, stored, statuses)


def _follow(
    key: str, now: KnownStatus | None, seen: list[tuple[date, str]], legal: Mapping[str, frozenset[str]]
) -> tuple[KnownStatus | None, list[StatusMove]]:
    moves: list[StatusMove] = []
    for day, status in seen:
        if now is None:
            now = KnownStatus(status, 1, day)
            moves.append(StatusMove(key, 1, None, status, True, day))
            continue
        is_legal = status == now.accepted or status in legal.get(now.accepted, frozenset())
        came_from = now.refused if is_legal and now.refused is not None else now.accepted
        if status in (came_from, now.refused):
            continue
        number = now.sequence + 1
        moves.append(StatusMove(key, number, came_from, status, is_legal, day))
        now = KnownStatus(status, number, day) if is_legal else replace(
            now, sequence=number, through=day, refused=status
        )  # fmt: skip
    return now, moves


def _ask(
    tenant: str, stored: Changes, promotion: Promotion, now: KnownStatus | None, asked: set[UUID]
) -> None:
    """One open question per promotion and refused status; it ends when the source is back on a legal way."""
    key, question = promotion.promotion_key, None
    if now is not None and now.refused is not None:
        question = stable_id(tenant, key, "TASK", TASK, now.accepted, now.refused)
    stored.closed_tasks.extend(sorted(asked - {question}))
    if question is not None and question not in asked:
        detail = (
            f"{key} went from {now.accepted} to {now.refused}, which is not allowed: it stays {now.accepted} here and"
            f" nothing is posted for it unless a person decides. Set it back to {now.accepted} in the source, or plan a new promotion"
        )
        stored.tasks.append(
            Task(
                question,
                TASK,
                promotion.planned_amount or ZERO,
                promotion.currency,
                detail,
                promotion_key=key,
                proposal={"from": now.accepted, "to": now.refused},
            )
        )
