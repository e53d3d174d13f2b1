"""What a controller reads after a run: loaded, settled, released, forecast, published, and whether it ties.

Every figure is read from the warehouse as the tenant's reader role, under row security. Nothing is added up
over currencies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import psycopg

from include.forecast.levers import DRIVERS, OPTIMISED
from include.report.levers_sheet import change_text
from include.warehouse import erp

REASONS_SHOWN = 3
NAMES = {
    "amount_settled": "settled against promotions",
    "amount_disputed": "disputed",
    "amount_recovered": "recovered",
    "amount_written_off": "written off",
    "amount_non_trade": "not trade",
    "amount_open": "open",
}


def company(conn: psycopg.Connection, runs: Sequence[str], period: str) -> list[str]:
    """The summary of the reader's tenant; `runs` are the loads' run ids, `period` the forecast's YYYY-MM."""
    return [
        *_loaded(conn, runs),
        *_claims(conn),
        *_accruals(conn),
        *_closes(conn),
        *_erp(conn),
        *_forecast(conn, period),
        *_published(conn),
        *_ties(conn),
    ]


def files(conn: psycopg.Connection, runs: Sequence[str]) -> Iterator[str]:
    """One line per file: rows read, loaded, unchanged, refused; under it the first reasons of refusals."""
    loads = conn.execute(
        "SELECT coalesce(nullif(file, ''), source || ' ' || stream), rows_read, rows_loaded, rows_unchanged,"
        " rows_rejected, status, message, source, stream, file"
        " FROM staging.loads WHERE run_id = ANY(%s) ORDER BY 1",
        (list(runs),),
    ).fetchall()
    if not loads:
        yield "no file was recognised"
        return
    width = max(len(load[0]) for load in loads)
    yield f"{'file':<{width}}  {'read':>9} {'loaded':>9} {'unchanged':>9} {'refused':>9}"
    for name, read, loaded, unchanged, rejected, status, message, source, stream, file in loads:
        yield f"{name:<{width}}  {read:>9,} {loaded:>9,} {unchanged:>9,} {rejected:>9,}"
        if status == "refused" and message:
            yield f"    file refused: {message}"
        yield from _reasons(conn, source, stream, file)
    yield from _unknown_files(conn, runs)


def _reasons(conn: psycopg.Connection, source: str, stream: str, file: str) -> Iterator[str]:
    rows = conn.execute(
        "SELECT row_number, column_name, found, expected, reason, count(*) OVER () FROM staging.rejects"
        " WHERE source = %s AND stream = %s AND file = %s ORDER BY row_number NULLS FIRST LIMIT %s",
        (source, stream, file, REASONS_SHOWN),
    ).fetchall()
    for number, column, found, expected, reason, _ in rows:
        place = f"row {number}" if number is not None else "whole file"
        column = f" {column}" if column else ""
        got = f", got {found[:60]!r}" if found is not None else ""
        yield f"    {place}{column}: {reason}: expected {expected}{got}"
    if rows and rows[0][-1] > len(rows):
        yield f"    … and {rows[0][-1] - len(rows):,} more in staging.rejects"


def _unknown_files(conn: psycopg.Connection, runs: Sequence[str]) -> Iterator[str]:
    """Files that were refused before any load of theirs began."""
    rows = conn.execute(
        "SELECT r.file, min(r.reason), min(r.expected) FROM staging.rejects r"
        " WHERE r.run_id = ANY(%s) AND r.file <> '' AND NOT EXISTS (SELECT 1 FROM staging.loads l"
        "   WHERE l.tenant_id = r.tenant_id AND l.file = r.file AND l.run_id = r.run_id)"
        " GROUP BY r.file ORDER BY r.file",
        (list(runs),),
    ).fetchall()
    for file, reason, expected in rows:
        yield f"{file}: {reason}: expected {expected}"


def _loaded(conn: psycopg.Connection, runs: Sequence[str]) -> Iterator[str]:
    loads, read, loaded, unchanged, rejected = conn.execute(
        "SELECT count(*), coalesce(sum(rows_read), 0), coalesce(sum(rows_loaded), 0),"
        " coalesce(sum(rows_unchanged), 0), coalesce(sum(rows_rejected), 0) FROM staging.loads WHERE run_id = ANY(%s)",
        (list(runs),),
    ).fetchone()
    yield _line(
        "Loaded",
        f"{loads:,} files and streams, {read:,} rows: {loaded:,} new, {unchanged:,} unchanged, {rejected:,} refused",
    )
    refused = conn.execute(
        "SELECT coalesce(nullif(file, ''), stream), rows_rejected FROM staging.loads"
        " WHERE run_id = ANY(%s) AND rows_rejected > 0 ORDER BY 2 DESC, 1",
        (list(runs),),
    ).fetchall()
    if refused:
        shown = ", ".join(f"{name} {count:,}" for name, count in refused[:6])
        yield _line(
            "", f"refused rows with their reasons in staging.rejects: {shown}{' …' if refused[6:] else ''}"
        )


