with promotions as (
    select * from {{ ref('promotions') }} where status not in ('Closed', 'Settled', 'Cancelled')
),

promotion_products as (
    select * from {{ ref('promotion_products') }}
),

customers as (
    select * from {{ ref('customers') }}
),

products as (
    select * from {{ ref('products') }}
),

forward_buy_alerts as (
    select * from {{ ref('forward_buy_alerts') }}
),

planned as (
    select distinct
        promotions.tenant_id,
        promotions.promotion_key,
        promotions.name,
        promotions.status,
        coalesce(promotions.sellin_start, promotions.scan_start) as start_date,
        customers.root_customer_key as customer_key,
        coalesce(products.category, 'Uncategorised') as product_group
    from promotions
    inner join promotion_products
        on promotions.tenant_id = promotion_products.tenant_id
        and promotions.promotion_key = promotion_products.promotion_key
    inner join customers
        on promotions.tenant_id = customers.tenant_id
        and promotions.customer_key = customers.customer_key
    inner join products
        on promotion_products.tenant_id = products.tenant_id
        and promotion_products.product_key = products.product_key
),

final as (
    select
        planned.tenant_id,
        planned.promotion_key,
        planned.product_group,
        forward_buy_alerts.month_start_date as alert_month_start_date,
        planned.name as promotion_name,
        planned.status,
        planned.customer_key,
        planned.start_date,
        forward_buy_alerts.planning_blocked_until,
        forward_buy_alerts.planning_blocked_until + 1 as earliest_start_date,
        forward_buy_alerts.alert_text as warning_text
    from planned
    inner join forward_buy_alerts
        on planned.tenant_id = forward_buy_alerts.tenant_id
        and planned.customer_key = forward_buy_alerts.customer_key
        and planned.product_group = forward_buy_alerts.product_group
        and planned.start_date >= forward_buy_alerts.month_start_date + interval '1 month'
        and planned.start_date <= forward_buy_alerts.planning_blocked_until
)

select * from final
