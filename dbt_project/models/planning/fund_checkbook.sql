{{ config(materialized="view") }}

with funds as (
    select * from {{ ref('funds') }}
),

promotions as (
    select * from {{ ref('promotions') }}
),

settlements as (
    select * from {{ source('finance', 'settlements') }} where status in ('Queued', 'Posted to ERP', 'Reversed')
),

promotion_state as (
    select * from {{ source('finance', 'promotion_state') }}
),

settled as (
    select tenant_id, promotion_key, currency, sum(amount_settled) as amount
    from settlements
    group by tenant_id, promotion_key, currency
),

-- A refused accrual consumes nothing (G-36); an open promotion holds its plan, a finished one what it cost.
drawn as (
    select
        promotions.tenant_id,
        promotions.fund_key,
        promotions.currency,
        coalesce(settled.amount, 0) as settled_amount,
        case
            when coalesce(promotion_state.lifecycle_status, promotions.lifecycle_status) = 'Failed' then 0
            when promotions.status in ('Closed', 'Settled') then coalesce(settled.amount, 0)
            when promotions.status in ('Approved', 'Live') then greatest(promotions.planned_amount, settled.amount, 0)
            else 0
        end as consumed_amount
    from promotions
    left join settled
        on promotions.tenant_id = settled.tenant_id
        and promotions.promotion_key = settled.promotion_key
        and promotions.currency = settled.currency
    left join promotion_state
        on promotions.tenant_id = promotion_state.tenant_id
        and promotions.promotion_key = promotion_state.promotion_key
),

final as (
    select
        funds.tenant_id,
        funds.fund_key,
        funds.name,
        funds.currency,
        funds.total_budget,
        coalesce(sum(drawn.consumed_amount), 0)::numeric(19, 4) as consumed_amount,
        coalesce(sum(drawn.settled_amount), 0)::numeric(19, 4) as settled_amount,
        (funds.total_budget - coalesce(sum(drawn.consumed_amount), 0))::numeric(19, 4) as remaining_balance,
        (100 * coalesce(sum(drawn.settled_amount), 0) / nullif(funds.total_budget, 0))::numeric(38, 2) as burn_pct,
        (100 * coalesce(sum(drawn.consumed_amount), 0) / nullif(funds.total_budget, 0))::numeric(38, 2) as committed_pct,
        coalesce(sum(drawn.consumed_amount), 0)
        > funds.total_budget * (1 + coalesce(funds.overdraw_pct, 0) / 100) as is_overdrawn,
        count(drawn.tenant_id)::integer as promotion_count,
        funds.start_date,
        funds.end_date,
        funds.owner
    from funds
    left join drawn
        on funds.tenant_id = drawn.tenant_id
        and funds.fund_key = drawn.fund_key
        and funds.currency = drawn.currency
    group by
        funds.tenant_id, funds.fund_key, funds.name, funds.currency, funds.total_budget, funds.overdraw_pct,
        funds.start_date, funds.end_date, funds.owner
)

select * from final
