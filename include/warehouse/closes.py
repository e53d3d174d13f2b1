"""The record of month ends: calendar and events, what a close froze, its checklist, assertions and statements."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import psycopg
from psycopg.types.json import Jsonb

from include.close.balances import Balance, Posted
from include.close.checklist import Row
from include.close.periods import Event, Period, Standing
from include.money import ZERO, money
from include.reconcile.journal import stable_id
from include.reconcile.rules import Accounts
from include.warehouse.close_checks import CONTROL_DAYS, parameters
from include.warehouse.copy import insert_new

_FAR = date(9999, 12, 31)
_KEY = "(calendar, fiscal_year, period, generation) = (%(calendar)s, %(fiscal_year)s, %(period)s, %(generation)s)"

#: What a period contains, by table: rows and amounts by currency. The first ones are the sources' and enter the hash.
_SOURCES = {
    "deductions": "SELECT currency, amount FROM finance.deductions WHERE posting_date BETWEEN %(start)s AND %(end)s",
    "gl_lines": "SELECT currency, coalesce(debit_amount, 0) - coalesce(credit_amount, 0) AS amount FROM finance.gl_lines"
    " WHERE (fiscal_year, fiscal_period) = (%(fiscal_year)s, %(period)s)",
    "quarantined_lines": "SELECT currency, coalesce(debit_amount, 0) - coalesce(credit_amount, 0) AS amount FROM finance.gl_quarantine"
    " WHERE (fiscal_year, fiscal_period) = (%(fiscal_year)s, %(period)s)",
    "gl_balances": "SELECT currency, amount FROM finance.gl_balances"
    " WHERE (fiscal_year, fiscal_period) = (%(fiscal_year)s, %(period)s)",
    "remittances": "SELECT currency, total_deductions AS amount FROM finance.remittance_tie_out"
    " WHERE received_date BETWEEN %(start)s AND %(end)s",
    "ap_payments": "SELECT currency, amount FROM finance.ap_payments WHERE payment_date BETWEEN %(start)s AND %(end)s",
}
_RECORDS = {
    "trial_balance": "SELECT currency, closing AS amount FROM finance.trial_balance"
    " WHERE (fiscal_year, fiscal_period) = (%(fiscal_year)s, %(period)s) AND scenario = 'actual'",
    "claims": "SELECT currency, amount FROM finance.claims WHERE posting_date BETWEEN %(start)s AND %(end)s",
    "settlements": "SELECT currency, amount_settled AS amount FROM finance.settlements"
    " WHERE settled_as_of BETWEEN %(start)s AND %(end)s",
    "journal_lines": "SELECT currency, debit_amount AS amount FROM finance.journal_lines"
    " WHERE posting_date BETWEEN %(start)s AND %(end)s",
    "accrual_movements": "SELECT currency, amount FROM finance.accrual_ledger"
    " WHERE movement_date BETWEEN %(start)s AND %(end)s",
}

_STATEMENTS = """
    SELECT 'trial_balance', company_code, currency, category, account_code, opening, debit, credit, closing
    FROM finance.trial_balance
    WHERE (fiscal_year, fiscal_period) = (%(fiscal_year)s, %(period)s) AND scenario = 'actual'
    UNION ALL
    SELECT 'balance_sheet', company_code, currency, section, statement_line, NULL, NULL, NULL, sum(amount)
    FROM finance.balance_sheet WHERE (fiscal_year, fiscal_period) = (%(fiscal_year)s, %(period)s) GROUP BY 2, 3, 4, 5
    UNION ALL
    SELECT 'income_statement', company_code, currency, section, statement_line, NULL, NULL, NULL, amount
    FROM finance.income_statement WHERE (fiscal_year, fiscal_period) = (%(fiscal_year)s, %(period)s)
    ORDER BY 1, 2, 3, 4 NULLS FIRST, 5
"""

_MOVED_LINES = """
    WITH frozen AS (
        SELECT s.fiscal_year, s.period, s.company_code, s.line AS account_code, s.currency, s.amount
        FROM finance.period_statements s
        JOIN finance.period_status p USING (tenant_id, calendar, fiscal_year, period, generation)
        WHERE s.statement = 'trial_balance' AND p.state <> 'reopened'
    ),
    now AS (
        SELECT t.fiscal_year, t.fiscal_period AS period, t.company_code, t.account_code, t.currency, t.closing AS amount
        FROM finance.trial_balance t
        JOIN finance.period_status p
            ON p.tenant_id = t.tenant_id AND p.fiscal_year = t.fiscal_year AND p.period = t.fiscal_period
        WHERE t.scenario = 'actual' AND p.state <> 'reopened'
    )
    SELECT fiscal_year, period, company_code, account_code, currency, coalesce(f.amount, 0), coalesce(n.amount, 0)
    FROM frozen f FULL JOIN now n USING (fiscal_year, period, company_code, account_code, currency)
    WHERE coalesce(f.amount, 0) <> coalesce(n.amount, 0)
    ORDER BY 1, 2, 3, 4, 5
