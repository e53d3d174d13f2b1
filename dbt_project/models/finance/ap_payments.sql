with ap_payments as (
    select * from {{ ref('unified_ap_payments') }}
),

final as (
    select
        tenant_id,
        payment_key,
        customer_key,
        account_code,
        amount,
        currency,
        payment_date,
        method,
        reference,
        promotion_id
    from ap_payments
)

select * from final
