with compensation_plan_tiers as (
    select * from {{ ref('unified_compensation_plan_tiers') }}
),

final as (
    select
        tenant_id,
        plan_key,
        coalesce(version, '1') as version,
        coalesce(component, 'default') as component,
        lower_bound,
        rate
    from compensation_plan_tiers
)

select * from final