"""


@dataclass(frozen=True)
class CloseStamp:
    """What every row of a close carries: whose it is, the period and generation, the business date, the run."""

    tenant: str
    period: Period
    generation: int
    as_of: date
    run_id: str

    @property
    def key(self) -> dict[str, object]:
        """The key of the period's generation as query parameters."""
        calendar, fiscal_year, period = self.period.key
        return {
            "calendar": calendar,
            "fiscal_year": fiscal_year,
            "period": period,
            "generation": self.generation,
        }

    @property
    def columns(self) -> tuple[object, ...]:
        """tenant_id, calendar, fiscal_year, period, generation."""
        return (self.tenant, *self.period.key, self.generation)


@dataclass(frozen=True)
class Basis:
    """The finished reconcile run a close is based on."""

    as_of: date
    run_id: str
    input_hash: str
    rule_version: str


def lock(conn: psycopg.Connection, tenant: str) -> None:
    """Let nobody post for the tenant until this transaction ends; waits for those who are posting."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('close|' || %s, 0))", (tenant,))


def read_periods(conn: psycopg.Connection) -> list[Period]:
    """Every delivered fiscal period, of all calendars."""
    rows = conn.execute(
        "SELECT start_date, end_date, calendar, fiscal_year, period FROM master.fiscal_periods ORDER BY 1, 2, 3"
    ).fetchall()
    return [Period(*row) for row in rows]


def read_events(conn: psycopg.Connection) -> list[Event]:
    """Every close, signature and reopening."""
    rows = conn.execute(
        "SELECT start_date, end_date, calendar, fiscal_year, period, generation, event, as_of, decided_by"
        " FROM finance.period_closes ORDER BY generation, as_of"
    ).fetchall()
    return [Event(Period(*row[:5]), *row[5:]) for row in rows]


def ledger_begins(conn: psycopg.Connection) -> date | None:
    """The first day of the trade ledger: its cut-over, else its first posting."""
    return conn.execute(
        "SELECT coalesce((SELECT cutover_date FROM finance.ledger_start),"
        " (SELECT min(posting_date) FROM finance.journals WHERE status = 'Posted'))"
    ).fetchone()[0]


def latest_date(conn: psycopg.Connection) -> date | None:
    """The latest business date that reconcile or a close has reached."""
    return conn.execute(
        "SELECT greatest((SELECT max(as_of) FROM finance.reconciliation_runs WHERE NOT is_replay),"
        " (SELECT max(as_of) FROM finance.period_closes))"
    ).fetchone()[0]


def basis(conn: psycopg.Connection, as_of: date) -> Basis | None:
    """The latest reconcile run up to `as_of`, None when there is none or it was broken off."""
    row = conn.execute(
        "SELECT as_of, run_id, input_hash, rule_version, status FROM finance.reconciliation_runs"
        " WHERE NOT is_replay AND as_of <= %s ORDER BY as_of DESC, status = 'running' DESC, run_id DESC LIMIT 1",
        (as_of,),
    ).fetchone()
    return Basis(*row[:4]) if row is not None and row[4] == "completed" else None


def contents(conn: psycopg.Connection, period: Period, based: Basis) -> tuple[dict[str, object], str]:
    """What the period contains (rows and amount by table and currency), and the hash of what the sources say."""
    given = parameters(period, None, _FAR, Accounts())
    found = {name: _totals(conn, query, given) for name, query in (_SOURCES | _RECORDS).items()}
    frozen = {name: found[name] for name in _SOURCES} | {
        "reconciled": [based.as_of.isoformat(), based.input_hash, based.rule_version]
    }
    text = json.dumps(frozen, sort_keys=True, separators=(",", ":"))
    return found, hashlib.sha256(text.encode()).hexdigest()


def _totals(conn: psycopg.Connection, query: str, given: dict[str, object]) -> dict[str, dict[str, object]]:
    rows = conn.execute(
        f"SELECT coalesce(currency, ''), count(*), coalesce(sum(amount), 0) FROM ({query}) AS rows GROUP BY 1 ORDER BY 1",
        given,
    ).fetchall()
    return {currency: {"rows": count, "amount": str(money(amount))} for currency, count, amount in rows}


def freeze(
    conn: psycopg.Connection, stamp: CloseStamp, based: Basis, found: dict[str, object], input_hash: str
) -> None:
    """Keep what the close of a period is based on; a later attempt replaces it until the period is closed."""
    conn.execute(
        "INSERT INTO finance.close_runs (tenant_id, calendar, fiscal_year, period, generation, start_date, end_date,"
        " state, as_of, reconciled_as_of, reconciled_run_id, rule_version, contents, input_hash, run_id)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, 'frozen', %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (tenant_id, calendar, fiscal_year, period, generation) DO UPDATE SET state = 'frozen',"
        " as_of = EXCLUDED.as_of, reconciled_as_of = EXCLUDED.reconciled_as_of,"
        " reconciled_run_id = EXCLUDED.reconciled_run_id, rule_version = EXCLUDED.rule_version,"
        " contents = EXCLUDED.contents, input_hash = EXCLUDED.input_hash, run_id = EXCLUDED.run_id",
        (
            *stamp.columns, stamp.period.start_date, stamp.period.end_date, stamp.as_of, based.as_of, based.run_id,
            based.rule_version, Jsonb(found), input_hash, stamp.run_id,
        ),
    )  # fmt: skip


def frozen_hash(conn: psycopg.Connection, stamp: CloseStamp) -> str | None:
    """The hash a period's close was frozen under on this business date; None when it was not."""
    row = conn.execute(
        f"SELECT input_hash FROM finance.close_runs WHERE {_KEY} AND as_of = %(as_of)s",
        stamp.key | {"as_of": stamp.as_of},
    ).fetchone()
    return row[0] if row else None


