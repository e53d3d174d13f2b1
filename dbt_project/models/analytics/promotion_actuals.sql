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

pos_facts as (
    select * from {{ source('intelligence', 'pos_facts') }}
),

-- A promotion shows at the shelf in its scan window; where none is stated, in its ship window.
windowed as (
    select
        promotions.tenant_id,
        promotions.promotion_key,
        promotion_products.product_key,
        coalesce(promotions.scan_start, promotions.sellin_start) as scan_start,
        coalesce(promotions.scan_end, promotions.sellin_end) as scan_end,
        coalesce(promotions.planned_amount, 0) as planned_amount,
        customers.lft,
        customers.rgt
    from promotions
    inner join promotion_products
        on promotions.tenant_id = promotion_products.tenant_id
        and promotions.promotion_key = promotion_products.promotion_key
    inner join customers
        on promotions.tenant_id = customers.tenant_id
        and promotions.customer_key = customers.customer_key
),

matched as (
    select
        pos_facts.tenant_id,
        windowed.promotion_key,
        pos_facts.sale_date,
        pos_facts.customer_key,
        pos_facts.product_key,
        pos_facts.units_sold,
        pos_facts.sales_value,
        pos_facts.currency,
        windowed.planned_amount,
        sum(windowed.planned_amount) over sold_row as planned_total,
        count(*) over sold_row as promotion_count,
        row_number() over (
            partition by pos_facts.tenant_id, pos_facts.product_key, pos_facts.sale_date, pos_facts.customer_key
            order by windowed.promotion_key
        ) as place
    from windowed
    inner join pos_facts
        on windowed.tenant_id = pos_facts.tenant_id
        and windowed.product_key = pos_facts.product_key
        and pos_facts.sale_date between windowed.scan_start and windowed.scan_end
    inner join customers as store
        on pos_facts.tenant_id = store.tenant_id
        and pos_facts.customer_key = store.customer_key
        and store.lft between windowed.lft and windowed.rgt
    window sold_row as (
        partition by pos_facts.tenant_id, pos_facts.product_key, pos_facts.sale_date, pos_facts.customer_key
    )
),

-- Promotions on the same row of sell-out share it by planned spend, equally where nothing is planned.
shared as (
    select
        *,
        case when planned_total > 0 then planned_amount / planned_total else 1.0 / promotion_count end as share_rate
    from matched
),

-- The running share is rounded and differences are taken: the parts sum to the row exactly, to the fourth place.
running as (
    select
        *,
        case when place = promotion_count then 1 else least(1, sum(share_rate) over shares_so_far) end as share_through,
        case when place = 1 then 0 else least(1, sum(share_rate) over shares_so_far - share_rate) end as share_before
    from shared
    window shares_so_far as (
        partition by tenant_id, product_key, sale_date, customer_key order by place
    )
),

final as (
    select
        tenant_id,
        promotion_key,
        sale_date,
        customer_key,
        product_key,
        currency,
        (round(units_sold * share_through, 4) - round(units_sold * share_before, 4))::numeric(19, 4) as units_sold,
        (round(sales_value * share_through, 4) - round(sales_value * share_before, 4))::numeric(19, 4) as sales_value,
        share_rate::numeric(18, 9) as share_rate,
        promotion_count::integer as overlapping_promotions
    from running
)

select * from final
