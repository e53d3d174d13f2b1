"""Blocks computed by other processes, and what travels to them and back."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.errors import TradewindError
from include.forecast.engine import block_plan, simulate_block
from include.forecast.sampling import METHODS, sampling_of
from include.machines import bundle, exchange
from include.machines.pool import processes
from include.machines.wire import (
    Order,
    Question,
    pack,
    question_file,
    read_question,
    simulate_blocks,
    unpack,
)  # fmt: skip
from tests.property.test_forecast_properties import portfolio

ROOT = Path(__file__).resolve().parents[2]
ITERATIONS, BLOCK, SEED = 4096, 701, 7


def question(name: str = "a", method: str = "plain") -> Question:
    """A question about a portfolio of all families."""
    inputs = replace(portfolio(), sampling=sampling_of(method, ITERATIONS))
    return Question(f"sim_{name}", SEED, inputs.input_hash, inputs.to_json())


def orders(*names: str) -> list[Order]:
    """Every block of the simulations called `names`."""
    return [Order(f"sim_{name}", block) for name in names for block in block_plan(ITERATIONS, BLOCK)]


def result_hash(packed: list[bytes]) -> str:
    """sha256 of the totals, put in order, as a simulation's result_hash is made."""
    blocks = sorted((unpack(p).totals for p in packed), key=lambda totals: totals.start)
    return hashlib.sha256(
        b"".join(b.groups[("total", "")].astype("<i8").tobytes() for b in blocks)
    ).hexdigest()


@pytest.fixture(scope="module")
def packed() -> bytes:
    """One block as it travels."""
    return next(simulate_blocks([question()], orders("a")))


def test_processes_of_this_machine_compute_the_same_bytes():
    """Every sampling, two simulations in one pool."""
    questions = [question(method, method) for method in METHODS]
    asked = orders(*METHODS)
    here = list(simulate_blocks(questions, asked))
    assert list(simulate_blocks(questions, asked, processes(2))) == here
    whole = simulate_block(portfolio(), SEED, 0, ITERATIONS).groups[("total", "")]
    expected = hashlib.sha256(whole.astype("<i8").tobytes()).hexdigest()
    assert result_hash(here[: len(block_plan(ITERATIONS, BLOCK))]) == expected


def test_an_error_in_a_process_arrives():
    broken = replace(question(), inputs="{}")
    with pytest.raises(TradewindError, match="another version"):
        list(simulate_blocks([broken], orders("a")[:2], processes(2)))


def test_killed_with_its_pool_leaves_no_process():
    script = (
        "import os, sys\n"
        "from include.machines.pool import processes\n"
        "from tests.property.test_forecast_machines import orders, question\n"
        "from include.machines.wire import simulate_blocks\n"
        "if __name__ == '__main__':\n"
        "    answers = simulate_blocks([question()], orders('a') * 100, processes(2))\n"
        "    next(answers)\n"
        "    children = open(f'/proc/self/task/{os.getpid()}/children').read()\n"
        "    print(children, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        children = [int(pid) for pid in process.stdout.readline().split()]
        process.send_signal(signal.SIGKILL)
    assert len(children) >= 2
    deadline = time.monotonic() + 20
    while any(_is_alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_is_alive(pid) for pid in children)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_block_survives_its_journey(packed):
    answer, block = unpack(packed), simulate_block(portfolio(), SEED, 0, BLOCK)
    assert (answer.simulation_id, answer.seed, answer.block_no) == ("sim_a", SEED, 0)
    assert answer.totals.groups.keys() == block.groups.keys()
    assert all(np.array_equal(answer.totals.groups[name], v) for name, v in block.groups.items())
    assert np.array_equal(answer.totals.rep_sums, block.rep_sums)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_damaged_block_is_refused(packed, data):
    """Cut off anywhere, or with any byte of its cents changed."""
    cut = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(TradewindError):
        unpack(packed[:cut])
    at = data.draw(st.integers(packed.index(b"\n") + 1, len(packed) - 1))
    with pytest.raises(TradewindError, match="sha256"):
        unpack(packed[:at] + bytes([packed[at] ^ 1]) + packed[at + 1 :])


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"format": 9}', '{"format": 1, "seed": 1}'])
def test_what_is_no_question_is_refused(text):
    with pytest.raises(TradewindError, match="question file"):
        read_question(text)


def test_changed_inputs_are_refused_before_anything_is_computed():
    text = question_file(question(), block_plan(ITERATIONS, BLOCK))
    again, asked = read_question(text)
    assert (again, asked) == (question(), orders("a"))
    body = json.loads(text)
    body["inputs"] = body["inputs"].replace("0.4", "0.5", 1)
    with pytest.raises(TradewindError, match="inputs of"):
        read_question(json.dumps(body))


def test_the_exchange_folder_is_answered_once_and_mended(tmp_path):
    plan = block_plan(ITERATIONS, BLOCK)
    for name in ("a", "b"):
        path = tmp_path / exchange.question_name(f"sim_{name}")
        path.write_text(question_file(question(name), plan))
    assert exchange.answer_all(str(tmp_path), map) == (2 * len(plan), 0)
    files = {path.name: path.read_bytes() for path in sorted(tmp_path.glob("*.block"))}
    assert result_hash(list(files.values())[: len(plan)]) == result_hash(list(files.values())[len(plan) :])
    cut = tmp_path / exchange.block_name("sim_a", 2)
    cut.write_bytes(cut.read_bytes()[:-1])
    other = tmp_path / exchange.block_name("sim_b", 1)
    other.write_bytes(pack(replace(question("b"), seed=8), 1, unpack(files[other.name]).totals))
    assert exchange.answer_all(str(tmp_path), map) == (2, 2 * len(plan) - 2)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.block")} == files


def test_a_folder_without_questions_is_refused(tmp_path):
    with pytest.raises(TradewindError, match="question files"):
        exchange.answer_all(str(tmp_path), map)


def test_the_bundle_is_all_a_cluster_needs(tmp_path):
    """The job's code from the zip alone, where this project is not: NumPy and SciPy only. Same code, same bytes."""
    first, second = (bundle.write_bundle(tmp_path / name).read_bytes() for name in ("a.zip", "b.zip"))
    assert first == second
    (tmp_path / exchange.question_name("sim_a")).write_text(question_file(question(), block_plan(99, 50)))
    script = (
        "import sys; from include.machines import exchange; print(exchange.answer_all(sys.argv[1], map));"
        "foreign = {m.split('.')[0] for m in sys.modules} & {'psycopg', 'pandas', 'yaml', 'airflow', 'httpx'};"
        "assert not foreign, foreign; assert 'a.zip' in exchange.__file__"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "a.zip")}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=tmp_path, env=environment, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "(2, 0)"), done.stderr
