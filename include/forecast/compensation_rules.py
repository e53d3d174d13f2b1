"""What a tenant may change about the books of compensation; the section `compensation` of its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from include.errors import TradewindError

_LONGEST_LAG, _LONGEST_LEAD, _MOST_MONTHS, _MOST_ITERATIONS = 366, 11, 600, 100_000


@dataclass(frozen=True)
class CompensationRules:
    """Accounts and policies; docs/compensation_accruals.md says what each means.

    `payment_lag_days`: days from the end of a payment's window to the day it is paid. `capitalise_months`: deal type
    -> months a contract's commissions are amortised over; other types are expensed. `backtest_leads`: months before
    the year's end whose forecasts are compared with what was paid.
    """

    accrual_scenario: str = "base"
    expense_account: str = "6100"
    liability_account: str = "2300"
    payment_lag_days: int = 30
    capitalise_months: Mapping[str, int] = field(default_factory=lambda: {"New Business": 36})
    expedient_months: int = 12
    backtest_leads: tuple[int, ...] = (1, 3, 6)
    backtest_iterations: int = 2_000

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> CompensationRules:
        """The section over the defaults; TradewindError names a key that does not exist or a value out of bounds."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(settings) - known)
        if unknown:
            raise _refusal("compensation", f"keys among {', '.join(sorted(known))}", ", ".join(unknown))
        given = dict(settings)
        if isinstance(given.get("backtest_leads"), list):
            given["backtest_leads"] = tuple(given["backtest_leads"])
        rules = cls(**given)
        rules._check()
        return rules

    def _check(self) -> None:
        for name in ("accrual_scenario", "expense_account", "liability_account"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise _refusal(f"compensation.{name}", "text", value)
        for name, low, high in (
            ("payment_lag_days", 0, _LONGEST_LAG),
            ("expedient_months", 0, _MOST_MONTHS),
            ("backtest_iterations", 100, _MOST_ITERATIONS),
        ):
            if not _is_whole(getattr(self, name), low, high):
                raise _refusal(
                    f"compensation.{name}", f"a whole number from {low} to {high}", getattr(self, name)
                )
        months = self.capitalise_months
        if not isinstance(months, Mapping) or not all(_is_whole(m, 1, _MOST_MONTHS) for m in months.values()):
            raise _refusal(
                "compensation.capitalise_months", f"months from 1 to {_MOST_MONTHS} by deal type", months
            )
        leads = self.backtest_leads
        if not isinstance(leads, tuple) or not all(_is_whole(lead, 1, _LONGEST_LEAD) for lead in leads):
            raise _refusal("compensation.backtest_leads", f"months from 1 to {_LONGEST_LEAD}", leads)


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _refusal(where: str, expected: str, got: object) -> TradewindError:
    return TradewindError(
        where=f"tenant settings, {where}", expected=expected, got=repr(got), remedy="correct the setting"
    )
