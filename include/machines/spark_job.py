"""The blocks of simulations as a Spark job, on Databricks or any other cluster.

    spark-submit spark_job.py --exchange FOLDER [--parallelism 100] [--bundle tradewind.zip]

FOLDER is one that every machine of the cluster reaches under the same path (on Databricks a volume, /Volumes/…). It
holds the question files; every block is written beside them as it is done, under its name only when it is whole. A
job that was stopped goes on where it was. The bundle is this project's code where it is not installed
(`python -m include.machines.bundle FILE`); Spark, NumPy and SciPy are the cluster's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Answer every question of the exchange folder; the exit code of the process."""
    parser = argparse.ArgumentParser(description="Compute blocks of Tradewind simulations on Spark.")
    parser.add_argument("--exchange", required=True)
    parser.add_argument("--parallelism", type=int, default=100)
    parser.add_argument("--bundle", default="")
    chosen = parser.parse_args(arguments)

    from pyspark.sql import SparkSession

    session = SparkSession.builder.appName("tradewind forecast").getOrCreate()
    if chosen.bundle:
        # Copied by Python first: Spark's own JVM cannot read Databricks volumes.
        code = Path(tempfile.mkdtemp(), Path(chosen.bundle).name)
        code.write_bytes(Path(chosen.bundle).read_bytes())
        session.sparkContext.addPyFile(str(code))
    # Only now can the code be imported where it came in the bundle.
    from include.machines import exchange

    def spread(answer, orders):
        slices = max(1, min(chosen.parallelism, len(orders)))
        return session.sparkContext.parallelize(orders, slices).map(answer).collect()

    done, known = exchange.answer_all(chosen.exchange, spread)
    sys.stdout.write(f"tradewind: {done} blocks computed, {known} were there\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
