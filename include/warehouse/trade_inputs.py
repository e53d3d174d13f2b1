"""What reconcile reads: the marts of one tenant as the engine's frozen inputs, and their fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import date
from decimal import Decimal

import psycopg

from include.errors import MissingInput
from include.reconcile.records import (
    NO_WINDOW,
    ApPayment,
    ClosedPeriod,
    Deduction,
    FiscalPeriod,
    Fund,
    Inputs,
    Performance,
    Promotion,
    StatusChange,
)
from include.warehouse.trade_decisions import read_decisions

_RELATIONS = (
    "master.customers",
    "planning.promotions",
    "planning.promotion_earned",
    "planning.promotion_products",
    "planning.promotion_progress",
    "planning.promotion_status_history",
    "planning.promotion_transitions",
    "planning.funds",
    "finance.deductions",
    "finance.deduction_lines",
    "finance.ap_payments",
    "finance.proofs_of_performance",
    "finance.closed_periods",
    "master.fiscal_periods",
    "finance.submitted_decisions",
)

_PROMOTIONS = """
    SELECT p.promotion_key, p.customer_key, p.status, p.tactic_type, p.currency,
           p.window_start, p.window_end, p.planned_amount, p.approved_date, p.promotion_id::text, p.fund_key,
           p.settlement_method, p.closed_date, p.accrual_method, p.gl_account_code, p.accrual_account_code,
           p.is_off_invoice, e.earned_amount, x.product_keys
    FROM planning.promotions p
    LEFT JOIN planning.promotion_earned e
        ON e.tenant_id = p.tenant_id AND e.promotion_key = p.promotion_key AND e.is_complete
    LEFT JOIN (
        SELECT tenant_id, promotion_key, array_agg(product_key) AS product_keys
        FROM planning.promotion_products GROUP BY tenant_id, promotion_key
    ) x ON x.tenant_id = p.tenant_id AND x.promotion_key = p.promotion_key
"""

_DEDUCTIONS = """
    SELECT d.deduction_key, d.customer_key, d.amount, d.currency, d.posting_date, d.reason_code_normalized,
           d.invoice_ref, d.check_ref, d.promotion_id::text, d.reversal_of, d.dispute_deadline, l.product_keys
    FROM finance.deductions d
    LEFT JOIN (
        SELECT tenant_id, deduction_key, array_agg(product_key) AS product_keys
        FROM finance.deduction_lines WHERE product_key IS NOT NULL GROUP BY tenant_id, deduction_key
    ) l ON l.tenant_id = d.tenant_id AND l.deduction_key = d.deduction_key
    WHERE d.posting_date <= %(as_of)s
"""

_PAYMENTS = """
    SELECT payment_key, customer_key, account_code, amount, currency, payment_date, promotion_id::text, reference
    FROM finance.ap_payments WHERE payment_date <= %(as_of)s
"""

_PROOFS = """
    SELECT promotion_key, min(received_date) FROM finance.proofs_of_performance
    WHERE received_date <= %(as_of)s GROUP BY promotion_key
"""

_CLOSED = """
    SELECT start_date, end_date FROM finance.closed_periods
    WHERE calendar = %(calendar)s OR NOT EXISTS (
        SELECT FROM finance.closed_periods c WHERE c.calendar = %(calendar)s)
"""

# A week at a time: that is what accruals are reckoned by. More than an amount can be is no performance.
_PERFORMANCE = """
    SELECT promotion_key, source, max(performed_on), sum(units)::numeric(19, 4), sum(amount)::numeric(19, 4),
           sum(amount * accrual_factor)::numeric(19, 4)
    FROM planning.promotion_progress
    WHERE performed_on <= %(as_of)s AND amount IS NOT NULL AND abs(amount) < 1e12 AND abs(units) < 1e12
    GROUP BY promotion_key, source, week_number
    ORDER BY promotion_key, source, week_number
"""

_FUNDS = """
    SELECT fund_key, total_budget, currency, coalesce(overdraw_pct, 0) FROM planning.funds ORDER BY fund_key
"""

_STATUS_CHANGES = """
    SELECT promotion_key, (changed_at AT TIME ZONE 'UTC')::date, status
    FROM planning.promotion_status_history
    WHERE status IS NOT NULL AND (changed_at AT TIME ZONE 'UTC')::date <= %(as_of)s
    ORDER BY promotion_key, changed_at, status
"""

_TRANSITIONS = """
    SELECT from_status, to_status FROM planning.promotion_transitions
    WHERE kind = 'commercial' ORDER BY from_status, to_status
"""
#: Closed by us, in order and reopened from the end only: one day says it all.
_CLOSED_THROUGH = "SELECT max(end_date) FROM finance.period_status WHERE state <> 'reopened'"

_PERIODS = """
    SELECT start_date, end_date, is_closed FROM master.fiscal_periods
    WHERE calendar = %(calendar)s OR NOT EXISTS (
        SELECT FROM master.fiscal_periods p WHERE p.calendar = %(calendar)s)
    ORDER BY start_date, end_date
