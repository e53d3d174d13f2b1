"""Which forecasts the newest marts call for, and what a forecast has seen: each event starts one run, once.

An event is stored with the run it starts, and that run's id is made from the events. So a transform that is killed or
run again names the same run, and Airflow has it already. The first forecast of a company is nobody's event.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING

import psycopg

from include.flows.forecast_settings import load_config
from include.forecast import events
from include.forecast.events import Event, Facts
from include.settings import TenantSettings
from include.warehouse import forecast_events as store
from include.warehouse.session import Warehouse
from include.warehouse.tenants import load_settings

if TYPE_CHECKING:
    # Only named here: the rooms behind it import scipy, which a transform need not pay for.
    from include.forecast.horizon import Horizon
    from include.forecast.mart_rows import MartRows

log = logging.getLogger("tradewind.forecast")


def find_runs(
    wh: Warehouse, tenant: str, as_of: date, *, run_id: str, settings: TenantSettings | None = None
) -> list[dict[str, object]]:
    """Store what is new in the marts since the current forecast; returns the forecast runs that wait to be started.

    Each is {trigger_run_id, conf}: conf has tenant, period (the month of `as_of`), as_of, trigger and the events. A
    run that was returned before and has not answered yet is returned again, under the same id.
    """
    with wh.engine(tenant) as conn:
        settings = settings or load_settings(conn, tenant)
        found = _new_events(conn, as_of, settings)
        if found:
            store.add_events(
                conn,
                tenant,
                found,
                as_of=as_of,
                period=as_of.isoformat()[:7],
                forecast_run_id=_run_id(tenant, as_of, found),
                run_id=run_id,
            )
            log.info("%s · a forecast is called for by %s", tenant, ", ".join(e.key for e in found))
        return _runs(tenant, store.waiting(conn))


def facts_of(
    conn: psycopg.Connection, rows: MartRows, horizon: Horizon, settings: TenantSettings, threshold: Decimal
) -> Facts:
    """What a forecast frozen from `rows` has seen."""
    deals = store.read_won_deals(conn, since=horizon.start, as_of=horizon.as_of, currency=settings.currency)
    return Facts(
        threshold=threshold,
        currency=settings.currency,
        deals=frozenset(deal.key for deal in events.large(deals, threshold)),
        quotas=events.quotas_of(rows.quotas, horizon.start, horizon.end, settings.currency),
    )


def remember(
    conn: psycopg.Connection,
    tenant: str,
    simulation_ids: Sequence[str],
    as_of: date,
    facts: Facts,
    trigger: str | None,
) -> None:
    """Keep what these simulations have seen, and that they answer the events waiting up to `as_of`."""
    store.store_baseline(conn, tenant, simulation_ids[0], as_of, facts)
    store.answer(conn, as_of, simulation_ids)
    if trigger and set(trigger.split("+")) <= set(events.KINDS):
        store.store_trigger(conn, simulation_ids, trigger)


def _new_events(conn: psycopg.Connection, as_of: date, settings: TenantSettings) -> list[Event]:
    current = store.current_baseline(conn, as_of)
    if current is None:
        return []
    baseline, start, end = current
    config, _ = load_config(settings)
    threshold = Decimal(str(config.event_deal_amount))
    deals = store.read_won_deals(conn, since=start, as_of=as_of, currency=settings.currency)
    _tell_unconverted(deals, settings.currency)
    now = Facts(
        threshold=threshold,
        currency=settings.currency,
        deals=frozenset(),
        quotas=events.quotas_of(store.read_quotas(conn, start=start, end=end), start, end, settings.currency),
    )
    found = events.find_events(baseline, events.large(deals, threshold), now)
    known = store.known_keys(conn, [event.key for event in found])
    return [event for event in found if event.key not in known]


def _tell_unconverted(deals: Sequence[events.Deal], currency: str) -> None:
    unknown = [deal for deal in deals if deal.converted is None]
    if unknown:
        log.warning(
            "%d won deals start no forecast, whatever their size: no exchange rate to %s on their closing day (%s)",
            len(unknown), currency, ", ".join(f"{d.key} in {d.currency}" for d in unknown[:5]),
        )  # fmt: skip


def _run_id(tenant: str, as_of: date, found: Sequence[Event]) -> str:
    digest = hashlib.sha256("\n".join(sorted(event.key for event in found)).encode()).hexdigest()
    return f"event__{tenant}__{as_of}__{digest[:16]}"


def _runs(tenant: str, rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    runs = []
    for forecast_run_id, group in groupby(rows, key=lambda row: row["forecast_run_id"]):
        members = list(group)
        conf = {
            "tenant": tenant,
            "period": members[0]["period"],
            "as_of": members[0]["as_of"].isoformat(),
            "trigger": "+".join(sorted({str(row["kind"]) for row in members})),
            "events": [{"event_key": row["event_key"], **row["details"]} for row in members],
        }
        runs.append({"trigger_run_id": forecast_run_id, "conf": conf})
    return runs
