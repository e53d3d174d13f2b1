"""The kernel pays what the plans say: rows of numbers against the plan's own function of attainment, one draw at a time."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.forecast.draws import SEGMENT, Streams
from include.forecast.engine import block_plan, rep_cents, simulate_block
from include.forecast.inputs import SimulationInputs
from include.forecast.marginal import Marginal
from include.forecast.piecewise import pay_of
from include.forecast.plans import Plan, build_plan
from include.forecast.rows import program_of
from tests.forecast_cases import leg, line, rep, simulation

SEED = 7
MARGINALS = (
    Marginal("lognormal", -0.1, 0.4),
    Marginal("lognormal", -0.5, 2.5),
    Marginal("gamma", 6.0, 0.15),
    Marginal("weibull", 1.7, 1.1),
    Marginal("beta", 2.0, 3.0, third=2.4),
    Marginal("lognormal", 0.0, 0.3, p0=0.2),
    Marginal("gamma", 3.0, 0.3, p0=0.01),
    Marginal("constant", 0.9, 0.0),
    Marginal("constant", 1.1, 0.0, p0=0.4),
    Marginal("lognormal", 0.0, 0.3, p0=1.0),
)
HUNDREDTHS = st.integers(1, 250).map(lambda n: Decimal(n) / 100)


@st.composite
def plans(draw, *, measures=("revenue",)) -> Plan:
    """Any plan of these measures: every mode, caps, gates, kickers, decelerators, rates on revenue."""
    kind = draw(st.sampled_from(["payout_curve", "rate"]))
    threshold_mode = draw(st.sampled_from(["none", "cliff_from_zero", "linear_from_threshold"]))
    header = {
        "plan_key": "P",
        "version": "1",
        "plan_kind": kind,
        "accelerator_mode": draw(st.sampled_from(["marginal", "retroactive"])),
        "threshold_mode": threshold_mode,
        "threshold_attainment": draw(st.integers(1, 99)) / 100 if threshold_mode != "none" else None,
        "cap_mode": draw(st.sampled_from(["none", "payout_multiple", "attainment"])),
        "cap_value": draw(HUNDREDTHS),
    }
    bounds = draw(st.lists(HUNDREDTHS, max_size=4, unique=True))
    rates = st.integers(0, 300).map(lambda n: Decimal(n) / 100)
    tiers = [{"lower_bound": b, "rate": draw(rates)} for b in [Decimal(0), *sorted(bounds)]]
    parts = []
    for n, measure in enumerate(measures):
        is_gated = draw(st.booleans())
        parts.append(
            {
                "component": f"c{n}",
                "measure": measure,
                "weight": Decimal(1) / len(measures),
                "gate_measure": draw(st.sampled_from(measures)) if is_gated else None,
                "gate_attainment": draw(HUNDREDTHS) if is_gated else None,
                "kicker_amount": draw(st.sampled_from([0, Decimal("1234.50")])),
            }
        )
    return build_plan(header, tiers, parts)


ATTAINMENTS = st.floats(-0.5, 4.0, allow_nan=False)


@settings(max_examples=100, deadline=None)
@given(
    plan=plans(),
    attainments=st.lists(ATTAINMENTS, min_size=1, max_size=20),
    base=st.sampled_from([1000.0, 52_500.5]),
)
def test_pay_is_piecewise_linear(plan, attainments, base):
    """The pieces say the same as the plan's own rules, at any attainment and at every edge of them."""
    most = None if plan.cap_multiple is None else plan.cap_multiple
    pieces = pay_of(plan, base, most)
    points = np.array([*attainments, *pieces.at])
    paid = plan.payout({"revenue": points}, target_incentive=base, quota={"revenue": base})
    assert [pieces(a) * base for a in points] == pytest.approx(paid.tolist(), rel=1e-9, abs=1e-6)


@st.composite
def legs(draw, marginals=MARGINALS, measures=("revenue",)):
    """A leg of any measures: quota, credits to date (a negative one too), what is to come."""
    return [
        line(
            measure=measure,
            marginal=draw(st.sampled_from(marginals)),
            quota=draw(st.sampled_from([400_000, 123_457])),
            credited=draw(st.sampled_from([0, 31_337, 300_000, -20_000])),
            remaining_quota=draw(st.sampled_from([None, 99_999, 0])),
        )
        for measure in measures
    ]


@st.composite
def companies(draw, **changes) -> SimulationInputs:
    """A few reps on any plans, some paid on two measures, some in two legs."""
    single, double = draw(plans()), draw(plans(measures=("revenue", "margin")))
    reps = []
    for n in range(draw(st.integers(1, 5))):
        is_double = draw(st.booleans())
        measures = ("revenue", "margin") if is_double else ("revenue",)
        years = [
            leg(
                start=start,
                plan="B" if is_double else "A",
                target=draw(st.sampled_from([50_000, "12345.67"])),
                lines=draw(legs(measures=measures)),
            )
            for start in ("2026-01-01", "2026-07-01")[: draw(st.integers(1, 2))]
        ]
        region = draw(st.sampled_from("NS"))
        reps.append(replace(rep(f"r{n}", region=region, role="ab"[n % 2], lines=()), legs=tuple(years)))
    return simulation(reps, plans={"A": single, "B": double}, **changes)


