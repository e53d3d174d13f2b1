"""What is published where, as rows of data. Adding an export is adding a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from include.errors import TradewindError


@dataclass(frozen=True)
class Field:
    """One field of an exported record: its name at the destination and its column in the query.

    `kind` is text, money, rate, date or integer; `length` is the most characters a text may have there.
    """

    target: str
    source: str
    kind: str = "text"
    required: bool = False
    length: int | None = None


@dataclass(frozen=True)
class Export:
    """One object at one destination.

    `side` names the verb whose results these are. `shape` says what one item is: a record, a partition of a
    table that is replaced as a whole, a file, a statement, or a journal with its lines. `query` is read under the tenant's row
    security with the parameters `period` and `as_of`. `partition` are the columns of a replaced partition
    (C39), `checksum` the column whose sum is compared after the swap. `after` must be published first.
    `channel` is the way into the ERP that this export is (setting `publish.erp.channel`), None for all others.
    An answered export's refusals are taken up by `include.flows.acknowledge` and fail nothing here.
    """

    name: str
    title: str
    side: str
    destination: str
    object: str
    shape: str
    query: str = ""
    key: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    partition: tuple[str, ...] = ()
    checksum: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    after: str | None = None
    channel: str | None = None
    is_answered: bool = False


_CURRENT_RUNS = """
    SELECT DISTINCT ON (scenario_id, currency, simulation_date) *
    FROM planning.monte_carlo_runs
    WHERE status = 'completed' AND period = %(period)s
    ORDER BY scenario_id, currency, simulation_date, generation DESC
"""

_JOURNALS = """
    SELECT p.journal_id::text, p.event, p.posting_date, p.promotion_key, promotions.promotion_id::text,
           coalesce(c.deduction_key, c.payment_key) AS claim,
           coalesce(c.customer_key, promotions.customer_key) AS customer_key, l.currency, l.lines
    FROM finance.erp_postings p
    CROSS JOIN LATERAL (
        SELECT min(currency) AS currency,
               jsonb_agg(jsonb_build_object('account_code', account_code, 'debit', debit_amount::text,
                                            'credit', credit_amount::text) ORDER BY line_number) AS lines
        FROM finance.journal_lines jl WHERE jl.tenant_id = p.tenant_id AND jl.journal_id = p.journal_id
    ) l
    LEFT JOIN planning.promotions ON promotions.tenant_id = p.tenant_id
        AND promotions.promotion_key = p.promotion_key
    LEFT JOIN finance.claims c ON c.tenant_id = p.tenant_id AND c.claim_id = p.claim_id
    WHERE p.route = 'post' AND p.as_of <= %(as_of)s
