-- Not materialized where a table is read twice: the planner then knows its size and its indexes.
with promotions as (
    select * from {{ ref('promotions') }}
    where status in ('Approved', 'Live', 'Closed', 'Settled') and window_start is not null and window_end is not null
),

promotion_products as (
    select * from {{ ref('promotion_products') }}
),

customers as not materialized (
    select * from {{ ref('customers') }}
),

products as (
    select * from {{ ref('products') }}
),

pos_facts as not materialized (
    select * from {{ source('intelligence', 'pos_facts') }}
),

shipment_facts as not materialized (
    select * from {{ ref('shipment_facts') }}
),

forward_buy_alerts as (
    select * from {{ ref('forward_buy_alerts') }}
),

rated as (
    select
        promotions.tenant_id,
        promotions.promotion_key,
        promotions.currency,
        promotions.window_start,
        promotions.window_end,
        promotion_products.product_key,
        coalesce(products.category, 'Uncategorised') as product_group,
        coalesce(promotion_products.discount_per_unit, promotions.funding_rate) as rate,
        customers.lft,
        customers.rgt,
        customers.root_customer_key
    from promotions
    inner join promotion_products
        on promotions.tenant_id = promotion_products.tenant_id
        and promotions.promotion_key = promotion_products.promotion_key
    inner join customers
        on promotions.tenant_id = customers.tenant_id
        and promotions.customer_key = customers.customer_key
    left join products
        on promotion_products.tenant_id = products.tenant_id
        and promotion_products.product_key = products.product_key
),

performed as (
    select rated.*, 'scanned' as source, pos_facts.sale_date as performed_on, pos_facts.units_sold as units
    from rated
    inner join pos_facts
        on rated.tenant_id = pos_facts.tenant_id
        and rated.product_key = pos_facts.product_key
        and pos_facts.sale_date between rated.window_start and rated.window_end
    inner join customers as store
        on pos_facts.tenant_id = store.tenant_id
        and pos_facts.customer_key = store.customer_key
        and store.lft between rated.lft and rated.rgt
    union all
    select rated.*, 'shipped', shipment_facts.invoice_date, shipment_facts.units_shipped
    from rated
    inner join shipment_facts
        on rated.tenant_id = shipment_facts.tenant_id
        and rated.product_key = shipment_facts.product_key
        and shipment_facts.invoice_date between rated.window_start and rated.window_end
    inner join customers as node
        on shipment_facts.tenant_id = node.tenant_id
        and shipment_facts.customer_key = node.customer_key
        and node.lft between rated.lft and rated.rgt
),

daily as (
    select
        tenant_id,
        promotion_key,
        source,
        performed_on,
        product_group,
        root_customer_key,
        currency,
        (performed_on - window_start) / 7 as week_number,
        sum(units)::numeric(38, 4) as units,
        sum(units * rate)::numeric(38, 13) as amount,
        bool_and(units is not null and rate is not null) as is_rated
    from performed
    group by
        tenant_id, promotion_key, source, performed_on, product_group, root_customer_key, currency, window_start
),

-- Scenario D: shipments of the two months after an alert, by the latest alert.
final as (
    select daily.*, coalesce(alert.accrual_factor, 1)::numeric(9, 6) as accrual_factor
    from daily
    left join lateral (
        select forward_buy_alerts.accrual_factor
        from forward_buy_alerts
        where
            daily.source = 'shipped'
            and forward_buy_alerts.tenant_id = daily.tenant_id
            and forward_buy_alerts.customer_key = daily.root_customer_key
            and forward_buy_alerts.product_group = daily.product_group
            and forward_buy_alerts.month_start_date < date_trunc('month', daily.performed_on::timestamp)
            and forward_buy_alerts.month_start_date >= date_trunc('month', daily.performed_on::timestamp) - interval '2 months'
        order by forward_buy_alerts.month_start_date desc
        limit 1
    ) as alert on true
)

select * from final
