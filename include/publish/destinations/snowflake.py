"""Tables and views in Snowflake through its DB-API connection.

A partition goes stage -> run-scoped table -> verify -> swap: its Parquet file is PUT to the user's stage,
copied into a table of its own, compared by count and sum, and only then one transaction deletes the old
partition and inserts the new one. Readers never see half a partition, and a killed attempt leaves at most
a run-scoped table, which the next attempt drops.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal

from include.errors import TradewindError
from include.publish.destinations import Outcome
from include.publish.exports import Export
from include.publish.items import Item, local_file

#: One stage for all arrivals: a partition's file name is its own, so each arrival overwrites the last.
STAGE = "tradewind_arrivals"
_TYPES = {
    "text": "VARCHAR",
    "money": "NUMBER(19,4)",
    "rate": "DOUBLE",
    "date": "DATE",
    "integer": "NUMBER(19,0)",
}


def connect(client: object) -> SnowflakeDestination:
    """The destination over an open snowflake.connector connection whose database and schema are set."""
    return SnowflakeDestination(client)


class SnowflakeDestination:
    """Replaces partitions and views in the connection's schema."""

    batch_size = 1

    def __init__(self, client: object):
        self.client = client

    def send(self, export: Export, items: Sequence[Item]) -> list[Outcome]:
        """Swap each partition in, or run each statement."""
        outcomes = []
        for item in items:
            if export.shape == "statement":
                self._run(str(item.payload["statement"]))
            else:
                self._swap(export, item)
            outcomes.append(Outcome(item.key, "confirmed", external_id=export.object))
        return outcomes

    def missing(self, export: Export, items: Sequence[Item]) -> dict[str, str]:
        """Compare count and sum of every partition, and that every view answers."""
        differences = {}
        for item in items:
            if export.shape == "statement":
                self._rows(f"SELECT count(*) FROM {export.object}")
                continue
            found = self._measure(export, export.object, item)
            wanted = _wanted(item)
            if found != wanted:
                differences[item.key] = f"sent {wanted} (rows, sum), found {found}"
        return differences

    def _swap(self, export: Export, item: Item) -> None:
        columns = ", ".join(f"{f.target} {_TYPES[f.kind]}" for f in export.fields)
        names = ", ".join(f.target for f in export.fields)
        arrival = f"{export.object}_arrival_{hashlib.sha256(item.key.encode()).hexdigest()[:12]}"
        file = local_file(item)
        self._run(f"CREATE TABLE IF NOT EXISTS {export.object} ({columns})")
        self._run(f"CREATE OR REPLACE TABLE {arrival} ({columns})")
        self._run(f"CREATE STAGE IF NOT EXISTS {STAGE}")
        self._run(f"PUT 'file://{file}' @{STAGE} OVERWRITE = TRUE AUTO_COMPRESS = FALSE")
        self._run(
            f"COPY INTO {arrival} FROM @{STAGE}/{file.name} FILE_FORMAT = (TYPE = PARQUET)"
            " MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
        )
        found = self._measure(export, arrival, item)
        if found != _wanted(item):
            raise TradewindError(
                where=f"Snowflake {arrival}",
                expected=f"{_wanted(item)} (rows, sum) as in {file.name}",
                got=str(found),
                remedy="run publish again; the published partition was not touched",
            )
        where, values = _partition(item)
        # MERGE inside a transaction hangs some servers; delete and insert do not.
        self._run("BEGIN")
        try:
            self._run(f"DELETE FROM {export.object} WHERE {where}", values)
            self._run(f"INSERT INTO {export.object} ({names}) SELECT {names} FROM {arrival}")
            self._run("COMMIT")
        except Exception:
            self._run("ROLLBACK")
            raise
        self._run(f"DROP TABLE {arrival}")

    def _measure(self, export: Export, table: str, item: Item) -> tuple[int, Decimal | None]:
        total = f"coalesce(sum({export.checksum}), 0)" if export.checksum else "0"
        where, values = _partition(item)
        count, amount = self._rows(f"SELECT count(*), {total} FROM {table} WHERE {where}", values)[0]
        return int(count), Decimal(str(amount)) if export.checksum else None

    def _run(self, statement: str, values: Sequence[object] = ()) -> None:
        self._rows(statement, values)

    def _rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple]:
        with self.client.cursor() as cursor:
            cursor.execute(statement, tuple(values) or None)
            return cursor.fetchall()


def _wanted(item: Item) -> tuple[int, Decimal | None]:
    total = item.payload["sum"]
    return int(item.payload["rows"]), None if total is None else Decimal(str(total))


def _partition(item: Item) -> tuple[str, list[str]]:
    values = dict(item.payload["partition"])
    return " AND ".join(f"{column} = %s" for column in values), list(values.values())
