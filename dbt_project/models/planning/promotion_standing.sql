{{ config(materialized="view") }}

with promotions as (
    select * from {{ ref('promotions') }}
),

legal_states as (
    select * from {{ ref('promotion_legal_states') }}
),

status_moves as (
    select * from {{ source('finance', 'status_moves') }}
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

latest_moves as (
    select distinct on (tenant_id, promotion_key) *
    from status_moves
    order by tenant_id, promotion_key, sequence desc
),

-- While the source makes a move that is not allowed, the last accepted status counts.
standing as (
    select
        promotions.*,
        promotions.status as source_status,
        case
            when not latest_moves.is_legal and latest_moves.to_status = promotions.status then latest_moves.from_status
            else promotions.status
        end as accepted_status,
        coalesce(promotion_state.lifecycle_status, promotions.lifecycle_status) as financial_status,
        promotion_state.message,
        coalesce(settled.amount, 0) as settled_amount
    from promotions
    left join latest_moves
        on promotions.tenant_id = latest_moves.tenant_id
        and promotions.promotion_key = latest_moves.promotion_key
    left join promotion_state
        on promotions.tenant_id = promotion_state.tenant_id
        and promotions.promotion_key = promotion_state.promotion_key
    left join settled
        on promotions.tenant_id = settled.tenant_id
        and promotions.promotion_key = settled.promotion_key
        and promotions.currency = settled.currency
),

-- A refused accrual consumes nothing (G-36); an open promotion holds its plan, a finished one what it cost (G-38).
final as (
    select
        standing.tenant_id,
        standing.promotion_key,
        standing.fund_key,
        standing.currency,
        standing.accepted_status as status,
        standing.source_status,
        standing.financial_status as lifecycle_status,
        standing.message,
        coalesce(legal_states.is_active_budget, false) as is_active_budget,
        standing.planned_amount,
        standing.settled_amount::numeric(19, 4) as settled_amount,
        case
            when standing.financial_status = 'Failed' then 0
            when standing.accepted_status in ('Closed', 'Settled') then standing.settled_amount
            when standing.accepted_status in ('Approved', 'Live')
                then greatest(standing.planned_amount, standing.settled_amount, 0)
            else 0
        end::numeric(19, 4) as consumed_amount
    from standing
    left join legal_states
        on standing.tenant_id = legal_states.tenant_id
        and standing.accepted_status = legal_states.status
        and standing.financial_status = legal_states.lifecycle_status
)

select * from final
