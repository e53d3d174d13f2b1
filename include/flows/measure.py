"""Measure one tenant's promotions: fit what changed, compare actual with baseline, tell about forward buys.

Everything written is derived from the marts of the last transform, in one transaction, and replaced only where it
differs: killed anywhere and run again it ends the same, and a run over unchanged marts writes nothing. A forward buy
is told once, while its stock lasts; older ones stand in intelligence.forward_buy_alerts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

from include import runlog
from include.measure import lift, regression
from include.warehouse import measurement, notifications
from include.warehouse.lease import acquire
from include.warehouse.session import Warehouse

log = logging.getLogger("tradewind.measure")
#: Series whose fits are held before they are written: memory does not grow with the table.
BATCH_SERIES = 2_000
_FOUR = Decimal("0.0001")


@dataclass(frozen=True)
class Summary:
    """What one measurement wrote."""

    tenant: str
    series_fitted: int
    results_changed: int
    lifts_changed: int
    alerts_told: int

    def __str__(self) -> str:
        return (
            f"measure · {self.tenant} · {self.series_fitted} series fitted · {self.results_changed} results and"
            f" {self.lifts_changed} lifts changed · {self.alerts_told} forward buys told"
        )


def measure(wh: Warehouse, tenant: str, as_of: date, *, run_id: str) -> Summary:
    """Bring baselines by regression, promotion results and lifts in line with the marts.

    Raises LeaseLost when a newer attempt has taken the tenant over.
    """
    lease = acquire(wh, tenant, f"measure:{tenant}")
    with (
        runlog.run(wh, tenant=tenant, run_id=run_id, verb="measure", as_of=as_of) as entry,
        runlog.step(wh, run_id=run_id, tenant=tenant, name="measure") as progress,
    ):
        with wh.engine(tenant, lease) as conn:
            fitted = 0
            for batch in _batches(measurement.changed_series(conn, regression.VERSION)):
                made = [(series, regression.fit(series.weeks)) for series in batch]
                measurement.write_fits(conn, tenant, run_id, regression.VERSION, made)
                fitted += len(made)
                log.info("%s · %s series fitted", tenant, fitted)
            measurement.forget_vanished(conn, tenant)
            results, lifts = measurement.read_cells(conn)
            changed = [
                measurement.replace_where_different(
                    conn, "planning.promotion_results", *_RESULT, _results(tenant, run_id, results)
                ),
                measurement.replace_where_different(
                    conn, "planning.promotion_lifts", *_LIFT, _lifts(tenant, run_id, lifts)
                ),
            ]
            alerts = measurement.alerts_in_force(conn, as_of)
        told = sum(_tell(wh, tenant, *alert) for alert in alerts)
        summary = Summary(tenant, fitted, *changed, told)
        entry.summary = {"series": fitted, "results": changed[0], "lifts": changed[1], "alerts": told}
        progress.row_count, progress.message = sum(changed), str(summary)
    return summary


def _batches(series: Iterable[measurement.Series]) -> Iterator[list[measurement.Series]]:
    held: list[measurement.Series] = []
    for one in series:
        held.append(one)
        if len(held) == BATCH_SERIES:
            yield held
            held = []
    if held:
        yield held


def _tell(wh: Warehouse, tenant: str, retailer: str, group: str, month: date, text: str) -> bool:
    return notifications.record(
        wh,
        tenant=tenant,
        key=f"forward_buy|{retailer}|{group}|{month}",
        subject=f"Forward buy: {retailer}, {group}, {month:%Y-%m}",
        body=text,
    )


def _results(tenant: str, run_id: str, rows: list[tuple]) -> Iterator[tuple]:
    widths = lift.half_widths(_column(rows, 10), _column(rows, 11))
    for row, width in zip(rows, widths, strict=True):
        *key, kind, customers, fallbacks, actual, baseline = row[:10]
        gained = actual - baseline
        rounded = int((baseline).quantize(Decimal(1), ROUND_HALF_UP))
        yield (tenant, *key, kind, customers, fallbacks, actual, baseline, rounded, gained, *_around(gained, width), run_id)  # fmt: skip


def _lifts(tenant: str, run_id: str, rows: list[tuple]) -> Iterator[tuple]:
    gross_widths = lift.half_widths(_column(rows, 9), _column(rows, 10))
    net_widths = lift.half_widths(_column(rows, 11), _column(rows, 12))
    for row, gross_width, net_width in zip(rows, gross_widths, net_widths, strict=True):
        *key, actual, baseline, dip, fallbacks = row[:9]
        gross = actual - baseline
        net = gross + dip
        # Against less than one unit a percentage says nothing.
        uplift = (100 * gross / baseline).quantize(_FOUR, ROUND_HALF_UP) if baseline >= 1 else None
        yield (
            tenant, *key, actual, baseline, gross, *_around(gross, gross_width), uplift, dip, net,
            *_around(net, net_width), fallbacks, run_id,
        )  # fmt: skip


def _around(middle: Decimal, width: float) -> tuple[Decimal | None, Decimal | None]:
    if not np.isfinite(width) or width >= 1e14:
        return None, None
    half = Decimal(width).quantize(_FOUR, ROUND_HALF_UP)
    return middle - half, middle + half


def _column(rows: list[tuple], place: int) -> np.ndarray:
    return np.array([np.nan if row[place] is None else float(row[place]) for row in rows])


_RESULT = (
    ("tenant_id", "promotion_key", "product_key", "week_end_date", "method"),
    (
        "tenant_id", "promotion_key", "product_key", "week_end_date", "method", "method_version", "week_kind",
        "customer_count", "fallback_count", "actual_units", "baseline_result_units", "baseline_units", "incremental_units",
        "incremental_low_units", "incremental_high_units", "run_id",
    ),
)  # fmt: skip
_LIFT = (
    ("tenant_id", "promotion_key", "method"),
    (
        "tenant_id", "promotion_key", "method", "method_version", "promotion_weeks", "post_weeks", "actual_units",
        "baseline_result_units", "gross_incremental_units", "gross_low_units", "gross_high_units", "uplift_pct", "dip_units",
        "net_incremental_units", "net_low_units", "net_high_units", "fallback_count", "run_id",
    ),
)  # fmt: skip
