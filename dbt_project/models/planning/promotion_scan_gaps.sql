-- Not materialized where a table is read twice: the planner then knows its size and its indexes.
with promotions as (
    select * from {{ ref('promotions') }}
    where status in ('Approved', 'Live', 'Closed', 'Settled') and settlement_method = 'scan_back'
),

promotion_products as (
    select * from {{ ref('promotion_products') }}
),

customers as not materialized (
    select * from {{ ref('customers') }}
),

pos_facts as not materialized (
    select * from {{ source('intelligence', 'pos_facts') }}
),

scoped as (
    select
        promotions.tenant_id,
        promotions.promotion_key,
        promotions.window_start,
        promotions.window_end,
        promotion_products.product_key,
        customers.lft,
        customers.rgt
    from promotions
    inner join promotion_products
        on promotions.tenant_id = promotion_products.tenant_id
        and promotions.promotion_key = promotion_products.promotion_key
    inner join customers
        on promotions.tenant_id = customers.tenant_id
        and promotions.customer_key = customers.customer_key
    where promotions.window_start is not null and promotions.window_end is not null
),

-- Two months to either side tell whether a store carries the product at all.
reported as (
    select
        scoped.tenant_id,
        scoped.promotion_key,
        scoped.window_start,
        scoped.window_end,
        scoped.product_key,
        pos_facts.customer_key,
        pos_facts.period,
        pos_facts.sale_date
    from scoped
    inner join pos_facts
        on scoped.tenant_id = pos_facts.tenant_id
        and scoped.product_key = pos_facts.product_key
        and pos_facts.sale_date between scoped.window_start - 56 and scoped.window_end + 56
    inner join customers as store
        on pos_facts.tenant_id = store.tenant_id
        and pos_facts.customer_key = store.customer_key
        and store.lft between scoped.lft and scoped.rgt
),

-- Where a store reports by week, a product is expected in every week, by a row of the week or of a day in it; where
-- it reports by day only, a product that did not sell has no row.
by_product as (
    select
        tenant_id,
        promotion_key,
        customer_key,
        (window_end - window_start + 1) / 7 - count(distinct (sale_date - window_start) / 7) filter (
            where
                sale_date between window_start and window_end
                and (sale_date - window_start) / 7 < (window_end - window_start + 1) / 7
        ) as missing_weeks
    from reported
    group by tenant_id, promotion_key, customer_key, product_key, window_start, window_end
    having bool_or(period = 'week') and min(sale_date) < window_start and max(sale_date) > window_end
),

missing as (
    select tenant_id, promotion_key, sum(missing_weeks) as missing_store_weeks
    from by_product
    where missing_weeks > 0
    group by tenant_id, promotion_key
),

-- Of a week that begins before the window or ends after it nobody knows which part was sold inside.
straddling as (
    select tenant_id, promotion_key, count(*) as straddling_rows
    from reported
    where
        period = 'week' and sale_date >= window_start and sale_date - 6 <= window_end
        and (sale_date - 6 < window_start or sale_date > window_end)
    group by tenant_id, promotion_key
),

final as (
    select
        promotions.tenant_id,
        promotions.promotion_key,
        coalesce(missing.missing_store_weeks, 0)::integer as missing_store_weeks,
        coalesce(straddling.straddling_rows, 0)::integer as straddling_rows
    from promotions
    left join missing
        on promotions.tenant_id = missing.tenant_id
        and promotions.promotion_key = missing.promotion_key
    left join straddling
        on promotions.tenant_id = straddling.tenant_id
        and promotions.promotion_key = straddling.promotion_key
    where missing.promotion_key is not null or straddling.promotion_key is not null
)

select * from final
