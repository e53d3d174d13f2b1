"""Matching deductions to promotions, as a ratio to a row-by-row filter: `python -m tests.bench.bench_matching`.

Both are measured in turn inside one process; the figure is the least ratio of all rounds. The reference filters
the promotion table once per deduction, as everyday pandas code does, over a sample that is scaled up. No test is
gated on time. Sizes: DEDUCTIONS PROMOTIONS on the command line, else 100,000 and 10,000.
"""

from __future__ import annotations

import resource
import sys
import time
from datetime import date, timedelta

import numpy as np
import pandas as pd

from include.reconcile.candidates import CandidateIndex, Candidates, ClaimColumns
from include.reconcile.hierarchy import CustomerTree
from include.reconcile.records import Promotion
from include.reconcile.rules import Rules
from include.reconcile.score import amount_fit, score
from tests.trade_cases import promotion

GOAL, ROUNDS, SAMPLE = 1_000, 5, 200
FIRST = date(2026, 1, 1)


def company(
    deductions: int, promotions: int
) -> tuple[CustomerTree, list[Promotion], ClaimColumns, np.ndarray]:
    """Banners with ten stores each, promotions on banners and stores over a year, claims by the stores."""
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
    columns = ClaimColumns(
        customers=[str(c) for c in rng.choice(list(stores), deductions)],
        dates=[FIRST + timedelta(days=int(d)) for d in rng.integers(0, 365, deductions)],
        currencies=["USD"] * deductions,
        reasons=["PROMO"] * deductions,
    )
    return tree, plans, columns, rng.integers(1_000, 50_000, deductions) * 10_000


def matched(found: Candidates, plans: list[Promotion], amounts: np.ndarray, rules: Rules) -> np.ndarray:
    """Best score per claim in millionths, -1 where there is no candidate."""
    open_units = np.array([int(p.planned_amount.scaleb(4)) for p in plans])
    counts = np.diff(found.offsets)
    claim = np.repeat(amounts, counts)
    missing = np.full(len(claim), np.nan)
    fits = (
        found.customer_fit,
        found.date_fit,
        amount_fit(claim, open_units[found.promotion]),
        found.tactic_fit,
    )
    value, _ = score(rules, *fits, missing)
    best = np.full(len(counts), -1)
    has = counts > 0
    best[has] = np.maximum.reduceat(value, found.offsets[:-1][has]) if len(value) else -1
    return best


def vectorised(tree, plans, columns, amounts) -> np.ndarray:
    rules = Rules()
    return matched(CandidateIndex(plans, tree, rules).find(columns), plans, amounts, rules)


def row_by_row(tree, plans, columns, amounts, sample: int) -> np.ndarray:
    """One filter of the whole promotion table per deduction."""
    rules = Rules()
    table = pd.DataFrame(
        {
            "customer": [p.customer_key for p in plans],
            "start": pd.to_datetime([p.window_start for p in plans]),
            "end": pd.to_datetime([p.window_end for p in plans]),
            "open": [int(p.planned_amount.scaleb(4)) for p in plans],
        }
    )
    best = np.full(sample, -1)
    for i in range(sample):
        day = pd.Timestamp(columns.dates[i])
        lineage = {columns.customers[i], tree.parent(columns.customers[i])}
        near = (table.start <= day + pd.Timedelta(days=7)) & (table.end >= day - pd.Timedelta(days=90))
        rows = table[near & table.customer.isin(lineage)]
        if len(rows):
            outside = np.where(
                day > rows.end, (day - rows.end).dt.days / 90, np.maximum((rows.start - day).dt.days, 0) / 7
            )
            customer = np.where(rows.customer == columns.customers[i], 1.0, 0.9)
            ones = np.ones(len(rows))
            fits = (customer, 1 - outside, amount_fit(amounts[i], rows.open.to_numpy()), ones, ones * np.nan)
            best[i] = score(rules, *fits)[0].max()
    return best


def main(arguments: list[str]) -> None:
    """Measure and print: seconds, candidates, ratio, added memory."""
    deductions, promotions = (int(a) for a in arguments) if arguments else (100_000, 10_000)
    company_made = company(deductions, promotions)
    tree, plans, columns, _ = company_made
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fast, slow = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        best = vectorised(*company_made)
        fast.append(time.perf_counter() - started)
        started = time.perf_counter()
        sampled = row_by_row(*company_made, SAMPLE)
        slow.append((time.perf_counter() - started) * deductions / SAMPLE)
        assert np.array_equal(best[:SAMPLE], sampled), "the two ways must find the same best score"
    added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    found = CandidateIndex(plans, tree, Rules()).find(columns)
    ratio = min(s / f for s, f in zip(slow, fast, strict=True))
    print(f"{deductions:,} deductions x {promotions:,} promotions, {len(found.promotion):,} candidates")
    print(
        f"vectorised {min(fast):.2f} s · row by row {min(slow):.0f} s (from {SAMPLE}) · added memory {added:.0f} MB"
    )
    print(f"ratio {ratio:,.0f} (goal {GOAL:,})")


if __name__ == "__main__":
    main(sys.argv[1:])
