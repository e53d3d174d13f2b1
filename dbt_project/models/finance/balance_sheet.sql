with trial_balance as (
    select * from {{ ref('trial_balance') }} where scenario = 'actual'
),

chart_of_accounts as (
    select * from {{ ref('chart_of_accounts') }}
),

unmapped_accounts as (
    select * from {{ ref('unmapped_accounts') }}
),

-- The gate: a company's period with an account nobody mapped gets no statement instead of a wrong one.
withheld as (
    select distinct tenant_id, company_code, fiscal_year, fiscal_period, currency
    from unmapped_accounts
    where scenario = 'actual'
),

accumulated as (
    select
        *,
        sum(debit - credit) over (
            partition by tenant_id, company_code, account_code, currency, fiscal_year
            order by fiscal_period
        ) as year_to_date
    from trial_balance
),

passed as (
    select accumulated.*
    from accumulated
    left join withheld
        on accumulated.tenant_id = withheld.tenant_id
        and accumulated.company_code = withheld.company_code
        and accumulated.fiscal_year = withheld.fiscal_year
        and accumulated.fiscal_period = withheld.fiscal_period
        and accumulated.currency = withheld.currency
    where withheld.tenant_id is null and accumulated.category is not null
),

positions as (
    select
        passed.tenant_id,
        passed.company_code,
        passed.fiscal_year,
        passed.fiscal_period,
        passed.currency,
        passed.category as section,
        chart_of_accounts.statement_line,
        chart_of_accounts.is_current,
        sum(passed.closing * chart_of_accounts.presentation_sign) as amount
    from passed
    inner join chart_of_accounts
        on passed.tenant_id = chart_of_accounts.tenant_id
        and passed.account_code = chart_of_accounts.account_code
    where chart_of_accounts.statement = 'balance_sheet'
    group by
        passed.tenant_id, passed.company_code, passed.fiscal_year, passed.fiscal_period, passed.currency,
        passed.category, chart_of_accounts.statement_line, chart_of_accounts.is_current
),

-- Income accounts, credit positive: the running total of all years, and of the year a period belongs to.
results as (
    select
        tenant_id,
        company_code,
        fiscal_year,
        fiscal_period,
        currency,
        -sum(closing) as all_years,
        -sum(year_to_date) as current_year
    from passed
    where category in ('revenue', 'expenses', 'other_income')
    group by tenant_id, company_code, fiscal_year, fiscal_period, currency
),

lines as (
    select *, false as is_computed from positions
    union all
    select
        tenant_id, company_code, fiscal_year, fiscal_period, currency,
        'equity' as section, 'Current-year earnings' as statement_line, null as is_current, current_year, true
    from results
    union all
    select
        tenant_id, company_code, fiscal_year, fiscal_period, currency,
        'equity' as section, 'Retained earnings of prior years' as statement_line, null as is_current,
        all_years - current_year, true
    from results
    where all_years <> current_year
),

final as (
    select
        tenant_id, company_code, fiscal_year, fiscal_period, currency, section, statement_line, is_current,
        amount::numeric(19, 4) as amount,
        is_computed
    from lines
)

select * from final
