"""The blocks of a tenant's simulations: which are missing, who computes them, and what may be stored.

Blocks computed elsewhere (local processes, Spark) come back as bytes. What does not fit the simulation to the last
vector is refused; what fits is stored as if it had been computed here, whole or not at all, and only once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from include.errors import TradewindError
from include.faultpoints import point
from include.forecast.engine import GROUP_KINDS, BlockTotals, block_plan, simulate_block
from include.machines import exchange
from include.machines.wire import Answer, Order, Question, Spread, question_file, simulate_blocks, unpack
from include.warehouse import forecasts
from include.warehouse.forecasts import Simulation
from include.warehouse.lease import Lease
from include.warehouse.session import Warehouse

log = logging.getLogger("tradewind.forecast")

#: What summarising leaves of the progress bar.
_BLOCKS_SHARE = 90
#: Iterations of an imported simulation that are computed here again.
_PROOF = 16


def pending(wh: Warehouse, tenant: str, simulation_ids: Sequence[str]) -> tuple[list[Question], list[Order]]:
    """The simulations' questions, and an order for each block that is not stored yet."""
    questions, orders = [], []
    with wh.engine(tenant) as conn:
        for simulation_id in simulation_ids:
            simulation = forecasts.load_simulation(conn, simulation_id)
            done = set(forecasts.blocks_done(conn, simulation_id))
            plan = block_plan(simulation.iterations, simulation.block_iterations)
            questions.append(_question(simulation))
            orders += [Order(simulation_id, block) for block in plan if block.block_no not in done]
    return questions, orders


def simulate_pending(
    wh: Warehouse,
    tenant: str,
    simulation_ids: Sequence[str],
    spread: Spread = map,
    lease: Lease | None = None,
) -> int:
    """Compute the missing blocks wherever `spread` takes them and store each as it arrives; returns how many."""
    questions, orders = pending(wh, tenant, simulation_ids)
    simulations: dict[str, Simulation] = {}
    return sum(
        _accept(wh, tenant, unpack(packed), simulations, lease)
        for packed in simulate_blocks(questions, orders, spread)
    )


def question_texts(wh: Warehouse, tenant: str, simulation_ids: Sequence[str]) -> dict[str, str]:
    """The content of a question file per simulation that has blocks missing."""
    questions, orders = pending(wh, tenant, simulation_ids)
    texts = {}
    for question in questions:
        blocks = [order.block for order in orders if order.simulation_id == question.simulation_id]
        if blocks:
            texts[question.simulation_id] = question_file(question, blocks)
    return texts


def export_questions(wh: Warehouse, tenant: str, simulation_ids: Sequence[str], folder: Path) -> list[Path]:
    """Write a question file per simulation that has blocks missing; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for simulation_id, text in question_texts(wh, tenant, simulation_ids).items():
        path = folder / exchange.question_name(simulation_id)
        draft = path.with_suffix(".part")
        draft.write_text(text)
        paths.append(draft.replace(path))
    return paths


def import_blocks(
    wh: Warehouse, tenant: str, packed_blocks: Iterable[bytes], lease: Lease | None = None
) -> int:
    """Store blocks that other machines computed; returns how many were new.

    Of every simulation the first iterations that come are computed here again: a machine that calculates otherwise
    (another NumPy, another processor) is found before its cents are mixed with ours. Raises TradewindError for that,
    and for a block that is damaged or answers another question; those before it stay stored.
    """
    simulations: dict[str, Simulation] = {}
    proven: set[str] = set()
    stored = 0
    for packed in packed_blocks:
        answer = unpack(packed)
        simulation = _simulation(wh, tenant, answer.simulation_id, simulations)
        _require_fit(answer, simulation)
        if answer.simulation_id not in proven:
            _require_same_cents(answer, simulation)
            proven.add(answer.simulation_id)
        stored += _accept(wh, tenant, answer, simulations, lease)
    return stored


def store(
    wh: Warehouse,
    tenant: str,
    simulation: Simulation,
    block_no: int,
    totals: BlockTotals,
    lease: Lease | None,
) -> bool:
    """Store one computed block and move the simulation's progress on; False when the block is there already."""
    point("forecast.block_simulated")
    with wh.engine(tenant, lease) as conn:
        if forecasts.has_block(conn, simulation.simulation_id, block_no):
            return False
        forecasts.add_block(conn, tenant, simulation.simulation_id, block_no, totals)
    point("forecast.block_committed")
    with wh.engine(tenant, lease) as conn:
        done = len(forecasts.blocks_done(conn, simulation.simulation_id))
        progress = _BLOCKS_SHARE * done // simulation.block_count
        forecasts.set_progress(conn, simulation.simulation_id, "running", progress)
    log.info(
        "%s · %s: block %d of %d, %d %%",
        tenant, simulation.simulation_id, done, simulation.block_count, progress,
    )  # fmt: skip
    return True