def _claims(conn: psycopg.Connection) -> Iterator[str]:
    sums = ", ".join(f"sum({column})" for column in NAMES)
    rows = conn.execute(
        f"SELECT currency, count(*), sum(amount), {sums} FROM finance.claims GROUP BY currency ORDER BY currency"
    ).fetchall()
    if not rows:
        yield _line("Claims", "none")
    for currency, count, amount, *parts in rows:
        yield _line("Claims", f"{count:,} claims of {_money(amount)} {currency}")
        buckets = [f"{name} {_money(part)}" for name, part in zip(NAMES.values(), parts, strict=True) if part]
        yield _line("", " · ".join(buckets))
    tasks = conn.execute("SELECT count(*) FROM finance.claim_tasks WHERE status = 'open'").fetchone()[0]
    if tasks:
        yield _line("", f"{tasks:,} questions for a person in finance.claim_tasks")


def _accruals(conn: psycopg.Connection) -> Iterator[str]:
    rows = conn.execute(
        "SELECT currency, coalesce(sum(amount) FILTER (WHERE movement = 'accrued'), 0),"
        " coalesce(-sum(amount) FILTER (WHERE movement = 'released'), 0), sum(amount),"
        " count(DISTINCT promotion_key) FILTER (WHERE movement = 'released')"
        " FROM finance.accrual_ledger GROUP BY currency ORDER BY currency"
    ).fetchall()
    for currency, accrued, released, still_open, promotions in rows:
        yield _line(
            "Accruals",
            f"{_money(accrued)} {currency} accrued, {_money(released)} released on {promotions:,} closed promotions,"
            f" {_money(still_open)} still open",
        )


def _erp(conn: psycopg.Connection) -> Iterator[str]:
    standing = erp.standing(conn)
    if not standing:
        return
    names = {"confirmed": "confirmed", "withdrawn": "refused and taken back", "refused": "refused, a person is asked",
             "differs": "stand otherwise in its ledger, a person is asked", "waiting": "not answered yet"}  # fmt: skip
    answers = ", ".join(f"{standing[name]:,} {words}" for name, words in names.items() if name in standing)
    yield _line("ERP", f"{sum(standing.values()):,} journals to post: {answers}")
    for key, message in conn.execute(
        "SELECT j.promotion_key, a.message FROM finance.erp_answers a JOIN finance.journals j USING (tenant_id, journal_id)"
        " WHERE a.effect = 'promotion failed' ORDER BY 1 LIMIT %s",
        (REASONS_SHOWN,),
    ).fetchall():
        yield _line("", f"accrual of {key} refused, the promotion is no active budget: {message}")


def _closes(conn: psycopg.Connection) -> Iterator[str]:
    """The latest periods closed, and what keeps others open."""
    closed = conn.execute(
        "SELECT s.fiscal_year, s.period, s.state, s.as_of, count(c.check_name) FILTER (WHERE c.status = 'tied'),"
        " count(c.check_name) FILTER (WHERE c.status = 'not_tied')"
        " FROM finance.period_status s JOIN finance.close_checklist c"
        " USING (tenant_id, calendar, fiscal_year, period, generation)"
        " GROUP BY 1, 2, 3, 4, s.end_date ORDER BY s.end_date DESC LIMIT 3"
    ).fetchall()
    for year, period, state, as_of, tied, listed in closed:
        also = f", {listed} listed" if listed else ""
        yield _line("Close", f"{year}-{period:02d} {state} on {as_of}: {tied} checks tied{also}")
    for (detail,) in conn.execute(
        "SELECT detail FROM finance.claim_tasks WHERE task_type = 'PERIOD_NOT_TIED' AND status = 'open' ORDER BY detail"
    ).fetchall():
        yield _line("Close", detail)
    if not closed:
        yield _line("Close", "no period closed yet")


