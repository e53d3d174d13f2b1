"""From rows of marts to items: what a destination is to hold, with the hash of its content.

The same function serves dry runs and live runs, so that both write the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from include.errors import MissingInput
from include.money import money
from include.publish.exports import Export, Field
from include.settings import output_root

Row = Mapping[str, object]

_ARROW = {
    "text": pa.string(),
    "money": pa.decimal128(19, 4),
    "rate": pa.float64(),
    "date": pa.date32(),
    "integer": pa.int64(),
}


@dataclass(frozen=True)
class Item:
    """One thing a destination is to hold. `problem` says why it cannot be sent, when it cannot."""

    key: str
    payload: Mapping[str, object]
    content_sha256: str
    problem: str | None = None


def records(export: Export, rows: Iterable[Row]) -> list[Item]:
    """One item per row; values as JSON scalars, money as decimal text. A second row of a key is a problem."""
    items: dict[str, Item] = {}
    for row in rows:
        payload, problems = {}, []
        for spec in export.fields:
            value, problem = _scalar(spec, row[spec.source])
            payload[spec.target] = value
            problems += [problem] if problem else []
        key = "|".join(str(payload[name]) for name in export.key)
        if key in items:
            key, problems = f"{key}#{len(items)}", [f"key {key} occurs twice in the export"]
        items[key] = Item(key, payload, digest(payload), "; ".join(problems) or None)
    return list(items.values())


def partitions(export: Export, rows: Sequence[Row], folder: Path) -> list[Item]:
    """One item per partition with a Parquet file of its rows in `folder`; rows come sorted by partition.

    The content hash is of the rows as text, so that it does not depend on the Parquet writer's version.
    """
    items = []
    folder.mkdir(parents=True, exist_ok=True)
    for values, group in groupby(rows, key=lambda row: tuple(_text(row[c]) for c in export.partition)):
        members = list(group)
        content = hashlib.sha256()
        for row in members:
            content.update(json.dumps([_text(row[f.source]) for f in export.fields]).encode() + b"\n")
        key = "|".join(values)
        file = folder / f"{export.object}_{hashlib.sha256(key.encode()).hexdigest()[:12]}.parquet"
        pq.write_table(_table(export.fields, members), file)
        total = sum((money(row[export.checksum]) for row in members), Decimal(0)) if export.checksum else None
        payload = {
            "partition": dict(zip(export.partition, values, strict=True)),
            "rows": len(members),
            "sum": None if total is None else str(total),
            "file": _place(file),
        }
        items.append(Item(key, payload, content.hexdigest()))
    return items


def file(export: Export, folder: Path, period: str) -> list[Item]:
    """The items of a file export, one per file its name or pattern finds in the period's folder (or the tenant's).

    MissingInput when the file was not written by the verb it belongs to.
    """
    place = folder.parent if export.options.get("of") == "tenant" else folder
    sources = sorted(path for path in place.glob(export.options["file"]) if path.is_file())
    if not sources:
        raise MissingInput(
            where=f"publish {export.name}",
            expected=f"the file {place / export.options['file']}",
            got="nothing",
            remedy=f"run {export.side} for this period first",
        )
    return [
        _file(source, export.options["path"].format(period=period, name=source.name)) for source in sources
    ]


def _file(source: Path, path: str) -> Item:
    content = source.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return Item(path, {"file": _place(source), "bytes": len(content), "sha256": sha256}, sha256)


def statement(export: Export) -> list[Item]:
    """The one item of a statement export."""
    text = export.options["statement"]
    return [Item(export.object, {"statement": text}, hashlib.sha256(text.encode()).hexdigest())]


def local_file(item: Item) -> Path:
    """The file an item was made from; its payload names it relative to the output folder."""
    return output_root() / str(item.payload["file"])


def digest(payload: Mapping[str, object]) -> str:
    """sha256 of a payload as canonical JSON."""
    return hashlib.sha256(canonical(payload).encode()).hexdigest()


def canonical(payload: Mapping[str, object]) -> str:
    """JSON with sorted keys and no spaces."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _place(path: Path) -> str:
    return path.relative_to(output_root()).as_posix()


def _scalar(spec: Field, value: object) -> tuple[object, str | None]:
    if value is None:
        return None, f"{spec.target} is required and empty" if spec.required else None
    text = _text(value)
    if spec.length is not None and len(text) > spec.length:
        return text, f"{spec.target} has {len(text)} characters, at most {spec.length} fit"
    return text, None


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)


def _table(fields: Sequence[Field], rows: Sequence[Row]) -> pa.Table:
    schema = pa.schema([(f.target, _ARROW[f.kind]) for f in fields])
    return pa.table({f.target: pa.array([r[f.source] for r in rows], _ARROW[f.kind]) for f in fields}, schema)
