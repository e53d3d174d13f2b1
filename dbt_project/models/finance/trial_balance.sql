-- Not materialized where a table is read twice: the planner then knows its size and its indexes.
with ledger_entries as not materialized (
    select * from {{ ref('ledger_entries') }}
),

chart_of_accounts as (
    select * from {{ ref('chart_of_accounts') }}
),

accounts as (
    select
        tenant_id,
        company_code,
        account_code,
        currency,
        scenario,
        bool_and(origin = 'trade') as is_trade_only,
        min(fiscal_year::bigint * 1000 + fiscal_period) as first_period
    from ledger_entries
    group by tenant_id, company_code, account_code, currency, scenario
),

-- Statistical accounts count heads and units, not money. Default accounts stand in for a chart only where our own
-- journals are the ledger: an ERP account that its chart does not list stays unmapped.
mapped as (
    select
        accounts.*,
        chart_of_accounts.name as account_name,
        chart_of_accounts.category
    from accounts
    left join chart_of_accounts
        on accounts.tenant_id = chart_of_accounts.tenant_id
        and accounts.account_code = chart_of_accounts.account_code
        and (not chart_of_accounts.is_default or accounts.is_trade_only)
    where chart_of_accounts.category is distinct from 'statistical'
),

periods as (
    select distinct tenant_id, company_code, currency, scenario, fiscal_year, fiscal_period
    from ledger_entries
),

-- Every account appears in every period of its company from its first movement on, so that balances roll. The
-- empty rows are added up with the movements rather than joined to them: the planner knows nothing about the size
-- of a CTE that is read twice, and joins of such guesses have run for minutes.
grid as (
    select
        mapped.tenant_id, mapped.company_code, mapped.account_code, periods.fiscal_year, periods.fiscal_period,
        mapped.currency, mapped.scenario, 0 as debit, 0 as credit
    from mapped
    inner join periods
        on mapped.tenant_id = periods.tenant_id
        and mapped.company_code = periods.company_code
        and mapped.currency = periods.currency
        and mapped.scenario = periods.scenario
        and periods.fiscal_year::bigint * 1000 + periods.fiscal_period >= mapped.first_period
    union all
    select
        tenant_id, company_code, account_code, fiscal_year, fiscal_period, currency, scenario,
        debit_amount, credit_amount
    from ledger_entries
),

summed as (
    select
        tenant_id, company_code, account_code, fiscal_year, fiscal_period, currency, scenario,
        sum(debit) as debit, sum(credit) as credit
    from grid
    group by tenant_id, company_code, account_code, fiscal_year, fiscal_period, currency, scenario
),

rolled as (
    select
        summed.tenant_id,
        summed.company_code,
        summed.account_code,
        mapped.account_name,
        mapped.category,
        summed.fiscal_year,
        summed.fiscal_period,
        summed.currency,
        summed.scenario,
        summed.debit::numeric(19, 4) as debit,
        summed.credit::numeric(19, 4) as credit
    from summed
    inner join mapped
        on summed.tenant_id = mapped.tenant_id
        and summed.company_code = mapped.company_code
        and summed.account_code = mapped.account_code
        and summed.currency = mapped.currency
        and summed.scenario = mapped.scenario
),

accumulated as (
    select
        *,
        (sum(debit - credit) over (
            partition by tenant_id, company_code, account_code, currency, scenario
            order by fiscal_year, fiscal_period
        ))::numeric(19, 4) as closing
    from rolled
),

final as (
    select
        tenant_id, company_code, account_code, account_name, category, fiscal_year, fiscal_period, currency, scenario,
        (closing - debit + credit)::numeric(19, 4) as opening,
        debit,
        credit,
        closing
    from accumulated
)

select * from final
