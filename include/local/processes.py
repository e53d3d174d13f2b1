"""Process groups and descendants: what a supervisor must know to leave nothing running.

On Linux the supervisor adopts what its children leave behind (a task whose scheduler was killed) and its
children are told to end when it is killed itself. Elsewhere only the process groups are known.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform == "linux"


def adopt_orphans() -> None:
    """From now on, descendants whose parent dies become children of this process."""
    if _LINUX:
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent() -> None:
    """In a fresh child: be sent SIGTERM when the process that started it dies."""
    if _LINUX:
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)


def descendants(pid: int) -> list[int]:
    """Every living process below `pid`; empty where there is no /proc."""
    of_parent: dict[int, list[int]] = {}
    for child, parent in _parents():
        of_parent.setdefault(parent, []).append(child)
    found, queue = [], [pid]
    while queue:
        below = of_parent.get(queue.pop(), [])
        found += below
        queue += below
    return found


def children(pid: int) -> list[int]:
    """Living processes whose parent is `pid`; empty where there is no /proc."""
    return [child for child, parent in _parents() if parent == pid]


def title(pid: int) -> str:
    """The command line of a process, empty when it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def working_in(folder: Path) -> list[int]:
    """Living processes, other than this one, whose working directory is `folder`; empty without /proc."""
    found = []
    for entry in _numbered():
        with contextlib.suppress(OSError):
            if entry.joinpath("cwd").readlink() == folder and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def end(pids: Iterable[int], *, seconds: float) -> None:
    """SIGTERM to each, then SIGKILL to those that are left after `seconds`."""
    waiting = [pid for pid in pids if _signal(pid, signal.SIGTERM)]
    deadline = time.monotonic() + seconds
    while waiting and time.monotonic() < deadline:
        time.sleep(0.1)
        waiting = [pid for pid in waiting if is_alive(pid)]
    for pid in waiting:
        _signal(pid, signal.SIGKILL)


def end_group(group: int, number: int) -> bool:
    """Send a signal to a whole process group; False when it is gone."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def is_alive(pid: int) -> bool:
    """Whether `pid` runs; one that ended and was not waited for does not count."""
    with contextlib.suppress(OSError):
        # The state letter follows the program's name, which may itself hold spaces and brackets.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return _signal(pid, 0)


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _numbered() -> list[Path]:
    proc = Path("/proc")
    return [entry for entry in proc.iterdir() if entry.name.isdigit()] if _LINUX else []


def _parents() -> list[tuple[int, int]]:
    found = []
    for entry in _numbered():
        with contextlib.suppress(OSError):
            fields = entry.joinpath("stat").read_text().rpartition(")")[2].split()
            found.append((int(entry.name), int(fields[1])))
    return found
