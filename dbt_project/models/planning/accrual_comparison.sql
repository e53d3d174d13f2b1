{{ config(materialized="view") }}

with accrual_methods as (
    select * from {{ source('finance', 'accrual_methods') }}
),

promotions as (
    select * from {{ ref('promotions') }}
),

final as (
    select
        accrual_methods.tenant_id,
        accrual_methods.promotion_key,
        promotions.name,
        promotions.tactic_type,
        promotions.window_start,
        promotions.window_end,
        promotions.planned_amount,
        accrual_methods.accrual_method,
        accrual_methods.is_applied,
        accrual_methods.amount as recognised_amount,
        (accrual_methods.amount - applied.amount)::numeric(19, 4) as difference_amount,
        accrual_methods.currency,
        accrual_methods.units as performed_units,
        accrual_methods.accrual_factor,
        accrual_methods.as_of as recognised_since_date,
        accrual_methods.run_id
    from accrual_methods
    inner join accrual_methods as applied
        on accrual_methods.tenant_id = applied.tenant_id
        and accrual_methods.promotion_key = applied.promotion_key
        and applied.is_applied
    left join promotions
        on accrual_methods.tenant_id = promotions.tenant_id
        and accrual_methods.promotion_key = promotions.promotion_key
)

select * from final
