"""The record of compensation accruals: what each fiscal period booked, by rep and measure; only ever added to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from include.close.periods import Period
from include.forecast.accrual import Accrued, Estimate, Progress
from include.reconcile.journal import stable_id
from include.warehouse.copy import insert_new
from include.warehouse.forecast_marts import has_relation

_REP_COLUMNS = (
    "rep_key", "measure", "role", "region", "method", "expected_payout", "expected_credited", "credited_amount",
    "elapsed_share", "credited_at_start_amount", "elapsed_at_start_share", "credited_before_amount",
    "elapsed_before_share", "cumulative_amount", "accrued_before_amount", "true_up_amount", "catch_up_amount",
    "current_amount",
)  # fmt: skip


@dataclass(frozen=True)
class Year:
    """One year's compensation in one currency: what a chain of accruals is about. `end` is exclusive."""

    start: date
    end: date
    currency: str


@dataclass(frozen=True)
class Booking:
    """What one fiscal period books of a year's compensation. `previous` is the booking it adds to."""

    year: Year
    period: Period
    generation: int
    previous: UUID | None
    simulation_id: str
    as_of: date
    credited_through: date
    expense_account: str
    liability_account: str
    rows: tuple[Accrued, ...]

    def accrual_id(self, tenant: str) -> UUID:
        """The same for the same period, generation and year."""
        return stable_id(
            tenant,
            "compensation",
            self.year.start,
            self.year.currency,
            self.period.end_date,
            self.generation,
        )

    @property
    def by_key(self) -> dict[tuple[str, str], Accrued]:
        """Its rows by rep and measure."""
        return {row.estimate.key: row for row in self.rows}


def lock(conn: psycopg.Connection, tenant: str) -> None:
    """Let one transaction at a time book the tenant's compensation, and no period be closed meanwhile."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('compensation|' || %s, 0))", (tenant,))
    conn.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended('close|' || %s, 0))", (tenant,))


def closed_through(conn: psycopg.Connection, calendar: str) -> date | None:
    """The last day that we or the ERP's `calendar` have closed."""
    closed = [
        conn.execute("SELECT max(end_date) FROM finance.period_status WHERE state <> 'reopened'").fetchone()[
            0
        ]
    ]
    if has_relation(conn, "master.fiscal_periods"):
        closed += conn.execute(
            "SELECT max(end_date) FROM master.fiscal_periods WHERE is_closed AND calendar = %s", (calendar,)
        ).fetchone()
    return max((day for day in closed if day is not None), default=None)


def mean_payouts(conn: psycopg.Connection, simulation_id: str) -> dict[str, Decimal]:
    """Mean payout of the year by rep; together the simulation's mean."""
    return dict(
        conn.execute(
            "SELECT group_key, mean FROM planning.monte_carlo_groups WHERE simulation_id = %s AND group_kind = 'rep'",
            (simulation_id,),
        ).fetchall()
    )


def read_chain(conn: psycopg.Connection, year: Year) -> list[Booking]:
    """The bookings of a year that count, in order of time."""
    with conn.cursor(row_factory=dict_row) as cursor:
        heads = cursor.execute(
            "SELECT DISTINCT ON (period_end) * FROM finance.accrued_compensation"
            " WHERE (horizon_start, currency) = (%s, %s) ORDER BY period_end, generation DESC",
            (year.start, year.currency),
        ).fetchall()
        rows = cursor.execute(
            f"SELECT accrual_id, {', '.join(_REP_COLUMNS)} FROM finance.accrued_compensation_reps"
            " WHERE accrual_id = ANY(%s) ORDER BY rep_key, measure",
            ([head["accrual_id"] for head in heads],),
        ).fetchall()
    by_accrual: dict[UUID, list[Accrued]] = {}
    for row in rows:
        by_accrual.setdefault(row["accrual_id"], []).append(_accrued(row))
    return [_booking(year, head, by_accrual.get(head["accrual_id"], [])) for head in heads]


def append(conn: psycopg.Connection, tenant: str, booking: Booking, run_id: str) -> None:
    """Add a booking with its rows."""
    accrual_id = booking.accrual_id(tenant)
    totals = {
        name: sum((getattr(row, name) for row in booking.rows), Decimal(0))
        for name in ("cumulative", "accrued_before", "true_up", "catch_up", "current")
    }
    period = booking.period
    head = {
        "tenant_id": tenant,
        "accrual_id": accrual_id,
        "horizon_start": booking.year.start,
        "horizon_end": booking.year.end,
        "currency": booking.year.currency,
        "calendar": period.calendar,
        "fiscal_year": period.fiscal_year,
        "fiscal_period": period.period,
        "period_start": period.start_date,
        "period_end": period.end_date,
        "generation": booking.generation,
        "previous_id": booking.previous,
        "simulation_id": booking.simulation_id,
        "as_of": booking.as_of,
        "credited_through": booking.credited_through,
        "expense_account": booking.expense_account,
        "liability_account": booking.liability_account,
        "rep_count": len({row.estimate.rep_key for row in booking.rows}),
        "expected_payout": sum((row.estimate.expected_payout for row in booking.rows), Decimal(0)),
        **{f"{name}_amount": amount for name, amount in totals.items()},
        "run_id": run_id,
    }
    insert_new(conn, "finance.accrued_compensation", list(head), [tuple(head.values())])
    insert_new(
        conn,
        "finance.accrued_compensation_reps",
        ("tenant_id", "accrual_id", *_REP_COLUMNS),
        [(tenant, accrual_id, *_values(row)) for row in booking.rows],
    )


