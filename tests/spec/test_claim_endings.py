"""Every way a claim can end, one test each: what the company did, what the retailer took, what comes of it.

Read as documentation. The company is that of tests/trade_cases.py: the banner grocer with its stores north and
south, and a rival; promotions run in September 2026, deductions come on the 15th, the business date is
31 October. The last test holds the list complete.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

from include.reconcile.outcomes import ASKED_AGAIN, ENDINGS, OPEN_OUTCOMES, Outcome
from tests.trade_cases import Outcome as Result
from tests.trade_cases import decide_all, decision, deduction, guid, payment, promotion

FEE = {"tactic_type": "Slotting", "settlement_method": "fixed_fee"}
ROOT = Path(__file__).resolve().parents[2]


def ending(result: Result, key: str) -> str:
    """The outcome's name, after checking that the claim's buckets sum to it and are the outcome's own."""
    claim = result.claim(key)
    parts = {
        "settled": claim.amount_settled,
        "disputed": claim.amount_disputed,
        "recovered": claim.amount_recovered,
        "written_off": claim.amount_written_off,
        "non_trade": claim.amount_non_trade,
        "open": claim.amount_open,
    }
    assert sum(parts.values()) == claim.amount
    filled = {name for name, amount in parts.items() if amount}
    allowed = set(ENDINGS[claim.outcome].buckets) | ({"open"} if claim.outcome in OPEN_OUTCOMES else set())
    assert filled <= allowed, f"{claim.outcome} may not fill {filled - allowed}"
    return claim.outcome.value


def test_settled():
    """A store of the promotion's banner deducts what was promised: settled, and cleared without a person."""
    result = decide_all([promotion("P1", "10000")], [deduction("D1", "10000", customer_key="north")])
    assert ending(result, "D1") == "SETTLED"
    assert result.settled_rows("D1") == {"P1": 10_000}
    assert result.claim("D1").auto_cleared
    assert result.tasks("D1") == []


def test_settled_across_several_promotions():
    """One deduction for two promotions: the only combination of open amounts that sums to it."""
    plans = [promotion("P1", "10000"), promotion("P2", "5000"), promotion("P3", "7500")]
    result = decide_all(plans, [deduction("D1", "15000")])
    assert ending(result, "D1") == "SETTLED"
    assert result.settled_rows("D1") == {"P1": 10_000, "P2": 5_000}


def test_settled_late_after_the_residual_was_released():
    """The promotion was closed and its residual released; the claim is within what was authorised: expense."""
    plan = promotion("P1", "10000", status="Closed", closed_date=date(2026, 10, 5))
    result = decide_all([plan], [deduction("D1", "6000")])
    late = deduction("D2", "4000", posting_date=date(2026, 11, 3))
    later = decide_all([plan], [deduction("D1", "6000"), late], state=result.state, as_of=date(2026, 11, 5))
    assert ending(later, "D2") == "SETTLED"
    assert later.claim("D2").late_after_release
    assert later.balances() == {"5500": 10_000, "2200": 0, "1150": 0, "1100": -10_000}


def test_settled_within_tolerance():
    """Up to 2% above the authorised amount, counted over all claims of the promotion, is settled in full."""
    claims = [deduction("D1", "6000"), deduction("D2", "4150", posting_date=date(2026, 9, 16))]
    result = decide_all([promotion("P1", "10000")], claims)
    assert ending(result, "D1") == "SETTLED"
    assert ending(result, "D2") == "SETTLED_WITHIN_TOLERANCE"
    assert result.balances()["5500"] == 10_150


def test_settled_excess_disputed():
    """Scenario A: 12,000 deducted on a promotion of 10,000: the excess is charged back, a person is told."""
    result = decide_all([promotion("P1", "10000")], [deduction("D1", "12000")])
    assert ending(result, "D1") == "SETTLED_EXCESS_DISPUTED"
    assert result.claim("D1").amount_disputed == 2_000
    assert result.tasks("D1") == ["UNAUTHORIZED_DEDUCTION"]


def test_fixed_fee_settled():
    """Scenario C: a slotting fee paid by check, and the picture of the shelf is there."""
    result = decide_all(
        [promotion("S1", "20000", **FEE)],
        payments=[payment("V1", "20000")],
        proofs={"S1": date(2026, 9, 25)},
    )
    assert ending(result, "V1") == "FIXED_FEE_SETTLED"
    assert result.settled_rows("V1") == {"S1": 20_000}


