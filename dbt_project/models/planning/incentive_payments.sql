with incentive_payments as (
    select * from {{ ref('unified_incentive_payments') }}
),

final as (
    select
        tenant_id,
        payment_key,
        rep_key,
        period_start,
        period_end,
        amount,
        currency
    from incentive_payments
)

select * from final
