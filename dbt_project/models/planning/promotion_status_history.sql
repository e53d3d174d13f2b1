with promotion_status_history as (
    select * from {{ ref('unified_promotion_status_history') }}
),

final as (
    select
        tenant_id,
        promotion_key,
        changed_at,
        status,
        lifecycle_status
    from promotion_status_history
)

select * from final
