"""What people may decide about claims, and what is refused: one test per action, control and refusal.

Read as documentation. The company is that of tests/trade_cases.py; ana decides on 20 October, the business date
is 31 October. By default one person decides about 50,000 alone, and writes off 1,000.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import islice

import pytest

from include.errors import TradewindError
from include.money import money
from include.reconcile.engine import run
from include.reconcile.ledger import LedgerState
from include.reconcile.records import Inputs
from include.reconcile.rules import Rules, same_person
from tests.spec.test_claim_endings import FEE, ending
from tests.trade_cases import AS_OF, LEGAL_MOVES, PARENTS, decide_all, decision, deduction, payment, promotion
from tests.trade_laws import broken_laws

#: 10,000 fits both about equally well: the engine asks.
RIVALS = [promotion("P1", "10000"), promotion("P2", "9500")]
CLAIM = deduction("D1", "10000")
CARL = {"approved_by": "carl"}


def decide(*decisions, plans=None, claims=(CLAIM,), **options):
    """The company's answer to decisions; the laws hold in it, and the same run again does nothing."""
    plans = RIVALS if plans is None else plans
    result = decide_all(plans, list(claims), decisions=list(decisions), **options)
    options.pop("state", None)
    again = decide_all(
        plans, list(claims), decisions=list(decisions), state=result.state, forget=False, **options
    )
    assert again.steps == []
    return result


def lawful(*results, plans=RIVALS):
    """The laws over all rows that runs on one ledger have written."""
    rows = results[0].rows
    for result in results[1:]:
        rows.extend(result.rows)
    assert broken_laws(rows, results[-1].state, plans, Rules()) == []


# -- settle


def test_settle_an_ambiguous_claim_to_the_promotion_chosen():
    """The engine cannot tell P1 from P2; ana can. Who and why stand on the claim."""
    result = decide(decision("K1", "D1", "settle", promotion_key="P1", reason="their mail of 2 October"))
    assert ending(result, "D1") == "SETTLED"
    assert result.settled_rows("D1") == {"P1": 10_000}
    claim = result.claim("D1")
    assert (claim.decided_by, claim.auto_cleared) == ("ana", False)
    assert claim.reason == "settled by ana on 2026-10-20: their mail of 2 October"
    assert result.events("D1") == ["SETTLEMENT"]
    lawful(result)


def test_a_decision_closes_the_question_it_answers():
    """The task of the earlier run is answered; what the engine saw then stays readable."""
    asked = decide_all(RIVALS, [CLAIM])
    assert asked.tasks("D1") == ["CHOOSE_PROMOTION"]
    answered = decide(decision("K1", "D1", "settle", promotion_key="P1"), state=asked.state)
    assert answered.claim("D1").claim_id in answered.rows.answered
    assert answered.claim("D1").claim_id not in answered.rows.evaluated
    lawful(asked, answered)


def test_settle_one_claim_over_several_promotions_by_several_decisions():
    """9,000 of it is P1's, the rest P2's."""
    result = decide(
        decision("K1", "D1", "settle", "9000", promotion_key="P1"),
        decision("K2", "D1", "settle", "1000", promotion_key="P2"),
    )
    assert ending(result, "D1") == "SETTLED"
    assert result.settled_rows("D1") == {"P1": 9_000, "P2": 1_000}
    lawful(result)


def test_settle_twice_to_the_same_promotion():
    """Two parts of one claim to one promotion are two settlements."""
    result = decide(
        decision("K1", "D1", "settle", "3000", promotion_key="P1"),
        decision("K2", "D1", "settle", "7000", promotion_key="P1"),
    )
    assert result.settled_rows("D1") == {"P1": 10_000}
    assert len(result.state.settlements) == 2
    lawful(result)


def test_settle_a_part_and_dispute_the_rest():
    """Promised were 9,000: the rest is charged back."""
    result = decide(
        decision("K1", "D1", "settle", "9000", promotion_key="P1"), decision("K2", "D1", "dispute")
    )
    assert ending(result, "D1") == "SETTLED_EXCESS_DISPUTED"
    assert result.claim("D1").dispute_status == "DISPUTED"
    assert result.tasks("D1") == ["REVIEW_MATCH", "UNAUTHORIZED_DEDUCTION"]
    open_now = {t.task_type for t in result.rows.tasks if t.status == "open"}
    assert open_now == {"UNAUTHORIZED_DEDUCTION"}
    lawful(result)