def test_proof_missing():
    """The same fee without proof: a Draft settlement, flagged for audit, nothing posted; proof ends the wait."""
    plans, paid = [promotion("S1", "20000", **FEE)], [payment("V1", "20000")]
    result = decide_all(plans, payments=paid)
    assert ending(result, "V1") == "PROOF_MISSING"
    row = next(iter(result.state.settlements.values()))
    assert (row.status, row.audit_flag) == ("Draft", True)
    assert result.claim("V1").audit_flag
    assert result.state.open_accrual("S1") == 20_000

    proofs = {"S1": date(2026, 11, 2)}
    later = decide_all(plans, payments=paid, proofs=proofs, state=result.state, as_of=date(2026, 11, 3))
    assert ending(later, "V1") == "FIXED_FEE_SETTLED"
    row = next(iter(later.state.settlements.values()))
    assert (row.status, row.audit_flag) == ("Queued", False)
    assert not later.claim("V1").audit_flag


def test_disputed():
    """The retailer names a promotion that is used up: nothing is settled, all of it is charged back."""
    claims = [
        deduction("D1", "10000"),
        deduction("D2", "900", promotion_id=guid("P1"), posting_date=date(2026, 9, 20)),
    ]
    result = decide_all([promotion("P1", "10000")], claims)
    assert ending(result, "D2") == "DISPUTED"
    assert result.tasks("D2") == ["UNAUTHORIZED_DEDUCTION"]


def test_recovered():
    """The disputed 2,000 is paid back after the decision: the charge-back is cleared."""
    plans, claim = [promotion("P1", "10000")], deduction("D1", "12000")
    result = decide_all(plans, [claim])
    back = deduction("R1", "-2000", reversal_of="D1", posting_date=date(2026, 11, 2))
    later = decide_all(plans, [claim, back], state=result.state, as_of=date(2026, 11, 3))
    assert ending(later, "D1") == "RECOVERED"
    assert ending(later, "R1") == "REVERSED"
    assert later.claim("D1").amount_recovered == 2_000
    assert later.claim("D1").dispute_status == "RECOVERED"
    assert later.balances()["1150"] == 0


def test_written_off():
    """A person gives the disputed 2,000 up: Dr 5590 / Cr 1100."""
    plans, claim = [promotion("P1", "10000")], deduction("D1", "12000")
    result = decide_all(plans, [claim])
    given_up = decision("W1", "D1", "write_off", approved_by="carl")
    later = decide_all(plans, [claim], decisions=[given_up], state=result.state)
    assert ending(later, "D1") == "WRITTEN_OFF"
    assert later.claim("D1").amount_written_off == 2_000
    assert later.balances() == {"5500": 10_000, "2200": 0, "1150": 0, "1100": -12_000, "5590": 2_000}


def test_partly_decided():
    """A person settles 4,000 of 12,000: the rest waits for a person, and the engine leaves it alone."""
    plans, claim = [promotion("P1", "10000"), promotion("P2", "9500")], deduction("D1", "10000")
    part = decision("S1", "D1", "settle", "4000", promotion_key="P1")
    result = decide_all(plans, [claim], decisions=[part])
    assert ending(result, "D1") == "PARTLY_DECIDED"
    assert result.claim("D1").amount_open == 6_000
    assert decide_all(plans, [claim], decisions=[part], state=result.state).steps == []


def test_reopened():
    """A person takes a settlement back: it is reversed, the claim is open, and only a person decides it."""
    plans, claim = [promotion("P1", "10000")], deduction("D1", "10000")
    result = decide_all(plans, [claim])
    undo = decision("O1", "D1", "reopen", reason="it was the spring display")
    later = decide_all(plans, [claim], decisions=[undo], state=result.state)
    assert ending(later, "D1") == "REOPENED"
    assert later.settled_rows("D1") == {"P1": 0}
    assert later.balances() == {"5500": 10_000, "2200": -10_000, "1150": 10_000, "1100": -10_000}


def test_non_trade():
    """A shortage is no promotion, however well the amount fits one: it goes to accounts receivable."""
    result = decide_all(
        [promotion("P1", "10000")], [deduction("D1", "10000", reason_code_normalized="SHORTAGE")]
    )
    assert ending(result, "D1") == "NON_TRADE"
    assert result.claim("D1").amount_non_trade == 10_000
    assert result.rows.candidates == []


