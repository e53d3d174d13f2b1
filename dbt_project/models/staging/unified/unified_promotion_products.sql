-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        promotion_key,
        product_key,
        discount_per_unit,
        forecasted_base_units,
        forecasted_uplift_units,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__promotion_products') }}
),

final as (
    select
        tenant_id,
        promotion_key,
        product_key,
        discount_per_unit,
        forecasted_base_units,
        forecasted_uplift_units,
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