def _forecast(conn: psycopg.Connection, period: str) -> Iterator[str]:
    rows = conn.execute(
        "SELECT DISTINCT ON (s.scenario_id, s.currency) simulation_id, s.scenario_id, s.currency, s.iterations, s.mean, s.p50, s.p95, s.reserve,"
        " s.budget_amount, s.p_exceed_budget FROM planning.monte_carlo_summary s"
        " JOIN planning.monte_carlo_runs r USING (tenant_id, simulation_id)"
        " WHERE r.status = 'completed' AND r.period = %s"
        " ORDER BY s.scenario_id, s.currency, r.generation DESC",
        (period,),
    ).fetchall()
    if not rows:
        yield _line("Forecast", f"no forecast of {period}")
    for simulation_id, scenario, currency, iterations, mean, p50, p95, reserve, budget, probability in rows:
        yield _line(
            "Forecast",
            f"{period} variable pay, scenario {scenario}, {currency}, {iterations:,} paths: mean {_money(mean)}, P50 {_money(p50)},"
            f" P95 {_money(p95)}, reserve {_money(reserve)}",
        )
        if budget is not None and probability is not None:
            yield _line("", f"probability of more than the budget of {_money(budget)}: {probability:.1%}")
        yield from levers(conn, simulation_id)


def levers(conn: psycopg.Connection, simulation_id: str) -> Iterator[str]:
    """What moves the simulation's P95 most, and the settings found that meet its budget."""
    moved = conn.execute(
        "SELECT lever, size, delta_p95 FROM planning.monte_carlo_drivers"
        " WHERE simulation_id = %s AND reason IS NULL ORDER BY rank LIMIT 3",
        (simulation_id,),
    ).fetchall()
    if moved:
        shown = (
            f"{DRIVERS[name].label} {change_text({'lever': name, 'size': size})}: {delta:+,.0f}"
            for name, size, delta in moved
        )
        yield _line("", f"P95 moves with {', '.join(shown)}")
    for name, percentile, setting in conn.execute(
        "SELECT lever, percentile, setting FROM planning.monte_carlo_optima"
        " WHERE simulation_id = %s AND status = 'met' ORDER BY lever",
        (simulation_id,),
    ).fetchall():
        yield _line("", f"P{percentile} meets the budget with {OPTIMISED[name].label} {setting:g}")


def _published(conn: psycopg.Connection) -> Iterator[str]:
    rows = conn.execute(
        "SELECT DISTINCT ON (export, target) export, target, status, dry_run, created, updated, unchanged, rejected"
        " FROM publish.receipts ORDER BY export, target, ended_at DESC, receipt_id"
    ).fetchall()
    if not rows:
        yield _line("Published", "nothing")
    for number, (export, target, status, dry_run, created, updated, unchanged, rejected) in enumerate(rows):
        counts = [
            f"{count:,} {name}"
            for name, count in (
                ("created", created),
                ("updated", updated),
                ("unchanged", unchanged),
                ("refused", rejected),
            )
            if count
        ]
        state = f"dry run, {status}" if dry_run else status
        yield _line(
            "" if number else "Published",
            f"{export} -> {target}: {state}, {', '.join(counts) or 'no records'}",
        )


def _ties(conn: psycopg.Connection) -> Iterator[str]:
    """The identities a controller asks for first; every difference is shown, none is rounded away."""
    checks = {
        "journals (debit - credit)": "SELECT currency, sum(debit_amount - credit_amount) FROM finance.journal_lines GROUP BY 1",
        "claims (claim - its parts)": "SELECT currency, sum(amount - amount_settled - amount_disputed - amount_recovered"
        " - amount_written_off - amount_non_trade - amount_open) FROM finance.claims GROUP BY 1",
        "settlements (claims - settlements)": "SELECT currency, sum(settled) FROM ("
        " SELECT currency, amount_settled AS settled FROM finance.claims WHERE amount > 0 UNION ALL"
        " SELECT s.currency, -s.amount_settled FROM finance.settlements s WHERE s.status <> 'Draft') AS both_sides"
        " GROUP BY 1",
    }
    differences = [
        f"{name} {difference} {currency}"
        for name, query in checks.items()
        for currency, difference in conn.execute(query).fetchall()
        if difference
    ]
    if not conn.execute("SELECT EXISTS (SELECT 1 FROM finance.journal_lines)").fetchone()[0]:
        yield _line("Ties out", "nothing was posted, so there is nothing to tie")
    elif differences:
        yield _line("Ties out", f"NO: {'; '.join(differences)}")
    else:
        yield _line("Ties out", f"difference 0.0000 in {', '.join(checks)}")


def _line(label: str, text: str) -> str:
    return f"  {label:<10} {text}"


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"
