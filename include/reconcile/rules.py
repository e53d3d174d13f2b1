"""The rules finance may change, as one frozen value with a version.

Defaults are the specification's. A tenant overrides single keys under `reconcile` in its settings; the
sha256 of the whole value is stored with every result as `rule_version`, the value itself with every run.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from functools import cached_property

from include.errors import TradewindError

TACTICS = (
    "TPR", "Display", "Feature", "Scan-Back", "BOGO", "Bill-Back", "Slotting", "Fixed Fee", "Off-Invoice", "Other",
)  # fmt: skip
NON_TRADE_REASONS = ("SHORTAGE", "PRICING", "TAX", "SPOILS", "DAMAGE", "COMPLIANCE", "FREIGHT")

#: How well a reason fits a tactic: 1, 0.5 or 0 (no candidate). Off-invoice money is on the invoice already.
REASON_FIT: dict[str, dict[str, Decimal]] = {
    "PROMO": {tactic: Decimal(0 if tactic == "Off-Invoice" else 1) for tactic in TACTICS},
    "OTHER": {tactic: Decimal(0) if tactic == "Off-Invoice" else Decimal("0.5") for tactic in TACTICS},
}


#: What an accrual is reckoned by: every week of the window for itself, or the whole window at once (G-42).
GRANULARITY = {"on_shipment": "period", "on_scan": "period", "lump_sum_date": "total"}


@dataclass(frozen=True)
class Accounts:
    """Account codes of the trade postings (semantics 5b)."""

    cash: str = "1000"
    receivable: str = "1100"
    clearing: str = "1150"
    payable: str = "2100"
    accrued: str = "2200"
    expense: str = "5500"
    slotting: str = "5510"
    write_off: str = "5590"


@dataclass(frozen=True)
class Rules:
    """Weights, windows, thresholds, tolerances, accounts. Rates are fractions, amounts Decimal."""

    weight_customer: Decimal = Decimal("0.25")
    weight_date: Decimal = Decimal("0.20")
    weight_amount: Decimal = Decimal("0.25")
    weight_tactic: Decimal = Decimal("0.15")
    weight_product: Decimal = Decimal("0.15")
    fit_same: Decimal = Decimal("1.0")
    fit_descendant: Decimal = Decimal("0.9")
    fit_ancestor: Decimal = Decimal("0.8")
    fit_sibling: Decimal = Decimal("0.4")
    days_before_window: int = 7
    days_after_window: int = 90
    accept_score: Decimal = Decimal("0.80")
    accept_lead: Decimal = Decimal("0.10")
    review_score: Decimal = Decimal("0.50")
    clear_score: Decimal = Decimal("0.90")
    clear_evidence: Decimal = Decimal("0.70")
    clear_limit: Decimal = Decimal("50000")
    auto_clear: str = "on"
    #: Whether clearing waits for a back-test of exactly these rules, and how precise it must have been.
    auto_clear_backtest: str = "not_required"
    clear_precision: Decimal = Decimal("0.99")
    fill_by_score: str = "propose"
    before_approval: str = "ask"
    sibling_match: str = "ask"
    #: Least overlap of product lines that lets a claim without a telling reason be settled.
    weak_reason_product_fit: Decimal = Decimal("0.5")
    tolerance: Decimal = Decimal("0.02")
    #: How near the amount must come where only the amount tells the promotion from another. The tolerance is about
    #: what is authorised; among ten promotions of one customer some open amount is within two percent by chance.
    rival_tolerance: Decimal = Decimal("0.005")
    duplicate_days: int = 30
    #: How far apart the two parts of one amount may be taken and still look like that amount once more.
    split_days: int = 3
    subset_candidates: int = 12
    subset_size: int = 4
    candidates_kept: int = 12
    on_closed_period: str = "fail"
    release_policy: str = "on_close"
    #: `daily`: with the run that sees the promotion closed; `at_close`: on the last day of the fiscal period.
    release_timing: str = "daily"
    lag_curve: tuple[Decimal, ...] = tuple(Decimal(x) for x in ("0.40", "0.70", "0.85", "0.95", "1.00"))
    non_trade_reasons: tuple[str, ...] = NON_TRADE_REASONS
    reason_fit: Mapping[str, Mapping[str, Decimal]] = field(default_factory=lambda: REASON_FIT)
    granularity: Mapping[str, str] = field(default_factory=lambda: GRANULARITY)
    forward_buy_factor: str = "on"
    on_plan_change: str = "adjust"
    fund_overspend: str = "flag"
    watch_accounts: tuple[str, ...] = ("5510",)
    #: What a person may decide alone, by the amount the decision moves; above it another person must approve.
    approval_limit: Decimal = Decimal("50000")
    #: The same for one write-off, and what nobody may write off at once (None = no such bound).
    write_off_limit: Decimal = Decimal("1000")
    write_off_maximum: Decimal | None = None
    #: People who may decide (approve), each with a limit of their own; empty = everybody, None = no own limit.
    deciders: Mapping[str, Decimal | None] = field(default_factory=dict)
    approvers: Mapping[str, Decimal | None] = field(default_factory=dict)
    accounts: Accounts = field(default_factory=Accounts)

    def __post_init__(self) -> None:
        for name, allowed in (
            ("on_closed_period", ("fail", "next_open")),
            ("release_policy", ("on_close", "lag_curve")),
            ("auto_clear", ("on", "off")),
            ("auto_clear_backtest", ("required", "not_required")),
            ("fill_by_score", ("propose", "book")),
            ("before_approval", ("ask", "settle")),
            ("sibling_match", ("ask", "settle")),
            ("forward_buy_factor", ("on", "off")),
            ("on_plan_change", ("adjust", "ask")),
            ("fund_overspend", ("flag", "block")),
            ("release_timing", ("daily", "at_close")),
        ):
            if getattr(self, name) not in allowed:
                raise _refusal(name, " or ".join(allowed), getattr(self, name))
        if set(self.granularity) - set(GRANULARITY) or set(self.granularity.values()) - {"period", "total"}:
            raise _refusal(
                "granularity", f"period or total for {', '.join(GRANULARITY)}", dict(self.granularity)
            )
        for name in ("tolerance", "rival_tolerance"):
            if not Decimal(0) <= getattr(self, name) < 1:
                raise _refusal(name, "a fraction from 0 to below 1 (0.02 = 2%)", getattr(self, name))
        if not self.lag_curve or any(not 0 < share <= 1 for share in self.lag_curve):
            raise _refusal("lag_curve", "shares above 0, at most 1, by month", self.lag_curve)
        amounts = {
            name: getattr(self, name) for name in ("approval_limit", "write_off_limit", "write_off_maximum")
        }
        amounts |= {
            f"{group} {person}": limit for group in _PEOPLE for person, limit in getattr(self, group).items()
        }
        for name, amount in amounts.items():
            if amount is not None and not (amount.is_finite() and amount >= 0):
                raise _refusal(name, "an amount of at least 0", amount)
        for group in _PEOPLE:
            names = [same_person(person) for person in getattr(self, group)]
            if "" in names or len(set(names)) != len(names):
                raise _refusal(group, "different names, none empty", sorted(getattr(self, group)))
        if sum(self.weights) <= 0 or min(self.weights) < 0:
            raise _refusal("weights", "none negative, a positive sum", self.weights)

    @property
    def weights(self) -> tuple[Decimal, ...]:
        """Weights in the order customer, date, amount, tactic, product."""
        return (
            self.weight_customer,
            self.weight_date,
            self.weight_amount,
            self.weight_tactic,
            self.weight_product,
        )

    @cached_property
    def float_weights(self) -> tuple[float, ...]:
        """`weights` as binary floats, for scores only."""
        return tuple(float(weight) for weight in self.weights)

    def granularity_of(self, method: str) -> str:
        """`period` or `total` for an accrual method; a method the tenant does not name keeps its default."""
        return self.granularity.get(method, GRANULARITY[method])

    @property
    def relation_fits(self) -> dict[str, Decimal]:
        """Customer fit by the relation of the claim's customer to the promotion's."""
        return {
            "same": self.fit_same,
            "descendant": self.fit_descendant,
            "ancestor": self.fit_ancestor,
            "sibling": self.fit_sibling,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Rules:
        """Rules with the tenant's overrides (JSON values; amounts and rates as text or numbers).

        Raises TradewindError for a key that does not exist or a value of the wrong kind.
        """
        known = {f.name: f.default for f in fields(cls)}
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise _refusal("reconcile", f"keys among {', '.join(sorted(known))}", ", ".join(unknown))
        values = {name: _parsed(name, value, known[name]) for name, value in settings.items()}
        return cls(**values)

    def as_json(self) -> dict[str, object]:
        """The whole value in JSON types, amounts as text."""
        return _plain({f.name: getattr(self, f.name) for f in fields(self)})

    @property
    def version(self) -> str:
        """sha256 of the canonical JSON of all rules, first 16 hex digits."""
        text = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


_PEOPLE = ("deciders", "approvers")


def same_person(name: str) -> str:
    """A name without what two spellings of one person differ in: case, blanks, width, invisible characters."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in plain if not c.isspace() and unicodedata.category(c) not in ("Cf", "Cc"))


