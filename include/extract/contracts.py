"""The contracts: the canonical entities every source is brought to, as rows of data.

One fact in one place: these rows drive the landing tables, the file templates, the loader's checks, the
expectations on arrivals, the generated dbt models of the staging layer and the table of contracts in the
docs. A column may be added here; renaming or dropping one is a migration with a note. The order of
`CONTRACTS` is the order of loading: parents before the rows that refer to them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

#: contract type -> PostgreSQL type. Money is NUMERIC(19,4) everywhere, rates keep nine places.
POSTGRES_TYPES = {
    "text": "text",
    "currency": "text",
    "integer": "integer",
    "units": "numeric(19,4)",
    "money": "numeric(19,4)",
    "rate": "numeric(18,9)",
    "date": "date",
    "timestamp": "timestamptz",
    "boolean": "boolean",
    "json": "jsonb",
    "uuid": "uuid",
}

#: The least rate above zero that a column of nine places holds.
SMALLEST_RATE = Decimal("0.000000001")


@dataclass(frozen=True)
class Column:
    """One column of a contract.

    `references` names the parent as contract.column; an orphan is rejected when `orphan` is "reject" and
    only reported when it is "report" (the reference is a convenience there, not the row's meaning).
    `minimum` is inclusive. `default` fills an empty cell. `is_event` marks the date of something that happened
    on that day: it has no open end, so 9999-12-31 is refused there as any other year that cannot be.
    """

    name: str
    type: str = "text"
    required: bool = False
    key: bool = False
    default: str | None = None
    allowed: tuple[str, ...] = ()
    references: str | None = None
    orphan: str = "reject"
    minimum: int | Decimal | None = None
    is_event: bool = False
    description: str = ""


@dataclass(frozen=True)
class Ordered:
    """`first` is not after `second` when both are given; strictly before it when `strict`.

    `at_most_years` bounds a window that stands for a period: an open end such as 9999-12-31 is none.
    """

    first: str
    second: str
    strict: bool = False
    at_most_years: int | None = None


@dataclass(frozen=True)
class OneSide:
    """Exactly one of two amounts is filled and it is not negative (a journal line's debit or credit)."""

    first: str
    second: str


@dataclass(frozen=True)
class NoOverlap:
    """Windows of rows that share `by` do not overlap. The later row in the file is the one rejected."""

    by: tuple[str, ...]
    start: str
    end: str
    end_exclusive: bool


@dataclass(frozen=True)
class NoCycle:
    """`parent` leads to a root: every row on a cycle is rejected."""

    key: str
    parent: str


Rule = Ordered | OneSide | NoOverlap | NoCycle


@dataclass(frozen=True)
class Contract:
    """One canonical entity. `amount` is the column whose sum is reported with every load, where there is one.

    `prefilled` are the columns that a template of ours fills: a row with these and nothing else is a line nobody
    has used. `minimum_rows` is the floor of the arrival gate when the stream arrives at all: an empty file is an
    accident, not a fact.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    amount: str | None = None
    minimum_rows: int = 1
    prefilled: tuple[str, ...] = ()
    key: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", tuple(c.name for c in self.columns if c.key))

    def column(self, name: str) -> Column:
        """The column called `name`; KeyError when the contract has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"contract {self.name} has no column {name}")


def _key(name: str, type: str = "text", **more: object) -> Column:
    return Column(name, type, required=True, key=True, **more)


def _need(name: str, type: str = "text", **more: object) -> Column:
    return Column(name, type, required=True, **more)


def _happened(name: str, *, key: bool = False) -> Column:
    return Column(name, "date", required=True, key=key, is_event=True)


CUSTOMER = "customers.customer_key"
PRODUCT = "products.product_key"
REP = "sales_reps.rep_key"
PROMOTION = "promotions.promotion_key"
PLAN = "compensation_plans.plan_key"
CURRENCY = Column("currency", "currency", description="ISO 4217; empty means the tenant's currency")

CONTRACTS: tuple[Contract, ...] = (
    Contract(
        "customers",
        "A customer of the seller at any level of the retailer's hierarchy.",
        (
            _key("customer_key"),
            _need("name"),
            _need("customer_type", allowed=("Banner", "Bill-to", "Sold-to", "Ship-to", "Store")),
            Column("parent_customer_key", references=CUSTOMER),
            Column("channel"),
            Column("region"),
            Column("trade_group"),
            Column("payment_terms"),
            CURRENCY,
            Column("attributes", "json"),
        ),
        rules=(NoCycle("customer_key", "parent_customer_key"),),
    ),
    Contract(
        "products",
        "A product as sold; units are eaches, `units_per_case` converts.",
        (
            _key("product_key"),
            _need("name"),
            Column("brand"),
            Column("category"),
            Column("sub_category"),
            Column("gtin"),
            Column("units_per_case", "integer", minimum=1),
            Column("list_price", "money"),
            Column("cogs_standard", "money"),
            CURRENCY,
            Column("attributes", "json"),
        ),
    ),
    Contract(
        "product_costs",
        "Cost of a product from an effective date on.",
        (
            _key("product_key", references=PRODUCT),
            _key("effective_date", "date"),
            _need("cogs", "money"),
            Column("landed_cost", "money"),
            CURRENCY,
        ),
    ),
    Contract(
        "price_lists",
        "Price of a product from an effective date on, for one customer or for all.",
        (
            _key("product_key", references=PRODUCT),
            Column("customer_key", key=True, references=CUSTOMER),
            _key("effective_date", "date"),
            _need("price", "money"),
            CURRENCY,
        ),
    ),
    Contract(
        "gl_accounts",
        "An account of the chart of accounts.",
        (
            _key("account_code"),
            _need("name"),
            _need(
                "account_type",
                allowed=(
                    "asset",
                    "liability",
                    "equity",
                    "revenue",
                    "contra_revenue",
                    "expense",
                    "other_income",
                    "statistical",
                ),
            ),
            Column("parent_account_code", references="gl_accounts.account_code", orphan="report"),
            Column("is_current", "boolean"),
            Column("statement_line"),
        ),
        rules=(NoCycle("account_code", "parent_account_code"),),
    ),
    Contract(
        "gl_balances",
        "Balance of an account in a period, for ledgers that come without documents: what moved, or what stood.",
        (
            _key("company_code"),
            _key("account_code"),
            _key("fiscal_year", "integer"),
            _key("fiscal_period", "integer"),
            _key("currency", "currency"),
            Column("scenario", key=True, default="actual"),
            Column("department", key=True),
            _need("amount", "money", description="debit positive"),
            Column(
                "balance_kind",
                default="movement",
                allowed=("movement", "closing"),
                description="movement in the period, or what stands at its end; a company's period that states"
                " closing balances states them all: an account it does not name stands at zero",
            ),
        ),
        amount="amount",
    ),
    Contract(
        "exchange_rates",
        "Rate of one currency in another on a date.",
        (
            _key("from_currency", "currency"),
            _key("to_currency", "currency"),
            _happened("rate_date", key=True),
            _need("rate", "rate", minimum=SMALLEST_RATE),
        ),
    ),
    Contract(
        "fiscal_periods",
        "A period of a fiscal calendar; both dates inclusive.",
        (
            _key("calendar"),
            _key("fiscal_year", "integer"),
            _key("period", "integer"),
            _need("start_date", "date"),
            _need("end_date", "date"),
            Column("is_closed", "boolean", default="false"),
        ),
        rules=(
            Ordered("start_date", "end_date"),
            NoOverlap(("calendar",), "start_date", "end_date", end_exclusive=False),
        ),
    ),
    Contract(
        "gl_journal_lines",
        "A line of a source journal, one side filled.",
        (
            _key("journal_key"),
            _key("line_number", "integer"),
            _need("company_code"),
            _need("account_code"),
            _happened("posting_date"),
            Column("fiscal_year", "integer"),
            Column("fiscal_period", "integer"),
            _need("currency", "currency"),
            Column("debit_amount", "money"),
            Column("credit_amount", "money"),
            Column("scenario", default="actual", allowed=("actual", "budget")),
            Column("reference"),
            Column("description"),
            Column("department"),
        ),
        rules=(OneSide("debit_amount", "credit_amount"),),
        amount="debit_amount",
    ),
    Contract(
        "compensation_plans",
        "A version of a compensation plan with its modes; none of the modes has a default.",
        (
            _key("plan_key"),
            Column("version", key=True, default="1"),
            Column("effective_from", "date"),
            Column("effective_to", "date"),
            Column("name"),
            Column("plan_kind", default="payout_curve", allowed=("payout_curve", "rate")),
            _need("accelerator_mode", allowed=("marginal", "retroactive")),
            _need("threshold_mode", allowed=("none", "cliff_from_zero", "linear_from_threshold")),
            Column("threshold_attainment", "rate", minimum=0),
            _need("cap_mode", allowed=("none", "payout_multiple", "attainment")),
            Column("cap_value", "rate", minimum=0),
        ),
        rules=(Ordered("effective_from", "effective_to"),),
    ),
    Contract(
        "compensation_plan_tiers",
        "A tier of a plan: `rate` applies from `lower_bound` on.",
        (
            _key("plan_key", references=PLAN),
            Column("version", key=True, default="1"),
            Column("component", key=True, default="default"),
            _key("lower_bound", "rate", minimum=0),
            _need("rate", "rate"),
        ),
    ),
    Contract(
        "compensation_plan_components",
        "A measure of a plan with its weight; weights of a plan version sum to 1.",
        (
            _key("plan_key", references=PLAN),
            Column("version", key=True, default="1"),
            _key("component"),
            Column("measure", default="revenue"),
            Column("weight", "rate", minimum=0),
            Column("gate_measure"),
            Column("gate_attainment", "rate", minimum=0),
            Column("kicker_amount", "money"),
        ),
    ),
    Contract(
        "sales_reps",
        "A person with variable pay.",
        (
            _key("rep_key"),
            _need("name"),
            _need("role"),
            Column("region"),
            Column("territory"),
            Column("manager_rep_key", references=REP, orphan="report"),
            Column("plan_key", references=PLAN, orphan="report"),
            Column("hire_date", "date"),
            Column("termination_date", "date"),
            Column("ramp_months", "integer", minimum=0),
            Column("target_incentive", "money", minimum=0),
            Column("base_salary", "money", minimum=0),
            Column("commission_rate", "rate", minimum=0),
            CURRENCY,
        ),
        rules=(Ordered("hire_date", "termination_date"),),
    ),
    Contract(
        "quotas",
        "A quota of a rep over an effective window; `period_end` is exclusive.",
        (
            _key("rep_key", references=REP),
            Column("measure", key=True, default="revenue"),
            _key("period_start", "date"),
            _need("period_end", "date"),
            _need("quota_amount", "money", minimum=0),
            CURRENCY,
        ),
        rules=(
            Ordered("period_start", "period_end", strict=True, at_most_years=5),
            NoOverlap(("rep_key", "measure"), "period_start", "period_end", end_exclusive=True),
        ),
        amount="quota_amount",
    ),
    Contract(
        "compensation_draws",
        "A draw against a rep's commission for one window that is settled at its end; `period_end` is exclusive.",
        (
            _key("rep_key", references=REP),
            _key("period_start", "date"),
            _key("period_end", "date"),
            _need("draw_amount", "money", minimum=0, description="for the whole window"),
            _need(
                "is_recoverable",
                "boolean",
                description="true: paid back from later earnings; false: a guarantee",
            ),
            CURRENCY,
        ),
        rules=(
            Ordered("period_start", "period_end", strict=True, at_most_years=5),
            NoOverlap(("rep_key",), "period_start", "period_end", end_exclusive=True),
        ),
        amount="draw_amount",
    ),
    Contract(
        "compensation_budgets",
        "Budget of variable pay for a scope and window; `period_end` is exclusive.",
        (
            _key("scope", allowed=("total", "role", "region")),
            Column("scope_key", key=True),
            _key("period_start", "date"),
            _key("period_end", "date"),
            _need("budget_amount", "money", minimum=0),
            _need("currency", "currency"),
        ),
        rules=(Ordered("period_start", "period_end", strict=True, at_most_years=5),),
        amount="budget_amount",
    ),
    Contract(
        "accounts",
        "An account of the CRM.",
        (
            _key("account_key"),
            _need("name"),
            Column("industry"),
            Column("annual_revenue", "money"),
            Column("employees", "integer"),
            Column("country"),
            Column("account_type"),
            Column("created_at", "timestamp"),
            Column("updated_at", "timestamp"),
        ),
    ),
    Contract(
        "opportunities",
        "A deal of the CRM, open or closed.",
        (
            _key("opportunity_key"),
            Column("name"),
            Column("account_key", references="accounts.account_key", orphan="report"),
            Column("owner_rep_key", references=REP, orphan="report"),
            Column("amount", "money"),
            CURRENCY,
            _need("stage"),
            Column("is_won", "boolean"),
            Column("is_closed", "boolean"),
            Column("probability", "rate", minimum=0),
            Column("created_date", "date"),
            Column("close_date", "date"),
            Column("type"),
            Column("region"),
            Column("customer_org"),
            Column("oems", "json"),
            Column("partners", "json"),
        ),
        amount="amount",
    ),
    Contract(
        "opportunity_history",
        "What a deal said after each change of its stage, amount, probability or close date; makes win rates by stage.",
        (
            _key("opportunity_key", references="opportunities.opportunity_key", orphan="report"),
            _key("changed_at", "timestamp"),
            _need("stage"),
            Column("amount", "money"),
            Column("probability", "rate", minimum=0),
            Column("close_date", "date", description="closing date expected after the change"),
        ),
    ),
    Contract(
        "sales_credits",
        "Revenue credited to a rep: credits after splits, not bookings.",
        (
            _key("credit_key"),
            _need("rep_key", references=REP),
            _happened("credit_date"),
            _need("amount", "money"),
            _need("currency", "currency"),
            Column("measure", default="revenue"),
            Column("credit_type", default="revenue", allowed=("revenue", "overlay")),
            Column("opportunity_key", references="opportunities.opportunity_key", orphan="report"),
            Column("order_ref"),
        ),
        amount="amount",
    ),
    Contract(
        "incentive_payments",
        "Variable pay that was really paid, for back-tests.",
        (
            _key("payment_key"),
            _need("rep_key", references=REP),
            _need("period_start", "date"),
            _need("period_end", "date"),
            _need("amount", "money"),
            CURRENCY,
        ),
        rules=(Ordered("period_start", "period_end"),),
        amount="amount",
    ),
    Contract(
        "workers",
        "A person as the HR systems know them.",
        (
            _key("worker_key"),
            _need("full_name"),
            Column("email"),
            Column("job_title"),
            Column("department"),
            Column("manager_worker_key", references="workers.worker_key", orphan="report"),
            Column("hire_date", "date"),
            Column("termination_date", "date"),
            Column("base_pay", "money", minimum=0),
            CURRENCY,
        ),
        rules=(Ordered("hire_date", "termination_date"),),
    ),
    Contract(
        "funds",
        "A trade fund that promotions draw on.",
        (
            _key("fund_key"),
            _need("name"),
            _need("total_budget", "money", minimum=0),
            CURRENCY,
            Column("start_date", "date"),
            Column("end_date", "date"),
            Column("owner"),
            Column(
                "overdraw_pct",
                "rate",
                minimum=0,
                description="0-100: percent of total_budget that may be overspent",
            ),
        ),
        rules=(Ordered("start_date", "end_date"),),
        amount="total_budget",
    ),
    Contract(
        "promotions",
        "A trade promotion; all end dates inclusive. Unknown planned spend is never settled automatically.",
        (
            _key("promotion_key"),
            Column("promotion_id", "uuid", description="derived from the key when absent"),
            _need("name"),
            _need("customer_key", references=CUSTOMER),
            Column("fund_key", references="funds.fund_key", orphan="report"),
            _need(
                "status",
                allowed=("Draft", "Pending Approval", "Approved", "Live", "Closed", "Settled", "Cancelled"),
            ),
            _need(
                "tactic_type",
                allowed=(
                    "TPR",
                    "Display",
                    "Feature",
                    "Scan-Back",
                    "BOGO",
                    "Bill-Back",
                    "Slotting",
                    "Fixed Fee",
                    "Off-Invoice",
                    "Other",
                ),
            ),
            Column(
                "settlement_method",
                allowed=("deduction", "scan_back", "bill_back", "off_invoice", "fixed_fee"),
            ),
            Column("sellin_start", "date"),
            Column("sellin_end", "date"),
            Column("scan_start", "date"),
            Column("scan_end", "date"),
            Column("forecast_uplift_pct", "rate"),
            Column("total_planned_spend", "money", minimum=0),
            Column("approved_date", "date"),
            Column("closed_date", "date"),
            Column(
                "accrual_method",
                allowed=("full_on_approval", "spread", "on_shipment", "on_scan", "lump_sum", "lump_sum_date"),
            ),
            Column(
                "funding_rate",
                "rate",
                minimum=0,
                description="money per unit, where a product of the promotion states no discount_per_unit",
            ),
            Column("gl_account_code"),
            CURRENCY,
        ),
        rules=(Ordered("sellin_start", "sellin_end"), Ordered("scan_start", "scan_end")),
        amount="total_planned_spend",
    ),
    Contract(
        "promotion_status_history",
        "A change of a promotion's status; makes the fund checkbook true for past dates.",
        (
            _key("promotion_key", references=PROMOTION),
            _key("changed_at", "timestamp"),
            _need("status"),
            Column("lifecycle_status"),
        ),
    ),
    Contract(
        "promotion_products",
        "A product on a promotion with its discount and forecast units.",
        (
            _key("promotion_key", references=PROMOTION),
            _key("product_key", references=PRODUCT),
            Column("discount_per_unit", "money", minimum=0),
            Column("forecasted_base_units", "integer", minimum=0),
            Column("forecasted_uplift_units", "integer", minimum=0),
        ),
    ),
    Contract(
        "remittances",
        "A payment of a retailer; its deductions must tie to it.",
        (
            _key("remittance_key"),
            _need("customer_key", references=CUSTOMER),
            _happened("received_date"),
            Column("gross_amount", "money"),
            Column("net_amount", "money"),
            Column("total_deductions", "money"),
        ),
        amount="total_deductions",
    ),
    Contract(
        "deductions",
        "An amount a retailer short-paid (positive) or paid back (negative, linked by `reversal_of`).",
        (
            _key("deduction_key"),
            _need("customer_key", references=CUSTOMER),
            _need("amount", "money"),
            _need("currency", "currency"),
            _happened("posting_date"),
            Column("invoice_ref"),
            Column("order_ref"),
            Column("check_ref"),
            Column("remittance_key", references="remittances.remittance_key", orphan="report"),
            Column("reason_code_erp"),
            Column("description"),
            Column("promotion_id", "uuid"),
            Column("gl_account_code"),
            Column("dispute_deadline", "date"),
            Column("backup_doc_url"),
            Column("reversal_of", references="deductions.deduction_key", orphan="report"),
        ),
        amount="amount",
    ),
    Contract(
        "deduction_lines",
        "A product line of a deduction.",
        (
            _key("deduction_key", references="deductions.deduction_key"),
            _key("line_number", "integer"),
            Column("product_key", references=PRODUCT, orphan="report"),
            Column("units", "units"),
            Column("amount", "money"),
        ),
        amount="amount",
    ),
    Contract(
        "ap_payments",
        "A fixed fee paid through accounts payable.",
        (
            _key("payment_key"),
            _need("customer_key", references=CUSTOMER),
            _need("account_code"),
            _need("amount", "money"),
            _need("currency", "currency"),
            _happened("payment_date"),
            Column("method", allowed=("check", "ach", "wire")),
            Column("reference"),
            Column("promotion_id", "uuid"),
        ),
        amount="amount",
    ),
    Contract(
        "proofs_of_performance",
        "Evidence that a retailer performed a promotion.",
        (
            _key("proof_key"),
            _need("promotion_key", references=PROMOTION),
            _need("document_url"),
            _happened("received_date"),
        ),
    ),
    Contract(
        "claim_decisions",
        "What a person decided about a claim; applied once by `decision_key`, under the tenant's limits.",
        (
            _key("decision_key"),
            Column("claim_kind", default="deduction", allowed=("deduction", "ap_payment")),
            _need("claim_key", description="the deduction's or payment's key"),
            _need(
                "action",
                allowed=("settle", "dispute", "recover", "write_off", "non_trade", "not_duplicate", "reopen"),
            ),
            Column("promotion_key", references=PROMOTION, orphan="report", description="where to settle to"),
            Column(
                "amount",
                "money",
                minimum=Decimal("0.0001"),
                description="empty means all that the action can take",
            ),
            _need("reason"),
            _need("decided_by"),
            _need("decided_at", "timestamp"),
            Column("approved_by", description="another person, above the limits"),
            Column("approved_at", "timestamp"),
        ),
        amount="amount",
        minimum_rows=0,
        prefilled=("decision_key", "claim_kind", "claim_key"),
    ),
    Contract(
        "period_decisions",
        "What a person decided about a closed fiscal period: signed it, or reopened it and why.",
        (
            _key("decision_key"),
            _need("fiscal_year", "integer"),
            _need("period", "integer", minimum=1),
            _need("action", allowed=("sign", "reopen")),
            Column("reason", description="Required to reopen; kept with the decision."),
            _need("decided_by"),
            _need("decided_at", "timestamp"),
        ),
    ),
    Contract(
        "reason_codes",
        "A retailer's reason code and what it means; no customer = all customers; leading zeros do not matter.",
        (
            Column("customer_key", key=True, references=CUSTOMER),
            _key("reason_code_erp"),
            _need(
                "reason_code_normalized",
                allowed=(
                    "PROMO",
                    "SHORTAGE",
                    "PRICING",
                    "TAX",
                    "SPOILS",
                    "DAMAGE",
                    "COMPLIANCE",
                    "FREIGHT",
                    "OTHER",
                ),
            ),
        ),
    ),
    Contract(
        "invoices",
        "A line of a sales invoice (sell-in), in eaches or cases.",
        (
            _key("invoice_key"),
            _key("line_number", "integer"),
            _happened("invoice_date"),
            _need("customer_key", references=CUSTOMER),
            _need("product_key", references=PRODUCT),
            _need("units_shipped", "units"),
            _need("unit_of_measure", allowed=("each", "case")),
            Column("gross_amount", "money"),
            Column("off_invoice_amount", "money"),
            _need("net_amount", "money"),
            _need("currency", "currency"),
        ),
        amount="net_amount",
    ),
    Contract(
        "pos_sales",
        "Sell-out of a product at a customer on a day or in the week that ends there, in eaches.",
        (
            _happened("sale_date", key=True),
            _key("customer_key", references=CUSTOMER),
            _key("product_key", references=PRODUCT),
            _need("units_sold", "units"),
            _need("sales_value", "money"),
            Column("period", default="day", allowed=("day", "week")),
            Column("is_promotion", "boolean"),
            Column("promo_price_detected", "money"),
            Column("retail_discount", "money"),
            CURRENCY,
        ),
        amount="sales_value",
    ),
)

BY_NAME = {contract.name: contract for contract in CONTRACTS}
