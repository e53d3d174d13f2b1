"""A small company that touches every model, and dbt run over it in this process.

Both tenants get the same keys: what tells their rows apart is tenant_id alone, so a join that forgets it shows.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
from dbt.cli.main import dbtRunner, dbtRunnerResult
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import Jsonb

from include.reconcile.rules import Rules
from include.warehouse.copy import relation_name
from include.warehouse.session import Warehouse

PROJECT = Path(__file__).resolve().parents[1] / "dbt_project"
TENANTS = ("alpha", "beta")
CLAIM = "11111111-1111-5111-8111-111111111111"
ACCRUAL, SETTLEMENT = "22222222-2222-5222-8222-222222222222", "33333333-3333-5333-8333-333333333333"
RECEIPT, DEBIT_MEMO = "44444444-4444-5444-8444-444444444444", "55555555-5555-5555-8555-555555555555"

Rows = list[dict[str, object]]


def run_dbt(wh: Warehouse, target: Path, *arguments: str) -> dbtRunnerResult:
    """One dbt command against `wh` as tw_pipeline; artifacts go to `target`."""
    address = conninfo_to_dict(wh.pipeline_dsn)
    place = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(target)]
    with _environment(
        TRADEWIND_PGHOST=address["host"],
        TRADEWIND_PGPORT=str(address["port"]),
        TRADEWIND_PGDATABASE=address["dbname"],
    ):
        return dbtRunner().invoke([*arguments, *place, "--log-path", str(target / "logs"), "--quiet"])


def failures(result: dbtRunnerResult) -> list[str]:
    """Name and message of every node that is neither built nor passed; the exception when dbt itself failed."""
    if result.exception is not None:
        return [repr(result.exception)]
    fine = {"success", "pass", "no-op"}
    return [
        f"{node.node.name}: {node.status} {node.message}" for node in result.result if node.status not in fine
    ]


def load(wh: Warehouse) -> None:
    """Land the company's rows for both tenants and write what the engines would have written about them."""
    with wh.pipeline() as conn:
        conn.execute(
            "CREATE TABLE intelligence.pos_facts_2026_02 PARTITION OF intelligence.pos_facts"
            " FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')"
        )
        for tenant in TENANTS:
            for contract, rows in LANDED.items():
                land(conn, tenant, f"staging.raw_files__{contract}", rows)
            for stream, rows in SALESFORCE.items():
                land(conn, tenant, f"staging.raw_salesforce__{stream}", rows)
            insert(conn, tenant, "intelligence.pos_facts", POS)
            insert(conn, tenant, "staging.loads", LOADS)
    for tenant in TENANTS:
        with wh.engine(tenant) as conn:
            for relation, rows in RECORDS.items():
                insert(conn, tenant, relation, rows)


def insert(conn: psycopg.Connection, tenant: str, relation: str, rows: Rows) -> None:
    """Insert `rows` of `tenant` into `relation`; dictionaries and lists become JSON."""
    for row in rows:
        values = {"tenant_id": tenant} | row
        conn.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                relation_name(relation),
                sql.SQL(", ").join(map(sql.Identifier, values)),
                sql.SQL(", ").join(sql.Placeholder() for _ in values),
            ),
            [Jsonb(value) if isinstance(value, dict | list) else value for value in values.values()],
        )


def land(conn: psycopg.Connection, tenant: str, relation: str, rows: Rows) -> None:
    """Land `rows` of `tenant` as one delivery into a landing table."""
    for number, row in enumerate(rows, 1):
        origin = {
            "_source_file": "company",
            "_row_number": number,
            "_row_hash": str(number),
            "_run_id": "test",
        }
        insert(conn, tenant, relation, [row | origin])


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _journal(key: str, *lines: tuple[str, int], currency: str = "USD") -> Rows:
    return [
        {
            "journal_key": key,
            "line_number": number,
            "company_code": "A",
            "account_code": account,
            "posting_date": "2026-02-10",
            "currency": currency,
            "debit_amount": max(amount, 0) if amount > 0 else None,
            "credit_amount": -amount if amount < 0 else None,
            "scenario": "actual",
        }
        for number, (account, amount) in enumerate(lines, 1)
    ]


