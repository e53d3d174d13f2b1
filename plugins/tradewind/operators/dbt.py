"""A part of the dbt project as one Airflow task.

A task per model costs fifteen times as much (measured), so a layer is built with its tests in one dbt
invocation, in this process. A retry runs only what failed or was skipped. Every node's outcome is kept in
ops.dbt_results, and a failure names the nodes with their messages.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from airflow.sdk import BaseOperator

from include import settings
from include.errors import CheckFailed, TradewindError
from include.warehouse.dbt_results import store
from tradewind.connections import warehouse
from tradewind.defaults import DBT_POOL

#: Runs whose dbt artefacts are kept; older folders are deleted when a new run begins.
KEPT_RUNS = 10
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


class DbtSelection(BaseOperator):
    """Runs `dbt <command>` over a selection: `build` makes models and runs their tests, `test` only tests.

    `select` and `exclude` are in dbt's own words. An empty selection is an error unless `may_be_empty`: a folder
    that was renamed must not pass for a layer that was built.
    """

    def __init__(
        self,
        *,
        select: str,
        command: str = "build",
        exclude: str | None = None,
        may_be_empty: bool = False,
        **kwargs: object,
    ):
        super().__init__(pool=DBT_POOL, **kwargs)
        self.select, self.command, self.exclude, self.may_be_empty = select, command, exclude, may_be_empty

    def execute(self, context) -> None:
        """Run dbt; raises CheckFailed naming the nodes that failed, TradewindError when dbt could not run."""
        # dbt takes seconds to import: only the task that runs it pays.
        from dbt.cli.main import dbtRunner

        run_id = context["run_id"]
        target = settings.state() / "dbt" / _UNSAFE.sub("_", run_id) / self.task_id
        result = dbtRunner().invoke(self._arguments(context, target))
        nodes = list(getattr(result.result, "results", None) or [])
        store(warehouse(), run_id=run_id, layer=self.task_id, results=nodes)
        failed = [n for n in nodes if str(n.status) in ("error", "fail", "runtime error")]
        self.log.info("%s: %d nodes, %d failed", self.task_id, len(nodes), len(failed))
        if failed:
            raise CheckFailed(
                where=f"dbt {self.command} {self.select}",
                expected="every model built and every test passed",
                got="; ".join(f"{n.node.unique_id}: {n.message}" for n in failed),
                remedy="read the nodes' messages in ops.dbt_results; correct the data or the model, then clear this task",
            )
        if not result.success or not (nodes or self.may_be_empty):
            raise TradewindError(
                where=f"dbt {self.command} {self.select}",
                expected="dbt to run at least one node",
                got=str(result.exception or "an empty selection"),
                remedy="read the log above; check that dbt_project holds what is selected",
            )

    def _arguments(self, context, target: Path) -> list[str]:
        project = str(settings.home() / "dbt_project")
        place = ["--project-dir", project, "--profiles-dir", project, "--target-path", str(target)]
        place += ["--log-path", str(target / "logs"), "--no-use-colors", "--quiet"]
        if context["ti"].try_number > 1 and (target / "run_results.json").is_file():
            return ["retry", "--state", str(target), *place]
        target.mkdir(parents=True, exist_ok=True)
        _forget_old_runs(target.parent)
        _reuse_parse(target)
        exclude = ["--exclude", self.exclude] if self.exclude else []
        return [self.command, "--select", self.select, *exclude, *place]


def _forget_old_runs(current: Path) -> None:
    runs = [
        path for path in current.parent.iterdir() if path.is_dir() and path != current and path.name != "docs"
    ]
    for path in sorted(runs, key=lambda path: path.stat().st_mtime)[: -KEPT_RUNS + 1]:
        shutil.rmtree(path, ignore_errors=True)


def _reuse_parse(target: Path) -> None:
    """Start from the newest parse of the project: dbt then reads again only what changed since (half its CPU)."""
    parses = target.parent.parent.glob("*/*/partial_parse.msgpack")
    newest = max(parses, key=lambda path: path.stat().st_mtime, default=None)
    if newest is not None and newest.parent != target:
        shutil.copyfile(newest, target / newest.name)