def one_by_one(inputs: SimulationInputs, start: int, stop: int) -> dict[str, np.ndarray]:
    """Each rep's cents by the plan's own function, every leg from normals drawn for it alone."""
    streams, paid = Streams(SEED, "base"), {}
    for entry in inputs.reps:
        common = np.sqrt(0.1) * streams.normals("factor:global", start, stop)
        common = common + np.sqrt(0.2) * streams.normals(f"factor:region:{entry.region}", start, stop)
        paid[entry.rep_key] = np.zeros(stop - start)
        for part in entry.legs:
            since = "" if part is entry.legs[0] else f"@{part.start}"
            attainment, quota = {}, {}
            for one in part.lines:
                measure = "" if one.measure == "revenue" else f":{one.measure}"
                own = streams.normals(f"rep:{entry.rep_key}{since}{measure}", start, stop)
                drawn = one.marginal.attainment(common + np.sqrt(0.7) * own)
                attainment[one.measure] = float(one.credited / one.quota) + drawn * float(
                    one.remaining_quota / one.quota
                )
                quota[one.measure] = float(one.quota)
            pay = inputs.plans[part.plan].payout(
                attainment, target_incentive=float(part.target_incentive), quota=quota
            )
            # Half up, also where the product of a half cent came out a few digits short.
            paid[entry.rep_key] += np.floor(pay * 100 + 0.5 + 2.0**-26)
    return paid


@settings(max_examples=60, deadline=None)
@given(inputs=companies(), start=st.integers(0, 9000), length=st.integers(1, 300))
def test_exact_cents_are_those_of_the_plan(inputs, start, length):
    """To the cent, but where a pay lies on the edge of a cent or of a tier: there are no two such in a thousand draws."""
    expected = one_by_one(inputs, start, start + length)
    got = {r.rep_key: cents for r, cents in rep_cents(inputs, SEED, start, start + length)}
    for key, cents in got.items():
        assert np.count_nonzero(cents != expected[key]) <= 1 + length // 500
    total = simulate_block(inputs, SEED, start, start + length).groups[("total", "")]
    assert np.array_equal(total, sum(got.values()))


def test_a_plan_of_one_measure_runs_in_the_kernel():
    """Only several measures take the slow way; what is certain is not drawn at all."""
    open_line, closed = (
        line(marginal=MARGINALS[0]),
        line(marginal=MARGINALS[0], credited=100, remaining_quota=0),
    )
    inputs = simulation(
        [
            rep("drawn", lines=[open_line]),
            rep("certain", lines=[closed]),
            rep("constant", lines=[line(marginal=MARGINALS[7])]),
        ]
    )
    program = program_of(inputs)
    assert (len(program.rows), len(program.fixed), len(program.others)) == (1, 2, 0)


@pytest.mark.parametrize("profile", ["exact", "fast"])
@settings(max_examples=15, deadline=None)
@given(data=st.data(), block=st.integers(1, 9000))
def test_both_profiles_keep_the_laws(profile, data, block):
    """Any cutting and any order of the roster, the same bytes; groups and reps add up to the total."""
    inputs = data.draw(companies(profile=profile))
    first, last = SEGMENT - 700, SEGMENT + 500
    whole = simulate_block(inputs, SEED, first, last)
    total = whole.groups[("total", "")]
    cuts = [first, *(first + b.stop for b in block_plan(last - first, max(block % 1300, 60)))]
    parts = [simulate_block(inputs, SEED, a, b).groups[("total", "")] for a, b in pairwise(cuts)]
    assert np.array_equal(np.concatenate(parts), total)
    for kind in ("role", "region", "segment"):
        assert np.array_equal(sum(c for (k, _), c in whole.groups.items() if k == kind), total)
    reps = {r.rep_key: cents for r, cents in rep_cents(inputs, SEED, first, last)}
    assert np.array_equal(sum(reps.values()), total)
    assert [int(cents.sum()) for cents in reps.values()] == whole.rep_sums.tolist()
    shuffled = replace(inputs)
    object.__setattr__(shuffled, "reps", inputs.reps[::-1])
    assert np.array_equal(simulate_block(shuffled, SEED, first, last).groups[("total", "")], total)


_HASH = """
from hashlib import sha256
from include.forecast.engine import simulate_block
from tests.property.test_forecast_properties import portfolio
print(sha256(simulate_block(portfolio(), 1, 0, 9000).groups[("total", "")].tobytes()).hexdigest())
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names x86 features")
def test_exact_totals_are_the_same_without_vector_instructions():
    """exp and everything else is made of operations that every processor rounds alike."""
    hashes = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _HASH],
            env={**os.environ, "NPY_DISABLE_CPU_FEATURES": features},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for features in ("", "X86_V4 X86_V3")
    }
    assert len(hashes) == 1
