with baseline_estimates as (
    select * from {{ ref('baseline_estimates') }}
),

-- Where a product has too few clean weeks of its own, its category at the customer stands in, else at the retailer.
with_category as (
    select
        *,
        avg(own_units) over (
            partition by tenant_id, customer_key, product_group, week_end_date, method
        ) as customer_units,
        avg(own_units) over (
            partition by tenant_id, root_customer_key, product_group, week_end_date, method
        ) as retailer_units
    from baseline_estimates
),

final as (
    select
        tenant_id,
        customer_key,
        product_key,
        week_end_date,
        method,
        '2'::text as method_version,
        coalesce(own_units, customer_units, retailer_units)::numeric(19, 4) as baseline_stat_units,
        spread_units,
        weeks_used,
        case
            when own_units is not null then 'own_weeks'
            when customer_units is not null then 'category_at_customer'
            else 'category_at_retailer'
        end as basis
    from with_category
    where coalesce(own_units, customer_units, retailer_units) is not null
        and (own_units is not null or method <> 'year_ago_with_trend')
)

select * from final
