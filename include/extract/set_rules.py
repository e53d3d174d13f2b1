"""Rules over many rows: duplicate keys, orphans and what they drag along, cycles, overlapping windows.

They run in the database over the temp table `incoming` (the good rows of one file) and the current rows of
the landing tables; a row that breaks one moves to the temp table `refused`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import psycopg
from psycopg import sql

from include.extract.contracts import Column, NoCycle, NoOverlap
from include.extract.manifest import Stream, holders
from include.warehouse.copy import relation_name


@dataclass(frozen=True)
class Scope:
    """Whose rows are checked, and the landing table they are bound for."""

    conn: psycopg.Connection
    tenant: str
    stream: Stream
    relation: str


def apply_set_rules(scope: Scope) -> dict[str, object]:
    """Move every row that breaks a rule to `refused`; returns what is only reported (orphans of loose references)."""
    _refuse_duplicates(scope)
    for rule in scope.stream.rules:
        if isinstance(rule, NoCycle):
            _refuse_cycles(scope, rule)
    reported: dict[str, object] = {}
    for column in scope.stream.columns:
        if column.references and column.orphan == "report":
            _report_orphans(scope, column, reported)
    strict = [c for c in scope.stream.columns if c.references and c.orphan == "reject"]
    # A refused parent makes its children in the same file orphans too: until nothing more falls.
    while sum(_refuse_orphans(scope, column) for column in strict) and _refers_to_itself(
        scope.stream, strict
    ):
        pass
    for rule in scope.stream.rules:
        if isinstance(rule, NoOverlap):
            _refuse_overlaps(scope, rule)
    return {"orphans": reported} if reported else {}


def same_key(stream: Stream, left: str, right: str) -> sql.Composed:
    """SQL that two rows share the stream's key; an empty key column equals an empty one, and stays hashable."""
    parts = []
    for name in stream.key:
        column = sql.Identifier(name)
        if stream.column(name).required:
            parts.append(sql.SQL("{}.{} = {}.{}").format(sql.SQL(left), column, sql.SQL(right), column))
        else:
            parts.append(
                sql.SQL("coalesce({}.{}::text, '') = coalesce({}.{}::text, '')").format(
                    sql.SQL(left), column, sql.SQL(right), column
                )
            )
    return sql.SQL(" AND ").join(parts)


def _refuse_duplicates(scope: Scope) -> None:
    key = sql.SQL(", ").join(map(sql.Identifier, scope.stream.key))
    shown = sql.SQL("concat_ws(' · ', {})").format(
        sql.SQL(", ").join(sql.SQL("i.{}::text").format(sql.Identifier(name)) for name in scope.stream.key)
    )
    scope.conn.execute(
        sql.SQL(
            "CREATE TEMP TABLE repeated ON COMMIT DROP AS SELECT {key}, min(_row_number) AS first_row"
            " FROM incoming GROUP BY {key} HAVING count(*) > 1"
        ).format(key=key)
    )
    _refuse(
        scope,
        column=", ".join(scope.stream.key),
        found=shown,
        expected=sql.SQL("'a key that stands once in the file'"),
        reason=sql.SQL(
            "CASE WHEN f._row_hash = i._row_hash THEN 'repeats row ' || d.first_row || ' exactly'"
            " ELSE 'row ' || d.first_row || ' has this key already, with other values' END"
        ),
        where=sql.SQL(
            "FROM repeated d JOIN incoming f ON f._row_number = d.first_row, incoming i"
            " WHERE {} AND i._row_number > d.first_row"
        ).format(same_key(scope.stream, "i", "d")),
    )
    scope.conn.execute("DROP TABLE repeated")


def _refers_to_itself(stream: Stream, columns: list[Column]) -> bool:
    return any(column.references.split(".")[0] == stream.contract for column in columns)


