"""Which promotion a claim belongs to, and when a person is asked instead: one rule a test.

Read as documentation. The company is that of tests/trade_cases.py: the banner grocer with its stores north and
south, and a rival; promotions run in September 2026, deductions come on the 15th, the business date is 31 October.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from include.reconcile.rules import Rules
from tests.trade_cases import Outcome, decide_all, deduction, guid, promotion


def ends(result: Outcome, key: str = "D1") -> tuple[str, str]:
    """The claim's outcome and its reason in one sentence."""
    claim = result.claim(key)
    return claim.outcome.value, claim.reason


def why(result: Outcome, promotion_key: str) -> str:
    """What is kept beside a candidate about its place."""
    return next(c.parts["why"] for c in result.rows.candidates if c.promotion_key == promotion_key)


# Promotions nobody may claim on


@pytest.mark.parametrize("status", ["Cancelled", "Draft", "Pending Approval", "Settled"])
def test_a_claim_that_fits_only_a_promotion_nobody_may_claim_on(status):
    """It says which one and why not; nothing is settled."""
    result = decide_all([promotion("P1", "10000", status=status)], [deduction("D1", "10000")])
    assert ends(result) == ("NEEDS_REVIEW", f"it fits P1 (1.00), which is {status}")
    assert why(result, "P1") == f"is {status}: nothing is settled against it"
    assert not result.state.settlements


def test_a_cancelled_promotion_that_fits_better_stops_a_settlement_against_another():
    """10,000 is what the cancelled promotion promised; settling it against the live one of 9,500 would be a guess."""
    plans = [promotion("P1", "10000", status="Cancelled"), promotion("P2", "9500")]
    outcome, reason = ends(decide_all(plans, [deduction("D1", "10000")]))
    assert outcome == "NEEDS_REVIEW"
    assert reason == "it fits P1 (1.00), which is Cancelled, at least as well as P2 (0.99)"
    assert ends(decide_all(plans, [deduction("D1", "9500")]))[0] == "SETTLED"


def test_money_that_was_on_the_invoice_already():
    """An off-invoice promotion is no candidate, but a claim of exactly its amount is a question."""
    plans = [promotion("P1", "10000", tactic_type="Off-Invoice", is_off_invoice=True)]
    outcome, reason = ends(decide_all(plans, [deduction("D1", "10000")]))
    assert outcome == "NEEDS_REVIEW"
    assert "whose discount was on the invoice already" in reason


@pytest.mark.parametrize(
    "window", [(date(9000, 1, 1), date(9000, 1, 1)), (date(2026, 9, 30), date(2026, 9, 1))]
)
def test_a_promotion_without_a_window_or_with_its_dates_reversed(window):
    """No day is near it, so its claims are questions; the deduction may still name it."""
    plans = [promotion("P1", "10000", window_start=window[0], window_end=window[1])]
    silent = decide_all(plans, [deduction("D1", "10000")])
    assert ends(silent) == ("NEEDS_REVIEW", "it fits P1 (1.00), which is without a window")
    named = decide_all(plans, [deduction("D1", "10000", promotion_id=guid("P1"))])
    assert ends(named)[0] == "SETTLED"


def test_money_taken_before_the_promotion_was_approved():
    """It was not taken on the strength of the promotion; a tenant that approves afterwards says so in its rules."""
    plans = [promotion("P1", "10000", approved_date=date(2026, 9, 16))]
    outcome, reason = ends(decide_all(plans, [deduction("D1", "10000")]))
    assert outcome == "NEEDS_REVIEW"
    assert reason == "it was taken on 2026-09-15, before P1 was approved on 2026-09-16"
    allowed = decide_all(plans, [deduction("D1", "10000")], rules=Rules(before_approval="settle"))
    assert ends(allowed)[0] == "SETTLED"


# Plans that say nothing


@pytest.mark.parametrize("planned", [None, "0", "-500"])
def test_a_plan_that_is_unknown_nothing_or_negative(planned):
    """It authorises nothing anybody stated: a person decides."""
    result = decide_all([promotion("P1", planned)], [deduction("D1", "500")])
    assert ends(result) == ("NEEDS_REVIEW", "the planned amount of the best candidate is unknown or nothing")
    named = decide_all([promotion("P1", planned)], [deduction("D1", "500", promotion_id=guid("P1"))])
    assert ends(named)[0] == "NEEDS_REVIEW"