"""


def read_inputs(conn: psycopg.Connection, as_of: date, calendar: str) -> Inputs:
    """The tenant's inputs with business dates up to `as_of`; `conn` is an engine transaction.

    `calendar` names the fiscal calendar whose closed periods count; where it has none, all calendars do.
    Raises MissingInput when a mart has not been built.
    """
    _require(conn, _RELATIONS)
    parameters = {"as_of": as_of, "calendar": calendar}
    with conn.cursor() as cursor:
        parents = dict(
            cursor.execute("SELECT customer_key, parent_customer_key FROM master.customers").fetchall()
        )
        promotions = tuple(_promotion(row) for row in cursor.execute(_PROMOTIONS).fetchall())
        deductions = tuple(_deduction(row) for row in cursor.execute(_DEDUCTIONS, parameters).fetchall())
        payments = tuple(ApPayment(*row) for row in cursor.execute(_PAYMENTS, parameters).fetchall())
        proofs = dict(cursor.execute(_PROOFS, parameters).fetchall())
        closed = read_closed(conn, calendar)
        performance = tuple(Performance(*row) for row in cursor.execute(_PERFORMANCE, parameters).fetchall())
        funds = tuple(Fund(*row) for row in cursor.execute(_FUNDS).fetchall())
        changes = tuple(StatusChange(*row) for row in cursor.execute(_STATUS_CHANGES, parameters).fetchall())
        moves = tuple(cursor.execute(_TRANSITIONS).fetchall())
        decisions = read_decisions(conn, as_of)
        closed_through = read_closed_through(conn)
    return Inputs(
        promotions=tuple(sorted(promotions, key=lambda p: p.promotion_key)),
        deductions=tuple(sorted(deductions, key=lambda d: (d.posting_date, d.deduction_key))),
        parents={customer: parents[customer] for customer in sorted(parents)},
        ap_payments=tuple(sorted(payments, key=lambda p: (p.payment_date, p.payment_key))),
        proofs={key: proofs[key] for key in sorted(proofs)},
        closed_periods=closed,
        performance=performance,
        funds=funds,
        status_changes=changes,
        legal_moves=moves,
        decisions=decisions,
        closed_through=closed_through,
    )


def read_closed(conn: psycopg.Connection, calendar: str) -> tuple[ClosedPeriod, ...]:
    """The closed periods of the tenant's fiscal calendar, in order; where none has that name, of all calendars."""
    rows = conn.execute(_CLOSED, {"calendar": calendar}).fetchall()
    return tuple(sorted((ClosedPeriod(*row) for row in rows), key=lambda c: (c.start_date, c.end_date)))


def read_promotions(conn: psycopg.Connection, keys: Sequence[str]) -> dict[str, Promotion]:
    """The promotions with these keys, by key."""
    rows = conn.execute(f"{_PROMOTIONS} WHERE p.promotion_key = ANY(%s)", (list(keys),)).fetchall()
    return {row[0]: _promotion(row) for row in rows}


def read_closed_through(conn: psycopg.Connection) -> date | None:
    """The last day of what we have closed ourselves, None when nothing is closed."""
    return conn.execute(_CLOSED_THROUGH).fetchone()[0]


def read_periods(conn: psycopg.Connection, calendar: str) -> tuple[FiscalPeriod, ...]:
    """The tenant's fiscal calendar; where none has that name, the periods of all calendars."""
    rows = conn.execute(_PERIODS, {"calendar": calendar}).fetchall()
    return tuple(FiscalPeriod(*row) for row in rows)


def fingerprint(inputs: Inputs) -> str:
    """sha256 over every value that decides; equal inputs give the same text on every machine.

    What we have closed ourselves is left out: it moves postings, so no claim is asked again because of a close.
    """
    digest = hashlib.sha256()
    for part in (
        inputs.promotions, inputs.deductions, inputs.ap_payments, inputs.closed_periods, inputs.performance,
        inputs.funds, inputs.status_changes, inputs.decisions,
    ):  # fmt: skip
        for row in part:
            digest.update(_line(getattr(row, f.name) for f in fields(row)))
        digest.update(b"\x1d")
    for pairs in (inputs.parents.items(), inputs.proofs.items(), inputs.legal_moves):
        for item in pairs:
            digest.update(_line(item))
        digest.update(b"\x1d")
    return digest.hexdigest()


def _promotion(row: tuple) -> Promotion:
    # Half a window is none: a promotion without an end would take claims for ever.
    start, end = row[5:7] if row[5] and row[6] else (NO_WINDOW, NO_WINDOW)
    rest = (*row[7:13], row[13] or "full_on_approval", *row[14:16], bool(row[16]), row[17])
    return Promotion(*row[:5], start, end, *rest, frozenset(row[18] or ()))


def _deduction(row: tuple) -> Deduction:
    return Deduction(*row[:11], frozenset(row[11] or ()))


def _line(values: Iterable[object]) -> bytes:
    return "\x1f".join(_text(value) for value in values).encode() + b"\x1e"


def _text(value: object) -> str:
    if value is None:
        return "\x00"
    if isinstance(value, frozenset):
        return ",".join(sorted(value))
    return f"{value:.4f}" if isinstance(value, Decimal) else str(value)


def _require(conn: psycopg.Connection, relations: tuple[str, ...]) -> None:
    missing = [r for r in relations if conn.execute("SELECT to_regclass(%s)", (r,)).fetchone()[0] is None]
    if missing:
        raise MissingInput(
            where="reconcile",
            expected="the marts it reads",
            got=f"no {', '.join(missing)}",
            remedy="run transform first",
        )
