-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__compensation_plan_components') }}
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
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
