with promotions as (
    select * from {{ ref('promotions') }} where status in ('Approved', 'Live', 'Closed', 'Settled')
),

promotion_products as (
    select * from {{ ref('promotion_products') }}
),

promotion_shipment_lines as (
    select * from {{ ref('promotion_shipment_lines') }}
),

price_lists as (
    select * from {{ ref('price_lists') }}
),

product_costs as (
    select * from {{ ref('product_costs') }}
),

products as (
    select * from {{ ref('products') }}
),

customers as (
    select * from {{ ref('customers') }}
),

promoted as (
    select
        promotions.tenant_id,
        promotions.promotion_key,
        promotion_products.product_key,
        promotions.currency,
        promotions.customer_key,
        customers.root_customer_key,
        coalesce(promotions.scan_start, promotions.sellin_start) as start_date
    from promotions
    inner join promotion_products
        on promotions.tenant_id = promotion_products.tenant_id
        and promotions.promotion_key = promotion_products.promotion_key
    inner join customers
        on promotions.tenant_id = customers.tenant_id
        and promotions.customer_key = customers.customer_key
),

-- Before discounts: what is taken off on the invoice is spend like any other.
invoiced as (
    select tenant_id, promotion_key, product_key, currency, sum(gross_amount) / sum(units_shipped) as unit_price
    from promotion_shipment_lines
    where units_shipped is not null
    group by tenant_id, promotion_key, product_key, currency
    having sum(units_shipped) >= 1
),

-- The nearest list: the customer's own, its retailer's, everybody's; of each the one in force on the first day.
listed as (
    select distinct on (promoted.tenant_id, promoted.promotion_key, promoted.product_key)
        promoted.tenant_id,
        promoted.promotion_key,
        promoted.product_key,
        price_lists.price as unit_price
    from promoted
    inner join price_lists
        on promoted.tenant_id = price_lists.tenant_id
        and promoted.product_key = price_lists.product_key
        and promoted.currency = price_lists.currency
        and price_lists.effective_date <= promoted.start_date
        and coalesce(price_lists.customer_key, promoted.customer_key) in (promoted.customer_key, promoted.root_customer_key)
    order by
        promoted.tenant_id,
        promoted.promotion_key,
        promoted.product_key,
        (price_lists.customer_key is not distinct from promoted.customer_key) desc,
        (price_lists.customer_key is not null) desc,
        price_lists.effective_date desc
),

final as (
    select
        promoted.tenant_id,
        promoted.promotion_key,
        promoted.product_key,
        promoted.currency,
        coalesce(
            case when invoiced.unit_price < 1e14 then invoiced.unit_price end,
            listed.unit_price,
            case when products.currency = promoted.currency then products.list_price end
        )::numeric(19, 4) as unit_price,
        case
            when product_costs.currency = promoted.currency then product_costs.cogs
            when products.currency = promoted.currency then products.cogs_standard
        end::numeric(19, 4) as unit_cogs
    from promoted
    left join invoiced using (tenant_id, promotion_key, product_key, currency)
    left join listed using (tenant_id, promotion_key, product_key)
    left join product_costs
        on promoted.tenant_id = product_costs.tenant_id
        and promoted.product_key = product_costs.product_key
        and promoted.start_date >= product_costs.effective_date
        and (product_costs.valid_to_date is null or promoted.start_date <= product_costs.valid_to_date)
    left join products
        on promoted.tenant_id = products.tenant_id
        and promoted.product_key = products.product_key
)

select * from final