"""

EXPORTS: tuple[Export, ...] = (
    Export(
        name="erp_journals",
        title="Journals in the ERP",
        side="reconcile",
        destination="netsuite",
        object="journal_entry",
        shape="journal",
        query=f"{_JOURNALS} ORDER BY p.posting_date, p.journal_id",
        channel="api",
        is_answered=True,
    ),
    Export(
        name="erp_journal_file",
        title="Journals of the month as a file the ERP imports",
        side="reconcile",
        destination="sharepoint",
        object="erp_journal_file",
        shape="file",
        query=f"""{_JOURNALS} AND to_char(p.as_of, 'YYYY-MM') = %(period)s
            ORDER BY p.posting_date, p.journal_id""",
        options={"file": "erp_journals.csv", "path": "ERP/Journals/Journals_{period}.csv"},
        channel="file",
    ),
    Export(
        name="salesforce_forecast",
        title="Forecast by group in Salesforce",
        side="forecast",
        destination="salesforce",
        object="Monte_Carlo_Forecast__c",
        shape="record",
        query=f"""
            WITH runs AS ({_CURRENT_RUNS})
            SELECT concat_ws('|', r.period, r.scenario_id, r.currency, 'total', 'total') AS forecast_id,
                   concat_ws(' ', r.period, r.scenario_id, 'total') AS name, r.period, r.scenario_id,
                   'total' AS group_kind, 'total' AS group_key, s.mean, s.p50, s.p95, s.es95,
                   s.budget_amount, (100 * s.p_exceed_budget)::numeric(9, 6) AS exceedance_pct, r.currency, r.as_of, r.simulation_id
            FROM runs r JOIN planning.monte_carlo_summary s USING (tenant_id, simulation_id)
            UNION ALL
            SELECT concat_ws('|', r.period, r.scenario_id, r.currency, g.group_kind, g.group_key),
                   concat_ws(' ', r.period, r.scenario_id, g.group_kind, g.group_key), r.period, r.scenario_id,
                   g.group_kind, g.group_key, g.mean, g.p50, NULL, g.es95_contribution,
                   g.budget_amount, (100 * g.p_exceed_budget)::numeric(9, 6), r.currency, r.as_of, r.simulation_id
            FROM runs r JOIN planning.monte_carlo_groups g USING (tenant_id, simulation_id)
            WHERE g.group_kind IN ('role', 'region')
        """,
        key=("Forecast_Id__c",),
        fields=(
            Field("Forecast_Id__c", "forecast_id", required=True, length=255),
            Field("Name", "name", required=True, length=80),
            Field("Period__c", "period", required=True, length=7),
            Field("Scenario_Id__c", "scenario_id", required=True, length=64),
            Field("Group_Kind__c", "group_kind", required=True, length=20),
            Field("Group_Key__c", "group_key", required=True, length=80),
            Field("Mean__c", "mean", "money", required=True),
            Field("P50__c", "p50", "money", required=True),
            Field("P95__c", "p95", "money"),
            Field("ES_95__c", "es95", "money"),
            Field("Budget__c", "budget_amount", "money"),
            Field("Budget_Exceedance_Probability__c", "exceedance_pct", "rate"),
            Field("Currency__c", "currency", required=True, length=3),
            Field("As_Of__c", "as_of", "date", required=True),
            Field("Simulation_Id__c", "simulation_id", required=True, length=64),
        ),
    ),
    Export(
        name="snowflake_monte_carlo_results",
        title="Every iteration of the forecast in Snowflake",
        side="forecast",
        destination="snowflake",
        object="monte_carlo_results",
        shape="partition",
        query=f"""
            WITH runs AS ({_CURRENT_RUNS})
            SELECT m.simulation_id, m.currency, m.scenario_id, m.simulation_date, m.iteration,
                   m.total_compensation
            FROM runs r JOIN planning.monte_carlo_results m USING (tenant_id, simulation_id)
            ORDER BY m.scenario_id, m.currency, m.simulation_date, m.iteration
        """,
        fields=(
            Field("simulation_id", "simulation_id", required=True),
            Field("currency", "currency", required=True),
            Field("scenario_id", "scenario_id", required=True),
            Field("simulation_date", "simulation_date", "date", required=True),
            Field("iteration", "iteration", "integer", required=True),
            Field("total_compensation", "total_compensation", "money", required=True),
        ),
        partition=("scenario_id", "simulation_date", "currency"),
        checksum="total_compensation",
    ),
    Export(
        name="snowflake_mc_summary",
        title="Summary view of the forecast in Snowflake",
        side="forecast",
        destination="snowflake",
        object="vw_mc_summary",
        shape="statement",
        options={
            "statement": """CREATE OR REPLACE VIEW vw_mc_summary AS
SELECT simulation_id, currency, scenario_id, simulation_date, count(*) AS iterations,
       avg(total_compensation) AS avg_comp,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY total_compensation) AS median_comp,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY total_compensation) AS var_95
