{{ config(materialized="view") }}

with funds as (
    select * from {{ ref('funds') }}
),

promotion_timeline as (
    select * from {{ ref('promotion_timeline') }}
),

changes as (
    select
        tenant_id,
        fund_key,
        currency,
        changed_on,
        consumed_amount - lag(consumed_amount, 1, 0::numeric(19, 4)) over promotion as consumed_change,
        settled_amount - lag(settled_amount, 1, 0::numeric(19, 4)) over promotion as settled_change
    from promotion_timeline
    window promotion as (partition by tenant_id, promotion_key order by changed_on)
    union all
    -- Before anything was approved a fund is whole.
    select tenant_id, fund_key, currency, date '1900-01-01', 0, 0 from funds
),

daily as (
    select tenant_id, fund_key, currency, changed_on, sum(consumed_change) as consumed_change, sum(settled_change) as settled_change
    from changes
    group by tenant_id, fund_key, currency, changed_on
),

running as (
    select
        *,
        sum(consumed_change) over fund as consumed_amount,
        sum(settled_change) over fund as settled_amount,
        lead(changed_on) over fund as next_date
    from daily
    window fund as (partition by tenant_id, fund_key, currency order by changed_on)
),

final as (
    select
        funds.tenant_id,
        funds.fund_key,
        funds.name,
        funds.currency,
        running.changed_on as valid_from_date,
        coalesce(running.next_date - 1, date '9999-12-31') as valid_to_date,
        funds.total_budget,
        running.consumed_amount::numeric(19, 4) as consumed_amount,
        running.settled_amount::numeric(19, 4) as settled_amount,
        (funds.total_budget - running.consumed_amount)::numeric(19, 4) as remaining_balance,
        (100 * running.settled_amount / nullif(funds.total_budget, 0))::numeric(38, 2) as burn_pct,
        (100 * running.consumed_amount / nullif(funds.total_budget, 0))::numeric(38, 2) as committed_pct
    from funds
    inner join running
        on funds.tenant_id = running.tenant_id
        and funds.fund_key = running.fund_key
        and funds.currency = running.currency
)

select * from final
