"""The candidates of a block of deductions, looked up together."""

from __future__ import annotations

from collections.abc import Sequence

from include.reconcile.candidates import CandidateIndex, ClaimColumns
from include.reconcile.claims import Pool
from include.reconcile.desk import Desk
from include.reconcile.records import Deduction


class Search:
    """The promotions of a desk, prepared for looking up candidates."""

    def __init__(self, desk: Desk):
        self._index = CandidateIndex(desk.promotions, desk.tree, desk.rules)
        self._refused = CandidateIndex(desk.promotions, desk.tree, desk.rules, refused=True)

    def pool(self, deductions: Sequence[Deduction]) -> Pool:
        """Candidates, and promotions that nobody may claim on, of the deductions that are no repayments."""
        positive = [d for d in deductions if d.amount >= 0]
        columns = ClaimColumns(
            customers=[d.customer_key for d in positive],
            dates=[d.posting_date for d in positive],
            currencies=[d.currency for d in positive],
            reasons=[d.reason_code_normalized for d in positive],
        )
        row = {d.deduction_key: number for number, d in enumerate(positive)}
        return Pool(self._index.find(columns), self._refused.find(columns), row)