def _balance(account: str, amount: int) -> dict[str, object]:
    return {
        "company_code": "B",
        "account_code": account,
        "fiscal_year": 2026,
        "fiscal_period": 2,
        "currency": "USD",
        "scenario": "actual",
        "amount": amount,
        "balance_kind": "movement",
    }


LANDED: dict[str, Rows] = {
    "customers": [
        {"customer_key": "BANNER", "name": "Banner", "customer_type": "Banner", "payment_terms": "Net 60"},
        {
            "customer_key": "DC-1",
            "name": "Centre",
            "customer_type": "Ship-to",
            "parent_customer_key": "BANNER",
        },
        {"customer_key": "STORE", "name": "Store", "customer_type": "Store", "parent_customer_key": "DC-1"},
    ],
    "products": [
        {
            "product_key": "X",
            "name": "Crisps",
            "category": "Snacks",
            "gtin": "4006381333931",
            "units_per_case": 12,
        }
        | {"cogs_standard": "2.50"},
    ],
    "product_costs": [{"product_key": "X", "effective_date": "2026-01-01", "cogs": "2.40"}],
    "price_lists": [{"product_key": "X", "effective_date": "2026-01-01", "price": "4.00"}],
    "gl_accounts": [
        {"account_code": code, "name": name, "account_type": kind, "is_current": current}
        for code, name, kind, current in (
            ("1000", "Cash", "asset", True),
            ("3000", "Capital", "equity", None),
            ("4000", "Revenue", "revenue", None),
            ("6000", "Costs", "expense", None),
        )
    ],
    "gl_balances": [_balance("1000", 50), _balance("4000", -40)],
    "exchange_rates": [
        {"from_currency": "EUR", "to_currency": "USD", "rate_date": "2026-01-01", "rate": "1.25"},
    ],
    "fiscal_periods": [
        {"calendar": "standard", "fiscal_year": 2026, "period": month, "start_date": start, "end_date": end}
        | {"is_closed": month == 1}
        for month, start, end in ((1, "2026-01-01", "2026-01-31"), (2, "2026-02-01", "2026-02-28"))
    ],
    "gl_journal_lines": [
        *_journal("sale", ("1000", 100), ("4000", -100)),
        *_journal("cost", ("6000", 30), ("1000", -30)),
        *_journal("crooked", ("1000", 9), ("4000", -8)),
    ],
    "compensation_plans": [
        {"plan_key": "P", "version": "1", "accelerator_mode": "marginal", "threshold_mode": "none"}
        | {"cap_mode": "none"},
    ],
    "compensation_plan_tiers": [
        {"plan_key": "P", "version": "1", "component": "default", "lower_bound": 0, "rate": 1},
    ],
    "compensation_plan_components": [{"plan_key": "P", "version": "1", "component": "default", "weight": 1}],
    "sales_reps": [{"rep_key": "R1", "name": "Ruth", "role": "AE", "region": "West", "plan_key": "P"}],
    "quotas": [
        {
            "rep_key": "R1",
            "measure": "revenue",
            "period_start": start,
            "period_end": end,
            "quota_amount": 1000,
        }
        for start, end in (("2026-01-01", "2026-04-01"), ("2026-04-01", "2026-07-01"))
    ],
    "compensation_draws": [
        {"rep_key": "R1", "period_start": "2026-01-01", "period_end": "2026-02-01", "draw_amount": 100}
        | {"is_recoverable": True, "currency": "USD"},
    ],
    "compensation_budgets": [
        {"scope": "total", "period_start": "2026-01-01", "period_end": "2027-01-01", "budget_amount": 50000}
        | {"currency": "USD"},
    ],
    "opportunities": [
        {
            "opportunity_key": "O1",
            "account_key": "001A",
            "owner_rep_key": "R1",
            "amount": "100000.01",
            "stage": "Closed Won",
        }
        | {"is_won": True, "is_closed": True, "close_date": "2026-02-03", "type": "New Business"}
        | {"oems": ["Acme", {"name": "Bolt"}], "partners": ["Dell", "Echo", "Fox"]},
    ],
    "opportunity_history": [
        {"opportunity_key": "O1", "changed_at": f"{day}T09:00:00Z", "stage": stage, "amount": amount}
        for day, stage, amount in (
            ("2026-01-05", "Proposal", 90000),
            ("2026-02-03", "Closed Won", "100000.01"),
        )
    ],
    "sales_credits": [
        {"credit_key": "C1", "rep_key": "R1", "credit_date": "2026-02-03", "amount": 400, "currency": "USD"}
        | {"opportunity_key": "O1"},
    ],
    "incentive_payments": [
        {
            "payment_key": "I1",
            "rep_key": "R1",
            "period_start": "2026-01-01",
            "period_end": "2026-03-31",
            "amount": 900,
        },
    ],
    "workers": [{"worker_key": "W1", "full_name": "Ruth"}],
    "funds": [{"fund_key": "F", "name": "Fund", "total_budget": 100000}],
    "promotions": [
        {
            "promotion_key": "P1",
            "name": "February scan",
            "customer_key": "BANNER",
            "fund_key": "F",
            "status": "Closed",
        }
        | {"tactic_type": "Scan-Back", "sellin_start": "2026-01-25", "sellin_end": "2026-02-14"}
        | {"scan_start": "2026-02-01", "scan_end": "2026-02-14", "total_planned_spend": 100},
        {
            "promotion_key": "P2",
            "name": "February price",
            "customer_key": "DC-1",
            "fund_key": "F",
            "status": "Live",
        }
        | {
            "tactic_type": "TPR",
            "sellin_start": "2026-02-01",
            "sellin_end": "2026-02-28",
            "total_planned_spend": 200,
        },
    ],
    "promotion_status_history": [
        {
            "promotion_key": "P1",
            "changed_at": "2026-01-20T10:00:00Z",
            "status": "Approved",
            "lifecycle_status": "Approved",
        },
    ],
    "promotion_products": [
        {"promotion_key": "P1", "product_key": "X", "discount_per_unit": "0.50"},
        {"promotion_key": "P2", "product_key": "X", "discount_per_unit": "0.25"},
    ],
    "remittances": [
        {
            "remittance_key": "M1",
            "customer_key": "BANNER",
            "received_date": "2026-02-20",
            "total_deductions": 120,
        },
    ],
    "deductions": [
        {
            "deduction_key": "D1",
            "customer_key": "DC-1",
            "amount": 120,
            "currency": "USD",
            "posting_date": "2026-02-20",
        }
        | {"reason_code_erp": "05", "remittance_key": "M1", "dispute_deadline": "2026-03-20"},
    ],
    "deduction_lines": [
        {"deduction_key": "D1", "line_number": 1, "product_key": "X", "units": 10, "amount": 120}
    ],
    "ap_payments": [
        {
            "payment_key": "A1",
            "customer_key": "BANNER",
            "account_code": "5510",
            "amount": 20,
            "currency": "USD",
        }
        | {"payment_date": "2026-02-21"},
    ],
    "claim_decisions": [
        {"decision_key": "K1", "claim_kind": "deduction", "claim_key": "D1", "action": "settle"}
        | {"promotion_key": "P1", "amount": 80, "reason": "As agreed.", "decided_by": "ana"}
        | {"decided_at": "2026-02-27T10:00:00Z"},
    ],
    "proofs_of_performance": [
        {
            "proof_key": "E1",
            "promotion_key": "P1",
            "document_url": "file:proof.pdf",
            "received_date": "2026-02-16",
        },
    ],
    "period_decisions": [
        {"decision_key": "S1", "fiscal_year": 2026, "period": 2, "action": "sign", "decided_by": "Ann"}
        | {"decided_at": "2026-03-06T12:00:00Z"},
    ],
    "reason_codes": [{"reason_code_erp": "5", "reason_code_normalized": "PROMO"}],
    "invoices": [
        {
            "invoice_key": "V1",
            "line_number": 1,
            "invoice_date": "2026-02-02",
            "customer_key": "DC-1",
            "product_key": "X",
        }
        | {"units_shipped": 100, "unit_of_measure": "case", "net_amount": 4000, "currency": "USD"},
    ],
}
SALESFORCE: dict[str, Rows] = {
    "account": [
        {
            "id": "001A",
            "name": "Busy",
            "created_date": "2025-01-01T00:00:00Z",
            "system_modstamp": "2026-02-01T00:00:00Z",
        }
    ],
    "user": [
        {"id": "005U", "name": "Ruth", "employee_number": "R1", "system_modstamp": "2026-02-01T00:00:00Z"}
    ],
    "opportunity": [
        {
            "id": "006O",
            "name": "Deal",
            "account_id": "001A",
            "owner_id": "005U",
            "amount": 70,
            "stage_name": "Prospecting",
        }
        | {"is_won": False, "is_closed": False, "probability": 20, "system_modstamp": "2026-02-01T00:00:00Z"},
    ],
    "opportunityhistory": [
        {"id": record, "opportunity_id": "006O", "stage_name": stage, "amount": 70, "probability": 20}
        | {"created_date": "2026-01-20T08:00:00Z", "system_modstamp": "2026-01-20T08:00:00Z"}
        for record, stage in (("008A", "Qualification"), ("008B", "Prospecting"))
    ],
}
POS: Rows = [
    {"sale_date": f"2026-02-{day:02d}", "customer_key": "STORE", "product_key": "X", "units_sold": units}
    | {"sales_value": units * 4, "period": "day", "currency": "USD", "run_id": "test"}
    for day, units in ((3, 10), (10, 7), (17, 5), (24, 6))
]
LOADS: Rows = [
    {
        "run_id": "test",
        "source": "files",
        "stream": "customers",
        "status": "loaded",
        "rows_read": 3,
        "rows_loaded": 3,
    }
    | {"rows_unchanged": 0, "rows_superseded": 0, "rows_rejected": 0}
    | {"started_at": "2026-02-28T00:00:00Z", "ended_at": "2026-02-28T00:00:01Z"},
]
_RUN = {"as_of": "2026-02-28", "run_id": "test", "rule_version": "1", "input_hash": "h"}


