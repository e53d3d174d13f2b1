"""Mutants of what people may do: the laws or the controls must find each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from include.money import ZERO
from include.reconcile import actions, controls, decisions, journal
from include.reconcile.books import Books
from include.reconcile.decisions import Panel
from include.reconcile.ledger import LedgerState
from include.reconcile.rules import Rules
from include.reconcile.settle import Share
from tests.trade_cases import decide_all, decision, deduction, promotion
from tests.trade_laws import broken_laws

PLANS = [promotion("P1", "10000"), promotion("P2", "9500"), promotion("P3", "60000", customer_key="rival")]
CLAIMS = [
    deduction("D1", "10000"),
    deduction("D2", "9000", invoice_ref="I1"),
    deduction("D3", "60000", customer_key="rival"),
    deduction("D4", "100", customer_key="rival"),
]
SAID = [
    decision("K01", "D1", "settle", "4000", promotion_key="P1"),
    decision("K02", "D1", "dispute", "5000"),
    decision("K03", "D1", "recover", "2000"),
    decision("K04", "D1", "write_off", "1000"),
    decision("K05", "D1", "reopen"),
    decision("K06", "D1", "settle", "9000", promotion_key="P1"),
    decision("K07", "D1", "non_trade"),
    decision("K08", "D2", "settle", "9000", promotion_key="P1"),
    decision("K09", "D2", "settle", "9500", promotion_key="P2"),
    decision("K10", "D2", "write_off", "3000", approved_by="ANA"),
    decision("K11", "D3", "dispute", approved_by="ana "),
    decision("K12", "D4", "dispute"),
    decision("K13", "D4", "recover", "40"),
]
ANSWERS = ["applied"] * 7 + ["refused"] * 2 + ["waiting_for_approval"] * 2 + ["applied"] * 2


def faults() -> list[str]:
    """What is wrong with the company's books and with the answers people got; the same run again included."""
    first = decide_all(PLANS, CLAIMS, decisions=SAID)
    again = decide_all(PLANS, CLAIMS, decisions=SAID, state=first.state)
    rows = first.rows
    rows.extend(again.rows)
    given = {r.decision.decision_key: r.status for r in rows.decisions}
    wrong = [
        f"{k}: {given[k]}" for k, status in zip(sorted(given), ANSWERS, strict=True) if given[k] != status
    ]
    twice = [r.decision.decision_key for r in again.rows.decisions]
    return broken_laws(rows, first.state, PLANS, Rules()) + wrong + twice


def test_nothing_is_wrong_without_a_mutant():
    assert faults() == []


def _whatever_is_asked(decision, claim):
    return decision.amount or claim.amount_open or claim.amount_disputed, None


def _settled_whole(desk, promotion, amount):
    return Share(amount, ZERO, False)


def _forgets_cash(original: Callable) -> Callable:
    def reopened(desk, changes, decision, claim, amount):
        desk.state.cash.clear()
        return original(desk, changes, decision, claim, amount)

    return reopened


def _one_hash(_):
    return "one"


MUTANTS: dict[str, tuple[object, str, object]] = {
    "more is taken than is there": (actions, "_part", _whatever_is_asked),
    "a person settles without the tolerance rule": (actions, "_share", _settled_whole),
    "what is taken back is posted again": (journal, "turned", lambda lines: tuple(lines)),
    "reopening leaves the settlement": (Books, "undo_settlement", lambda *_: None),
    "nothing stands any more": (LedgerState, "standing", lambda *_: []),
    "charge-backs, cash and write-offs are not posted": (Books, "book", lambda *_: None),
    "cash is forgotten when a claim is reopened": (
        actions, "ACTIONS", actions.ACTIONS | {"reopen": _forgets_cash(actions.reopen)},
    ),
    "who decides may approve": (controls, "same_person", lambda name: name),
    "no limit holds": (controls, "_limit", lambda *_: ZERO + 10**9),
    "a decision is due again": (Panel, "is_due", lambda *_: True),
    "nothing is refused": (decisions, "asked", lambda desk, d, claim: (d.amount or claim.amount_open, None)),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_the_mutant_is_found(monkeypatch, name):
    place, attribute, mutant = MUTANTS[name]
    monkeypatch.setattr(place, attribute, mutant)
    if attribute == "ACTIONS":
        monkeypatch.setattr(decisions, "ACTIONS", mutant)
    try:
        found = faults()
    except Exception as error:  # a mutant that cannot even run is found as well
        found = [str(error)]
    assert found


def test_one_key_with_two_contents_needs_the_hash(monkeypatch):
    """With one hash for all, the second content would count as the first: silently nothing."""
    first = decide_all(PLANS, CLAIMS, decisions=SAID[:1])
    other = [replace(SAID[0], amount=SAID[1].amount)]
    assert [
        r.status for r in decide_all(PLANS, CLAIMS, decisions=other, state=first.state).rows.decisions
    ] == ["refused"]
    monkeypatch.setattr(decisions, "content_hash", _one_hash)
    blind = decide_all(PLANS, CLAIMS, decisions=SAID[:1])
    assert decide_all(PLANS, CLAIMS, decisions=other, state=blind.state).rows.decisions == []
