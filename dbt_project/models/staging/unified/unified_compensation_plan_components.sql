-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        plan_key,
        version,
        component,
        measure,
        weight,
        gate_measure,
        gate_attainment,
        kicker_amount,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__compensation_plan_components') }}
),

final as (
    select
        tenant_id,
        plan_key,
        version,
        component,
        measure,
        weight,
        gate_measure,
        gate_attainment,
        kicker_amount,
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