def write_checklist(conn: psycopg.Connection, stamp: CloseStamp, rows: Iterable[Row]) -> None:
    """Replace the checklist of a period's present generation."""
    conn.execute(f"DELETE FROM finance.close_checklist WHERE {_KEY}", stamp.key)
    columns = (
        "tenant_id", "calendar", "fiscal_year", "period", "generation", "check_name", "currency", "status",
        "is_blocking", "expected_amount", "found_amount", "broken_count", "detail", "as_of", "run_id",
    )  # fmt: skip
    insert_new(
        conn,
        "finance.close_checklist",
        columns,
        [
            (
                *stamp.columns, r.check, r.currency, r.status, r.is_blocking, r.expected, r.found, r.broken, r.detail,
                stamp.as_of, stamp.run_id,
            )
            for r in rows
        ],
    )  # fmt: skip


def set_state(conn: psycopg.Connection, stamp: CloseStamp, state: str) -> None:
    """How far the close of a period is: not_tied or closed."""
    conn.execute(
        f"UPDATE finance.close_runs SET state = %(state)s WHERE {_KEY}", stamp.key | {"state": state}
    )


def control_days(conn: psycopg.Connection, end: date, as_of: date, accounts: Accounts) -> list[Posted]:
    """What each day up to `end` added to the control accounts, decided on business dates up to `as_of`."""
    given = {"end": end, "as_of": as_of, "accrued": accounts.accrued, "clearing": accounts.clearing}
    rows = conn.execute(CONTROL_DAYS, given).fetchall()
    return [Posted(*row[:4], money(row[4]), money(row[5])) for row in rows]


def write_assertions(conn: psycopg.Connection, stamp: CloseStamp, balances: Iterable[Balance]) -> None:
    """Keep what the control accounts said at the end of the period."""
    columns = (
        "tenant_id", "calendar", "fiscal_year", "period", "generation", "ledger", "account_code", "currency",
        "expected_amount", "found_amount", "run_id",
    )  # fmt: skip
    insert_new(
        conn,
        "finance.balance_assertions",
        columns,
        [
            (*stamp.columns, b.ledger, b.account_code, b.currency, b.expected, b.found, stamp.run_id)
            for b in balances
        ],
    )


def read_assertions(conn: psycopg.Connection, standing: Standing) -> list[Balance]:
    """The stored control accounts of a closed period."""
    rows = conn.execute(
        f"SELECT ledger, account_code, currency, expected_amount, found_amount FROM finance.balance_assertions WHERE {_KEY}",
        _key(standing),
    ).fetchall()
    return [Balance(*row) for row in rows]


