-- The bridge gives away a row of sell-out exactly once: parts sum to the row, in units and in value.
with bridged as (
    select tenant_id, product_key, sale_date, customer_key, sum(units_sold) as units_sold, sum(sales_value) as sales_value
    from {{ ref('promotion_actuals') }}
    group by tenant_id, product_key, sale_date, customer_key
)

select bridged.*, pos_facts.units_sold as sold_units, pos_facts.sales_value as sold_value
from bridged
left join {{ source('intelligence', 'pos_facts') }} as pos_facts
    on bridged.tenant_id = pos_facts.tenant_id
    and bridged.product_key = pos_facts.product_key
    and bridged.sale_date = pos_facts.sale_date
    and bridged.customer_key = pos_facts.customer_key
where
    bridged.units_sold is distinct from pos_facts.units_sold
    or bridged.sales_value is distinct from pos_facts.sales_value
