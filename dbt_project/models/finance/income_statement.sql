with {{ statement_accounts() }}

final as (
    select
        tenant_id,
        company_code,
        fiscal_year,
        fiscal_period,
        currency,
        category as section,
        statement_line,
        sum((debit - credit) * presentation_sign)::numeric(19, 4) as amount,
        sum(year_to_date * presentation_sign)::numeric(19, 4) as year_to_date_amount
    from passed
    where category in ('revenue', 'expenses', 'other_income')
    group by tenant_id, company_code, fiscal_year, fiscal_period, currency, category, statement_line
)

select * from final
