"""The forecast does not depend on how the work is cut, who does it, or how the roster is written."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from include.forecast.draws import Streams
from include.forecast.engine import GROUP_KINDS, block_plan, rep_cents, simulate_block
from include.forecast.inputs import SimulationInputs, from_json
from include.forecast.marginal import Marginal
from include.forecast.summary import group_means, summarise
from tests.forecast_cases import leg, line, rep, simulation

SEED = 99
MARGINALS = (
    Marginal("lognormal", -0.1, 0.4),
    Marginal("gamma", 6.0, 0.15),
    Marginal("lognormal", 0.0, 0.3, p0=0.2),
    Marginal("constant", 0.9, 0.0),
)


def portfolio(count: int = 13) -> SimulationInputs:
    """Reps of all families, some with credits to date, some whose year is over, one who changed plans."""
    reps = [
        rep(
            f"R{i:02d}",
            region="NSEW"[i % 4],
            role=("AE", "AM", "SE")[i % 3],
            target=20_000 + 777 * i,
            lines=[
                line(
                    marginal=MARGINALS[i % 4],
                    quota=400_000 + 9_999 * i,
                    credited=31_337 * (i % 5),
                    remaining_quota=0 if i == 7 else 300_000,
                )
            ],
        )
        for i in range(count)
    ]
    second = leg(start="2026-10-01", target=9_000, lines=[line(marginal=MARGINALS[0], quota=150_000)])
    reps[5] = replace(reps[5], legs=(*reps[5].legs, second))
    return simulation(reps)


def totals(inputs: SimulationInputs, iterations: int, block: int, *, backwards: bool = False) -> np.ndarray:
    """Totals of all iterations, computed in blocks."""
    plan = block_plan(iterations, block)
    blocks = [simulate_block(inputs, SEED, b.start, b.stop) for b in (reversed(plan) if backwards else plan)]
    return np.concatenate([b.groups[("total", "")] for b in sorted(blocks, key=lambda b: b.start)])


@settings(max_examples=25, deadline=None)
@given(block=st.integers(1, 1100), backwards=st.booleans(), shuffle=st.randoms(use_true_random=False))
def test_cutting_and_order_change_nothing(block, backwards, shuffle):
    inputs = portfolio()
    reps = list(inputs.reps)
    shuffle.shuffle(reps)
    # Written in any order, and put out of order behind the constructor's back as well.
    shuffled = replace(inputs, reps=tuple(reps))
    assert shuffled.input_hash == inputs.input_hash
    object.__setattr__(shuffled, "reps", tuple(reps))
    whole = totals(inputs, 1000, 1000)
    assert np.array_equal(totals(shuffled, 1000, block if block > 15 else 97, backwards=backwards), whole)


def _work(bounds: tuple[int, int]) -> bytes:
    return simulate_block(portfolio(), SEED, *bounds).groups[("total", "")].tobytes()


def test_other_processes_compute_the_same_bytes():
    plan = [(b.start, b.stop) for b in block_plan(3000, 701)]
    with ProcessPoolExecutor(2) as pool:
        assert b"".join(pool.map(_work, plan)) == totals(portfolio(), 3000, 3000).tobytes()


@settings(max_examples=20, deadline=None)
@given(key=st.text(min_size=1, max_size=12).filter(lambda key: not key.startswith("R")))
def test_a_new_rep_moves_nobodys_draws(key):
    inputs = portfolio()
    grown = replace(inputs, reps=(*inputs.reps, rep(key, region="N", lines=[line(marginal=MARGINALS[0])])))
    before = {r.rep_key: cents for r, cents in rep_cents(inputs, SEED, 0, 64)}
    after = {r.rep_key: cents for r, cents in rep_cents(grown, SEED, 0, 64)}
    assert all(np.array_equal(after[name], cents) for name, cents in before.items())
    added = totals(grown, 64, 64) - totals(inputs, 64, 64)
    assert np.array_equal(added, after[key])


def test_groups_of_every_kind_sum_to_the_total():
    block = simulate_block(portfolio(), SEED, 0, 9000)
    total = block.groups[("total", "")]
    for kind in GROUP_KINDS:
        parts = [cents for (k, _), cents in block.groups.items() if k == kind]
        assert np.array_equal(np.sum(parts, axis=0), total)
    assert block.rep_sums.sum() == total.sum()


@settings(max_examples=50, deadline=None)
@given(start=st.integers(0, 17_000), length=st.integers(1, 9000))
def test_any_range_of_a_stream_is_the_same_stream(start, length):
    streams = Streams(1, "base")
    whole = streams.normals("rep:x", 0, 26_000)
    assert np.array_equal(streams.normals("rep:x", start, start + length), whole[start : start + length])


@settings(max_examples=100, deadline=None)
@given(cents=st.lists(st.integers(0, 10**12), min_size=1, max_size=200))
def test_quantiles_are_those_of_numpy(cents):
    stats = summarise(np.array(cents, dtype=np.int64))
    expected = np.percentile(np.array(cents) / 100, [1, 50, 95, 99])
    got = [float(stats.percentiles[p]) for p in (1, 50, 95, 99)]
    assert np.allclose(got, expected, rtol=1e-12, atol=1e-4)
    assert stats.es95 >= stats.var_95 >= stats.percentiles[50]


@settings(max_examples=100, deadline=None)
@given(sums=st.lists(st.integers(0, 10**12), min_size=1, max_size=30), n=st.integers(1, 10_000))
def test_group_means_add_up(sums, n):
    whole = (Decimal(sum(sums)) / (100 * n)).quantize(Decimal("0.0001"))
    means = group_means(sums, whole)
    assert sum(means) == whole
    assert all(
        abs(mean - Decimal(s) / (100 * n)) < Decimal("0.0002") for mean, s in zip(means, sums, strict=True)
    )


def test_frozen_inputs_survive_their_json():
    inputs = portfolio()
    again = from_json(inputs.to_json())
    assert again.to_json() == inputs.to_json()
    assert again.simulation_id(1, 10) == inputs.simulation_id(1, 10)
    assert again.simulation_id(2, 10) != inputs.simulation_id(1, 10)
    assert np.array_equal(totals(again, 50, 50), totals(inputs, 50, 50))


def test_a_later_leg_moves_nobodys_draws_and_not_those_of_the_first():
    inputs = portfolio()
    key = inputs.reps[5].rep_key
    alone = replace(
        inputs,
        reps=tuple(replace(r, legs=r.legs[:1]) if r.rep_key == key else r for r in inputs.reps),
    )
    both, first = ({r.rep_key: cents for r, cents in rep_cents(i, SEED, 0, 64)} for i in (inputs, alone))
    assert all(np.array_equal(both[name], first[name]) for name in both if name != key)
    assert (both[key] - first[key]).min() >= 0
    assert np.corrcoef(both[key] - first[key], first[key])[0, 1] < 0.9
