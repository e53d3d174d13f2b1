with ledger_entries as (
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
        min(fiscal_year * 1000 + fiscal_period) as first_period
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

movements as (
    select
        tenant_id, company_code, account_code, fiscal_year, fiscal_period, currency, scenario,
        sum(debit_amount) as debit, sum(credit_amount) as credit
    from ledger_entries
    group by tenant_id, company_code, account_code, fiscal_year, fiscal_period, currency, scenario
),

-- Every account appears in every period of its company from its first movement on, so that balances roll.
rolled as (
    select
        mapped.tenant_id,
        mapped.company_code,
        mapped.account_code,
        mapped.account_name,
        mapped.category,
        periods.fiscal_year,
        periods.fiscal_period,
        mapped.currency,
        mapped.scenario,
        coalesce(movements.debit, 0)::numeric(19, 4) as debit,
        coalesce(movements.credit, 0)::numeric(19, 4) as credit
    from mapped
    inner join periods
        on mapped.tenant_id = periods.tenant_id
        and mapped.company_code = periods.company_code
        and mapped.currency = periods.currency
        and mapped.scenario = periods.scenario
        and periods.fiscal_year * 1000 + periods.fiscal_period >= mapped.first_period
    left join movements
        on mapped.tenant_id = movements.tenant_id
        and mapped.company_code = movements.company_code
        and mapped.account_code = movements.account_code
        and mapped.currency = movements.currency
        and mapped.scenario = movements.scenario
        and periods.fiscal_year = movements.fiscal_year
        and periods.fiscal_period = movements.fiscal_period
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
