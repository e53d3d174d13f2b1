"""From sell-out to return on spend: weeks, baselines, regression, results and return of one promotion (golden G-41)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from include.flows import measure
from include.local import fingerprint
from include.warehouse.session import Warehouse
from tests import dbt_company

FIRST = date(2026, 1, 3)
#: G-41: eight weeks without a promotion, two with it, two after, one more. Saturdays: the retailer's own week ends there.
UNITS = (100, 104, 96, 100, 98, 102, 100, 100, 160, 170, 80, 90, 100)
#: The same with a week nobody would call normal, and a store whose product is new.
ODD = (100, 104, 96, 900, 98, 102, 100, 100, 160, 170, 80, 90, 100)
USUAL = "method = 'mean_of_8_clean_weeks'"


def _week(number: int) -> date:
    return FIRST + timedelta(weeks=number)


def _sales(customer: str, product: str, units: tuple[int, ...], skip: int = 0) -> dbt_company.Rows:
    return [
        {"sale_date": _week(n), "customer_key": customer, "product_key": product, "units_sold": sold}
        | {"sales_value": sold * 4, "period": "week", "currency": "USD", "run_id": "test"}
        for n, sold in enumerate(units)
        if n >= skip
    ]


def _land(wh: Warehouse) -> None:
    landed = {
        "customers": [
            {"customer_key": "R", "name": "Retailer", "customer_type": "Banner"},
            {"customer_key": "S", "name": "Store", "customer_type": "Store", "parent_customer_key": "R"},
            {"customer_key": "T", "name": "Store", "customer_type": "Store", "parent_customer_key": "R"},
        ],
        "products": [
            {"product_key": key, "name": key, "category": "Snacks", "list_price": 4, "cogs_standard": "2.50"}
            for key in ("X", "Y", "NEW")
        ],
        "promotions": [
            {"promotion_key": key, "name": key, "customer_key": customer, "status": "Closed"}
            | {"tactic_type": "Scan-Back", "scan_start": _week(7) + timedelta(days=1), "scan_end": _week(9)}
            | {"total_planned_spend": 200}
            for key, customer in (("P", "S"), ("ODD", "T"))
        ],
        "promotion_products": [
            {"promotion_key": "P", "product_key": "X", "discount_per_unit": "0.50"},
            {"promotion_key": "ODD", "product_key": "Y", "discount_per_unit": "0.50"},
            {"promotion_key": "ODD", "product_key": "NEW", "discount_per_unit": "0.50"},
        ],
    }
    with wh.pipeline() as conn:
        for month in range(1, 5):
            conn.execute(
                f"CREATE TABLE intelligence.pos_facts_2026_{month:02} PARTITION OF intelligence.pos_facts"
                f" FOR VALUES FROM ('2026-{month:02}-01') TO ('2026-{month + 1:02}-01')"
            )
        for contract, rows in landed.items():
            dbt_company.land(conn, "alpha", f"staging.raw_files__{contract}", rows)
        facts = _sales("S", "X", UNITS) + _sales("T", "Y", ODD) + _sales("T", "NEW", UNITS, skip=8)
        dbt_company.insert(conn, "alpha", "intelligence.pos_facts", facts)
    # Scanned 0.50 on 330 units, and a fee of 25.
    header, lines = dbt_company.posting(dbt_company.ACCRUAL, "ACCRUAL", ("5500", 190), ("2200", -190))
    movement = {
        "movement_id": dbt_company.SETTLEMENT,
        "promotion_key": "P",
        "movement": "accrued",
        "amount": 190,
    }
    stamp = {"as_of": "2026-04-01", "run_id": "test", "rule_version": "1", "input_hash": "h"}
    dates = {"currency": "USD", "movement_date": "2026-03-20", "accrual_method": "on_scan"}
    with wh.engine("alpha") as conn:
        dbt_company.insert(conn, "alpha", "finance.journals", [header])
        dbt_company.insert(conn, "alpha", "finance.journal_lines", lines)
        dbt_company.insert(
            conn,
            "alpha",
            "finance.accrual_ledger",
            [movement | dates | {"journal_id": dbt_company.ACCRUAL} | stamp],
        )


@pytest.fixture(scope="module")
def measured(module_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory):
    """The company with its marts built and its promotions measured, and the summary of the first measurement."""
    target = tmp_path_factory.mktemp("dbt")
    _land(module_warehouse)
    for command in (["seed"], ["run", "--select", "+promotion_roi", "+baseline", "+forward_buy_alerts"]):
        assert dbt_company.failures(dbt_company.run_dbt(module_warehouse, target, *command)) == []
    return module_warehouse, measure.measure(module_warehouse, "alpha", date(2026, 4, 1), run_id="one")


def _one(wh: Warehouse, query: str) -> tuple:
    with wh.engine("alpha") as conn:
        return conn.execute(query).fetchone()


def _all(wh: Warehouse, query: str) -> list[tuple]:
    with wh.engine("alpha") as conn:
        return conn.execute(query).fetchall()


def test_g41_baseline_of_the_promoted_weeks_and_the_two_after(measured):
    rows = _all(
        measured[0],
        "SELECT week_end_date, baseline_stat_units, baseline_units, weeks_used FROM intelligence.baseline"
        f" WHERE product_key = 'X' AND {USUAL} AND week_end_date > '{_week(7)}' ORDER BY 1",
    )
    assert [r[1:] for r in rows] == [(Decimal("100.0000"), 100, 7)] * 5
    assert _one(
        measured[0],
        "SELECT baseline_stat_units FROM intelligence.baseline"
        f" WHERE product_key = 'X' AND method = 'median_of_8_clean_weeks' AND week_end_date = '{_week(9)}'",
    ) == (Decimal("100.0000"),)


def test_g41_weeks_of_the_promotion(measured):
    rows = _all(
        measured[0],
        "SELECT week_end_date, week_kind, actual_units, incremental_units FROM planning.promotion_results"
        f" WHERE promotion_key = 'P' AND {USUAL} ORDER BY 1",
    )
    assert rows == [
        (_week(8), "promotion", 160, 60),
        (_week(9), "promotion", 170, 70),
        (_week(10), "post", 80, -20),
        (_week(11), "post", 90, -10),
    ]


def test_g41_lift_and_return(measured):
    row = _one(
        measured[0],
        "SELECT baseline_result_units, gross_incremental_units, uplift_pct, dip_units, net_incremental_units,"
        f" spend_amount, roi_gross_pct, roi_net_pct FROM analytics.promotion_roi WHERE promotion_key = 'P' AND {USUAL}",
    )
    assert [str(v.normalize()) for v in row] == [
        "2E+2",
        "1.3E+2",
        "65",
        "-3E+1",
        "1E+2",
        "1.9E+2",
        "2.63",
        "-21.05",
    ]


def test_interval_holds_the_lift_and_narrows_with_calm_weeks(measured):
    low, gross, high = _one(
        measured[0],
        "SELECT gross_low_units, gross_incremental_units, gross_high_units FROM planning.promotion_lifts"
        f" WHERE promotion_key = 'P' AND {USUAL}",
    )
    # Seven clean weeks of spread s = 2.582; two promoted weeks: s^2 (2 + 4/7), t with 6 degrees of freedom 2.447.
    assert gross - low == high - gross
    assert abs(float(high - gross) - 2.4469 * 2.5820 * (2 + 4 / 7) ** 0.5) < 0.01


def test_an_outlier_is_winsorised_and_a_new_product_borrows_from_its_category(measured):
    rows = dict(
        _all(
            measured[0],
            f"SELECT product_key, (baseline_stat_units, basis)::text FROM intelligence.baseline WHERE customer_key = 'T'"
            f" AND {USUAL} AND week_end_date = '{_week(9)}'",
        )
    )
    # Median 100, median deviation 2: 900 counts as 106. The new product has no clean week: the category's mean.
    assert rows == {"Y": "(100.8571,own_weeks)", "NEW": "(100.8571,category_at_customer)"}


def test_results_never_exceed_the_sell_out(measured):
    assert not _all(
        measured[0],
        "SELECT r.product_key, r.week_end_date FROM planning.promotion_results r JOIN (SELECT product_key, week_end_date,"
        " sum(units_sold) AS sold FROM intelligence.sell_out_weeks GROUP BY 1, 2) s USING (product_key, week_end_date)"
        " GROUP BY r.method, r.product_key, r.week_end_date, s.sold HAVING sum(r.actual_units) > s.sold",
    )


def test_measuring_again_writes_nothing_and_a_restated_week_is_taken_up(measured):
    wh, first = measured
    assert first.series_fitted == 3
    with wh.admin() as conn:
        before = fingerprint.take(conn, "alpha")
    again = measure.measure(wh, "alpha", date(2026, 4, 1), run_id="two")
    with wh.admin() as conn:
        assert fingerprint.changes(before, fingerprint.take(conn, "alpha")) == []
    assert (again.series_fitted, again.results_changed, again.lifts_changed) == (0, 0, 0)
    with wh.pipeline() as conn:
        conn.execute(
            "UPDATE intelligence.promotion_weeks SET units_sold = 165 WHERE promotion_key = 'P' AND units_sold = 160"
        )
    third = measure.measure(wh, "alpha", date(2026, 4, 1), run_id="three")
    assert third.lifts_changed >= 1
    assert _one(
        wh,
        f"SELECT gross_incremental_units FROM planning.promotion_lifts WHERE promotion_key = 'P' AND {USUAL}",
    ) == (135,)


def test_a_forward_buy_is_told_once_while_its_stock_lasts(measured):
    wh, _ = measured
    alerts = [
        {
            "customer_key": "R",
            "product_group": "Snacks",
            "month_start_date": month,
            "planning_blocked_until": until,
        }
        | {"alert_text": f"Loading the pantry in {month}"}
        for month, until in (("2025-06-01", "2025-08-01"), ("2026-03-01", "2026-05-27"))
    ]
    with wh.pipeline() as conn:
        dbt_company.insert(conn, "alpha", "intelligence.forward_buy_alerts", alerts)
    told = [measure.measure(wh, "alpha", date(2026, 4, 1), run_id=f"told-{n}").alerts_told for n in (1, 2)]
    assert told == [1, 0]
    assert _all(wh, "SELECT body FROM ops.notifications") == [("Loading the pantry in 2026-03-01",)]
