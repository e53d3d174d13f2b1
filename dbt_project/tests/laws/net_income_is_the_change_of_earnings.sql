-- What the income statement earned in the year to date is the equity line of the balance sheet.
with year_to_date as (
    select
        tenant_id, company_code, fiscal_year, fiscal_period, currency,
        sum(case section when 'expenses' then -year_to_date_amount else year_to_date_amount end) as net_income
    from {{ ref('income_statement') }}
    group by tenant_id, company_code, fiscal_year, fiscal_period, currency
)

select totals.tenant_id, totals.company_code, totals.fiscal_year, totals.fiscal_period, totals.currency,
    totals.current_year_earnings, year_to_date.net_income
from {{ ref('statement_totals') }} as totals
left join year_to_date using (tenant_id, company_code, fiscal_year, fiscal_period, currency)
where totals.current_year_earnings <> coalesce(year_to_date.net_income, 0)