def test_settle_follows_the_tolerance_rule():
    """All of a claim of 9,700 to P2: authorised are 9,500, with tolerance 9,690. So 9,500, and 200 is disputed."""
    near = decide(decision("K1", "D1", "settle", promotion_key="P2"), claims=[deduction("D1", "9690")])
    assert ending(near, "D1") == "SETTLED_WITHIN_TOLERANCE"
    over = decide(decision("K1", "D1", "settle", promotion_key="P2"), claims=[deduction("D1", "9700")])
    assert ending(over, "D1") == "SETTLED_EXCESS_DISPUTED"
    assert (over.claim("D1").amount_settled, over.claim("D1").amount_disputed) == (9_500, 200)
    lawful(over)


def test_a_claim_the_engine_has_not_seen_yet_may_be_decided():
    """It is received first: the ERP's own booking, then the settlement."""
    result = decide(decision("K1", "D1", "settle", promotion_key="P1"))
    decided = next(s.changes for s in result.steps if s.phase == "decision")
    assert [j.event for j in decided.journals] == ["DEDUCTION_RECEIPT", "SETTLEMENT"]
    assert "claim" not in [s.phase for s in result.steps]


def test_repayments_known_by_then_are_counted_first():
    """The retailer has paid 4,000 back: ana settles the 6,000 that are left."""
    back = deduction("R1", "-4000", reversal_of="D1", posting_date=date(2026, 9, 20))
    result = decide(decision("K1", "D1", "settle", promotion_key="P1"), claims=[CLAIM, back])
    assert ending(result, "D1") == "SETTLED"
    assert result.settled_rows("D1") == {"P1": 6_000}
    assert ending(result, "R1") == "REVERSED"
    lawful(result)


def test_settle_a_fee_paid_by_check():
    """A payment for which two fees fit: the person says which; the proof must be there all the same."""
    plans = [promotion("S1", "20000", **FEE), promotion("S2", "20000", **FEE)]
    chosen = decision("K1", "V1", "settle", promotion_key="S2", claim_kind="ap_payment")
    options = {"plans": plans, "claims": [], "payments": [payment("V1", "20000")]}
    without = decide(chosen, **options)
    assert without.answer("K1") == ("refused", "there is no proof of performance for S2")
    result = decide(chosen, **options, proofs={"S2": date(2026, 9, 25)})
    assert ending(result, "V1") == "FIXED_FEE_SETTLED"
    lawful(result, plans=plans)


@pytest.mark.parametrize(
    ("why", "plan"),
    [
        ("promotion P1 is Draft", {"status": "Draft"}),
        ("promotion P1 is in EUR, the claim in USD", {"currency": "EUR"}),
        ("promotion P1 is rival's, whose tree grocer is not in", {"customer_key": "rival"}),
        ("promotion P1 is off-invoice: its discount was on the invoice already", {"is_off_invoice": True}),
        ("the planned amount of P1 is unknown", {"planned_amount": None}),
        ("P1 authorises 4000.0000 of it, not 10000", {"planned_amount": money("4000")}),
    ],
)
def test_settle_is_refused(why, plan):
    """What the engine may never settle, a person may not either; nothing is posted and the claim stays open."""
    plans = [replace(promotion("P1", "20000"), **plan)]
    result = decide(decision("K1", "D1", "settle", "10000", promotion_key="P1"), plans=plans)
    status, said = result.answer("K1")
    assert status == "refused"
    assert said.startswith(why)
    assert "DECISION_REFUSED" in result.tasks("D1")


def test_settle_is_refused_without_a_known_promotion():
    """To which, has to be said."""
    result = decide(decision("K1", "D1", "settle"), decision("K2", "D1", "settle", promotion_key="P9"))
    assert result.answer("K1") == ("refused", "it does not say which promotion to settle to")
    assert result.answer("K2") == ("refused", "promotion P9 is not known")


