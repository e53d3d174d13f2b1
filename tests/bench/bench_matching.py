"""Matching deductions to promotions beside its peers, in one run: `python -m tests.bench.bench_matching [DEDUCTIONS PROMOTIONS]`.

All find the best score of every deduction; every peer's answer is compared with ours. The row loop filters the
promotion table once per deduction over a sample that is scaled up. PostgreSQL takes part when
TRADEWIND_TEST_SERVER names a server, DuckDB where it is installed. Sizes without arguments: 100,000 x 10,000.
No test is gated on time. `python -m tests.bench.bench_matching memory 1000000 100000` measures ours alone.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import psycopg

from include.reconcile.candidates import CandidateIndex, ClaimColumns
from include.reconcile.hierarchy import CustomerTree
from include.reconcile.records import Promotion
from include.reconcile.rules import Rules
from include.reconcile.score import amount_fit, score
from tests.trade_cases import promotion

GOALS = {"row loop": 1_000, "pandas merge": 25, "PostgreSQL": 12, "DuckDB": 2}
MEMORY_GOAL, ROUNDS, SAMPLE = 64, 3, 200
FIRST = date(2026, 1, 1)
Company = tuple[CustomerTree, list[Promotion], ClaimColumns, np.ndarray]


def company(deductions: int, promotions: int) -> Company:
    """Banners with ten stores each, promotions on banners over a year, claims by the stores."""
    rng = np.random.default_rng(20261031)
    banners = [f"b{n}" for n in range(max(promotions // 50, 1))]
    stores = {f"{banner}s{n}": banner for banner in banners for n in range(10)}
    tree = CustomerTree({**dict.fromkeys(banners), **stores})
    owners = rng.choice(banners, promotions)
    plans = [
        promotion(
            f"P{n:06}",
            str(int(rng.integers(1_000, 50_000))),
            customer_key=str(owners[n]),
            window_start=(start := FIRST + timedelta(days=int(rng.integers(0, 330)))),
            window_end=start + timedelta(days=int(rng.integers(6, 28))),
        )
        for n in range(promotions)
    ]
    names, days = list(stores), [FIRST + timedelta(days=n) for n in range(365)]
    columns = ClaimColumns(
        customers=[names[i] for i in rng.integers(0, len(names), deductions)],
        dates=[days[i] for i in rng.integers(0, 365, deductions)],
        currencies=["USD"] * deductions,
        reasons=["PROMO"] * deductions,
    )
    return tree, plans, columns, rng.integers(1_000, 50_000, deductions) * 10_000


def ours(tree, plans, columns, amounts, chunk: int = 8192) -> np.ndarray:
    """Best score per claim in millionths, -1 where there is no candidate; one chunk of candidates at a time."""
    rules = Rules()
    open_units = np.array([int(p.planned_amount.scaleb(4)) for p in plans])
    best = np.full(len(columns), -1, dtype=np.int32)
    first = 0
    for found in CandidateIndex(plans, tree, rules).in_chunks(columns, chunk):
        counts = np.diff(found.offsets)
        claim = np.repeat(amounts[first : first + len(counts)], counts)
        near = amount_fit(claim, open_units[found.promotion])
        missing = np.full(len(claim), np.nan)
        value, _ = score(rules, found.customer_fit, found.date_fit, near, found.tactic_fit, missing)
        has = np.flatnonzero(counts)
        if len(has):
            best[first + has] = np.maximum.reduceat(value, found.offsets[:-1][has])
        first += len(counts)
    return best


def tables(tree, plans, columns, amounts) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Promotions and claims as the peers get them: days as numbers, the banner as the key."""
    promotions = pd.DataFrame(
        {
            "customer": [p.customer_key for p in plans],
            "first_day": [p.window_start.toordinal() for p in plans],
            "last_day": [p.window_end.toordinal() for p in plans],
            "open": [int(p.planned_amount.scaleb(4)) for p in plans],
        }
    )
    claims = pd.DataFrame(
        {
            "claim": np.arange(len(columns)),
            "customer": [tree.parent(c) for c in columns.customers],
            "day": [d.toordinal() for d in columns.dates],
            "amount": amounts,
        }
    )
    return promotions, claims


