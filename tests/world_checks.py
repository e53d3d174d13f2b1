"""What must be true of any seeded company: each check returns what is wrong with it."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from datetime import date
from decimal import Decimal

from include.extract.contracts import BY_NAME
from include.sandbox.world_shape import Table, World

PYTHON_TYPES = {
    "money": (Decimal,), "units": (int, Decimal), "rate": (int, Decimal), "integer": (int,), "date": (date,),
    "boolean": (bool,),
}  # fmt: skip


def contract_faults(world: World) -> list[str]:
    """Columns, types, required cells, accepted values, keys and references of every table against its contract."""
    faults: list[str] = []
    values = {
        f"{name}.{column}": set(table.column(column))
        for name, table in world.tables.items()
        for column in table.columns
    }
    for name, table in world.tables.items():
        contract = BY_NAME[name]
        if table.columns != tuple(c.name for c in contract.columns):
            faults.append(f"{name}: columns {table.columns}")
            continue
        keys = [tuple(row[table.columns.index(k)] for k in contract.key) for row in table.rows]
        if len(set(keys)) != len(keys):
            faults.append(f"{name}: repeated key")
        for c in contract.columns:
            cells = table.column(c.name)
            given = [x for x in cells if x is not None]
            if c.required and len(given) < len(cells):
                faults.append(f"{name}.{c.name}: empty")
            if c.allowed and set(given) - set(c.allowed):
                faults.append(f"{name}.{c.name}: {set(given) - set(c.allowed)}")
            if any(not isinstance(x, PYTHON_TYPES.get(c.type, (str,))) for x in given):
                faults.append(f"{name}.{c.name}: not {c.type}")
            if any(
                isinstance(x, Decimal) and -x.as_tuple().exponent > (9 if c.type == "rate" else 4)
                for x in given
            ):
                faults.append(f"{name}.{c.name}: too many places")
            if c.minimum is not None and any(x < c.minimum for x in given):
                faults.append(f"{name}.{c.name}: below {c.minimum}")
            if c.references in values and set(given) - values[c.references]:
                faults.append(f"{name}.{c.name}: orphans {sorted(set(given) - values[c.references])[:3]}")
    return faults


def forest_faults(customers: Table) -> list[str]:
    """Customers whose chain of parents is cyclic, leaves the table, or does not go up one level at a time."""
    rank = {"Banner": 0, "Bill-to": 1, "Sold-to": 1, "Ship-to": 2, "Store": 3}
    node = {r["customer_key"]: r for r in customers.records()}
    faults = []
    for key, row in node.items():
        parent = row["parent_customer_key"]
        if parent is None:
            if rank[row["customer_type"]] > 1:
                faults.append(f"{key}: a root below the payers")
        elif parent not in node or rank[node[parent]["customer_type"]] != rank[row["customer_type"]] - 1:
            faults.append(f"{key}: parent {parent}")
    return faults


def remittance_differences(world: World) -> dict[str, Decimal]:
    """Remittance -> stated total less its deductions, where they differ or gross is not net plus total."""
    deducted: dict[str, Decimal] = defaultdict(Decimal)
    for row in world.tables["deductions"].records():
        deducted[row["remittance_key"]] += row["amount"]
    found = {}
    for row in world.tables["remittances"].records():
        difference = row["total_deductions"] - deducted[row["remittance_key"]]
        if difference or row["gross_amount"] != row["net_amount"] + row["total_deductions"]:
            found[row["remittance_key"]] = difference
    return found


def unbalanced_journals(world: World) -> set[str]:
    """Keys of source journals whose debits and credits differ."""
    balance: dict[str, Decimal] = defaultdict(Decimal)
    for row in world.tables["gl_journal_lines"].records():
        balance[row["journal_key"]] += (row["debit_amount"] or 0) - (row["credit_amount"] or 0)
    return {key for key, amount in balance.items() if amount}


def overlapping_windows(quotas: Table) -> list[tuple]:
    """Quota rows that begin before an earlier window of the same rep and measure has ended."""
    found, last = [], {}
    for row in sorted(quotas.records(), key=lambda r: (r["rep_key"], r["measure"], r["period_start"])):
        who = (row["rep_key"], row["measure"])
        if row["period_end"] <= row["period_start"] or (who in last and row["period_start"] < last[who]):
            found.append((*who, row["period_start"]))
        last[who] = row["period_end"]
    return found


def forward_buys(world: World) -> set[tuple[str, str, int, int]]:
    """(retailer, category, year, month) where shipments outran sell-out as semantics 5f says: shipped at least
    1.5 times sold, sell-out grown by at most a tenth, more than 35 days of supply at the month's end."""
    product = {
        r["product_key"]: (r["category"], r["units_per_case"]) for r in world.tables["products"].records()
    }
    shipped: dict[tuple, float] = defaultdict(float)
    sold: dict[tuple, float] = defaultdict(float)
    for row in world.tables["invoices"].records():
        category, per_case = product[row["product_key"]]
        at = (
            row["customer_key"].split("-")[0],
            category,
            row["invoice_date"].year,
            row["invoice_date"].month,
        )
        shipped[at] += row["units_shipped"] * (per_case if row["unit_of_measure"] == "case" else 1)
    for row in world.tables["pos_sales"].records():
        category, _ = product[row["product_key"]]
        at = (row["customer_key"].split("-")[0], category, row["sale_date"].year, row["sale_date"].month)
        sold[at] += row["units_sold"]
    found = set()
    stock: dict[tuple, float] = {}
    last: dict[tuple, float] = {}
    for at in sorted(sold):
        who, days = at[:2], monthrange(at[2], at[3])[1]
        daily = sold[at] / days
        stock[who] = max(0.0, stock.get(who, 21 * daily) + shipped[at] - sold[at])
        grown = daily / last[who] - 1 if who in last else 0.0
        last[who] = daily
        if shipped[at] >= 1.5 * sold[at] and grown <= 0.10 and stock[who] / daily > 35:
            found.add(at)
    return found


def earned_amounts(world: World) -> dict[str, Decimal]:
    """Promotion -> units x rate of scan-backs and bill-backs, counted from the contract tables alone."""
    parent = {row[0]: row[3] for row in world.tables["customers"].rows}
    per_case = {r["product_key"]: r["units_per_case"] for r in world.tables["products"].records()}
    movements: dict[tuple[str, str], list[tuple[date, str, int]]] = defaultdict(list)
    for row in world.tables["pos_sales"].records():
        movements["scan_back", row["product_key"]].append(
            (row["sale_date"], row["customer_key"], row["units_sold"])
        )
    for row in world.tables["invoices"].records():
        units = row["units_shipped"] * (
            per_case[row["product_key"]] if row["unit_of_measure"] == "case" else 1
        )
        movements["bill_back", row["product_key"]].append((row["invoice_date"], row["customer_key"], units))
    under: dict[str, set[str]] = defaultdict(set)
    for key in parent:
        node: str | None = key
        while node is not None:
            under[node].add(key)
            node = parent[node]
    promotions = {r["promotion_key"]: r for r in world.tables["promotions"].records()}
    earned: dict[str, Decimal] = defaultdict(Decimal)
    for row in world.tables["promotion_products"].records():
        p = promotions[row["promotion_key"]]
        start, end = (
            ("scan_start", "scan_end") if p["tactic_type"] == "Scan-Back" else ("sellin_start", "sellin_end")
        )
        for day, customer, units in movements[p["settlement_method"], row["product_key"]]:
            if p[start] <= day <= p[end] and customer in under[p["customer_key"]]:
                earned[p["promotion_key"]] += units * row["discount_per_unit"]
    return dict(earned)
