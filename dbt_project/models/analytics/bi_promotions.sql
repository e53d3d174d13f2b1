{{ config(materialized="view") }}

with promotions as (
    select * from {{ ref('promotions') }}
),

promotion_earned as (
    select * from {{ ref('promotion_earned') }}
),

customers as (
    select * from {{ ref('customers') }}
),

accrual_ledger as (
    select * from {{ source('finance', 'accrual_ledger') }}
),

settlements as (
    select * from {{ source('finance', 'settlements') }} where status in ('Queued', 'Posted to ERP', 'Reversed')
),

promotion_state as (
    select * from {{ source('finance', 'promotion_state') }}
),

latest_reconciliation as (
    select * from {{ ref('latest_reconciliation') }}
),

accrued as (
    select
        tenant_id,
        promotion_key,
        currency,
        coalesce(sum(amount) filter (where movement = 'accrued'), 0) as accrued_amount,
        coalesce(-sum(amount) filter (where movement = 'reversed'), 0) as reversed_amount,
        coalesce(-sum(amount) filter (where movement = 'released'), 0) as released_amount,
        sum(amount) as open_amount
    from accrual_ledger
    group by tenant_id, promotion_key, currency
),

settled as (
    select tenant_id, promotion_key, currency, sum(amount_settled) as amount
    from settlements
    group by tenant_id, promotion_key, currency
),

final as (
    select
        promotions.tenant_id,
        promotions.promotion_key,
        promotions.promotion_id,
        promotions.name,
        promotions.customer_key,
        customers.name as customer_name,
        customers.root_customer_key as retailer_key,
        promotions.fund_key,
        promotions.status,
        coalesce(promotion_state.lifecycle_status, promotions.lifecycle_status) as lifecycle_status,
        promotions.tactic_type,
        promotions.settlement_method,
        promotions.window_start,
        promotions.window_end,
        promotions.currency,
        promotions.planned_amount,
        promotion_earned.earned_amount,
        coalesce(accrued.accrued_amount, 0)::numeric(19, 4) as accrued_amount,
        coalesce(settled.amount, 0)::numeric(19, 4) as settled_amount,
        coalesce(accrued.reversed_amount, 0)::numeric(19, 4) as reversed_amount,
        coalesce(accrued.released_amount, 0)::numeric(19, 4) as released_amount,
        coalesce(accrued.open_amount, 0)::numeric(19, 4) as open_accrual_amount,
        latest_reconciliation.as_of as data_as_of,
        coalesce(promotion_state.run_id, latest_reconciliation.run_id) as run_id
    from promotions
    left join customers
        on promotions.tenant_id = customers.tenant_id
        and promotions.customer_key = customers.customer_key
    left join promotion_earned
        on promotions.tenant_id = promotion_earned.tenant_id
        and promotions.promotion_key = promotion_earned.promotion_key
    left join promotion_state
        on promotions.tenant_id = promotion_state.tenant_id
        and promotions.promotion_key = promotion_state.promotion_key
    left join accrued
        on promotions.tenant_id = accrued.tenant_id
        and promotions.promotion_key = accrued.promotion_key
        and promotions.currency = accrued.currency
    left join settled
        on promotions.tenant_id = settled.tenant_id
        and promotions.promotion_key = settled.promotion_key
        and promotions.currency = settled.currency
    left join latest_reconciliation on promotions.tenant_id = latest_reconciliation.tenant_id
)

select * from final
