"""The general ledger of the seeded company: chart, calendar and journals that follow from what it sold and paid.

Sales, cost of sales, receipts and deductions of a month are the sums of the invoices and remittances of that
month; purchases, payroll and rent are drawn. Every journal balances, except one that is planted.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import numpy as np

from include.sandbox.world_deductions import Remittance
from include.sandbox.world_master import Catalogue, Network
from include.sandbox.world_names import Profile
from include.sandbox.world_promotions import Promotion
from include.sandbox.world_sales import InvoiceLine
from include.sandbox.world_shape import AS_OF, Table, cents

LAST_CLOSED = date(2026, 9, 30)
OPENING = date(2025, 9, 1)
MONTHS = tuple((2025, m) for m in range(9, 13)) + tuple((2026, m) for m in range(1, 11))
ACCRUED = ("Approved", "Live", "Closed", "Settled")

ACCOUNTS = (
    ("1000", "Cash", "asset", None, True, "Cash and cash equivalents"),
    ("1100", "Accounts receivable", "asset", None, True, "Trade receivables"),
    ("1150", "Deduction clearing", "asset", "1100", True, "Trade receivables"),
    ("1200", "Inventory", "asset", None, True, "Inventories"),
    ("2000", "Accounts payable, goods", "liability", None, True, "Trade payables"),
    ("2100", "Accounts payable, services", "liability", None, True, "Trade payables"),
    ("2200", "Accrued trade promotion", "liability", None, True, "Accrued liabilities"),
    ("3000", "Share capital", "equity", None, None, "Share capital"),
    ("3100", "Retained earnings", "equity", None, None, "Retained earnings"),
    ("4000", "Sales", "revenue", None, None, "Revenue"),
    ("5000", "Cost of goods sold", "expense", None, None, "Cost of sales"),
    ("5500", "Trade promotion expense", "expense", None, None, "Trade spend"),
    ("5510", "Slotting and fixed fees", "expense", "5500", None, "Trade spend"),
    ("5590", "Deduction write-offs", "expense", "5500", None, "Trade spend"),
    ("6000", "Operating expenses", "expense", None, None, "Operating expenses"),
)


def gl_accounts() -> Table:
    """The chart of accounts."""
    columns = ("account_code", "name", "account_type", "parent_account_code", "is_current", "statement_line")
    return Table(columns, list(ACCOUNTS))


def fiscal_periods(profile: Profile) -> Table:
    """Calendar months of 2025 to 2027, closed up to September 2026."""
    rows = []
    for year in (2025, 2026, 2027):
        for month in range(1, 13):
            end = date(year, month, monthrange(year, month)[1])
            rows.append((profile.calendar, year, month, date(year, month, 1), end, end <= LAST_CLOSED))
    return Table(("calendar", "fiscal_year", "period", "start_date", "end_date", "is_closed"), rows)


def exchange_rates(rng: np.random.Generator, profile: Profile) -> Table:
    """Month-end rates into the company's currency."""
    rows = []
    for source, text in profile.rates_to_currency:
        rate = Decimal(text)
        for month in range(14):
            year, at = 2025 + (8 + month) // 12, (8 + month) % 12 + 1
            rate = (rate * Decimal(1000 + int(rng.integers(-9, 10))) / 1000).quantize(Decimal("0.000001"))
            rows.append((source, profile.currency, date(year, at, monthrange(year, at)[1]), rate))
    return Table(("from_currency", "to_currency", "rate_date", "rate"), rows)


@dataclass
class Book:
    """Journals under construction."""

    rows: list[tuple] = field(default_factory=list)
    count: int = 0

    def enter(
        self,
        company: str,
        day: date,
        currency: str,
        text: str,
        lines: Iterable[tuple[str, int]],
        scenario: str = "actual",
        department: str | None = None,
    ) -> str | None:
        """One journal from (account, cents with debit positive); zero lines are left out."""
        lines = [(account, amount) for account, amount in lines if amount]
        if not lines:
            return None
        self.count += 1
        key = f"JE-{self.count:05d}"
        for number, (account, amount) in enumerate(lines, start=1):
            debit, credit = (cents(amount), None) if amount > 0 else (None, cents(-amount))
            self.rows.append((key, number, company, account, day, day.year, day.month, currency, debit, credit, scenario,
                              f"{company}-{day:%Y%m}", text, department))  # fmt: skip
        return key

    def table(self) -> Table:
        """The gl_journal_lines contract."""
        columns = (
            "journal_key", "line_number", "company_code", "account_code", "posting_date", "fiscal_year",
            "fiscal_period", "currency", "debit_amount", "credit_amount", "scenario", "reference", "description",
            "department",
        )  # fmt: skip
        return Table(columns, self.rows)


