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

shipment_costs as (
    select * from {{ ref('shipment_costs') }}
),

matched as (
    select
        shipment_costs.*,
        promotions.promotion_key,
        coalesce(promotions.planned_amount, 0) as planned_amount,
        sum(coalesce(promotions.planned_amount, 0)) over line as planned_total,
        count(*) over line as promotion_count,
        row_number() over (
            partition by shipment_costs.tenant_id, shipment_costs.invoice_key, shipment_costs.line_number
            order by promotions.promotion_key
        ) as place
    from promotions
    inner join promotion_products
        on promotions.tenant_id = promotion_products.tenant_id
        and promotions.promotion_key = promotion_products.promotion_key
    inner join customers
        on promotions.tenant_id = customers.tenant_id
        and promotions.customer_key = customers.customer_key
    inner join shipment_costs
        on promotion_products.tenant_id = shipment_costs.tenant_id
        and promotion_products.product_key = shipment_costs.product_key
        and shipment_costs.invoice_date between coalesce(promotions.sellin_start, promotions.window_start)
        and coalesce(promotions.sellin_end, promotions.window_end)
    inner join customers as node
        on shipment_costs.tenant_id = node.tenant_id
        and shipment_costs.customer_key = node.customer_key
        and node.lft between customers.lft and customers.rgt
    window line as (
        partition by shipment_costs.tenant_id, shipment_costs.invoice_key, shipment_costs.line_number
    )
),

-- Promotions on the same invoice line share it by planned spend, as the bridge shares sell-out.
shared as (
    select
        *,
        case when planned_total > 0 then planned_amount / planned_total else 1.0 / promotion_count end as share_rate
    from matched
),

running as (
    select
        *,
        case when place = promotion_count then 1 else least(1, sum(share_rate) over shares_so_far) end as share_through,
        case when place = 1 then 0 else least(1, sum(share_rate) over shares_so_far - share_rate) end as share_before
    from shared
    window shares_so_far as (partition by tenant_id, invoice_key, line_number order by place)
),

final as (
    select
        tenant_id,
        promotion_key,
        invoice_key,
        line_number,
        invoice_date,
        product_key,
        currency,
        {{ shared_part('units_shipped') }} as units_shipped,
        {{ shared_part('gross_amount') }} as gross_amount,
        {{ shared_part('off_invoice_amount') }} as off_invoice_amount,
        {{ shared_part('net_revenue') }} as net_revenue,
        {{ shared_part('cogs_amount') }} as cogs_amount,
        {{ shared_part('landed_cost_amount') }} as landed_cost_amount,
        share_rate::numeric(18, 9) as share_rate,
        promotion_count::integer as overlapping_promotions
    from running
)

select * from final
