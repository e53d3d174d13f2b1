with compensation_draws as (
    select * from {{ ref('unified_compensation_draws') }}
),

final as (
    select
        tenant_id,
        rep_key,
        period_start,
        period_end,
        draw_amount,
        is_recoverable,
        currency
    from compensation_draws
)

select * from final
