"""The room a fund has for one more approval, decided in the order of approvals (C53, golden G-38)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import ROUND_UP, Decimal

from include.money import QUANTUM, ZERO
from include.reconcile.accrue import APPROVED
from include.reconcile.ledger import LedgerState
from include.reconcile.measures import Commitment, FundPosition
from include.reconcile.records import Fund, Promotion


class FundRoom:
    """What the approvals decided so far hold of every fund; moves with each further one.

    A promotion in another currency than its fund's, or on no fund, draws on nothing. Off-invoice money holds its
    part although nothing of it accrues: it leaves with the invoice, and no posting could be blocked.
    """

    def __init__(self, funds: Mapping[str, Fund], promotions: Iterable[Promotion], state: LedgerState):
        self._funds = funds
        self._state = state
        self._held: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self._by_promotion: dict[str, Decimal] = {}
        for promotion in promotions:
            is_on_invoice = promotion.is_off_invoice and promotion.status in APPROVED
            if promotion.promotion_key in state.states or is_on_invoice:
                self.take(promotion)

    def take(self, promotion: Promotion) -> None:
        """Count what the promotion holds of its fund now, in place of what it held."""
        fund = self.fund_of(promotion)
        if fund is None:
            return
        held = self._commitment(promotion)
        self._held[fund.fund_key] += held - self._by_promotion.get(promotion.promotion_key, ZERO)
        self._by_promotion[promotion.promotion_key] = held

    def short_by(self, promotion: Promotion, amount: Decimal) -> Decimal:
        """What the fund lacks for the promotion to hold `amount` of it, inside the overdraw that is allowed."""
        fund = self.fund_of(promotion)
        if fund is None:
            return ZERO
        others = self._held[fund.fund_key] - self._by_promotion.get(promotion.promotion_key, ZERO)
        short = FundPosition(fund.total_budget, others, ZERO).short_by(amount, fund.overdraw_pct)
        return short.quantize(QUANTUM, rounding=ROUND_UP)

    def fund_of(self, promotion: Promotion) -> Fund | None:
        """The fund the promotion draws on."""
        fund = self._funds.get(promotion.fund_key or "")
        return fund if fund is not None and fund.currency == promotion.currency else None

    def _commitment(self, promotion: Promotion) -> Decimal:
        """Golden G-38; a closed promotion also holds what is still accrued for it, until that is released."""
        key = promotion.promotion_key
        settled = self._state.settled[key]
        if promotion.status in {"Closed", "Settled"}:
            settled += self._state.open_accrual(key)
        failed = self._state.is_failed(key)
        return Commitment(promotion.status, promotion.planned_amount, settled, failed).consumed
