"""Blocks on several processes of this machine.

Processes start empty (`spawn`): a forked one would share the database connection of its parent. They end with their
parent even when it is killed, and blocks that came back before that are stored.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection, get_context, parent_process

from include.machines.wire import Order, Spread

#: Blocks per process that are computed ahead of what is stored, so that memory stays flat.
_AHEAD = 4

_answer: Callable[[Order], bytes]


def processes(workers: int) -> Spread:
    """Spreads orders over `workers` processes, answers in the order asked; with one worker over none."""

    def spread(answer: Callable[[Order], bytes], orders: Sequence[Order]) -> Iterator[bytes]:
        count = min(workers, len(orders))
        if count <= 1:
            yield from map(answer, orders)
            return
        pool = ProcessPoolExecutor(count, get_context("spawn"), _begin, (answer,))
        try:
            waiting = [pool.submit(_work, order) for order in orders[: _AHEAD * count]]
            for at in range(len(orders)):
                packed = waiting.pop(0).result()
                if at + _AHEAD * count < len(orders):
                    waiting.append(pool.submit(_work, orders[at + _AHEAD * count]))
                yield packed
        finally:
            pool.shutdown(cancel_futures=True)

    return spread


def _begin(answer: Callable[[Order], bytes]) -> None:
    """What a new process is given once: the questions, and a thread that ends it with its parent."""
    global _answer
    _answer = answer
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    connection.wait([parent_process().sentinel])
    os._exit(1)


def _work(order: Order) -> bytes:
    return _answer(order)
