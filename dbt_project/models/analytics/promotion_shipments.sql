-- Not materialized where a table is read twice: the planner then knows its size and its indexes.
with promotions as (
    select * from {{ ref('promotions') }} where status in ('Approved', 'Live', 'Closed', 'Settled')
),

promotion_products as (
    select * from {{ ref('promotion_products') }}
),

customers as not materialized (
    select * from {{ ref('customers') }}
),

shipment_facts as (
    select * from {{ ref('shipment_facts') }}
),

product_costs as (
    select * from {{ ref('product_costs') }}
),

products as (
    select * from {{ ref('products') }}
),

-- The cost of an invoice line is the cost in force on its date, else the product's standard cost.
unit_costs as (
    select
        shipment_facts.*,
        case
            when product_costs.currency = shipment_facts.currency then product_costs.cogs
            when products.currency = shipment_facts.currency then products.cogs_standard
        end as unit_cost
    from shipment_facts
    left join product_costs
        on shipment_facts.tenant_id = product_costs.tenant_id
        and shipment_facts.product_key = product_costs.product_key
        and shipment_facts.invoice_date >= product_costs.effective_date
        and (product_costs.valid_to_date is null or shipment_facts.invoice_date <= product_costs.valid_to_date)
    left join products
        on shipment_facts.tenant_id = products.tenant_id
        and shipment_facts.product_key = products.product_key
),

-- A cost no invoice line can have is an unknown cost.
costed as (
    select *, case when abs(units_shipped * unit_cost) < 1e14 then units_shipped * unit_cost end as cogs_amount
    from unit_costs
),

final as (
    select
        promotions.tenant_id,
        promotions.promotion_key,
        costed.currency,
        sum(costed.units_shipped)::numeric(19, 4) as units_shipped,
        sum(costed.gross_amount)::numeric(19, 4) as gross_amount,
        sum(costed.off_invoice_amount)::numeric(19, 4) as off_invoice_amount,
        sum(costed.net_revenue)::numeric(19, 4) as net_revenue,
        sum(costed.cogs_amount)::numeric(19, 4) as cogs_amount,
        count(*)::integer as line_count,
        (count(*) filter (where costed.cogs_amount is null))::integer as uncosted_line_count
    from promotions
    inner join promotion_products
        on promotions.tenant_id = promotion_products.tenant_id
        and promotions.promotion_key = promotion_products.promotion_key
    inner join customers
        on promotions.tenant_id = customers.tenant_id
        and promotions.customer_key = customers.customer_key
    inner join costed
        on promotion_products.tenant_id = costed.tenant_id
        and promotion_products.product_key = costed.product_key
        and costed.invoice_date between coalesce(promotions.sellin_start, promotions.window_start)
        and coalesce(promotions.sellin_end, promotions.window_end)
    inner join customers as node
        on costed.tenant_id = node.tenant_id
        and costed.customer_key = node.customer_key
        and node.lft between customers.lft and customers.rgt
    group by promotions.tenant_id, promotions.promotion_key, costed.currency
)

select * from final
