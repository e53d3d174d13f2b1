-- finance.deductions holds every deduction of the contract once: rows and money per company and currency.
with delivered as (
    select tenant_id, currency, count(*) as row_count, sum(amount) as amount
    from {{ ref('unified_deductions') }}
    group by tenant_id, currency
),

kept as (
    select tenant_id, currency, count(*) as row_count, sum(amount) as amount
    from {{ ref('deductions') }}
    group by tenant_id, currency
)

select tenant_id, currency, delivered.amount as delivered_amount, kept.amount as kept_amount
from delivered
full outer join kept using (tenant_id, currency)
where (delivered.row_count, delivered.amount) is distinct from (kept.row_count, kept.amount)