_EXAMPLES = {
    "deciders": 'names with a limit or null, such as {"ana": "5000", "bo": null}',
    "approvers": 'names with a limit or null, such as {"ana": "5000", "bo": null}',
    "accounts": 'account codes by role, such as {"expense": "5500"}',
    "granularity": 'period or total by method, such as {"on_scan": "total"}',
    "reason_fit": 'fits by reason and tactic, such as {"PROMO": {"TPR": "1"}}',
}


def _parsed(name: str, value: object, default: object) -> object:
    try:
        if name == "accounts":
            return Accounts(**{key: str(code) for key, code in dict(value).items()})
        if name == "granularity":
            return {method: str(kind) for method, kind in dict(value).items()}
        if name in _PEOPLE:
            people = dict(value)
            return {str(who): None if own is None else Decimal(str(own)) for who, own in people.items()}
        if name == "write_off_maximum":
            return None if value is None else Decimal(str(value))
        if name == "reason_fit":
            return {
                reason: {tactic: Decimal(str(fit)) for tactic, fit in dict(row).items()}
                for reason, row in dict(value).items()
            }
        if name == "lag_curve":
            if not isinstance(value, list | tuple):
                raise TypeError(name)
            return tuple(Decimal(str(share)) for share in value)
        if isinstance(default, tuple):
            # A text would fall apart into letters.
            if not isinstance(value, list | tuple):
                raise TypeError(name)
            return tuple(str(item) for item in value)
        if isinstance(default, Decimal):
            return Decimal(str(value))
        if isinstance(default, int):
            if isinstance(value, bool) or int(value) != Decimal(str(value)):
                raise ValueError(name)
            return int(value)
    except (InvalidOperation, TypeError, ValueError):
        raise _refusal(name, _EXAMPLES.get(name, f"a value like {default}"), value) from None
    return value


def _plain(value: object) -> object:
    if isinstance(value, Accounts):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Decimal) else value


def _refusal(name: str, expected: str, got: object) -> TradewindError:
    return TradewindError(
        where=f"reconcile setting {name}",
        expected=expected,
        got=repr(got),
        remedy="correct the tenant's settings",
    )
