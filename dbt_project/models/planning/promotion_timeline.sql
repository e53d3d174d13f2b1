{{ config(materialized="view") }}

with promotions as (
    select * from {{ ref('promotions') }}
),

status_history as (
    select tenant_id, promotion_key, status, (changed_at at time zone 'UTC')::date as changed_on
    from {{ ref('promotion_status_history') }}
),

status_moves as (
    select * from {{ source('finance', 'status_moves') }}
),

state_history as (
    select * from {{ source('finance', 'promotion_state_history') }}
),

settlements as (
    select * from {{ source('finance', 'settlements') }} where status in ('Queued', 'Posted to ERP', 'Reversed')
),

-- Everything dated that changes what a promotion holds. What the source tells comes first, then what reconcile
-- accepted; a promotion without a history is approved and closed on its own dates.
events as (
    select status_history.tenant_id, promotion_key, changed_on, 1 as rank, status, null::text as lifecycle_status, 0::numeric as settled_amount
    from status_history
    where not exists (
        select from status_moves
        where status_moves.tenant_id = status_history.tenant_id and status_moves.promotion_key = status_history.promotion_key
            and not status_moves.is_legal and status_moves.to_status = status_history.status
            and status_moves.moved_on = status_history.changed_on
    )
    union all
    select promotions.tenant_id, promotions.promotion_key, dated.changed_on, 0, dated.status, null, 0
    from promotions
    cross join lateral (values (approved_date, 'Approved'), (closed_date, 'Closed')) as dated (changed_on, status)
    left join status_history using (tenant_id, promotion_key)
    where
        status_history.promotion_key is null and dated.changed_on is not null
        and promotions.status in ('Approved', 'Live', 'Closed', 'Settled')
    union all
    select tenant_id, promotion_key, moved_on, 1 + sequence, to_status, null, 0 from status_moves where is_legal
    union all
    select tenant_id, promotion_key, as_of, sequence, null, lifecycle_status, 0 from state_history
    union all
    select tenant_id, promotion_key, settled_as_of, 0, null, null, amount_settled from settlements
),

numbered as (
    select
        *,
        sum(settled_amount) over running as settled_to_date,
        count(status) over running as status_number,
        count(lifecycle_status) over running as lifecycle_number,
        row_number() over (partition by tenant_id, promotion_key, changed_on order by rank desc, status, lifecycle_status, settled_amount desc) as from_last
    from events
    window running as (
        partition by tenant_id, promotion_key order by changed_on, rank, status desc, lifecycle_status desc, settled_amount
    )
),

carried as (
    select
        *,
        max(status) over (partition by tenant_id, promotion_key, status_number) as status_then,
        max(lifecycle_status) over (partition by tenant_id, promotion_key, lifecycle_number) as lifecycle_then
    from numbered
),

-- What was refused at first was never active budget, also before the run that found it out.
final as (
    select
        carried.tenant_id,
        carried.promotion_key,
        promotions.fund_key,
        promotions.currency,
        carried.changed_on,
        carried.status_then as status,
        coalesce(carried.lifecycle_then, begun.lifecycle_status) as lifecycle_status,
        carried.settled_to_date::numeric(19, 4) as settled_amount,
        case
            when coalesce(carried.lifecycle_then, begun.lifecycle_status) = 'Failed' then 0
            when carried.status_then in ('Closed', 'Settled') then carried.settled_to_date
            when carried.status_then in ('Approved', 'Live') then greatest(promotions.planned_amount, carried.settled_to_date, 0)
            else 0
        end::numeric(19, 4) as consumed_amount
    from carried
    inner join promotions
        on carried.tenant_id = promotions.tenant_id
        and carried.promotion_key = promotions.promotion_key
    left join state_history as begun
        on carried.tenant_id = begun.tenant_id and carried.promotion_key = begun.promotion_key and begun.sequence = 1
    where carried.from_last = 1
)

select * from final
