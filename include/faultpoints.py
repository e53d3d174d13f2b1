"""Named points where a crash test may kill the process.

A point does nothing unless TRADEWIND_FAULTS=1. Then it looks for a one-shot row in ops.fault, deletes it on
a connection of its own (so that the retry survives) and acts: SIGKILL, SIGSTOP or an exception.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

import psycopg

_passed: Counter[str] = Counter()


class InjectedFault(RuntimeError):
    """The exception of a fault whose action is `raise`."""


def point(name: str) -> None:
    """A place where the process may be killed without harm; `name` is `<verb>.<what has just happened>`."""
    if os.environ.get("TRADEWIND_FAULTS") != "1":
        return
    _passed[name] += 1
    action = _claim(name, _passed[name])
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action == "raise":
        raise InjectedFault(name)


def passed() -> dict[str, int]:
    """How often each point was passed in this process; tests enumerate the points with it."""
    return dict(_passed)


def _claim(name: str, count: int) -> str | None:
    with psycopg.connect(os.environ["TRADEWIND_DSN_PIPELINE"], autocommit=True) as conn:
        row = conn.execute(
            "DELETE FROM ops.fault WHERE name = %s AND nth = %s RETURNING action", (name, count)
        ).fetchone()
    return row[0] if row else None
