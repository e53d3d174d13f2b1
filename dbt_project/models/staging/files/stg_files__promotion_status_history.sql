-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__promotion_status_history') }}
),

final as (
    select
        tenant_id,
        promotion_key,
        changed_at,
        status,
        lifecycle_status,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
