with product_costs as (
    select * from {{ ref('unified_product_costs') }}
),

final as (
    select
        tenant_id,
        product_key,
        effective_date,
        (
            lead(effective_date) over (
                partition by tenant_id, product_key
                order by effective_date
            ) - 1
        ) as valid_to_date,
        cogs,
        landed_cost,
        currency
    from product_costs
)

select * from final