def _values(rows: pd.DataFrame) -> np.ndarray:
    late, early = rows.day - rows.last_day, rows.first_day - rows.day
    day = np.where(late > 0, 1 - late / 90, np.where(early > 0, 1 - early / 7, 1.0))
    near = np.maximum(0, 1 - np.abs(rows.amount - rows.open) / np.maximum(rows.amount, rows.open))
    total = 0.25 * 0.9 + 0.20 * day + 0.15 + 0.25 * near
    return np.floor(total / 0.85 * 1_000_000 + 0.500001).to_numpy()


def row_loop(promotions: pd.DataFrame, claims: pd.DataFrame) -> np.ndarray:
    """One filter of the whole promotion table per deduction."""
    best = np.full(len(claims), -1)
    for i, claim in enumerate(claims.itertuples()):
        near = (promotions.first_day <= claim.day + 7) & (promotions.last_day >= claim.day - 90)
        rows = promotions[near & (promotions.customer == claim.customer)]
        if len(rows):
            best[i] = _values(rows.assign(day=claim.day, amount=claim.amount)).max()
    return best


def pandas_merge(promotions: pd.DataFrame, claims: pd.DataFrame) -> np.ndarray:
    """Join on the banner, filter on the dates, best by group."""
    rows = claims.merge(promotions, on="customer")
    rows = rows[(rows.first_day <= rows.day + 7) & (rows.last_day >= rows.day - 90)]
    found = rows.assign(value=_values(rows)).groupby("claim").value.max()
    return found.reindex(claims.claim, fill_value=-1).to_numpy()


_SQL = """
    SELECT c.claim, max(floor((0.25::float8 * 0.9 + 0.20::float8 * CASE WHEN c.day > p.last_day THEN 1 - (c.day - p.last_day) / 90.0::float8
               WHEN c.day < p.first_day THEN 1 - (p.first_day - c.day) / 7.0::float8 ELSE 1 END + 0.15::float8 + 0.25::float8 * greatest(0,
               1 - abs(c.amount - p.open) / greatest(c.amount, p.open)::float8)) / 0.85::float8 * 1000000 + 0.500001::float8)) AS value
    FROM claims c JOIN promotions p ON p.customer = c.customer
     AND p.first_day BETWEEN c.day - 117 AND c.day + 7 AND p.last_day >= c.day - 90
    GROUP BY c.claim
"""


def _dense(rows: list[tuple], count: int) -> np.ndarray:
    best = np.full(count, -1)
    if rows:
        claim, value = np.array(rows, dtype=np.int64).T
        best[claim] = value
    return best


def postgres(
    server: str, promotions: pd.DataFrame, claims: pd.DataFrame
) -> Iterator[tuple[float, np.ndarray]]:
    """Rounds of the same query over indexed temporary tables; loading is not counted."""
    with psycopg.connect(server, dbname="postgres") as conn, conn.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE promotions (customer text, first_day int, last_day int, open bigint)"
        )
        cursor.execute("CREATE TEMP TABLE claims (claim int, customer text, day int, amount bigint)")
        for name, table in (("promotions", promotions), ("claims", claims)):
            with cursor.copy(f"COPY {name} FROM STDIN") as copy:
                for row in table.itertuples(index=False):
                    copy.write_row(row)
        cursor.execute("CREATE INDEX ON promotions (customer, first_day)")
        cursor.execute("ANALYZE promotions")
        cursor.execute("ANALYZE claims")
        while True:
            started = time.perf_counter()
            rows = cursor.execute(_SQL).fetchall()
            yield time.perf_counter() - started, _dense(rows, len(claims))


