"""The expectations on a stream's current rows, derived from the rows that declare it.

Every suite carries a row floor: not-null, unique and in-set checks are all true of an empty table.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from include.extract.contracts import Column
from include.extract.manifest import Stream

CRITICAL, WARNING = "critical", "warning"


@dataclass(frozen=True)
class Expectation:
    """One expectation by its Great Expectations type; `name` is stable and unique within a stream."""

    name: str
    type: str
    arguments: dict[str, object]
    severity: str = CRITICAL


def suite(stream: Stream, *, has_arrived_empty: bool = False) -> list[Expectation]:
    """Expectations on the current rows of a tenant in the stream's landing table.

    A file of which no row was accepted (a header alone, or bad rows only) is reported, not refused: the other files
    are good without it, and its rows from earlier deliveries still stand.
    """
    found = [
        Expectation(
            "row_floor",
            "ExpectTableRowCountToBeBetween",
            {"min_value": stream.minimum_rows},
            WARNING if has_arrived_empty else CRITICAL,
        ),
        _unique_key(stream),
    ]
    for column in stream.columns:
        found += _of_column(column)
    return found


def _unique_key(stream: Stream) -> Expectation:
    if len(stream.key) == 1:
        return Expectation("key_is_unique", "ExpectColumnValuesToBeUnique", {"column": stream.key[0]})
    return Expectation("key_is_unique", "ExpectCompoundColumnsToBeUnique", {"column_list": list(stream.key)})


def _of_column(column: Column) -> list[Expectation]:
    found = []
    if column.required:
        found.append(
            Expectation(f"{column.name}_is_given", "ExpectColumnValuesToNotBeNull", {"column": column.name})
        )
    if column.allowed:
        found.append(
            Expectation(
                f"{column.name}_is_listed",
                "ExpectColumnValuesToBeInSet",
                {"column": column.name, "value_set": list(column.allowed)},
            )
        )
    if column.minimum is not None:
        found.append(
            Expectation(
                f"{column.name}_is_at_least_{Decimal(column.minimum):f}",
                "ExpectColumnValuesToBeBetween",
                {"column": column.name, "min_value": column.minimum},
            )
        )
    return found


def has_fallen(rows: int, earlier: list[int]) -> tuple[bool, Decimal | None]:
    """Whether `rows` is less than half the median of the six loads before it, and that median.

    With fewer than six earlier loads there is nothing to compare with: (False, None).
    """
    if len(earlier) < 6:
        return False, None
    middle = sorted(earlier[:6])[2:4]
    median = Decimal(sum(middle)) / 2
    return rows * 2 < median, median