def _values(row: Accrued) -> Sequence[object]:
    e = row.estimate
    return (
        e.rep_key, e.measure, e.role, e.region, e.method, e.expected_payout, e.expected_credited, e.now.credited,
        e.now.elapsed, e.at_start.credited, e.at_start.elapsed, row.before.credited, row.before.elapsed,
        row.cumulative, row.accrued_before, row.true_up, row.catch_up, row.current,
    )  # fmt: skip


def _accrued(row: Mapping[str, object]) -> Accrued:
    return Accrued(
        estimate=Estimate(
            rep_key=row["rep_key"],
            measure=row["measure"],
            role=row["role"],
            region=row["region"],
            method=row["method"],
            expected_payout=row["expected_payout"],
            expected_credited=row["expected_credited"],
            now=Progress(row["credited_amount"], row["elapsed_share"]),
            at_start=Progress(row["credited_at_start_amount"], row["elapsed_at_start_share"]),
        ),
        cumulative=row["cumulative_amount"],
        accrued_before=row["accrued_before_amount"],
        before=Progress(row["credited_before_amount"], row["elapsed_before_share"]),
        true_up=row["true_up_amount"],
        catch_up=row["catch_up_amount"],
        current=row["current_amount"],
    )


def _booking(year: Year, head: Mapping[str, object], rows: Sequence[Accrued]) -> Booking:
    period = Period(
        head["period_start"],
        head["period_end"],
        head["calendar"],
        head["fiscal_year"],
        head["fiscal_period"],
    )
    names = (
        "generation",
        "simulation_id",
        "as_of",
        "credited_through",
        "expense_account",
        "liability_account",
    )
    return Booking(
        year=year,
        period=period,
        previous=head["previous_id"],
        rows=tuple(rows),
        **{name: head[name] for name in names},
    )


def read_reported(
    conn: psycopg.Connection, year_starts: Sequence[date], as_of: date
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Bookings of these years made of facts up to `as_of`: by role with their total (role null), and by rep of the latest."""
    current = (
        "SELECT DISTINCT ON (horizon_start, currency, period_end) * FROM finance.accrued_compensation"
        " WHERE horizon_start = ANY(%s) AND as_of <= %s"
        " ORDER BY horizon_start, currency, period_end, generation DESC"
    )
    amounts = ", ".join(
        f"sum(r.{name}) AS {name}"
        for name in (
            "expected_payout", "expected_credited", "credited_amount", "accrued_before_amount", "true_up_amount",
            "catch_up_amount", "current_amount", "cumulative_amount",
        )
    )  # fmt: skip
    with conn.cursor(row_factory=dict_row) as cursor:
        months = cursor.execute(
            f"WITH b AS ({current}) SELECT b.horizon_start, b.fiscal_year, b.fiscal_period, b.period_end, b.currency,"
            f" r.role, count(DISTINCT r.rep_key) AS reps, {amounts}, max(b.generation) AS generation,"
            " max(b.expense_account) AS expense_account, max(b.liability_account) AS liability_account"
            " FROM b JOIN finance.accrued_compensation_reps r USING (tenant_id, accrual_id)"
            " GROUP BY GROUPING SETS ((b.horizon_start, b.fiscal_year, b.fiscal_period, b.period_end, b.currency, r.role),"
            " (b.horizon_start, b.fiscal_year, b.fiscal_period, b.period_end, b.currency))"
            " ORDER BY b.currency, b.horizon_start, b.period_end, r.role NULLS LAST",
            (list(year_starts), as_of),
        ).fetchall()
        reps = cursor.execute(
            f"WITH b AS ({current}), latest AS (SELECT DISTINCT ON (horizon_start, currency) * FROM b"
            " ORDER BY horizon_start, currency, period_end DESC)"
            " SELECT latest.fiscal_year, latest.fiscal_period, latest.currency, r.* FROM latest"
            " JOIN finance.accrued_compensation_reps r USING (tenant_id, accrual_id)"
            " ORDER BY latest.currency, latest.horizon_start, r.rep_key, r.measure",
            (list(year_starts), as_of),
        ).fetchall()
    return months, reps
