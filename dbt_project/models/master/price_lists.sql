with price_lists as (
    select * from {{ ref('unified_price_lists') }}
),

final as (
    select
        tenant_id,
        product_key,
        customer_key,
        effective_date,
        (
            lead(effective_date) over (
                partition by tenant_id, product_key, customer_key
                order by effective_date
            ) - 1
        ) as valid_to_date,
        price,
        currency
    from price_lists
)

select * from final
