"""Any seed and any size makes a company that agrees with itself and whose true matches can be known."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.sandbox.world import SMALL, TINY, World, WorldSize, build
from tests.world_checks import (
    contract_faults,
    forest_faults,
    overlapping_windows,
    remittance_differences,
    unbalanced_journals,
)
from tests.world_scoring import score

SIZES = st.builds(
    WorldSize,
    name=st.just("any"),
    banners=st.integers(3, 5),
    payers_per_banner=st.integers(1, 2),
    ship_tos_per_payer=st.integers(1, 2),
    stores_per_ship_to=st.integers(1, 3),
    products=st.integers(3, 6).map(lambda groups: groups * 4),
    promotions=st.integers(20, 50),
    deductions=st.integers(150, 300),
    reps=st.integers(11, 24),
    opportunities=st.integers(0, 300),
)
SEEDS = st.integers(0, 2**63)
TENANTS = st.sampled_from(["demo", "harbor", "alpha"])


def faults(world: World) -> list:
    """Everything that disagrees in one company."""
    found: list = contract_faults(world) + forest_faults(world.tables["customers"])
    found += overlapping_windows(world.tables["quotas"])
    stated = {key: int(d * 100) for key, d in remittance_differences(world).items()}
    if stated != dict(world.truth["planted_remittances"].rows):
        found.append(("remittances", stated))
    if unbalanced_journals(world) != set(world.truth["planted_journals"].column("journal_key")):
        found.append(("journals", unbalanced_journals(world)))
    keys = world.tables["deductions"].column("deduction_key")
    if len(keys) != world.size.deductions or sorted(keys) != sorted(
        world.truth["deductions"].column("deduction_key")
    ):
        found.append(("deductions without exactly one truth", len(keys)))
    amounts = dict(zip(keys, world.tables["deductions"].column("amount"), strict=True))
    for source, column in (("lines", 4), ("parts", 2)):
        table = world.tables["deduction_lines"] if source == "lines" else world.truth["deduction_promotions"]
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for row in table.rows:
            sums[row[0]] += row[column]
        found += [(source, key) for key, total in sums.items() if total != amounts[key]]
    return found


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=SEEDS, size=SIZES, tenant=TENANTS)
def test_any_company_agrees_with_itself(seed, size, tenant):
    assert faults(build(seed, size, tenant)) == []


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=SEEDS, size=SIZES)
def test_same_seed_same_company(seed, size):
    assert build(seed, size, "demo") == build(seed, size, "demo")


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=SEEDS, size=SIZES, tenant=TENANTS)
def test_the_matcher_settles_nothing_wrongly(seed, size, tenant):
    """Whatever the matcher settles by itself is settled against a true promotion of that deduction."""
    result = score(build(seed, size, tenant))
    assert result.wrong == []
    assert result.misanswered == []
    assert result.auto_cleared > 0


@pytest.mark.parametrize("size", [TINY, SMALL], ids=lambda size: size.name)
def test_named_sizes_agree_with_themselves(size):
    assert faults(build(3, size, "harbor")) == []