def test_two_promotions_with_one_id():
    """The id is no longer proof of anything; the reason names both."""
    plans = [
        promotion("P1", "10000", promotion_id=guid("P")),
        promotion("P2", "5000", promotion_id=guid("P").upper()),
    ]
    outcome, reason = ends(decide_all(plans, [deduction("D1", "5000", promotion_id=guid("P"))]))
    assert outcome == "NEEDS_REVIEW"
    assert reason.endswith("and P1, P2 have that id")


# Customers


def test_a_siblings_promotion_needs_product_lines():
    """North takes what south was promised: the hierarchy alone does not make it north's."""
    lines = {"product_keys": frozenset({"A", "B"})}
    plans = [promotion("P1", "10000", customer_key="south", **lines)]
    silent = decide_all(plans, [deduction("D1", "10000", customer_key="north")])
    assert ends(silent) == (
        "NEEDS_REVIEW",
        "P1 is a sibling's promotion and no product lines confirm the match",
    )
    told = decide_all(plans, [deduction("D1", "10000", customer_key="north", **lines)])
    assert ends(told)[0] == "SETTLED"
    trusting = decide_all(
        plans, [deduction("D1", "10000", customer_key="north")], rules=Rules(sibling_match="settle")
    )
    assert ends(trusting)[0] == "SETTLED"


@pytest.mark.parametrize("parents", [{"grocer": None}, {"grocer": None, "a": "b", "b": "a"}])
def test_a_customer_nobody_knows_or_on_a_cycle(parents):
    """An orphan is nobody's relative."""
    result = decide_all(
        [promotion("P1", "10000")], [deduction("D1", "10000", customer_key="a")], parents=parents
    )
    assert ends(result) == ("UNMATCHED", "its customer a is not in the customer hierarchy")


def test_another_currency():
    """A claim in euros is never settled against dollars, named or not."""
    claims = [
        deduction("D1", "10000", currency="EUR"),
        deduction("D2", "900", currency="EUR", promotion_id=guid("P1")),
    ]
    result = decide_all([promotion("P1", "10000")], claims)
    assert ends(result)[0] == "UNMATCHED"
    assert ends(result, "D2") == ("NEEDS_REVIEW", "it names a promotion in USD, but is in EUR")


# Several promotions at once


def test_overlapping_promotions_alike_but_for_nothing():
    """Same customer, same weeks, same amount: nobody can know."""
    plans = [promotion("P1", "10000"), promotion("P2", "10000")]
    outcome, reason = ends(decide_all(plans, [deduction("D1", "10000")]))
    assert outcome == "AMBIGUOUS"
    assert (
        reason
        == "the best two are only 0.00 apart, below 0.10: it is level with P2, nothing tells them apart"
    )


def test_a_split_is_not_booked_where_one_promotion_could_take_it_all():
    """10,000 + 5,000 is the claim, and so nearly is 15,100: a person chooses."""
    plans = [promotion("P1", "10000"), promotion("P2", "5000"), promotion("P3", "15100")]
    result = decide_all(plans, [deduction("D1", "15000")])
    assert ends(result)[0] == "AMBIGUOUS"
    assert not result.state.settlements


def test_filling_by_score_is_proposed():
    """Golden G-43, second half: 16,000 over 10,000 and 5,000 leaves 1,000; the person sees how it would go."""
    plans = [promotion("P1", "10000"), promotion("P2", "5000")]
    result = decide_all(plans, [deduction("D1", "16000")])
    assert ends(result)[0] == "AMBIGUOUS"
    [task] = result.rows.tasks
    assert task.proposal == {"settle": {"P1": "10000.0000", "P2": "5000.0000"}, "rest": "1000.0000"}


def test_filling_by_score_is_booked_where_the_rules_say_so():
    """The same claim under `fill_by_score: book`: what is left over is charged back."""
    plans = [promotion("P1", "10000"), promotion("P2", "5000")]
    result = decide_all(plans, [deduction("D1", "16000")], rules=Rules(fill_by_score="book"))
    assert ends(result)[0] == "SETTLED_EXCESS_DISPUTED"
    assert result.settled_rows("D1") == {"P1": 10_000, "P2": 5_000}
    assert result.claim("D1").amount_disputed == 1_000
    assert result.balances()["1150"] == 0
    one = decide_all(plans[:1], [deduction("D1", "12000")], rules=Rules(fill_by_score="book"))
    assert one.settled_rows("D1") == {"P1": 10_000}


# Why one won and the other lost


