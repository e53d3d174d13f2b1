-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__promotion_products') }}
),

final as (
    select
        tenant_id,
        promotion_key,
        product_key,
        discount_per_unit,
        forecasted_base_units,
        forecasted_uplift_units,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
