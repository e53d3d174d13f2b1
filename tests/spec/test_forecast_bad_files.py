"""Bad input from the contract files to the frozen forecast: one rep for every way to be wrong, and each is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from include.errors import TradewindError
from include.flows.extract import extract_files
from include.flows.forecast import freeze_inputs
from include.forecast.engine import rep_cents
from include.forecast.inputs import SimulationInputs
from include.settings import TenantSettings
from include.warehouse.forecasts import load_simulation
from include.warehouse.session import Warehouse
from include.warehouse.tenants import ensure_tenant
from tests.dbt_company import failures, run_dbt

MARTS = (
    "sales_reps", "compensation_plans", "compensation_plan_tiers", "compensation_plan_components",
    "compensation_budgets", "compensation_draws", "rep_attainment",
)  # fmt: skip
HEADER = ("plan_key,version,effective_from,effective_to,plan_kind,accelerator_mode,threshold_mode,threshold_attainment,"
          "cap_mode,cap_value")  # fmt: skip
PLANS = """
GOOD,1,,,payout_curve,marginal,none,,none,
GAP,1,,2026-03-31,payout_curve,marginal,none,,none,
GAP,2,2026-05-01,,payout_curve,marginal,none,,none,
TWICE,1,,,payout_curve,marginal,none,,none,
TWICE,2,2026-06-01,,payout_curve,marginal,none,,none,
UNKNOWN,1,,,payout_curve,sliding,cliff,,per_deal,
FAULTY,1,,,payout_curve,marginal,cliff_from_zero,,payout_multiple,
"""
TIERS = [f"{plan},{version},default,0,1" for plan, version in (
    ("GOOD", 1), ("GAP", 1), ("GAP", 2), ("TWICE", 1), ("TWICE", 2), ("UNKNOWN", 1))]  # fmt: skip
#: rep -> (role, plan, target incentive, quota of the year); the history is by role.
REPS = {
    "good-1": ("AE", "GOOD", "50000", "1000000"),
    "good-2": ("AE", "GOOD", "50000", "1000000"),
    "good-3": ("AE", "GOOD", "50000", "1000000"),
    "refund": ("AE", "GOOD", "50000", "1000000"),
    "zero-quota": ("AE", "GOOD", "50000", "0"),
    "no-quota": ("AE", "GOOD", "50000", None),
    "negative-quota": ("AE", "GOOD", "50000", "-5"),
    "nan-quota": ("AE", "GOOD", "50000", "NaN"),
    "no-plan": ("AE", "", "50000", "1000000"),
    "plan-gap": ("AE", "GAP", "50000", "1000000"),
    "plan-twice": ("AE", "TWICE", "50000", "1000000"),
    "unknown-plan": ("AE", "UNKNOWN", "50000", "1000000"),
    "faulty-plan": ("AE", "FAULTY", "50000", "1000000"),
    "no-target": ("AE", "GOOD", "", "1000000"),
    "infinite-target": ("AE", "GOOD", "Infinity", "1000000"),
    "once-seen": ("Solo", "GOOD", "50000", "1000000"),
    "always-equal": ("Equal", "GOOD", "50000", "1000000"),
    "never-won": ("Nothing", "GOOD", "50000", "1000000"),
}
PAST = {"AE": ("0.7", "0.9", "1.1", "1.3"), "Solo": ("0.8",), "Equal": ("1",) * 30, "Nothing": ("0",) * 30}


def write_company(folder: Path) -> Path:
    """The contract files."""
    reps, quotas, credits = [], [], []
    for key, (role, plan, target, quota) in REPS.items():
        reps.append(f"{key},{key},{role},East,{plan},{target},USD")
        if quota is not None:
            quotas.append(f"{key},2026-01-01,2027-01-01,{quota},USD")
        credits.append(f"C-{key},{key},2026-03-01,{-(10**6) if key == 'refund' else 600_000},USD")
        past = (
            PAST[role] if key in ("once-seen", "always-equal", "never-won") or key.startswith("good") else ()
        )
        for n, share in enumerate(past):
            start, end = date(2023 + n // 12, n % 12 + 1, 1), date(2023 + (n + 1) // 12, (n + 1) % 12 + 1, 1)
            quotas.append(f"{key},{start},{end},100000,USD")
            if share != "0":
                credits.append(f"C-{key}-{n},{key},{start},{int(float(share) * 100_000)},USD")
    files = {
        "sales_reps": ["rep_key,name,role,region,plan_key,target_incentive,currency", *reps],
        "quotas": ["rep_key,period_start,period_end,quota_amount,currency", *quotas],
        "sales_credits": ["credit_key,rep_key,credit_date,amount,currency", *credits],
        "compensation_plans": [HEADER, *PLANS.split()],
        "compensation_plan_tiers": ["plan_key,version,component,lower_bound,rate", *TIERS, "FAULTY,1,default,0.4,1"],
    }  # fmt: skip
    for name, lines in files.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def loaded(module_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse where alpha's files are loaded and transformed."""
    ensure_tenant(module_warehouse, "alpha", "Alpha")
    extract_files(module_warehouse, "alpha", write_company(tmp_path_factory.mktemp("files")), "load-1")
    result = run_dbt(
        module_warehouse, tmp_path_factory.mktemp("dbt"), "run", "--select", *(f"+{m}" for m in MARTS)
    )
    assert not failures(result)
    yield module_warehouse


