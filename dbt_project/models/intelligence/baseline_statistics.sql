with baseline_estimates as (
    select * from {{ ref('baseline_estimates') }}
),

-- Where a product has too few clean weeks of its own, its category at the customer stands in, else at the retailer.
with_category as (
    select
        *,
        avg(mean_units) over at_customer as customer_mean_units,
        avg(mean_units) over at_retailer as retailer_mean_units,
        avg(median_units) over at_customer as customer_median_units,
        avg(median_units) over at_retailer as retailer_median_units
    from baseline_estimates
    window at_customer as (partition by tenant_id, root_customer_key, product_group, week_end_date, customer_key),
    at_retailer as (partition by tenant_id, root_customer_key, product_group, week_end_date)
),

final as (
    select
        with_category.tenant_id,
        with_category.customer_key,
        with_category.product_key,
        with_category.week_end_date,
        estimate.method,
        '2'::text as method_version,
        coalesce(estimate.own_units, estimate.customer_units, estimate.retailer_units)::numeric(19, 4) as baseline_stat_units,
        estimate.spread_units,
        with_category.weeks_used,
        case
            when estimate.own_units is not null then 'own_weeks'
            when estimate.customer_units is not null then 'category_at_customer'
            else 'category_at_retailer'
        end as basis
    from with_category
    cross join lateral (
        values
        ('mean_of_8_clean_weeks', mean_units, customer_mean_units, retailer_mean_units, spread_units),
        ('median_of_8_clean_weeks', median_units, customer_median_units, retailer_median_units, spread_units),
        ('year_ago_with_trend', year_ago_units, null, null, null)
    ) as estimate (method, own_units, customer_units, retailer_units, spread_units)
    where coalesce(estimate.own_units, estimate.customer_units, estimate.retailer_units) is not null
)

select * from final
