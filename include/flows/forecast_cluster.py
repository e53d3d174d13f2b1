"""The blocks of a simulation as one run of a Databricks cluster: questions out, the run to its end, answers in.

Killed anywhere and called again it goes on: a run is submitted under the simulation's id, so that the cluster gives
back the one there is; files are written over; blocks are stored once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from include.errors import TradewindError
from include.faultpoints import point
from include.flows import forecast, forecast_blocks
from include.forecast.executor import ExecutorSettings
from include.machines import bundle, exchange
from include.warehouse.lease import Lease
from include.warehouse.session import Warehouse

log = logging.getLogger("tradewind.forecast")

_JOB = Path(__file__).resolve().parents[1] / "machines" / "spark_job.py"
_BUNDLE = "tradewind.zip"
#: Failed runs of one simulation that are passed over for a new one.
_ATTEMPTS = 20


@dataclass(frozen=True)
class RunEnd:
    """How a run ended; `reason` is the cluster's when it failed."""

    is_successful: bool
    reason: str
    page: str


class Cluster(Protocol):
    """What the flow needs of Databricks; `tradewind.clients.databricks` is it over Airflow's hook."""

    def submit(self, run: Mapping[str, object]) -> int: ...

    def look(self, run_id: int) -> RunEnd | None: ...

    def wait(self, run_id: int) -> RunEnd: ...

    def make_folder(self, folder: str) -> None: ...

    def put(self, path: str, content: bytes) -> None: ...

    def get(self, path: str) -> bytes: ...

    def names(self, folder: str) -> list[str]: ...


def mapped_work(
    wh: Warehouse, tenant: str, simulation_ids: Sequence[str], settings: ExecutorSettings
) -> list[dict[str, object]]:
    """What Airflow maps: a piece of work per missing block, or per simulation with missing blocks (block_no null)."""
    works = forecast.pending_work(wh, tenant, simulation_ids)
    if settings.kind == "databricks":
        missing = dict.fromkeys(work.simulation_id for work in works)
        return [{"simulation_id": simulation_id, "block_no": None} for simulation_id in missing]
    return [vars(work) for work in works]


def simulate_on_cluster(
    wh: Warehouse,
    tenant: str,
    simulation_id: str,
    cluster: Cluster,
    settings: ExecutorSettings,
    lease: Lease | None = None,
) -> int:
    """Have the missing blocks of a simulation computed by `cluster`; returns how many were stored.

    Raises TradewindError with the cluster's reason when the run failed, or when it left blocks out.
    """
    texts = forecast_blocks.question_texts(wh, tenant, [simulation_id])
    if not texts:
        return 0
    folder = f"{settings.volume.rstrip('/')}/{tenant}/{simulation_id}"
    cluster.make_folder(folder)
    cluster.put(f"{folder}/{exchange.question_name(simulation_id)}", texts[simulation_id].encode())
    cluster.put(f"{folder}/{_BUNDLE}", bundle.bundle_bytes())
    cluster.put(f"{folder}/{_JOB.name}", _JOB.read_bytes())
    point("forecast.questions_sent")
    run_id = _submit(cluster, simulation_id, _run(tenant, simulation_id, folder, settings))
    point("forecast.run_submitted")
    log.info("%s · %s: run %d with %d slices", tenant, simulation_id, run_id, settings.parallelism)
    end = cluster.wait(run_id)
    if not end.is_successful:
        raise _failed(simulation_id, f"it failed: {end.reason}", end.page)
    stored = forecast_blocks.import_blocks(wh, tenant, _answers(cluster, folder), lease)
    if missing := len(forecast_blocks.pending(wh, tenant, [simulation_id])[1]):
        raise _failed(simulation_id, f"{missing} blocks are not there", end.page)
    return stored


def _run(tenant: str, simulation_id: str, folder: str, settings: ExecutorSettings) -> dict[str, object]:
    """The body of a one-time run (jobs/runs/submit) but its token."""
    return {
        "run_name": f"tradewind forecast {tenant} {simulation_id}",
        "tasks": [
            {
                "task_key": "blocks",
                "spark_python_task": {
                    "python_file": f"{folder}/{_JOB.name}",
                    "parameters": [
                        "--exchange", folder, "--bundle", f"{folder}/{_BUNDLE}",
                        "--parallelism", str(settings.parallelism),
                    ],
                },
                **settings.compute,
            }
        ],
    }  # fmt: skip


def _submit(cluster: Cluster, simulation_id: str, run: Mapping[str, object]) -> int:
    """The run of a simulation: the one there is, unless it has failed already; then the next one."""
    for attempt in range(_ATTEMPTS):
        token = f"{simulation_id}-{attempt}" if attempt else simulation_id
        run_id = cluster.submit({**run, "idempotency_token": token})
        end = cluster.look(run_id)
        if end is None or end.is_successful:
            return run_id
        log.warning("%s: run %d failed earlier: %s", simulation_id, run_id, end.reason)
    raise _failed(simulation_id, f"{_ATTEMPTS} runs failed before this one: {end.reason}", end.page)


def _answers(cluster: Cluster, folder: str) -> Iterator[bytes]:
    for name in cluster.names(folder):
        if name.endswith(exchange.BLOCK):
            yield cluster.get(f"{folder}/{name}")


def _failed(simulation_id: str, got: str, page: str) -> TradewindError:
    return TradewindError(
        where=f"Databricks run of {simulation_id}",
        expected="a run that computes every block",
        got=got,
        remedy=f"see {page or 'the run in the workspace'}, mend it and clear the task",
    )
