"""Reconcile for one tenant: read the marts, decide, post, batch by batch, each batch one transaction.

Killed anywhere and run again, the tables end as if it had run once. The engine yields its steps in a fixed
order and a batch commits whole steps (claims with their candidates, settlements, journals, accrual movements,
snapshots and tasks together). The next attempt reads what is committed and goes on where it ends. The trap is
an early claim that stayed open: asked again after later claims had used up its promotion, it would end
differently. Hence a claim carries the business date, the inputs' hash and the rules' version it was decided
with, and one decided under the present three is not asked again, whatever its ending. Everything that enters
a decision is in those three or in the ledger: there is no clock, no random number and no order of arrival.

A business date before the latest one the ledger has reached is a replay: what a run of that date answered then, from
`finance.claim_history`; where none ran, decided from an empty ledger with the rows known by that date. Stored beside,
nothing posted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from include import runlog
from include.faultpoints import point
from include.flows.backtest import clearing_withheld
from include.flows.evidence import publish_head
from include.reconcile import engine
from include.reconcile.accrue import cutover_date
from include.reconcile.journal import stable_id
from include.reconcile.ledger import LedgerState
from include.reconcile.records import Changes, Claim, FiscalPeriod, Inputs
from include.reconcile.rules import Rules
from include.settings import TenantSettings
from include.warehouse import trade, trade_runs
from include.warehouse.lease import Lease, acquire
from include.warehouse.session import Warehouse
from include.warehouse.trade import Stamp
from include.warehouse.trade_inputs import fingerprint, read_inputs, read_periods
from include.warehouse.trade_ledger import read_claims_of, read_state

log = logging.getLogger("tradewind.reconcile")
BATCH_STEPS = 500


@dataclass(frozen=True)
class Summary:
    """What one run did and what the ledger holds after it. `is_unchanged`: there was nothing left to do."""

    tenant: str
    as_of: date
    run_id: str
    is_replay: bool
    is_unchanged: bool
    steps: dict[str, int] = field(default_factory=dict)
    totals: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        head = f"reconcile · {self.tenant} · {self.as_of}"
        if self.is_unchanged:
            return f"{head} · nothing to do: these inputs were evaluated before"
        done = ", ".join(f"{count} {phase}s" for phase, count in self.steps.items() if count) or "no steps"
        kind = "replay, nothing posted" if self.is_replay else "posted"
        outcomes = ", ".join(
            f"{row['outcome']} {row['claims']} ({row['amount']} {row['currency']})"
            for row in self.totals.get("claims", ())
        )
        withheld = self.totals.get("clearing_withheld")
        return f"{head} · {kind}: {done} · claims now: {outcomes}" + (f" · {withheld}" if withheld else "")


def reconcile(
    wh: Warehouse,
    tenant: str,
    as_of: date,
    *,
    run_id: str,
    settings: TenantSettings,
    batch: int = BATCH_STEPS,
) -> Summary:
    """Settle the tenant's claims as of a business date.

    `batch` is the number of steps per transaction; it changes no result. Raises MissingInput before anything
    is written when the marts are not built, LeaseLost when a newer attempt has taken the tenant over.
    """
    rules = Rules.from_settings(settings.reconcile)
    lease = acquire(wh, tenant, f"reconcile:{tenant}")
    point("reconcile.lease_taken")
    with (
        runlog.run(wh, tenant=tenant, run_id=run_id, verb="reconcile", as_of=as_of) as entry,
        runlog.step(wh, run_id=run_id, tenant=tenant, name="reconcile") as progress,
    ):
        with wh.engine(tenant, lease) as conn:
            inputs = read_inputs(conn, as_of, settings.fiscal_calendar)
            periods = read_periods(conn, settings.fiscal_calendar)
            latest = trade_runs.latest_date(conn)
            withheld = clearing_withheld(conn, rules)
        # A back-test is an input too: once there is one, open claims are asked again.
        seen = fingerprint(inputs) if withheld is None else stable_id(fingerprint(inputs), "no clearing").hex
        stamp = Stamp(tenant, as_of, run_id, rules.version, seen)
        work = _Work(wh, lease, stamp, rules, inputs, periods, batch, withheld)
        summary = work.replay() if latest is not None and as_of < latest else work.post()
        publish_head(wh, tenant, as_of=as_of, run_id=run_id)
        entry.summary = {
            "is_replay": summary.is_replay,
            "is_unchanged": summary.is_unchanged,
            **summary.totals,
        }
        progress.row_count = sum(summary.steps.values())
        progress.message = str(summary)
    return summary


@dataclass(frozen=True)
class _Work:
    """One attempt at one tenant and business date."""

    wh: Warehouse
    lease: Lease
    stamp: Stamp
    rules: Rules
    inputs: Inputs
    periods: tuple[FiscalPeriod, ...]
    batch: int
    withheld: str | None

    def post(self) -> Summary:
        """Decide what is due and post it."""
        stamp = self.stamp
        with self.wh.engine(stamp.tenant, self.lease) as conn:
            trade_runs.start_ledger(conn, stamp, self.periods)
            kept_under, was_complete = trade_runs.open_run(conn, stamp, self.rules, is_replay=False)
            state = read_state(
                conn, as_of=stamp.as_of, input_hash=stamp.input_hash, rule_version=stamp.rule_version
            )
        state.clearing_withheld = self.withheld
        point("reconcile.run_opened")
        done: dict[str, int] = {}
        for steps in _batches(
            engine.run(stamp.tenant, self.inputs, state, stamp.as_of, self.rules), self.batch
        ):
            changes = Changes()
            for step in steps:
                changes.extend(step.changes)
                done[step.phase] = done.get(step.phase, 0) + 1
            with self.wh.engine(stamp.tenant, self.lease) as conn:
                trade.write_changes(conn, stamp, changes)
                point("reconcile.batch_written")
            point("reconcile.batch_committed")
            log.info(
                "%s · %s steps, the last %s %s",
                stamp.tenant,
                sum(done.values()),
                steps[-1].phase,
                steps[-1].key,
            )
        if was_complete and not done:
            return self._summary(False, done, is_unchanged=True)
        with self.wh.engine(stamp.tenant, self.lease) as conn:
            trade_runs.close_run(conn, stamp.as_of, kept_under, trade_runs.totals(conn))
        point("reconcile.run_closed")
        return self._summary(False, done)

    def replay(self) -> Summary:
        """The answer of that day where there was one, else decided now from an empty ledger; stored beside the real one."""
        with self.wh.engine(self.stamp.tenant, self.lease) as conn:
            answered = trade_runs.answered_run(conn, self.stamp.as_of)
            then = read_claims_of(conn, self.stamp.as_of) if answered else []
        if answered is None:
            return self._decided_now()
        rule_version, input_hash = answered
        stamp = replace(self.stamp, rule_version=rule_version, input_hash=input_hash)
        return self._stored(stamp, then, {"stored answer": len(then)})

    def _decided_now(self) -> Summary:
        """A date nobody ran on: over the rows known by then."""
        stamp = self.stamp
        done: dict[str, int] = {}
        inputs, periods = engine.as_then(self.inputs, self.periods, stamp.as_of)
        state = LedgerState(cutover_date=cutover_date(periods, stamp.as_of), clearing_withheld=self.withheld)
        for step in engine.run(stamp.tenant, inputs, state, stamp.as_of, self.rules):
            done[step.phase] = done.get(step.phase, 0) + 1
        return self._stored(stamp, list(state.claims.values()), done)

    def _stored(self, stamp: Stamp, claims: list[Claim], done: dict[str, int]) -> Summary:
        with self.wh.engine(stamp.tenant, self.lease) as conn:
            kept_under, was_complete = trade_runs.open_run(conn, stamp, self.rules, is_replay=True)
            if not was_complete:
                trade.write_replay(conn, replace(stamp, run_id=kept_under), claims)
                trade_runs.close_run(conn, stamp.as_of, kept_under, _replay_totals(claims))
            point("reconcile.replay_written")
        summary = self._summary(True, done, is_unchanged=was_complete)
        return replace(summary, totals=_replay_totals(claims))

    def _summary(self, is_replay: bool, done: dict[str, int], is_unchanged: bool = False) -> Summary:
        stamp = self.stamp
        with self.wh.engine(stamp.tenant, self.lease) as conn:
            totals = trade_runs.totals(conn)
        if self.withheld is not None:
            totals = {**totals, "clearing_withheld": self.withheld}
        return Summary(stamp.tenant, stamp.as_of, stamp.run_id, is_replay, is_unchanged, done, totals)


def _replay_totals(decided: list[Claim]) -> dict[str, object]:
    by_outcome: dict[tuple[str, str], list] = {}
    for claim in decided:
        by_outcome.setdefault((claim.outcome.value, claim.currency), []).append(claim)
    return {
        "claims": [
            {
                "outcome": outcome,
                "currency": currency,
                "claims": len(claims),
                "amount": str(sum(c.amount for c in claims)),
                "settled": str(sum(c.amount_settled for c in claims)),
                "disputed": str(sum(c.amount_disputed for c in claims)),
                "open": str(sum(c.amount_open for c in claims)),
            }
            for (outcome, currency), claims in sorted(by_outcome.items())
        ]
    }


def _batches(steps: Iterator[engine.Step], size: int) -> Iterator[list[engine.Step]]:
    held: list[engine.Step] = []
    for step in steps:
        held.append(step)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held
