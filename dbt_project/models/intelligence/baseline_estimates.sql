{%- set of_series = ['tenant_id', 'customer_key', 'product_key', 'clean_weeks', 'weeks_used', 'year_ago_weeks', 'trend_rate'] -%}

with baseline_weeks as (
    select * from {{ ref('baseline_weeks') }}
),

seasonal_indices as (
    select * from {{ ref('seasonal_indices') }}
),

numbered as (
    select
        baseline_weeks.*,
        coalesce(seasonal_indices.season_rate, 1) as season_rate,
        year_ago.units_sold as year_ago_units,
        count(*) filter (where baseline_weeks.is_clean) over (
            partition by baseline_weeks.tenant_id, baseline_weeks.customer_key, baseline_weeks.product_key
            order by baseline_weeks.week_end_date
            rows between unbounded preceding and 1 preceding
        ) as clean_weeks_before
    from baseline_weeks
    left join seasonal_indices
        on baseline_weeks.tenant_id = seasonal_indices.tenant_id
        and baseline_weeks.root_customer_key = seasonal_indices.root_customer_key
        and baseline_weeks.product_group = seasonal_indices.product_group
        and baseline_weeks.season_place = seasonal_indices.season_place
    left join baseline_weeks as year_ago
        on baseline_weeks.tenant_id = year_ago.tenant_id
        and baseline_weeks.customer_key = year_ago.customer_key
        and baseline_weeks.product_key = year_ago.product_key
        and baseline_weeks.week_end_date - 364 = year_ago.week_end_date
        and year_ago.is_clean
),

-- The last eight clean weeks up to each clean one, without their season, and how they compare with a year before.
recent as (
    select
        tenant_id,
        customer_key,
        product_key,
        clean_weeks_before + 1 as clean_weeks,
        least(clean_weeks_before + 1, 8)::integer as weeks_used,
        {% for place in range(1, 9) -%}
        coalesce(lag(units_sold / season_rate, {{ place - 1 }}) over series, 'infinity') as level_{{ place }},
        {% endfor -%}
        count(year_ago_units) over last_weeks as year_ago_weeks,
        sum(units_sold) filter (where year_ago_units is not null) over last_weeks
        / nullif(sum(year_ago_units) over last_weeks, 0) as trend_rate
    from numbered
    where is_clean
    window series as (partition by tenant_id, customer_key, product_key order by week_end_date),
    last_weeks as (series rows between 7 preceding and current row)
),

{{ winsorised('recent', of_series) }},

-- Returns may outweigh sales; a shelf never sells less than nothing. Nor more than a quantity can be.
final as (
    select
        numbered.tenant_id,
        numbered.customer_key,
        numbered.product_key,
        numbered.week_end_date,
        numbered.root_customer_key,
        numbered.product_group,
        {% for own_units, units in [
            ('mean_units', 'measured.mean_units * numbered.season_rate'),
            ('median_units', 'measured.median_units * numbered.season_rate'),
            ('year_ago_units', 'case when measured.year_ago_weeks >= 4 then numbered.year_ago_units * measured.trend_rate end')
        ] -%}
        case
            when measured.weeks_used >= 4 and {{ units }} is not null then greatest(0, least({{ units }}, 1e14))
        end::numeric(19, 4) as {{ own_units }},
        {% endfor -%}
        case
            when measured.weeks_used >= 4 and measured.spread_units * numbered.season_rate < 1e14
                then measured.spread_units * numbered.season_rate
        end::numeric(19, 4) as spread_units,
        coalesce(measured.weeks_used, 0)::integer as weeks_used
    from numbered
    left join measured
        on numbered.tenant_id = measured.tenant_id
        and numbered.customer_key = measured.customer_key
        and numbered.product_key = measured.product_key
        and numbered.clean_weeks_before = measured.clean_weeks
)

select * from final
