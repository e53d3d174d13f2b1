with quotas as (
    select * from {{ ref('unified_quotas') }}
),

final as (
    select
        tenant_id,
        rep_key,
        coalesce(measure, 'revenue') as measure,
        period_start,
        period_end,
        quota_amount,
        currency
    from quotas
)

select * from final
