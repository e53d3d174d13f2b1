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
    select tenant_id, customer_key, product_key, invoice_date as moved_on, units_shipped, 0 as units_sold, null::date as sold_on
    from shipment_facts
    union all
    select tenant_id, customer_key, product_key, sale_date, 0, units_sold, sale_date
    from pos_facts
),

daily as (
    select
        movements.tenant_id,
        customers.root_customer_key as customer_key,
        coalesce(products.category, 'Uncategorised') as product_group,
        movements.moved_on,
        date_trunc('month', movements.moved_on::timestamp)::date as month_start_date,
        movements.sold_on,
        sum(coalesce(movements.units_shipped, 0)) as shipped_units,
        sum(movements.units_sold) as sold_units
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
        movements.moved_on,
        movements.sold_on
),

monthly as (
    select
        tenant_id,
        customer_key,
        product_group,
        month_start_date,
        min(case when count(sold_on) > 0 then month_start_date end) over (
            partition by tenant_id, customer_key, product_group
        ) as first_sold_month,
        extract(day from month_start_date + interval '1 month' - interval '1 day')::integer as days_in_month,
        sum(shipped_units) as shipped_units,
        sum(sold_units) as sold_units
    from daily
    group by tenant_id, customer_key, product_group, month_start_date
),

-- The months a retailer reported at all, and whether its report covers them: it may lag behind our invoices.
reported as (
    select
        tenant_id,
        customer_key,
        month_start_date,
        max(count(distinct sold_on)) over (partition by tenant_id, customer_key) <= 2 as is_monthly_feed,
        min(sold_on) as first_sold_on,
        max(sold_on) as last_sold_on,
        min(month_start_date) over (partition by tenant_id, customer_key) as first_month
    from daily
    where sold_on is not null
    group by tenant_id, customer_key, month_start_date
),

-- A month nobody reported is unknown, not without sales: it is left out.
final as (
    select
        monthly.tenant_id,
        monthly.customer_key,
        monthly.product_group,
        monthly.month_start_date,
        monthly.days_in_month,
        monthly.shipped_units::numeric(19, 4) as shipped_units,
        monthly.sold_units::numeric(19, 4) as sold_units,
        (
            reported.is_monthly_feed or (
                reported.last_sold_on >= reported.month_start_date + monthly.days_in_month - 7
                and (
                    reported.month_start_date > reported.first_month
                    or reported.first_sold_on <= reported.month_start_date + 6
                )
            )
        ) as is_whole_month
    from monthly
    inner join reported
        on monthly.tenant_id = reported.tenant_id
        and monthly.customer_key = reported.customer_key
        and monthly.month_start_date = reported.month_start_date
    where monthly.month_start_date >= monthly.first_sold_month
)

select * from final