def freeze(wh: Warehouse, **settings: object) -> SimulationInputs:
    [simulation_id] = freeze_inputs(
        wh,
        "alpha",
        period="2026-06",
        as_of=date(2026, 6, 30),
        run_id="run-1",
        settings=TenantSettings(forecast={"scenarios": {"base": {}}, **settings}),
    )
    with wh.engine("alpha") as conn:
        return load_simulation(conn, simulation_id).inputs


@pytest.fixture(scope="module")
def frozen(loaded: Warehouse) -> SimulationInputs:
    """The inputs of that company."""
    return freeze(loaded)


def test_who_cannot_be_simulated_is_listed_with_the_reason(frozen):
    assert dict(frozen.exclusions) == {
        "faulty-plan": "plan FAULTY version 1: expected a plan that says what it pays, got 2 faults:"
        " threshold_attainment: nothing (expected a number); cap_value: nothing (expected a number)",
        "negative-quota": "no revenue quota window in the fiscal year",
        "no-plan": "no plan_key",
        "no-quota": "no revenue quota window in the fiscal year",
        "no-target": "no target_incentive, which plan GOOD pays in multiples of",
        "plan-gap": "plan gap: no version of plan GAP in force from 2026-04-01 to 2026-04-30",
        "plan-twice": "versions 1, 2 of plan TWICE are all in force on 2026-06-01",
        "unknown-plan": "plan UNKNOWN does not exist",
        "zero-quota": "revenue quota is zero in the fiscal year",
        "nan-quota": "no revenue quota window in the fiscal year",
    }


def test_what_never_reached_the_marts_is_in_the_rejects_with_the_value(loaded):
    """SPM-14: an unknown construct is rejected with a list of what is unknown about it."""
    with loaded.engine("alpha") as conn:
        rows = conn.execute("SELECT stream, column_name, found, reason FROM staging.rejects").fetchall()
    own = [
        row for row in rows if "no sales_reps row" not in row[3] and "no compensation_plans row" not in row[3]
    ]
    assert sorted(row[:3] for row in own) == [
        ("compensation_plans", "accelerator_mode", "sliding"),
        ("quotas", "quota_amount", "-5"),
        ("quotas", "quota_amount", "NaN"),
        ("sales_reps", "target_incentive", "Infinity"),
    ]
    [reason] = [row[3] for row in own if row[0] == "compensation_plans"]
    assert "also threshold_mode: 'cliff', expected" in reason
    assert "also cap_mode: 'per_deal', expected" in reason


def test_negative_sales_pay_nothing_and_are_noted(frozen):
    assert any(note.startswith("refund: revenue credits to date are -1000000") for note in frozen.notes)


def test_histories_of_one_value_or_none_are_pooled_or_constant(frozen):
    """One observation is pooled with everybody's; thirty equal ones, and thirty without a win, have no spread."""
    found = {fit["segment"].split("|")[0]: (fit["family"], fit["pooled_from"]) for fit in frozen.fits}
    assert found["Solo"] == found["AE"]
    assert found["Solo"][1] == "all"
    assert found["Equal"] == found["Nothing"] == ("constant", None)
    paid = {rep.rep_key: {int(c) for c in cents} for rep, cents in rep_cents(frozen, 1, 0, 50)}
    # 60 % credited by June, and 184 of 365 days of quota at 100 % or at nothing.
    assert paid["always-equal"] == {5520548}
    assert paid["never-won"] == {3000000}
    assert paid["refund"] == {0}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"iterations": 0}, "iterations"),
        ({"iterations": 10**12}, "MB"),
        ({"correlation_global": 0.7, "correlation_region": 0.4}, "together at most 1"),
        ({"correlation_global": -0.1}, "each from 0 to 1"),
        ({"correlation_region": float("nan")}, "each from 0 to 1"),
    ],
)
def test_settings_that_cannot_be_run_stop_the_freeze(loaded, settings, message):
    with pytest.raises(TradewindError, match=message):
        freeze(loaded, **settings)
