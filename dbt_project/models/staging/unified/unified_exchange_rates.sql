-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        from_currency,
        to_currency,
        rate_date,
        rate,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__exchange_rates') }}
),

final as (
    select
        tenant_id,
        from_currency,
        to_currency,
        rate_date,
        rate,
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
