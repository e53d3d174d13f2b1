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

#: By currency and (scope, key).
Budgets = Mapping[str, Mapping[tuple[str, str], Decimal]]


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
    """One scope per currency, sorted, and the consolidated one where there are several that convert.

    A budget that not every currency of its reps has is the company's: only the consolidated scope compares it.
    """
    codes = {*roster.reps, *(str(row["currency"]) for row in rows.compensation_budgets)}
    stated = {code: _budgets(rows, horizon, code) for code in sorted(codes)}
    scopes = [
        Scope(
            currency=code,
            reps=tuple(roster.reps[code]),
            budgets=stated[code][0],
            exclusions=_exclusions(roster, code),
            notes=(*roster.remarks[code].notes, *stated[code][1]),
        )
        for code in sorted(roster.reps)
    ]
    budgets = {code: found for code, (found, _) in stated.items()}
    together = _consolidated(scopes, budgets, horizon, currency, rates) if len(scopes) > 1 else None
    own = [_with_own_budgets(scope, scopes, budgets, is_whole=together is not None) for scope in scopes]
    if together is not None:
        return [*own, together]
    if len(scopes) == 1:
        return own
    note = f"no simulation over all currencies: no exchange rate to {currency} for {horizon.as_of}"
    return [replace(scope, notes=(*scope.notes, note)) for scope in own]


def _with_own_budgets(scope: Scope, scopes: Sequence[Scope], budgets: Budgets, *, is_whole: bool) -> Scope:
    """`scope` without the budgets that are about reps paid in other currencies too, and with a note of them."""
    kept: dict[tuple[str, str], Decimal] = {}
    notes = []
    for name in sorted({name for found in budgets.values() for name in found}):
        paid = _paid_in(scopes, name)
        if all(name in budgets[code] for code in paid):
            if name in scope.budgets:
                kept[name] = scope.budgets[name]
        elif scope.currency in paid:
            codes = ", ".join(code for code, found in budgets.items() if name in found)
            which = "with all currencies together" if is_whole else "with nothing"
            notes.append(
                f"budget {' '.join(name)}".rstrip()
                + f" is in {codes}, its reps are paid in {', '.join(paid)}: compared {which}"
            )
    return replace(scope, budgets=kept, notes=(*scope.notes, *notes))


def _paid_in(scopes: Sequence[Scope], name: tuple[str, str]) -> list[str]:
    """The currencies that the reps of a budget are paid in."""
    kind, key = name
    return [
        scope.currency
        for scope in scopes
        if kind == "total" or key in {getattr(rep, kind) for rep in scope.reps}
    ]


def _consolidated(
    scopes: Sequence[Scope], stated: Budgets, horizon: Horizon, currency: str, rates: Rates
) -> Scope | None:
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
    convertible = {code: rates.on(horizon.as_of, code, currency) for code in stated}
    budgets, notes = _common_budgets(converted, stated, convertible)
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
    scopes: Sequence[Scope], stated: Budgets, rates: Mapping[str, Decimal | None]
) -> tuple[dict[tuple[str, str], Decimal], list[str]]:
    """Budgets of all currencies, converted and added; one without a rate is not compared."""
    budgets: dict[tuple[str, str], Decimal] = {}
    notes = []
    for name in sorted({name for found in stated.values() for name in found}):
        codes = [code for code, found in stated.items() if name in found]
        lacking = [code for code in codes if rates[code] is None]
        if lacking:
            notes.append(
                f"budget {' '.join(name)}".rstrip()
                + f" has no exchange rate from {', '.join(lacking)}: not compared over all currencies"
            )
        elif _paid_in(scopes, name):
            budgets[name] = sum(
                (round_half_up(stated[code][name] * rates[code]) for code in codes), Decimal(0)
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