def company_of(net: Network, customer: str) -> int:
    """Which of the two companies sells to a customer: the first sells to the first half of the banners."""
    root = customer.split("-")[0]
    return int(root not in net.banners[: (len(net.banners) + 1) // 2])


@dataclass(frozen=True)
class Totals:
    """Cents by (company position, year, month), and by account beside it where the account varies."""

    sales: dict = field(default_factory=lambda: defaultdict(int))
    cost: dict = field(default_factory=lambda: defaultdict(int))
    received: dict = field(default_factory=lambda: defaultdict(int))
    deducted: dict = field(default_factory=lambda: defaultdict(int))
    accrued: dict = field(default_factory=lambda: defaultdict(int))
    fees: dict = field(default_factory=lambda: defaultdict(int))


def totals(
    net: Network,
    cat: Catalogue,
    invoices: list[InvoiceLine],
    remittances: list[Remittance],
    promotions: list[Promotion],
    fees: Table,
) -> Totals:
    """What the documents of each company and month add up to."""
    t = Totals()
    for x in invoices:
        at = (company_of(net, net.ship_tos[x.ship_to]), x.day.year, x.day.month)
        t.sales[at] += x.net
        t.cost[at] += x.eaches * int(cat.cogs_on(x.day)[x.product])
    for r in remittances:
        at = (company_of(net, r.payer), r.day.year, r.day.month)
        t.received[at] += r.gross - r.deducted
        t.deducted[at] += r.deducted
    for p in promotions:
        day = max(p.approved or p.sellin[0], OPENING)
        if p.status in ACCRUED and p.planned and p.method != "off_invoice" and day <= AS_OF:
            account = "5510" if p.tactic in ("Slotting", "Fixed Fee") else "5500"
            t.accrued[company_of(net, p.customer), day.year, day.month, account] += int(p.planned * 100)
    for row in fees.records():
        day = row["payment_date"]
        at = (company_of(net, row["customer_key"]), day.year, day.month, row["account_code"])
        t.fees[at] += int(row["amount"] * 100)
    return t


def journals(
    rng: np.random.Generator, profile: Profile, t: Totals, plant_unbalanced: bool
) -> tuple[Table, list[str]]:
    """All journal lines, and the keys of the journals that do not balance."""
    book = Book()
    for c, company in enumerate(profile.companies):
        _opening(book, company, profile.currency, t.sales[c, 2025, 9])
        for year, month in MONTHS:
            day = date(year, month, monthrange(year, month)[1])
            _month(rng, partial(book.enter, company, day, profile.currency), t, (c, year, month))
    _budget(rng, book, profile, t.sales)
    _foreign_office(rng, book, profile)
    unbalanced = [_unbalanced(book, profile)] if plant_unbalanced else []
    return book.table(), unbalanced


def _month(rng: np.random.Generator, enter: Callable, t: Totals, at: tuple[int, int, int]) -> None:
    """One company's month: what the documents say, and purchases and running costs in proportion."""
    sales, cost = t.sales[at], t.cost[at]
    enter("Sales invoiced", [("1100", sales), ("4000", -sales)])
    enter("Cost of goods sold", [("5000", cost), ("1200", -cost)])
    enter("Cash received", [("1000", t.received[at]), ("1100", -t.received[at])])
    enter("Short payments to clearing", [("1150", t.deducted[at]), ("1100", -t.deducted[at])])
    bought = int(cost * rng.uniform(0.92, 1.06))
    enter("Goods received", [("1200", bought), ("2000", -bought)])
    paid = int(bought * rng.uniform(0.85, 0.99))
    enter("Suppliers paid", [("2000", paid), ("1000", -paid)])
    for account in ("5500", "5510"):
        accrued = t.accrued[*at, account]
        enter("Trade accruals of approved promotions", [(account, accrued), ("2200", -accrued)])
    # A fixed fee was accrued at approval: its voucher uses the accrual up. Other vouchers are expenses.
    for account, against in (("5510", "2200"), ("6000", "6000")):
        fees = t.fees[*at, account]
        enter("Vouchers received", [(against, fees), ("2100", -fees)])
        enter("Vouchers paid", [("2100", fees), ("1000", -fees)])
    for department, share in (("Sales", 0.05), ("Operations", 0.07), ("Administration", 0.03)):
        amount = int(sales * share * rng.uniform(0.9, 1.1))
        enter(f"Payroll and rent, {department}", [("6000", amount), ("1000", -amount)], department=department)


def _opening(book: Book, company: str, currency: str, month_sales: int) -> None:
    cash, receivable, stock = 4 * month_sales // 2, 11 * month_sales // 10, month_sales
    payable, capital = 6 * month_sales // 10, month_sales
    earnings = cash + receivable + stock - payable - capital
    book.enter(company, OPENING, currency, "Opening balances", (
        ("1000", cash), ("1100", receivable), ("1200", stock), ("2000", -payable), ("3000", -capital), ("3100", -earnings),
    ))  # fmt: skip


def _budget(rng: np.random.Generator, book: Book, profile: Profile, month_sales: dict) -> None:
    """The 2026 budget of each company, month by month, from the average month's sales."""
    for c, company in enumerate(profile.companies):
        usual = sum(v for (who, *_), v in month_sales.items() if who == c) // 14
        for month in range(1, 13):
            day = date(2026, month, monthrange(2026, month)[1])
            sales = int(usual * rng.uniform(0.97, 1.08)) // 100 * 100
            cost, trade, running = sales * 62 // 100, sales * 4 // 100, sales * 15 // 100
            book.enter(company, day, profile.currency, "Budget 2026", (
                ("1100", sales), ("4000", -sales), ("5000", cost), ("1200", -cost), ("5500", trade), ("2200", -trade),
                ("6000", running), ("1000", -running),
            ), scenario="budget")  # fmt: skip


def _foreign_office(rng: np.random.Generator, book: Book, profile: Profile) -> None:
    """A small office of the second company that keeps its books in another currency."""
    company, currency = profile.companies[1], profile.group_currency
    book.enter(company, OPENING, currency, "Opening balances", (("1000", 60_000_000), ("3000", -60_000_000)))
    for year, month in MONTHS:
        day = date(year, month, monthrange(year, month)[1])
        amount = int(rng.integers(2_500_000, 3_100_000))
        book.enter(
            company,
            day,
            currency,
            "Office running costs",
            (("6000", amount), ("1000", -amount)),
            department="Sales",
        )


def _unbalanced(book: Book, profile: Profile) -> str:
    """A manual journal somebody mistyped: 1,250.00 against 1,205.00."""
    key = book.enter(profile.companies[0], AS_OF - timedelta(days=45), profile.currency, "Manual correction, mistyped",
                     (("6000", 125_000), ("2100", -120_500)))  # fmt: skip
    return str(key)
