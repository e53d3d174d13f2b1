"""The rules of the house as functions over source text: each returns what breaks it, with what to do.

`tests/unit/test_house_rules.py` holds the repository to them, `tests/bite/test_house_rules_bite.py` shows
each one an input that it must refuse.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

#: Modules that declare rows and hold no logic grow with what they declare.
ROWS_OF_DATA = {"include/extract/contracts.py", "include/publish/exports.py"}
PURE_ROOMS = ("include/reconcile/", "include/forecast/", "include/measure/", "include/close/")
PURE_IMPORTS = {"numpy", "scipy", "pandas", "include.money", "include.errors"}
#: The standard library's doors to the outside; a pure room uses none.
IMPURE_STANDARD = {
    "os",
    "pathlib",
    "socket",
    "subprocess",
    "sqlite3",
    "urllib",
    "http",
    "time",
    "random",
    "tempfile",
}
SPEAKS_TO_POSTGRES = ("include/warehouse/", "include/local/", "include/faultpoints.py", "tests/")
JUNK_DRAWERS = {"utils", "helpers", "common", "misc", "base", "core"}
CLOCKS = {
    ("datetime", "now"),
    ("datetime", "today"),
    ("date", "today"),
    ("datetime", "utcnow"),
    ("time", "time"),
}
#: Verbs whose rows are about business dates; load and run logs may read the clock.
CLOCKLESS = (
    "include/reconcile/",
    "include/forecast/",
    "include/measure/",
    "include/flows/reconcile.py",
    "include/flows/forecast.py",
    "include/flows/measure.py",
    "dags/",
)


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module a file imports, dotted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong_imports(path: str, source: str) -> list[str]:
    """Imports that cross a wall between rooms."""
    found = []
    for name in set(imports(ast.parse(source))):
        top = name.split(".")[0]
        if path.startswith("include/") and top in ("airflow", "tradewind", "dags"):
            found.append(
                f"{path} imports {name}: include never imports Airflow; open it in plugins and pass it in"
            )
        if path.startswith(PURE_ROOMS):
            own = any(name.startswith(room.rstrip("/").replace("/", ".")) for room in PURE_ROOMS)
            allowed = own or any(name == ok or name.startswith(f"{ok}.") for ok in PURE_IMPORTS)
            if (top == "include" and name != "include" and not allowed) or top in IMPURE_STANDARD | {
                "psycopg",
                "httpx",
                "requests",
                "yaml",
            }:
                found.append(f"{path} imports {name}: this room is pure; read and write in include/flows")
        if path.startswith("dags/") and top not in (
            "airflow",
            "tradewind",
            "include",
            "datetime",
            "__future__",
        ):
            found.append(f"{path} imports {name}: a DAG file only wires; put the work into include")
    return sorted(found)


def opens_postgres(path: str, source: str) -> list[str]:
    """Connections to PostgreSQL opened outside the warehouse room."""
    if path.startswith(SPEAKS_TO_POSTGRES):
        return []
    return [
        f"{path}:{node.lineno} opens PostgreSQL: take a connection from include.warehouse.session"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "connect"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("psycopg", "psycopg2")
    ]


def reads_clock(path: str, source: str) -> list[str]:
    """Calls of a clock where the business date is explicit."""
    if not path.startswith(CLOCKLESS):
        return []
    return [
        f"{path}:{node.lineno} reads the clock: take the business date from the run"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr) in CLOCKS
    ]


def too_long(path: str, source: str) -> list[str]:
    """DAG files over 80 lines, modules over 450 (rows of data excepted), functions over 75."""
    lines = source.count("\n") + 1
    limit = 80 if path.startswith("dags/") else 450
    found = (
        [f"{path} has {lines} lines, at most {limit}: split it"]
        if lines > limit and path not in ROWS_OF_DATA
        else []
    )
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            if length > 75:
                found.append(f"{path}: {node.name} has {length} lines, at most 75: split it")
    return found


def junk_drawer(path: str) -> list[str]:
    """Names that say nothing about what is inside."""
    parts = PurePosixPath(path).with_suffix("").parts
    return [
        f"{path} is called {part}: name it after what it is for" for part in parts if part in JUNK_DRAWERS
    ]


def undocumented(path: str, source: str) -> list[str]:
    """Modules and public functions or classes without a docstring."""
    tree = ast.parse(source)
    found = (
        [] if ast.get_docstring(tree) else [f"{path} has no docstring: say what the room or module is for"]
    )
    for node in tree.body:
        if (
            isinstance(node, ast.FunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and not ast.get_docstring(node)
        ):
            found.append(f"{path}: {node.name} has no docstring")
    return found


def floats_money(path: str, source: str) -> list[str]:
    """Readers that turn NUMERIC into binary floats."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr in ("read_sql", "read_sql_query", "read_sql_table", "to_sql"):
            found.append(
                f"{path}:{node.lineno} {node.func.attr} makes money a float: use a cursor and Decimal"
            )
    return found


def clock_in_sql(path: str, source: str) -> list[str]:
    """dbt models that read the clock."""
    words = ("now()", "current_date", "current_timestamp", "getdate()", "localtimestamp")
    code = "\n".join(line.split("--")[0] for line in source.lower().splitlines())
    return [
        f"{path} uses {word}: a model's answer must not depend on the day it runs"
        for word in words
        if word in code
    ]
