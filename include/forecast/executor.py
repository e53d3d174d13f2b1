"""The setting `executor`: who computes the blocks of a forecast that Airflow runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from include.errors import TradewindError

_COMPUTE = ("existing_cluster_id", "new_cluster")


@dataclass(frozen=True)
class ExecutorSettings:
    """`kind` airflow: a mapped task per block. databricks: one run per simulation, with `parallelism` slices.

    `volume`: the folder of a Unity Catalog volume in which questions and answers meet. `compute`: what the task of the run
    runs on, as the Jobs API takes it: {existing_cluster_id: …} or {new_cluster: {…}}.
    """

    kind: str = "airflow"
    parallelism: int = 100
    volume: str = ""
    compute: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, body: object) -> ExecutorSettings:
        """Settings from a mapping. Raises TradewindError naming the key that is unknown, missing or out of bounds."""
        if not isinstance(body, Mapping) or set(body) - {f.name for f in fields(cls)}:
            raise _refuse("executor", "kind, parallelism, volume, compute", repr(body))
        settings = cls(**body)
        if settings.kind not in ("airflow", "databricks"):
            raise _refuse("executor.kind", "airflow or databricks", repr(settings.kind))
        if type(settings.parallelism) is not int or not 1 <= settings.parallelism <= 100_000:
            raise _refuse(
                "executor.parallelism", "a whole number from 1 to 100,000", repr(settings.parallelism)
            )
        if settings.kind == "databricks":
            parts = str(settings.volume).strip("/").split("/")
            if not str(settings.volume).startswith("/Volumes/") or len(parts) < 4 or ".." in parts:
                raise _refuse(
                    "executor.volume", "/Volumes/<catalog>/<schema>/<volume>", repr(settings.volume)
                )
            if not isinstance(settings.compute, Mapping) or list(settings.compute) not in [
                [c] for c in _COMPUTE
            ]:
                raise _refuse("executor.compute", f"one of {', '.join(_COMPUTE)}", repr(settings.compute))
        return settings


def _refuse(where: str, expected: str, got: str) -> TradewindError:
    return TradewindError(
        where=f"forecast settings, {where}",
        expected=expected,
        got=got,
        remedy="correct include/forecast/monthly_forecast_config.yaml or the tenant's forecast settings",
    )
