-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        promotion_key,
        changed_at,
        status,
        lifecycle_status,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__promotion_status_history') }}
),

final as (
    select
        tenant_id,
        promotion_key,
        changed_at,
        status,
        lifecycle_status,
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
