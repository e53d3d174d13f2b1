with opportunity_history as (
    select * from {{ ref('unified_opportunity_history') }}
),

final as (
    select
        tenant_id,
        opportunity_key,
        changed_at,
        stage,
        amount,
        probability,
        close_date
    from opportunity_history
)

select * from final