FROM monte_carlo_results
GROUP BY simulation_id, currency, scenario_id, simulation_date"""
        },
        after="snowflake_monte_carlo_results",
    ),
    Export(
        name="sharepoint_forecast_workbook",
        title="The forecast's workbook in SharePoint",
        side="forecast",
        destination="sharepoint",
        object="forecast_workbook",
        shape="file",
        options={
            "file": "monthly_forecast.xlsx",
            "path": "Compensation/Output/Monte_Carlo_Results_{period}.xlsx",
        },
    ),
    Export(
        name="sharepoint_forecast_report",
        title="The forecast's PDF in SharePoint",
        side="forecast",
        destination="sharepoint",
        object="forecast_report",
        shape="file",
        options={
            "file": "monthly_report.pdf",
            "path": "Compensation/Output/Monte_Carlo_Report_{period}.pdf",
        },
    ),
    Export(
        name="snowflake_trade_settlements",
        title="Settlements of trade promotions in Snowflake",
        side="reconcile",
        destination="snowflake",
        object="trade_settlements",
        shape="partition",
        query="""
            SELECT settlement_id::text, claim_id::text, promotion_key, amount_settled, currency, status,
                   settled_as_of, to_char(settled_as_of, 'YYYY-MM') AS settled_month
            FROM finance.settlements
            WHERE settled_as_of <= %(as_of)s
            ORDER BY settled_month, settlement_id
        """,
        fields=(
            Field("settlement_id", "settlement_id", required=True),
            Field("claim_id", "claim_id", required=True),
            Field("promotion_key", "promotion_key", required=True),
            Field("amount_settled", "amount_settled", "money", required=True),
            Field("currency", "currency", required=True),
            Field("status", "status", required=True),
            Field("settled_as_of", "settled_as_of", "date", required=True),
            Field("settled_month", "settled_month", required=True),
        ),
        partition=("settled_month",),
        checksum="amount_settled",
    ),
    Export(
        name="sharepoint_deduction_queue",
        title="The deduction work queue in SharePoint",
        side="reconcile",
        destination="sharepoint",
        object="deduction_queue",
        shape="file",
        options={"file": "deduction_queue.xlsx", "path": "Trade/Queue/Deduction_Queue_{period}.xlsx"},
    ),
    Export(
        name="sharepoint_financial_statements",
        title="Financial statements of every company and period as JSON in SharePoint",
        side="reconcile",
        destination="sharepoint",
        object="financial_statements",
        shape="file",
        options={
            "file": "financial_statements.json",
            "path": "Finance/Statements/Financial_Statements_{period}.json",
        },
    ),
    Export(
        name="sharepoint_close_workbook",
        title="The close workbooks in SharePoint",
        side="close",
        destination="sharepoint",
        object="close_workbook",
        shape="file",
        options={"file": "close_*.xlsx", "path": "Trade/Close/{name}"},
    ),
    Export(
        name="sharepoint_chain_head",
        title="Heads of the snapshot chain in SharePoint, outside the database",
        side="reconcile",
        destination="sharepoint",
        object="chain_head",
        shape="file",
        options={"file": "chain_heads.jsonl", "path": "Trade/Evidence/Chain_Heads.jsonl", "of": "tenant"},
    ),
)

BY_NAME = {export.name: export for export in EXPORTS}


def of_side(side: str) -> list[Export]:
    """Exports of one verb's results; `in_order` says which come after which."""
    return [export for export in EXPORTS if export.side == side]


def in_order(exports: list[Export]) -> list[dict[str, object]]:
    """Work for tasks that run side by side: each export with those of `exports` that must come `then`."""
    names = {export.name for export in exports}
    return [
        {"export": first.name, "then": [e.name for e in exports if e.after == first.name]}
        for first in exports
        if first.after not in names
    ]


def find(name: str) -> Export:
    """The export called `name`; TradewindError lists the names when there is none."""
    try:
        return BY_NAME[name]
    except KeyError:
        raise TradewindError(
            where="publish",
            expected=f"an export among {', '.join(sorted(BY_NAME))}",
            got=name,
            remedy="correct the export's name",
        ) from None