def test_unmatched():
    """A promotion reason, but no promotion of this customer's tree near the date: a person searches."""
    result = decide_all([promotion("P1", "10000")], [deduction("D1", "500", customer_key="rival")])
    assert ending(result, "D1") == "UNMATCHED"
    assert result.tasks("D1") == ["NO_PROMOTION_FOUND"]


def test_ambiguous():
    """Two promotions of the same customer and weeks fit about equally well: a person chooses."""
    plans = [promotion("P1", "10000"), promotion("P2", "9500")]
    result = decide_all(plans, [deduction("D1", "10000")])
    assert ending(result, "D1") == "AMBIGUOUS"
    assert result.tasks("D1") == ["CHOOSE_PROMOTION"]
    assert result.settled_rows("D1") == {}


def test_ambiguous_when_only_a_nearer_amount_speaks_for_one():
    """2,000 is nearer to 2,500 than to 10,000, but may as well be a first part of the 10,000."""
    plans = [promotion("P1", "10000"), promotion("P2", "2500")]
    result = decide_all(plans, [deduction("D1", "2000")])
    assert ending(result, "D1") == "AMBIGUOUS"
    exact = decide_all(plans, [deduction("D1", "2500")])
    assert ending(exact, "D1") == "SETTLED"


def test_duplicate_suspect():
    """The same invoice twice: the second is held, whatever else speaks for it."""
    claims = [
        deduction("D1", "4000", invoice_ref="INV-7"),
        deduction("D2", "4000", invoice_ref="INV-7", posting_date=date(2026, 9, 20)),
    ]
    result = decide_all([promotion("P1", "10000")], claims)
    assert ending(result, "D1") == "SETTLED"
    assert ending(result, "D2") == "DUPLICATE_SUSPECT"
    assert result.claim("D2").duplicate_of == result.claim("D1").claim_id


def test_duplicate_suspect_after_a_reversal():
    """A deduction was paid back in full, and the same money is taken once more."""
    claims = [
        deduction("D1", "4000"),
        deduction("R1", "-4000", reversal_of="D1", posting_date=date(2026, 9, 18)),
        deduction("D2", "4000", posting_date=date(2026, 10, 25)),
    ]
    assert ending(decide_all([promotion("P1", "10000")], claims), "D2") == "DUPLICATE_SUSPECT"


def test_needs_review_for_a_promotion_whose_plan_is_unknown():
    """A promotion without a planned amount is never settled automatically."""
    result = decide_all([promotion("P1", None)], [deduction("D1", "500")])
    assert ending(result, "D1") == "NEEDS_REVIEW"
    assert result.tasks("D1") == ["REVIEW_MATCH"]


def test_needs_review_for_a_reason_nobody_mapped():
    """Without a reason, customer, date and amount alone do not settle; agreeing product lines do."""
    lines = {"product_keys": frozenset({"A", "B"})}
    plan = [promotion("P1", "10000", **lines)]
    silent = decide_all(plan, [deduction("D1", "10000", reason_code_normalized=None)])
    assert ending(silent, "D1") == "NEEDS_REVIEW"
    told = decide_all(plan, [deduction("D1", "10000", reason_code_normalized=None, **lines)])
    assert ending(told, "D1") == "SETTLED"


def test_needs_review_for_products_the_promotion_does_not_have():
    """Customer, date, amount and reason agree, and the claim's own lines say it is about something else."""
    plan = [promotion("P1", "10000", product_keys=frozenset({"A", "B"}))]
    other = decide_all(plan, [deduction("D1", "10000", product_keys=frozenset({"C"}))])
    assert ending(other, "D1") == "NEEDS_REVIEW"
    assert not other.state.settlements
    shared = decide_all(plan, [deduction("D1", "10000", product_keys=frozenset({"B", "C"}))])
    assert ending(shared, "D1") == "SETTLED"