def test_the_winner_says_what_decided():
    """Kept with each candidate: the lead, and the parts of the score that made it, the weightiest first."""
    plans = [
        promotion("P1", "10000", window_end=date(2026, 9, 5)),
        promotion(
            "P2", "4500", customer_key="south", window_start=date(2026, 7, 1), window_end=date(2026, 8, 1)
        ),
    ]
    result = decide_all(plans, [deduction("D1", "12000", customer_key="north")])
    assert ends(result)[0] == "SETTLED_EXCESS_DISPUTED"
    assert why(result, "P1") == "leads P2 by 0.37: customer 0.9 vs 0.4, amount 0.83 vs 0.38, date 0.89 vs 0.5"
    assert why(result, "P2").startswith("trails P1 by 0.37: customer 0.4 vs 0.9")


def test_the_only_candidate_says_so():
    """The reason of a plain settlement."""
    result = decide_all([promotion("P1", "10000")], [deduction("D1", "10000")])
    assert ends(result) == ("SETTLED", "is the only candidate")


# Clearing without a person


def test_a_tenant_may_switch_clearing_off():
    """Matches are settled as before, but each is looked at."""
    result = decide_all([promotion("P1", "10000")], [deduction("D1", "10000")], rules=Rules(auto_clear="off"))
    assert ends(result)[0] == "SETTLED"
    assert not result.claim("D1").auto_cleared


# Duplicates


@pytest.mark.parametrize(
    ("one", "other"),
    [("INV-0007", "inv 7"), ("0004711", "4711"), ("2026-0815", "2026/0815"), ("PO_88", "po88")],
)
def test_the_same_invoice_written_differently(one, other):
    """Case, blanks, dashes and leading zeros do not make another invoice."""
    claims = [
        deduction("D1", "4000", invoice_ref=one, promotion_id=guid("P1")),
        deduction("D2", "3000", invoice_ref=other, promotion_id=guid("P1")),
    ]
    result = decide_all([promotion("P1", "10000")], claims)
    assert ends(result, "D2") == ("DUPLICATE_SUSPECT", f"the same invoice {other} as D1")


def test_the_same_invoice_taken_by_a_store_and_by_its_banner():
    """An invoice is the retailer's, whoever of it deducts."""
    claims = [
        deduction("D1", "4000", invoice_ref="INV7", customer_key="north", promotion_id=guid("P1")),
        deduction("D2", "4000", invoice_ref="INV7", promotion_id=guid("P1")),
    ]
    assert ends(decide_all([promotion("P1", "10000")], claims), "D2")[0] == "DUPLICATE_SUSPECT"


@pytest.mark.parametrize("reference", ["N/A", "000", "none", " - "])
def test_a_reference_that_names_no_document(reference):
    """What stands there for want of a number makes nobody suspect."""
    claims = [
        deduction(f"D{n}", f"{n}000", invoice_ref=reference, check_ref=reference, promotion_id=guid("P1"))
        for n in (1, 2)
    ]
    result = decide_all([promotion("P1", "10000")], claims)
    assert {ends(result, f"D{n}")[0] for n in (1, 2)} == {"SETTLED"}


def test_other_products_on_the_same_invoice_are_no_duplicate():
    """Lines that do not overlap are different money; overlapping ones are not."""
    plans = [promotion("P1", "10000", product_keys=frozenset("AB"))]
    for lines, outcome in ((frozenset("B"), "SETTLED"), (frozenset("AB"), "DUPLICATE_SUSPECT")):
        claims = [
            deduction("D1", "4000", invoice_ref="INV7", promotion_id=guid("P1"), product_keys=frozenset("A")),
            deduction("D2", "3000", invoice_ref="INV7", promotion_id=guid("P1"), product_keys=lines),
        ]
        assert ends(decide_all(plans, claims), "D2")[0] == outcome


def named(key: str, amount: str, day: int, **changes: object):
    return deduction(key, amount, posting_date=date(2026, 9, day), promotion_id=guid("P1"), **changes)


def test_one_amount_taken_again_in_two_parts():
    """4,000 was settled; 2,500 and 1,500 follow within days on the same promotion."""
    claims = [named("D1", "4000", 2), named("D2", "2500", 10), named("D3", "1500", 12)]
    result = decide_all([promotion("P1", "10000")], claims)
    assert ends(result, "D2") == ("DUPLICATE_SUSPECT", "with D3 the same amount and promotion as D1")
    assert ends(result, "D3") == ("DUPLICATE_SUSPECT", "with D2 the same amount and promotion as D1")
    assert result.state.settled["P1"] == 4_000


