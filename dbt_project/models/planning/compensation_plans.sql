with compensation_plans as (
    select * from {{ ref('unified_compensation_plans') }}
),

final as (
    select
        tenant_id,
        plan_key,
        coalesce(version, '1') as version,
        effective_from,
        effective_to,
        name,
        coalesce(plan_kind, 'payout_curve') as plan_kind,
        accelerator_mode,
        threshold_mode,
        threshold_attainment,
        cap_mode,
        cap_value
    from compensation_plans
)

select * from final
