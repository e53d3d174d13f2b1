{{ config(materialized="view") }}

with statement_totals as (
    select * from {{ ref('statement_totals') }}
),

balance_sheet as (
    select * from {{ ref('balance_sheet') }}
),

income_statement as (
    select * from {{ ref('income_statement') }}
),

tenants as (
    select * from {{ ref('stg_tenancy__tenants') }}
),

all_lines as (
    select tenant_id, company_code, fiscal_year, fiscal_period, currency, 'balance_sheet' as statement, section, statement_line, amount
    from balance_sheet
    union all
    select tenant_id, company_code, fiscal_year, fiscal_period, currency, 'income_statement', section, statement_line, amount
    from income_statement
),

lines as (
    select
        tenant_id, company_code, fiscal_year, fiscal_period, currency,
        coalesce(
            jsonb_agg(
                jsonb_build_object('section', section, 'line', statement_line, 'amount', amount::text)
                order by section, statement_line, amount
            ) filter (where statement = 'balance_sheet'), '[]'
        ) as balance_sheet_lines,
        coalesce(
            jsonb_agg(
                jsonb_build_object('section', section, 'line', statement_line, 'amount', amount::text)
                order by section, statement_line, amount
            ) filter (where statement = 'income_statement'), '[]'
        ) as income_statement_lines
    from all_lines
    group by tenant_id, company_code, fiscal_year, fiscal_period, currency
),

-- Amounts are text: a reader of JSON numbers would make money a float.
final as (
    select
        totals.tenant_id,
        totals.company_code,
        totals.fiscal_year,
        totals.fiscal_period,
        totals.currency,
        jsonb_build_object(
            'company_code', totals.company_code,
            'company_name', coalesce(tenants.company_names ->> totals.company_code, 'Company_' || totals.company_code),
            'currency', totals.currency,
            'reporting_period', jsonb_build_object('year', totals.fiscal_year, 'period', totals.fiscal_period),
            'financial_statements', jsonb_build_object(
                'balance_sheet', jsonb_build_object(
                    'current_assets', totals.current_assets::text,
                    'total_assets', totals.total_assets::text,
                    'current_liabilities', totals.current_liabilities::text,
                    'total_liabilities', totals.total_liabilities::text,
                    'shareholders_equity', totals.shareholders_equity::text,
                    'lines', lines.balance_sheet_lines
                ),
                'income_statement', jsonb_build_object(
                    'revenue', totals.revenue::text,
                    'total_expenses', totals.total_expenses::text,
                    'other_income', totals.other_income::text,
                    'net_income', totals.net_income::text,
                    'lines', lines.income_statement_lines
                )
            )
        ) as payload
    from statement_totals as totals
    inner join tenants on totals.tenant_id = tenants.tenant_id
    inner join lines
        on totals.tenant_id = lines.tenant_id
        and totals.company_code = lines.company_code
        and totals.fiscal_year = lines.fiscal_year
        and totals.fiscal_period = lines.fiscal_period
        and totals.currency = lines.currency
)

select * from final
