-- generated from include/extract by `python -m include.extract.generate`
with files as (
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
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__compensation_plans') }}
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
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
