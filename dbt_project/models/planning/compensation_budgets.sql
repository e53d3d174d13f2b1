with compensation_budgets as (
    select * from {{ ref('unified_compensation_budgets') }}
),

final as (
    select
        tenant_id,
        scope,
        scope_key,
        period_start,
        period_end,
        budget_amount,
        currency
    from compensation_budgets
)

select * from final
