"""The close checklist: every check by name, what it says, and when it counts as tied.

What a check compares is a query (include/warehouse/close_checks.py); how its answer is judged is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from include.money import ZERO


@dataclass(frozen=True)
class Check:
    """One line of the checklist. `is_blocking` is the default of `must_tie`; an answer without rows means tied
    where a check lists offenders (`lists`), and not applicable where it compares two sides.
    """

    name: str
    title: str
    is_blocking: bool
    lists: bool = False


CHECKS = (
    Check("deductions_received", "Deductions delivered up to the period's end = claims", True),
    Check("claim_law", "Claims = settled + disputed + recovered + written off + non-trade + open", True),
    Check("journals_balance", "Debits = credits in every journal of the period", True),
    Check("accruals_to_control", "Accrual sub-ledger = accrued liability in the journals", True),
    Check("erp_control_account", "Accrual sub-ledger = accrued liability in the ERP's ledger", False),
    Check("clearing", "Deduction clearing = open + non-trade", True),
    Check("remittances", "Deductions of each remittance = its total", False),
    Check("quarantined_journals", "Source journals that do not balance", False, lists=True),
    Check("trial_balance", "Trial balance sums to zero", True),
    Check("balance_sheet", "Assets = liabilities + equity", True),
    Check("roll_forward", "Accruals: last close + movements = closing balance", True),
    Check("unmapped_accounts", "Accounts with a balance that nothing maps", True, lists=True),
    Check("open_tasks", "Questions older than the period that nobody answered", False, lists=True),
    Check("failed_accruals", "Accruals that were refused and wait in suspense", False, lists=True),
)
BY_NAME = {check.name: check for check in CHECKS}


@dataclass(frozen=True)
class Finding:
    """What a check found in one currency: both sides, and how many items differ although sums may agree."""

    currency: str
    expected: Decimal
    found: Decimal
    broken: int
    examples: str = ""


@dataclass(frozen=True)
class Row:
    """One line of a period's checklist."""

    check: str
    currency: str
    status: str
    is_blocking: bool
    expected: Decimal | None
    found: Decimal | None
    broken: int
    detail: str

    @property
    def blocks(self) -> bool:
        """Whether the period cannot be closed because of this line."""
        return self.is_blocking and self.status == "not_tied"

    @property
    def difference(self) -> Decimal:
        """Found minus expected."""
        return (self.found or ZERO) - (self.expected or ZERO)


def judge(name: str, findings: Sequence[Finding] | None, must_tie: Sequence[str]) -> list[Row]:
    """The checklist's rows of one check; `findings` None: the company has nothing this check could be about."""
    check = BY_NAME[name]
    blocking = name in must_tie
    if findings is None or (not findings and not check.lists):
        return [
            Row(name, "", "not_applicable", blocking, None, None, 0, f"{check.title}: nothing to compare")
        ]
    if not findings:
        return [Row(name, "", "tied", blocking, ZERO, ZERO, 0, f"{check.title}: none")]
    return [_row(check, blocking, f) for f in findings]


def _row(check: Check, blocking: bool, f: Finding) -> Row:
    tied = f.expected == f.found and not f.broken
    detail = check.title
    if not tied:
        detail += f": {f.broken} differ" if f.broken else f": difference {f.found - f.expected}"
        detail += f" ({f.examples})" if f.examples else ""
    return Row(
        check.name,
        f.currency,
        "tied" if tied else "not_tied",
        blocking,
        f.expected,
        f.found,
        f.broken,
        detail,
    )


def why_not(rows: Sequence[Row]) -> str:
    """One sentence per line that keeps the period open; empty when nothing does."""
    return "; ".join(f"{r.detail}{f' [{r.currency}]' if r.currency else ''}" for r in rows if r.blocks)
