with {{ statement_accounts() }}

positions as (
    select
        tenant_id,
        company_code,
        fiscal_year,
        fiscal_period,
        currency,
        category as section,
        statement_line,
        is_current,
        sum(closing * presentation_sign) as amount
    from passed
    where statement = 'balance_sheet'
    group by
        tenant_id, company_code, fiscal_year, fiscal_period, currency, category, statement_line, is_current
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
