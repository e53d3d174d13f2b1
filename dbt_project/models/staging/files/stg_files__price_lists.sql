-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__price_lists') }}
),

final as (
    select
        tenant_id,
        product_key,
        customer_key,
        effective_date,
        price,
        currency,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