def _question(simulation: Simulation) -> Question:
    inputs = simulation.inputs
    return Question(simulation.simulation_id, simulation.seed, inputs.input_hash, inputs.to_json())


def _simulation(wh: Warehouse, tenant: str, simulation_id: str, known: dict[str, Simulation]) -> Simulation:
    if simulation_id not in known:
        with wh.engine(tenant) as conn:
            known[simulation_id] = forecasts.load_simulation(conn, simulation_id)
    return known[simulation_id]


def _accept(
    wh: Warehouse, tenant: str, answer: Answer, known: dict[str, Simulation], lease: Lease | None
) -> bool:
    """Store an answer that fits; False when its block is there already."""
    simulation = _simulation(wh, tenant, answer.simulation_id, known)
    _require_fit(answer, simulation)
    return store(wh, tenant, simulation, answer.block_no, answer.totals, lease)


def _require_fit(answer: Answer, simulation: Simulation) -> None:
    """Refuse an answer whose question, place, groups or sums are not the simulation's."""
    plan = block_plan(simulation.iterations, simulation.block_iterations)
    totals, inputs = answer.totals, simulation.inputs
    where = f"block {answer.block_no} of {answer.simulation_id}"
    place = (answer.block_no, totals.start, totals.stop)
    if (answer.input_hash, answer.seed) != (inputs.input_hash, simulation.seed):
        raise _refuse(
            where,
            f"inputs {inputs.input_hash}, seed {simulation.seed}",
            f"{answer.input_hash}, {answer.seed}",
        )
    if place not in {(b.block_no, b.start, b.stop) for b in plan[place[0] : place[0] + 1]}:
        raise _refuse(
            where, "a block of the simulation's plan", f"iterations {totals.start} to {totals.stop}"
        )
    expected = {("total", "")} | {(kind, getattr(rep, kind)) for rep in inputs.reps for kind in GROUP_KINDS}
    lengths = {len(vector) for vector in totals.groups.values()}
    if set(totals.groups) != expected or lengths != {totals.stop - totals.start}:
        raise _refuse(where, f"{len(expected)} groups, a value per iteration", f"{len(totals.groups)} groups")
    total = totals.groups[("total", "")]
    for kind in GROUP_KINDS:
        parts = [vector for (of_kind, _), vector in totals.groups.items() if of_kind == kind]
        if not np.array_equal(np.sum(parts, axis=0), total):
            raise _refuse(where, f"groups of {kind} that add up to the total", "another sum")
    if len(totals.rep_sums) != len(inputs.reps) or totals.rep_sums.sum() != total.sum():
        raise _refuse(where, "a sum per rep, together the total", f"{len(totals.rep_sums)} sums")


def _require_same_cents(answer: Answer, simulation: Simulation) -> None:
    start = answer.totals.start
    stop = min(answer.totals.stop, start + _PROOF)
    here = simulate_block(simulation.inputs, simulation.seed, start, stop)
    for name, vector in here.groups.items():
        if not np.array_equal(answer.totals.groups[name][: stop - start], vector):
            raise _refuse(
                f"block {answer.block_no} of {answer.simulation_id}",
                f"the cents that this machine computes for iterations {start} to {stop - 1}",
                "others",
            )


def _refuse(where: str, expected: str, got: str) -> TradewindError:
    return TradewindError(
        where=where,
        expected=expected,
        got=got,
        remedy="compute the block again with this version's code and the NumPy and SciPy it is tested with",
    )
