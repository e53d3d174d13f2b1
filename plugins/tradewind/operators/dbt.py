"""One dbt layer as one Airflow task.

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
from include.errors import TradewindError
from include.warehouse.dbt_results import store
from tradewind.connections import warehouse
from tradewind.defaults import DBT_POOL

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


class DbtLayer(BaseOperator):
    """Builds the models of one folder of the dbt project with their tests, or the seeds.

    `layer` is a folder under models/, or "seeds".
    """

    def __init__(self, *, layer: str, **kwargs: object):
        super().__init__(task_id=kwargs.pop("task_id", layer), pool=DBT_POOL, **kwargs)
        self.layer = layer

    def execute(self, context) -> None:
        """Run dbt for the layer; raises TradewindError naming the nodes that failed."""
        # dbt takes seconds to import: only the task that runs it pays.
        from dbt.cli.main import dbtRunner

        run_id = context["run_id"]
        target = settings.state() / "dbt" / _UNSAFE.sub("_", run_id) / self.layer
        result = dbtRunner().invoke(self._arguments(context, target))
        nodes = list(getattr(result.result, "results", None) or [])
        store(warehouse(), run_id=run_id, layer=self.layer, results=nodes)
        failed = [n for n in nodes if str(n.status) in ("error", "fail", "runtime error")]
        self.log.info("%s: %d nodes, %d failed", self.layer, len(nodes), len(failed))
        if failed or not result.success:
            raise TradewindError(
                where=f"dbt layer {self.layer}",
                expected="every model built and every test passed",
                got="; ".join(f"{n.node.unique_id}: {n.message}" for n in failed) or str(result.exception),
                remedy="read the node's message in ops.dbt_results; correct the data or the model, then clear this task",
            )
        if not nodes:
            raise TradewindError(
                where=f"dbt layer {self.layer}",
                expected="at least one model",
                got="none",
                remedy="check that dbt_project/models holds this folder",
            )

    def _arguments(self, context, target) -> list[str]:
        project = str(settings.home() / "dbt_project")
        place = ["--project-dir", project, "--profiles-dir", project, "--target-path", str(target)]
        place += ["--log-path", str(target / "logs"), "--no-use-colors", "--quiet"]
        if context["ti"].try_number > 1 and (target / "run_results.json").is_file():
            return ["retry", "--state", str(target), *place]
        target.mkdir(parents=True, exist_ok=True)
        _reuse_parse(target)
        if self.layer == "seeds":
            return ["seed", *place]
        return ["build", "--select", f"path:models/{self.layer}", *place]


def _reuse_parse(target: Path) -> None:
    """Start from the newest parse of the project: dbt then reads again only what changed since (half its CPU)."""
    parses = target.parent.parent.glob("*/*/partial_parse.msgpack")
    newest = max(parses, key=lambda path: path.stat().st_mtime, default=None)
    if newest is not None and newest.parent != target:
        shutil.copyfile(newest, target / newest.name)