def test_never_more_than_is_open():
    """8,000 of 10,000 are settled, 3,000 more cannot be."""
    result = decide(
        decision("K1", "D1", "settle", "8000", promotion_key="P1"),
        decision("K2", "D1", "settle", "3000", promotion_key="P2"),
    )
    assert result.answer("K2") == ("refused", "only 2000.0000 of it is open")
    lawful(result)


# -- dispute, recover, write off


def test_dispute_recover_and_write_off():
    """Golden G-31: charged back, 1,500 come in cash (Dr 1000 / Cr 1100), 500 are given up (Dr 5590 / Cr 1100)."""
    result = decide(
        decision("K1", "D1", "dispute"),
        decision("K2", "D1", "recover", "9500"),
        decision("K3", "D1", "write_off", "500"),
    )
    assert ending(result, "D1") == "WRITTEN_OFF"
    assert result.events("D1") == ["DEBIT_MEMO", "RECOVERY", "WRITE_OFF"]
    balances = result.balances()
    assert {a: balances[a] for a in ("1000", "1100", "1150", "5590")} == {
        "1000": 9_500, "1100": -10_000, "1150": 0, "5590": 500,
    }  # fmt: skip
    lawful(result)


def test_recovered_in_full():
    """The whole charge-back came in: the claim is RECOVERED, its question answered."""
    result = decide(decision("K1", "D1", "dispute"), decision("K2", "D1", "recover"))
    assert ending(result, "D1") == "RECOVERED"
    assert result.claim("D1").dispute_status == "RECOVERED"
    assert not [t for t in result.rows.tasks if t.status == "open"]
    lawful(result)


def test_a_small_open_claim_may_be_written_off_at_once():
    """The customer's account ties all the same: charged back, then given up."""
    small = deduction("D1", "80", customer_key="rival")
    result = decide(decision("K1", "D1", "write_off"), claims=[small])
    assert ending(result, "D1") == "WRITTEN_OFF"
    assert result.events("D1") == ["DEBIT_MEMO", "WRITE_OFF"]
    lawful(result)


def test_recover_is_refused_when_nothing_is_disputed():
    """Cash for an open claim is a repayment, which comes as a negative deduction."""
    result = decide(decision("K1", "D1", "recover", "100"))
    assert result.answer("K1") == ("refused", "nothing of it is disputed: it is AMBIGUOUS")


def test_a_payment_of_our_own_is_not_disputed():
    """No debit memo takes back what we paid ourselves; it is handed over instead."""
    options = {"plans": [], "claims": [], "payments": [payment("V1", "20000")]}
    kind = {"claim_kind": "ap_payment"}
    refused = decide(decision("K1", "V1", "dispute", **kind), **options)
    assert refused.answer("K1")[0] == "refused"
    handed = decide(decision("K1", "V1", "non_trade", **kind), **options)
    assert ending(handed, "V1") == "NON_TRADE"


# -- non-trade, not a duplicate


def test_non_trade():
    """A shortage under the wrong code: for accounts receivable; it stays in clearing."""
    result = decide(decision("K1", "D1", "non_trade"))
    assert ending(result, "D1") == "NON_TRADE"
    assert result.balances()["1150"] == 10_000
    lawful(result)


def test_a_repayment_of_nothing_known_is_handed_over():
    """Money that came back for no deduction we know is settled by nobody, but may be handed over."""
    back = deduction("R1", "-500", reversal_of="D9")
    result = decide(decision("K1", "R1", "dispute"), decision("K2", "R1", "non_trade"), claims=[back])
    assert result.answer("K1")[0] == "refused"
    assert ending(result, "R1") == "NON_TRADE"
    assert result.claim("R1").amount_non_trade == -500
    lawful(result)


def test_not_a_duplicate():
    """Two claims of one invoice: ana has compared them, so the second is asked again without the suspicion."""
    twins = [
        deduction("D1", "4000", invoice_ref="INV-7"),
        deduction("D2", "4000", invoice_ref="INV-7", posting_date=date(2026, 9, 20)),
    ]
    plans = [promotion("P1", "10000")]
    before = decide_all(plans, twins)
    result = decide(decision("K1", "D2", "not_duplicate"), plans=plans, claims=twins, state=before.state)
    assert ending(result, "D2") == "SETTLED"
    assert result.claim("D2").reason.endswith("cleared of being a duplicate by ana on 2026-10-20: as agreed")
    lawful(before, result, plans=plans)


