with shipment_facts as (
    select * from {{ ref('shipment_facts') }}
),

pos_facts as (
    select * from {{ source('intelligence', 'pos_facts') }}
),

customers as (
    select * from {{ ref('customers') }}
),

products as (
    select * from {{ ref('products') }}
),

-- A retailer is the root of a customer tree: goods are shipped to one of its nodes and sold at others.
movements as (
    select tenant_id, customer_key, product_key, invoice_date as moved_on, units_shipped, 0 as units_sold, 0 as pos_rows
    from shipment_facts
    union all
    select tenant_id, customer_key, product_key, sale_date, 0, units_sold, 1
    from pos_facts
),

monthly as (
    select
        movements.tenant_id,
        customers.root_customer_key as customer_key,
        coalesce(products.category, 'Uncategorised') as product_group,
        date_trunc('month', movements.moved_on::timestamp)::date as month_start_date,
        sum(coalesce(movements.units_shipped, 0)) as shipped_units,
        sum(movements.units_sold) as sold_units,
        sum(movements.pos_rows) as pos_rows
    from movements
    inner join customers
        on movements.tenant_id = customers.tenant_id
        and movements.customer_key = customers.customer_key
    inner join products
        on movements.tenant_id = products.tenant_id
        and movements.product_key = products.product_key
    group by
        movements.tenant_id,
        customers.root_customer_key,
        coalesce(products.category, 'Uncategorised'),
        date_trunc('month', movements.moved_on::timestamp)
),

-- Without any sell-out there is no days of supply to speak of.
final as (
    select
        tenant_id,
        customer_key,
        product_group,
        month_start_date,
        extract(day from month_start_date + interval '1 month' - interval '1 day')::integer as days_in_month,
        shipped_units::numeric(19, 4) as shipped_units,
        sold_units::numeric(19, 4) as sold_units
    from (
        select *, sum(pos_rows) over (partition by tenant_id, customer_key, product_group) as all_pos_rows
        from monthly
    ) as with_sellout
    where all_pos_rows > 0
)

select * from final
