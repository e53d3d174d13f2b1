with sales_credits as (
    select * from {{ ref('unified_sales_credits') }}
),

final as (
    select
        tenant_id,
        credit_key,
        rep_key,
        credit_date,
        amount,
        currency,
        coalesce(measure, 'revenue') as measure,
        coalesce(credit_type, 'revenue') as credit_type,
        opportunity_key,
        order_ref
    from sales_credits
)

select * from final
