"""The month end for one tenant: freeze, release, tie out, statements, closed; period by period, in order.

`prepare` freezes what the due periods contain and releases what their promotions left over; `close` ties them out and
closes them. Between the two the statements may be rebuilt, because a release is dated inside the period it belongs
to and must be in the books before they are tied and frozen. The checklist, the stored balances, the frozen statements
and the close itself are one transaction that nobody can post beside: what ties is what is kept. An attempt that dies
is repeated whole; nothing it left behind counts.

A period that does not tie stays open with a task, and the ones after it wait. Every run asks the closed periods again;
another answer than the stored one is a finding too. A business date before the latest one is a replay: what was closed
by then is as stored, what was due then is asked over what was known then and stored beside; nothing is posted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from include import runlog
from include.close import balances, decisions
from include.close.checklist import judge, why_not
from include.close.periods import (
    Agenda,
    Period,
    Standing,
    agenda,
    calendar_months,
    chosen,
    standings,
)
from include.close.rules import CloseRules
from include.errors import CheckFailed, TradewindError
from include.faultpoints import point
from include.flows.evidence import publish_head
from include.reconcile import engine
from include.reconcile.records import Changes
from include.reconcile.rules import Rules
from include.settings import TenantSettings
from include.warehouse import close_checks, close_decisions, closes, trade
from include.warehouse.closes import CloseStamp
from include.warehouse.lease import Lease, acquire
from include.warehouse.session import Warehouse
from include.warehouse.trade_inputs import fingerprint, read_inputs
from include.warehouse.trade_ledger import read_state

log = logging.getLogger("tradewind.close")
NOT_TIED, MOVED = "not tied", "moved"


class PeriodNotTied(CheckFailed):
    """A fiscal period could not be closed, or one that is closed says something else now. Everything else is done."""


@dataclass
class Summary:
    """What one run did: periods closed, what keeps others open, what was passed over and why."""

    tenant: str
    as_of: date
    is_replay: bool = False
    closed: list[str] = field(default_factory=list)
    not_tied: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    decided: list[str] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    next_due: date | None = None

    @property
    def touched(self) -> list[str]:
        """Periods whose workbook is to be written anew."""
        return sorted({*self.closed, *self.not_tied, *self.moved, *self.decided})

    @property
    def problem(self) -> str:
        """What a person must look at, empty when nothing."""
        parts = [f"{name} is not tied: {why}" for name, why in self.not_tied.items()]
        return "; ".join(
            parts + [f"{name} is closed and says otherwise: {why}" for name, why in self.moved.items()]
        )

    def as_json(self) -> dict[str, object]:
        """The summary in JSON types."""
        plain = {
            name: value for name, value in vars(self).items() if name not in ("tenant", "as_of", "next_due")
        }
        return plain | {"next_due": self.next_due.isoformat() if self.next_due else None}

    def __str__(self) -> str:
        head = f"close_period · {self.tenant} · {self.as_of}"
        parts = [f"closed {', '.join(self.closed)}"] if self.closed else []
        parts += [self.problem] if self.problem else []
        parts += [f"{name} waits: {why}" for name, why in self.waiting.items()]
        parts += [f"{count} skipped: {why}" for why, count in sorted(self.skipped.items())]
        parts += [f"next due {self.next_due}"] if self.next_due else []
        return f"{head}{' · replay, nothing posted' if self.is_replay else ''} · {' · '.join(parts) or 'nothing to do'}"


def prepare(
    wh: Warehouse,
    tenant: str,
    as_of: date,
    *,
    run_id: str,
    settings: TenantSettings,
    asked: str | None = None,
) -> list[str]:
    """Freeze every due period and release what is left over in it; returns the periods something was posted to.

    Raises MissingInput before anything is written when the marts are not built.
    """
    with runlog.step(wh, run_id=run_id, tenant=tenant, name="close_prepare") as progress:
        work = _Work.open(wh, tenant, as_of, run_id, settings, asked)
        posted = [] if work.is_replay else [p.name for p in work.agenda.due if work.freeze_and_release(p)]
        progress.row_count, progress.message = len(posted), f"released in {', '.join(posted) or 'no period'}"
    return posted


def close(
    wh: Warehouse,
    tenant: str,
    as_of: date,
    *,
    run_id: str,
    settings: TenantSettings,
    asked: str | None = None,
) -> Summary:
    """Tie out and close what `prepare` froze, ask the closed periods again, take in what people decided.

    Returns what happened; a period that does not tie is in the summary (`problem`), not an exception, so that its
    checklist is published like any other.
    """
    with (
        runlog.run(wh, tenant=tenant, run_id=run_id, verb="close", as_of=as_of, period=None) as entry,
        runlog.step(wh, run_id=run_id, tenant=tenant, name="close") as progress,
    ):
        work = _Work.open(wh, tenant, as_of, run_id, settings, asked)
        summary = work.replay() if work.is_replay else work.close()
        publish_head(wh, tenant, as_of=as_of, run_id=run_id)
        entry.summary = summary.as_json()
        progress.row_count, progress.message = len(summary.closed), str(summary)
    return summary


def close_periods(
    wh: Warehouse,
    tenant: str,
    as_of: date,
    *,
    run_id: str,
    settings: TenantSettings,
    asked: str | None = None,
) -> Summary:
    """Both halves in one call, for a company whose statements need not be rebuilt in between."""
    prepare(wh, tenant, as_of, run_id=run_id, settings=settings, asked=asked)
    return close(wh, tenant, as_of, run_id=run_id, settings=settings, asked=asked)


@dataclass
class _Work:
    """One attempt at one tenant and business date."""

    wh: Warehouse
    lease: Lease
    tenant: str
    as_of: date
    run_id: str
    settings: TenantSettings
    rules: CloseRules
    trade_rules: Rules
    agenda: Agenda
    standings: list[Standing]
    is_replay: bool

    @classmethod
    def open(
        cls, wh: Warehouse, tenant: str, as_of: date, run_id: str, settings: TenantSettings, asked: str | None
    ) -> _Work:
        rules, trade_rules = CloseRules.from_settings(settings.close), Rules.from_settings(settings.reconcile)
        lease = acquire(wh, tenant, f"close:{tenant}")
        with wh.engine(tenant, lease) as conn:
            close_checks.require_marts(conn)
            latest = closes.latest_date(conn)
            found = standings(closes.read_events(conn), as_of)
            begins = closes.ledger_begins(conn)
            delivered = closes.read_periods(conn)
        periods = chosen(delivered, settings.fiscal_calendar)
        if not periods and begins is not None:
            periods = calendar_months(begins, as_of, settings.fiscal_year_start_month)
        _require_known(asked, periods)
        plan = agenda(periods, found, begins=begins, as_of=as_of, lag_days=rules.lag_days, asked=asked)
        is_replay = latest is not None and as_of < latest
        return cls(wh, lease, tenant, as_of, run_id, settings, rules, trade_rules, plan, found, is_replay)

    def stamp(self, period: Period) -> CloseStamp:
        before = next((s for s in self.standings if s.period.key == period.key), None)
        generation = before.generation + 1 if before else 1
        return CloseStamp(self.tenant, period, generation, self.as_of, self.run_id)

    def freeze_and_release(self, period: Period) -> bool:
        """Keep what the period contains, then post its releases; whether there were any."""
        with self.wh.engine(self.tenant, self.lease) as conn:
            based = closes.basis(conn, self.as_of)
            if based is None or based.as_of < period.end_date:
                return False
            closes.freeze(conn, self.stamp(period), based, *closes.contents(conn, period, based))
        point("close.frozen")
        changes = self._due_releases(period, self.lease)
        if changes.journals or changes.states:
            # Only now is reconcile's right to post taken over: an evening without releases disturbs nobody.
            lease = acquire(self.wh, self.tenant, f"reconcile:{self.tenant}")
            changes = self._due_releases(period, lease)
            stamp = trade.Stamp(
                self.tenant, self.as_of, self.run_id, self.trade_rules.version, based.input_hash
            )
            with self.wh.engine(self.tenant, lease) as conn:
                trade.write_changes(conn, stamp, changes)
                point("close.release_written")
        point("close.released")
        return bool(changes.journals)

    def _due_releases(self, period: Period, lease: Lease) -> Changes:
        with self.wh.engine(self.tenant, lease) as conn:
            inputs = read_inputs(conn, period.end_date, self.settings.fiscal_calendar)
            state = read_state(
                conn,
                as_of=self.as_of,
                input_hash=fingerprint(inputs),
                rule_version=self.trade_rules.version,
            )
        changes = Changes()
        for step in engine.releases(self.tenant, inputs, state, period.end_date, self.trade_rules):
            changes.extend(step.changes)
        return changes

    def close(self) -> Summary:
        summary = Summary(
            self.tenant, self.as_of, skipped=dict(self.agenda.skipped), next_due=self.agenda.next_due
        )
        self._ask_again(summary)
        for number, period in enumerate(self.agenda.due):
            if not self._close_one(period, summary):
                for later in self.agenda.due[number + 1 :]:
                    summary.waiting[later.name] = f"{period.name} is not closed"
                break
        self._take_in(summary)
        return summary

    def _close_one(self, period: Period, summary: Summary) -> bool:
        """One transaction: tie out, freeze the statements, close. False when the period stays open."""
        stamp = self.stamp(period)
        with self.wh.engine(self.tenant, self.lease) as conn:
            closes.lock(conn, self.tenant)
            based = closes.basis(conn, self.as_of)
            frozen = closes.frozen_hash(conn, stamp)
            if based is None or based.as_of < period.end_date or frozen is None:
                summary.waiting[period.name] = "no finished reconcile run covers its end"
                return False
            found, present = closes.contents(conn, period, based)
            if present != frozen:
                summary.waiting[period.name] = "what it contains moved while it was being closed"
                return False
            # With the releases that were posted since: an attempt that found them posted says the same.
            closes.freeze(conn, stamp, based, found, present)
            rows = self._checklist(conn, period, self.standings, self.as_of)
            closes.write_checklist(conn, stamp, rows)
            point("close.tied")
            why = why_not(rows)
            if why:
                closes.set_state(conn, stamp, "not_tied")
                first = next(r for r in rows if r.blocks)
                closes.open_task(
                    conn, stamp, self.trade_rules.version, NOT_TIED, f"{period.name} is not tied: {why}",
                    first.currency or self.settings.currency, abs(first.difference),
                )  # fmt: skip
                summary.not_tied[period.name] = why
                return False
            days = closes.control_days(conn, period.end_date, self.as_of, self.trade_rules.accounts)
            closes.write_assertions(conn, stamp, balances.at_ends(days, [period.end_date])[period.end_date])
            _, statements_hash = closes.write_statements(conn, stamp)
            point("close.stated")
            closes.record_closed(conn, stamp, frozen, statements_hash)
            closes.set_state(conn, stamp, "closed")
            closes.answer_task(conn, stamp, NOT_TIED)
            self.standings = standings(closes.read_events(conn), self.as_of)
        point("close.closed")
        summary.closed.append(period.name)
        log.info("%s · closed %s", self.tenant, period.name)
        return True

    def _checklist(self, conn, period: Period, found: Sequence[Standing], as_of: date):
        last = max(
            (s for s in found if s.state != "reopened" and s.period.end_date < period.start_date),
            key=lambda s: s.period,
            default=None,
        )
        given = close_checks.parameters(period, last, as_of, self.trade_rules.accounts)
        answers = close_checks.ask(conn, given)
        return [row for name, found in answers.items() for row in judge(name, found, self.rules.must_tie)]

    def _ask_again(self, summary: Summary) -> None:
        """Whether every closed period still says what it said when it was closed."""
        closed = [s for s in self.standings if s.state != "reopened"]
        if not closed:
            return
        with self.wh.engine(self.tenant, self.lease) as conn:
            ends = [s.period.end_date for s in closed]
            days = closes.control_days(conn, max(ends), date.max, self.trade_rules.accounts)
            now = balances.at_ends(days, ends)
            lines = closes.moved_lines(conn)
            for s in closed:
                found = balances.moved(closes.read_assertions(conn, s), now[s.period.end_date])
                found += [
                    what for *key, what in lines if tuple(key) == (s.period.fiscal_year, s.period.period)
                ]
                stamp = CloseStamp(self.tenant, s.period, s.generation, self.as_of, self.run_id)
                if found:
                    why = "; ".join(found[:10]) + (f" and {len(found) - 10} more" if len(found) > 10 else "")
                    closes.open_task(
                        conn, stamp, self.trade_rules.version, MOVED,
                        f"{s.period.name} is closed and says otherwise: {why}", self.settings.currency,
                    )  # fmt: skip
                    summary.moved[s.period.name] = why
                else:
                    closes.answer_task(conn, stamp, MOVED)

    def _take_in(self, summary: Summary) -> None:
        """What people decided up to this business date, after the closing: a reopened period stays open this evening."""
        with self.wh.engine(self.tenant, self.lease) as conn:
            for decision in close_decisions.waiting(conn, self.as_of, self.settings.timezone):
                given = decisions.answer(decision, standings(closes.read_events(conn), self.as_of))
                close_decisions.store(conn, self.tenant, given, self.as_of, self.run_id)
                if given.standing is not None:
                    summary.decided.append(given.standing.period.name)
                log.info("%s · decision %s: %s", self.tenant, decision.decision_key, given.why)
        point("close.decided")

    def replay(self) -> Summary:
        """The stored answer of what was closed by then; what was due then over what was known then."""
        summary = Summary(self.tenant, self.as_of, is_replay=True, skipped=dict(self.agenda.skipped))
        summary.stored = [s.period.name for s in self.standings if s.state != "reopened"]
        with self.wh.engine(self.tenant, self.lease) as conn:
            based = closes.basis(conn, self.as_of)
            for period in self.agenda.due:
                if based is None or based.as_of < period.end_date:
                    summary.waiting[period.name] = "no finished reconcile run covered its end by then"
                    continue
                rows = self._checklist(conn, period, self.standings, self.as_of)
                closes.write_replay(conn, self.stamp(period), rows)
                why = why_not(rows)
                if why:
                    summary.waiting[period.name] = f"would not have tied: {why}"
                else:
                    summary.waiting[period.name] = "would have been closed"
            point("close.replay_written")
        return summary


def _require_known(asked: str | None, periods: Sequence[Period]) -> None:
    if asked is not None and asked not in {p.name for p in periods}:
        raise TradewindError(
            where="close_period",
            expected="a period of the tenant's fiscal calendar, such as 2026-07",
            got=asked,
            remedy="correct the run's parameter, or deliver fiscal_periods that contain it",
        )


def refuse_open(tenant: str, problem: str) -> None:
    """Raise PeriodNotTied when a tenant's month end left a problem; asked last, after everything else was done."""
    if problem:
        raise PeriodNotTied(
            where=f"month end of {tenant}",
            expected="every due period tied, every closed one as it was",
            got=problem,
            remedy="see finance.close_checklist and the PERIOD_NOT_TIED tasks; correct at the source, or reopen the period",
        )