def test_needs_review_for_a_reference_that_contradicts():
    """A named promotion is taken at its word only if it exists, is the customer's, and may be claimed."""
    plans = [
        promotion("P1", "10000", customer_key="rival"),
        promotion("P2", "10000", status="Cancelled"),
        promotion("P3", "10000", tactic_type="Off-Invoice", is_off_invoice=True),
        promotion("P4", "10000", currency="EUR"),
        promotion("P5", "10000"),
    ]
    named = {f"D{n}": guid(f"P{n}") for n in (1, 2, 3, 4)} | {"D0": guid("nobody")}
    claims = [deduction(key, "1000", promotion_id=reference) for key, reference in named.items()]
    claims.append(deduction("D5", "700", promotion_id=guid("P5"), reason_code_normalized="DAMAGE"))
    result = decide_all(plans, claims)
    assert {ending(result, d.deduction_key) for d in claims} == {"NEEDS_REVIEW"}
    assert not result.state.settlements


def test_needs_review_for_nothing_and_for_an_unlinked_repayment():
    """A deduction of nothing, and money that comes back for no deduction we know."""
    claims = [deduction("D1", "0"), deduction("R1", "-500", reversal_of="D9")]
    result = decide_all([promotion("P1", "10000")], claims)
    assert ending(result, "D1") == "NEEDS_REVIEW"
    assert ending(result, "R1") == "NEEDS_REVIEW"
    assert result.tasks("R1") == ["REPAYMENT_NOT_LINKED"]
    assert result.claim("R1").amount_open == -500


def test_period_closed():
    """The match is clear, but the ERP refused the promotion's accrual, or today's period is closed."""
    august, october = (date(2026, 8, 1), date(2026, 8, 31)), (date(2026, 10, 1), date(2026, 10, 31))
    for closed in (august, october):
        result = decide_all([promotion("P1", "10000")], [deduction("D1", "10000")], closed=[closed])
        assert ending(result, "D1") == "PERIOD_CLOSED"
        assert result.tasks("D1") == ["PERIOD_CLOSED"]
        assert result.balances().get("5500", Decimal(0)) == (0 if closed == august else 10_000)
    later = decide_all(
        [promotion("P1", "10000")],
        [deduction("D1", "10000")],
        closed=[october],
        state=result.state,
        as_of=date(2026, 11, 2),
    )
    assert ending(later, "D1") == "SETTLED"


def test_reversed():
    """The retailer pays the whole deduction back before anything was decided: nothing is posted for it."""
    claims = [
        deduction("D1", "4000"),
        deduction("R1", "-4000", reversal_of="D1", posting_date=date(2026, 9, 20)),
    ]
    result = decide_all([promotion("P1", "10000")], claims)
    assert ending(result, "D1") == "REVERSED"
    assert ending(result, "R1") == "REVERSED"
    assert not result.state.settlements
    assert result.balances()["1150"] == 0


def test_reversed_after_it_was_settled():
    """The same, but weeks later: the settlement is turned round and the accrual is open again."""
    plans, claim = [promotion("P1", "10000")], deduction("D1", "10150")
    result = decide_all(plans, [claim])
    back = deduction("R1", "-10150", reversal_of="D1", posting_date=date(2026, 11, 2))
    later = decide_all(plans, [claim, back], state=result.state, as_of=date(2026, 11, 3))
    assert ending(later, "D1") == "REVERSED"
    assert later.settled_rows("D1") == {"P1": 0}
    assert later.balances() == {"5500": 10_000, "2200": -10_000, "1150": 0, "1100": 0}
    assert later.state.open_accrual("P1") == 10_000


def test_every_ending_has_a_test_and_the_database_accepts_exactly_these():
    """The list of endings is one list: this page, the enumeration and the accepted values are equal."""
    tests = [name.removeprefix("test_") for name in globals() if name.startswith("test_")]
    missing = [o.value for o in Outcome if not any(name.startswith(o.value.lower()) for name in tests)]
    assert not missing, f"write the test of {missing}"
    assert set(ENDINGS) == set(Outcome)
    migration = (ROOT / "include/warehouse/migrations/0011_decisions.sql").read_text()
    accepted = migration.split("claims_outcome_accepted CHECK (outcome IN (")[1].split("))")[0]
    assert {name.strip().strip("'") for name in accepted.split(",")} == {o.value for o in Outcome}


def test_the_docs_show_the_same_list():
    """The table on docs/reconcile.md is the enumeration."""
    page = (ROOT / "docs/reconcile.md").read_text()
    for outcome, ending in ENDINGS.items():
        where = ", ".join(bucket.replace("_", " ") for bucket in ending.buckets)
        again = "yes" if outcome in ASKED_AGAIN else "no"
        assert f"| {outcome} | {where} | {again} | {ending.meaning} |" in page
