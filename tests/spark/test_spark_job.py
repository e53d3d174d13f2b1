"""The same blocks on Spark: `make test-spark` installs it into an environment of its own and runs this."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from include.forecast.engine import block_plan
from include.forecast.sampling import METHODS
from include.machines import bundle, exchange
from include.machines.pool import processes
from include.machines.wire import question_file, simulate_blocks
from tests.property.test_forecast_machines import BLOCK, ITERATIONS, orders, question, result_hash

ROOT = Path(__file__).resolve().parents[2]
SUBMIT = Path(os.environ.get("TRADEWIND_SPARK", ROOT / ".venv-spark")) / "bin" / "spark-submit"

pytestmark = [
    pytest.mark.skipif(not SUBMIT.exists(), reason=f"pyspark is not installed ({SUBMIT}): make test-spark"),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java, and there is none"),
]


def submit(folder: Path, *arguments: str, cores: int = 2) -> subprocess.CompletedProcess[str]:
    """Run the job as a cluster does: the code comes in the bundle, the working folder is somewhere else."""
    zipped = bundle.write_bundle(folder / "tradewind.zip")
    python = str(SUBMIT.with_name("python"))
    return subprocess.run(
        [
            str(SUBMIT), "--master", f"local[{cores}]", "--conf", "spark.ui.enabled=false",
            str(ROOT / "include/machines/spark_job.py"), "--exchange", str(folder), "--bundle", str(zipped),
            *arguments,
        ],
        env={
            "PATH": os.environ["PATH"], "HOME": str(folder), "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python,
        },
        cwd=folder, text=True, capture_output=True, check=False, timeout=600,
    )  # fmt: skip


def test_spark_a_pool_and_a_plain_loop_compute_the_same_bytes(tmp_path):
    """Every sampling; then one block is lost and only that one is computed again."""
    questions = [question(method, method) for method in METHODS]
    for asked in questions:
        path = tmp_path / exchange.question_name(asked.simulation_id)
        path.write_text(question_file(asked, block_plan(ITERATIONS, BLOCK)))
    here = list(simulate_blocks(questions, orders(*METHODS)))
    pool = list(simulate_blocks(questions, orders(*METHODS), processes(2)))
    job = submit(tmp_path, "--parallelism", "7")
    assert job.returncode == 0, job.stderr[-3000:]
    assert f"{len(here)} blocks computed, 0 were there" in job.stdout
    spark = list(exchange.answers(tmp_path))
    assert sorted(spark) == sorted(here) == sorted(pool)
    each = len(block_plan(ITERATIONS, BLOCK))
    for at, method in enumerate(METHODS):
        part = slice(at * each, (at + 1) * each)
        of_spark = [b for b in spark if f'"sim_{method}"'.encode() in b.partition(b"\n")[0]]
        assert result_hash(here[part]) == result_hash(pool[part]) == result_hash(of_spark)
        print(f"{method}: {result_hash(of_spark)}")
    lost = tmp_path / exchange.block_name("sim_plain", 3)
    lost.unlink()
    again = submit(tmp_path, cores=1)
    assert f"1 blocks computed, {len(here) - 1} were there" in again.stdout, again.stderr[-3000:]
    assert sorted(exchange.answers(tmp_path)) == sorted(here)
