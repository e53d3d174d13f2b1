"""Guards against sending twice, forgetting a change, and retrying what was refused (semantics 5g, C54)."""

import pytest

from include.errors import TradewindError
from include.publish.exports import find, in_order, of_side
from include.publish.items import Item
from include.publish.plan import Known, classify, guard


def item(key, content="a", problem=None):
    return Item(key, {"key": key, "content": content}, content, problem)


def known(content, status="confirmed", confirmed="a", generation=1):
    return Known(generation, status, content, confirmed, None)


def test_every_item_is_in_exactly_one_class():
    plan = classify(
        [item("new"), item("same"), item("changed", "b"), item("bad", problem="empty")],
        {"same": known("a"), "changed": known("a")},
    )
    assert plan.counts() == {"create": 1, "update": 1, "unchanged": 1, "reject": 1}
    assert [(e.item.key, e.generation) for e in plan.to_send] == [("changed", 2), ("new", 1)]


def test_going_back_to_an_earlier_content_is_a_new_generation():
    plan = classify([item("k", "a")], {"k": known("b", confirmed="b", generation=2)})
    assert [(e.generation, e.is_new) for e in plan.update] == [(3, True)]


def test_what_waits_in_the_outbox_is_not_queued_again():
    for status in ("pending", "sending", "unknown"):
        plan = classify([item("k")], {"k": known("a", status=status, confirmed=None)})
        assert [(e.generation, e.is_new) for e in plan.create] == [(1, False)]


def test_what_was_refused_is_not_sent_again_until_it_changes_or_somebody_asks():
    refused = {"k": known("a", status="rejected", confirmed=None)}
    assert classify([item("k", "a")], refused).counts()["reject"] == 1
    assert classify([item("k", "b")], refused).counts()["create"] == 1
    assert classify([item("k", "a")], refused, resend=True).counts()["create"] == 1


def test_a_plan_that_changes_too_much_is_refused():
    plan = classify([item(str(n), "b") for n in range(30)], {str(n): known("a") for n in range(30)})
    guard(plan, 30, max_changed_share=1.0, where="publish x")
    with pytest.raises(TradewindError, match="at most 50%"):
        guard(plan, 30, max_changed_share=0.5, where="publish x")


def test_an_export_that_needs_another_goes_into_its_task():
    work = in_order(of_side("forecast"))
    assert {"export": "snowflake_monte_carlo_results", "then": ["snowflake_mc_summary"]} in work
    assert sum(1 + len(w["then"]) for w in work) == len(of_side("forecast"))
    assert in_order([find("snowflake_mc_summary")]) == [{"export": "snowflake_mc_summary", "then": []}]
