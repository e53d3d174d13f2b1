"""SparkSession with a context that computes partitions one after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any


class _Rows:
    def __init__(self, rows: Sequence[Any]):
        self._rows = rows

    def map(self, function: Callable[[Any], Any]) -> _Rows:
        return _Rows([function(row) for row in self._rows])

    def collect(self) -> list[Any]:
        return list(self._rows)


class _Context:
    def addPyFile(self, path: str) -> None:  # noqa: N802
        sys.path.insert(1, path)

    def parallelize(self, rows: Sequence[Any], slices: int) -> _Rows:
        if slices < 1:
            raise ValueError("at least one slice")
        return _Rows(rows)


class SparkSession:
    """The session; `SparkSession.builder.appName(…).getOrCreate()` as in PySpark."""

    class _Builder:
        def appName(self, name: str) -> SparkSession._Builder:  # noqa: N802
            return self

        def getOrCreate(self) -> SparkSession:  # noqa: N802
            return SparkSession()

    builder = _Builder()

    def __init__(self) -> None:
        self.sparkContext = _Context()