def test_two_parts_taken_again_as_one_amount():
    """The same the other way round."""
    claims = [named("D1", "2500", 2), named("D2", "1500", 3), named("D3", "4000", 12)]
    result = decide_all([promotion("P1", "10000")], claims)
    assert ends(result, "D3") == ("DUPLICATE_SUSPECT", "with D2 the same amount and promotion as D1")


@pytest.mark.parametrize(
    "third", [named("D3", "1500", 20), named("D3", "1500", 12, invoice_ref="INV9"), named("D3", "1600", 12)]
)
def test_instalments_that_merely_add_up(third):
    """Parts taken a week apart, on invoices of their own, or of another sum are instalments."""
    claims = [named("D1", "4000", 2, invoice_ref="INV1"), named("D2", "2500", 10, invoice_ref="INV2"), third]
    result = decide_all([promotion("P1", "10000")], claims)
    assert {ends(result, f"D{n}")[0] for n in (1, 2, 3)} == {"SETTLED"}


def test_money_for_a_promotion_that_has_not_run():
    """Named or not: five months before the promotion begins nothing was earned; a week before is the usual early bird."""
    plan = promotion("P1", "10000", window_start=date(2027, 3, 1), window_end=date(2027, 3, 31))
    result = decide_all([plan], [named("D1", "4000", 15)])
    assert ends(result) == (
        "NEEDS_REVIEW",
        "it names a promotion that begins on 2027-03-01, long after it was taken",
    )
    near = promotion("P1", "10000", window_start=date(2026, 9, 22))
    assert ends(decide_all([near], [named("D1", "4000", 15)]))[0] == "SETTLED"


def test_near_is_not_enough_where_only_the_amount_tells():
    """Two promotions of one customer and time: 9,900 is within 2 % of 10,000, by chance as likely as not."""
    plans = [promotion("P1", "10000"), promotion("P2", "4000")]
    assert ends(decide_all(plans, [deduction("D1", "9900")]))[0] == "AMBIGUOUS"
    assert ends(decide_all(plans, [deduction("D1", "9960")]))[0] == "SETTLED"
    loose = decide_all(plans, [deduction("D1", "9900")], rules=Rules(rival_tolerance=Decimal("0.02")))
    assert ends(loose)[0] == "SETTLED"


def test_another_promotion_has_it_to_the_cent():
    """Product lines point to P1, whose 4,261.12 is not the 3,000.00 claimed; P2 has exactly that open."""
    plans = [
        promotion("P1", "4261.12", product_keys=frozenset({"a", "b"})),
        promotion("P2", "3000", product_keys=frozenset({"a", "c", "d", "e", "f", "g", "h"})),
    ]
    result = decide_all(plans, [deduction("D1", "3000", product_keys=frozenset({"a", "b"}))])
    assert ends(result)[0] == "AMBIGUOUS"


@pytest.mark.parametrize("number", ["DM857932307/1", "DM857932307 - 01", "dm857932307.2"])
def test_a_part_number_behind_an_invoice_is_the_same_invoice(number):
    """Once by the warehouse, once by the banner, once with a part number: 1,992.45 was owed once."""
    claims = [
        deduction("D1", "1992.45", customer_key="north", invoice_ref="DM857932307", promotion_id=guid("P1")),
        deduction(
            "D2", "1992.45", posting_date=date(2026, 9, 25), invoice_ref=number, promotion_id=guid("P1")
        ),
    ]
    result = decide_all([promotion("P1", "10000")], claims)
    assert ends(result, "D2")[0] == "DUPLICATE_SUSPECT"
    other = [claims[0], deduction("D2", "500", invoice_ref=number, promotion_id=guid("P1"))]
    assert ends(decide_all([promotion("P1", "10000")], other), "D2")[0] == "SETTLED", (
        "another part, another amount"
    )


def test_two_parts_of_one_invoice_are_two_parts():
    claims = [
        deduction("D1", "1992.45", invoice_ref="DM857932307/1", promotion_id=guid("P1")),
        deduction("D2", "992.45", invoice_ref="DM857932307/2", promotion_id=guid("P1")),
    ]
    result = decide_all([promotion("P1", "10000")], claims)
    assert {ends(result, "D1")[0], ends(result, "D2")[0]} == {"SETTLED"}
