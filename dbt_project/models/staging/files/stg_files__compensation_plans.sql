-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__compensation_plans') }}
),

final as (
    select
        tenant_id,
        plan_key,
        version,
        effective_from,
        effective_to,
        name,
        plan_kind,
        accelerator_mode,
        threshold_mode,
        threshold_attainment,
        cap_mode,
        cap_value,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
