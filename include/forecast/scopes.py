"""Whose pay one simulation is about: the reps paid in one currency, or all reps in the tenant's currency.

The second is a simulation of its own under `<scenario>:consolidated`, so that nothing which groups by scenario and
currency meets it by accident. Rates are those known at as_of and stand in the frozen inputs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from include.forecast.config import CONSOLIDATED
from include.forecast.currencies import Rates
from include.forecast.history import UNKNOWN
from include.forecast.horizon import Horizon, QuotaWindow, clip_windows, quota_of
from include.forecast.inputs import RepInput
from include.forecast.mart_rows import MartRows
from include.forecast.roster import Roster
from include.money import round_half_up


@dataclass(frozen=True)
class Scope:
    """Reps whose pay is added up in `currency`. `rates`: of the other currencies, empty where there is one."""

    currency: str
    reps: tuple[RepInput, ...]
    budgets: Mapping[tuple[str, str], Decimal]
    exclusions: Mapping[str, str]
    notes: tuple[str, ...]
    rates: Mapping[str, str] = field(default_factory=dict)

    def named(self, scenario_id: str) -> str:
        """The scenario's id in this scope."""
        return scenario_id + CONSOLIDATED if self.rates else scenario_id


def scopes_of(roster: Roster, rows: MartRows, horizon: Horizon, currency: str, rates: Rates) -> list[Scope]:
    """One scope per currency, sorted, and the consolidated one where there are several that convert."""
    scopes = []
    for code in sorted(roster.reps):
        budgets, notes = _budgets(rows, horizon, code)
        scopes.append(
            Scope(
                currency=code,
                reps=tuple(roster.reps[code]),
                budgets=budgets,
                exclusions=_exclusions(roster, code),
                notes=(*roster.remarks[code].notes, *notes),
            )
        )
    if len(scopes) == 1:
        return scopes
    together = _consolidated(scopes, horizon, currency, rates)
    if together is None:
        note = f"no simulation over all currencies: no exchange rate to {currency} for {horizon.as_of}"
        return [replace(scope, notes=(*scope.notes, note)) for scope in scopes]
    return [*scopes, together]


def _consolidated(scopes: Sequence[Scope], horizon: Horizon, currency: str, rates: Rates) -> Scope | None:
    known = {scope.currency: rates.on(horizon.as_of, scope.currency, currency) for scope in scopes}
    converted = [scope for scope in scopes if known[scope.currency] is not None]
    if len(converted) < 2:
        return None
    exclusions: dict[str, str] = {}
    for scope in scopes:
        exclusions.update(scope.exclusions)
        if known[scope.currency] is None:
            reason = f"paid in {scope.currency}, and no exchange rate to {currency} for {horizon.as_of}"
            exclusions.update({rep.rep_key: reason for rep in scope.reps})
    foreign = {
        code: f"{rate.normalize():f}" for code, rate in known.items() if rate is not None and code != currency
    }
    budgets, notes = _common_budgets(converted, known)
    return Scope(
        currency=currency,
        reps=tuple(rep for scope in converted for rep in scope.reps),
        budgets=budgets,
        exclusions=dict(sorted(exclusions.items())),
        notes=(
            *(
                f"pay in {code} is converted at {rate} {currency}, the latest rate known on {horizon.as_of}"
                for code, rate in foreign.items()
            ),
            *(note for scope in converted for note in scope.notes),
            *notes,
        ),
        rates=foreign,
    )


def _common_budgets(
    scopes: Sequence[Scope], rates: Mapping[str, Decimal | None]
) -> tuple[dict[tuple[str, str], Decimal], list[str]]:
    """Budgets of all currencies, converted and added; one that some currency of its reps lacks is not compared."""
    budgets: dict[tuple[str, str], Decimal] = {}
    notes = []
    for scope, key in sorted({name for one in scopes for name in one.budgets}):
        paid = [one for one in scopes if scope == "total" or key in {getattr(r, scope) for r in one.reps}]
        missing = [one.currency for one in paid if (scope, key) not in one.budgets]
        if missing:
            notes.append(
                f"budget {scope} {key}".rstrip()
                + f" does not exist in {', '.join(missing)}: not compared over all currencies"
            )
        elif paid:
            budgets[scope, key] = sum(
                (round_half_up(one.budgets[scope, key] * rates[one.currency]) for one in paid), Decimal(0)
            )
    return budgets, notes


def _budgets(rows: MartRows, horizon: Horizon, code: str) -> tuple[dict[tuple[str, str], Decimal], list[str]]:
    """Budgets of the horizon per scope; one that does not cover it all is not compared, and said so."""
    by_scope: dict[tuple[str, str], list[QuotaWindow]] = defaultdict(list)
    for row in rows.compensation_budgets:
        if row["currency"] == code:
            scope = str(row["scope"])
            key = "" if scope == "total" else str(row.get("scope_key") or UNKNOWN)
            by_scope[(scope, key)].append(
                QuotaWindow(row["period_start"], row["period_end"], row["budget_amount"])
            )
    budgets, notes = {}, []
    for (scope, key), windows in sorted(by_scope.items()):
        inside = clip_windows(windows, horizon.start, horizon.end)
        days = sum((w.end - w.start).days for w in inside)
        if days == horizon.days:
            budgets[scope, key] = quota_of(inside)
        elif days:
            notes.append(
                f"budget {scope} {key}".rstrip() + f" covers {days} of {horizon.days} days: not compared"
            )
    return budgets, notes


def _exclusions(roster: Roster, code: str) -> dict[str, str]:
    """Reasons of this currency's reps; a currency nobody is simulated in reports with the first one."""
    reasons = dict(roster.reasons.get(code, {}))
    if code == min(roster.reps):
        for other, more in roster.reasons.items():
            if other not in roster.reps:
                reasons.update(more)
    return dict(sorted(reasons.items()))
