"""Fixed fees paid by check: paid twice, voided, named by another payment. A duplicate never pays another fee."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from include.reconcile.outcomes import Outcome
from tests.trade_cases import decide_all, payment, promotion

FEE = {"tactic_type": "Slotting", "settlement_method": "fixed_fee"}
FIRST, SECOND = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
PROOFS = {"S1": date(2026, 9, 1), "S2": date(2026, 9, 1)}


def fees():
    return [
        promotion("S1", "20000", promotion_id=FIRST, **FEE),
        promotion("S2", "20000", promotion_id=SECOND, **FEE),
    ]


def endings(result):
    return {c.source_key: c.outcome for c in result.state.claims.values()}


def test_the_same_voucher_paid_twice_does_not_pay_another_fee():
    """VN-003 pays S1; VN003 is the same voucher with other punctuation; the payment that names S2 pays S2."""
    result = decide_all(
        fees(),
        payments=[
            payment("A1", "20000", reference="VN-003", promotion_id=FIRST, payment_date=date(2026, 9, 1)),
            payment("A2", "20000", reference="vn 003", payment_date=date(2026, 9, 8)),
            payment("A3", "20000", reference="V50011", promotion_id=SECOND, payment_date=date(2026, 9, 20)),
        ],
        proofs=PROOFS,
    )
    assert endings(result) == {
        "A1": Outcome.FIXED_FEE_SETTLED,
        "A2": Outcome.DUPLICATE_SUSPECT,
        "A3": Outcome.FIXED_FEE_SETTLED,
    }
    assert result.claim("A2").reason == "the same reference vn 003 and amount as A1"
    assert result.claim("A3").promotion_key == "S2"


def test_one_check_may_pay_two_fees_that_are_named():
    """Equal reference and amount, but each names its own promotion: no duplicate."""
    paid = {"reference": "CHK 77", "payment_date": date(2026, 9, 8)}
    result = decide_all(
        fees(),
        payments=[
            payment("A1", "20000", promotion_id=FIRST, **paid),
            payment("A2", "20000", promotion_id=SECOND, **paid),
        ],
        proofs=PROOFS,
    )
    assert set(endings(result).values()) == {Outcome.FIXED_FEE_SETTLED}


def test_a_payment_that_names_nobody_does_not_take_a_fee_that_another_names():
    result = decide_all(
        fees()[:1],
        payments=[
            payment("A1", "20000", payment_date=date(2026, 9, 1)),
            payment("A2", "20000", promotion_id=FIRST, payment_date=date(2026, 9, 20)),
        ],
        proofs=PROOFS,
    )
    assert endings(result) == {"A1": Outcome.NEEDS_REVIEW, "A2": Outcome.FIXED_FEE_SETTLED}
    assert result.claim("A1").reason == "the fee of S1 is named by A2"


def test_a_voided_check_and_its_reissue():
    """A1 is voided by A2 and written again as A3: the fee is paid once, by A3."""
    voided = {"reference": "CHK-1", "promotion_id": FIRST}
    result = decide_all(
        fees()[:1],
        payments=[
            payment("A1", "20000", payment_date=date(2026, 9, 1), **voided),
            payment("A2", "-20000", payment_date=date(2026, 9, 4), **voided),
            payment("A3", "20000", reference="CHK-2", promotion_id=FIRST, payment_date=date(2026, 9, 5)),
        ],
        proofs=PROOFS,
    )
    assert endings(result) == {
        "A1": Outcome.REVERSED,
        "A2": Outcome.REVERSED,
        "A3": Outcome.FIXED_FEE_SETTLED,
    }
    assert result.claim("A1").amount_open == result.claim("A2").amount_open == 0
    assert result.balances()["1000"] == Decimal("-20000")


def test_a_check_voided_after_it_was_settled_is_a_question():
    first = payment("A1", "20000", reference="CHK-1", promotion_id=FIRST, payment_date=date(2026, 9, 1))
    void = payment("A2", "-20000", reference="CHK-1", payment_date=date(2026, 9, 4))
    settled = decide_all(fees()[:1], payments=[first], proofs=PROOFS)
    later = decide_all(fees()[:1], payments=[first, void], proofs=PROOFS, state=settled.state)
    assert endings(later) == {"A1": Outcome.FIXED_FEE_SETTLED, "A2": Outcome.NEEDS_REVIEW}
    assert later.claim("A2").reason == "it voids A1, which ended FIXED_FEE_SETTLED before: reopen that claim"
    assert later.tasks("A2") == ["REVIEW_MATCH"]


def test_payments_of_nothing_and_voids_of_nothing_are_questions():
    result = decide_all(
        fees()[:1],
        payments=[payment("Z", "0", promotion_id=FIRST), payment("N", "-5", reference="CHK-9")],
    )
    assert endings(result) == {"Z": Outcome.NEEDS_REVIEW, "N": Outcome.NEEDS_REVIEW}
    assert result.claim("N").amount_open == Decimal("-5")
