with compensation_plan_components as (
    select * from {{ ref('unified_compensation_plan_components') }}
),

final as (
    select
        tenant_id,
        plan_key,
        coalesce(version, '1') as version,
        component,
        coalesce(measure, 'revenue') as measure,
        weight,
        gate_measure,
        gate_attainment,
        kicker_amount
    from compensation_plan_components
)

select * from final
