"""Sell-out: load, bridge, increment and roll-up, each as a ratio to its peer: `python -m tests.bench.bench_pos`.

Pairs are measured in turn inside one run on one private PostgreSQL (or TRADEWIND_TEST_SERVER); the figure is the least
ratio of all rounds, because a busy machine only ever adds. No test is gated on time. ROWS PROMOTIONS on the command
line, else 1,200,000 and 1,000; the specification's size is 12000000 10000 (an hour, 8 GB of disk).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from include.extract import pos_facts
from include.extract.landing import ensure_all
from include.extract.load import Delivery
from include.extract.systems import files
from include.warehouse.migrate import migrate
from include.warehouse.session import Warehouse
from include.warehouse.tenants import ensure_tenant
from tests import dbt_company

ROUNDS, STORES, PRODUCTS, MONTHS = 3, 600, 200, 12
_INCOMING = (
    "CREATE TEMP TABLE incoming (_row_number bigint, sale_date date, customer_key text, product_key text, units_sold numeric(19,4),"
    " sales_value numeric(19,4), period text, is_promotion boolean, promo_price_detected numeric(19,4),"
    " retail_discount numeric(19,4), currency text) ON COMMIT DROP"
)
_CUSTOMERS = """
    INSERT INTO staging.raw_files__customers (tenant_id, customer_key, name, customer_type, parent_customer_key, {origin})
    SELECT 'alpha', 'R' || n, 'R', 'Banner', NULL, {values} FROM generate_series(0, 9) n
    UNION ALL SELECT 'alpha', 'D' || n, 'D', 'Ship-to', 'R' || n %% 10, {values} FROM generate_series(0, 59) n
    UNION ALL SELECT 'alpha', 'S' || n, 'S', 'Store', 'D' || n %% 60, {values} FROM generate_series(0, %(stores)s - 1) n
"""
_PRODUCTS = """
    INSERT INTO staging.raw_files__products (tenant_id, product_key, name, {origin})
    SELECT 'alpha', 'P' || n, 'P', {values} FROM generate_series(0, %(products)s - 1) n
"""
_PROMOTIONS = """
    INSERT INTO staging.raw_files__promotions (tenant_id, promotion_key, name, customer_key, status, tactic_type,
        scan_start, scan_end, total_planned_spend, {origin})
    SELECT 'alpha', 'X' || n, 'X', CASE n %% 3 WHEN 0 THEN 'R' || n %% 10 ELSE 'D' || n %% 60 END, 'Live', 'TPR',
        date '2025-01-01' + n * 7 %% 350, date '2025-01-14' + n * 7 %% 350, 100 + n %% 900, {values}
    FROM generate_series(1, %(promotions)s) n
"""
_LINES = """
    INSERT INTO staging.raw_files__promotion_products (tenant_id, promotion_key, product_key, {origin})
    SELECT DISTINCT ON (1, 2, 3) 'alpha', 'X' || n, 'P' || (n * 13 + k * 29) %% %(products)s, {values}
    FROM generate_series(1, %(promotions)s) n CROSS JOIN generate_series(0, 9) k