def posting(
    journal_id: str, event: str, *lines: tuple[str, int], claim: str | None = None
) -> tuple[dict[str, object], Rows]:
    """Header and lines of a journal of promotion P1; debits positive."""
    header = {"journal_id": journal_id, "event": event, "status": "Posted", "posted_by": "tradewind"}
    dates = {"posting_date": "2026-02-20", "original_posting_date": "2026-02-20"}
    posted = [
        {
            "journal_id": journal_id,
            "line_number": number,
            "posting_date": "2026-02-20",
            "account_code": account,
        }
        | {
            "currency": "USD",
            "debit_amount": max(amount, 0),
            "credit_amount": max(-amount, 0),
            "event": event,
        }
        | {"posted_by": "tradewind", "promotion_key": "P1", "claim_id": claim}
        for number, (account, amount) in enumerate(lines, 1)
    ]
    return header | dates | {"promotion_key": "P1", "claim_id": claim} | _RUN, posted


_ACCRUED, _ACCRUED_LINES = posting(ACCRUAL, "ACCRUAL", ("5500", 100), ("2200", -100))
_SETTLED, _SETTLED_LINES = posting(
    SETTLEMENT, "SETTLEMENT", ("2200", 80), ("5500", -80), ("5500", 80), ("1150", -80), claim=CLAIM
)
_RECEIVED, _RECEIVED_LINES = posting(RECEIPT, "DEDUCTION_RECEIPT", ("1150", 120), ("1100", -120), claim=CLAIM)
_CHARGED, _CHARGED_LINES = posting(DEBIT_MEMO, "DEBIT_MEMO", ("1100", 40), ("1150", -40), claim=CLAIM)
_SIMULATION = "sim_" + "0" * 32
_TOTALS = (100, 200, 300, 400, 500)
_ACCRUALS = ("66666666-6666-5666-8666-666666666666", "77777777-7777-5777-8777-777777777777")
_PERIOD = {"calendar": "standard", "fiscal_year": 2026, "period": 2, "generation": 1}


