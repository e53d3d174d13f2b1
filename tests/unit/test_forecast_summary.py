"""Statistics: tail, exceedance, sizes."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from include.errors import TradewindError
from include.forecast.engine import block_plan, check_size, simulate_block
from include.forecast.groups import group_statistics, rep_statistics
from include.forecast.marginal import Marginal
from include.forecast.summary import exceedance, summarise, wilson
from tests.forecast_cases import g11_portfolio, line, rep, simulation


@pytest.mark.parametrize(
    ("budget", "count"), [("3.00", 2), ("2.99", 3), ("3.0049", 2), ("0", 5), ("5", 0), ("-1", 5)]
)
def test_only_totals_above_the_budget_exceed_it(budget, count):
    got = exceedance(np.array([100, 200, 300, 400, 500]), Decimal(budget))
    assert got.count == count
    assert got.low <= got.share <= got.high
    over = [Decimal(c) / 100 - Decimal(budget) for c in (100, 200, 300, 400, 500)]
    assert got.expected_overshoot == pytest.approx(sum(o for o in over if o > 0) / 5, abs=Decimal("0.0001"))


def test_one_iteration_has_no_spread():
    stats = summarise(np.array([12345]))
    assert (stats.mean, stats.var_95, stats.es95) == (Decimal("123.45"),) * 3
    assert (stats.sd, stats.se_mean, stats.p95_low, stats.p95_high) == (None,) * 4


def test_no_total_is_refused():
    with pytest.raises(TradewindError, match="at least one total"):
        summarise(np.array([], dtype=np.int64))


def test_sums_beyond_int64_are_exact():
    assert summarise(np.full(40, 2**61, dtype=np.int64)).mean == Decimal(2**61) / 100


def test_contributions_add_up_to_es95_and_means_to_the_mean():
    inputs = simulation(g11_portfolio(10))
    block = simulate_block(inputs, 4, 0, 4001)
    total = block.groups[("total", "")]
    summary = summarise(total)
    vectors = [(key, cents) for (kind, key), cents in sorted(block.groups.items()) if kind == "region"]
    groups = group_statistics(
        vectors, total, summary, rep_counts={str(k): 3 for k in range(4)}, budgets={"1": Decimal(140_000)}
    )
    assert sum(g.mean for g in groups) == summary.mean
    assert sum(g.es95_contribution for g in groups) == summary.es95
    assert [g.exceedance is not None for g in groups] == [False, True, False, False]
    reps = rep_statistics(inputs, 4, 4001, block.rep_sums, summary.mean)
    assert sum(r.mean for r in reps) == summary.mean
    assert all(r.p10 <= r.p50 <= r.p90 for r in reps)


@pytest.mark.parametrize(("iterations", "block"), [(0, 10), (10, 0), (-1, 5)])
def test_no_work_is_refused(iterations, block):
    with pytest.raises(TradewindError, match="at least 1"):
        block_plan(iterations, block)


def test_blocks_cover_every_iteration_once():
    plan = block_plan(1001, 250)
    assert [i for b in plan for i in range(b.start, b.stop)] == list(range(1001))


def test_absurd_sizes_are_refused_with_the_memory_they_need():
    check_size(10_000_000, 100_000, 40, 2048)
    with pytest.raises(TradewindError, match=r"30,555,741 MB for 1,000,000,000,000 iterations"):
        check_size(10**12, 5_000, 40, 2048)


def test_amounts_beyond_exact_arithmetic_are_refused():
    huge = rep("R", target=10**15, lines=[line(marginal=Marginal("constant", 1.0, 0.0))])
    with pytest.raises(TradewindError, match="wrong unit"):
        simulate_block(simulation([huge]), 1, 0, 10)


def test_a_portfolio_without_correlation_is_calmer():
    together = summarise(simulate_block(simulation(g11_portfolio()), 1, 0, 20_000).groups[("total", "")])
    alone = simulation(g11_portfolio(), correlation_global=0.0, correlation_region=0.0)
    assert float(together.sd) > 2 * float(
        summarise(simulate_block(alone, 1, 0, 20_000).groups[("total", "")]).sd
    )


def test_an_interval_ends_where_shares_end():
    assert wilson(0, 100)[0] == 0.0
    assert wilson(100, 100)[1] == 1.0