def _missing(scope: Scope, column: Column) -> tuple[list[str], str, str]:
    """Values of a reference that no current row of the parent has, and the parent contract and column."""
    contract, parent_key = column.references.split(".")
    name = sql.Identifier(column.name)
    parts = [
        sql.SQL(
            "NOT EXISTS (SELECT FROM {} p WHERE p.tenant_id = %(tenant)s AND p.{} = v.value AND p._superseded_at IS NULL)"
        ).format(relation_name(relation), sql.Identifier(held))
        for relation, held in holders(contract, parent_key)
    ]
    if contract == scope.stream.contract:
        parts.append(
            sql.SQL("NOT EXISTS (SELECT FROM incoming p WHERE p.{} = v.value)").format(
                sql.Identifier(parent_key)
            )
        )
    rows = scope.conn.execute(
        sql.SQL(
            "WITH v AS MATERIALIZED (SELECT DISTINCT {name} AS value FROM incoming WHERE {name} IS NOT NULL)"
            " SELECT value FROM v WHERE {absent} ORDER BY value"
        ).format(name=name, absent=sql.SQL(" AND ").join(parts)),
        {"tenant": scope.tenant},
    ).fetchall()
    return [value for (value,) in rows], contract, parent_key


def _report_orphans(scope: Scope, column: Column, reported: dict[str, object]) -> None:
    values, _, _ = _missing(scope, column)
    if values:
        reported[column.name] = {
            "values": len(values),
            "examples": values[:5],
            "refers_to": column.references,
        }


def _refuse_orphans(scope: Scope, column: Column) -> int:
    values, contract, parent_key = _missing(scope, column)
    if not values:
        return 0
    has_parents = scope.stream.contract == contract or any(
        scope.conn.execute(
            sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE tenant_id = %s AND _superseded_at IS NULL)").format(
                relation_name(relation)
            ),
            (scope.tenant,),
        ).fetchone()[0]
        for relation, _ in holders(contract, parent_key)
    )
    reason = (
        f"no {contract} row with this {parent_key}"
        if has_parents
        else f"no rows of {contract} were ever loaded"
    )
    return _refuse(
        scope,
        column=column.name,
        found=sql.SQL("i.{}").format(sql.Identifier(column.name)),
        expected=sql.Literal(f"a {parent_key} of {contract}"),
        reason=sql.Literal(reason),
        where=sql.SQL("FROM incoming i WHERE i.{} = ANY(%(values)s)").format(sql.Identifier(column.name)),
        parameters={"values": values},
    )


def _refuse_cycles(scope: Scope, rule: NoCycle) -> None:
    names = {"key": sql.Identifier(rule.key), "parent": sql.Identifier(rule.parent)}
    parents = dict(
        scope.conn.execute(
            sql.SQL(
                "SELECT {key}, {parent} FROM {relation} l WHERE tenant_id = %s AND _superseded_at IS NULL"
                " AND {parent} IS NOT NULL AND NOT EXISTS (SELECT FROM incoming i WHERE i.{key} = l.{key})"
                " UNION ALL SELECT {key}, {parent} FROM incoming WHERE {parent} IS NOT NULL"
            ).format(relation=relation_name(scope.relation), **names),
            (scope.tenant,),
        ).fetchall()
    )
    on_cycle = keys_on_cycles(parents)
    if on_cycle:
        _refuse(
            scope,
            column=rule.parent,
            found=sql.SQL("i.{}").format(sql.Identifier(rule.parent)),
            expected=sql.Literal(f"a {rule.parent} that leads to a root"),
            reason=sql.Literal("the row is its own ancestor: a cycle"),
            where=sql.SQL("FROM incoming i WHERE i.{} = ANY(%(values)s)").format(names["key"]),
            parameters={"values": sorted(on_cycle)},
        )


def keys_on_cycles(parents: dict[str, str]) -> set[str]:
    """Keys that are their own ancestors, given each key's parent. Linear in the number of keys."""
    done: set[str] = set()
    on_cycle: set[str] = set()
    for start in parents:
        path: dict[str, int] = {}
        key: str | None = start
        while key is not None and key not in done and key not in path:
            path[key] = len(path)
            key = parents.get(key)
        if key in path:
            on_cycle.update(list(path)[path[key] :])
        done.update(path)
    return on_cycle


