"""Rules from settings, the page about them, and the small rules that no ending of a claim shows."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from include.errors import TradewindError
from include.money import money
from include.reconcile.accrue import open_date
from include.reconcile.outcomes import ASKED_AGAIN, ENDINGS
from include.reconcile.records import ClosedPeriod
from include.reconcile.release import whole_months
from include.reconcile.rules import NON_TRADE_REASONS, Rules
from include.settings import TenantSettings
from tests.trade_cases import decide_all, deduction, guid, payment, promotion

ROOT = Path(__file__).resolve().parents[2]


def test_settings_override_single_rules_and_change_the_version():
    rules = Rules.from_settings({"tolerance": "0.01", "lag_curve": [0.5, 1], "accounts": {"accrued": "2250"}})
    assert (rules.tolerance, rules.accounts.accrued, rules.accounts.cash) == (Decimal("0.01"), "2250", "1000")
    assert rules.lag_curve == (Decimal("0.5"), Decimal(1))
    assert rules.version != Rules().version
    assert Rules().version == Rules.from_settings({}).version


@pytest.mark.parametrize(
    "settings",
    [
        {"tolerence": "0.01"},
        {"tolerance": "two percent"},
        {"tolerance": "2"},
        {"on_closed_period": "ignore"},
        {"accounts": {"cach": "1000"}},
        {"weight_amount": "-1"},
        {"lag_curve": []},
    ],
)
def test_a_setting_that_means_nothing_is_refused(settings):
    with pytest.raises(TradewindError, match="reconcile setting"):
        Rules.from_settings(settings)


def test_the_page_lists_exactly_the_endings():
    page = (ROOT / "docs/reconcile.md").read_text()
    table = [
        line for line in page.splitlines() if line.startswith("| ") and line.split("|")[1].strip().isupper()
    ]
    listed = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:5]] for line in table}
    named = {name: cells for name, cells in listed.items() if name in {o.value for o in ENDINGS}}
    assert named == {
        outcome.value: [
            ", ".join(bucket.replace("_", " ") for bucket in ending.buckets),
            "yes" if outcome in ASKED_AGAIN else "no",
            ending.meaning,
        ]
        for outcome, ending in ENDINGS.items()
    }


@pytest.mark.parametrize("reason", NON_TRADE_REASONS)
def test_every_reason_that_is_not_trade(reason):
    result = decide_all([promotion("P1", "900")], [deduction("D1", "900", reason_code_normalized=reason)])
    assert result.claim("D1").outcome == "NON_TRADE"


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2026-01-31", "2026-02-28", 1),
        ("2026-01-31", "2026-03-30", 1),
        ("2026-01-15", "2026-03-14", 1),
        ("2026-12-31", "2027-01-31", 1),
        ("2026-05-10", "2026-05-09", -1),
    ],
)
def test_whole_months(start, end, months):
    assert whole_months(date.fromisoformat(start), date.fromisoformat(end)) == months


def test_the_next_open_day_skips_periods_in_a_row():
    first = ClosedPeriod(date(2026, 1, 1), date(2026, 1, 28))
    second = ClosedPeriod(date(2026, 1, 29), date(2026, 2, 25))
    assert open_date(date(2026, 1, 5), [second, first]) == date(2026, 2, 26)
    assert open_date(date(2026, 3, 1), [first, second]) == date(2026, 3, 1)


FEE = {"tactic_type": "Slotting", "settlement_method": "fixed_fee"}
PROOF = {"S1": date(2026, 9, 25), "S2": date(2026, 9, 25)}


@pytest.mark.parametrize(
    ("paid", "outcome"),
    [
        ({"amount": "20400"}, "FIXED_FEE_SETTLED"),
        ({"amount": "20400.01"}, "NEEDS_REVIEW"),
        ({"customer_key": "rival"}, "UNMATCHED"),
        ({"customer_key": "north", "promotion_id": guid("S1"), "account_code": "9"}, "FIXED_FEE_SETTLED"),
        ({"customer_key": "rival", "promotion_id": guid("S1")}, "UNMATCHED"),
        ({"payment_date": date(2026, 10, 31)}, "FIXED_FEE_SETTLED"),
        ({"payment_date": date(2026, 8, 20)}, "UNMATCHED"),
        ({"currency": "EUR"}, "UNMATCHED"),
    ],
)
def test_which_payment_is_the_fee(paid, outcome):
    made = payment("V1", **{"amount": "20000", **paid})
    result = decide_all([promotion("S1", "20000", **FEE)], payments=[made], proofs=PROOF)
    assert result.claim("V1").outcome == outcome


def test_a_payment_on_another_account_is_no_claim():
    result = decide_all(
        [promotion("S1", "20000", **FEE)], payments=[payment("V1", "20000", account_code="6000")]
    )
    assert not result.state.claims


def test_a_fee_is_watched_on_the_account_its_promotion_posts_to():
    fee = promotion("S1", "20000", gl_account_code="6115", **FEE)
    result = decide_all([fee], payments=[payment("V1", "20000", account_code="6115")], proofs=PROOF)
    assert result.claim("V1").outcome == "FIXED_FEE_SETTLED"
    assert result.balances()["6115"] == 20_000


def test_a_fee_paid_twice_and_two_fees_alike():
    twice = [payment("V1", "20000"), payment("V2", "20000", payment_date=date(2026, 9, 22))]
    result = decide_all([promotion("S1", "20000", **FEE)], payments=twice, proofs=PROOF)
    assert result.claim("V2").outcome == "DUPLICATE_SUSPECT"
    fees = [promotion("S1", "20000", **FEE), promotion("S2", "20000", **FEE)]
    assert decide_all(fees, payments=twice[:1], proofs=PROOF).claim("V1").outcome == "AMBIGUOUS"


def test_many_deductions_of_one_check_are_no_duplicates():
    claims = [
        deduction("D1", "1000", check_ref="CHK1", promotion_id=guid("P1")),
        deduction("D2", "1500", check_ref="CHK1", promotion_id=guid("P1")),
        deduction("D3", "1500", check_ref="CHK1", promotion_id=guid("P1"), posting_date=date(2026, 9, 16)),
    ]
    result = decide_all([promotion("P1", "10000")], claims)
    assert [result.claim(f"D{n}").outcome for n in (1, 2, 3)] == ["SETTLED", "SETTLED", "DUPLICATE_SUSPECT"]


def test_two_promotions_on_one_invoice_told_apart_by_their_ids():
    claims = [deduction(f"D{n}", f"{n}000", invoice_ref="INV", promotion_id=guid(f"P{n}")) for n in (1, 2)]
    result = decide_all([promotion("P1", "1000"), promotion("P2", "2000")], claims)
    assert {result.claim(f"D{n}").outcome for n in (1, 2)} == {"SETTLED"}


@pytest.mark.parametrize(("days", "outcome"), [(30, "DUPLICATE_SUSPECT"), (31, "SETTLED")])
def test_equal_amounts_on_one_promotion_within_thirty_days(days, outcome):
    when = date(2026, 9, 1) + timedelta(days=days)
    claims = [
        deduction("D1", "1000", promotion_id=guid("P1"), posting_date=date(2026, 9, 1)),
        deduction("D2", "1000", promotion_id=guid("P1"), posting_date=when),
    ]
    assert decide_all([promotion("P1", "10000")], claims).claim("D2").outcome == outcome


def test_off_invoice_and_unapproved_promotions_never_accrue():
    plans = [
        promotion("P1", "10000", tactic_type="Off-Invoice", is_off_invoice=True),
        promotion("P2", "10000", status="Draft"),
        promotion("P3", "10000", approved_date=date(2026, 12, 1)),
        promotion("P4", None),
    ]
    rows = decide_all(plans).rows
    assert (rows.journals, rows.movements, rows.states) == ([], [], [])


def test_a_cancelled_promotion_gives_its_accrual_back_once():
    accrued = decide_all([promotion("P1", "10000")])
    cancelled = [promotion("P1", "10000", status="Cancelled")]
    later = decide_all(cancelled, state=accrued.state)
    assert later.balances() == {"5500": money("0"), "2200": money("0")}
    assert decide_all(cancelled, state=accrued.state).steps == []


def test_the_settings_section_reaches_the_rules():
    settings = TenantSettings.from_mapping({"reconcile": {"tolerance": "0.05"}})
    assert Rules.from_settings(settings.reconcile).tolerance == Decimal("0.05")
