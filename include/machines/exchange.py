"""The folder in which questions and answered blocks meet: what the two sides of the wire write and read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from include.errors import TradewindError
from include.machines.wire import Order, Question, Spread, Worker, read_question, unpack

QUESTION, BLOCK = ".question.json", ".block"


def question_name(simulation_id: str) -> str:
    """File name of a simulation's question."""
    return f"{simulation_id}{QUESTION}"


def block_name(simulation_id: str, block_no: int) -> str:
    """File name of an answered block."""
    return f"{simulation_id}.{block_no:06d}{BLOCK}"


def answer_all(folder: str, spread: Spread) -> tuple[int, int]:
    """Compute the blocks that `folder` asks for and does not hold yet; returns (computed, already there)."""
    questions, orders = [], []
    for path in sorted(Path(folder).glob(f"*{QUESTION}")):
        question, asked = read_question(path.read_text())
        questions.append(question)
        orders += asked
    if not questions:
        raise TradewindError(
            where=folder,
            expected=f"question files (*{QUESTION})",
            got="none",
            remedy="export the simulations into this folder first",
        )
    by_id = {question.simulation_id: question for question in questions}
    missing = [order for order in orders if not _is_there(folder, by_id[order.simulation_id], order)]
    for _ in spread(_Writer(folder, Worker(tuple(questions))), missing):
        pass
    return len(missing), len(orders) - len(missing)


def answers(folder: Path) -> Iterator[bytes]:
    """Every packed block in `folder`, by name."""
    for path in sorted(folder.glob(f"*{BLOCK}")):
        yield path.read_bytes()


@dataclass(frozen=True)
class _Writer:
    """Answers an order into the folder, from whatever machine it is called on, and returns its file's name."""

    folder: str
    answer: Worker

    def __call__(self, order: Order) -> bytes:
        name = block_name(order.simulation_id, order.block.block_no)
        draft = Path(self.folder, f".{name}.{os.getpid()}.part")
        draft.write_bytes(self.answer(order))
        draft.replace(Path(self.folder, name))
        return name.encode()


def _is_there(folder: str, question: Question, order: Order) -> bool:
    path = Path(folder, block_name(order.simulation_id, order.block.block_no))
    if not path.is_file():
        return False
    try:
        found = unpack(path.read_bytes())
    except TradewindError:
        return False
    return (found.input_hash, found.seed, found.block_no, found.totals.start, found.totals.stop) == (
        question.input_hash, question.seed, order.block.block_no, order.block.start, order.block.stop,
    )  # fmt: skip