"""
_DAYS = (
    "SELECT date '2025-01-01' + {month} * 30 + (n * 17 / {stores} %% 30)::int, 'S' || n %% {stores}, 'P' || (n / {stores} * 7 + n) %% {products},"
    " 1 + n %% 9, 4 * (1 + n %% 9) FROM generate_series(0, {rows} - 1) n"
)  # fmt: skip


@contextmanager
def warehouse() -> Iterator[Warehouse]:
    """A migrated warehouse of its own, dropped afterwards."""
    from include.local import postgres

    given, folder = (
        os.environ.get("TRADEWIND_TEST_SERVER"),
        Path(tempfile.gettempdir()) / f"bench-{uuid.uuid4().hex[:8]}",
    )
    server = given or postgres.ensure(folder, durable=False).superuser_dsn
    place = {k: v for k, v in conninfo_to_dict(server).items() if k in ("host", "port")} | {
        "dbname": folder.name.replace("-", "_")
    }
    wh = Warehouse(
        admin_dsn=make_conninfo(server, dbname=place["dbname"]),
        pipeline_dsn=make_conninfo(user="tw_pipeline", **place),
        engine_dsn=make_conninfo(user="tw_engine", **place),
    )
    try:
        migrate(wh)
        with wh.pipeline() as conn:
            ensure_all(conn)
        ensure_tenant(wh, "alpha", "Alpha", {})
        yield wh
    finally:
        with psycopg.connect(server, dbname="postgres", autocommit=True) as conn:
            conn.execute(f"DROP DATABASE IF EXISTS {place['dbname']} WITH (FORCE)")
        if not given:
            postgres.remove(folder)  # fmt: skip


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def load_months(wh: Warehouse, rows: int) -> tuple[list[float], list[float]]:
    """Fill the year month by month: seconds of each month's partition, and of a plain COPY of the same rows."""
    ours, plain = [], []
    per_month = rows // MONTHS
    for month in range(MONTHS):
        made = _DAYS.format(month=month, stores=STORES, products=PRODUCTS, rows=per_month).replace("%%", "%")
        with wh.pipeline() as conn:
            conn.execute(_INCOMING)
            conn.execute("CREATE TEMP TABLE fate (_fate_row bigint, is_known boolean) ON COMMIT DROP")
            conn.execute(
                "INSERT INTO incoming (_row_number, sale_date, customer_key, product_key, units_sold, sales_value, period)"
                f" SELECT row_number() OVER (), *, 'day' FROM (SELECT DISTINCT ON (1, 2, 3) * FROM ({made}) AS d) AS distinct_rows"
            )
            conn.execute("ANALYZE incoming")
            copied = b"".join(bytes(b) for b in _copy_out(conn))
            conn.execute(f"CREATE TABLE staging.plain_{month} (LIKE intelligence.pos_facts)")

            def copy(month: int = month, conn: psycopg.Connection = conn, copied: bytes = copied) -> None:
                with conn.cursor().copy(f"COPY staging.plain_{month} FROM STDIN") as into:
                    into.write(copied)

            plain.append(seconds(copy))
            delivery = Delivery("alpha", "bench", files.SYSTEM, files.SYSTEM.streams[0])
            ours.append(
                seconds(lambda conn=conn, delivery=delivery: pos_facts.refresh(conn, delivery, "USD"))
            )
            conn.execute(f"DROP TABLE staging.plain_{month}, incoming, fate")
    return ours, plain


def _copy_out(conn: psycopg.Connection) -> Iterator[bytes]:
    columns = "sale_date, customer_key, product_key, units_sold, sales_value, period, NULL, NULL, NULL, 'USD', 'bench'"
    with conn.cursor().copy(f"COPY (SELECT 'alpha', {columns} FROM incoming) TO STDOUT") as out:
        yield from out


def bridge_seconds(wh: Warehouse, target: Path, *arguments: str) -> float:
    """What PostgreSQL and dbt spend on the bridge's model, its hooks included, without dbt's start."""
    result = dbt_company.run_dbt(wh, target, "run", "--select", "promotion_actuals", *arguments)
    assert dbt_company.failures(result) == []
    return sum(
        n["execution_time"]
        for n in json.loads((target / "run_results.json").read_text())["results"]
        if n["unique_id"].endswith("promotion_actuals")
    )


def ltree_seconds(wh: Warehouse, target: Path) -> float:
    """The same bridge with the hierarchy asked by `<@`, as one would write it first."""
    compiled = next((target / "compiled").rglob("promotion_actuals.sql")).read_text()
    direct = compiled.replace(
        "and store.lft between promotion_windows.lft and promotion_windows.rgt",
        "and store.hierarchy_path operator(extensions.<@) (SELECT c.hierarchy_path FROM customers c"
        " WHERE c.tenant_id = promotion_windows.tenant_id AND c.customer_key = promotion_windows.customer_key)",
    )
    assert direct != compiled
    with wh.pipeline() as conn:
        conn.execute("SET LOCAL work_mem = '64MB'")
        spent = seconds(lambda: conn.execute(f"CREATE TABLE analytics.direct_bridge AS {direct}"))
        same = conn.execute(
            "SELECT (SELECT (count(*), sum(units_sold)) FROM analytics.direct_bridge) ="
            " (SELECT (count(*), sum(units_sold)) FROM analytics.promotion_actuals)"
        ).fetchone()[0]
        assert same, "both ways must make the same bridge"
        conn.execute("DROP TABLE analytics.direct_bridge")
    return spent


def restate_a_day(wh: Warehouse, day: str) -> None:
    """What the loader does when a day is delivered again with other figures."""
    with wh.pipeline() as conn:
        conn.execute(
            "UPDATE intelligence.pos_facts SET units_sold = units_sold + 1 WHERE sale_date = %s", (day,)
        )
        conn.execute(
            "INSERT INTO intelligence.pos_changes (tenant_id, product_key, sale_date, run_id) SELECT DISTINCT tenant_id,"
            " product_key, sale_date, 'bench' FROM intelligence.pos_facts WHERE sale_date = %s", (day,),
        )  # fmt: skip


