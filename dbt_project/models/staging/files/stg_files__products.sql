-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__products') }}
),

final as (
    select
        tenant_id,
        product_key,
        name,
        brand,
        category,
        sub_category,
        gtin,
        units_per_case,
        list_price,
        cogs_standard,
        currency,
        attributes,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
