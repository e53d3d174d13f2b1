"""A company over some weeks of 2026 as a state machine: whatever it does, the laws hold after every step.

It approves, sells, deducts, repays, decides, closes and reopens periods, ends promotions, runs again later, and
is killed between two commits. `tests/property` runs it on the engine as it is, `tests/bite` on faulty ones.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from include.money import money
from include.reconcile import engine
from include.reconcile.candidates import MATCHABLE
from include.reconcile.desk import claim_id
from include.reconcile.duplicates import normalised
from include.reconcile.ledger import LedgerState
from include.reconcile.outcomes import OPEN_OUTCOMES
from include.reconcile.records import Changes, ClosedPeriod, Deduction, Inputs, Promotion
from include.reconcile.rules import Rules
from tests.trade_cases import LEGAL_MOVES, PARENTS, decision, deduction, guid, payment, promotion
from tests.trade_laws import broken_laws

WHOLE = st.sampled_from(["1000", "2500", "4000", "10000", "0.01", "3333.33"])
CUSTOMERS = st.sampled_from(["grocer", "grocer", "north", "rival"])
ACTIONS = ["settle", "settle", "dispute", "recover", "write_off", "non_trade", "not_duplicate", "reopen"]
PERIODS = [(date(2026, 8, 1), date(2026, 8, 10)), (date(2026, 9, 1), date(2026, 9, 30)),
           (date(2026, 10, 1), date(2026, 10, 31)), (date(2026, 11, 1), date(2026, 11, 30))]  # fmt: skip


class DisturbedCompany(RuleBasedStateMachine):
    """Every rule is followed by the laws."""

    @initialize(
        release=st.sampled_from(["on_close", "lag_curve"]),
        closed_period=st.sampled_from(["fail", "next_open"]),
        fill=st.sampled_from(["propose", "book"]),
        closed=st.booleans(),
    )
    def begin(self, release, closed_period, fill, closed):
        self.rules = Rules(release_policy=release, on_closed_period=closed_period, fill_by_score=fill)
        self.today = date(2026, 9, 10)
        self.promotions: dict[str, Promotion] = {}
        self.deductions: dict[str, Deduction] = {}
        self.most_earned: dict[str, Decimal] = {}
        self.payments, self.decisions = [], []
        self.proofs: dict[str, date] = {}
        self.closed = {PERIODS[0]} if closed else set()
        self.state = LedgerState()
        self.rows = Changes()

    # What the company does

    @rule(
        planned=st.one_of(WHOLE, WHOLE, WHOLE, st.none()),
        customer=CUSTOMERS,
        kind=st.integers(0, 7),
        day=st.integers(5, 15),
    )
    def approve(self, planned, customer, kind, day):
        key = f"P{len(self.promotions)}"
        fee = {"tactic_type": "Slotting", "settlement_method": "fixed_fee"} if kind == 0 else {}
        other = {"currency": "EUR"} if kind == 1 else {"status": "Draft"} if kind == 2 else {}
        self.promotions[key] = promotion(
            key, planned, customer_key=customer, approved_date=date(2026, 8, day), **fee, **other
        )

    @precondition(lambda self: self.promotions)
    @rule(data=st.data(), share=st.sampled_from(["0", "0.5", "0.8", "1.2"]))
    def sell(self, data, share):
        key = data.draw(st.sampled_from(sorted(self.promotions)))
        planned = self.promotions[key].planned_amount
        if planned is not None:
            earned = (planned * Decimal(share)).quantize(Decimal("0.0001"))
            self.promotions[key] = replace(self.promotions[key], earned_amount=earned)
            self.most_earned[key] = max(earned, self.most_earned.get(key, earned))

    @rule(
        amount=WHOLE,
        share=st.sampled_from(["1", "1", "0.5", "1.02", "1.0201", "1.3"]),
        customer=CUSTOMERS,
        reason=st.sampled_from(["PROMO", "PROMO", "PROMO", "TAX", None]),
        named=st.one_of(st.none(), st.integers(0, 4)),
        invoice=st.sampled_from([None, None, None, "INV-1", "inv 01", "N/A"]),
        currency=st.sampled_from(["USD"] * 6 + ["EUR"]),
    )
    def deduct(self, amount, share, customer, reason, named, invoice, currency):
        key = f"D{len(self.deductions):02}"
        claimed = (Decimal(amount) * Decimal(share)).quantize(Decimal("0.0001"))
        self.deductions[key] = deduction(
            key,
            str(claimed),
            customer_key=customer,
            posting_date=self.today,
            reason_code_normalized=reason,
            promotion_id=None if named is None else guid(f"P{named}"),
            invoice_ref=invoice,
            currency=currency,
        )

    @precondition(lambda self: any(d.amount > 0 for d in self.deductions.values()))
    @rule(data=st.data(), share=st.sampled_from(["1", "0.5", "0.1", "1.5"]))
    def repay(self, data, share):
        original = self.deductions[self._one_taken(data)]
        amount = -(original.amount * Decimal(share)).quantize(Decimal("0.0001"))
        key = f"D{len(self.deductions):02}"
        self.deductions[key] = replace(
            original,
            deduction_key=key,
            amount=money(amount),
            posting_date=self.today,
            promotion_id=None,
            reversal_of=original.deduction_key,
        )

    @precondition(lambda self: self.promotions)
    @rule(data=st.data(), ending=st.sampled_from(["Closed", "Closed", "Cancelled"]))
    def end(self, data, ending):
        key = data.draw(st.sampled_from(sorted(self.promotions)))
        self.promotions[key] = replace(self.promotions[key], status=ending, closed_date=self.today)

    @precondition(
        lambda self: any(p.settlement_method and p.planned_amount for p in self.promotions.values())
    )
    @rule(data=st.data(), has_proof=st.booleans())
    def pay_fee(self, data, has_proof):
        fees = sorted(k for k, p in self.promotions.items() if p.settlement_method and p.planned_amount)
        fee = self.promotions[data.draw(st.sampled_from(fees))]
        paid = {"customer_key": fee.customer_key, "payment_date": self.today, "currency": fee.currency}
        self.payments.append(payment(f"V{len(self.payments)}", str(fee.planned_amount), **paid))
        if has_proof:
            self.proofs.setdefault(fee.promotion_key, self.today)

    @precondition(lambda self: self.state.claims and self.deductions)
    @rule(data=st.data())
    def change_an_amount(self, data):
        key = data.draw(st.sampled_from(sorted(self.deductions)))
        changed = self.deductions[key]
        if changed.amount > 0:
            self.deductions[key] = replace(changed, amount=changed.amount + 1)

    @precondition(lambda self: any(d.amount > 0 for d in self.deductions.values()))
    @rule(data=st.data(), action=st.sampled_from(ACTIONS), share=st.sampled_from([None, None, "0.5", "1.5"]))
    def decide(self, data, action, share):
        taken = self.deductions[self._one_taken(data)]
        amount = None if share is None else (taken.amount * Decimal(share)).quantize(Decimal("0.0001"))
        target = data.draw(st.sampled_from([*sorted(self.promotions), None])) if action == "settle" else None
        self.decisions.append(
            decision(
                f"K{len(self.decisions):02}",
                taken.deduction_key,
                action,
                None if amount is None else str(amount),
                promotion_key=target,
                decided_at=datetime.combine(self.today, time(9), UTC),
            )
        )

    @rule(period=st.sampled_from(PERIODS))
    def close_or_reopen(self, period):
        self.closed ^= {period}

    # When the books are kept

    @rule(days=st.integers(0, 20))
    def run(self, days):
        before = self._later(days)
        self._kept(list(self._steps(self.state)))
        for number, claim in before.items():
            touched = claim.outcome in OPEN_OUTCOMES or self.state.claims[number].decided_by
            assert touched or self.state.claims[number].amount == claim.amount, "a decided claim was edited"
        assert not list(self._steps(self.state)), "the same run again did something"
        self._holds()

    @rule(days=st.integers(0, 20), committed=st.integers(0, 12))
    def run_that_is_killed_and_retried(self, days, committed):
        """What was committed before the kill stays; the next attempt goes on from it and ends the same."""
        self._later(days)
        undisturbed = deepcopy(self.state)
        expected = [step.changes for step in self._steps(undisturbed)]
        known = set(self.state.claims)
        first = list(islice(self._steps(self.state), committed))
        self.state.opened = set(self.state.claims) - known
        rest = list(self._steps(self.state))
        self.state.opened = set()
        assert [step.changes for step in first + rest] == expected, "a kill changed what was decided"
        self._kept(first + rest)
        self._holds()

    def _later(self, days: int) -> dict:
        """Another business date: what is open is asked again."""
        self.today += timedelta(days=days)
        self.state.evaluated.clear()
        self.state.asked.clear()
        return dict(self.state.claims)

    def _steps(self, state: LedgerState):
        inputs = Inputs(
            promotions=tuple(self.promotions.values()),
            deductions=tuple(self.deductions.values()),
            parents=PARENTS,
            ap_payments=tuple(self.payments),
            proofs=self.proofs,
            closed_periods=tuple(ClosedPeriod(*period) for period in sorted(self.closed)),
            legal_moves=LEGAL_MOVES,
            decisions=tuple(self.decisions),
        )
        return engine.run("alpha", inputs, state, self.today, self.rules)

    def _kept(self, steps: list) -> None:
        made = Changes()
        for step in steps:
            made.extend(step.changes)
        self.rows.extend(made)
        for journal in made.journals:
            is_ours = journal.posted_by == "tradewind" and journal.status == "Posted"
            inside = any(first <= journal.posting_date <= last for first, last in self.closed)
            assert not (is_ours and inside), f"{journal.event} was posted to a closed period"
        for row in made.settlements:
            claim, own = self.state.claims[row.claim_id], self.promotions[row.promotion_key]
            assert row.currency == own.currency == claim.currency, "settled in another currency"
            followed = self.state.statuses.get(own.promotion_key)
            status = own.status if followed is None else followed.accepted
            pays = status in MATCHABLE and (followed is None or followed.refused is None)
            may_settle = pays or row.status in {"Draft", "Failed", "Reversed"} or claim.decided_by
            assert may_settle, f"settled against a promotion that is {status}"

    def _one_taken(self, data) -> str:
        return data.draw(st.sampled_from(sorted(key for key, d in self.deductions.items() if d.amount > 0)))

    # What holds whenever the books were kept; nothing else moves them

    def _holds(self) -> None:
        # What was settled stays lawful when the performance is corrected downwards afterwards.
        known = [replace(p, earned_amount=self.most_earned.get(key)) for key, p in self.promotions.items()]
        broken = broken_laws(self.rows, self.state, known, self.rules)
        assert not broken, broken
        seen: dict[tuple, Deduction] = {}
        for key, d in sorted(self.deductions.items()):
            claim = self.state.claims.get(claim_id("alpha", "deduction", key))
            number = normalised(d.invoice_ref)
            if claim is None or number is None or not claim.amount_settled or claim.decided_by:
                continue
            other = seen.setdefault((d.customer_key, d.currency, number), d)
            named_apart = d.promotion_id and other.promotion_id and d.promotion_id != other.promotion_id
            assert other is d or named_apart, f"{other.deduction_key} and {key} settle one invoice"
