-- Open accruals of all promotions at the end of each period = the accrued liability in the journals up to that day.
with rolled as (
    select
        tenant_id, accrual_account_code as account_code, currency, fiscal_year, fiscal_period, period_end_date,
        sum(closing_amount) as closing_amount
    from {{ ref('accrual_roll_forward') }}
    group by tenant_id, accrual_account_code, currency, fiscal_year, fiscal_period, period_end_date
)

select
    rolled.tenant_id, rolled.account_code, rolled.currency, rolled.fiscal_year, rolled.fiscal_period, rolled.closing_amount,
    sum(lines.credit_amount - lines.debit_amount) as balance_amount
from rolled
left join {{ source('finance', 'journal_lines') }} as lines
    on rolled.tenant_id = lines.tenant_id
    and rolled.account_code = lines.account_code
    and rolled.currency = lines.currency
    and lines.posting_date <= rolled.period_end_date
group by
    rolled.tenant_id, rolled.account_code, rolled.currency, rolled.fiscal_year, rolled.fiscal_period, rolled.closing_amount
having rolled.closing_amount <> coalesce(sum(lines.credit_amount - lines.debit_amount), 0)
