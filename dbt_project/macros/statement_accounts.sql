{% macro statement_accounts() -%}
    {#- The steps both statements begin with, up to `passed`: accounts of the actual ledger with their place in the
        statements, without the companies' periods that the gate withholds. -#}
trial_balance as (
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
    where category is not null
),

passed as (
    select
        accumulated.*,
        chart_of_accounts.statement,
        chart_of_accounts.statement_line,
        chart_of_accounts.is_current,
        chart_of_accounts.presentation_sign
    from accumulated
    inner join chart_of_accounts
        on accumulated.tenant_id = chart_of_accounts.tenant_id
        and accumulated.account_code = chart_of_accounts.account_code
    left join withheld
        on accumulated.tenant_id = withheld.tenant_id
        and accumulated.company_code = withheld.company_code
        and accumulated.fiscal_year = withheld.fiscal_year
        and accumulated.fiscal_period = withheld.fiscal_period
        and accumulated.currency = withheld.currency
    where withheld.tenant_id is null
),
{%- endmacro %}
