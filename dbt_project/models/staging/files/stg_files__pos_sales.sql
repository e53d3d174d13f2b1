-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__pos_sales') }}
),

final as (
    select
        tenant_id,
        sale_date,
        customer_key,
        product_key,
        units_sold,
        sales_value,
        period,
        is_promotion,
        promo_price_detected,
        retail_discount,
        currency,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
