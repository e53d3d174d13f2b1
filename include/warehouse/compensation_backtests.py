"""The record of compensation back-tests: payments read, results kept per year and lead until what they depend on changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import psycopg
from psycopg.rows import dict_row

from include.forecast.backtest import GroupResult, PaidYear, Payment, RepResult
from include.warehouse.copy import insert_new
from include.warehouse.forecast_marts import has_relation

Rows = list[dict[str, object]]


@dataclass(frozen=True)
class Question:
    """One finished year looked at from some months before its end; `end` is exclusive."""

    start: date
    end: date
    lead_months: int
    as_of: date
    source_hash: str
    seed: int
    iterations: int


@dataclass(frozen=True)
class Answer:
    """What came of it in one currency. Without groups, `not_compared` says why.

    `seed` and `iterations` are a stored simulation's own.
    """

    currency: str
    paid: PaidYear
    groups: Sequence[GroupResult] = ()
    reps: Sequence[RepResult] = ()
    seed: int | None = None
    iterations: int | None = None
    basis: str | None = None
    simulation_id: str | None = None
    input_hash: str | None = None
    not_compared: str | None = None


def read_payments(conn: psycopg.Connection) -> list[Payment]:
    """Every variable payment that was made; none where transform has not made the mart."""
    if not has_relation(conn, "planning.incentive_payments"):
        return []
    rows = conn.execute(
        "SELECT rep_key, period_start, period_end, amount, currency FROM planning.incentive_payments ORDER BY payment_key"
    )
    return [Payment(*row) for row in rows]


def stored_simulation(
    conn: psycopg.Connection, scenario: str, currency: str, start: date, end: date, as_of: date
) -> str | None:
    """The current simulation that was made for that day, None when there is none."""
    row = conn.execute(
        "SELECT simulation_id FROM planning.monte_carlo_runs WHERE status = 'completed' AND (scenario_id, currency,"
        " horizon_start, horizon_end, as_of) = (%s, %s, %s, %s, %s) ORDER BY generation DESC LIMIT 1",
        (scenario, currency, start, end, as_of),
    ).fetchone()
    return row[0] if row else None


def is_answered(conn: psycopg.Connection, question: Question) -> bool:
    """Whether the question was answered from the same facts."""
    row = conn.execute(
        "SELECT 1 FROM planning.monte_carlo_backtests WHERE (horizon_start, lead_months, source_hash) = (%s, %s, %s) LIMIT 1",
        (question.start, question.lead_months, question.source_hash),
    ).fetchone()
    return row is not None


def replace_answers(
    conn: psycopg.Connection, tenant: str, question: Question, answers: Sequence[Answer], run_id: str
) -> None:
    """Put the answers in the place of older ones to the same year and lead."""
    for table in ("monte_carlo_backtests", "monte_carlo_backtest_reps"):
        conn.execute(
            f"DELETE FROM planning.{table} WHERE (horizon_start, lead_months) = (%s, %s)",
            (question.start, question.lead_months),
        )
    groups = [row | {"run_id": run_id} for answer in answers for row in _group_rows(tenant, question, answer)]
    reps = [row for answer in answers for row in _rep_rows(tenant, question, answer)]
    for table, rows in (("monte_carlo_backtests", groups), ("monte_carlo_backtest_reps", reps)):
        if rows:
            insert_new(conn, f"planning.{table}", list(rows[0]), [tuple(row.values()) for row in rows])


def read_backtests(conn: psycopg.Connection, as_of: date) -> tuple[Rows, Rows]:
    """Rows of groups and of reps for years finished by `as_of`, the latest year first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        groups = cursor.execute(
            "SELECT * FROM planning.monte_carlo_backtests WHERE horizon_end <= %s"
            " ORDER BY horizon_start DESC, lead_months, currency, group_kind DESC, group_key",
            (as_of,),
        ).fetchall()
        reps = cursor.execute(
            "SELECT * FROM planning.monte_carlo_backtest_reps WHERE horizon_start = ANY(%s)"
            " ORDER BY horizon_start DESC, lead_months, currency, rep_key",
            (list({row["horizon_start"] for row in groups}),),
        ).fetchall()
    return groups, reps


def _group_rows(tenant: str, question: Question, answer: Answer) -> Rows:
    unmatched = sum(
        (rep.paid for rep in answer.reps if rep.not_compared and rep.paid is not None), Decimal(0)
    )
    head = {
        "tenant_id": tenant,
        "horizon_start": question.start,
        "horizon_end": question.end,
        "lead_months": question.lead_months,
        "currency": answer.currency,
    }
    facts = {
        "as_of": question.as_of,
        "basis": answer.basis,
        "simulation_id": answer.simulation_id,
        "source_hash": question.source_hash,
        "input_hash": answer.input_hash,
        "seed": question.seed if answer.seed is None else answer.seed,
        "iterations": answer.iterations or question.iterations,
        "covered_days": answer.paid.covered_days,
    }
    rows = [
        head
        | {"group_kind": g.kind, "group_key": g.key, "rep_count": g.rep_count, "paid_amount": g.paid}
        | {"unmatched_paid_amount": unmatched if g.kind == "total" else Decimal(0)}
        | {"mean": g.mean, "p5": g.p5, "p50": g.p50, "p95": g.p95, "percentile": g.percentile}
        | {"rep_percentile_mean": g.calibration.mean, "rep_percentile_bins": list(g.calibration.bins)}
        | {"rep_ks": g.calibration.ks, "rep_p_value": g.calibration.p_value, "not_compared": None}
        | facts
        for g in answer.groups
    ]
    if rows:
        return rows
    nothing = dict.fromkeys(
        ("mean", "p5", "p50", "p95", "percentile", "rep_percentile_mean", "rep_percentile_bins", "rep_ks", "rep_p_value")
    )  # fmt: skip
    paid = sum(answer.paid.by_rep.values(), Decimal(0))
    return [
        head
        | {"group_kind": "total", "group_key": "", "rep_count": 0, "paid_amount": Decimal(0)}
        | {"unmatched_paid_amount": paid}
        | nothing
        | {"not_compared": answer.not_compared}
        | facts
    ]


def _rep_rows(tenant: str, question: Question, answer: Answer) -> Rows:
    return [
        {
            "tenant_id": tenant,
            "horizon_start": question.start,
            "lead_months": question.lead_months,
            "currency": answer.currency,
            "rep_key": rep.rep_key,
            "role": rep.role,
            "region": rep.region,
            "paid_amount": rep.paid,
            "mean": rep.mean,
            "percentile": rep.percentile,
            "not_compared": rep.not_compared,
        }
        for rep in answer.reps
    ]
