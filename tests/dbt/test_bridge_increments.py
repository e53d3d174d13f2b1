"""The bridge is built from what changed, and equals what a slow reference makes of everything, after every kind of change."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from include.flows.extract import extract_files
from include.warehouse.session import Warehouse
from tests import dbt_company
from tests.reference.bridge_reference import Sale, Window, bridge

FIRST, DAYS = date(2026, 1, 1), 59
PARENTS = {"R": None, "DC1": "R", "DC2": "R"} | {f"S{n}": f"DC{n % 2 + 1}" for n in range(6)}
PRODUCTS = ("A", "B", "C")
BUILT = "+promotion_actuals"


class Company:
    """A company as its files state it; `deliver` writes and loads them."""

    def __init__(self, wh: Warehouse, inbox: Path, target: Path) -> None:
        rng = random.Random(20260228)
        self.wh, self.inbox, self.target, self.deliveries = wh, inbox, target, 0
        self.parents = dict(PARENTS)
        self.promotions = {
            f"P{n}": ("Live", rng.choice(list(PARENTS)), (start := rng.randrange(DAYS)), start + rng.randrange(20), rng.choice((0, 100, 250)))
            for n in range(14)
        }  # fmt: skip
        self.lines = {(key, product) for key in self.promotions for product in PRODUCTS if rng.random() < 0.6}
        self.sales = {
            (day, f"S{store}", product): rng.randrange(1, 40)
            for day in range(DAYS)
            for store in range(6)
            for product in PRODUCTS
            if rng.random() < 0.5
        }

    def deliver(self, sales: dict[tuple[int, str, str], int] | None = None) -> None:
        """Load the company's files, and of the sell-out only `sales` where some are given."""
        self.deliveries += 1
        stamp = self.deliveries
        rows = {
            "customers": ["customer_key,name,customer_type,parent_customer_key"]
            + [f"{key},{key},Store,{parent or ''}" for key, parent in self.parents.items()],
            "products": ["product_key,name"] + [f"{key},{key}" for key in PRODUCTS],
            "promotions": [
                "promotion_key,name,customer_key,status,tactic_type,scan_start,scan_end,total_planned_spend"
            ]
            + [
                f"{key},{key},{customer},{status},TPR,{_day(start)},{_day(end)},{plan}"
                for key, (status, customer, start, end, plan) in self.promotions.items()
            ],
            "promotion_products": ["promotion_key,product_key"]
            + [f"{key},{product}" for key, product in sorted(self.lines)],
            f"pos_sales_{stamp}": ["sale_date,customer_key,product_key,units_sold,sales_value"]
            + [
                f"{_day(day)},{store},{product},{units},{units * 2}"
                for (day, store, product), units in (self.sales if sales is None else sales).items()
            ],
        }
        folder = self.inbox / str(stamp)
        folder.mkdir(parents=True)
        for name, lines in rows.items():
            (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
        assert extract_files(self.wh, "alpha", folder, f"run-{stamp}").failures == {}
        if sales is not None:
            self.sales |= sales

    def build(self) -> None:
        """One run of dbt over the bridge and what it is made of."""
        assert dbt_company.failures(dbt_company.run_dbt(self.wh, self.target, "run", "--select", BUILT)) == []

    def expected(self) -> dict:
        """What the reference says."""
        windows = [
            Window(key, product, customer, _day(start), _day(end), Decimal(plan))
            for key, (status, customer, start, end, plan) in self.promotions.items()
            if status == "Live"
            for owner, product in self.lines
            if owner == key
        ]
        sales = [Sale(_day(d), s, p, Decimal(units)) for (d, s, p), units in self.sales.items()]
        return bridge(windows, sales, self.parents)

    def built(self) -> dict:
        """What the warehouse holds, and where each row stands."""
        with self.wh.pipeline() as conn:
            rows = conn.execute(
                "SELECT promotion_key, sale_date, customer_key, product_key, units_sold FROM analytics.promotion_actuals"
            ).fetchall()
        assert len({row[:4] for row in rows}) == len(rows)
        return {row[:4]: row[4] for row in rows}


def _day(number: int) -> date:
    return FIRST + timedelta(days=number)


@pytest.fixture(scope="module")
def company(module_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Company:
    made = Company(module_warehouse, tmp_path_factory.mktemp("inbox"), tmp_path_factory.mktemp("dbt"))
    made.deliver()
    assert dbt_company.failures(dbt_company.run_dbt(made.wh, made.target, "seed")) == []
    made.build()
    return made


def test_built_from_nothing(company: Company):
    assert company.built() == company.expected() != {}


def test_a_day_is_added_and_one_restated(company: Company):
    before = _versions(company.wh)
    company.deliver({(DAYS - 1, "S0", "A"): 77, (20, "S1", "B"): 99, (21, "S5", "C"): 1})
    company.build()
    assert company.built() == company.expected()
    kept = before & _versions(company.wh)
    assert len(kept) > 0.95 * len(before), "rows of days that did not change were written again"


def test_promotions_move_are_cancelled_deleted_and_replanned(company: Company):
    keys = sorted({key for key, _, _, _ in company.built()})
    moved, cancelled, deleted, replanned, widened = keys[:5]
    status, customer, start, end, plan = company.promotions[moved]
    company.promotions[moved] = (status, customer, start + 9, end + 12, plan)
    company.promotions[cancelled] = ("Cancelled", *company.promotions[cancelled][1:])
    company.promotions[replanned] = (*company.promotions[replanned][:4], 999)
    company.promotions[widened] = ("Live", "R", *company.promotions[widened][2:])
    company.promotions["NEW"] = ("Live", "DC1", 5, 30, 40)
    company.lines |= {("NEW", "A"), ("NEW", "C")}
    company.deliver({})
    with company.wh.pipeline() as conn:
        for contract in ("promotion_products", "promotions"):
            conn.execute(f"DELETE FROM staging.raw_files__{contract} WHERE promotion_key = %s", (deleted,))
    del company.promotions[deleted]
    company.lines -= {(deleted, product) for product in PRODUCTS}
    company.build()
    assert company.built() == company.expected()


def test_a_store_moves_and_one_opens(company: Company):
    company.parents |= {"S0": "DC2" if company.parents["S0"] == "DC1" else "DC1", "S9": "DC1", "DC2": None}
    company.deliver({(10, "S9", "A"): 12, (11, "S9", "B"): 3})
    company.build()
    assert company.built() == company.expected()


def test_nothing_changed_and_nothing_is_written(company: Company):
    before = _versions(company.wh)
    company.build()
    assert _versions(company.wh) == before
    with company.wh.pipeline() as conn:
        assert conn.execute("SELECT count(*) FROM intelligence.pos_changes").fetchone() == (0,)


def test_a_failed_build_forgets_nothing(company: Company):
    company.deliver({(12, "S2", "A"): 31})
    with company.wh.pipeline() as conn:
        conn.execute(
            "ALTER TABLE analytics.promotion_actuals ADD CONSTRAINT none_new CHECK (false) NOT VALID"
        )
    assert dbt_company.failures(
        dbt_company.run_dbt(company.wh, company.target, "run", "--select", "promotion_actuals")
    )
    with company.wh.pipeline() as conn:
        conn.execute("ALTER TABLE analytics.promotion_actuals DROP CONSTRAINT none_new")
    company.build()
    assert company.built() == company.expected()


def test_two_tenants_do_not_touch_each_other(company: Company):
    with company.wh.pipeline() as conn:
        found = conn.execute("SELECT DISTINCT tenant_id FROM analytics.promotion_actuals").fetchall()
    assert found == [("alpha",)]


def test_a_window_reads_its_month_only_and_keeps_its_index_under_row_security(company: Company):
    """TDM-19: partitions are pruned for the engine too, whose rows a policy chooses."""
    with company.wh.engine("alpha") as conn:
        conn.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(
            line
            for (line,) in conn.execute(
                "EXPLAIN SELECT sum(units_sold) FROM intelligence.pos_facts"
                " WHERE product_key = 'A' AND sale_date BETWEEN '2026-02-01' AND '2026-02-14'"
            )
        )
    assert "pos_facts_2026_02" in plan and "pos_facts_2026_01" not in plan
    assert "pos_facts_2026_02_key" in plan


def _versions(wh: Warehouse) -> set[tuple]:
    with wh.pipeline() as conn:
        return set(conn.execute("SELECT ctid::text, xmin::text FROM analytics.promotion_actuals").fetchall())
