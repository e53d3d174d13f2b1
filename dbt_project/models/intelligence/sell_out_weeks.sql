with pos_facts as (
    select * from {{ source('intelligence', 'pos_facts') }}
),

customers as (
    select * from {{ ref('customers') }}
),

products as (
    select * from {{ ref('products') }}
),

retail_weeks as (
    select * from {{ ref('retail_weeks') }}
),

stores as (
    select
        customers.tenant_id,
        customers.customer_key,
        customers.root_customer_key,
        customers.lft,
        retail_weeks.week_end_day,
        retail_weeks.first_covered_date,
        retail_weeks.last_covered_date
    from customers
    inner join retail_weeks
        on customers.tenant_id = retail_weeks.tenant_id
        and customers.root_customer_key = retail_weeks.customer_key
),

-- A weekly row belongs to the week it ends in; a day to the week around it.
dated as (
    select
        pos_facts.tenant_id,
        pos_facts.customer_key,
        pos_facts.product_key,
        pos_facts.sale_date
        + (stores.week_end_day - extract(isodow from pos_facts.sale_date)::integer + 7) % 7 as week_end_date,
        pos_facts.units_sold,
        pos_facts.sales_value,
        coalesce(pos_facts.is_promotion, false) as is_promotion
    from pos_facts
    inner join stores
        on pos_facts.tenant_id = stores.tenant_id
        and pos_facts.customer_key = stores.customer_key
),

weekly as (
    select
        tenant_id,
        customer_key,
        product_key,
        week_end_date,
        sum(units_sold) as units_sold,
        sum(sales_value) as sales_value,
        bool_or(is_promotion) as is_flagged
    from dated
    group by tenant_id, customer_key, product_key, week_end_date
),

final as (
    select
        weekly.tenant_id,
        weekly.customer_key,
        weekly.product_key,
        weekly.week_end_date,
        stores.root_customer_key,
        coalesce(products.category, 'Uncategorised') as product_group,
        stores.lft,
        weekly.units_sold::numeric(19, 4) as units_sold,
        case
            when weekly.units_sold >= 1 and weekly.sales_value > 0 then weekly.sales_value / weekly.units_sold
        end::numeric(19, 4) as unit_price,
        weekly.is_flagged,
        -- A week the report does not reach, or began in, is not whole.
        weekly.week_end_date - 6 >= stores.first_covered_date
        and weekly.week_end_date <= stores.last_covered_date as is_whole_week
    from weekly
    inner join stores
        on weekly.tenant_id = stores.tenant_id
        and weekly.customer_key = stores.customer_key
    left join products
        on weekly.tenant_id = products.tenant_id
        and weekly.product_key = products.product_key
)

select * from final