def _accruals() -> list[tuple]:
    """January and February of R1: id, id before, month, last day, amounts, credited by then."""
    january = {"cumulative_amount": 63, "accrued_before_amount": 0, "true_up_amount": 0}
    february = {"cumulative_amount": 132, "accrued_before_amount": 63, "true_up_amount": 3}
    return [
        (_ACCRUALS[0], None, 1, "2026-01-31", january | {"catch_up_amount": 0, "current_amount": 63}, 200),
        (
            _ACCRUALS[1],
            _ACCRUALS[0],
            2,
            "2026-02-28",
            february | {"catch_up_amount": 0, "current_amount": 66},
            400,
        ),
    ]


RECORDS: dict[str, Rows] = {
    "finance.claims": [
        {
            "claim_id": CLAIM,
            "source_kind": "deduction",
            "deduction_key": "D1",
            "customer_key": "DC-1",
            "amount": 120,
        }
        | {
            "currency": "USD",
            "posting_date": "2026-02-20",
            "outcome": "SETTLED_EXCESS_DISPUTED",
            "reason": "Fits P1.",
        }
        | {
            "amount_settled": 80,
            "amount_disputed": 40,
            "promotion_key": "P1",
            "match_confidence_score": "0.91",
        }
        | {"dispute_deadline": "2026-03-20"}
        | _RUN,
    ],
    "finance.match_candidates": [
        {
            "claim_id": CLAIM,
            "promotion_key": key,
            "score": score,
            "evidence": 1,
            "rank": rank,
            "parts": {"date": 1, "why": "leads P2 by 0.41" if rank == 1 else "trails P1 by 0.41"},
        }
        | {"chosen": rank == 1, "as_of": "2026-02-28", "run_id": "test", "rule_version": "1"}
        for rank, (key, score) in enumerate((("P1", "0.91"), ("P2", "0.50")), 1)
    ],
    "finance.journals": [_ACCRUED, _SETTLED, _RECEIVED, _CHARGED],
    "finance.journal_lines": _ACCRUED_LINES + _SETTLED_LINES + _RECEIVED_LINES + _CHARGED_LINES,
    "finance.claim_tasks": [
        {
            "task_id": CLAIM,
            "claim_id": CLAIM,
            "task_type": "UNAUTHORIZED_DEDUCTION",
            "status": "open",
            "amount": 20,
            "currency": "USD",
            "detail": "20 of it is above what P1 authorises",
            "proposal": {"chargeback": "20.0000"},
        }
        | {"opened_as_of": "2026-02-28", "run_id": "test", "rule_version": "1"}
    ],
    "finance.backtests": [
        {
            "backtest_id": CLAIM,
            "from_date": "2025-03-01",
            "to_date": "2026-02-28",
            "rule_version": "1",
            "rules": {},
        }
        | {
            "input_hash": "h",
            "claims": 2,
            "cleared": 2,
            "confirmed": 1,
            "precision_rate": "0.5",
            "recall_rate": "1",
        }
        | {"run_id": "test"}
    ],
    "finance.backtest_bands": [
        {
            "backtest_id": CLAIM,
            "score_from": "0.9",
            "score_to": 1,
            "currency": "USD",
            "claims": 2,
            "confirmed": 1,
        }
        | {"by_person": 1, "amount": 180, "rate_low": "0.094531", "rate_high": "0.905469"}
    ],
    "finance.backtest_thresholds": [
        {
            "backtest_id": CLAIM,
            "clear_score": "0.9",
            "cleared": 2,
            "confirmed": 1,
            "owed": 1,
            "is_present_rule": True,
        }
    ],
    "finance.claim_decisions": [
        {
            "decision_key": "K1",
            "content_hash": "1",
            "revision": 1,
            "claim_kind": "deduction",
            "claim_key": "D1",
        }
        | {"claim_id": CLAIM, "action": "settle", "promotion_key": "P1", "amount": 80, "currency": "USD"}
        | {"status": "applied", "why": "settled by ana", "reason": "As agreed.", "decided_by": "ana"}
        | {"decided_at": "2026-02-27T10:00:00Z", "journal_ids": f"{{{SETTLEMENT}}}"}
        | _RUN,
    ],
    "finance.posted_rows": [
        {"contract": "claim_decisions", "row_key": "K2", "posted_by": "bo"}
        | {"content": {"claim_kind": "deduction", "claim_key": "D1", "action": "recover", "reason": "Paid."}},
    ],
    "finance.settlements": [
        {
            "settlement_id": CLAIM,
            "claim_id": CLAIM,
            "promotion_key": "P1",
            "amount_settled": 80,
            "currency": "USD",
        }
        | {"status": "Queued", "settled_as_of": "2026-02-28"}
        | {"gl_posting_json": {"idempotency_key": SETTLEMENT}}
        | {key: _RUN[key] for key in ("run_id", "rule_version", "input_hash")},
    ],
    "finance.accrual_ledger": [
        {
            "movement_id": journal,
            "promotion_key": "P1",
            "movement": movement,
            "amount": amount,
            "currency": "USD",
        }
        | {"movement_date": "2026-02-20", "journal_id": journal, "accrual_method": "full_on_approval"}
        | _RUN
        for journal, movement, amount in ((ACCRUAL, "accrued", 100), (SETTLEMENT, "reversed", -80))
    ],
    "finance.promotion_state": [
        {
            "promotion_key": "P1",
            "lifecycle_status": "Approved",
            "accrual_method": "full_on_approval",
            "currency": "USD",
        }
        | {"accrual_date": "2026-01-25", "approved_amount": 100, "approved_date": "2026-01-25"}
        | _RUN,
    ],
    "finance.status_moves": [
        {
            "promotion_key": "P1",
            "sequence": 1,
            "to_status": "Closed",
            "is_legal": True,
            "moved_on": "2026-02-28",
        }
        | _RUN,
    ],
    "finance.accrual_methods": [
        {"promotion_key": "P1", "accrual_method": method, "amount": 100, "currency": "USD"}
        | {"is_applied": method == "full_on_approval"}
        | _RUN
        for method in ("full_on_approval", "spread")
    ],
    "intelligence.baseline_regressions": [
        {"customer_key": "STORE", "product_key": "X", "week_end_date": "2026-02-03", "method_version": "1"}
        | {"baseline_stat_units": "6.5", "spread_units": 1, "weeks_used": 9, "run_id": "test"},
    ],
    "intelligence.baseline_fits": [
        {
            "customer_key": "STORE",
            "product_key": "X",
            "method_version": "1",
            "input_hash": "h",
            "week_count": 4,
        }
        | {"not_fitted_reason": "fewer than 8 clean weeks with sales", "run_id": "test"},
    ],
    "planning.promotion_results": [
        {"promotion_key": "P1", "product_key": "X", "week_end_date": "2026-02-03", "week_kind": "promotion"}
        | {"method": "log_linear_regression", "method_version": "1", "customer_count": 1, "fallback_count": 0}
        | {"actual_units": "3.3333", "baseline_result_units": "2.1667", "baseline_units": 2}
        | {"incremental_units": "1.1666", "run_id": "test"},
    ],
    "planning.promotion_lifts": [
        {
            "promotion_key": "P1",
            "method": "log_linear_regression",
            "method_version": "1",
            "promotion_weeks": 1,
        }
        | {"post_weeks": 0, "actual_units": "3.3333", "baseline_result_units": "2.1667"}
        | {"gross_incremental_units": "1.1666", "uplift_pct": "53.8422", "dip_units": 0}
        | {"net_incremental_units": "1.1666", "fallback_count": 0, "run_id": "test"},
    ],
    "finance.reconciliation_runs": [
        {"is_replay": False, "status": "completed", "rules": Rules().as_json()} | _RUN,
    ],
    "finance.close_runs": [
        _PERIOD
        | {"start_date": "2026-02-01", "end_date": "2026-02-28", "state": "closed", "contents": {}}
        | _RUN
        | {"reconciled_as_of": "2026-02-28", "reconciled_run_id": "test"},
    ],
    "finance.close_checklist": [
        _PERIOD
        | {
            "check_name": "clearing",
            "currency": "USD",
            "status": "tied",
            "is_blocking": True,
            "detail": "Ties.",
        }
        | {"as_of": "2026-02-28", "run_id": "test"},
    ],
    "finance.period_closes": [
        _PERIOD
        | {"event": "closed", "start_date": "2026-02-01", "end_date": "2026-02-28", "as_of": "2026-02-28"}
        | {"decided_by": "tradewind", "input_hash": "h", "statements_hash": "h", "run_id": "test"},
    ],
    "finance.balance_assertions": [
        _PERIOD
        | {"ledger": "accruals", "account_code": "2200", "currency": "USD", "run_id": "test"}
        | {"expected_amount": 20, "found_amount": 20},
    ],
    "planning.monte_carlo_runs": [
        {
            "simulation_id": _SIMULATION,
            "name": "base",
            "scenario_id": "base",
            "currency": "USD",
            "period": "2026-02",
        }
        | {"simulation_date": "2026-02-28", "as_of": "2026-02-28", "horizon_start": "2026-01-01"}
        | {"horizon_end": "2027-01-01", "iterations": 5, "block_iterations": 5, "block_count": 1, "seed": 1}
        | {"rep_count": 1, "excluded_count": 0, "input_hash": "h", "config_hash": "h", "code_version": "1"}
        | {"status": "completed", "progress": 100, "generation": 1, "profile": "exact", "run_id": "test"},
    ],
    "planning.monte_carlo_results": [
        {
            "simulation_id": _SIMULATION,
            "currency": "USD",
            "scenario_id": "base",
            "simulation_date": "2026-02-28",
        }
        | {"iteration": number, "total_compensation": total}
        for number, total in enumerate(_TOTALS)
    ],
    "planning.monte_carlo_groups": [
        {
            "simulation_id": _SIMULATION,
            "group_kind": kind,
            "group_key": key,
            "currency": "USD",
            "rep_count": 1,
        }
        | {"mean": 300, "p10": 140, "p50": 300, "p90": 460}
        for kind, key in (("role", "AE"), ("rep", "R1"))
    ],
    "planning.monte_carlo_summary": [
        {
            "simulation_id": _SIMULATION,
            "currency": "USD",
            "scenario_id": "base",
            "simulation_date": "2026-02-28",
        }
        | {"sampling": "plain", "independent_units": 5}
        | {"iterations": 5, "mean": 300, "minimum": 100, "maximum": 500, "percentiles": {}, "var_95": 480}
        | {
            "p1": 104,
            "p5": 120,
            "p10": 140,
            "p25": 200,
            "p50": 300,
            "p75": 400,
            "p90": 460,
            "p95": 480,
            "p99": 496,
        }
        | {"var_95_excess": 180, "es95": 500, "reserve": 160, "credited_to_date": 400},
    ],
    "finance.accrued_compensation": [
        {"accrual_id": accrual, "previous_id": before, "horizon_start": "2026-01-01", "currency": "USD"}
        | {"horizon_end": "2027-01-01", "calendar": "standard", "fiscal_year": 2026, "fiscal_period": month}
        | {"period_start": f"2026-{month:02d}-01", "period_end": end, "generation": 1, "as_of": end}
        | {"simulation_id": _SIMULATION, "credited_through": end, "expense_account": "6100"}
        | {
            "liability_account": "2300",
            "rep_count": 1,
            "expected_payout": 1200 + 60 * month,
            "run_id": "test",
        }
        | amounts
        for accrual, before, month, end, amounts, _ in _accruals()
    ],
    "finance.accrued_compensation_reps": [
        {"accrual_id": accrual, "rep_key": "R1", "measure": "revenue", "role": "AE", "region": "West"}
        | {"method": "credited", "expected_payout": 1200 + 60 * month, "expected_credited": 4000}
        | {"credited_amount": credited, "elapsed_share": 0, "credited_at_start_amount": 0}
        | {"elapsed_at_start_share": 0, "credited_before_amount": 0, "elapsed_before_share": 0}
        | amounts
        for accrual, _, month, _, amounts, credited in _accruals()
    ],
    "planning.monte_carlo_backtests": [
        {"horizon_start": "2025-01-01", "horizon_end": "2026-01-01", "lead_months": 1, "currency": "USD"}
        | {"group_kind": "total", "group_key": "", "as_of": "2025-11-30", "source_hash": "h", "seed": 1}
        | {"iterations": 5, "rep_count": 0, "paid_amount": 0, "unmatched_paid_amount": 900}
        | {"covered_days": 90, "not_compared": "payments cover 90 of 365 days", "run_id": "test"}
    ],
    "planning.monte_carlo_backtest_reps": [
        {"horizon_start": "2025-01-01", "lead_months": 1, "currency": "USD", "rep_key": "R1"}
        | {"not_compared": "no payment of the year"}
    ],
    "planning.monte_carlo_drivers": [
        {
            "simulation_id": _SIMULATION,
            "currency": "USD",
            "scenario_id": "base",
            "simulation_date": "2026-02-28",
        }
        | {"lever": "quota", "size": 0.05, "iterations": 5, "rank": 1, "mean": 290, "p95": 460}
        | {"delta_mean": -10, "delta_mean_se": 2, "delta_p95": -20, "delta_p95_se": 4},
    ],
    "planning.monte_carlo_optima": [
        {
            "simulation_id": _SIMULATION,
            "currency": "USD",
            "scenario_id": "base",
            "simulation_date": "2026-02-28",
        }
        | {"lever": "quota_scale", "percentile": 95, "budget_amount": 465, "status": "met", "setting": 1.05}
        | {"amount": 460, "mean": 290, "p95": 460, "p_exceed_budget": 0.2, "next_setting": 1.04}
        | {"next_amount": 466, "is_monotone": True, "lowest": 0.5, "highest": 2, "step": 0.01}
        | {"iterations": 5, "evaluations": 12},
    ],
    "publish.receipts": [
        {
            "receipt_id": CLAIM,
            "export": "forecast",
            "target": "salesforce",
            "object": "Forecast__c",
            "mode": "upsert",
        }
        | {
            "dry_run": True,
            "as_of": "2026-02-28",
            "payload_sha256": "h",
            "status": "planned",
            "run_id": "test",
        }
        | {"started_at": "2026-02-28T00:00:00Z", "ended_at": "2026-02-28T00:00:01Z"},
    ],
}
