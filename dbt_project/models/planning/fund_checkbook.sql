{{ config(materialized="view") }}

with funds as (
    select * from {{ ref('funds') }}
),

promotion_standing as (
    select * from {{ ref('promotion_standing') }}
),

reconciled as (
    select tenant_id, max(as_of) as as_of
    from {{ source('finance', 'reconciliation_runs') }}
    where status = 'completed' and not is_replay
    group by tenant_id
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
        -- How far the fund's own time has gone by the latest run, beside how far its money has.
        (
            100.0 * least(greatest(reconciled.as_of - funds.start_date + 1, 0), funds.end_date - funds.start_date + 1)
            / nullif(funds.end_date - funds.start_date + 1, 0)
        )::numeric(5, 2) as elapsed_pct,
        count(drawn.tenant_id)::integer as promotion_count,
        funds.start_date,
        funds.end_date,
        funds.owner,
        reconciled.as_of as data_as_of
    from funds
    left join promotion_standing as drawn
        on funds.tenant_id = drawn.tenant_id
        and funds.fund_key = drawn.fund_key
        and funds.currency = drawn.currency
    left join reconciled on funds.tenant_id = reconciled.tenant_id
    group by
        funds.tenant_id, funds.fund_key, funds.name, funds.currency, funds.total_budget, funds.overdraw_pct,
        funds.start_date, funds.end_date, funds.owner, reconciled.as_of
)

select * from final
