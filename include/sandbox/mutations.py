"""Wrong answers that look right: the page is well-formed, its content is not what the vendor holds.

Works on any vendor's page of records: a JSON list, a JSON object with `records`, `value`, `results` or `items`,
or CSV with a header.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

LISTS = ("records", "value", "results", "items")
NEED_PREVIOUS = ("repeat_page", "replace_by_previous")


def apply(options: dict[str, Any], content_type: str, body: bytes, previous: bytes | None) -> bytes:
    """Return the changed body; a body that holds no records comes back as it was."""
    change = options["change"]
    if change == "repeat_page":
        return previous or body
    if "csv" in content_type:
        return _apply_csv(change, options, body, previous)
    try:
        document = json.loads(body)
    except ValueError:
        return body
    if change == "set_top" and isinstance(document, dict):
        return json.dumps({**document, options["field"]: options.get("value")}).encode()
    records, put = _locate(document)
    if records is None or change == "set_top":
        return body
    if change == "replace_by_previous":
        before, _ = _locate(json.loads(previous)) if previous else (records, None)
        changed = before
    else:
        changed = CHANGES[change](records, options)
    return json.dumps(put(changed)).encode()


def _apply_csv(change: str, options: dict[str, Any], body: bytes, previous: bytes | None) -> bytes:
    if change == "set_top":
        return body
    source = previous if change == "replace_by_previous" and previous else body
    reader = csv.DictReader(io.StringIO(source.decode()))
    records = list(reader)
    changed = records if change == "replace_by_previous" else CHANGES[change](records, options)
    columns = list(
        dict.fromkeys([*(reader.fieldnames or []), *(key for record in changed for key in record)])
    )
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(changed)
    return out.getvalue().encode()


def _locate(document: Any):
    """The records of a page and a function that puts others in their place."""
    if isinstance(document, list):
        return document, lambda changed: changed
    if isinstance(document, dict):
        for name in LISTS:
            if isinstance(document.get(name), list):
                return document[name], lambda changed, name=name: {**document, name: changed}
    return None, None


def _add_field(records: list, options: dict) -> list:
    """Every record gains `field` with `value`: the source has a new column."""
    name, value = options.get("field", "New_Field__c"), options.get("value", "surprise")
    return [{**record, name: value} for record in records]


def _dup_rows(records: list, options: dict) -> list:
    """The first `count` records arrive twice on the same page."""
    return records + records[: int(options.get("count", 1))]


def _num_to_text(records: list, options: dict) -> list:
    """`field`, or without it every number, arrives as text that is no number any more."""

    def altered(key: str, value: Any) -> Any:
        if key == options.get("field"):
            return f"USD {value}"
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return f"USD {value}" if "field" not in options and is_number else value

    return [{key: altered(key, value) for key, value in record.items()} for record in records]


def _drop_field(records: list, options: dict) -> list:
    """`field` is gone from every record."""
    return [
        {key: value for key, value in record.items() if key != options.get("field")} for record in records
    ]


def _drop_page(records: list, options: dict) -> list:
    """The page is empty, and the walk goes on behind it."""
    return []


def _drop_rows(records: list, options: dict) -> list:
    """The last `count` records of the page are missing."""
    return records[: -int(options.get("count", 1))]


def _reverse_rows(records: list, options: dict) -> list:
    """The page is out of order."""
    return records[::-1]


CHANGES = {
    "add_field": _add_field,
    "drop_field": _drop_field,
    "dup_rows": _dup_rows,
    "drop_rows": _drop_rows,
    "drop_page": _drop_page,
    "num_to_text": _num_to_text,
    "reverse_rows": _reverse_rows,
    # `field` of the page itself is `value`: a wrong total, a next link in a loop or to another host.
    "set_top": None,
    # The page before again, with its own link to the next: the walk sees it twice.
    "repeat_page": None,
    # The page before under this page's link: as many rows as promised, and some of them lost.
    "replace_by_previous": None,
}
