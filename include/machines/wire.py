"""What travels: questions as JSON, answered blocks as bytes with a checksum.

    question file   {"format", "simulation_id", "seed", "input_hash", "inputs", "blocks": [[number, start, stop], …]}
    block file      one line of JSON, then the vectors as little-endian int64 one after the other

Neither needs anything but this package and `include.forecast` on the machine that computes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from include.errors import TradewindError
from include.forecast.engine import Block, BlockTotals, simulate_block
from include.forecast.inputs import ENGINE_VERSION, SimulationInputs, from_json

FORMAT = 1
_REP_SUMS = ("rep_sum", "")


@dataclass(frozen=True)
class Question:
    """What a simulation asks of a block: everything its cents depend on. `inputs` is the frozen JSON."""

    simulation_id: str
    seed: int
    input_hash: str
    inputs: str


@dataclass(frozen=True)
class Order:
    """One block of one simulation."""

    simulation_id: str
    block: Block


@dataclass(frozen=True)
class Answer:
    """A block as it came back, with what it claims to answer."""

    simulation_id: str
    seed: int
    input_hash: str
    block_no: int
    totals: BlockTotals


#: Applies a function to every order, as the built-in `map` does, anywhere and in any order.
Spread = Callable[[Callable[[Order], bytes], Sequence[Order]], Iterable[bytes]]


@dataclass(frozen=True)
class Worker:
    """Answers orders about its questions. Travels to where the work is done."""

    questions: tuple[Question, ...]

    def __call__(self, order: Order) -> bytes:
        """The block, computed and packed."""
        question = next(q for q in self.questions if q.simulation_id == order.simulation_id)
        block = order.block
        inputs = _inputs(question.inputs, question.input_hash)
        return pack(question, block.block_no, simulate_block(inputs, question.seed, block.start, block.stop))


def simulate_blocks(
    questions: Sequence[Question], orders: Sequence[Order], spread: Spread = map
) -> Iterator[bytes]:
    """The packed blocks of `orders`, computed wherever `spread` takes them; by default here, one by one."""
    yield from spread(Worker(tuple(questions)), orders)


def question_file(question: Question, blocks: Iterable[Block]) -> str:
    """A question and its blocks as JSON."""
    body = {"format": FORMAT, **vars(question), "blocks": [[b.block_no, b.start, b.stop] for b in blocks]}
    return json.dumps(body, sort_keys=True)


def read_question(text: str) -> tuple[Question, list[Order]]:
    """The question and the orders behind `question_file`. Raises TradewindError when it is none, or damaged."""
    try:
        body = json.loads(text)
        if body["format"] != FORMAT:
            raise _refuse("question file", f"format {FORMAT}", repr(body["format"]))
        question = Question(*(body[name] for name in ("simulation_id", "seed", "input_hash", "inputs")))
        orders = [Order(question.simulation_id, Block(*block)) for block in body["blocks"]]
    except (ValueError, KeyError, TypeError) as error:
        raise _refuse("question file", "JSON of a question with its blocks", repr(error)) from None
    found = hashlib.sha256(question.inputs.encode()).hexdigest()
    if found != question.input_hash:
        raise _refuse(f"question of {question.simulation_id}", f"inputs of {question.input_hash}", found)
    return question, orders


def pack(question: Question, block_no: int, totals: BlockTotals) -> bytes:
    """A block's cents as bytes that say what they answer."""
    vectors = {**totals.groups, _REP_SUMS: totals.rep_sums}
    body = b"".join(vector.astype("<i8").tobytes() for vector in vectors.values())
    head = {
        "format": FORMAT,
        "engine": ENGINE_VERSION,
        "simulation_id": question.simulation_id,
        "seed": question.seed,
        "input_hash": question.input_hash,
        "block_no": block_no,
        "start": totals.start,
        "stop": totals.stop,
        "vectors": [[kind, key, len(vector)] for (kind, key), vector in vectors.items()],
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return json.dumps(head, sort_keys=True).encode() + b"\n" + body


def unpack(packed: bytes) -> Answer:
    """The block behind `pack`. Raises TradewindError when it is cut off, changed or of another engine."""
    line, _, body = packed.partition(b"\n")
    try:
        head = json.loads(line)
        version = (head["format"], head["engine"])
        names = [((str(kind), str(key)), int(length)) for kind, key, length in head["vectors"]]
        claims = (str(head["simulation_id"]), head["seed"], head["input_hash"])
        block_no, start, stop = (int(head[name]) for name in ("block_no", "start", "stop"))
        checksum = head["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise _refuse("block file", "a packed block", repr(error)) from None
    if version != (FORMAT, ENGINE_VERSION):
        raise _refuse("block file", f"format {FORMAT} of engine {ENGINE_VERSION}", str(version))
    if hashlib.sha256(body).hexdigest() != checksum or len(body) != 8 * sum(length for _, length in names):
        raise _refuse("block file", f"bytes of sha256 {checksum}", f"{len(body)} bytes of another")
    vectors, at = {}, 0
    for name, length in names:
        vectors[name] = np.frombuffer(body, dtype="<i8", count=length, offset=at).astype(np.int64)
        at += 8 * length
    rep_sums = vectors.pop(_REP_SUMS, np.zeros(0, dtype=np.int64))
    return Answer(*claims, block_no, BlockTotals(start, stop, vectors, rep_sums))


@lru_cache(maxsize=4)
def _inputs(text: str, input_hash: str) -> SimulationInputs:
    inputs = from_json(text)
    if inputs.input_hash != input_hash:
        raise _refuse("frozen inputs", input_hash, inputs.input_hash)
    return inputs


def _refuse(where: str, expected: str, got: str) -> TradewindError:
    return TradewindError(
        where=where,
        expected=expected,
        got=got,
        remedy="export the questions again and compute the blocks again",
    )
