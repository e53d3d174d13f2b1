with promotion_products as (
    select * from {{ ref('unified_promotion_products') }}
),

final as (
    select
        tenant_id,
        promotion_key,
        product_key,
        discount_per_unit,
        forecasted_base_units,
        forecasted_uplift_units
    from promotion_products
)

select * from final
