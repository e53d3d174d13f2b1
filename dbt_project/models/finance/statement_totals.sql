with balance_sheet as (
    select * from {{ ref('balance_sheet') }}
),

income_statement as (
    select * from {{ ref('income_statement') }}
),

positions as (
    select
        tenant_id,
        company_code,
        fiscal_year,
        fiscal_period,
        currency,
        coalesce(sum(amount) filter (where section = 'assets' and is_current), 0) as current_assets,
        coalesce(sum(amount) filter (where section = 'assets'), 0) as total_assets,
        coalesce(sum(amount) filter (where section = 'liabilities' and is_current), 0) as current_liabilities,
        coalesce(sum(amount) filter (where section = 'liabilities'), 0) as total_liabilities,
        coalesce(sum(amount) filter (where section = 'equity'), 0) as shareholders_equity,
        coalesce(sum(amount) filter (where statement_line = 'Current-year earnings' and is_computed), 0) as current_year_earnings
    from balance_sheet
    group by tenant_id, company_code, fiscal_year, fiscal_period, currency
),

results as (
    select
        tenant_id,
        company_code,
        fiscal_year,
        fiscal_period,
        currency,
        coalesce(sum(amount) filter (where section = 'revenue'), 0) as revenue,
        coalesce(sum(amount) filter (where section = 'expenses'), 0) as total_expenses,
        coalesce(sum(amount) filter (where section = 'other_income'), 0) as other_income
    from income_statement
    group by tenant_id, company_code, fiscal_year, fiscal_period, currency
),

final as (
    select
        positions.tenant_id,
        positions.company_code,
        positions.fiscal_year,
        positions.fiscal_period,
        positions.currency,
        positions.current_assets::numeric(19, 4) as current_assets,
        positions.total_assets::numeric(19, 4) as total_assets,
        positions.current_liabilities::numeric(19, 4) as current_liabilities,
        positions.total_liabilities::numeric(19, 4) as total_liabilities,
        positions.shareholders_equity::numeric(19, 4) as shareholders_equity,
        positions.current_year_earnings::numeric(19, 4) as current_year_earnings,
        coalesce(results.revenue, 0)::numeric(19, 4) as revenue,
        coalesce(results.total_expenses, 0)::numeric(19, 4) as total_expenses,
        coalesce(results.other_income, 0)::numeric(19, 4) as other_income,
        coalesce(results.revenue - results.total_expenses + results.other_income, 0)::numeric(19, 4) as net_income,
        (positions.total_assets - positions.total_liabilities - positions.shareholders_equity)::numeric(19, 4) as difference_amount
    from positions
    left join results
        on positions.tenant_id = results.tenant_id
        and positions.company_code = results.company_code
        and positions.fiscal_year = results.fiscal_year
        and positions.fiscal_period = results.fiscal_period
        and positions.currency = results.currency
)

select * from final
