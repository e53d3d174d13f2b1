"""Every method recognises what the slow reference counts, and no choice of run dates changes where it ends."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from include.money import money
from include.reconcile.accrue import METHODS, side_by_side
from include.reconcile.ledger import LedgerState
from include.reconcile.records import Changes
from include.reconcile.rules import GRANULARITY, Rules
from tests.reference.trade_reference import recognised
from tests.trade_cases import decide_all, deduction, guid, performance, promotion
from tests.trade_laws import broken_laws

START = date(2026, 9, 1)
AMOUNTS = st.integers(1, 40_000_000).map(lambda units: str(Decimal(units).scaleb(-4)))
KINDS = st.fixed_dictionaries({method: st.sampled_from(["period", "total"]) for method in GRANULARITY})


@st.composite
def performances(draw, days: int, lowest: int = -500):
    """Shipments and scans on some days of the window, returns among them, some after a forward buy."""
    return [
        performance(
            "P1",
            START + timedelta(days=draw(st.integers(0, days - 1))),
            str(draw(st.integers(lowest, 2000))),
            draw(st.sampled_from(["0.1", "0.25", "1", "2.50"])),
            source=draw(st.sampled_from(["shipped", "scanned"])),
            factor=draw(st.sampled_from(["1", "1", "0.5", "0.08871"])),
        )
        for _ in range(draw(st.integers(0, 8)))
    ]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_every_method_recognises_what_the_reference_counts(data):
    days = data.draw(st.integers(1, 40))
    kinds = data.draw(KINDS)
    plan = promotion(
        "P1",
        data.draw(st.one_of(AMOUNTS, st.none())),
        window_end=START + timedelta(days=days - 1),
        earned_amount=data.draw(st.one_of(st.none(), st.none(), AMOUNTS.map(money))),
    )
    performed = data.draw(performances(days))
    day = START + timedelta(days=data.draw(st.integers(-3, days + 5)))
    found = side_by_side(plan, performed, day, Rules.from_settings({"granularity": kinds}))
    assert found.keys() == METHODS.keys()
    for method, value in found.items():
        expected = recognised(method, plan, performed, day, kinds.get(method))
        assert abs(Fraction(value.amount) - expected) <= Fraction(1, 10**12), method


@st.composite
def lives(draw):
    """One promotion over sixty days: its method, performance, claims, perhaps a new plan and a closing."""
    days = draw(st.integers(1, 40))
    closing = draw(st.sampled_from([None, None, START + timedelta(days=45)]))
    plan = promotion(
        "P1",
        draw(AMOUNTS),
        accrual_method=draw(st.sampled_from(sorted(METHODS))),
        window_end=START + timedelta(days=days - 1),
        status="Closed" if closing else "Live",
        closed_date=closing,
        approved_date=START + timedelta(days=draw(st.integers(-20, 5))),
    )
    shares = draw(st.lists(st.sampled_from(["0.1", "0.3", "0.5", "0.9", "1.1"]), max_size=4, unique=True))
    claims = [
        deduction(
            f"D{n}",
            str((plan.planned_amount * Decimal(share) + n).quantize(Decimal("0.0001"))),
            posting_date=START + timedelta(days=draw(st.integers(6, 60))),
            promotion_id=guid("P1"),
        )
        for n, share in enumerate(shares)
    ]
    later = draw(st.sampled_from([None, "0.5", "0.9999", "1.5"]))
    changes_on = START + timedelta(days=draw(st.integers(6, 44)))
    return plan, draw(performances(days)), claims, later, changes_on


def _end(life, run_days: list[int], kinds: dict[str, str]) -> tuple[LedgerState, Changes]:
    """The ledger after runs on these days of the life."""
    plan, performed, claims, later, changes_on = life
    rules = Rules.from_settings({"granularity": kinds, "before_approval": "settle"})
    state, rows = LedgerState(), Changes()
    for number in run_days:
        today = START + timedelta(days=number)
        seen = plan
        if later is not None and today >= changes_on and not claims:
            seen = promotion("P1", None, **_values(plan, later))
        result = decide_all([seen], claims, performed=performed, as_of=today, rules=rules, state=state)
        rows.extend(result.rows)
        assert broken_laws(rows, state, [plan], rules) == []
        applied = next((r for r in state.methods.values() if r.is_applied), None)
        if applied is not None and state.is_adjustable("P1"):
            wanted = applied.amount - state.settled["P1"] - state.released["P1"]
            assert state.open_accrual("P1") == max(0, wanted)
    return state, rows


def _values(plan, share: str) -> dict[str, object]:
    """The fields of a promotion with another plan."""
    changed = {name: getattr(plan, name) for name in plan.__slots__ if name != "promotion_key"}
    return changed | {"planned_amount": (plan.planned_amount * Decimal(share)).quantize(Decimal("0.0001"))}


@given(lives(), st.sets(st.integers(-20, 59), max_size=12), KINDS)
@settings(max_examples=60, deadline=None)
def test_run_days_do_not_change_where_a_life_ends(life, run_days, kinds):
    """Run on any days and on the last: the same balances, liability and endings as run on the last alone."""
    often, _ = _end(life, [*sorted(run_days), 61], kinds)
    once, _ = _end(life, [61], kinds)
    assert often.open_accrual("P1") == once.open_accrual("P1")
    assert often.settled["P1"] == once.settled["P1"]
    assert {k: v for k, v in often.balances.items() if v} == {k: v for k, v in once.balances.items() if v}
    assert {c.source_key: c.outcome for c in often.claims.values()} == {
        c.source_key: c.outcome for c in once.claims.values()
    }


@given(lives())
@settings(max_examples=5, deadline=None)
def test_daily_and_weekly_runs_end_in_the_same_totals(life):
    daily, _ = _end(life, list(range(61)), {})
    weekly, _ = _end(life, [*range(0, 61, 7), 60], {})
    assert daily.open_accrual("P1") == weekly.open_accrual("P1")
    assert {k: v for k, v in daily.balances.items() if v} == {k: v for k, v in weekly.balances.items() if v}
