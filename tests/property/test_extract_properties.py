"""Laws of the loader's pure parts, over generated input: amounts survive, broken lines cost themselves only."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from include.extract.check import UNIT, RowChecker
from include.extract.contracts import Column
from include.extract.delimited import DelimitedFile
from include.extract.manifest import Stream
from include.extract.parse import NULL, REFUSED, CellParser, CellRefused, parse_money, parse_rate
from include.extract.set_rules import keys_on_cycles, overlapping
from include.extract.spreadsheet import plain_number

STREAM = Stream(
    "sales",
    (Column("key", required=True, key=True), Column("amount", "money"), Column("note")),
    ("key",),
    amount="amount",
)
LARGEST = Decimal("99999999999999.9999")
AMOUNTS = st.decimals(-LARGEST, LARGEST, places=4, allow_nan=False, allow_infinity=False)


@given(AMOUNTS)
def test_money_text_keeps_every_amount_exactly(amount: Decimal) -> None:
    parsed = parse_money(format(amount, "f"))
    assert Decimal(parsed) == amount
    assert parse_money(parsed) == parsed
    assert int(parsed.replace(".", "")) == amount * UNIT


@given(st.text(max_size=30))
def test_money_is_exact_or_refused(text: str) -> None:
    try:
        parsed = parse_money(text.strip())
    except CellRefused:
        return
    assert Decimal(parsed) == Decimal(text.strip())


@given(st.decimals(0, 1, places=17, allow_nan=False))
def test_rates_are_within_half_of_their_last_place(rate: Decimal) -> None:
    assert abs(Decimal(parse_rate(format(rate, "f"))) - rate) <= Decimal("5e-10")


@given(st.floats(-1e12, 1e12, allow_nan=False))
def test_a_float_is_given_back_exactly_or_not_at_all(value: float) -> None:
    text = plain_number(value)
    assert text is None or (float(text) == value and "e" not in text.lower())


@given(
    st.sampled_from(["text", "money", "date", "timestamp", "boolean", "json", "uuid", "rate", "integer"]),
    st.text(),
)
def test_no_text_crashes_a_parser_or_breaks_the_copy_format(type: str, text: str) -> None:
    answer = CellParser(Column("c", type))[text]
    if answer is not REFUSED and answer is not NULL:
        assert not set(answer) & {"\t", "\n", "\r", "\0"}
        answer.encode()


NOTES = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(AMOUNTS, NOTES), max_size=40), st.lists(st.text(max_size=60), max_size=4), st.data()
)
def test_good_rows_survive_whatever_stands_between_them(rows, junk, data) -> None:
    """Every good row is either loaded or, where junk has opened a quote around it, never silently changed."""
    lines = []
    for n, (amount, note) in enumerate(rows):
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerow([f"K{n}", format(amount, "f"), note])
        lines.append(out.getvalue())
    for text in junk:
        # No quotes in the junk: a record it cannot reach into is a promise, the rest is heuristics.
        clean = text.replace('"', "").replace("\n", "").replace("\r", "").encode("utf-8", "replace").decode()
        lines.insert(data.draw(st.integers(0, len(lines))), clean + "\n")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sales.csv"
        path.write_text("key,amount,note\n" + "".join(lines), encoding="utf-8", newline="")
        reader = DelimitedFile(path, STREAM)
        checker = RowChecker(STREAM, reader.layout)
        checked = [checker.check(batch) for batch in reader.batches()]
    loaded = [line.split("\t")[3] for batch in checked for line in batch.lines]
    assert set(loaded) >= {f"K{n}" for n in range(len(rows))}
    read = sum(batch.rows_read for batch in checked)
    assert read == len(loaded) + sum(len(batch.rejects) for batch in checked)
    for reject in (r for batch in checked for r in batch.rejects):
        assert reject.reason and reject.expected
        assert reject.raw is None or json.loads(reject.raw)


@given(st.dictionaries(st.integers(0, 12), st.integers(0, 12)))
def test_cycles_are_the_keys_that_are_their_own_ancestors(parents: dict[int, int]) -> None:
    def is_own_ancestor(key: int) -> bool:
        at = parents.get(key)
        for _ in range(len(parents) + 1):
            if at == key:
                return True
            at = parents.get(at)
        return False

    assert keys_on_cycles(parents) == {key for key in parents if is_own_ancestor(key)}


WINDOWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30), st.integers(1, 10)), max_size=12)


@given(WINDOWS, WINDOWS, st.booleans())
def test_accepted_windows_never_share_a_day_and_refusals_are_needed(loaded, incoming, end_exclusive) -> None:
    def rows(windows, first):
        return [
            (
                "f",
                first + n,
                group,
                date(2026, 1, 1) + timedelta(start),
                date(2026, 1, 1) + timedelta(start + length),
            )
            for n, (group, start, length) in enumerate(windows)
        ]

    def days(row) -> set:
        end = row[4] if end_exclusive else row[4] + timedelta(1)
        return {(row[2], row[3] + timedelta(n)) for n in range((end - row[3]).days)}

    held, new = rows(loaded, 0), rows(incoming, 100)
    clashes = overlapping(held, new, 1, end_exclusive)
    taken = set().union(*map(days, held)) if held else set()
    for row in new:
        assert (row[1] in clashes) == bool(days(row) & taken)
        if row[1] not in clashes:
            taken |= days(row)