def duck(promotions: pd.DataFrame, claims: pd.DataFrame) -> np.ndarray:
    """The same query in DuckDB."""
    import duckdb

    with duckdb.connect() as conn:
        conn.register("promotions", promotions)
        conn.register("claims", claims)
        return _dense(conn.execute(_SQL).fetchall(), len(claims))


def _timed(work: Callable, *values) -> tuple[float, np.ndarray]:
    started = time.perf_counter()
    made = work(*values)
    return time.perf_counter() - started, made


def _peers(made: Company) -> Iterator[tuple[str, Callable[[], tuple[float, np.ndarray]]]]:
    promotions, claims = tables(*made)
    sample = claims.head(SAMPLE)

    def sampled() -> tuple[float, np.ndarray]:
        seconds, best = _timed(row_loop, promotions, sample)
        return seconds * len(claims) / len(sample), best

    yield "row loop", sampled
    if len(claims) <= 200_000:
        yield "pandas merge", lambda: _timed(pandas_merge, promotions, claims)
    server = os.environ.get("TRADEWIND_TEST_SERVER")
    if server:
        rounds = postgres(server, promotions, claims)
        yield "PostgreSQL", lambda: next(rounds)
    try:
        import duckdb  # noqa: F401
    except ImportError:
        return
    yield "DuckDB", lambda: _timed(duck, promotions, claims)


def compare(made: Company) -> None:
    """Ours and each peer in turn, several rounds; the figure is the least ratio."""
    for name, peer in _peers(made):
        ratios, seconds = [], []
        for _ in range(ROUNDS):
            own, best = _timed(ours, *made)
            theirs, found = peer()
            assert np.array_equal(best[: len(found)], found), f"{name} finds other scores"
            ratios.append(theirs / own)
            seconds.append((own, theirs))
        own, theirs = min(seconds)
        print(
            f"{name:>13}: {theirs:9.2f} s, ours {own:.2f} s, ratio {min(ratios):,.0f} (goal {GOALS[name]:,})"
        )


def memory(made: Company) -> None:
    """What matching adds to the process, in a process that has done nothing else, and that no chunk changes it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, best = _timed(ours, *made)
    added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"ours: {seconds:.2f} s, added memory {added:.0f} MB (goal {MEMORY_GOAL})")
    for chunk in (1_000, 100_003):
        assert np.array_equal(best, ours(*made, chunk)), "the answer depends on the chunk"


def engine_run(made: Company, share: int = 10) -> None:
    """Whole decisions with their evidence, as the engine makes them, over one deduction in `share`."""
    from include.reconcile.engine import run
    from include.reconcile.ledger import LedgerState
    from include.reconcile.records import Inputs
    from tests.trade_cases import deduction

    tree, plans, columns, amounts = made
    claims = [
        deduction(f"D{n:07}", str(Decimal(int(amounts[n])).scaleb(-4)), customer_key=columns.customers[n],
                  posting_date=columns.dates[n])
        for n in range(0, len(columns), share)
    ]  # fmt: skip
    parents = {c: tree.parent(c) for c in set(columns.customers) | {p.customer_key for p in plans}}
    inputs = Inputs(promotions=tuple(plans), deductions=tuple(claims), parents=parents)
    started = time.process_time()
    steps = sum(1 for _ in run("alpha", inputs, LedgerState(), date(2026, 12, 31), Rules()))
    seconds = time.process_time() - started
    print(
        f"whole decisions: {len(claims):,} claims and {steps - len(claims):,} other steps in {seconds:.1f} CPU s"
    )


def main(arguments: list[str]) -> None:
    """Measure and print."""
    is_alone = arguments[:1] == ["memory"]
    sizes = [int(a) for a in arguments[1 if is_alone else 0 :]] or [100_000, 10_000]
    made = company(*sizes)
    print(f"{sizes[0]:,} deductions x {sizes[1]:,} promotions")
    memory(made)
    if not is_alone:
        compare(made)
        engine_run(made)


if __name__ == "__main__":
    main(sys.argv[1:])
