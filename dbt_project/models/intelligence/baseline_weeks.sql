with sell_out_weeks as (
    select * from {{ ref('sell_out_weeks') }}
),

promotion_weeks as (
    select * from {{ ref('promotion_weeks') }}
),

planned as (
    select tenant_id, customer_key, product_key, week_end_date, bool_or(week_kind = 'promotion') as is_promotion
    from promotion_weeks
    group by tenant_id, customer_key, product_key, week_end_date
),

flagged as (
    select
        sell_out_weeks.*,
        sell_out_weeks.is_flagged or coalesce(planned.is_promotion, false) as is_promotion,
        planned.tenant_id is not null as is_planned_near
    from sell_out_weeks
    left join planned
        on sell_out_weeks.tenant_id = planned.tenant_id
        and sell_out_weeks.customer_key = planned.customer_key
        and sell_out_weeks.product_key = planned.product_key
        and sell_out_weeks.week_end_date = planned.week_end_date
),

-- One week before and two after an event are no baseline either: stock is loaded before and eaten after.
marked as (
    select
        *,
        is_planned_near or bool_or(is_promotion) over (
            partition by tenant_id, customer_key, product_key
            order by week_end_date
            range between interval '14 days' preceding and interval '7 days' following
        ) as is_affected,
        max(week_end_date) over (partition by tenant_id, root_customer_key, product_group) as last_week_end_date
    from flagged
),

-- Years are counted back from the last week: 52 places each, so that a 53rd week is nobody's problem.
final as (
    select
        tenant_id,
        customer_key,
        product_key,
        week_end_date,
        root_customer_key,
        product_group,
        units_sold,
        unit_price,
        is_promotion,
        is_affected,
        is_whole_week and not is_affected as is_clean,
        ((last_week_end_date - week_end_date) / 7 % 52)::integer as season_place,
        ((last_week_end_date - week_end_date) / 364)::integer as years_back
    from marked
)

select * from final
