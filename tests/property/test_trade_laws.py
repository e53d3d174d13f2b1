"""The laws hold after every step, whatever a company does: approve, deduct, repay, close, change, run again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from include.money import money
from include.reconcile.accrue import METHODS
from include.reconcile.actions import ACTIONS
from include.reconcile.decision_records import ClaimDecision
from include.reconcile.ledger import LedgerState
from include.reconcile.outcomes import OPEN_OUTCOMES
from include.reconcile.records import Changes, Deduction, Fund, Promotion
from include.reconcile.rules import Rules
from tests.trade_cases import decide_all, decision, deduction, guid, payment, performance, promotion
from tests.trade_laws import broken_laws

WHOLE = st.sampled_from(["1000", "2500", "4000", "10000", "0.01", "3333.33"])
CUSTOMERS = st.sampled_from(["grocer", "grocer", "north", "rival"])


class TradeCompany(RuleBasedStateMachine):
    """One company over some weeks of 2026; every rule is followed by the laws."""

    @initialize(
        policy=st.sampled_from(["on_close", "lag_curve"]),
        closed=st.booleans(),
        overspend=st.sampled_from(["flag", "block"]),
        on_change=st.sampled_from(["adjust", "adjust", "ask"]),
    )
    def begin(self, policy, closed, overspend, on_change):
        self.rules = Rules(
            release_policy=policy,
            fund_overspend=overspend,
            on_plan_change=on_change,
            approval_limit=money("3000"),
        )
        self.today = date(2026, 9, 10)
        self.promotions: dict[str, Promotion] = {}
        self.deductions: dict[str, Deduction] = {}
        self.payments = []
        self.proofs: dict[str, date] = {}
        self.closed = [(date(2026, 8, 1), date(2026, 8, 10))] if closed else []
        self.decisions: list[ClaimDecision] = []
        self.state = LedgerState()
        self.rows = Changes()
        self.performed = []
        self.largest: dict[str, Promotion] = {}
        self.funds = [Fund("F1", money("20000"), "USD")]

    @rule(
        planned=st.one_of(WHOLE, st.none()),
        customer=CUSTOMERS,
        fee=st.integers(0, 5),
        day=st.integers(5, 15),
        method=st.sampled_from(["full_on_approval", *METHODS]),
    )
    def approve(self, planned, customer, fee, day, method):
        key = f"P{len(self.promotions)}"
        kind = {"tactic_type": "Slotting", "settlement_method": "fixed_fee"} if fee == 0 else {}
        self.promotions[key] = promotion(
            key,
            planned,
            customer_key=customer,
            approved_date=date(2026, 8, day),
            accrual_method=method,
            **kind,
        )
        self.largest[key] = self.promotions[key]

    @precondition(lambda self: self.promotions)
    @rule(data=st.data(), units=st.integers(-200, 900), source=st.sampled_from(["shipped", "scanned"]))
    def perform(self, data, units, source):
        key = data.draw(st.sampled_from(sorted(self.promotions)))
        day = min(self.today, date(2026, 9, 30))
        self.performed.append(performance(key, day, str(units), "1.25", source=source, factor="0.5"))

    @precondition(lambda self: self.promotions)
    @rule(data=st.data(), planned=st.one_of(WHOLE, st.none()), anew=st.booleans())
    def change_a_plan(self, data, planned, anew):
        key = data.draw(st.sampled_from(sorted(self.promotions)))
        amount = None if planned is None else money(planned)
        changed = replace(self.promotions[key], planned_amount=amount)
        if anew:
            changed = replace(changed, approved_date=self.today)
        self.promotions[key] = changed
        if amount is not None and amount > (self.largest[key].planned_amount or 0):
            self.largest[key] = replace(changed)

    @precondition(lambda self: self.promotions)
    @rule(data=st.data(), status=st.sampled_from(["Draft", "Live", "Settled"]))
    def misstate(self, data, status):
        key = data.draw(st.sampled_from(sorted(self.promotions)))
        self.promotions[key] = replace(self.promotions[key], status=status)

    @rule(
        amount=WHOLE,
        share=st.sampled_from(["1", "1", "0.5", "1.02", "1.0201", "1.3"]),
        customer=CUSTOMERS,
        reason=st.sampled_from(["PROMO", "PROMO", "PROMO", "TAX", None]),
        named=st.one_of(st.none(), st.integers(0, 4)),
    )
    def deduct(self, amount, share, customer, reason, named):
        key = f"D{len(self.deductions):02}"
        claimed = (Decimal(amount) * Decimal(share)).quantize(Decimal("0.0001"))
        self.deductions[key] = deduction(
            key,
            str(claimed),
            customer_key=customer,
            posting_date=self.today,
            reason_code_normalized=reason,
            promotion_id=None if named is None else guid(f"P{named}"),
        )

    @precondition(lambda self: any(d.amount > 0 for d in self.deductions.values()))
    @rule(data=st.data(), share=st.sampled_from(["1", "0.5", "0.1", "1.5"]))
    def repay(self, data, share):
        taken = sorted(key for key, d in self.deductions.items() if d.amount > 0)
        original = self.deductions[data.draw(st.sampled_from(taken))]
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

    @precondition(lambda self: any(p.settlement_method for p in self.promotions.values()))
    @rule(data=st.data(), has_proof=st.booleans())
    def pay_fee(self, data, has_proof):
        fees = sorted(k for k, p in self.promotions.items() if p.settlement_method and p.planned_amount)
        if not fees:
            return
        fee = self.promotions[data.draw(st.sampled_from(fees))]
        number = f"V{len(self.payments)}"
        paid = {"customer_key": fee.customer_key, "payment_date": self.today}
        self.payments.append(payment(number, str(fee.planned_amount), **paid))
        if has_proof:
            self.proofs.setdefault(fee.promotion_key, self.today)

    @precondition(lambda self: self.state.claims and self.deductions)
    @rule(data=st.data())
    def change_an_amount(self, data):
        key = data.draw(st.sampled_from(sorted(self.deductions)))
        changed = self.deductions[key]
        if changed.amount > 0:
            self.deductions[key] = replace(changed, amount=changed.amount + 1)

    @precondition(lambda self: self.deductions or self.payments)
    @rule(
        data=st.data(),
        action=st.sampled_from(["settle", "settle", "dispute", "reopen", *ACTIONS]),
        amount=st.one_of(st.none(), st.none(), WHOLE),
        to=st.integers(0, 4),
        approved_by=st.sampled_from([None, "carl", "ANA"]),
    )
    def say(self, data, action, amount, to, approved_by):
        """A person decides about any claim, known to the ledger or not, sensibly or not."""
        kinds = dict.fromkeys(self.deductions, "deduction") | {
            p.payment_key: "ap_payment" for p in self.payments
        }
        key = data.draw(st.sampled_from(sorted(kinds)))
        self.decisions.append(
            decision(
                f"K{len(self.decisions)}", key, action, amount, claim_kind=kinds[key], approved_by=approved_by,
                promotion_key=f"P{to}" if action == "settle" else None,
                decided_at=datetime.combine(self.today, time(9), UTC),
            )
        )  # fmt: skip

    @precondition(lambda self: self.decisions)
    @rule(data=st.data())
    def approve_a_decision(self, data):
        place = data.draw(st.integers(0, len(self.decisions) - 1))
        self.decisions[place] = replace(self.decisions[place], approved_by="carl")

    @rule(days=st.integers(0, 20))
    def run(self, days):
        self.today += timedelta(days=days)
        before = dict(self.state.claims)
        self._run()
        for number, claim in before.items():
            after = self.state.claims[number]
            if claim.outcome not in OPEN_OUTCOMES and after.decided_at == claim.decided_at:
                assert after.amount == claim.amount, "a decided claim was edited"
        assert not self._run(forget=False), "the same run again did something"

    def _run(self, forget: bool = True) -> list:
        result = decide_all(
            list(self.promotions.values()),
            list(self.deductions.values()),
            as_of=self.today,
            rules=self.rules,
            state=self.state,
            payments=self.payments,
            proofs=self.proofs,
            closed=self.closed,
            performed=self.performed,
            funds=self.funds,
            decisions=self.decisions,
            forget=forget,
        )
        self.rows.extend(result.rows)
        return result.steps

    @invariant()
    def laws_hold(self):
        if hasattr(self, "state"):
            assert not broken_laws(self.rows, self.state, self.largest.values(), self.rules)


TradeCompany.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestTradeCompany = TradeCompany.TestCase
