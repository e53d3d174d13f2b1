-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__exchange_rates') }}
),

final as (
    select
        tenant_id,
        from_currency,
        to_currency,
        rate_date,
        rate,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
