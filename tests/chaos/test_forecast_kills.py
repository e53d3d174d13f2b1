"""Killed at any of its points and run again, the forecast ends as if nothing had happened.

The points are those that an undisturbed run passes, whichever flows it calls. `make test` kills at a few of them,
the nightly sweep at every passing of every one, by one process and by a pool.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from include import faultpoints
from include.flows import forecast
from include.warehouse.session import Warehouse
from include.warehouse.tenants import ensure_tenant
from tests.forecast_cases import company
from tests.forecast_marts import load_marts

ROOT = Path(__file__).resolve().parents[2]
PERIOD, AS_OF = "2026-10", date(2026, 10, 31)
#: Two scenarios of two blocks; the last block is short.
SETTINGS = {"forecast": {"iterations": 700, "block": 400}}
#: Columns that belong to the attempt and not to the answer.
_ATTEMPT = ["run_id", "created_at", "completed_at", "loaded_at"]

_WATCH_PROGRESS = """
CREATE SCHEMA watch;
CREATE TABLE watch.progress_seen (n serial, simulation_id text, status text, progress integer);
CREATE FUNCTION watch.see_progress() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO watch.progress_seen (simulation_id, status, progress)
   VALUES (NEW.simulation_id, NEW.status, NEW.progress); RETURN NULL; END $$;
CREATE TRIGGER see_progress AFTER INSERT OR UPDATE ON planning.monte_carlo_runs
    FOR EACH ROW EXECUTE FUNCTION watch.see_progress();
"""


def prepare(wh: Warehouse) -> None:
    """Alpha has the marts of a company, and every progress of its simulations is noted."""
    ensure_tenant(wh, "alpha", "Alpha Foods", SETTINGS)
    load_marts(wh, "alpha", company())
    with wh.admin() as conn:
        conn.execute(_WATCH_PROGRESS)


def run(wh: Warehouse, folder: Path, run_id: str = "run-1", workers: int = 1) -> list[str]:
    return forecast.run_forecast(
        wh, "alpha", period=PERIOD, as_of=AS_OF, run_id=run_id, folder=folder, workers=workers
    )


def outcome(wh: Warehouse, folder: Path) -> dict[str, object]:
    """Every row of the forecast's tables but the columns of the attempt, and the bytes of its files."""
    with wh.admin() as conn:
        tables = conn.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'planning'"
            " AND table_type = 'BASE TABLE' ORDER BY 1"
        ).fetchall()
        rows = {
            name: sorted(
                row
                for (row,) in conn.execute(
                    f"SELECT (to_jsonb(t) - %s::text[])::text FROM planning.{name} t", (_ATTEMPT,)
                )
            )
            for (name,) in tables
        }
    assert len(rows["monte_carlo_results"]) == 2 * 700
    return {**rows, **{path.name: path.read_bytes() for path in sorted(folder.iterdir())}}


def require_rising_progress(wh: Warehouse) -> None:
    """Progress starts at 0, never falls and is 100 exactly when a simulation is completed."""
    with wh.admin() as conn:
        seen = conn.execute(
            "SELECT simulation_id, status, progress FROM watch.progress_seen ORDER BY n"
        ).fetchall()
    assert len({simulation_id for simulation_id, _, _ in seen}) == 2
    for simulation_id in {row[0] for row in seen}:
        steps = [(status, progress) for which, status, progress in seen if which == simulation_id]
        progresses = [progress for _, progress in steps]
        assert steps[0] == ("queued", 0)
        assert progresses == sorted(progresses)
        assert steps[-1] == ("completed", 100)
        assert all((status == "completed") == (progress == 100) for status, progress in steps)


@pytest.fixture(scope="module")
def undisturbed(module_warehouse, tmp_path_factory) -> tuple[dict[str, object], dict[str, int]]:
    """What a run ends with that nobody kills, and how often it passes each point."""
    prepare(module_warehouse)
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADEWIND_FAULTS", "1")
        patch.setenv("TRADEWIND_DSN_PIPELINE", module_warehouse.pipeline_dsn)
        patch.setattr(faultpoints, "_passed", Counter())
        run(module_warehouse, folder)
        points = faultpoints.passed()
    require_rising_progress(module_warehouse)
    return outcome(module_warehouse, folder), points


@pytest.fixture
def kill(warehouse, tmp_path) -> Callable[..., None]:
    """Kills a run at a point of a fresh company."""
    prepare(warehouse)

    def at(name: str, nth: int, workers: int) -> None:
        with warehouse.admin() as conn:
            conn.execute("INSERT INTO ops.fault (name, nth, action) VALUES (%s, %s, 'kill')", (name, nth))
        script = (
            "import sys; from datetime import date; from pathlib import Path\n"
            "from include.flows.forecast import run_forecast\n"
            "from include.warehouse.session import Warehouse\n"
            "if __name__ == '__main__':\n"
            f"    run_forecast(Warehouse.from_environment(), 'alpha', period='{PERIOD}',"
            f" as_of=date.fromisoformat('{AS_OF}'), run_id='killed', folder=Path(sys.argv[1]), workers={workers})"
        )
        environment = {
            **os.environ,
            "TRADEWIND_FAULTS": "1",
            "TRADEWIND_DSN_PIPELINE": warehouse.pipeline_dsn,
            "TRADEWIND_DSN_ENGINE": warehouse.engine_dsn,
            "PYTHONPATH": str(ROOT),
        }
        ended = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "output")],
            env=environment,
            check=False,
            timeout=300,
        )
        assert ended.returncode == -9

    return at


@pytest.mark.parametrize(
    ("name", "nth", "workers"),
    [
        ("forecast.block_committed", 3, 1),
        ("forecast.summary_written", 1, 1),
        ("forecast.block_simulated", 2, 2),
    ],
)
def test_killed_and_run_again(warehouse, tmp_path, undisturbed, kill, name, nth, workers):
    kill(name, nth, workers)
    run(warehouse, tmp_path / "output", "run-2")
    assert outcome(warehouse, tmp_path / "output") == undisturbed[0]
    require_rising_progress(warehouse)


def test_the_sweep_reaches_the_points_of_every_step(undisturbed):
    assert undisturbed[1] | {
        "forecast.inputs_read": 1,
        "forecast.inputs_frozen": 1,
        "forecast.block_simulated": 4,
        "forecast.block_committed": 4,
        "forecast.summary_written": 2,
        "forecast.summary_committed": 2,
        "forecast.levers_pulled": 1,
        "forecast.levers_committed": 1,
    } == undisturbed[1]  # fmt: skip
    assert undisturbed[1]["forecast.report_written"] >= 2


@pytest.mark.nightly
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_anywhere_and_run_again(warehouse, tmp_path, undisturbed, kill, workers):
    """Every passing of every point, one after the other in a company whose simulations are taken away in between."""
    for name, nth in [(name, nth) for name, count in undisturbed[1].items() for nth in range(1, count + 1)]:
        shutil.rmtree(tmp_path / "output", ignore_errors=True)
        with warehouse.admin() as conn:
            conn.execute("TRUNCATE planning.monte_carlo_runs, watch.progress_seen CASCADE")
        kill(name, nth, workers)
        run(warehouse, tmp_path / "output", f"after {name} {nth}")
        assert outcome(warehouse, tmp_path / "output") == undisturbed[0], (name, nth)
        require_rising_progress(warehouse)