def test_not_a_duplicate_is_remembered():
    """The claim is still ambiguous; asked again on a later day, it is not suspected again."""
    twins = [replace(CLAIM, invoice_ref="INV-7"), deduction("D2", "10000", invoice_ref="INV-7")]
    cleared = decision("K1", "D2", "not_duplicate")
    first = decide(cleared, claims=twins)
    assert ending(first, "D2") == "AMBIGUOUS"
    later = decide_all(RIVALS, twins, decisions=[cleared], state=first.state, as_of=date(2026, 11, 5))
    assert ending(later, "D2") == "AMBIGUOUS"


def test_not_a_duplicate_is_refused_for_a_claim_nobody_suspects():
    asked = decide_all(RIVALS, [CLAIM])
    result = decide(decision("K1", "D1", "not_duplicate"), state=asked.state)
    assert result.answer("K1") == ("refused", "it is AMBIGUOUS, not a suspected duplicate")


# -- reopen


def test_reopen_and_decide_anew():
    """Settled to the wrong promotion, taken back, settled to the right one: every step is a posting of its own."""
    result = decide(
        decision("K1", "D1", "settle", "9500", promotion_key="P2"),
        decision("K2", "D1", "reopen", reason="the buyer meant P1"),
        decision("K3", "D1", "settle", promotion_key="P1"),
    )
    assert ending(result, "D1") == "SETTLED"
    assert result.settled_rows("D1") == {"P2": 0, "P1": 10_000}
    assert result.events("D1") == ["SETTLEMENT", "SETTLEMENT_REVERSAL", "SETTLEMENT"]
    assert result.state.open_accrual("P2") == 9_500
    lawful(result)


def test_reopen_takes_back_charge_backs_cash_and_write_offs():
    """Everything that was posted for the claim is turned round; clearing holds the whole claim again."""
    result = decide(
        decision("K1", "D1", "settle", "5000", promotion_key="P1"),
        decision("K2", "D1", "dispute"),
        decision("K3", "D1", "recover", "1000"),
        decision("K4", "D1", "write_off", "500"),
        decision("K5", "D1", "reopen"),
    )
    assert ending(result, "D1") == "REOPENED"
    assert result.claim("D1").amount_open == 10_000
    balances = result.balances()
    assert {a: balances[a] for a in ("1000", "1100", "1150", "5590")} == {
        "1000": 0, "1100": -10_000, "1150": 10_000, "5590": 0,
    }  # fmt: skip
    lawful(result)


def test_reopen_a_fee_withdraws_our_copy_of_its_payment():
    """The ERP's own voucher and payment stand: only our copy of them is turned round."""
    plans = [promotion("S1", "20000", **FEE)]
    options = {
        "plans": plans,
        "claims": [],
        "payments": [payment("V1", "20000")],
        "proofs": {"S1": date(2026, 9, 25)},
    }
    paid = decide(**options)
    undone = decide(decision("K1", "V1", "reopen", claim_kind="ap_payment"), **options, state=paid.state)
    assert ending(undone, "V1") == "REOPENED"
    assert undone.balances() == {"5510": 20_000, "2200": -20_000, "2100": 0, "1000": 0}
    assert {j.posted_by for j in undone.rows.journals} == {"erp"}
    lawful(paid, undone, plans=plans)


def test_reopen_reads_a_changed_amount_anew():
    """The source now says 9,000: the settled claim is never edited, but taken back it is read as it is."""
    plans = [promotion("P1", "10000")]
    settled = decide(plans=plans)
    changed = [deduction("D1", "9000")]
    told = decide(plans=plans, claims=changed, state=settled.state)
    assert told.tasks("D1") == ["AMOUNT_CHANGED"]
    number = told.rows.tasks[0].task_id
    result = decide(decision("K1", "D1", "reopen"), plans=plans, claims=changed, state=told.state)
    assert result.claim("D1").amount_open == 9_000
    assert number in result.rows.closed_tasks
    lawful(settled, told, result, plans=plans)


