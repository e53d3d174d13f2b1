-- Not materialized: the planner then knows the table's size and its index.
with sell_out_weeks as not materialized (
    select * from {{ ref('sell_out_weeks') }}
),

promotion_windows as not materialized (
    select * from {{ ref('promotion_windows') }}
),

-- One week before a promotion stock is loaded, in the two after it what was stocked is eaten.
matched as (
    select
        sell_out_weeks.tenant_id,
        promotion_windows.promotion_key,
        sell_out_weeks.customer_key,
        sell_out_weeks.product_key,
        sell_out_weeks.week_end_date,
        sell_out_weeks.units_sold,
        sell_out_weeks.is_flagged,
        promotion_windows.planned_amount,
        case
            when sell_out_weeks.week_end_date < promotion_windows.scan_start then 'before'
            when sell_out_weeks.week_end_date - 6 <= promotion_windows.scan_end then 'promotion'
            else 'post'
        end as week_kind
    from promotion_windows
    inner join sell_out_weeks
        on promotion_windows.tenant_id = sell_out_weeks.tenant_id
        and promotion_windows.product_key = sell_out_weeks.product_key
        and sell_out_weeks.week_end_date between promotion_windows.scan_start - 7 and promotion_windows.scan_end + 20
        and sell_out_weeks.lft between promotion_windows.lft and promotion_windows.rgt
),

-- A week of another promotion is no dip of this one, nor is one that the shelf says was promoted.
measurable as (
    select
        *,
        week_kind = 'promotion' or (
            week_kind = 'post'
            and not is_flagged
            and not bool_or(week_kind = 'promotion') over (
                partition by tenant_id, product_key, customer_key, week_end_date
            )
        ) as is_measured
    from matched
),

placed as (
    select
        *,
        sum(planned_amount) over store_week as planned_total,
        count(*) over store_week as promotion_count,
        row_number() over (
            partition by tenant_id, product_key, customer_key, week_end_date, is_measured order by promotion_key
        ) as place
    from measurable
    window store_week as (partition by tenant_id, product_key, customer_key, week_end_date, is_measured)
),

-- Promotions in the same week share it by planned spend, as the bridge shares a day.
shared as (
    select
        *,
        case
            when not is_measured then 0
            when planned_total > 0 then planned_amount / planned_total
            else 1.0 / promotion_count
        end as share_rate
    from placed
),

running as (
    select
        *,
        case
            when not is_measured then 0
            when place = promotion_count then 1
            else least(1, sum(share_rate) over shares_so_far)
        end as share_through,
        case
            when not is_measured or place = 1 then 0
            else least(1, sum(share_rate) over shares_so_far - share_rate)
        end as share_before
    from shared
    window shares_so_far as (
        partition by tenant_id, product_key, customer_key, week_end_date, is_measured order by place
    )
),

final as (
    select
        tenant_id,
        promotion_key,
        customer_key,
        product_key,
        week_end_date,
        week_kind,
        is_measured,
        {{ shared_part('units_sold') }} as units_sold,
        share_rate::numeric(18, 9) as share_rate
    from running
)

select * from final
