"""Apply what the ERP answered to our journals: settlements posted, promotions committed or failed, questions.

Answers stand in the outbox (what a publish was told) and in the ERP's own ledger (contract gl_journal_lines whose
reference is our journal id). They are applied under the tenant's reconcile lease, a batch and its record in
finance.erp_answers in one transaction, so a run killed anywhere and run again ends as if it had run once, and a
second run finds nothing to do. The lease is taken only when there is something to apply.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from include import runlog
from include.faultpoints import point
from include.flows.evidence import publish_head
from include.publish.exports import find
from include.reconcile.acknowledge import Answered, ErpBooks, in_order
from include.reconcile.records import Changes
from include.reconcile.rules import Rules
from include.settings import TenantSettings
from include.warehouse import erp, trade
from include.warehouse.lease import Lease, acquire
from include.warehouse.session import Warehouse
from include.warehouse.trade import Stamp
from include.warehouse.trade_inputs import read_closed, read_closed_through, read_promotions
from include.warehouse.trade_ledger import read_state

log = logging.getLogger("tradewind.acknowledge")
BATCH = 500
#: What journals are called in the outbox.
SENT_AS = find("erp_journals").object


@dataclass(frozen=True)
class Summary:
    """What one run applied (`effects`, by name), and how our journals stand in the ERP now."""

    tenant: str
    as_of: date
    effects: dict[str, int] = field(default_factory=dict)
    standing: dict[str, int] = field(default_factory=dict)
    is_past: bool = False

    def __str__(self) -> str:
        head = f"acknowledge · {self.tenant} · {self.as_of}"
        if self.is_past:
            return f"{head} · nothing applied: the ledger has reached a later date"
        applied = ", ".join(f"{count} {name}" for name, count in self.effects.items()) or "no new answers"
        now = ", ".join(f"{count} {name}" for name, count in self.standing.items()) or "none to post"
        return f"{head} · {applied} · journals: {now}"


def acknowledge(
    wh: Warehouse, tenant: str, as_of: date, *, run_id: str, settings: TenantSettings, batch: int = BATCH
) -> Summary:
    """Apply the answers that were not applied yet; `batch` answers per transaction change no result.

    A business date before the ledger's latest one applies nothing. Raises LeaseLost when a newer attempt has
    taken the tenant's ledger over.
    """
    with wh.engine(tenant) as conn:
        reached = erp.latest_stamp(conn)
        answers = erp.read_answers(conn, sent_as=SENT_AS, as_of=as_of) if reached else []
        standing = erp.standing(conn)
    is_past = reached is not None and as_of < reached[0]
    if not answers or is_past:
        return _told(Summary(tenant, as_of, standing=standing, is_past=is_past))
    lease = acquire(wh, tenant, f"reconcile:{tenant}")
    point("acknowledge.lease_taken")
    rules = Rules.from_settings(settings.reconcile)
    stamp = Stamp(tenant, as_of, run_id, rules.version, reached[1])
    with runlog.step(wh, run_id=run_id, tenant=tenant, name="acknowledge") as progress:
        effects: Counter[str] = Counter()
        for applied in _applied(wh, lease, stamp, rules, settings.fiscal_calendar, batch):
            effects.update(each.effect for each in applied)
        publish_head(wh, tenant, as_of=as_of, run_id=run_id)
        with wh.engine(tenant, lease) as conn:
            summary = Summary(tenant, as_of, dict(sorted(effects.items())), erp.standing(conn))
        progress.row_count, progress.message = effects.total(), str(summary)
    return _told(summary)


def _applied(wh: Warehouse, lease: Lease, stamp: Stamp, rules: Rules, calendar: str, batch: int):
    """Each batch of answers, applied and committed."""
    with wh.engine(stamp.tenant, lease) as conn:
        answers = in_order(erp.read_answers(conn, sent_as=SENT_AS, as_of=stamp.as_of))
        state = read_state(
            conn, as_of=stamp.as_of, input_hash=stamp.input_hash, rule_version=stamp.rule_version
        )
        books = ErpBooks(
            state,
            tenant=stamp.tenant,
            as_of=stamp.as_of,
            rules=rules,
            closed=read_closed(conn, calendar),
            closed_through=read_closed_through(conn),
        )
        books.promotions = read_promotions(conn, _promotions(answers))
    for start in range(0, len(answers), batch):
        applied = [books.apply(answered) for answered in answers[start : start + batch]]
        changes = Changes()
        for each in applied:
            changes.extend(each.changes)
        with wh.engine(stamp.tenant, lease) as conn:
            trade.write_changes(conn, stamp, changes)
            erp.write_answers(conn, stamp, applied)
            point("acknowledge.batch_written")
        point("acknowledge.batch_committed")
        yield applied


def _promotions(answers: list[Answered]) -> list[str]:
    return sorted({a.settlement.promotion_key for a in answers if a.settlement is not None})


def _told(summary: Summary) -> Summary:
    log.info("%s", summary)
    return summary