def test_reopen_is_refused_once_the_residual_was_released():
    """A promotion is released once: what came back to its accrual would stay there for ever."""
    plans = [promotion("P1", "12000", status="Closed", closed_date=date(2026, 10, 5))]
    settled = decide(plans=plans)
    result = decide(decision("K1", "D1", "reopen"), plans=plans, state=settled.state)
    assert result.answer("K1") == (
        "refused", "the residual of P1, which it reversed the accrual of, was released",
    )  # fmt: skip
    assert ending(result, "D1") == "SETTLED"


def test_reopen_is_refused_when_nothing_was_decided():
    result = decide(decision("K1", "D1", "reopen"))
    assert result.answer("K1")[0] == "refused"


def test_a_repayment_of_a_claim_in_hand_is_counted():
    """Reopened, and then the retailer pays 4,000 back: 6,000 are left to decide."""
    plans = [promotion("P1", "10000")]
    undo = decision("K1", "D1", "reopen")
    first = decide(plans=plans)
    reopened = decide(undo, plans=plans, state=first.state)
    back = deduction("R1", "-4000", reversal_of="D1", posting_date=date(2026, 11, 2))
    result = decide(undo, plans=plans, claims=[CLAIM, back], state=reopened.state, as_of=date(2026, 11, 3))
    assert result.claim("D1").amount_open == 6_000
    assert ending(result, "D1") == "REOPENED"
    assert ending(result, "R1") == "REVERSED"
    lawful(first, reopened, result, plans=plans)


def test_a_year_of_claims_and_decisions_ends_as_the_days_did():
    """A first run finds claims and decisions together: the engine answers first where a person answered it."""
    plans = [promotion("P1", "10000"), promotion("P2", "12000", customer_key="rival")]
    days = [
        decision("K1", "D1", "recover", "1500"),
        decision("K2", "D1", "write_off", "500"),
        decision("K3", "D2", "reopen", decided_at=datetime(2026, 10, 21, tzinfo=UTC)),
        decision("K4", "D2", "non_trade", decided_at=datetime(2026, 10, 22, tzinfo=UTC)),
    ]
    claims = [deduction("D1", "12000"), deduction("D2", "12000", customer_key="rival")]
    result = decide(*days, plans=plans, claims=claims)
    assert [r.status for r in result.rows.decisions] == ["applied"] * 4
    assert (ending(result, "D1"), ending(result, "D2")) == ("WRITTEN_OFF", "NON_TRADE")
    lawful(result, plans=plans)


# -- the same decision, other decisions, unknown claims, dates


def test_one_decision_is_applied_once():
    """Run again on another day, with the decision still in the file: nothing more happens."""
    chosen = decision("K1", "D1", "settle", "4000", promotion_key="P1")
    first = decide(chosen)
    later = decide(chosen, state=first.state, as_of=date(2026, 11, 2))
    assert [s.phase for s in later.steps] == []


def test_the_same_key_with_other_content_is_refused():
    """K1 settled 4,000. A file that now says 6,000 under K1 is told to use a new key."""
    first = decide(decision("K1", "D1", "settle", "4000", promotion_key="P1"))
    result = decide(decision("K1", "D1", "settle", "6000", promotion_key="P1"), state=first.state)
    assert result.answer("K1") == (
        "refused", "decision K1 was given before with other content: use a new key",
    )  # fmt: skip
    assert result.claim("D1").amount_settled == 4_000


def test_a_decision_about_an_unknown_claim_is_refused_and_asked_about():
    """No load error: the row is fine, but there is no such claim."""
    result = decide(decision("K1", "D7", "dispute"))
    assert result.answer("K1") == ("refused", "no deduction D7 is known by 2026-10-31")
    assert [t.task_type for t in result.rows.tasks if t.claim_id is None] == ["DECISION_REFUSED"]


def test_a_decision_dated_after_the_business_date_waits():
    """Dated 5 November: not known on 31 October."""
    later = decision("K1", "D1", "settle", promotion_key="P1", decided_at=datetime(2026, 11, 5, tzinfo=UTC))
    first = decide(later)
    assert ending(first, "D1") == "AMBIGUOUS"
    assert first.rows.decisions == []
    then = decide(later, state=first.state, as_of=date(2026, 11, 5))
    assert ending(then, "D1") == "SETTLED"


