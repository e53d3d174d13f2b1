"""The laws of the trade ledger as functions that say what is broken; an empty list means none is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal

from include.reconcile.evidence import verify
from include.reconcile.ledger import COUNTED, LedgerState
from include.reconcile.records import Changes, Promotion
from include.reconcile.rules import Rules

ZERO = Decimal(0)


def broken_laws(
    rows: Changes, state: LedgerState, promotions: Iterable[Promotion], rules: Rules
) -> list[str]:
    """Every law that does not hold over all rows written so far."""
    checks = (_journals, _accruals, _claims, _settlements, _accounts, _chain)
    known = {p.promotion_key: p for p in promotions}
    return [fault for check in checks for fault in check(rows, state, known, rules)]


def _journals(rows, state, promotions, rules):
    for journal in rows.journals:
        debit = sum((line.debit_amount for line in journal.lines), ZERO)
        credit = sum((line.credit_amount for line in journal.lines), ZERO)
        if debit != credit:
            yield f"journal {journal.event} of {journal.promotion_key}: debit {debit}, credit {credit}"
        if journal.status == "Posted" and len(journal.lines) < 2:
            yield f"journal {journal.event} has {len(journal.lines)} lines"
        if any((line.debit_amount > 0) == (line.credit_amount > 0) for line in journal.lines):
            yield f"a line of {journal.event} has no side or two"
    twice = [number for number, count in Counter(j.journal_id for j in rows.journals).items() if count > 1]
    if twice:
        yield f"posted twice: {twice}"


def _accruals(rows, state, promotions, rules):
    totals = defaultdict(lambda: defaultdict(Decimal))
    for movement in rows.movements:
        totals[movement.promotion_key][movement.movement] += movement.amount
    for key, parts in totals.items():
        if parts["accrued"] < 0 or parts["reversed"] > 0 or parts["released"] > 0 or sum(parts.values()) < 0:
            yield f"accrual of {key}: {dict(parts)}"
        if sum(parts.values()) != state.open_accrual(key):
            yield f"open accrual of {key} differs between memory and rows"
    if rules.release_policy == "on_close":
        releases = Counter(j.promotion_key for j in rows.journals if j.event == "RELEASE")
        yield from (f"{key} released {count} times" for key, count in releases.items() if count > 1)


def _claims(rows, state, promotions, rules):
    for claim in state.claims.values():
        parts = (
            claim.amount_settled, claim.amount_disputed, claim.amount_recovered, claim.amount_written_off,
            claim.amount_non_trade, claim.amount_open,
        )  # fmt: skip
        if sum(parts) != claim.amount or any(part * claim.amount < 0 for part in parts):
            yield f"claim {claim.source_key} of {claim.amount}: {parts}"


def _settlements(rows, state, promotions, rules):
    by_claim, by_promotion, reversed_by = defaultdict(Decimal), defaultdict(Decimal), defaultdict(Decimal)
    for row in state.settlements.values():
        if row.status in COUNTED:
            by_claim[row.claim_id] += row.amount_settled
            by_promotion[row.promotion_key] += row.amount_settled
    for claim in state.claims.values():
        if by_claim[claim.claim_id] != claim.amount_settled:
            yield f"claim {claim.source_key}: settled {claim.amount_settled}, rows {by_claim[claim.claim_id]}"
    for movement in rows.movements:
        if movement.movement == "reversed":
            reversed_by[movement.promotion_key] -= movement.amount
    for key, settled in by_promotion.items():
        limit = max(
            a for a in (promotions[key].planned_amount, promotions[key].earned_amount) if a is not None
        )
        if settled > limit * (1 + rules.tolerance):
            yield f"{key}: settled {settled} of {limit} authorised"
        if settled < reversed_by[key]:
            yield f"{key}: settled {settled}, but reversed {reversed_by[key]} of the accrual"


def _accounts(rows, state, promotions, rules):
    balance = defaultdict(Decimal)
    for journal in rows.journals:
        for line in journal.lines:
            balance[line.account_code] += line.debit_amount - line.credit_amount
    waiting = sum(
        (c.amount_open + c.amount_non_trade for c in state.claims.values() if c.source_kind == "deduction"),
        ZERO,
    )
    if balance[rules.accounts.clearing] != waiting:
        yield f"clearing holds {balance[rules.accounts.clearing]}, claims wait for {waiting}"
    disputed = sum((c.amount_disputed for c in state.claims.values()), ZERO)
    charged = balance[rules.accounts.receivable] + sum(state.receipts.values(), ZERO)
    if charged != disputed:
        yield f"{charged} is charged back, claims dispute {disputed}"
    given_up = sum((c.amount_written_off for c in state.claims.values()), ZERO)
    if balance[rules.accounts.write_off] != given_up:
        yield f"{balance[rules.accounts.write_off]} is written off, claims gave up {given_up}"
    accrued = sum((m.amount for m in rows.movements), ZERO)
    if balance[rules.accounts.accrued] != -accrued:
        yield f"the liability is {balance[rules.accounts.accrued]}, the accruals are {accrued}"
    settled = sum((c.amount_settled for c in state.claims.values()), ZERO)
    expense = balance[rules.accounts.expense] + balance[rules.accounts.slotting]
    if expense != settled + accrued:
        yield f"expense {expense}, settled and accrued {settled + accrued}"


def _chain(rows, state, promotions, rules):
    yield from map(str, verify(rows.snapshots))
    if len(rows.snapshots) != len(rows.settlements):
        yield f"{len(rows.settlements)} changes of settlements, {len(rows.snapshots)} snapshots"
