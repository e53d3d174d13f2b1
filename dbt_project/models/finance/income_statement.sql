with trial_balance as (
    select * from {{ ref('trial_balance') }} where scenario = 'actual'
),

chart_of_accounts as (
    select * from {{ ref('chart_of_accounts') }}
),

unmapped_accounts as (
    select * from {{ ref('unmapped_accounts') }}
),

withheld as (
    select distinct tenant_id, company_code, fiscal_year, fiscal_period, currency
    from unmapped_accounts
    where scenario = 'actual'
),

lines as (
    select
        trial_balance.tenant_id,
        trial_balance.company_code,
        trial_balance.fiscal_year,
        trial_balance.fiscal_period,
        trial_balance.currency,
        trial_balance.category as section,
        chart_of_accounts.statement_line,
        sum((trial_balance.debit - trial_balance.credit) * chart_of_accounts.presentation_sign) as amount
    from trial_balance
    inner join chart_of_accounts
        on trial_balance.tenant_id = chart_of_accounts.tenant_id
        and trial_balance.account_code = chart_of_accounts.account_code
    where trial_balance.category in ('revenue', 'expenses', 'other_income')
    group by
        trial_balance.tenant_id, trial_balance.company_code, trial_balance.fiscal_year, trial_balance.fiscal_period,
        trial_balance.currency, trial_balance.category, chart_of_accounts.statement_line
),

accumulated as (
    select
        *,
        sum(amount) over (
            partition by tenant_id, company_code, fiscal_year, currency, section, statement_line
            order by fiscal_period
        ) as year_to_date_amount
    from lines
),

final as (
    select
        accumulated.tenant_id,
        accumulated.company_code,
        accumulated.fiscal_year,
        accumulated.fiscal_period,
        accumulated.currency,
        accumulated.section,
        accumulated.statement_line,
        accumulated.amount::numeric(19, 4) as amount,
        accumulated.year_to_date_amount::numeric(19, 4) as year_to_date_amount
    from accumulated
    left join withheld
        on accumulated.tenant_id = withheld.tenant_id
        and accumulated.company_code = withheld.company_code
        and accumulated.fiscal_year = withheld.fiscal_year
        and accumulated.fiscal_period = withheld.fiscal_period
        and accumulated.currency = withheld.currency
    where withheld.tenant_id is null
)

select * from final