def test_a_closed_period_makes_a_posting_wait():
    """October is closed: the decision is kept, asked about, and posted on the first run of an open period."""
    october = [(date(2026, 10, 1), date(2026, 10, 31))]
    chosen = decision("K1", "D1", "settle", promotion_key="P1")
    first = decide(chosen, closed=october)
    assert first.answer("K1") == ("waiting_for_period", "fiscal period of 2026-10-31 is closed")
    then = decide(chosen, closed=october, state=first.state, as_of=date(2026, 11, 2))
    assert ending(then, "D1") == "SETTLED"
    lawful(first, then)


# -- controls


def test_above_the_limit_another_person_must_approve():
    """60,000 is more than ana decides alone: it waits with a task; carl's approval lets the same decision go on."""
    plans = [promotion("P1", "60000"), promotion("P2", "59000")]
    claims = [deduction("D1", "60000")]
    chosen = decision("K1", "D1", "settle", promotion_key="P1")
    first = decide(chosen, plans=plans, claims=claims)
    assert first.answer("K1")[0] == "waiting_for_approval"
    assert ending(first, "D1") == "AMBIGUOUS"
    assert "APPROVAL_NEEDED" in first.tasks("D1")
    result = decide(replace(chosen, **CARL), plans=plans, claims=claims, state=first.state)
    assert ending(result, "D1") == "SETTLED"
    assert result.claim("D1").reason == "settled by ana on 2026-10-20, approved by carl: as agreed"
    asked = next(t.task_id for t in first.rows.tasks if t.task_type == "APPROVAL_NEEDED")
    assert asked in result.rows.closed_tasks
    lawful(first, result, plans=plans)


def test_the_engine_settles_nothing_over_the_head_of_a_waiting_decision():
    """The match is clear, but ana wants it disputed and carl has not agreed yet: nobody settles it meanwhile."""
    plans, rules = [promotion("P1", "10000")], Rules(approval_limit=money("100"))
    said = decision("K1", "D1", "dispute")
    first = decide(said, plans=plans, rules=rules)
    assert ending(first, "D1") == "NEEDS_REVIEW"
    assert first.claim("D1").reason == "decision K1 waits for an approval"
    then = decide(replace(said, **CARL), plans=plans, rules=rules, state=first.state)
    assert ending(then, "D1") == "DISPUTED"
    lawful(first, then, plans=plans)


def test_an_answer_to_one_decision_does_not_lift_the_hold_of_another():
    """K1 waits for an approval; K2 about the same claim is refused: the engine still settles nothing."""
    plans, rules = [promotion("P1", "10000")], Rules(approval_limit=money("100"))
    waits = decision("K1", "D1", "dispute")
    refused = decision("K2", "D1", "settle", "10", promotion_key="P9")
    result = decide(waits, refused, plans=plans, rules=rules)
    assert result.answer("K2")[0] == "refused"
    assert ending(result, "D1") == "NEEDS_REVIEW"
    assert result.claim("D1").reason == "decision K1 waits for an approval"


@pytest.mark.parametrize("who", ["ana", "ANA ", " A n a", "\u200bana", "\uff21na"])
def test_who_decides_is_not_who_approves(who):
    """However the name is spelt: case, blanks, wide letters and invisible characters make no second person."""
    rules = Rules(approval_limit=money("100"))
    result = decide(decision("K1", "D1", "dispute", approved_by=who), rules=rules)
    status, why = result.answer("K1")
    assert status == "waiting_for_approval"
    assert why.endswith("who decides is not who approves")


def test_an_approval_from_before_the_decision_is_none():
    rules = Rules(approval_limit=money("100"))
    early = {"approved_by": "carl", "approved_at": datetime(2026, 10, 19, tzinfo=UTC)}
    result = decide(decision("K1", "D1", "dispute", **early), rules=rules)
    assert result.answer("K1")[1].endswith("it was approved before it was decided")


