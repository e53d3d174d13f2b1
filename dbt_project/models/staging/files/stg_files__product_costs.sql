-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__product_costs') }}
),

final as (
    select
        tenant_id,
        product_key,
        effective_date,
        cogs,
        landed_cost,
        currency,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