def write_statements(conn: psycopg.Connection, stamp: CloseStamp) -> tuple[int, str]:
    """Freeze trial balance, balance sheet and income statement of the period; returns their lines and their hash."""
    lines = conn.execute(_STATEMENTS, stamp.key).fetchall()
    columns = (
        "tenant_id", "calendar", "fiscal_year", "period", "generation", "statement", "line_number", "company_code",
        "currency", "section", "line", "opening", "debit", "credit", "amount", "run_id",
    )  # fmt: skip
    numbers: dict[str, int] = {}
    rows = []
    for statement, *values in lines:
        numbers[statement] = number = numbers.get(statement, 0) + 1
        rows.append((*stamp.columns, statement, number, *values, stamp.run_id))
    insert_new(conn, "finance.period_statements", columns, rows)
    digest = hashlib.sha256()
    for line in lines:
        digest.update("\x1f".join(_text(value) for value in line).encode() + b"\x1e")
    return len(lines), digest.hexdigest()


def record_closed(conn: psycopg.Connection, stamp: CloseStamp, input_hash: str, statements_hash: str) -> None:
    """The event: this period is closed."""
    conn.execute(
        "INSERT INTO finance.period_closes (tenant_id, calendar, fiscal_year, period, generation, event, start_date,"
        " end_date, as_of, decided_by, input_hash, statements_hash, run_id)"
        " VALUES (%s, %s, %s, %s, %s, 'closed', %s, %s, %s, 'tradewind', %s, %s, %s)",
        (
            *stamp.columns, stamp.period.start_date, stamp.period.end_date, stamp.as_of, input_hash, statements_hash,
            stamp.run_id,
        ),
    )  # fmt: skip


def moved_lines(conn: psycopg.Connection) -> list[tuple[int, int, str]]:
    """(fiscal year, period, what moved) of every frozen trial balance line that the marts now say otherwise."""
    return [
        (year, period, f"company {company} account {account} {currency}: {then} then, {now} now")
        for year, period, company, account, currency, then, now in conn.execute(_MOVED_LINES).fetchall()
    ]


def write_replay(conn: psycopg.Connection, stamp: CloseStamp, rows: Iterable[Row]) -> None:
    """Store what the checklist of a period would have said on a past date."""
    columns = (
        "tenant_id", "as_of", "run_id", "calendar", "fiscal_year", "period", "check_name", "currency", "status",
        "is_blocking", "expected_amount", "found_amount", "broken_count", "detail",
    )  # fmt: skip
    insert_new(
        conn,
        "finance.close_replays",
        columns,
        [
            (
                stamp.tenant, stamp.as_of, stamp.run_id, *stamp.period.key, r.check, r.currency, r.status,
                r.is_blocking, r.expected, r.found, r.broken, r.detail,
            )
            for r in rows
        ],
    )  # fmt: skip


def open_task(
    conn: psycopg.Connection, stamp: CloseStamp, rule_version: str, kind: str, detail: str, currency: str,
    amount: Decimal = ZERO,
) -> None:  # fmt: skip
    """Ask a person about a period; the same question again only brings its words up to date."""
    conn.execute(
        "INSERT INTO finance.claim_tasks (tenant_id, task_id, task_type, status, amount, currency, detail, proposal,"
        " opened_as_of, run_id, rule_version) VALUES (%s, %s, 'PERIOD_NOT_TIED', 'open', %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (tenant_id, task_id) DO UPDATE SET status = 'open', closed_as_of = NULL,"
        " amount = EXCLUDED.amount, currency = EXCLUDED.currency, detail = EXCLUDED.detail, run_id = EXCLUDED.run_id",
        (
            stamp.tenant, _task_id(stamp, kind), amount, currency, detail, Jsonb({"period": stamp.period.name, "about": kind}),
            stamp.as_of, stamp.run_id, rule_version,
        ),
    )  # fmt: skip


def answer_task(conn: psycopg.Connection, stamp: CloseStamp, kind: str) -> None:
    """The question about a period is answered by itself."""
    conn.execute(
        "UPDATE finance.claim_tasks SET status = 'closed', closed_as_of = %s, run_id = %s"
        " WHERE task_id = %s AND status = 'open'",
        (stamp.as_of, stamp.run_id, _task_id(stamp, kind)),
    )


def _task_id(stamp: CloseStamp, kind: str):
    return stable_id(stamp.tenant, "PERIOD", *stamp.period.key, stamp.generation, kind)


def _key(standing: Standing) -> dict[str, object]:
    calendar, fiscal_year, period = standing.period.key
    return {
        "calendar": calendar,
        "fiscal_year": fiscal_year,
        "period": period,
        "generation": standing.generation,
    }


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, Decimal) else "\x00" if value is None else str(value)