def test_write_offs_have_a_limit_of_their_own():
    """1,000 alone, more with an approval, and above the hard maximum nobody."""
    rules = Rules(write_off_maximum=money("5000"))
    memo = decision("K0", "D1", "dispute")

    def answer(amount, **changes):
        return decide(memo, decision("K1", "D1", "write_off", amount, **changes), rules=rules).answer("K1")[0]

    assert answer("1000") == "applied"
    assert answer("1000.01") == "waiting_for_approval"
    assert answer("5000", **CARL) == "applied"
    assert answer("5000.01", **CARL) == "refused"


def test_only_people_on_the_lists_decide_and_approve():
    """Each with a limit of their own: ana up to 5,000, bo as the rule says, carl approves up to 8,000."""
    rules = Rules(
        deciders={"Ana": money("5000"), "bo": None}, approvers={"Carl": money("8000"), "dora": None}
    )

    def answer(amount, **changes):
        return decide(decision("K1", "D1", "dispute", amount, **changes), rules=rules).answer("K1")

    assert answer("5000")[0] == "applied"
    assert answer("6000")[0] == "waiting_for_approval"
    assert answer("6000", **CARL)[0] == "applied"
    assert answer("9000", **CARL)[1].endswith("carl may approve up to 8000.0000")
    assert answer("9000", approved_by="DORA")[0] == "applied"
    assert answer("9000", approved_by="eve")[1].endswith("eve is not among those who may approve")
    assert answer("10000", decided_by="bo")[0] == "applied"
    assert answer("10", decided_by="eve") == ("refused", "eve is not among those who may decide")


def test_reopening_counts_by_what_it_takes_back():
    """A settlement of 60,000 is not taken back by one person alone."""
    plans, claims = [promotion("P1", "60000")], [deduction("D1", "60000")]
    first = decide(plans=plans, claims=claims)
    result = decide(decision("K1", "D1", "reopen"), plans=plans, claims=claims, state=first.state)
    assert result.answer("K1")[0] == "waiting_for_approval"
    assert ending(result, "D1") == "SETTLED"


def test_a_later_decision_that_works_answers_the_refusal():
    """The refusal stays in the result for good; its question is closed when the claim is decided."""
    result = decide(decision("K1", "D1", "recover"), decision("K2", "D1", "non_trade"))
    assert result.answer("K1")[0] == "refused"
    assert {t.status for t in result.rows.tasks if t.task_type == "DECISION_REFUSED"} == {"closed"}


@pytest.mark.parametrize(
    "settings",
    [
        {"approval_limit": "-1"},
        {"write_off_maximum": "lots"},
        {"deciders": {"ana": "-5"}},
        {"deciders": {"ana": "5", "ANA": "7"}},
        {"approvers": ["ana"]},
        {"approvers": {"  ": None}},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings):
    with pytest.raises(TradewindError):
        Rules.from_settings(settings)


def test_settings_of_the_controls():
    rules = Rules.from_settings({"approval_limit": "2500", "deciders": {"Ana": "100.5", "bo": None}})
    assert rules.approval_limit == 2_500
    assert rules.deciders == {"Ana": money("100.5"), "bo": None}
    assert rules.version != Rules().version
    assert same_person(" Ana  Lopez") == same_person("ANALOPEZ")


# -- killed and retried


@pytest.mark.parametrize("committed", range(6))
def test_a_run_killed_between_decisions_answers_as_if_it_had_run_once(committed):
    """A settlement refused, a dispute, its reopening, all before the first run: no question ends twice."""
    given = (
        decision("K1", "D1", "settle"),
        decision("K2", "D1", "dispute"),
        decision("K3", "D1", "reopen"),
    )
    inputs = Inputs((), (CLAIM,), PARENTS, legal_moves=LEGAL_MOVES, decisions=given)
    expected = [step.changes for step in run("alpha", inputs, LedgerState(), AS_OF, Rules())]
    state = LedgerState()
    first = list(islice(run("alpha", inputs, state, AS_OF, Rules()), committed))
    state.opened = set(state.claims)
    rest = list(run("alpha", inputs, state, AS_OF, Rules()))
    assert [step.changes for step in first + rest] == expected
