with baseline_weeks as (
    select * from {{ ref('baseline_weeks') }} where is_clean
),

-- How a week compares with the mean of its own year, so that growth from year to year does not look like a season.
relative as (
    select
        tenant_id,
        root_customer_key,
        product_group,
        season_place,
        years_back,
        units_sold / nullif(avg(units_sold) over series_year, 0) as level,
        count(*) over series_year as weeks_in_year
    from baseline_weeks
    window series_year as (partition by tenant_id, customer_key, product_key, years_back)
),

places as (
    select
        tenant_id,
        root_customer_key,
        product_group,
        season_place,
        sum(level) as level_sum,
        count(level) as level_count,
        count(distinct years_back) as years
    from relative
    where weeks_in_year >= 36 and level > 0
    group by tenant_id, root_customer_key, product_group, season_place
),

-- Two years at least, and every place smoothed with the two on either side: one odd week is no season.
smoothed as (
    select
        here.tenant_id,
        here.root_customer_key,
        here.product_group,
        here.season_place,
        sum(near.level_sum) / sum(near.level_count) as level
    from places as here
    inner join places as near
        on here.tenant_id = near.tenant_id
        and here.root_customer_key = near.root_customer_key
        and here.product_group = near.product_group
        and (near.season_place - here.season_place + 54) % 52 <= 4
    where here.years >= 2 and near.years >= 2
    group by here.tenant_id, here.root_customer_key, here.product_group, here.season_place
),

final as (
    select
        tenant_id,
        root_customer_key,
        product_group,
        season_place,
        greatest(
            0.001, least(level / avg(level) over (partition by tenant_id, root_customer_key, product_group), 1000)
        )::numeric(18, 9) as season_rate
    from smoothed
)

select * from final
