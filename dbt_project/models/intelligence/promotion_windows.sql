with promotions as (
    select * from {{ ref('unified_promotions') }} where status in ('Approved', 'Live', 'Closed', 'Settled')
),

promotion_products as (
    select * from {{ ref('unified_promotion_products') }}
),

customers as (
    select * from {{ ref('customers') }}
),

-- A promotion shows at the shelf in its scan window; where none is stated, in its ship window.
final as (
    select
        promotions.tenant_id,
        promotions.promotion_key,
        promotion_products.product_key,
        promotions.customer_key,
        coalesce(promotions.scan_start, promotions.sellin_start) as scan_start,
        coalesce(promotions.scan_end, promotions.sellin_end) as scan_end,
        coalesce(promotions.total_planned_spend, 0)::numeric(19, 4) as planned_amount,
        customers.lft,
        customers.rgt
    from promotions
    inner join promotion_products
        on promotions.tenant_id = promotion_products.tenant_id
        and promotions.promotion_key = promotion_products.promotion_key
    inner join customers
        on promotions.tenant_id = customers.tenant_id
        and promotions.customer_key = customers.customer_key
    where coalesce(promotions.scan_start, promotions.sellin_start) <= coalesce(promotions.scan_end, promotions.sellin_end)
)

select * from final