def _refuse_overlaps(scope: Scope, rule: NoOverlap) -> None:
    """Windows in file order: each must keep clear of those accepted before it and of those loaded earlier."""
    by = sql.SQL(", ").join(map(sql.Identifier, rule.by))
    columns = sql.SQL("{}, {}, {}").format(by, sql.Identifier(rule.start), sql.Identifier(rule.end))
    loaded = scope.conn.execute(
        sql.SQL(
            "SELECT _source_file, _row_number, {columns} FROM {relation} l WHERE tenant_id = %s AND _superseded_at IS NULL"
            " AND EXISTS (SELECT FROM incoming i WHERE {same_group})"
            " AND NOT EXISTS (SELECT FROM incoming i WHERE {same_key})"
        ).format(
            columns=columns,
            relation=relation_name(scope.relation),
            same_group=sql.SQL(" AND ").join(
                sql.SQL("i.{0} = l.{0}").format(sql.Identifier(name)) for name in rule.by
            ),
            same_key=same_key(scope.stream, "i", "l"),
        ),
        (scope.tenant,),
    ).fetchall()
    incoming = scope.conn.execute(
        sql.SQL("SELECT '', _row_number, {} FROM incoming ORDER BY _row_number").format(columns)
    ).fetchall()
    clashes = overlapping(loaded, incoming, len(rule.by), rule.end_exclusive)
    if not clashes:
        return
    scope.conn.execute("CREATE TEMP TABLE clash (row_number bigint, reason text) ON COMMIT DROP")
    with scope.conn.cursor() as cursor:
        cursor.executemany("INSERT INTO clash VALUES (%s, %s)", list(clashes.items()))
    _refuse(
        scope,
        column=rule.start,
        found=sql.SQL("i.{}::text || ' to ' || i.{}::text").format(
            sql.Identifier(rule.start), sql.Identifier(rule.end)
        ),
        expected=sql.Literal(f"windows of one {', '.join(rule.by)} that do not overlap"),
        reason=sql.SQL("c.reason"),
        where=sql.SQL("FROM clash c, incoming i WHERE i._row_number = c.row_number"),
    )
    scope.conn.execute("DROP TABLE clash")


def overlapping(
    loaded: list[tuple], incoming: list[tuple], group_size: int, end_exclusive: bool
) -> dict[int, str]:
    """Row number -> reason of incoming windows that overlap an earlier one.

    Rows are (file, row number, *group, start, end); `loaded` windows stand, incoming ones are taken in order
    and a refused one blocks nobody.
    """
    accepted: dict[tuple, list[tuple]] = defaultdict(list)
    for file, number, *group, start, end in loaded:
        accepted[tuple(group[:group_size])].append((start, end, f"row {number} of {file}, loaded earlier"))
    clashes = {}
    for _, number, *group, start, end in incoming:
        windows = accepted[tuple(group[:group_size])]
        for other_start, other_end, where in windows:
            before = end <= other_start if end_exclusive else end < other_start
            after = start >= other_end if end_exclusive else start > other_end
            if not (before or after):
                clashes[number] = f"overlaps {other_start} to {other_end} of {where}"
                break
        else:
            windows.append((start, end, f"row {number}"))
    return clashes


def _refuse(
    scope: Scope,
    *,
    column: str,
    found: sql.Composable,
    expected: sql.Composable,
    reason: sql.Composable,
    where: sql.Composable,
    parameters: dict[str, object] | None = None,
) -> int:
    """Move the rows `where` selects (alias `i`) from `incoming` to `refused`; returns how many."""
    amount = sql.SQL("NULL::numeric")
    if scope.stream.amount:
        amount = sql.SQL("i.{}").format(sql.Identifier(scope.stream.amount))
    moved = scope.conn.execute(
        sql.SQL(
            "INSERT INTO refused (row_number, column_name, found, expected, reason, raw_row, amount)"
            " SELECT i._row_number, {column}, {found}, {expected}, {reason},"
            " jsonb_strip_nulls(to_jsonb(i) - ARRAY['_row_number', '_row_hash', '_extra']), {amount} {where}"
        ).format(
            column=sql.Literal(column),
            found=found,
            expected=expected,
            reason=reason,
            amount=amount,
            where=where,
        ),
        parameters or {},
    ).rowcount
    if moved:
        scope.conn.execute("DELETE FROM incoming i USING refused r WHERE i._row_number = r.row_number")
    return moved