_BY_NUMBERS = (
    "SELECT n.customer_key, sum(s.units) FROM master.customers n JOIN master.customers c ON c.tenant_id = n.tenant_id"
    " AND c.lft BETWEEN n.lft AND n.rgt JOIN (SELECT tenant_id, customer_key, sum(units_sold) AS units FROM intelligence.pos_facts"
    " GROUP BY 1, 2) s ON s.tenant_id = c.tenant_id AND s.customer_key = c.customer_key GROUP BY 1"
)
_BY_LTREE = _BY_NUMBERS.replace(
    "c.lft BETWEEN n.lft AND n.rgt", "c.hierarchy_path operator(extensions.<@) n.hierarchy_path"
)
_RECURSIVE = (
    "WITH RECURSIVE below AS (SELECT tenant_id, customer_key AS node, customer_key FROM master.customers UNION ALL"
    " SELECT c.tenant_id, b.node, c.customer_key FROM below b JOIN master.customers c ON c.tenant_id = b.tenant_id"
    " AND c.parent_customer_key = b.customer_key) SELECT b.node, sum(p.units_sold) FROM below b JOIN intelligence.pos_facts p"
    " ON p.tenant_id = b.tenant_id AND p.customer_key = b.customer_key GROUP BY 1"
)  # fmt: skip
_SCAN = "SELECT sum(units_sold), sum(sales_value) FROM intelligence.pos_facts"


def query_seconds(dsn: str, query: str, tenant: str | None = None) -> float:
    """Wall time of a query."""
    with psycopg.connect(dsn) as conn:
        if tenant:
            conn.execute("SELECT set_config('app.tenant_id', %s, true)", (tenant,))
        return seconds(lambda: conn.execute(query).fetchall())


def least(name: str, mine: list[float], peer: list[float], goal: str) -> None:
    """Print the least ratio of all rounds."""
    ratio = min(m / p for m, p in zip(mine, peer, strict=True))
    print(
        f"{name}: {min(mine):.2f} s against {min(peer):.2f} s · ratio {ratio:.3f} (goal {goal})", flush=True
    )


def main(arguments: list[str]) -> None:
    """Measure and print."""
    rows, promotions = (int(a) for a in arguments) if arguments else (1_200_000, 1_000)
    with warehouse() as wh, tempfile.TemporaryDirectory() as folder:
        target = Path(folder)
        ours, plain = load_months(wh, rows)
        least("a month loaded, indexed and attached / plain COPY", ours, plain, "<= 1.3")
        half = MONTHS // 2
        print(f"  later months / earlier months: {min(ours[half:]) / min(ours[:half]):.2f} (flat is 1)")
        origin = "_source_file, _row_number, _row_hash, _run_id"
        size = {"stores": STORES, "products": PRODUCTS, "promotions": promotions}
        with wh.pipeline() as conn:
            for statement in (_CUSTOMERS, _PRODUCTS, _PROMOTIONS, _LINES):
                conn.execute(statement.format(origin=origin, values="'bench', 1, '1', 'bench'"), size)
        for command in (["seed"], ["run", "--select", "+promotion_actuals"]):
            assert dbt_company.failures(dbt_company.run_dbt(wh, target, *command)) == []
        full, direct, scan, day = [], [], [], []
        for n in range(ROUNDS):
            full.append(bridge_seconds(wh, target, "--full-refresh"))
            direct.append(ltree_seconds(wh, target))
            scan.append(query_seconds(wh.pipeline_dsn, _SCAN))
            restate_a_day(wh, f"2025-06-{10 + n}")
            day.append(bridge_seconds(wh, target))
        least("bridge built from nothing / the same by ltree", full, direct, "<= 0.6")
        least("bridge built from nothing / scan of the facts", full, scan, "<= 10")
        least("a changed day / bridge built from nothing", day, full, "<= 0.05")
        pairs = [
            [query_seconds(wh.pipeline_dsn, q) for q in (_BY_NUMBERS, _BY_LTREE, _RECURSIVE)]
            for _ in range(ROUNDS)
        ]
        numbers, ltree, recursive = (list(column) for column in zip(*pairs, strict=True))
        least("roll-up to all nodes by numbers / recursive", numbers, recursive, "< 1")
        least("roll-up to all nodes by ltree / recursive", ltree, recursive, "< 1")
        one = "SELECT sum(units_sold) FROM intelligence.pos_facts WHERE product_key = 'P7' AND sale_date BETWEEN '2025-03-01' AND '2025-03-31'"
        many = " UNION ALL ".join([one] * 50)
        guarded = [query_seconds(wh.engine_dsn, many, "alpha") for _ in range(ROUNDS)]
        stated = [
            query_seconds(wh.pipeline_dsn, many.replace("WHERE", "WHERE tenant_id = 'alpha' AND"))
            for _ in range(ROUNDS)
        ]
        least("under row security / with the tenant stated", guarded, stated, "<= 1.05")


if __name__ == "__main__":
    main(sys.argv[1:])
