"""The back-test of the match rule for one tenant: last year's decided claims put before the rule once more.

Nothing is settled and no claim changes. The result is kept with the rules' version; a tenant whose rules say
`auto_clear_backtest: required` clears without a person only under rules that have one that is good enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import psycopg

from include import runlog
from include.errors import MissingInput
from include.reconcile.backtest import Backtest, backtest
from include.reconcile.journal import stable_id
from include.reconcile.outcomes import OPEN_OUTCOMES
from include.reconcile.rules import Rules
from include.settings import TenantSettings
from include.warehouse import backtests, trade_runs
from include.warehouse.session import Warehouse
from include.warehouse.trade_inputs import fingerprint, read_inputs


@dataclass(frozen=True)
class Report:
    """What a back-test found, and under which id it is kept."""

    tenant: str
    backtest_id: UUID
    first: date
    last: date
    rules: Rules
    result: Backtest = field(repr=False)

    def __str__(self) -> str:
        present = self.result.present
        head = (
            f"back-test · {self.tenant} · {self.first} to {self.last} · rules {self.result.rule_version}"
            f" · {self.result.claims} decided claims"
        )
        titles = (
            f"{'score':>11}  {'currency':8} {'claims':>7} {'confirmed':>9} {'wrong':>6} {'by person':>9} "
            f"{'amount':>16}  confirmed, 95% interval"
        )
        lines = [head, "", titles]
        lines += [
            f"{b.low:>5.2f}-{b.high:<5.2f}  {b.currency:8} {b.claims:>7} {b.confirmed:>9} {b.wrong:>6} {b.by_person:>9} "
            f"{b.amount:>16,.2f}  {_percent(b.rate)} ({_percent(b.rate_low)} to {_percent(b.rate_high)})"
            for b in self.result.bands
        ]
        lines += ["", f"{'clear from':>11}  {'cleared':>8} {'right':>6} {'precision':>10} {'recall':>8}"]
        lines += [
            f"{t.clear_score:>11.2f}  {t.cleared:>8} {t.confirmed:>6} {_percent(t.precision):>10} {_percent(t.recall):>8}"
            + ("  the present rule" if t.is_present_rule else "")
            for t in self.result.thresholds
        ]
        enough = present.precision is not None and present.precision >= self.rules.clear_precision
        verdict = "enough" if enough else "not enough"
        lines += ["", f"{verdict} to clear without a person (clear_precision {self.rules.clear_precision})"]
        return "\n".join(lines)


def run(
    wh: Warehouse,
    tenant: str,
    *,
    run_id: str,
    settings: TenantSettings,
    first: date | None = None,
    last: date | None = None,
    changes: Mapping[str, object] | None = None,
) -> Report:
    """Back-test the tenant's rules, with `changes` to them, over claims posted from `first` to `last`.

    Without dates it is the year up to the latest business date. The same question again finds the same answer
    kept. Raises MissingInput when nothing has been reconciled, or nothing decided in that time.
    """
    rules = Rules.from_settings({**settings.reconcile, **(changes or {})})
    with wh.engine(tenant) as conn:
        latest = trade_runs.latest_date(conn)
        if latest is None:
            raise _nothing(tenant, "a reconciled ledger", "none", "run reconcile first")
        last = last or latest
        first = first or last - timedelta(days=364)
        inputs = read_inputs(conn, latest, settings.fiscal_calendar)
        decided = backtests.read_decided(conn, first, last, [str(outcome) for outcome in OPEN_OUTCOMES])
    if not decided:
        raise _nothing(tenant, f"claims decided from {first} to {last}", "none", "choose other dates")
    with runlog.run(wh, tenant=tenant, run_id=run_id, verb="backtest", as_of=last) as entry:
        result = backtest(tenant, inputs, decided, rules)
        answers = [(d.deduction_key, d.decided_on, sorted(d.settled.items()), d.source) for d in decided]
        input_hash = str(stable_id(fingerprint(inputs), *answers))
        backtest_id = stable_id(tenant, "BACKTEST", first, last, rules.version, input_hash)
        with wh.engine(tenant) as conn:
            backtests.store(
                conn,
                tenant,
                backtest_id,
                result,
                first=first,
                last=last,
                rules=rules,
                input_hash=input_hash,
                run_id=run_id,
            )
        entry.summary = {"claims": result.claims, "precision": _percent(result.present.precision)}
    return Report(tenant, backtest_id, first, last, rules, result)


def clearing_withheld(conn: psycopg.Connection, rules: Rules) -> str | None:
    """Why nothing may be cleared without a person today, None when it may (or the rules ask for no back-test)."""
    if rules.auto_clear == "off" or rules.auto_clear_backtest == "not_required":
        return None
    precision = backtests.latest_precision(conn, rules.version)
    if precision is None:
        return f"no back-test of rules {rules.version}: nothing is cleared without a person"
    if precision < rules.clear_precision:
        return f"the back-test of rules {rules.version} was right in {_percent(precision)}, below {rules.clear_precision}"
    return None


def _percent(share: Decimal | None) -> str:
    return "-" if share is None else f"{share * 100:.1f}%"


def _nothing(tenant: str, expected: str, got: str, remedy: str) -> MissingInput:
    return MissingInput(where=f"back-test of {tenant}", expected=expected, got=got, remedy=remedy)
