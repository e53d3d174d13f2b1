"""What is extracted from where, as rows of data: systems and their streams.

A system is one module in `include/extract/systems` with a `SYSTEM`; adding a source is adding a file there.
The same rows make the landing tables, drive the loader, the arrival gates and the DAGs.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from include.extract.contracts import Column, Rule


@dataclass(frozen=True)
class Stream:
    """One kind of record of a system and the landing table it fills.

    `remote` is the object's name at the source and `source` the remote field of a column. `contract` is the contract the rows
    belong to and `contract_key` the stream's columns that carry a contract's key: orphan checks of other
    systems look there. `optional` columns are read where the source has them. `cursor` is the column a later run continues from; a stream without one is read whole.
    `full` says that a delivery is a snapshot: rows absent from it end. `amount` is summed with every load.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    contract: str | None = None
    contract_key: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    remote: str = ""
    rules: tuple[Rule, ...] = ()
    cursor: str | None = None
    overlap_minutes: int = 15
    full: bool = False
    amount: str | None = None
    minimum_rows: int = 0
    prefilled: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in the order of the landing table."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column called `name`; KeyError when the stream has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"stream {self.name} has no column {name}")


@dataclass(frozen=True)
class System:
    """One source system. `schedule` is a cron in UTC, or None for runs by hand and by event.

    `reader` names the flow that brings its rows in, as module:function. It takes the warehouse, the tenant, the
    client (a folder for a system without `conn_id`) and the run id.
    """

    name: str
    title: str
    streams: tuple[Stream, ...]
    conn_id: str | None = None
    schedule: str | None = None
    reader: str = "include.flows.extract:extract_files"

    @property
    def flow(self) -> Callable[..., object]:
        """The function that `reader` names, imported when it is needed."""
        module, _, function = self.reader.partition(":")
        return getattr(importlib.import_module(module), function)

    def relation(self, stream: Stream) -> str:
        """The landing table of `stream`."""
        return f"staging.raw_{self.name}__{stream.name}"

    def stream(self, name: str) -> Stream:
        """The stream called `name`; KeyError when the system has none."""
        for stream in self.streams:
            if stream.name == name:
                return stream
        raise KeyError(f"system {self.name} has no stream {name}")


def systems() -> dict[str, System]:
    """Every system by name, discovered from the modules of `include.extract.systems`."""
    from include.extract import systems as package

    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        system = importlib.import_module(f"{package.__name__}.{module.name}").SYSTEM
        found[system.name] = system
    return dict(sorted(found.items()))


def holders(contract: str, column: str) -> list[tuple[str, str]]:
    """Where current values of a contract's key may be: (landing table, column) of every system that lands it."""
    places = []
    for system in systems().values():
        for stream in system.streams:
            if stream.contract == contract and column in stream.contract_key:
                places += [(system.relation(stream), name) for name in stream.contract_key[column]]
    return places
